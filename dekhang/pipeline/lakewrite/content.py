"""A digest of rows that does not depend on their order: equal digests before and after a merge prove that it kept them."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import pyarrow as pa

_MODULUS = 1 << 256
_HEAD = struct.Struct("<qqqqq?")
COLUMNS = ("event_id", "unit_id", "source_id", "time", "received_at", "raw_base64", "raw")


def digest_of(table: Any) -> int:
    """The sum of the SHA-256 of all rows: ids, unit, source, times and the raw record. Add up those of parts."""
    numbers = [table.column(name).cast(pa.int64()).to_pylist() for name in COLUMNS[:5]]
    encoded = table.column("raw_base64").to_pylist()
    raws = table.column("raw").cast(pa.binary()).to_pylist()
    total = 0
    for *head, raw in zip(*numbers, encoded, raws, strict=True):
        total += int.from_bytes(hashlib.sha256(_HEAD.pack(*head) + raw).digest(), "little")
    return total % _MODULUS


def added(one: int, other: int) -> int:
    return (one + other) % _MODULUS


def shown(digest: int) -> str:
    return f"{digest:064x}"
