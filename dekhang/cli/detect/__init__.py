"""`dekhang detect PATH…`: which rules match in files. No server, no database, nothing is stored.

Standard output (or the file after -o) carries the findings only; progress and statistics go to standard error.
Exit codes: 0 fine (findings or not) · 2 wrong usage, or nothing could be read.
"""

import argparse
import gc
import itertools
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dekhang.cli.detect.words import LANGUAGES, Words
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.formats import FORMATS as INPUT_FORMATS

FORMATS = ("table", "jsonl", "csv", "html")
WORKERS_MAX = 64


def add_parser(subparsers: Any) -> None:
    words = Words("en" if _english_asked(sys.argv) else "vi")
    about = words("tìm dấu hiệu tấn công trong tệp log")
    parser = subparsers.add_parser(
        "detect",
        help=about,
        description=words(
            "Đề Kháng: tìm dấu hiệu tấn công trong tệp log (EVTX, JSONL, JSON, CSV, syslog, auditd, nhật ký web, "
            "Suricata EVE; cả tệp nén). Chạy không cần mạng, không lưu gì ngoài kết quả."
        ),
        epilog=words("Ví dụ: dekhang detect C:\\log -o bao-cao.html"),
    )
    add = parser.add_argument
    folder, file = words("THƯ_MỤC"), words("TỆP")
    add(
        "paths",
        metavar=words("ĐƯỜNG_DẪN"),
        nargs="+",
        type=Path,
        help=words("tệp hoặc thư mục log; - là đầu vào chuẩn"),
    )
    add(
        "--rules",
        metavar=folder,
        type=Path,
        action="append",
        help=words("thư mục luật Sigma (dùng được nhiều lần); không nêu thì dùng bộ luật đi kèm"),
    )
    add(
        "--mapping",
        metavar=file,
        type=Path,
        action="append",
        default=[],
        help=words("tệp YAML khai nguồn log riêng của đơn vị (dùng được nhiều lần)"),
    )
    add(
        "--placeholders",
        metavar=file,
        type=Path,
        help=words("tệp YAML các danh sách mà luật gọi bằng %%tên%% (bổ nghĩa expand)"),
    )
    add(
        "--indicators",
        metavar=words("ĐƯỜNG_DẪN"),
        type=Path,
        action="append",
        default=[],
        help=words("tệp hoặc thư mục chỉ dấu: STIX, MISP, CSV, danh sách (dùng được nhiều lần)"),
    )
    add(
        "--warning-list",
        metavar=file,
        type=Path,
        action="append",
        default=[],
        help=words("tệp những giá trị quen thuộc không nên báo động (dùng được nhiều lần)"),
    )
    add(
        "--input-format",
        choices=tuple(INPUT_FORMATS),
        help=words("định dạng của tệp log; không nêu thì tự nhận theo nội dung"),
    )
    add("--format", choices=FORMATS, help=words("cách in kết quả; không nêu thì theo đuôi của tệp sau -o, hoặc table"))
    add("-o", "--output", metavar=file, type=Path, help=words("ghi kết quả vào tệp này thay vì in ra"))
    add("--min-level", choices=LEVELS, default=LEVELS[0], help=words("chỉ lấy từ mức này trở lên"))
    at = _moment(words)
    add("--since", metavar=words("LÚC"), type=at, help=words("chỉ lấy từ lúc này, ví dụ 2019-12-10T08:00+07:00"))
    add("--until", metavar=words("LÚC"), type=at, help=words("chỉ lấy trước lúc này; không ghi múi giờ là giờ UTC"))
    add("--lang", choices=LANGUAGES, default="vi", help=words("tiếng của kết quả: vi (Việt) hoặc en (Anh)"))
    add("--stats", action="store_true", help=words("thêm số liệu đọc và luật vào stderr"))
    add("--stats-json", metavar=file, type=Path, help=words("ghi số liệu đọc và luật vào tệp JSON này"))
    add(
        "--workers",
        metavar="N",
        type=_processes,
        default=1,
        help=words("số tiến trình cùng đọc (mặc định %(default)s); nhiều tệp, hoặc một tệp JSONL lớn, thì nhanh hơn"),
    )
    add("--quiet", action="store_true", help=words("không hiện tiến độ và lời nhắc, chỉ kết quả và lỗi"))
    add(
        "--rules-cache",
        metavar=folder,
        type=Path,
        help=words("nơi giữ luật đã đọc để lần sau chạy nhanh (mặc định: thư mục cache của người dùng)"),
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    """Do what is asked. Modules and rules are half a million objects that stay: no use looking for garbage among them."""
    gc.disable()
    try:
        # imported only now: who asks for help, or mistypes, need not wait for machine code
        from dekhang.cli.detect.run import run

        return run(args)
    finally:
        gc.enable()


def _processes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"1–{WORKERS_MAX}")
    return int(text)


def _english_asked(argv: list[str]) -> bool:
    """The help is made before the arguments are parsed."""
    return "--lang=en" in argv or ("--lang", "en") in itertools.pairwise(argv)


def _moment(words: Words) -> Callable[[str], int]:
    def read(text: str) -> int:
        """Return a date or a time as UTC epoch milliseconds; without a zone it is UTC."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            shown = text[:40]
            raise argparse.ArgumentTypeError(
                words("“{text}” không phải là ngày giờ; hãy ghi như 2019-12-10 hoặc 2019-12-10T08:00+07:00", text=shown)
            ) from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)

    return read
