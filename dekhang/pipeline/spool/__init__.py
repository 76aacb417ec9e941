"""The spool: what a receiver has acknowledged, on disk, in order, until the worker has it in the lake.

`layout` says how it lies on disk, `writer` is for receivers, `reader` for the worker.
"""

from dekhang.pipeline.spool.layout import (
    START,
    Batch,
    Frame,
    Position,
    SpoolBusy,
    SpoolError,
    SpoolFull,
    event_id,
    writers,
)
from dekhang.pipeline.spool.reader import SpoolReader, prune, waiting
from dekhang.pipeline.spool.writer import Recovery, SpoolWriter

__all__ = [
    "START",
    "Batch",
    "Frame",
    "Position",
    "Recovery",
    "SpoolBusy",
    "SpoolError",
    "SpoolFull",
    "SpoolReader",
    "SpoolWriter",
    "event_id",
    "prune",
    "waiting",
    "writers",
]
