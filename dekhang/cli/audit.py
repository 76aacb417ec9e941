"""`dekhang audit verify`: is every event of the audit chain still what was written?"""

import argparse
import sys
from typing import Any

from dekhang.cli.django import add_data_option, setup


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("audit", help="kiểm tra chuỗi nhật ký kiểm toán")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    verify = actions.add_parser("verify", help="kiểm tra từng mắt xích; mã thoát 1 khi có mắt xích sai")
    add_data_option(verify)
    verify.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not (args.data / "db.sqlite3").exists():
        print(f"Chưa có dữ liệu trong {args.data}: không thấy db.sqlite3. Kiểm tra lại --data.", file=sys.stderr)
        return 2
    if not setup(args.data):
        return 2
    from dekhang.apps.core.audit import verify_chain
    from dekhang.apps.core.models import AuditEvent

    faults = list(verify_chain())
    for fault in faults[:50]:
        where = f"sự kiện số {fault.event_id}" if fault.event_id is not None else "cả chuỗi"
        print(f"SAI: {where}: {fault.reason}")
    if faults:
        print(f"Chuỗi nhật ký kiểm toán có {len(faults)} chỗ sai. Giữ nguyên thư mục dữ liệu và báo cơ quan điều phối.")
        return 1
    print(f"Chuỗi nhật ký kiểm toán còn nguyên: {AuditEvent.objects.count()} sự kiện.")
    return 0
