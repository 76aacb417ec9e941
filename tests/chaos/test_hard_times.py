"""A full disk, a slow one, one that lies now and then, a clock that jumps, a damaged spool: nothing acknowledged is lost
but what the damage itself took, and that is told."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekhang.pipeline.spool import START, SpoolReader
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.stores.reasons import Reason
from tests.chaos.pipelines import SOURCE, Pipeline, check

SECONDS = float(os.environ.get("DEKHANG_CHAOS_SECONDS", "4"))  # of each trouble; 120 for minutes of it
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240 + 3 * SECONDS)]
DAY_SECONDS = 86_400
CLOCK = Path(__file__).resolve().parents[1] / "tools" / "jumping_clock.c"


def faults(*what: str) -> list[str]:
    """A prefix that lets the kernel answer a part's system calls as `what` says (strace's --inject)."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace (apt-get install strace)")
    rules = [word for one in what for word in ("-e", f"inject={one}")]
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fdatasync,fsync", *rules]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small file system here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk_refuses_politely_and_recovers_by_itself(small_disk: Path, tmp_path: Path) -> None:
    with Pipeline(small_disk, tmp_path) as pipeline:
        pipeline.start("http")
        pipeline.start("worker")
        senders = [pipeline.sender("thuong"), pipeline.sender("can", careful=True)]
        for sender in senders:
            sender.start()
        pipeline.wait(lambda: len(senders[0].account.acknowledged) > 200, "sending goes well")
        filler = Filler(small_disk)
        filler.start()
        refused = tmp_path / "refused"
        pipeline.wait(lambda: answer_of(pipeline, refused) in (429, 503), "the intake says that the disk is full")
        time.sleep(SECONDS)
        stopped = [len(sender.account.acknowledged) for sender in senders]
        filler.end()
        pipeline.wait(lambda: len(senders[0].account.acknowledged) > stopped[0] + 200, "it takes logs again by itself")
        for sender in senders:
            sender.end()
        check(pipeline, senders)
        pipeline.wait(
            lambda: Reason.DISK_FULL in ledger.of_source(small_disk, SOURCE).refusals,
            "what was refused is counted, once there is room for that again",
        )


def test_slow_disk_delays_answers_and_loses_nothing(tmp_path: Path) -> None:
    slow = faults("fdatasync,fsync:delay_enter=250000")
    with Pipeline(tmp_path / "data", tmp_path) as pipeline:
        pipeline.start("http", slow)
        pipeline.start("worker", slow)
        senders = [pipeline.sender("thuong"), pipeline.sender("can", careful=True)]
        for sender in senders:
            sender.start()
        time.sleep(SECONDS)
        pipeline.wait(lambda: all(len(one.account.acknowledged) >= 100 for one in senders), "answers come, if slowly")
        for sender in senders:
            sender.end()
        check(pipeline, senders)


def test_disk_that_fails_an_fsync_now_and_then_makes_nothing_acknowledged_disappear(tmp_path: Path) -> None:
    """Every seventh fsync of the receiver and every fifth of the worker answers EIO."""
    with Pipeline(tmp_path / "data", tmp_path) as pipeline:
        pipeline.start("http", faults("fdatasync:error=EIO:when=20+7"))
        pipeline.start("worker", faults("fsync:error=EIO:when=20+5"))
        senders = [pipeline.sender("thuong"), pipeline.sender("can", careful=True)]
        for sender in senders:
            sender.start()
        time.sleep(SECONDS)
        pipeline.wait(lambda: all(len(one.account.acknowledged) >= 200 for one in senders), "some get through")
        forgetful = senders[0]  # what is refused it never sends again; one turn may be on its way
        pipeline.wait(
            lambda: len(forgetful.account.attempted.copy() - forgetful.account.acknowledged) > forgetful.size,
            "an fsync fails",
        )
        for sender in senders:
            sender.end()
        check(pipeline, senders)


def test_clock_that_jumps_days_ahead_and_back_loses_and_repeats_nothing(tmp_path: Path) -> None:
    shift = tmp_path / "shift"
    shift.write_text("0")
    clock = {"LD_PRELOAD": str(jumping_clock(tmp_path)), "JUMP_FILE": str(shift)}
    with Pipeline(tmp_path / "data", tmp_path, environment=clock) as pipeline:
        pipeline.start("http")
        pipeline.start("worker")
        senders = [pipeline.sender("thuong"), pipeline.sender("can", careful=True)]
        for sender in senders:
            sender.start()
        for jump in (3 * DAY_SECONDS, -2 * DAY_SECONDS, 0):
            draft = tmp_path / "next"
            draft.write_text(str(jump))
            before = len(senders[0].account.acknowledged)
            draft.replace(shift)
            time.sleep(SECONDS / 2)
            pipeline.wait(lambda before=before: len(senders[0].account.acknowledged) > before + 100, "it goes on")
        for sender in senders:
            sender.end()
        days = {hour.start_ms // 86_400_000 for hour in ledger.hourly(tmp_path / "data", SOURCE, 0)}
        check(pipeline, senders)
        assert len(days) >= 2, "the clock did not jump for the receiver"


def test_damaged_last_segment_costs_what_was_damaged_and_says_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Pipeline(data, tmp_path) as pipeline:
        pipeline.start("http")
        sender = pipeline.sender("thuong", pause_seconds=0.01)
        sender.start()
        pipeline.wait(lambda: len(sender.account.acknowledged) > 1_000, "records wait in the spool")
        sender.end()
        pipeline.kill("http")
        [last] = sorted((data / "spool" / "1").glob("*.seg"))[-1:]
        with SpoolReader(data / "spool", 1, START) as reader:
            frames, _ = reader.read(1_000_000)
        victim = frames[len(frames) // 2]
        damage(last)
        pipeline.start("http")
        after = pipeline.sender("sau", pause_seconds=0.01)
        after.start()
        pipeline.wait(lambda: len(after.account.acknowledged) > 500, "new records are taken")
        after.end()
        pipeline.start("worker")
        pipeline.wait(pipeline.drained, "everything is worked off")
        pipeline.wait(lambda: pipeline.beat("worker").get("lost_records"), "the worker tells of the loss")
        lost = int(pipeline.beat("worker")["lost_records"])
        assert 0 < lost <= 2 * len(victim.records)
        assert any("hỏng" in text for text in pipeline.beat("worker")["spool_problems"])
        check(pipeline, [sender, after], lost=lost)


# -- making trouble


def jumping_clock(folder: Path) -> Path:
    """tools/jumping_clock.c, compiled."""
    if (compiler := shutil.which("cc") or shutil.which("gcc")) is None:
        pytest.skip("needs a C compiler for the clock that jumps")
    library = folder / "jumping_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, CLOCK, "-ldl"], check=True)
    return library


class Filler(threading.Thread):
    """Takes the last byte of a file system, and what is freed in it, until told to end."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.path = folder / "filler"
        self.ending = threading.Event()

    def run(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        while not self.ending.is_set():
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while os.write(descriptor, b"\0" * size) == size:
                        pass
            self.ending.wait(0.05)
        os.close(descriptor)

    def end(self) -> None:
        self.ending.set()
        self.join()
        self.path.unlink()


def answer_of(pipeline: Pipeline, note: Path) -> int:
    """The status that the intake gives to one more record."""
    done = subprocess.run(
        [
            *("curl", "-s", "-o", str(note), "-w", "%{http_code}", "-H", "X-DK-Token: ma-ket-noi-cua-ngay-kho"),
            *("--data-binary", "x" * 50_000, f"http://127.0.0.1:{pipeline.port}/ndjson"),
        ],
        capture_output=True,
        text=True,
    )
    return int(done.stdout or 0)


def damage(segment: Path) -> None:
    """Overwrite 40 bytes in the middle, as a failing disk or a careless hand would."""
    with segment.open("r+b") as file:
        file.seek(segment.stat().st_size // 2)
        file.write(b"\xff" * 40)
