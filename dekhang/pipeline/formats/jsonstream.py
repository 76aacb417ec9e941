"""JSON that is not one object a line: an array, objects one after another, an answer that carries records in a member.

The text is cut at its brackets, block by block; only the current record is held. Nothing is parsed, so a record that is
not JSON inside its brackets is handed on as it is, for the parser to say so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dekhang.pipeline.formats import envelopes
from dekhang.pipeline.formats.jsonscan import BracketScanner
from dekhang.pipeline.formats.limits import CHUNK_BYTES, FILE_RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable, fill

_BETWEEN = b" \t\r\n,\x00\x1e\xef\xbb\xbf"  # also the mark of JSON text sequences, and marks of files put together
_FRAMES = 8  # arrays in arrays in answers
_LOOKED_AT = _FRAMES + 2  # brackets deeper than this are inside of a record anyway
_CONTEXT_BYTES = 128  # kept before the buffer's end: the name before a bracket
_FIRST_ELEMENT = re.compile(rb"\[\s{0,4096}(?:\[\s{0,4096}){0,3}(?:\{|\])")


def starts_whole_value(head: bytes) -> bool:
    """Does `head` begin with an array of objects, or with an object that is whole or carries records?"""
    text = head.lstrip()
    if text.startswith(b"["):
        return _FIRST_ELEMENT.match(text) is not None
    cutter = Cutter(Problems(), first_index=0)
    return any(True for _ in cutter.feed(text)) or cutter.in_envelope


def is_envelope(text: bytes) -> bool:
    """Is the object at the beginning of `text` an answer that carries records?"""
    cutter = Cutter(Problems(), first_index=0, look_only=True)
    for _ in cutter.feed(text):
        break
    return cutter.in_envelope


def read_json(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    """Yield the text of each object exactly as it stands in the file, or the record inside of it."""
    cutter = Cutter(problems, first_index=first_index)
    fault = None
    while fault is None and not cutter.broken:
        block, fault = fill(stream, CHUNK_BYTES)
        yield from map(envelopes.unwrapped, cutter.feed(block))
        if len(block) < CHUNK_BYTES:
            break
    cutter.finish()
    if fault is not None:
        raise fault


@dataclass(slots=True)
class _Frame:
    """An open array of records, or the open object of an answer; what is directly in it stands at `level`."""

    level: int
    is_object: bool


class Cutter:
    """Takes blocks of text, gives whole records."""

    def __init__(self, problems: Problems, *, first_index: int, look_only: bool = False) -> None:
        self._problems = problems
        self._index = first_index
        self._look_only = look_only  # stop as soon as it is known whether the first object is an answer
        self._scanner = BracketScanner()
        self._data = b""
        self._frames = [_Frame(0, is_object=False)]
        self._open_at = -1  # of the record that is open; its position in _data
        self._skipping = False  # the open record is no record, or too long
        self._gap_from = 0  # what stands between records from here on has not been looked at
        self._waiting: list[tuple[int, int, bool]] = []  # brackets that need the byte after them
        self.in_envelope = False
        self.broken = False

    def feed(self, block: bytes) -> Iterator[bytes]:
        offset = len(self._data)
        self._data += block
        positions, levels, opens = self._scanner.scan(block)
        shallow = levels <= _LOOKED_AT
        brackets = list(
            zip((positions[shallow] + offset).tolist(), levels[shallow].tolist(), opens[shallow].tolist(), strict=True)
        )
        if self._waiting:
            brackets = self._waiting + brackets
            self._waiting = []
        for number, (at, level, is_open) in enumerate(brackets):
            frame = self._frames[-1]
            if self._open_at >= 0 or self._skipping:
                if level == frame.level:  # brackets pair, so that this one closes the record
                    record = b"" if self._skipping else self._data[self._open_at : at + 1]
                    self._open_at, self._skipping = -1, False
                    self._gap_from = at + 1
                    if len(record) > FILE_RECORD_BYTES:
                        self._note(f"Bản ghi dài quá giới hạn {FILE_RECORD_BYTES} byte, nên bị bỏ qua.")
                    elif record:
                        yield record
                        self._index += 1
                        if self._look_only:
                            return
                elif is_open and level == frame.level + 1 and not self._skipping and not frame.is_object:
                    carries = self._carries(at, len(block))
                    if carries is None:
                        self._waiting = brackets[number:]
                        break
                    if carries and not envelopes.is_event_itself(self._data, self._open_at, at):
                        self._frames.append(_Frame(frame.level + 1, is_object=True))
                        self._enter(at, level)
                        self._open_at = -1
                        if self.in_envelope and self._look_only:
                            return
            elif is_open:
                if frame.is_object:
                    carries = self._carries(at, len(block))
                    if carries is None:
                        self._waiting = brackets[number:]
                        break
                    if carries:
                        self._enter(at, level)
                    else:
                        self._skipping = True
                else:
                    self._look_at_gap(at)
                    if self._data[at] == 0x7B:
                        self._open_at = at
                    elif len(self._frames) < _FRAMES:
                        self._frames.append(_Frame(level + 1, is_object=False))
                        self._gap_from = at + 1
                    else:
                        self._note("Mảng JSON lồng nhau quá sâu nên phần này bị bỏ qua.")
                        self._skipping = True
            elif len(self._frames) > 1:
                if not frame.is_object:
                    self._look_at_gap(at)
                self._frames.pop()
                self._gap_from = at + 1
            else:
                self._note(
                    "Từ đây trở đi tệp không còn là JSON đọc được (thừa dấu đóng ngoặc); phần trước đã được đọc."
                )
                self.broken = True
                return
        self._forget()

    def finish(self) -> None:
        """Say what is missing at the end of the text."""
        if self.broken:
            return
        if self._open_at >= 0 or self._skipping or len(self._frames) > 1:
            self._note("Tệp JSON kết thúc giữa chừng (bị cắt hoặc hỏng); các bản ghi trọn vẹn trước đó đã được đọc.")
        else:
            self._look_at_gap(len(self._data))

    def _carries(self, at: int, block_bytes: int) -> bool | None:
        """Does the bracket at `at` begin a list of records, by its name and first element? None: not yet known."""
        name = envelopes.key_before(self._data, at)
        if self._data[at] == 0x7B:
            return name == envelopes.HITS
        inner_hits = name == envelopes.HITS and len(self._frames) > 1
        if name not in envelopes.ARRAYS and not inner_hits:
            return False
        behind = self._data[at + 1 : at + 4096].lstrip()
        if not behind and block_bytes and len(self._data) - at < 4096:
            return None
        return behind.startswith(b"{") or (inner_hits and behind.startswith(b"]"))

    def _enter(self, at: int, level: int) -> None:
        """An object of an answer opens (`hits`), or the list in it."""
        is_object = self._data[at] == 0x7B
        self._frames.append(_Frame(level + 1, is_object))
        self._gap_from = at + 1
        self.in_envelope = self.in_envelope or not is_object

    def _look_at_gap(self, end: int) -> None:
        gap = self._data[self._gap_from : end].strip(_BETWEEN)
        if gap:
            what = gap[:60].decode("utf-8", "replace")
            self._note(f"Giữa các bản ghi JSON có nội dung không phải đối tượng JSON nên bị bỏ qua: {what}")
        self._gap_from = end

    def _forget(self) -> None:
        """Drop what is no longer needed from the buffer; a record that has become too long is given up."""
        if self._open_at >= 0:
            keep_from = self._open_at
            if len(self._data) - keep_from > FILE_RECORD_BYTES:
                self._note(f"Bản ghi dài quá giới hạn {FILE_RECORD_BYTES} byte, nên bị bỏ qua.")
                self._open_at, self._skipping = -1, True
                keep_from = len(self._data)
        elif self._skipping or self._frames[-1].is_object:
            keep_from = max(0, len(self._data) - _CONTEXT_BYTES)
        else:
            if not self._waiting:
                self._look_at_gap(len(self._data))
            keep_from = max(self._gap_from, 0)
        if self._waiting:
            keep_from = min(keep_from, max(0, self._waiting[0][0] - _CONTEXT_BYTES))
        if keep_from:
            self._data = self._data[keep_from:]
            self._gap_from = max(0, self._gap_from - keep_from)
            if self._open_at >= 0:
                self._open_at -= keep_from
            self._waiting = [(at - keep_from, level, is_open) for at, level, is_open in self._waiting]

    def _note(self, sentence: str) -> None:
        self._problems.note(self._index, sentence)
