"""`dekhang canary …`: a harmless attack trace that must arrive, be detected and be acknowledged."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from dekhang.cli import place
from dekhang.cli.django import add_data_option, setup_existing


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("canary", help="gửi dấu vết tấn công vô hại để thử khả năng ghi nhận")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    listing = actions.add_parser("list", help="các nguồn log và lần thử gần nhất")
    add_data_option(listing)
    listing.set_defaults(run=run_list)
    send = actions.add_parser("send", help="bắt đầu một lần thử và gửi dấu vết qua cổng nhận log")
    add_data_option(send)
    send.add_argument("--source", type=int, required=True, metavar="SỐ", help="số của nguồn log (xem: canary list)")
    send.add_argument("--token", help="mã của nguồn; tỉnh mẫu tự biết mã của nguồn mẫu")
    send.add_argument("--nonce", help="dấu của lần thử đã bắt đầu trên trang web; bỏ trống: bắt đầu lần thử mới")
    send.add_argument("--wait", type=float, default=15, metavar="GIÂY", help="chờ kết quả phát hiện (mặc định 15)")
    send.set_defaults(run=run_send)


def run_list(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from django.utils.timezone import localtime

    from dekhang.apps.registry.selectors import unit_names
    from dekhang.apps.sources.models import LogSource

    sources = list(LogSource.objects.filter(retired_at=None).prefetch_related("canaries"))
    names = unit_names([source.unit_id for source in sources])
    for source in sources:
        newest = next(iter(source.canaries.all()), None)
        state = (
            f"{newest.get_state_display()} lúc {localtime(newest.started_at):%d/%m/%Y %H:%M}" if newest else "chưa thử"
        )
        print(f"{source.pk:>5}  {source.get_kind_display():<32} {names[source.unit_id]} · {source.name}: {state}")
    if not sources:
        print("Chưa có nguồn log nào. Thêm ở trang Kết nối nguồn log.")
    return 0


def run_send(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from django.conf import settings

    from dekhang.apps.core import clock
    from dekhang.apps.core.errors import ActionDenied
    from dekhang.apps.sources.models import Canary, LogSource
    from dekhang.apps.sources.services import start_canary
    from dekhang.demo.senders import HttpSender, SendError, SyslogSender
    from dekhang.demo.traces import canary_trace

    source = LogSource.objects.filter(pk=args.source, retired_at=None).first()
    if source is None:
        print(f"Không có nguồn log số {args.source} đang dùng. Xem danh sách: dekhang canary list", file=sys.stderr)
        return 2
    token = args.token or demo_tokens(args.data).get(str(source.pk))
    if not token:
        print("Cần mã của nguồn log (--token): hệ thống chỉ giữ mã băm nên không biết mã ấy.", file=sys.stderr)
        return 2
    if args.nonce and not Canary.objects.filter(source=source, nonce=args.nonce).exists():
        print(f"Nguồn {source.name} không có lần thử nào mang dấu {args.nonce}. Xem trang nguồn log.", file=sys.stderr)
        return 2
    try:
        nonce = args.nonce or start_canary(source=source, by=None).nonce
        trace = canary_trace(source.kind, nonce, host=f"may-{source.pk}", at=clock.now())
    except (ActionDenied, ValueError) as error:
        print(str(error), file=sys.stderr)
        return 2
    host = str(place.running_up(args.data).get("intake_host", "127.0.0.1"))
    sender: HttpSender | SyslogSender = (
        SyslogSender(host, settings.SYSLOG_TCP_PORT, token)
        if source.kind == "linux"
        else HttpSender(host, settings.HTTP_INTAKE_PORT, token)
    )
    try:
        sender.send([trace])
    except SendError as error:
        print(f"Chưa gửi được dấu vết: {error}", file=sys.stderr)
        return 1
    finally:
        sender.close()
    print(f"Đã gửi dấu vết dekhang-canary-{nonce} của nguồn {source.name}.")
    deadline = time.monotonic() + args.wait
    while time.monotonic() < deadline:
        canary = Canary.objects.filter(nonce=nonce).first()
        if canary is not None and canary.detected_at is not None:
            seconds = (canary.detected_at - canary.started_at).total_seconds()
            print(f"Đã phát hiện sau {seconds:.1f} giây. Còn một việc: cán bộ đơn vị bấm Tiếp nhận ở trang Cảnh báo.")
            return 0
        time.sleep(0.3)
    print(
        f"Chưa thấy phát hiện sau {args.wait:g} giây. Xem trang nguồn log, hoặc chạy dekhang doctor.", file=sys.stderr
    )
    return 1


def demo_tokens(data: Path) -> dict[str, str]:
    """Tokens of the demo's own sources by source id; empty on a real installation."""
    try:
        tokens: dict[str, str] = json.loads((data / "demo" / "tokens.json").read_text())
    except FileNotFoundError:
        return {}
    return tokens
