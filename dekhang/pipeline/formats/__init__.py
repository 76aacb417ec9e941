"""Opens log files of any known format, packed or not, as raw records.

The format is recognised by content and can be overridden. Nothing in a file can raise: what cannot be read is a
sentence in `RecordFile.problems`.
"""

from dekhang.pipeline.formats.chunk import Chunk
from dekhang.pipeline.formats.folders import Skipped, log_files
from dekhang.pipeline.formats.problems import WHOLE_FILE, Problems
from dekhang.pipeline.formats.recognise import FORMATS
from dekhang.pipeline.formats.recordfile import RecordFile, open_records, open_stream

__all__ = [
    "FORMATS",
    "WHOLE_FILE",
    "Chunk",
    "Problems",
    "RecordFile",
    "Skipped",
    "log_files",
    "open_records",
    "open_stream",
]
