"""A log file of any known format, packed or not, as raw records: one by one, or many in a chunk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dekhang.pipeline import wallclock
from dekhang.pipeline.formats.bulkfile import ActionLines
from dekhang.pipeline.formats.chunk import Chunk, gathered, line_chunks
from dekhang.pipeline.formats.csvfile import csv_dialect, read_csv
from dekhang.pipeline.formats.encodings import Utf8, unmarked
from dekhang.pipeline.formats.evtxfile import evtx_chunks
from dekhang.pipeline.formats.journal import read_journal
from dekhang.pipeline.formats.jsonstream import read_json
from dekhang.pipeline.formats.limits import CHUNK_BYTES, FILE_RECORD_BYTES, HEAD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.recognise import FORMATS, recognise
from dekhang.pipeline.formats.unpack import Member, Readable, Stream, UnpackError, members
from dekhang.pipeline.formats.w3c import read_w3c
from dekhang.pipeline.formats.xmlevents import declared_encoding, read_events
from dekhang.pipeline.formats.zeek import read_zeek


class RecordFile:
    """Raw records of one file, or of one stream.

    Iterate it for (index, raw bytes), or ask for `chunks`; both give the same records. `index` counts records from 0
    over the whole file, over all members of an archive. `problems` (position, Vietnamese sentence), `formats` (what was
    recognised) and `records_read` fill meanwhile. Doing it again reads the file again; a stream can be read once.
    Raises OSError when the file itself cannot be opened or read; nothing in it can raise.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        stream: IO[bytes] | None = None,
        format: str | None = None,
        record_bytes: int = FILE_RECORD_BYTES,
    ) -> None:
        self.path = path
        self.name = name
        self._stream = stream
        self._format = format
        self._record_bytes = record_bytes
        about = None if stream is not None else path.stat()
        self.size_bytes = about.st_size if about else 0  # 0: not known
        self.changed_ms = int(about.st_mtime * 1000) if about else wallclock.now_ms()
        self.problems = Problems()
        self.formats: set[str] = set()
        self.read_bytes = 0  # of the file on disk so far, for a progress bar
        self.records_read = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return enumerate(record for chunk in self.chunks(CHUNK_BYTES) for record in chunk.records())

    def chunks(self, max_bytes: int = 4 << 20) -> Iterator[Chunk]:
        """Yield the records in chunks of about `max_bytes` (and at most one record more)."""
        self.problems = Problems()
        self.formats = set()
        self.read_bytes = self.records_read = 0
        return self._chunks(max_bytes)

    def _chunks(self, max_bytes: int) -> Iterator[Chunk]:
        with self._opened() as file:
            seekable = self._stream is None
            for member in members(file, name=self.name, size_bytes=self.size_bytes, seekable=seekable):
                if member.stream is None:
                    self.problems.note(self.records_read, member.fault)
                    continue
                try:
                    for chunk in self._of_member(member, member.stream, max_bytes):
                        self.records_read += len(chunk)
                        self.read_bytes = _position(file, self.read_bytes)
                        yield chunk
                except UnpackError as fault:
                    self.problems.note(self.records_read, str(fault))
                self.read_bytes = _position(file, self.read_bytes)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if self._stream is not None:
            yield self._stream
        else:
            with self.path.open("rb") as file:
                yield file

    def _of_member(self, member: Member, stream: Stream, max_bytes: int) -> Iterator[Chunk]:
        index = self.records_read
        source, head = unmarked(stream, HEAD_BYTES)
        kind, delimiter = recognise(head, member.name)
        if self._format is not None:
            kind = self._format
        self.formats.add(kind)
        if kind in ("jsonl", "lines", "bulk"):
            return line_chunks(
                source,
                self.problems,
                first_index=index,
                max_bytes=max_bytes,
                kind="lines" if kind == "lines" else "jsonl",
                record_bytes=self._record_bytes,
                drop=ActionLines() if kind == "bulk" else None,
            )
        if kind == "evtx":
            return evtx_chunks(
                source, self.problems, first_index=index, max_bytes=max_bytes, record_bytes=self._record_bytes
            )
        if kind == "binary":
            self.problems.note(
                index,
                f"“{member.name[-100:]}” là dữ liệu nhị phân không thuộc định dạng nhật ký nào được biết "
                "(EVTX, XML, JSON, CSV, W3C, Zeek, văn bản; có thể nén gz, bz2, xz, zst, zip, tar) nên không đọc được.",
            )
            return iter(())
        records = self._records(kind, delimiter, source, head, index)
        return gathered(self._bounded(records, index), first_index=index, max_bytes=max_bytes)

    def _records(self, kind: str, delimiter: str, source: Readable, head: bytes, index: int) -> Iterator[bytes]:
        problems = self.problems
        if kind == "json":
            return read_json(source, problems, first_index=index)
        if kind == "xml":
            encoding = declared_encoding(head)
            return read_events(Utf8(source, encoding) if encoding else source, problems, first_index=index)
        if kind == "w3c":
            return read_w3c(source, problems, first_index=index)
        if kind == "zeek":
            return read_zeek(source, problems, first_index=index)
        if kind == "journal":
            return read_journal(source, problems, first_index=index)
        delimiter = delimiter or csv_dialect(head[:65_536], named_csv=True) or ","
        return read_csv(source, problems, delimiter, first_index=index)

    def _bounded(self, records: Iterator[bytes], index: int) -> Iterator[bytes]:
        """Leave out what is longer than the caller takes; the readers themselves only keep to their own bound."""
        for record in records:
            if len(record) > self._record_bytes:
                self.problems.note(
                    index, f"Bản ghi dài {len(record)} byte, quá giới hạn {self._record_bytes} byte, nên bị bỏ qua."
                )
                continue
            yield record
            index += 1


def _position(file: IO[bytes], known: int) -> int:
    try:
        return file.tell()
    except OSError:  # a pipe
        return known


def open_records(
    path: Path | str,
    *,
    name: str | None = None,
    format: str | None = None,
    record_bytes: int = FILE_RECORD_BYTES,
) -> RecordFile:
    """Open a log file.

    Args:
        name: what the sender called it, when `path` is only where it is kept.
        format: one of FORMATS when the content shall not decide; packings are still recognised.
        record_bytes: longer records are left out, longer lines of text cut, and both told.
    Raises:
        OSError: the file is missing or may not be read.
        ValueError: there is no such format.
    """
    path = Path(path)
    _check(format)
    with path.open("rb"):
        pass
    return RecordFile(path, name or path.name, format=format, record_bytes=record_bytes)


def open_stream(
    stream: IO[bytes],
    name: str = "-",
    *,
    format: str | None = None,
    record_bytes: int = FILE_RECORD_BYTES,
) -> RecordFile:
    """The same for standard input and other streams that cannot be rewound; `stream` stays the caller's to close."""
    _check(format)
    return RecordFile(Path(name), name, stream=stream, format=format, record_bytes=record_bytes)


def _check(format_name: str | None) -> None:
    if format_name is not None and format_name not in FORMATS:
        raise ValueError(f"Không có định dạng “{format_name}”; hãy chọn một trong: {', '.join(FORMATS)}.")
