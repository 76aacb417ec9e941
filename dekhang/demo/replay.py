"""A folder of real logs as the demo's traffic: every record unchanged, to a source of its own kind.

Which source is decided record by record, because real folders mix: a machine's records always go to the same source,
so that what belongs together is seen together, and different machines to different units.
"""

import json
import logging
import os
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import orjson

from dekhang.apps.core import clock
from dekhang.demo.feed import Feed
from dekhang.demo.senders import Refused, SendError
from dekhang.pipeline.formats import open_records
from dekhang.pipeline.parse import parse

logger = logging.getLogger(__name__)
KINDS_FOR = {  # kind of record → kinds of source that send such, the best first; others come as from a device
    "windows": ("windows",),
    "linux_auth": ("linux", "syslog"),
    "linux_auditd": ("linux", "syslog"),
    "linux_sysmon": ("linux", "syslog"),
    "antivirus": ("syslog", "linux"),
    "syslog": ("syslog", "linux"),
    "web_access": ("web",),
    "suricata": ("suricata",),
    "raw": ("syslog", "linux"),
}
ROUND_SECONDS = 0.1
ROUND_RECORDS = 1_000
ROUND_BYTES = 8 << 20  # well under what the intake takes at once
TRY_AGAIN_SECONDS = 1.0
PROGRESS_SECONDS = 10.0

Act = tuple[int, float]  # records sent, seconds to wait


@dataclass(slots=True)
class Position:
    """How far a replay is; `run` tells the restart of a killed part (goes on) from a new `dekhang up` (begins anew)."""

    run: str
    folder: str
    file: str = ""
    record: int = 0
    sent: int = 0


class Replay:
    """Sends the records of `folder` (or file), `speed` of them a second.

    A part that was killed goes on where it was: at most the last round is sent twice.
    """

    def __init__(self, feeds: Sequence[Feed], folder: Path, speed: float, *, data: Path) -> None:
        self._by_kind: dict[str, list[Feed]] = defaultdict(list)
        for feed in feeds:
            self._by_kind[str(feed.source.kind)].append(feed)
        self._feeds = feeds
        self._folder, self._speed = folder, speed
        self._path = data / "demo" / "replay.json"
        self._position = self._read_position()
        self._files: list[Path] = []
        self._done = 0
        self._last_feed: dict[str, Feed] = {}
        self._said = time.monotonic()
        self.sent = self._position.sent
        self.refused = self.unreadable = self.later = 0

    def acts(self) -> Iterator[Act]:
        """Send round after round; between two of them the caller may stop."""
        self._files = self._readable_files()
        try:
            yield from self._send_all()
        finally:
            for feed in self._feeds:
                feed.close()
        self._done = len(self._files)
        logger.info("%s", self.news)

    def _send_all(self) -> Iterator[Act]:
        started, sent_before = time.monotonic(), self.sent
        size = max(1, min(ROUND_RECORDS, int(self._speed * ROUND_SECONDS)))
        for file, records in self._rounds(size):
            for feed, batch in self._by_feed(file, [raw for _index, raw in records]):
                while True:
                    try:
                        taken = feed.deliver(batch)
                        break
                    except Refused as refused:
                        logger.warning("%s: %s: %s", file.name, feed.source, refused)
                        taken = refused.taken
                        self.refused += len(batch) - taken
                        break
                    except SendError as error:  # the intake is away: nobody's log is lost because of that
                        logger.warning("%s: %s; sẽ gửi lại", feed.source, error)
                        yield 0, TRY_AGAIN_SECONDS
                self.sent += taken
                yield taken, 0.0
            self._keep_position(file, records[-1][0] + 1)
            if time.monotonic() - self._said >= PROGRESS_SECONDS:
                self._said = time.monotonic()
                logger.info("%s", self.news)
            due = started + (self.sent + self.refused - sent_before) / self._speed
            yield 0, max(0.0, due - time.monotonic())

    @property
    def news(self) -> str:
        """Where it stands, as a sentence for whoever started it."""
        if not self._files:
            return f"Không có tệp nào trong {self._folder} đọc được."
        counts = {
            "bị từ chối": self.refused,
            "chỗ không đọc được": self.unreadable,
            "có giờ sau ngày của tỉnh mẫu nên lấy giờ nhận": self.later,
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        aside = f" ({told})" if told else ""
        if self._done == len(self._files):
            return f"Đã gửi hết {self._folder}: {self.sent} bản ghi từ {self._done} tệp{aside}."
        return f"Đang gửi {self._folder}: {self.sent} bản ghi, tệp {self._done + 1}/{len(self._files)}{aside}."

    def facts(self) -> dict[str, object]:
        """What the heartbeat tells."""
        finished = self._done == len(self._files)
        about = {"finished": True, "news": self.news} if finished else {}
        return {"sent": self.sent, "refused": self.refused, "progress": self.news, **about}

    # -- reading

    def _readable_files(self) -> list[Path]:
        if self._folder.is_file():
            return [self._folder]
        return sorted(
            path for path in self._folder.rglob("*") if path.is_file() and not path.name.startswith(".")
        )  # not what file managers and editors leave behind

    def _rounds(self, size: int) -> Iterator[tuple[Path, list[tuple[int, bytes]]]]:
        """Up to `size` records of one file at a time, from our position on."""
        names = [str(path) for path in self._files]
        first = names.index(self._position.file) if self._position.file in names else 0
        for number, path in enumerate(self._files[first:], start=first):
            self._done = number
            skipped = self._position.record if str(path) == self._position.file else 0
            try:
                opened = open_records(path)
                records = islice(iter(opened), skipped, None)
                while some := _bounded(records, size):
                    yield path, some
            except OSError as error:
                self.unreadable += 1
                logger.warning("Không đọc được %s: %s", path, error.strerror or error)
                continue
            self.unreadable += len(opened.problems) + opened.problems.left_out
            for place, sentence in opened.problems[:5]:
                logger.warning("%s, bản ghi %d: %s", path, place, sentence)

    def _by_feed(self, file: Path, records: list[bytes]) -> Iterator[tuple[Feed, list[bytes]]]:
        batches: dict[int, tuple[Feed, list[bytes]]] = {}
        for raw in records:
            feed = self._feed_for(file, raw)
            batches.setdefault(feed.source.pk, (feed, []))[1].append(in_one_line(raw))
        yield from batches.values()

    def _feed_for(self, file: Path, raw: bytes) -> Feed:
        """By what the record is and which machine it tells of; what is of no known kind stays with its file."""
        seen = parse(raw, source_kind="", received_ms=int(clock.now().timestamp() * 1000))
        self.later += seen.problem is not None and not seen.time_from_event  # the demo lives in 2019
        if seen.kind == "raw" and (feed := self._last_feed.get(str(file))) is not None:
            return feed
        choices: Sequence[Feed] = next(
            filter(None, (self._by_kind[k] for k in KINDS_FOR.get(seen.kind, ("syslog",)))), self._feeds
        )
        machine = (seen.host or file.name).casefold()
        feed = choices[zlib.crc32(machine.encode()) % len(choices)]
        self._last_feed[str(file)] = feed
        return feed

    # -- position

    def _read_position(self) -> Position:
        fresh = Position(run=str(os.getppid()), folder=str(self._folder))
        try:
            kept = Position(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return fresh
        return kept if (kept.run, kept.folder) == (fresh.run, fresh.folder) else fresh

    def _keep_position(self, file: Path, record: int) -> None:
        position = Position(str(os.getppid()), str(self._folder), str(file), record, self.sent)
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(position)))
        draft.replace(self._path)


def _bounded(records: Iterator[tuple[int, bytes]], size: int) -> list[tuple[int, bytes]]:
    some: list[tuple[int, bytes]] = []
    total = 0
    for record in records:
        some.append(record)
        total += len(record[1])
        if len(some) >= size or total >= ROUND_BYTES:
            break
    return some


def in_one_line(raw: bytes) -> bytes:
    """A JSON record written over several lines, in one: shippers send one a line."""
    if b"\n" not in raw:
        return raw
    try:
        return orjson.dumps(orjson.loads(raw))
    except orjson.JSONDecodeError:
        return b" ".join(raw.split(b"\n"))
