"""JSON over many lines: an array of objects, or objects one after another."""

import codecs
import json
from collections.abc import Iterator

from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.formats.problems import Problems
from dekhang.pipeline.formats.unpack import Readable

_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,"


def starts_whole_value(head: bytes) -> bool:
    """Does `head` begin with one whole JSON object, or an array of which the first element is whole or empty?"""
    text = head.decode("utf-8", "replace").lstrip(" \t\r\n")
    if text.startswith("["):
        text = text[1:].lstrip(" \t\r\n")
        if text.startswith("]"):
            return True
        if not text.startswith("{"):
            return False
    try:
        _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def read_json(stream: Readable, problems: Problems, *, first_index: int) -> Iterator[bytes]:
    """Yield the text of each object exactly as it stands in the file.

    The buffer always holds at least one whole allowed record, so that each is scanned once.
    """
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    buffer = ""
    position = 0
    index = first_index
    ended = opened = False
    while True:
        if not ended and len(buffer) - position < RECORD_BYTES:
            data = stream.read(4 * RECORD_BYTES)
            ended = not data
            buffer = buffer[position:] + decode(data, final=ended)
            position = 0
            if not ended and len(buffer) < RECORD_BYTES:
                continue
        while position < len(buffer) and buffer[position] in _BETWEEN:
            position += 1
        if position >= len(buffer):
            if ended:
                return
            continue
        if buffer[position] == "[" and not opened:
            opened = True
            position += 1
            continue
        if buffer[position] == "]":
            opened = False
            position += 1
            continue
        try:
            _, end = _DECODER.raw_decode(buffer, position)
        except (ValueError, RecursionError):
            if not ended and len(buffer) - position < RECORD_BYTES:
                continue
            problems.note(
                index,
                f"Từ bản ghi số {index} trở đi không còn là JSON đọc được (hỏng, bị cắt, hoặc dài hơn {RECORD_BYTES} byte); "
                "các bản ghi trước đó đã được đọc.",
            )
            return
        record = buffer[position:end].encode("utf-8", "surrogateescape")
        position = end
        if len(record) > RECORD_BYTES:
            problems.note(index, f"Bản ghi dài {len(record)} byte, quá giới hạn {RECORD_BYTES} byte, nên bị bỏ qua.")
            continue
        yield record
        index += 1
