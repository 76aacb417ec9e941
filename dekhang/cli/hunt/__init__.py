"""`dekhang hunt …`: a query, rules or indicators looked for in everything that is stored.

Standard output (or the file after -o) carries what was found only; progress goes to standard error.
Exit codes: 0 done (something found or not) · 1 stopped before its end, can be resumed · 2 wrong usage.
"""

import argparse
from pathlib import Path
from typing import Any

from dekhang.cli.django import add_data_option
from dekhang.engine.rules import LEVELS

FORMATS = ("table", "jsonl", "csv")
WORKERS_MAX = 64


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "hunt",
        help="tìm luật, chỉ dấu hoặc câu tìm trong dữ liệu đã lưu",
        description="Đề Kháng: lùng trong toàn bộ log đã lưu. Dừng bằng Ctrl-C lúc nào cũng được, làm tiếp bằng --resume.",
        epilog="Ví dụ: dekhang hunt 'powershell -enc' --since 2019-12-01 · dekhang hunt --indicators chi-dau.csv",
    )
    add = parser.add_argument
    add("query", metavar="CÂU_TÌM", nargs="?", help="câu tìm như ở trang Tìm trong log (docs/reference/search.md)")
    add(
        "--rule",
        metavar="LUẬT",
        action="append",
        default=[],
        help="mã của một luật đang dùng, hoặc tệp, thư mục luật Sigma (dùng được nhiều lần)",
    )
    add(
        "--indicators",
        metavar="ĐƯỜNG_DẪN",
        type=Path,
        action="append",
        default=[],
        help="tệp hoặc thư mục chỉ dấu: STIX, MISP, CSV, danh sách (dùng được nhiều lần)",
    )
    add("--since", metavar="LÚC", help="từ lúc này (giờ của sự kiện), ví dụ 2019-12-10 hoặc 2019-12-10T08:00+07:00")
    add("--until", metavar="LÚC", help="trước lúc này; không ghi múi giờ là giờ của hệ thống")
    add(
        "--unit",
        metavar="ĐƠN_VỊ",
        action="append",
        default=[],
        help="chỉ đơn vị có tên chứa chữ này, hoặc #số (dùng được nhiều lần); không nêu thì mọi đơn vị",
    )
    add("--min-level", choices=LEVELS, default=LEVELS[0], help="chỉ lấy luật từ mức này trở lên")
    add("--workers", metavar="N", type=_processes, default=1, help="số tiến trình cùng làm (mặc định %(default)s)")
    add(
        "--ray",
        metavar="MÁY:CỔNG",
        nargs="?",
        const="",
        help="lùng bằng các máy của cụm Ray này; không nêu địa chỉ thì cụm mà máy này thuộc về",
    )
    add("--format", choices=FORMATS, help="cách in kết quả; không nêu thì theo đuôi của tệp sau -o, hoặc table")
    add("-o", "--output", metavar="TỆP", type=Path, help="ghi kết quả vào tệp này thay vì in ra")
    add("--quiet", action="store_true", help="không hiện tiến độ và lời nhắc, chỉ kết quả và lỗi")
    add("--yielding", action="store_true", help="nhường máy cho việc nhận log và phát hiện; chậm hơn khi máy bận")
    add("--to-alerts", action="store_true", help="chuyển kết quả thành phát hiện, để có cảnh báo cho đơn vị")
    add("--list", action="store_true", help="các lần lùng đã có")
    add("--resume", metavar="SỐ_HIỆU", help="làm tiếp một lần lùng đã dừng; đã xong thì in lại kết quả")
    add("--cancel", metavar="SỐ_HIỆU", help="cho dừng hẳn một lần lùng")
    add_data_option(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    # imported only now: who asks for help, or mistypes, need not wait for machine code
    from dekhang.cli.hunt.run import run

    return run(args)


def _processes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"1–{WORKERS_MAX}")
    return int(text)
