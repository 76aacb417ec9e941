"""`python -m dekhang.pipeline.worker --data DIR --rules DIR [--rules DIR]…`"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import IO

from dekhang.pipeline.stores.schema import SchemaTooNew
from dekhang.pipeline.worker.loop import BATCH_RECORDS, Worker


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dekhang.pipeline.worker")
    parser.add_argument("--data", type=Path, required=True, help="thư mục dữ liệu")
    parser.add_argument("--rules", type=Path, action="append", default=[], metavar="DIR", help="thư mục luật Sigma")
    parser.add_argument(
        "--batch-records", type=int, default=BATCH_RECORDS, metavar="N", help="số bản ghi mỗi lần ghi (%(default)s)"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(levelname)s %(message)s")

    worker: Worker | None = None
    loading = True

    def stop(*_: int | FrameType | None) -> None:
        if loading or worker is None:  # nothing to finish; an exception here could surface inside any library
            os._exit(0)
        worker.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    lock = _take_lock(args.data)
    if lock is None:
        sys.stderr.write(f"Một worker khác đang làm việc với {args.data}; mỗi thư mục dữ liệu chỉ chạy một.\n")
        return 2
    try:
        worker = Worker(args.data, args.rules, batch_records=args.batch_records)
    except SchemaTooNew as fault:
        sys.stderr.write(f"{fault}\n")
        return 2

    def started() -> None:
        nonlocal loading
        loading = False

    worker.run(on_ready=started)
    return 0


def _take_lock(data: Path) -> IO[str] | None:
    """Two workers on one folder would store everything twice."""
    (data / "run").mkdir(parents=True, exist_ok=True)
    file = (data / "run" / "worker.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


if __name__ == "__main__":
    sys.exit(main())
