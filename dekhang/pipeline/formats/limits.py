"""Bounds of everything read from files: an upload may be written by an attacker."""

RECORD_BYTES = 1_000_000  # longer lines and records are cut; the same bound as the receivers'
PROBLEMS_KEPT = 1_000  # sentences kept per file; the rest is only counted
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 2 * RECORD_BYTES  # enough to see one whole record, whatever the format

UNPACKED_BYTES = 16 << 30  # of one packed file in total
RATIO_FREE_BYTES = 256 << 20  # unpacked bytes that are allowed at any ratio; repetitive logs do pack 300:1
RATIO = 500  # beyond that; gzip ends at 1030:1, zstd and xz reach tens of thousands
PACKING_DEPTH = 3  # .gz inside .zip inside .zip, no deeper
ZIP_MEMBERS = 5_000
XZ_MEMORY_BYTES = 256 << 20
ZSTD_WINDOW_BYTES = 128 << 20
EVTX_UNPACKED_BYTES = 4 << 30  # EVTX needs a seekable file, so a packed one goes through a temporary file
