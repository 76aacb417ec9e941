"""`dekhang audit verify`: is every event of the audit chain, and every frozen number in it, still what was written?"""

import argparse
import sys
from typing import Any

from dekhang.cli.django import add_data_option, setup_existing
from dekhang.pipeline.place import Place

SHOWN = 50  # faults named one by one; all are counted


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("audit", help="kiểm tra chuỗi nhật ký kiểm toán")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    verify = actions.add_parser("verify", help="kiểm tra từng mắt xích; mã thoát 1 khi có mắt xích, số liệu chốt sai")
    add_data_option(verify)
    verify.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from django.db import DatabaseError

    from dekhang.apps.core.audit import verify_chain
    from dekhang.apps.core.models import AuditEvent
    from dekhang.apps.scoreboard.freezing.selectors import faults as frozen_faults

    faults = 0
    try:
        for fault in verify_chain():
            faults += 1
            where = f"sự kiện số {fault.event_id}" if fault.event_id is not None else "cả chuỗi"
            if faults <= SHOWN:
                print(f"SAI: {where}: {fault.reason}")
        for sentence in frozen_faults():
            faults += 1
            if faults <= SHOWN:
                print(f"SAI: {sentence}")
    except DatabaseError as error:
        kept = "PostgreSQL" if Place.of(args.data).database else f"db.sqlite3 trong {args.data}"
        print(f"Không đọc được {kept}: {error}. Chạy dekhang doctor.", file=sys.stderr)
        return 2
    if faults:
        print(f"Chuỗi nhật ký kiểm toán có {faults} chỗ sai. Giữ nguyên thư mục dữ liệu và báo cơ quan điều phối.")
        return 1
    print(f"Chuỗi nhật ký kiểm toán còn nguyên: {AuditEvent.objects.count()} sự kiện.")
    return 0
