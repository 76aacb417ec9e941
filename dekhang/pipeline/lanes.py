"""Lanes: what is urgent goes before what is loud (decision 8).

A receiver has two writers: the express lane, and the bulk lane for sources that send faster than their quota. Files are
bulk by nature. Workers read the express lanes first and give the bulk lanes what is left of a batch, but never less than
a share of it.
"""

FILES = 3  # the writer of uploads and followed files
BULK = 100  # the bulk lane of writer n is writer BULK + n
CLUSTER = 1000  # the lanes of partition p in a NATS cluster are the writers CLUSTER + p and CLUSTER + BULK + p
BULK_SHARE = 0.1  # of a batch, at least


def is_bulk(writer: int) -> bool:
    return writer == FILES or BULK < writer < 2 * BULK or writer >= CLUSTER + BULK
