"""`dekhang detect PATH… --rules DIR`: which rules match in files. No server, no database, nothing is stored.

Standard output carries matches only; progress and statistics go to standard error.
Exit codes: 0 fine (matches or not) · 2 wrong usage, or nothing could be read.
"""

from pathlib import Path
from typing import Any

from dekhang.cli.detect.run import run
from dekhang.engine.rules import LEVELS


def add_parser(subparsers: Any) -> None:
    about = "tìm dấu hiệu tấn công trong tệp log"
    parser = subparsers.add_parser(
        "detect",
        help=about,
        description=f"Đề Kháng: {about} (EVTX, JSONL, JSON, CSV, syslog, auditd, nhật ký web, Suricata EVE; cả tệp nén).",
    )
    parser.add_argument("paths", metavar="ĐƯỜNG_DẪN", nargs="+", type=Path, help="tệp hoặc thư mục log")
    parser.add_argument(
        "--rules", metavar="THƯ_MỤC", type=Path, action="append", help="thư mục luật Sigma (dùng được nhiều lần)"
    )
    parser.add_argument("--format", choices=("table", "jsonl", "csv"), default="table", help="cách in kết quả")
    parser.add_argument("--min-level", choices=LEVELS, default=LEVELS[0], help="chỉ in từ mức này trở lên")
    parser.add_argument("--stats", action="store_true", help="thêm số liệu đọc và luật vào stderr")
    parser.add_argument("--rules-cache", metavar="THƯ_MỤC", type=Path, help="nơi giữ luật đã đọc để lần sau chạy nhanh")
    parser.set_defaults(run=run)
