"""A message of the transport: frames of the spool's encoding one behind the other, numbered when they are read.

The cluster gives a message its sequence number in its stream; record i of the message is number `sequence << 13 | i`.
The header `Dk-Records` tells records by source and hour of receipt, so that what waits is counted without its payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import zstandard

from dekhang.pipeline.spool.layout import Batch, Frame, decode, encode, read_head

RECORDS_SHIFT = 13
MESSAGE_RECORDS = 1 << RECORDS_SHIFT
FRAME_BYTES = 512 * 1024  # raw; a single longer record (at most 1 MB) still fits NATS's usual 1 MiB of payload
MESSAGE_BYTES = 512 * 1024  # packed; more frames wait for the next message
RAW_BYTES = 16 << 20  # more in one frame is not of our making
HEADER = "Dk-Records"
Account = tuple[int, int]  # source and epoch hour of receipt
SALT = b""  # a message has its own bounds: nothing has to be found again in a stream of bytes


class MessageDamaged(Exception):
    """A message that is not of our making, or no longer as it was made."""


def frame(batch: Batch, start: int, stop: int) -> bytes:
    """A frame of the batch's records from `start` to before `stop`."""
    compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
    return encode(batch, start, stop, first_seq=0, salt=SALT, compressor=compressor)


def counts_header(counts: Iterable[tuple[Account, int]]) -> str:
    """`7:437829=100,8:437829=20`: source, epoch hour, records; from (account, records) of each frame."""
    total: dict[Account, int] = {}
    for account, records in counts:
        total[account] = total.get(account, 0) + records
    return ",".join(f"{source}:{hour}={records}" for (source, hour), records in total.items())


def counts_of(headers: Mapping[str, str] | None) -> dict[Account, int]:
    """(source, hour) → records of a message; empty when the header is not of our making."""
    total: dict[Account, int] = {}
    try:
        for pair in (headers or {}).get(HEADER, "").split(","):
            if pair:
                account, records = pair.split("=")
                source, hour = account.split(":")
                total[int(source), int(hour)] = int(records)
    except ValueError:
        return {}
    return total


def unpack(data: bytes, sequence: int) -> list[Frame]:
    """The frames of a message with their final numbers.

    Raises:
        MessageDamaged: nothing of it is used.
    """

    def read(size: int, offset: int) -> bytes:
        return data[offset : offset + size]

    frames: list[Frame] = []
    offset = records = 0
    while offset < len(data):
        head = read_head(read, offset, len(data), SALT)
        if head is None or head.raw_bytes > RAW_BYTES or records + head.records > MESSAGE_RECORDS:
            raise MessageDamaged
        one = decode(read, head)
        if one is None:
            raise MessageDamaged
        frames.append(replace(one, first_seq=(sequence << RECORDS_SHIFT) + records))
        records += head.records
        offset = head.end
    return frames
