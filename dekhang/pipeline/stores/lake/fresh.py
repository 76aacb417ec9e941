"""Small batches on their way into a segment: Arrow's own format, compressed, in table `fresh` of pipeline.db."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pyarrow as pa

CACHE_BYTES = 64 << 20  # of unpacked batches that a process keeps: a look at the newest events comes every few seconds

_lock = threading.Lock()
_cache: OrderedDict[tuple[str, int], Any] = OrderedDict()
_cached_bytes = 0


def pack(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpack(body: bytes) -> Any:
    """The rows of a batch.

    Raises:
        pa.ArrowInvalid: this is no batch.
    """
    with pa.ipc.open_stream(pa.BufferReader(body)) as stream:
        return stream.read_all()


def unpacked(place: str, fresh_id: int, read: Callable[[], bytes]) -> Any:
    """As `unpack`, remembered: a batch never changes and its number is never used again in its database, `place`."""
    global _cached_bytes
    key = (place, fresh_id)
    with _lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    table = unpack(read())
    with _lock:
        if key not in _cache:
            _cache[key] = table
            _cached_bytes += table.nbytes
        while _cached_bytes > CACHE_BYTES and len(_cache) > 1:
            _, old = _cache.popitem(last=False)
            _cached_bytes -= old.nbytes
    return table
