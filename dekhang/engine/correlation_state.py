"""What correlations have counted, as bytes that a restart may bring back. A data format: reading it runs nothing.

Layout: 16 bytes BLAKE2b of the rest, then MessagePack of `Saved`. Damaged, shortened, foreign or inconsistent bytes are
refused with a reason; an older layout too.
"""

from hashlib import blake2b
from math import isfinite

import msgspec

VERSION = 2
DIGEST_BYTES = 16


class SavedGroup(msgspec.Struct, array_like=True, frozen=True):
    """One group; the lists run in parallel, by time. `correlation` is a place in `Saved.correlations`."""

    correlation: int
    scope: int
    values: tuple[str, ...]
    shown: tuple[tuple[str, str], ...]
    times: list[int]
    keys: list[int]
    tags: list[str]
    numbers: list[float]
    weights: list[int]
    fired: list[int]
    closed: int | None
    late: bool


class Saved(msgspec.Struct, array_like=True, frozen=True):
    """Everything. `correlations` are fingerprints of their meaning; `newest` is event time by scope."""

    version: int
    correlations: list[str]
    newest: list[tuple[int, int]]
    groups: list[SavedGroup]


def pack(saved: Saved) -> bytes:
    content = msgspec.msgpack.encode(saved)
    return blake2b(content, digest_size=DIGEST_BYTES).digest() + content


def unpack(state: bytes) -> Saved:
    """Return what `pack` wrote.

    Raises:
        ValueError: it is something else; the message says what is odd, in Vietnamese.
    """
    content = state[DIGEST_BYTES:]
    if blake2b(content, digest_size=DIGEST_BYTES).digest() != state[:DIGEST_BYTES]:
        raise ValueError("Trạng thái tương quan bị hỏng, bị sửa, hoặc do bản cũ hơn ghi")
    try:
        saved = msgspec.msgpack.decode(content, type=Saved)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"Trạng thái tương quan không đúng dạng: {error}") from error
    if saved.version != VERSION:
        raise ValueError(f"Trạng thái tương quan thuộc dạng {saved.version}, bản này đọc dạng {VERSION}")
    for group in saved.groups:
        fault = _fault(group, len(saved.correlations))
        if fault:
            raise ValueError(f"Trạng thái tương quan không nhất quán: {fault}")
    return saved


def _fault(group: SavedGroup, correlations: int) -> str:
    if not 0 <= group.correlation < correlations:
        return "một nhóm không thuộc luật nào"
    if len({len(group.times), len(group.keys), len(group.tags), len(group.numbers), len(group.weights)}) != 1:
        return "các cột của một nhóm dài ngắn khác nhau"
    if any(later < earlier for earlier, later in zip(group.times, group.times[1:], strict=False)):
        return "thời gian trong một nhóm không tăng dần"
    if not all(map(isfinite, group.numbers)) or any(weight < 1 for weight in group.weights):
        return "một nhóm có số không dùng được"
    if len(group.values) != len(group.shown):
        return "một nhóm có giá trị gộp không khớp tên"
    return ""
