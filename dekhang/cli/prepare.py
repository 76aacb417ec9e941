"""What must be there before the parts start: tables, fonts, the province's units, the first account."""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path

from dekhang.cli.django import setup


class PrepareError(Exception):
    """Cannot start; the message is the sentence to show."""


def prepare(data: Path, *, demo: bool, say: Callable[[str], None]) -> list[str]:
    """Make the data folder ready and return the lines about accounts to print when everything runs."""
    (data / "assets").mkdir(parents=True, exist_ok=True)
    if not setup(data):
        raise PrepareError("Sửa cấu hình rồi chạy lại.")
    from django.core.management import call_command

    from dekhang.apps.core.fonts import write_fonts
    from dekhang.apps.core.models import User
    from dekhang.apps.registry.models import Unit
    from dekhang.apps.registry.services import load_places
    from dekhang.apps.sources.services import publish

    write_fonts(data / "assets")
    call_command("migrate", verbosity=0, interactive=False)
    if not Unit.objects.exists():
        say("  · nạp danh sách đơn vị của tỉnh (2019 → nay)")
        load_places()
    lines: list[str] = []
    if demo:
        from dekhang.demo.province import account_lines, load_province

        if not User.objects.exists():
            say("  · nạp tỉnh mẫu: tài khoản theo chức danh, nguồn log, quy trình")
            load_province(data)
        lines = account_lines()
    elif not User.objects.exists():
        lines = [first_administrator()]
    publish()
    return lines


def first_administrator() -> str:
    """Create the first account from the environment or by asking on the terminal."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from dekhang.apps.core.enums import Role
    from dekhang.apps.core.services import create_account
    from dekhang.config.env import SettingError, env_str

    try:
        username = env_str("DK_ADMIN_USERNAME", "", about="first administrator's account, asked for when empty")
        password = env_str("DK_ADMIN_PASSWORD", "", about="first administrator's password (12 characters or more)")
    except SettingError as error:
        raise PrepareError(f"Cấu hình chưa đúng: {error}") from None
    if not (username and password):
        if not sys.stdin.isatty():
            raise PrepareError(
                "Lần chạy đầu cần tài khoản quản trị: đặt DK_ADMIN_USERNAME và DK_ADMIN_PASSWORD (hoặc "
                "DK_ADMIN_PASSWORD_FILE), hoặc chạy trên một cửa sổ lệnh để được hỏi."
            )
        username = input("Tên đăng nhập của quản trị hệ thống: ").strip()
        password = getpass.getpass("Mật khẩu (từ 12 ký tự): ")
    if not username:
        raise PrepareError("Tên đăng nhập không được để trống.")
    try:
        validate_password(password)
    except ValidationError as error:
        raise PrepareError("Mật khẩu chưa đạt: " + " ".join(error.messages)) from None
    create_account(
        username=username, full_name="Quản trị hệ thống", role=Role.ADMINISTRATOR, password=password, by=None
    )
    os.environ.pop("DK_ADMIN_PASSWORD", None)  # the parts have no use for it
    return f"Tài khoản quản trị: {username}"
