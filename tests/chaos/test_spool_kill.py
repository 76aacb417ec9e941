"""kill -9 of a receiver under load: what was acknowledged is in the spool, once."""

import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from dekhang.pipeline.spool import START, SpoolReader, SpoolWriter
from tests.receivers import PROJECT, TOKEN, Receiver

pytestmark = pytest.mark.chaos


def test_every_record_acknowledged_before_a_kill_is_in_the_spool_exactly_once(tmp_path: Path) -> None:
    """Eight clients send NDJSON while the receiver is killed four times. A delivery that was not answered may have
    got in or not: at most once, because each attempt here carries its own text."""
    acknowledged: list[bytes] = []
    attempted: set[bytes] = set()
    lock = threading.Lock()
    ending = threading.Event()

    def client(number: int) -> None:
        turn = 0
        connection: http.client.HTTPConnection | None = None
        while not ending.is_set():
            turn += 1
            records = [b"%d-%d-%d" % (number, turn, n) for n in range(50)]
            with lock:
                attempted.update(records)
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=5)
                connection.request("POST", "/ndjson", body=b"\n".join(records), headers={"X-DK-Token": TOKEN})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.01)
                continue
            if answer.status == 200:
                with lock:
                    acknowledged.extend(records)
        if connection is not None:
            connection.close()

    with Receiver(tmp_path, "http") as receiver:
        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for seed in range(4):
            time.sleep(0.25 + random.Random(seed).random() / 4)
            receiver.kill()
            receiver.start()
        time.sleep(0.2)
        ending.set()
        for thread in threads:
            thread.join()
        stored = Counter(receiver.records())
        sequences = {
            lane: [frame.first_seq + n for frame in receiver.frames(lane) for n in range(len(frame.records))]
            for lane in ("http", "http-bulk")
        }
    assert len(acknowledged) > 500
    assert [record for record in acknowledged if stored[record] != 1] == []
    assert max(stored.values()) == 1
    assert set(stored) <= attempted
    assert all(numbers == sorted(set(numbers)) for numbers in sequences.values())


WRITER = """
import os, sys
from pathlib import Path
from dekhang.pipeline.spool import Batch, SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), 1, free_floor_bytes=0, segment_bytes=200_000)
number = int(sys.argv[2])
while True:
    for _ in range(3):
        records = [b"%d" % (number + n) + os.urandom(300) for n in range(20)]
        writer.append(Batch(1, 1, "linux", "http_bulk", 0, "", records))
        number += 20
    writer.sync()
    os.write(1, b"%d\\n" % number)
"""


def test_a_reader_that_follows_a_writer_killed_again_and_again_misses_nothing_synced(tmp_path: Path) -> None:
    number = 0
    seen: list[int] = []
    with SpoolReader(tmp_path, 1, START) as reader:

        def follow() -> None:
            for frame in reader.read(1000)[0]:
                seen.extend(int(record[:-300]) for record in frame.records)

        for seed in range(5):
            process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
            )
            assert process.stdout is not None
            number = int(process.stdout.readline())
            end = time.monotonic() + 0.1 + random.Random(seed).random() / 5
            while time.monotonic() < end:
                follow()
            process.send_signal(signal.SIGKILL)
            told = process.stdout.read().split()
            process.stdout.close()
            process.wait()
            number = int(told[-1]) if told else number
            synced = number
            with SpoolWriter(tmp_path, 1, free_floor_bytes=0) as writer:  # as the restarted receiver would
                assert writer.recovery.damaged == []
            while reader.waiting():
                follow()
            assert len(seen) >= synced
            number = seen[-1] + 1
    assert seen == list(range(len(seen)))
    assert reader.lost_records == reader.lost_bytes == 0
