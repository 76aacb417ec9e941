"""`python -m dekhang.pipeline.worker --data DIR --rules DIR [--rules DIR]…`"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import pyarrow as pa

from dekhang.pipeline.partitions import PARTITIONS
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import heartbeat
from dekhang.pipeline.stores.schema import SchemaTooNew
from dekhang.pipeline.worker.leases import LeasedOwnership
from dekhang.pipeline.worker.loop import BATCH_RECORDS, Worker
from dekhang.pipeline.worker.ownership import FileOwnership, Ownership, PartitionsTaken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dekhang.pipeline.worker")
    parser.add_argument("--data", type=Path, required=True, help="thư mục dữ liệu")
    parser.add_argument("--rules", type=Path, action="append", default=[], metavar="DIR", help="thư mục luật Sigma")
    parser.add_argument(
        "--batch-records", type=int, default=BATCH_RECORDS, metavar="N", help="số bản ghi mỗi lần ghi (%(default)s)"
    )
    parser.add_argument(
        "--share", type=share, default=(1, 1), metavar="K/N", help="là worker thứ K trong N worker của máy này"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s")

    worker: Worker | None = None
    loading = True

    def stop(*_: int | FrameType | None) -> None:
        if loading or worker is None:  # nothing to finish; an exception here could surface inside any library
            os._exit(0)
        worker.stopping = True

    # a batch's columns come and go: Arrow's own allocator gives their pages back each time and asks for new ones
    pa.set_memory_pool(pa.system_memory_pool())
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        worker = Worker(
            args.data,
            args.rules,
            batch_records=args.batch_records,
            ownership=ownership_of(args.data, args.share),
            name=heartbeat.worker_name(args.share[0]),
        )
    except (PartitionsTaken, SchemaTooNew) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2

    def started() -> None:
        nonlocal loading
        loading = False

    worker.run(on_ready=started)
    return 0


def ownership_of(data: Path, share: tuple[int, int]) -> Ownership:
    """Alone on the records: a fixed share. With other hosts: leases, so that they take over when this one dies."""
    place = Place.of(data)
    if place.database:
        return LeasedOwnership(data, f"{place.host}/{share[0]}")
    return FileOwnership(data, share)


def share(text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= PARTITIONS:
        return int(number), int(of)
    raise argparse.ArgumentTypeError(f"cần dạng K/N với 1 ≤ K ≤ N ≤ {PARTITIONS}, ví dụ 1/2, không phải {text!r}")


if __name__ == "__main__":
    sys.exit(main())
