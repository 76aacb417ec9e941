"""`dekhang simulate`: a made-up province with known truth in an empty data folder; `dekhang simulate judge`: what was seen of it."""

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from dekhang.cli.django import setup, setup_existing

COUNTS = (
    ("units", "đơn vị được tính"),
    ("people", "cán bộ trong danh sách"),
    ("evidence", "dòng bằng chứng"),
    ("alerts", "cảnh báo"),
    ("provinces", "tỉnh"),
    ("months", "tháng có dữ liệu"),
    ("seed", "hạt ngẫu nhiên: cùng hạt, cùng kích thước, cùng --until thì cùng dữ liệu"),
    ("ledger-days", "ngày có sổ tiếp nhận theo giờ"),
)


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("simulate", help="dựng một tỉnh mô phỏng mà sự thật đã biết, để đo")
    parser.add_argument("--data", type=Path, metavar="DIR", help="thư mục dữ liệu: phải trống hoặc chưa có")
    for name, about in COUNTS:
        parser.add_argument(f"--{name}", type=int, metavar="N", help=about)
    parser.add_argument("--lies", type=float, metavar="P", help="tỷ lệ đơn vị không làm mà khai là có làm, 0–1")
    parser.add_argument(
        "--until", type=date.fromisoformat, metavar="NĂM-THÁNG-NGÀY", help="dữ liệu kết thúc khi ngày này bắt đầu"
    )
    parser.add_argument(
        "--password", metavar="CHỮ", help="mật khẩu của mọi tài khoản mô phỏng; không có thì không ai đăng nhập được"
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", metavar="VIỆC")
    judge = actions.add_parser(
        "judge", help="so điều hệ thống nói với sự thật: độ chính xác, độ phủ từng cách khai sai"
    )
    judge.add_argument(
        "--data", type=Path, dest="judged", required=True, metavar="DIR", help="thư mục do simulate dựng"
    )
    judge.add_argument(
        "--truth", type=Path, metavar="TỆP", help="tệp sự thật (mặc định: simulate/truth.jsonl trong thư mục)"
    )
    judge.set_defaults(run=run_judge)


def run(args: argparse.Namespace) -> int:
    from dekhang.simulate.size import Size, SizeError

    if args.data is None:
        print("Cần --data: thư mục trống để dựng tỉnh mô phỏng.", file=sys.stderr)
        return 2
    names = [*(name.replace("-", "_") for name, _about in COUNTS), "lies"]
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    try:
        size = Size(**given, until=args.until or date.today())
    except SizeError as error:
        print(str(error), file=sys.stderr)
        return 2
    refusal = why_not(args.data)
    if refusal:
        print(refusal, file=sys.stderr)
        return 2
    args.data.mkdir(parents=True, exist_ok=True)
    if not setup(args.data):
        return 2
    return fill(size, args.data, args.password)


def why_not(data: Path) -> str:
    """A sentence when this folder must not be filled; "" when it may."""
    try:
        if data.exists() and (not data.is_dir() or any(data.iterdir())):
            return f"{data} không trống. Tỉnh mô phỏng chỉ được dựng trong thư mục mới, để không lẫn với dữ liệu thật."
    except OSError as error:
        return f"Không mở được {data}: {error.strerror}."
    return ""


def fill(size: Any, data: Path, password: str | None) -> int:
    from django.core.management import call_command
    from django.db import connection

    from dekhang.simulate.building import build
    from dekhang.simulate.truth import FILE
    from dekhang.simulate.writing import hurried

    if connection.vendor != "sqlite":
        print("Tỉnh mô phỏng chỉ dựng trên một máy (SQLite); bỏ DK_DATABASE rồi chạy lại.", file=sys.stderr)
        return 2
    began, used = time.monotonic(), time.process_time()
    call_command("migrate", verbosity=0, interactive=False)
    with hurried():
        built = build(size, data, password=password, say=Progress())
    with connection.cursor() as cursor:  # a planner without statistics takes the wrong index over a million rows
        cursor.execute("ANALYZE")
    connection.close()
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(
        f"Đã dựng {size.units} đơn vị, {size.people} cán bộ, {size.evidence} bằng chứng, {size.alerts} cảnh báo, "
        f"{built.claims} khai báo trong {data} ({time.monotonic() - began:.0f} giây, bộ xử lý {time.process_time() - used:.0f} giây)."
    )
    print(f"Từng phần (giây bộ xử lý): {json.dumps(built.seconds)}")
    print(
        f"Sự thật ở {data / FILE}; hệ thống không đọc tệp này. So với điều hệ thống nói: dekhang simulate judge --data {data}"
    )
    return 0


class Progress:
    """On a terminal one line that changes, a few times a second; in a pipe nothing."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._shown = 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if self._on and (now - self._shown > 0.2 or not done):
            self._shown = now
            count = f" {done:,}/{of:,}" if of else (f" {done:,}" if done else "")
            print(f"\r\033[K  · {what}{count}".replace(",", "."), end="", file=sys.stderr, flush=True)


def run_judge(args: argparse.Namespace) -> int:
    if not setup_existing(args.judged):
        return 2
    from dekhang.simulate.judge import judge
    from dekhang.simulate.strategies import STRATEGIES
    from dekhang.simulate.truth import FILE, TruthError, read

    try:
        truth = read(args.truth or args.judged / FILE)
    except TruthError as error:
        print(str(error), file=sys.stderr)
        return 2
    verdicts = judge(truth)
    if not sys.stdout.isatty():
        for one in verdicts:
            print(json.dumps({"simulate": "judge", **one.row}, ensure_ascii=False))
        return 0
    print(f"{'cách khai sai':<22}{'số khai báo':>12}{'không tính':>12}{'chỉ ra':>9}{'đúng':>8}   dấu hiệu")
    for one in verdicts:
        shown = one.row
        shares = [shown["recall_not_counted"], shown["recall_named"], shown["precision"]]
        first, second, third = ("–" if share is None else f"{share:.0%}" for share in shares)
        signs = ", ".join(one.signals) or ("không dấu hiệu nào" if one.strategy in STRATEGIES else "")
        print(f"{one.strategy:<22}{one.claims:>12}{first:>12}{second:>9}{third:>8}   {signs}")
    return 0
