"""Writes the lake.

`batches`: what the worker hands over, small ones into its transaction, big ones into files; `segments`: one file and
its index; `merge`: many small files into few sorted ones; `keeper`: does that and the rest of the housekeeping, in the jobs process; `manifest`: which files count; `chain`, `content`: proof that
nothing was changed or lost.

A segment is kept (lakefiles.py: durable, never seen in parts) before its manifest row is committed: a crash in between
leaves an orphan file, which `remove_orphans` deletes at the next start. Readers see only what the manifest names.

Several workers write at the same time. The name of a file begins with a partition that its writer holds (`holder`): who
holds that partition now knows that a file under it that the manifest does not name is not just being written.
"""

from dekhang.pipeline.lakewrite.batches import (
    DAYS_PER_BATCH,
    FLUSH_BYTES,
    FLUSH_ROWS,
    OVERFLOW,
    OVERFLOW_SECONDS,
    flush,
    write_rows,
)
from dekhang.pipeline.lakewrite.manifest import (
    KEEP_SECONDS,
    KEEPER,
    Batch,
    Superseded,
    Written,
    add_to_manifest,
    empty_garbage,
    remove_orphans,
)
from dekhang.pipeline.lakewrite.merge import compact_once
from dekhang.pipeline.lakewrite.rows import Rows
from dekhang.pipeline.lakewrite.segments import Segment

__all__ = [
    "DAYS_PER_BATCH",
    "FLUSH_BYTES",
    "FLUSH_ROWS",
    "KEEPER",
    "KEEP_SECONDS",
    "OVERFLOW",
    "OVERFLOW_SECONDS",
    "Batch",
    "Rows",
    "Segment",
    "Superseded",
    "Written",
    "add_to_manifest",
    "compact_once",
    "empty_garbage",
    "flush",
    "remove_orphans",
    "write_rows",
]
