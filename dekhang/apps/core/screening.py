"""Marks of state secrets in file names and texts. A hit is refused and counted; nothing of it is kept.

The three marks are „MẬT”, „TỐI MẬT”, „TUYỆT MẬT”: a mark counts only when it stands alone and in capitals, because
„bí mật”, „bảo mật”, „mật khẩu”, „mật độ” are everyday words. A wrong hit costs a renaming; a missed one cannot be undone.
Law: R2016 L29-2018/5
"""

import re
import unicodedata
import zipfile
import zlib
from io import BytesIO
from lzma import LZMAError
from typing import IO

LETTERS = re.compile(r"[^\W\d_]+")
SECRET = {"MẬT", "MAT"}
BEFORE = {"TỐI": "TỐI MẬT", "TOI": "TỐI MẬT", "TUYỆT": "TUYỆT MẬT", "TUYET": "TUYỆT MẬT"}
# an upper-case word around it that makes it an everyday expression: BÍ MẬT, BẢO MẬT, MẬT KHẨU, MẬT ĐỘ, MẬT MÃ, MẬT DANH
EVERYDAY_BEFORE = {"BÍ", "BI", "BẢO", "BAO"}
EVERYDAY_AFTER = {"KHẨU", "KHAU", "ĐỘ", "DO", "MÃ", "MA", "DANH"}
HEADING_CHARACTERS = 4_000  # a stamp stands near the number line of the first page
# what a torn or hostile archive raises
UNPACKING = (
    *(KeyError, OSError, ValueError, RuntimeError, NotImplementedError, EOFError),
    *(zipfile.BadZipFile, zlib.error, LZMAError),
)
DOCUMENT_BYTES = 65_536  # of word/document.xml: more than any first page


def _words(text: str) -> list[str]:
    """Words of `text` in NFC; letters written apart ("T Ố I") are joined again."""
    words: list[str] = []
    apart: list[str] = []
    for found in LETTERS.findall(unicodedata.normalize("NFC", text)):
        if len(found) == 1:
            apart.append(found)
            continue
        if apart:
            words.append("".join(apart))
            apart = []
        words.append(found)
    if apart:
        words.append("".join(apart))
    return words


def mark_in_name(name: str) -> str | None:
    """The mark that a file name carries, or None."""
    words = _words(name)
    for place, word in enumerate(words):
        if word in ("TỐIMẬT", "TOIMAT"):
            return "TỐI MẬT"
        if word in ("TUYỆTMẬT", "TUYETMAT"):
            return "TUYỆT MẬT"
        if word not in SECRET:
            continue
        before = words[place - 1] if place else ""
        after = words[place + 1] if place + 1 < len(words) else ""
        if before in BEFORE:
            return BEFORE[before]
        if before not in EVERYDAY_BEFORE and after not in EVERYDAY_AFTER:
            return "MẬT"
    return None


def mark_in_text(text: str) -> str | None:
    """The mark that stands as a line of its own in the heading of `text`, as a stamp does, or None."""
    for line in text[:HEADING_CHARACTERS].splitlines():
        bare = " ".join(_words(line))
        bare = re.sub(r"^(?:ĐỘ MẬT|DO MAT|Độ mật|Mức độ mật) ", "", bare)
        if len(bare) <= 12 and bare.upper() == bare and (mark := mark_in_name(bare)):
            return mark
    return None


def mark_in_file(name: str, file: IO[bytes]) -> str | None:
    """The mark in the name, or in the first page of a text or Word file. Reads a bounded part and rewinds."""
    if mark := mark_in_name(name):
        return mark
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    text = _docx_text(file) if head == b"PK\x03\x04" else file.read(HEADING_CHARACTERS * 4).decode("utf-8", "ignore")
    file.seek(0)
    return mark_in_text(text)


def _docx_text(file: IO[bytes]) -> str:
    """The first paragraphs of a Word file, one a line; "" for other archives. Never unpacks more than a bounded part."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open("word/document.xml") as document:
            xml = document.read(DOCUMENT_BYTES)
    except UNPACKING:
        return ""
    paragraphs = BytesIO(xml).read().decode("utf-8", "ignore").split("</w:p>")
    return "\n".join(re.sub(r"<[^>]*>", "", paragraph) for paragraph in paragraphs)
