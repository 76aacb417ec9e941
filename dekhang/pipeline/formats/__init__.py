"""Opens log files of any known format, packed or not, as raw records.

The format is recognised by content; the name only breaks a tie (CSV of two columns). Nothing in a file can raise:
what cannot be read is a sentence in `RecordFile.problems`.
"""

from collections.abc import Iterator
from pathlib import Path

import orjson

from dekhang.pipeline.formats.evtxfile import CHUNK_MAGIC, FILE_MAGIC, read_evtx, read_packed_evtx
from dekhang.pipeline.formats.jsonstream import read_json, starts_whole_value
from dekhang.pipeline.formats.limits import HEAD_BYTES
from dekhang.pipeline.formats.lines import Utf8, csv_dialect, read_csv, read_lines
from dekhang.pipeline.formats.problems import WHOLE_FILE, Problems
from dekhang.pipeline.formats.unpack import Member, Stream, UnpackError, members, packing_of

__all__ = ["WHOLE_FILE", "RecordFile", "open_records"]


class RecordFile:
    """Raw records of one file.

    Iterate it for (index, raw bytes): index counts records from 0 over the whole file, over all members of a zip.
    `problems` (position, Vietnamese sentence) and `formats` (what was recognised) fill while iterating.
    Iterating again reads the file again. Raises OSError when the file itself cannot be opened.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.size_bytes = path.stat().st_size
        self.problems = Problems()
        self.formats: set[str] = set()
        self.read_bytes = 0  # of the file on disk so far, for a progress bar

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self.problems = Problems()
        self.formats = set()
        return enumerate(self._records())

    def _records(self) -> Iterator[bytes]:
        index = 0
        with self.path.open("rb") as file:
            for member in members(file, name=self.name, size_bytes=self.size_bytes):
                if member.stream is None:
                    self.problems.note(index, member.fault)
                    continue
                try:
                    for raw in self._of_member(member, member.stream, index):
                        yield raw
                        index += 1
                        if not index & 0x3FF:
                            self.read_bytes = file.tell()
                except UnpackError as fault:
                    self.problems.note(index, str(fault))
                self.read_bytes = file.tell()

    def _of_member(self, member: Member, stream: Stream, index: int) -> Iterator[bytes]:
        head = stream.peek(HEAD_BYTES)
        source: Stream | Utf8 = stream
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            source = Utf8(stream, "utf-16")
            head = head[: len(head) & ~1].decode("utf-16", "replace").encode("utf-8", "replace")
        elif head.startswith(b"\xef\xbb\xbf"):
            stream.read(3)
            head = head[3:]
        kind = recognise(head, member.name)
        self.formats.add(kind)
        if kind == "evtx":
            plain = self.path.open("rb")
            with plain:
                is_plain = not packing_of(plain.read(6))
            if is_plain:
                return read_evtx(self.path, self.problems, first_index=index)
            return read_packed_evtx(stream, self.problems, first_index=index)
        if kind == "json":
            return read_json(source, self.problems, first_index=index)
        if kind.startswith("csv"):
            return read_csv(source, self.problems, kind[4:], first_index=index)
        if kind == "binary":
            self.problems.note(
                index,
                f"“{member.name[-100:]}” là dữ liệu nhị phân không thuộc định dạng nhật ký nào được biết "
                "(EVTX, JSON, CSV, văn bản; có thể nén gz, xz, zst, zip) nên không đọc được.",
            )
            return iter(())
        return read_lines(source, self.problems, first_index=index)


def recognise(head: bytes, name: str) -> str:
    """Name the format of a file that starts with `head`: evtx, jsonl, json, csv:<delimiter>, lines or binary."""
    if head.startswith((FILE_MAGIC, CHUNK_MAGIC)) or head[_HEADER : _HEADER + 8] == CHUNK_MAGIC:
        return "evtx"
    text = head.lstrip()
    if text[:1] in (b"{", b"["):
        first_line = text.split(b"\n", 1)[0]
        if text[:1] == b"{" and _is_json(first_line):
            return "jsonl"
        if starts_whole_value(text):
            return "json"
        return "jsonl" if text[:1] == b"{" else "lines"
    if len(head.translate(None, _CONTROL)) * 20 < len(head) * 19:  # text has next to none, random bytes one in ten
        return "binary"
    delimiter = csv_dialect(head[:65_536], named_csv=name.lower().endswith((".csv", ".tsv")))
    return f"csv:{delimiter}" if delimiter else "lines"


_HEADER = 4096
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def open_records(path: Path | str, *, name: str | None = None) -> RecordFile:
    """Open a log file. `name` is what the sender called it, when `path` is only where it is kept.

    Raises:
        OSError: the file is missing or may not be read.
    """
    path = Path(path)
    with path.open("rb"):
        pass
    return RecordFile(path, name or path.name)
