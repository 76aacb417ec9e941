"""The text of an event that a search looks into, and which of many events contain something.

Text here is folded, without accents and without backslashes: so a path is found however often JSON has doubled its
backslashes, and `canh bao` finds `Cảnh báo`. Whoever wants it exact looks again at what was found.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dekhang.engine.text import unaccented

TEXT_COLUMNS = ("raw", "fields", "message")
COLUMNS_READ = (*TEXT_COLUMNS, "raw_base64")
NEEDLE_CHARS = 256  # of a needle that are looked for

# behind two backslashes, which are one that JSON has doubled, it begins a name: "C:\\u2019…" holds no such letter
_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\u([0-9a-fA-F]{4})")


def plain(text: str) -> str:
    """`text` as searches compare it."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).replace("\\", "")
    return unaccented(text)


def readings(text: str) -> list[str]:
    """As `plain`, and with what looks like a letter written as a number left as it is: `C:\\u2019` may be a folder."""
    found = [plain(text)]
    if "\\u" in text:
        found.append(unaccented(text.replace("\\", "")))
    return found


def contains(table: Any, needles: Sequence[str]) -> Any:
    """Return a boolean numpy array: which rows of `table` contain every needle.

    Args:
        table: with COLUMNS_READ.
    """
    wanted = [one for one in (plain(needle[:NEEDLE_CHARS]) for needle in needles) if one]
    patterns = [_pattern(needle) for needle in wanted]
    hits = np.zeros((len(wanted), len(table)), dtype=bool)
    for column, special in texts(table):
        indexes = [index for index, _ in special]
        read = [plain(text) for _, text in special]
        for row, needle, pattern in zip(hits, wanted, patterns, strict=True):
            here = np.array(_bools(pc.match_substring_regex(column, pattern)))
            here[indexes] = [needle in text for text in read]
            row |= here
    return hits.all(axis=0)


def texts(table: Any) -> Iterator[tuple[Any, list[tuple[int, str]]]]:
    """For each text column: its rows as an Arrow array, and those whose text differs from what is written there.

    The first needs only case and backslashes ignored; the second has (index, text) of rows that hold other than ASCII,
    an escaped character, or base64.
    """
    encoded = _bools(table.column("raw_base64"))
    for name in TEXT_COLUMNS:
        column = table.column(name).combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # nothing in it
            column = pa.array([], column.type)
        differs = ~_bools(pc.string_is_ascii(column), missing=True)
        differs |= _bools(pc.match_substring_regex(column, r"\\u[0-9a-fA-F]{4}"))
        if name == "raw":
            differs |= encoded
        special = []
        for index in np.flatnonzero(differs).tolist():
            text = column[index].as_py()
            if name == "raw" and encoded[index]:
                text = base64.b64decode(text).decode("utf-8", "replace")
            special.append((index, text))
        yield column, special


def _pattern(needle: str) -> str:
    return "(?i)" + r"\\*".join(re.escape(char) for char in needle)


def _bools(column: Any, *, missing: bool = False) -> Any:
    """A numpy array of an Arrow one; null counts as `missing`."""
    values = pc.fill_null(column, missing)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return values.to_numpy(zero_copy_only=False)
