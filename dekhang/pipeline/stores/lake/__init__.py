"""Reads stored events, from any number of processes. Every question names the units it may look into.

`lake` has the questions, `reading` how they are answered, `pieces` what the lake consists of, `index` and `grams` how most
of it is left unread, `searchtext` what text is to a search, `fresh` small batches that are no file yet.
"""

from dekhang.pipeline.stores.lake.columns import SCHEMA
from dekhang.pipeline.stores.lake.events import Bucket, StoredEvent, events_of, is_late
from dekhang.pipeline.stores.lake.lake import EVENTS_AT_ONCE, Lake, Scan
from dekhang.pipeline.stores.lake.reading import UNREADABLE, Pruning

__all__ = [
    "EVENTS_AT_ONCE",
    "SCHEMA",
    "UNREADABLE",
    "Bucket",
    "Lake",
    "Pruning",
    "Scan",
    "StoredEvent",
    "events_of",
    "is_late",
]
