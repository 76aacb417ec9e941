"""Bounds of everything read from files: an upload may be written by an attacker."""

RECORD_BYTES = 1_000_000  # of the receivers: longer lines and records are cut or refused
FILE_RECORD_BYTES = 16 << 20  # of files that an officer opens: a 1 MB command line, escaped sixfold, still fits
PROBLEMS_KEPT = 1_000  # sentences kept per file; the rest is only counted
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 2_000_000  # looked at to recognise a format: enough to see one whole record of nearly any log
COLUMNS = 1_000  # of a table: CSV, W3C, Zeek
CHUNK_RECORDS = 65_536  # of one chunk built record by record

UNPACKED_BYTES = 16 << 30  # of one packed file in total
RATIO_FREE_BYTES = 256 << 20  # unpacked bytes that are allowed at any ratio; repetitive logs do pack 300:1
RATIO = 500  # beyond that; gzip ends at 1030:1, zstd and xz reach tens of thousands
PACKING_DEPTH = 3  # .gz inside .zip inside .zip, no deeper
MEMBERS = 5_000  # of one zip or tar
MEMBERS_SEEN = 100_000  # of one tar with folders, links and oversized headers: all that is walked over
ZIP_DIRECTORY_BYTES = 64 << 20  # of a zip's table of contents, which is read as a whole
XZ_MEMORY_BYTES = 256 << 20
ZSTD_WINDOW_BYTES = 128 << 20
SPOOLED_BYTES = 4 << 30  # of a zip that comes through a pipe: it needs seeking, so it goes through a temporary file
