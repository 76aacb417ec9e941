"""Reads one file of indicators, whatever it is: STIX, MISP, CSV with a header, or a list. The content decides."""

import re
from typing import Any

import orjson

from dekhang.engine.indicators.intake import Intake
from dekhang.engine.indicators.lists import is_csv, read_csv, read_list
from dekhang.engine.indicators.misp import is_misp, read_misp
from dekhang.engine.indicators.stix import is_stix, read_stix

BLANK = b"\xef\xbb\xbf \t\r\n"  # and the mark of UTF-8
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.I)


def read_indicators(content: bytes, path: str, intake: Intake) -> None:
    """Put what stands in a file into `intake`; whatever cannot be used is named there. Never raises for bad content."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "replace").encode()
    elif b"\0" in content[:4_096]:
        intake.error(path, 1, "Tệp nhị phân, không phải danh sách chỉ dấu dạng chữ.")
        return
    if content[:4_096].lstrip(BLANK)[:1] in (b"{", b"[") and not _is_bracketed_address(content):
        _json(content, path, intake)
        return
    text = content.decode("utf-8-sig", "replace")
    if is_csv(text):
        read_csv(text, path, intake)
    else:
        read_list(text, path, intake)


def _is_bracketed_address(content: bytes) -> bool:
    """Return whether a file that begins with a bracket is a list all the same ("[2001:db8::1]")."""
    first = content[:4_096].lstrip(BLANK).partition(b"\n")[0].strip()
    return re.match(rb"\[[0-9a-fA-F:.]+\]", first) is not None and first.count(b":") > 1


def _json(content: bytes, path: str, intake: Intake) -> None:
    try:
        document: Any = orjson.loads(content.lstrip(BLANK))
    except orjson.JSONDecodeError as error:
        intake.error(path, error.lineno, f"JSON hỏng ở cột {error.colno}: {error.msg}.")
        return
    if is_misp(document):
        read_misp(document, path, intake)
    elif is_stix(document):
        read_stix(document, path, intake)
    elif isinstance(document, dict) and document and all(UUID.match(key) for key in document):
        intake.skip(path, 0, "Mục lục của nguồn MISP (manifest); các sự kiện nằm ở tệp khác trong cùng thư mục.")
    else:
        intake.error(path, 1, "JSON này không phải là STIX 2.1 hay sự kiện MISP.")
