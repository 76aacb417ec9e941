"""`dekhang lake status|verify|retention|register`: what is kept, is it what was written, what may go, who else reads it."""

import argparse
import sys
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from dekhang.cli import place
from dekhang.cli.django import add_data_option, setup
from dekhang.pipeline import lakefiles
from dekhang.pipeline.lakewrite.expire import candidates, outlook
from dekhang.pipeline.lakewrite.verify import Anchor, verify
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database, retention

SHOWN = 50  # faults and days named one by one; all are counted


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("lake", help="kho sự kiện: dung lượng, kiểm tra, thời hạn lưu")
    actions = parser.add_subparsers(dest="action", metavar="VIỆC", required=True)
    status = actions.add_parser("status", help="dung lượng từng ngày, phần chưa gộp, dữ liệu cũ nhất")
    add_data_option(status)
    status.set_defaults(run=show_status)
    check = actions.add_parser("verify", help="kiểm tra từng tệp và từng mắt xích; mã thoát 1 khi có chỗ sai")
    add_data_option(check)
    check.add_argument("--day", type=_day, metavar="NGÀY", help="chỉ một ngày, dạng 2019-12-10 (theo giờ UTC)")
    check.add_argument("--rows", action="store_true", help="đọc lại từng dòng (chậm), không chỉ mã băm của tệp")
    check.set_defaults(run=show_faults)
    preview = actions.add_parser("retention", help="xem trước: sự kiện nào hết hạn lưu, sự kiện nào đang được giữ lại")
    add_data_option(preview)
    preview.add_argument("--on", type=date.fromisoformat, metavar="NGÀY", help="như thể hôm nay là ngày này")
    preview.set_defaults(run=show_retention)
    catalog = actions.add_parser(
        "register", help="đăng ký các tệp của kho vào danh mục Iceberg cho Spark, Trino, ClickHouse đọc"
    )
    add_data_option(catalog)
    catalog.set_defaults(run=register)


def show_status(args: argparse.Namespace) -> int:
    with _opened(args.data) as connection:
        if connection is None:
            return _nothing(args.data)
        rows, size_bytes, index_bytes, segments = connection.execute(
            "SELECT coalesce(sum(rows), 0), coalesce(sum(bytes), 0), coalesce(sum(index_bytes), 0), count(*) FROM segments"
        ).fetchone()
        fresh_rows, fresh_bytes, fresh = connection.execute(
            "SELECT coalesce(sum(rows), 0), coalesce(sum(length(body)), 0), count(*) FROM fresh"
        ).fetchone()
        (without_index,) = connection.execute("SELECT count(*) FROM segments WHERE index_bytes = 0").fetchone()
        (garbage,) = connection.execute("SELECT count(*) FROM garbage").fetchone()
        oldest = connection.execute("SELECT min(min_received) FROM segments").fetchone()[0]
        days = connection.execute(
            "SELECT day, sum(rows), sum(bytes), count(*) FROM segments GROUP BY day ORDER BY day DESC"
        ).fetchall()
    print(
        f"{_number(rows)} sự kiện trong {_number(segments)} tệp, {_size(size_bytes)}; mục tìm kiếm {_size(index_bytes)}."
    )
    print(f"Chưa thành tệp: {_number(fresh_rows)} sự kiện trong {_number(fresh)} lô, {_size(fresh_bytes)}.")
    print(f"Chưa gộp: {_number(without_index)} tệp. Chờ xóa: {_number(garbage)} tệp.")
    if oldest is not None:
        print(f"Nhận sớm nhất: {datetime.fromtimestamp(oldest / 1000, UTC):%d/%m/%Y %H:%M} UTC.")
    for day, day_rows, day_bytes, day_segments in days[:SHOWN]:
        print(f"  {day}  {_number(day_rows):>14} sự kiện  {_size(day_bytes):>10}  {_number(day_segments):>5} tệp")
    if len(days) > SHOWN:
        print(f"  … và {len(days) - SHOWN} ngày cũ hơn.")
    return 0


def show_faults(args: argparse.Namespace) -> int:
    anchors = _anchors(args.data)  # before the chains are read, which only grow
    with _opened(args.data) as connection:
        if connection is None:
            return _nothing(args.data)
        try:
            report = verify(lakefiles.of(args.data), connection, day=args.day, anchors=anchors, with_rows=args.rows)
        except OSError as error:  # of the disk or the network: no verdict
            print(f"Chưa kiểm tra được: không đọc được kho tệp ({error}). Xem lại đĩa hoặc kho S3 rồi chạy lại.",
                  file=sys.stderr)  # fmt: skip
            return 2
    for fault in report.faults[:SHOWN]:
        print(f"SAI: {fault.text}")
    about = (
        f"{_number(report.days)} ngày, {_number(report.links)} mắt xích, {_number(report.files)} tệp"
        f" ({_size(report.bytes)}), {_number(report.anchors)} điểm neo trong nhật ký kiểm toán"
    )
    if report.faults:
        print(
            f"Kho sự kiện có {_number(len(report.faults))} chỗ sai ({about}). "
            "Giữ nguyên thư mục dữ liệu, đừng xóa gì, và báo cơ quan điều phối."
        )
        return 1
    print(f"Kho sự kiện còn nguyên: {about}.")
    return 0


def show_retention(args: argparse.Namespace) -> int:
    place.adopt_demo_clock(args.data)
    from dekhang.pipeline import wallclock  # it looks at the clock of this folder when it is loaded

    now_ms = (
        wallclock.now_ms()
        if args.on is None
        else int(datetime(*args.on.timetuple()[:3], tzinfo=UTC).timestamp()) * 1000
    )
    try:
        policy = retention.published(args.data)
    except (OSError, msgspec.DecodeError) as error:
        print(f"Không đọc được thời hạn lưu của {args.data}: {error}.", file=sys.stderr)
        return 2
    if policy is None:
        print("Chưa có thời hạn lưu nào được công bố, nên không có gì bị xóa. Công việc nền công bố khi hệ thống chạy.")
        return 0
    going: Counter[int] = Counter()
    held: Counter[int] = Counter()
    spared = files_gone = bytes_gone = 0
    files = lakefiles.of(args.data)
    with _opened(args.data) as connection:
        if connection is None:
            return _nothing(args.data)
        for source in candidates(connection, policy, now_ms=now_ms):
            found = outlook(files, connection, source, policy, now_ms=now_ms)
            going += found.gone
            held += found.held
            spared += found.spared
            if sum(found.gone.values()) == source.rows:
                files_gone, bytes_gone = files_gone + 1, bytes_gone + source.bytes
    days = {one.source_id: one.days for one in policy.sources}
    print(
        f"Ngày {datetime.fromtimestamp(now_ms / 1000, UTC):%d/%m/%Y} (UTC): {_number(sum(going.values()))} sự kiện hết hạn lưu."
    )
    for source_id, count in sorted(going.items(), key=lambda pair: -pair[1])[:SHOWN]:
        kept_days = days.get(source_id, policy.default_days)
        print(f"  nguồn {source_id}: {_number(count)} sự kiện, đã lưu đủ {kept_days} ngày")
    print(f"Trọn tệp sẽ xóa: {_number(files_gone)}, {_size(bytes_gone)}; các tệp khác được ghi lại phần còn hạn.")
    for hold_id, count in sorted(held.items()):
        print(f"  lệnh giữ số {hold_id}: giữ lại {_number(count)} sự kiện đã hết hạn")
    if spared:
        print(f"  cảnh báo còn viện dẫn: giữ lại {_number(spared)} sự kiện đã hết hạn")
    return 0


def register(args: argparse.Namespace) -> int:
    try:
        # of the `cluster` extra: one machine does without until somebody asks for this
        from pyiceberg.exceptions import CommitFailedException, ValidationException
        from sqlalchemy.exc import SQLAlchemyError

        from dekhang.pipeline import catalog
    except ImportError as error:
        print(
            f"Thiếu thư viện cho danh mục Iceberg ({error.name}). Hãy chạy qua ./dk lake register để tự cài, "
            "hoặc cài từ requirements-cluster.lock.",
            file=sys.stderr,
        )
        return 2
    with _opened(args.data) as connection:
        if connection is None:
            return _nothing(args.data)
    try:
        done = catalog.register(args.data)
    except (CommitFailedException, ValidationException):
        print("Tiến trình khác đang đăng ký cùng lúc; hãy chạy lại sau ít phút.", file=sys.stderr)
        return 2
    except (database.Error, SQLAlchemyError, OSError) as error:
        print(f"Chưa đăng ký được: {error}. Hãy kiểm tra cơ sở dữ liệu và kho tệp rồi chạy lại.", file=sys.stderr)
        return 2
    name = ".".join(catalog.TABLE)
    print(
        f"Bảng {name}: thêm {_number(done.added)} tệp, bỏ {_number(done.removed)} tệp; "
        f"nay có {_number(done.rows)} sự kiện trong {_number(done.files)} tệp."
    )
    print("Công việc nền từ nay đăng ký lại mỗi phút. Sự kiện mới nhất chưa thành tệp nên vào bảng chậm vài phút.")
    return 0


def _anchors(data: Path) -> list[Anchor]:
    """What the audit chain has written down of the days' chains; nothing where there are no records of people yet."""
    if not (data / "db.sqlite3").exists() and not Place.of(data).database:
        return []
    if not setup(data):
        return []
    from django.db import DatabaseError

    from dekhang.apps.retention.selectors import anchored_heads

    try:
        return [Anchor(*head) for head in anchored_heads()]
    except DatabaseError as error:
        print(f"Chưa so được với nhật ký kiểm toán: {error}. Chạy dekhang doctor.", file=sys.stderr)
        return []


class _opened:
    """A connection that reads, or None where there is no installation."""

    def __init__(self, data: Path) -> None:
        self._context = database.reading(data)

    def __enter__(self) -> database.Connection | None:
        return self._context.__enter__()

    def __exit__(self, *fault: Any) -> None:
        self._context.__exit__(*fault)


def _nothing(data: Path) -> int:
    print(f"Chưa có kho sự kiện trong {data}. Kiểm tra lại --data, hoặc chạy ./dk up trước.", file=sys.stderr)
    return 2


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _number(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _size(size_bytes: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}".replace(".", ",")
    return f"{size_bytes} byte"
