"""Is the lake still what was written? Recomputes hashes, links and files, and names everything that is not right."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow.parquet as pq

from dekhang.pipeline.lakefiles import LakeFileDamaged, LakeFiles
from dekhang.pipeline.lakewrite import chain, content
from dekhang.pipeline.lakewrite.manifest import is_of_a_day
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake.pieces import index_path

YOUNG_SECONDS = 7_200.0  # a file that nothing names may still be on its way into the manifest


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written; `day` is empty when it belongs to none, the text is a sentence."""

    day: str
    text: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of a day's chain as somebody else has written it down: after link `number` the hash was `hash`."""

    day: str
    number: int
    hash: str


@dataclass(slots=True)
class Report:
    """What was looked at; `faults` grows while `verify` goes on."""

    days: int = 0
    links: int = 0
    files: int = 0
    bytes: int = 0
    anchors: int = 0
    faults: list[Fault] = field(default_factory=list)


_Files = dict[str, Mapping[str, Any]]  # path → what its link says of it


def verify(
    files: LakeFiles,
    connection: Connection,
    *,
    day: str | None = None,
    anchors: Iterable[Anchor] = (),
    with_rows: bool = False,
) -> Report:
    """Check the chain, the manifest against it, and every file against both.

    Args:
        day: only this one; then files that belong to no day are not looked for.
        with_rows: read every row again, too: proves that merges have kept them. Slow.
    """
    report = Report()
    wanted = [anchor for anchor in anchors if day in (None, anchor.day)]
    with connection.snapshot():
        told = {of_day: _replayed(report, of_day, connection, wanted) for of_day in _days(connection, day)}
        manifest = {
            path: facts
            for path, *facts in connection.execute(
                "SELECT path, day, rows, bytes, sha256, index_bytes, index_sha256 FROM segments ORDER BY day, id"
            )
            if day in (None, facts[0])
        }
        on_their_way_out = {path for (path,) in connection.execute("SELECT path FROM garbage")}
    report.days = len(told)
    for anchor in wanted:
        if anchor.day not in told:
            _fault(
                report,
                anchor.day,
                f"Ngày {anchor.day}: nhật ký kiểm toán đã neo chuỗi này, nay không còn mắt xích nào.",
            )
    for path, (of_day, rows, size_bytes, sha256, index_bytes, index_sha256) in manifest.items():
        link = told.get(of_day, {}).pop(path, None)
        if link is None:
            _fault(report, of_day, f"Tệp {path} có trong danh mục nhưng không mắt xích nào ghi nó vào.")
        elif (link.get("rows"), link.get("sha256"), link.get("index_sha256", "")) != (rows, sha256, index_sha256):
            _fault(report, of_day, f"Danh mục ghi về tệp {path} khác với mắt xích đã ghi nó vào.")
        digest = link.get("content", "") if link is not None and with_rows else ""
        parts = [(path, size_bytes, sha256), *([(index_path(path), index_bytes, index_sha256)] if index_bytes else [])]
        _check_files(files, connection, report, of_day, parts, digest)
    for of_day, left in told.items():
        for path in left:
            _fault(report, of_day, f"Tệp {path} không còn trong danh mục mà không có mắt xích nào gỡ nó ra.")
    if day is None:
        known = manifest.keys() | {index_path(path) for path in manifest} | on_their_way_out
        for file in files.listing():
            if is_of_a_day(file.path) and file.path not in known and file.modified < time.time() - YOUNG_SECONDS:
                _fault(report, "", f"Tệp {file.path} nằm trong kho nhưng không có trong danh mục.")
    return report


def _days(connection: Connection, day: str | None) -> list[str]:
    days = [of_day for (of_day,) in connection.execute("SELECT DISTINCT day FROM lake_chain ORDER BY day")]
    return [of_day for of_day in days if day in (None, of_day)]


def _replayed(report: Report, day: str, connection: Connection, anchors: Sequence[Anchor]) -> _Files:
    """Follow a day's chain link by link; returns what it says is there at its end."""
    there: _Files = {}
    # one link may have been anchored twice: who rewrites a chain has the new one anchored beside the old one
    anchored: dict[int, set[str]] = {}
    for anchor in anchors:
        if anchor.day == day:
            anchored.setdefault(anchor.number, set()).add(anchor.hash)
            report.anchors += 1
    expected, previous = 1, chain.START
    for number, body, said_previous, said_hash in connection.execute(
        "SELECT number, body, previous, hash FROM lake_chain WHERE day = ? ORDER BY number", (day,)
    ):
        report.links += 1
        where = f"Ngày {day}, mắt xích số {number}"
        if number != expected:
            _fault(report, day, f"Ngày {day}: thiếu mắt xích từ số {expected} đến số {number - 1}.")
        elif said_previous != previous:
            _fault(report, day, f"{where} không nối với mắt xích trước nó.")
        if chain.link_hash(day, number, said_previous, body) != said_hash:
            _fault(report, day, f"{where} có nội dung khác lúc ghi: mã băm không khớp.")
        if anchored.pop(number, {said_hash}) != {said_hash}:
            _fault(report, day, f"Ngày {day}: mắt xích số {number} khác với điều đã neo trong nhật ký kiểm toán.")
        expected, previous = number + 1, said_hash
        try:
            _apply(report, day, where, orjson.loads(body), there)
        except (ValueError, LookupError, TypeError, AttributeError):
            _fault(report, day, f"{where} có nội dung không đọc được.")
    for number in anchored:
        _fault(report, day, f"Ngày {day}: nhật ký kiểm toán đã neo {number} mắt xích, nay không còn đủ.")
    return there


def _apply(report: Report, day: str, where: str, body: Mapping[str, Any], there: _Files) -> None:
    """Follow one link, and hold it against what was there before."""
    new, old = body["files"], body.get("replaces", [])
    for one in old:
        before = there.pop(one["path"], None)
        if before is None or before["sha256"] != one["sha256"]:
            _fault(report, day, f"{where} thay tệp {one['path']}, nhưng trước đó không có tệp ấy hoặc tệp ấy đã khác.")
        elif before.get("content", one["content"]) != one["content"]:
            _fault(report, day, f"{where}: nội dung tệp {one['path']} lúc bị thay khác lúc ghi vào.")
    if old:
        dropped = body.get("dropped", {"rows": 0, "content": content.shown(0)})
        if sum(one["rows"] for one in old) != sum(one["rows"] for one in new) + dropped["rows"]:
            _fault(report, day, f"{where}: số dòng trước và sau không bằng nhau.")
        if _sum(old) != content.added(_sum(new), int(dropped["content"], 16)):
            _fault(report, day, f"{where}: các dòng trước và sau không phải là một.")
    for one in new:
        there[one["path"]] = one


def _sum(files: Iterable[Mapping[str, Any]]) -> int:
    total = 0
    for one in files:
        total = content.added(total, int(one["content"], 16))
    return total


def _check_files(
    files: LakeFiles,
    connection: Connection,
    report: Report,
    day: str,
    parts: Sequence[tuple[str, int, str]],
    digest: str,
) -> None:
    """A segment and its index, as (path, bytes, SHA-256)."""
    path, size_bytes, sha256 = parts[0]
    for one, expected_bytes, expected in parts:
        try:
            with files.local(one, size_bytes=expected_bytes, sha256=expected, cached=False).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            # merged or expired while we looked: then the manifest does not name it any more
            if connection.execute("SELECT 1 FROM segments WHERE path = ?", (path,)).fetchone() is not None:
                _fault(report, day, f"Tệp {one} có trong danh mục nhưng không còn trong kho.")
            return
        except LakeFileDamaged as fault:
            _fault(report, day, str(fault))
            return
        report.files += 1
        report.bytes += expected_bytes
        if found != expected:
            _fault(report, day, f"Tệp {one} đã bị thay đổi: SHA-256 nay là {found}, lúc ghi là {expected}.")
            return
    if digest:
        total = 0
        with pq.ParquetFile(files.local(path, size_bytes=size_bytes, sha256=sha256)) as parquet:
            for group in range(parquet.num_row_groups):
                total = content.added(total, content.digest_of(parquet.read_row_group(group, list(content.COLUMNS))))
        if content.shown(total) != digest:
            _fault(report, day, f"Các dòng trong tệp {path} khác với điều mắt xích ghi.")


def _fault(report: Report, day: str, text: str) -> None:
    report.faults.append(Fault(day, text))
