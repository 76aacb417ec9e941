"""The words of a PDF as a reader would copy them: content streams decoded by each font's ToUnicode map. For tests."""

import re
from io import BytesIO

from pyhanko.pdf_utils.reader import PdfFileReader

TOKEN = re.compile(rb"/(\w+)\s+[\d.]+\s+Tf|<([0-9A-Fa-f]*)>|(\()|\b(Td|TD|Tm|BT)\b|(T\*)")
CHAR = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
RANGE = re.compile(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")


def words_of(pdf: bytes) -> str:
    """All text, in the order of drawing, spaces where the drawing position changes; runs of spaces are one."""
    reader = PdfFileReader(BytesIO(pdf))
    parts = []
    for number in range(int(reader.root["/Pages"]["/Count"])):
        page = reader.find_page_for_modification(number)[0].get_object()
        fonts = {name.lstrip("/"): _map(font.get_object()) for name, font in page["/Resources"]["/Font"].items()}
        parts.append(_drawn(page["/Contents"].data, fonts))
    return " ".join(" ".join(parts).split())


def _drawn(stream: bytes, fonts: dict[str, dict[int, str]]) -> str:
    said, chars, place = [], {}, 0
    while found := TOKEN.search(stream, place):
        place = found.end()
        font, code, opened = found[1], found[2], found[3]
        if font:
            chars = fonts[font.decode()]
        elif code is not None or opened:
            raw = bytes.fromhex(code.decode()) if code is not None else b""
            if opened:
                place = _end_of_string(stream, place)
                raw = _unescaped(stream[found.end() : place - 1])
            said.append("".join(chars.get(int.from_bytes(raw[n : n + 2]), "") for n in range(0, len(raw), 2)))
        else:
            said.append(" ")
    return "".join(said)


def _end_of_string(stream: bytes, place: int) -> int:
    """Behind the bracket that closes a string; inner brackets come in pairs or with a backslash."""
    depth = 1
    while depth:
        if stream[place] == ord("\\"):
            place += 1
        else:
            depth += {ord("("): 1, ord(")"): -1}.get(stream[place], 0)
        place += 1
    return place


def _unescaped(raw: bytes) -> bytes:
    named = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}

    def one(found: re.Match[bytes]) -> bytes:
        text = found[1]
        return bytes([int(text, 8) & 255]) if text[:1].isdigit() else named.get(text, text)

    return re.sub(rb"\\([0-7]{1,3}|.)", one, raw, flags=re.S)


def _map(font) -> dict[int, str]:
    cmap = font["/ToUnicode"].data
    chars: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.S):
        for code, text in CHAR.findall(block):
            chars[int(code, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.S):
        for first, last, text in RANGE.findall(block):
            start = int.from_bytes(bytes.fromhex(text.decode())[-2:])
            for n, code in enumerate(range(int(first, 16), int(last, 16) + 1)):
                chars[code] = chr(start + n)
    return chars
