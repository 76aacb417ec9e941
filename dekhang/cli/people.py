"""`dekhang people import|export`: the roster from and into a workbook, with the same preview as the page."""

import argparse
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from dekhang.cli.django import add_data_option, setup_existing

FAULTS_SHOWN = 50


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("people", help="danh sách cán bộ: nạp từ bảng tính, xuất ra bảng tính")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    bring = actions.add_parser(
        "import", help="đọc tệp, cho xem sẽ đổi gì; --yes: nạp luôn. Mã thoát 1: có lỗi, chưa nạp gì"
    )
    add_data_option(bring)
    bring.add_argument("file", type=Path, metavar="TỆP", help="bảng tính .xlsx hoặc .csv (UTF-8)")
    bring.add_argument("--by", required=True, metavar="TÀI_KHOẢN", help="tên đăng nhập của người nạp")
    bring.add_argument("--unit", metavar="KHÓA", help="chỉ danh sách của đơn vị này; bỏ trống: của cả tỉnh")
    bring.add_argument("--complete", action="store_true", help="ai không có trong tệp là đã rời đơn vị")
    bring.add_argument("--day", type=date.fromisoformat, metavar="NGÀY", help="hiệu lực từ ngày (mặc định hôm nay)")
    bring.add_argument("--yes", action="store_true", help="nạp, không chỉ xem trước")
    bring.set_defaults(run=run_import)
    out = actions.add_parser("export", help="xuất danh sách đang có ra .xlsx, nạp lại được")
    add_data_option(out)
    out.add_argument("file", type=Path, metavar="TỆP")
    out.add_argument("--by", required=True, metavar="TÀI_KHOẢN")
    out.set_defaults(run=run_export)


def _account(name: str) -> Any:
    from dekhang.apps.core.models import User

    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        print(f"Không có tài khoản đang mở tên {name}.", file=sys.stderr)
    return user


def run_import(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from django.core.files import File

    from dekhang.apps.core import clock
    from dekhang.apps.core.errors import ActionDenied
    from dekhang.apps.registry.enums import ImportState
    from dekhang.apps.registry.models import Unit
    from dekhang.apps.registry.people import jobs, services

    by = _account(args.by)
    unit = Unit.objects.filter(key=args.unit).first() if args.unit else None
    if by is None or (args.unit and unit is None):
        if by is not None:
            print(f"Không có đơn vị khóa {args.unit}.", file=sys.stderr)
        return 2
    try:
        with args.file.open("rb") as file:
            one = services.begin_import(
                unit_id=unit.pk if unit is not None else None,
                file=File(file, name=args.file.name),
                is_complete=args.complete,
                day=args.day or clock.today(),
                by=by,
            )
    except OSError as error:
        print(f"Không mở được {args.file}: {error.strerror}.", file=sys.stderr)
        return 2
    except ActionDenied as denied:
        print(str(denied), file=sys.stderr)
        return 2
    began = time.monotonic()
    jobs.read_now(one, _tell)
    _wait_while(one, ImportState.WAITING, ImportState.READING)  # the jobs process may have been faster
    _told_enough()
    if one.state != ImportState.READY:
        print(one.problem)
        for fault in one.faults[:FAULTS_SHOWN]:
            print(f"  {fault}")
        return 1
    print(
        f"{one.rows} người: mới {one.joins}, chuyển {one.moves}, sửa {one.corrections}, rời {one.leaves},"
        f" không đổi {one.unchanged}. Đọc và so trong {time.monotonic() - began:.1f} giây."
    )
    if not args.yes:
        print(f"Chưa nạp gì. Xác nhận ở trang Danh sách cán bộ, tệp số {one.pk}; hoặc chạy lại với --yes.")
        return 0
    services.confirm(one=one, by=by)
    jobs.apply_now(one)
    _wait_while(one, ImportState.APPLYING)
    if one.state != ImportState.APPLIED:
        print(one.problem)
        return 1
    print(f"Đã nạp. Hoàn tác được ở trang Danh sách cán bộ, tệp số {one.pk}.")
    return 0


def _wait_while(one: Any, *states: str) -> None:
    one.refresh_from_db()
    while one.state in states:
        time.sleep(0.5)
        one.refresh_from_db()


def _tell(number: int) -> None:
    if sys.stderr.isatty():
        print(f"\rđã đọc {number} dòng…", end="", file=sys.stderr, flush=True)


def _told_enough() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def run_export(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from dekhang.apps.registry.people import exports, selectors, services

    by = _account(args.by)
    if by is None:
        return 2
    content = exports.xlsx(selectors.employments_of(by))
    try:
        args.file.write_bytes(content)
    except OSError as error:
        print(f"Không ghi được {args.file}: {error.strerror}.", file=sys.stderr)
        return 2
    rows = services.note_export(by=by)
    print(f"Đã ghi {rows} người vào {args.file}.")
    return 0
