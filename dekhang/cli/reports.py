"""`dekhang reports verify`: is every archived report still what was made, and does its data still make the same bytes?"""

import argparse
import sys
from typing import Any

from dekhang.cli.django import add_data_option, setup_existing

SHOWN = 50  # faults named one by one; all are counted


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("reports", help="báo cáo đã lưu trữ: lập lại và đối chiếu từng byte")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    verify = actions.add_parser("verify", help="lập lại từng báo cáo và so từng byte; mã thoát 1 khi có chỗ không khớp")
    verify.add_argument("codes", nargs="*", metavar="MÃ", help="mã báo cáo; không nêu thì mọi báo cáo")
    add_data_option(verify)
    verify.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    from dekhang.apps.reports import archive
    from dekhang.apps.reports.models import Report

    reports = Report.objects.order_by("pk")
    if args.codes:
        reports = reports.filter(code__in=[code.upper() for code in args.codes])
        known = set(reports.values_list("code", flat=True))
        if unknown := [code for code in args.codes if code.upper() not in known]:
            print(f"Không có báo cáo mang mã {', '.join(unknown)}. Mã ở cuối mỗi báo cáo.", file=sys.stderr)
            return 2
    checked = faults = remarks = 0
    for report in reports.iterator(chunk_size=100):
        comparison = archive.compare(report)
        checked += 1
        remarks += bool(comparison.remarks)
        for fault in comparison.faults:
            faults += 1
            if faults <= SHOWN:
                print(f"SAI: {report.code}: {fault}")
        if args.codes:
            for line in (*comparison.remarks, *comparison.same):
                print(f"{report.code}: {line}")
    if faults:
        print(f"{checked} báo cáo, {faults} chỗ không khớp. Giữ nguyên thư mục dữ liệu và báo cơ quan điều phối.")
        return 1
    said = (
        f"; {remarks} báo cáo không lập lại được hoặc ra byte khác vì phần mềm đã đổi, bản lưu trữ vẫn nguyên"
        if remarks
        else ""
    )
    print(f"{checked} báo cáo còn nguyên{said}.")
    return 0
