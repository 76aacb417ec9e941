"""What must be there before the pages: tables, fonts, the province's units, the first account.

Runs as a part of its own (`dekhang part prepare`), so that the supervisor stays small and the pipeline's parts can
start meanwhile. It speaks with the person on the terminal, and with the supervisor by reports.
"""

import getpass
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dekhang.cli.django import setup
from dekhang.cli.following import end_with_parent
from dekhang.cli.roles import WITH_PAGES
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database, documents


class PrepareError(Exception):
    """Cannot start; the message is the sentence to show."""


Report = Callable[[dict[str, Any]], None]


def run(data: Path, *, roles: frozenset[str], demo: bool, report: Report) -> int:
    """Make the data folder ready. Exit code 2 after a sentence that says why not."""
    try:
        prepare(data, roles=roles, demo=demo, say=lambda text: print(text, flush=True), report=report)
    except PrepareError as error:
        print(str(error), file=sys.stderr)
        return 2
    except database.Error as error:
        print(f"Chưa chuẩn bị được: {error}. Kiểm tra PostgreSQL rồi chạy lại.", file=sys.stderr)
        return 2
    return 0


def prepare(data: Path, *, roles: frozenset[str], demo: bool, say: Callable[[str], None], report: Report) -> None:
    """Reports `rules` (folders) once the receivers and the worker may start, `accounts` (lines to print) at the end."""
    for folder in ("assets", "static"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    if roles & WITH_PAGES:
        share_key(data)
    if not setup(data):
        raise PrepareError("Sửa cấu hình rồi chạy lại.")
    from django.conf import settings

    rules = {"rules": [str(folder) for folder in settings.RULE_FOLDERS]}
    if not roles & WITH_PAGES:
        report(rules)
        report({"accounts": []})
        return
    with database.alone(data, "prepare", on_wait=lambda: say("  · đợi máy khác chuẩn bị xong")):
        prepare_records(data, roles=roles, demo=demo, say=say, report=report, rules=rules)


def share_key(data: Path) -> None:
    """Hosts with pages sign sessions with one key, whichever of them made it."""
    if not Place.of(data).database:
        return
    path = data / "secret.key"
    own = path.read_bytes() if path.exists() else secrets.token_urlsafe(48).encode()
    kept = documents.keep_first(data, path.name, own)
    if not path.exists() or kept != path.read_bytes():
        documents.write(path, kept, mode=0o600)


def prepare_records(
    data: Path,
    *,
    roles: frozenset[str],
    demo: bool,
    say: Callable[[str], None],
    report: Report,
    rules: dict[str, list[str]],
) -> None:
    """Tables, units, the first account: of the whole installation, so one host at a time."""
    from django.core.management import call_command

    from dekhang.apps.core import clock
    from dekhang.apps.core.models import User
    from dekhang.apps.registry.models import Unit
    from dekhang.apps.registry.services import load_places
    from dekhang.apps.sources.services import publish

    # a first start that may still ask a question or refuse opens no port before the answer
    with database.reading(data) as before:
        asks_nothing = demo or before is not None
    if asks_nothing:
        report(rules)
    fonts = start_fonts(data / "assets") if "web" in roles else None
    call_command("migrate", verbosity=0, interactive=False)
    if not Unit.objects.exists():
        say("  · nạp danh sách đơn vị của tỉnh")
        # the demo lives in 2019: what came later is there as the worked example of planning it
        load_places(until=clock.today() if demo else None)
    lines: list[str] = []
    if demo:
        from dekhang.demo.province import account_lines, load_province

        if not User.objects.exists():
            say("  · nạp tỉnh mẫu: tài khoản theo chức danh, nguồn log, quy trình")
            load_province(data)
        lines = account_lines()
    elif not User.objects.exists():
        if "web" in roles:
            lines = [first_administrator()]
        else:
            say("  · chưa có tài khoản nào; tài khoản quản trị được tạo khi máy có vai trò web chạy lần đầu")
    if not asks_nothing:
        report(rules)
    if fonts is not None and fonts.wait() != 0:
        raise PrepareError("Không ghi được bộ chữ của trang web. Xem lỗi ở trên.")
    publish()
    report({"accounts": lines})


def start_fonts(assets: Path) -> subprocess.Popen[bytes] | None:
    """Cut the typeface in a process beside us: two seconds of one core that the tables need not wait for."""
    from dekhang.apps.core.fonts import are_written

    if are_written(assets):
        return None

    def quietly() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for us; it ends with us
        end_with_parent()

    return subprocess.Popen([sys.executable, "-m", "dekhang.apps.core.fonts", str(assets)], preexec_fn=quietly)


def administrator_settings() -> tuple[str, str]:
    """Name and password of the first administrator from the environment; "" what is not given."""
    from dekhang.config.env import env_str

    return (
        env_str("DK_ADMIN_USERNAME", "", about="first administrator's account, asked for when empty"),
        env_str("DK_ADMIN_PASSWORD", "", about="first administrator's password (12 characters or more)"),
    )


def first_administrator() -> str:
    """Create the first account from the environment or by asking on the terminal."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from dekhang.apps.core.enums import Role
    from dekhang.apps.core.models import User
    from dekhang.apps.core.services import create_account
    from dekhang.config.env import SettingError

    try:
        username, password = administrator_settings()
    except SettingError as error:
        raise PrepareError(f"Cấu hình chưa đúng: {error}") from None
    if not (username and password):
        if not sys.stdin.isatty():
            raise PrepareError(
                "Lần chạy đầu cần tài khoản quản trị: đặt DK_ADMIN_USERNAME và DK_ADMIN_PASSWORD (hoặc "
                "DK_ADMIN_PASSWORD_FILE), hoặc chạy trên một cửa sổ lệnh để được hỏi."
            )
        try:
            username = username or input("Tên đăng nhập của quản trị hệ thống: ").strip()
            password = getpass.getpass("Mật khẩu (từ 12 ký tự): ")
        except EOFError:
            raise PrepareError("Chưa có tài khoản quản trị nên chưa chạy được.") from None
    if not username or len(username) > 100:
        raise PrepareError("Tên đăng nhập cần từ 1 đến 100 ký tự.")
    user = User(username=username, full_name="Quản trị hệ thống", role=Role.ADMINISTRATOR)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PrepareError("Mật khẩu chưa đạt: " + " ".join(error.messages)) from None
    create_account(
        username=user.username, full_name=user.full_name, role=Role.ADMINISTRATOR, password=password, by=None
    )
    return f"Tài khoản quản trị: {username}"


def report_to(descriptor: int | None) -> Report:
    """Reports as JSON lines to a file descriptor that the supervisor opened; to nobody without one."""
    if descriptor is None:
        return lambda facts: None
    import orjson

    os.set_inheritable(descriptor, False)

    def report(facts: dict[str, Any]) -> None:
        os.write(descriptor, orjson.dumps(facts) + b"\n")

    return report
