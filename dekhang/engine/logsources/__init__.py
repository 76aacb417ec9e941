"""Which records a rule's `logsource` means. The facts are in the YAML files beside; docs/reference/logsources.md.

sources.py   what the engine asks: Source, LogsourceMapping
reading.py   how a mapping is written down: read_mapping, and what is wrong with a document
*.yml        our own documents: windows, unix, web, network, cloud, applications, unread
"""

from dekhang.engine.logsources.reading import (
    MappingDocument,
    MappingError,
    default_documents,
    default_mapping,
    read_mapping,
)
from dekhang.engine.logsources.sources import LogsourceMapping, Place, Source, event_id_of

__all__ = [
    "LogsourceMapping",
    "MappingDocument",
    "MappingError",
    "Place",
    "Source",
    "default_documents",
    "default_mapping",
    "event_id_of",
    "read_mapping",
]
