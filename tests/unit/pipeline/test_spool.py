"""The spool keeps what was synced, in order, once; it steps over damage and says so."""

import errno
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.spool import (
    START,
    Batch,
    Position,
    SpoolBusy,
    SpoolError,
    SpoolFull,
    SpoolReader,
    SpoolWriter,
    event_id,
    prune,
    waiting,
    writers,
)

HOUR = 1_700_000_000_000 // 3_600_000


def batch(
    *records: bytes, source: int = 7, ids: list[bytes | None] | None = None, received_ms: int = 1_700_000_000_000
) -> Batch:
    return Batch(source, 3, "linux", "http_bulk", received_ms, "192.0.2.9:5", list(records), ids)


def open_writer(folder: Path, **options: int) -> SpoolWriter:
    return SpoolWriter(folder, 1, free_floor_bytes=0, **options)


def crash(writer: SpoolWriter) -> None:
    """Leave as kill -9 does: nothing is flushed, the lock falls."""
    os.close(writer._fd)
    os.close(writer._lock_fd)
    writer._lock_fd = -1


def read_all(folder: Path, position: Position = START) -> list[bytes]:
    with SpoolReader(folder, 1, position) as reader:
        frames, _ = reader.read(1_000_000)
        return [record for frame in frames for record in frame.records]


def segment_files(folder: Path) -> list[Path]:
    return sorted((folder / "1").glob("*.seg"))


def test_a_batch_comes_back_as_it_went_in(tmp_path: Path) -> None:
    with open_writer(tmp_path, first_seq=41) as writer:
        first = writer.append(batch(b"m\xe1\xbb\x99t", b"", b"\x00\xff", ids=[b"a", None, b""]))
        writer.sync()
    with SpoolReader(tmp_path, 1) as reader:
        [frame], position = reader.read(10)
    assert (first, frame.first_seq, position.next_seq) == (41, 41, 44)
    assert frame.records == [b"m\xe1\xbb\x99t", b"", b"\x00\xff"]
    assert frame.ids == [b"a", None, b""]
    assert (frame.source_id, frame.unit_id, frame.source_kind, frame.transport) == (7, 3, "linux", "http_bulk")
    assert (frame.received_ms, frame.peer) == (1_700_000_000_000, "192.0.2.9:5")


def test_the_reader_sees_nothing_before_the_sync(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append(batch(b"one"))
        assert read_all(tmp_path) == []
        writer.sync()
        assert read_all(tmp_path) == [b"one"]


def test_the_reader_follows_over_segments_and_stops_at_whole_frames(tmp_path: Path) -> None:
    with open_writer(tmp_path, segment_bytes=2000) as writer, SpoolReader(tmp_path, 1) as reader:
        seen = []
        for number in range(60):
            writer.append(batch(*(os.urandom(40) + b"%d-%d" % (number, i) for i in range(5))))
            writer.sync()
            frames, position = reader.read(1)
            assert len(frames) == 1
            seen += [record[40:] for record in frames[0].records]
    assert seen == [b"%d-%d" % (n, i) for n in range(60) for i in range(5)]
    assert len(segment_files(tmp_path)) > 3
    assert position.next_seq == 301


def test_a_large_batch_becomes_several_frames_with_running_numbers(tmp_path: Path) -> None:
    records = [b"%06d" % n for n in range(20_000)]
    with open_writer(tmp_path) as writer:
        writer.append(batch(*records))
    with SpoolReader(tmp_path, 1) as reader:
        frames, _ = reader.read(1_000_000)
    assert len(frames) == 3
    assert [f.first_seq for f in frames] == [1, 8193, 16385]
    assert [r for f in frames for r in f.records] == records


def test_a_torn_tail_is_cut_at_reopen_and_numbers_go_on(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.append(batch(b"kept"))
    writer.sync()
    writer.append(batch(b"torn" * 50))
    crash(writer)
    [path] = segment_files(tmp_path)
    os.truncate(path, path.stat().st_size - 5)
    with open_writer(tmp_path) as again:
        assert again.recovery.torn_bytes > 0
        assert again.append(batch(b"next")) == 2
        again.sync()
    assert read_all(tmp_path) == [b"kept", b"next"]


def test_a_reader_at_a_torn_tail_goes_on_after_the_writer_came_back(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.append(batch(b"one"))
    writer.sync()
    reader = SpoolReader(tmp_path, 1)
    reader.read(10)
    writer.append(batch(b"lost"))
    crash(writer)
    [path] = segment_files(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    assert reader.read(10)[0] == []
    with open_writer(tmp_path) as again:
        again.append(batch(b"two"))
        again.sync()
        [frame], _ = reader.read(10)
    assert frame.records == [b"two"]
    assert reader.lost_records == 0
    reader.close()


@pytest.mark.parametrize("where", ["header", "payload"])
def test_damage_in_the_middle_costs_one_frame_and_is_counted(tmp_path: Path, where: str) -> None:
    with open_writer(tmp_path) as writer, SpoolReader(tmp_path, 1) as reader:
        offsets = []
        for text in (b"first", b"second", b"third"):
            offsets.append(writer._offset)
            writer.append(batch(text))
        writer.sync()
        [path] = segment_files(tmp_path)
        with path.open("r+b") as file:
            file.seek(offsets[1] + 8 if where == "header" else offsets[2] - 3)
            file.write(b"\xee\xee")
        frames, _ = reader.read(10)
        assert [f.records for f in frames] == [[b"first"], [b"third"]]
        assert reader.lost_records == 1
        assert reader.lost_bytes == offsets[2] - offsets[1]
        assert reader.problems
    with open_writer(tmp_path) as again:  # damage inside stays; only a torn tail is cut
        assert again.recovery.torn_bytes == 0
        assert again.recovery.damaged


def test_record_bytes_that_imitate_a_frame_are_not_taken_for_one(tmp_path: Path) -> None:
    """An attacker who knows the format, but not the salt, cannot forge a frame of another source after damage."""
    with open_writer(tmp_path / "own", first_seq=1_000) as model:
        model.append(batch(b"forged", source=99))
    forged = segment_files(tmp_path / "own")[0].read_bytes()[-200:]
    with open_writer(tmp_path) as writer:
        damaged_at = writer._offset
        writer.append(batch(os.urandom(300) + forged))  # random, so that zstd stores it as it is
        writer.append(batch(b"honest"))
    [path] = segment_files(tmp_path)
    with path.open("r+b") as file:
        file.seek(damaged_at)
        file.write(b"\0\0\0\0")
    with SpoolReader(tmp_path, 1) as reader:
        frames, _ = reader.read(10)
    assert [(f.source_id, f.records) for f in frames] == [(7, [b"honest"])]


def test_a_damaged_segment_header_costs_that_segment_only(tmp_path: Path) -> None:
    with open_writer(tmp_path, segment_bytes=1) as writer:
        for text in (b"a", b"b", b"c"):
            writer.append(batch(text))
        writer.sync()
        second = segment_files(tmp_path)[1]
        with second.open("r+b") as file:
            file.write(b"\0" * 8)
        with SpoolReader(tmp_path, 1) as reader:
            frames, _ = reader.read(10)
            assert [f.records for f in frames] == [[b"a"], [b"c"]]
            assert reader.lost_records == 1


def test_a_segment_that_was_being_created_is_removed_at_reopen(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer.append(batch(b"a"))
    torn = tmp_path / "1" / "0000000002.seg"
    torn.write_bytes(b"DKSP")
    with open_writer(tmp_path) as writer:
        assert not torn.exists()
        assert writer.append(batch(b"b")) == 2
    assert read_all(tmp_path) == [b"a", b"b"]


def test_two_writers_never_share_a_folder(tmp_path: Path) -> None:
    with open_writer(tmp_path), pytest.raises(SpoolBusy, match="--writer"):
        open_writer(tmp_path)
    open_writer(tmp_path).close()


def test_numbers_are_not_reused_after_everything_was_pruned(tmp_path: Path) -> None:
    with open_writer(tmp_path, segment_bytes=1) as writer:
        for _ in range(4):
            writer.append(batch(b"x"))
        writer.sync()
        with SpoolReader(tmp_path, 1) as reader:
            _, position = reader.read(100)
    assert prune(tmp_path, 1, position) == 3
    with open_writer(tmp_path, segment_bytes=1) as writer:
        assert writer.append(batch(b"y")) == 5
    assert read_all(tmp_path, Position.load(position.dump())) == [b"y"]


def test_waiting_counts_per_source_and_hour_from_headers_and_falls_as_frames_are_read(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer, SpoolReader(tmp_path, 1) as reader:
        writer.append(batch(b"1", b"2", source=5))
        writer.append(batch(b"3", source=6))
        writer.sync()
        assert reader.waiting() == {(5, HOUR): 2, (6, HOUR): 1}
        reader.read(1)
        assert reader.waiting() == {(6, HOUR): 1}
        writer.append(batch(b"4", source=5))
        writer.append(batch(b"5", source=5, received_ms=(HOUR + 1) * 3_600_000))
        writer.sync()
        assert reader.waiting() == {(6, HOUR): 1, (5, HOUR): 1, (5, HOUR + 1): 1}
        assert waiting(tmp_path, 1, START) == {(5, HOUR): 3, (6, HOUR): 1, (5, HOUR + 1): 1}
        reader.read(100)
        assert reader.waiting() == {}


def test_a_nearly_full_disk_is_refused_and_accepted_again_by_itself(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        writer._free_floor_bytes = 1 << 60
        with pytest.raises(SpoolFull, match="trống"):
            writer.append(batch(b"no"))
        writer._free_floor_bytes = 0
        writer._next_free_check = 0.0
        writer.append(batch(b"yes"))
    assert read_all(tmp_path) == [b"yes"]


def test_a_disk_that_fills_up_in_the_middle_keeps_earlier_batches_whole(tmp_path: Path) -> None:
    import resource
    import signal

    with open_writer(tmp_path, segment_bytes=1) as writer:
        writer.append(batch(b"before"))
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, old[1]))
        try:
            with pytest.raises(Exception, match="đĩa"):
                writer.append(batch(bytes(4_000_000), os.urandom(2_000_000)))  # the second frame, in a new segment
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
            signal.signal(signal.SIGXFSZ, handler)
        assert writer.append(batch(b"after")) == 2
        writer.sync()
    assert read_all(tmp_path) == [b"before", b"after"]


def test_a_failed_fsync_takes_back_what_was_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_writer(tmp_path) as writer:
        writer.append(batch(b"safe"))
        writer.sync()
        writer.append(batch(b"doubtful"))

        def refuse(_fd: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", refuse)
        with pytest.raises(Exception, match="ổ đĩa"):
            writer.sync()
        monkeypatch.undo()
        assert writer.append(batch(b"later")) == 2
        writer.sync()
    assert read_all(tmp_path) == [b"safe", b"later"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC])
def test_a_segment_that_cannot_be_made_takes_the_whole_batch_back(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("2.seg"):
            raise OSError(number, os.strerror(number))
        return real(path, flags, mode)

    with open_writer(tmp_path, segment_bytes=1000) as writer:
        writer.append(batch(b"before"))
        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(SpoolError):
            writer.append(batch(os.urandom(3_000_000), os.urandom(3_000_000)))  # the second frame, in a new segment
        monkeypatch.undo()
        assert writer.append(batch(b"after")) == 2
        writer.sync()
    assert read_all(tmp_path) == [b"before", b"after"]


def test_a_mark_that_cannot_be_written_takes_back_what_was_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("synced"):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, mode)

    with open_writer(tmp_path) as writer:
        writer.append(batch(b"doubtful"))
        monkeypatch.setattr(os, "open", refuse)
        with pytest.raises(SpoolError):
            writer.sync()
        monkeypatch.undo()
        assert writer.append(batch(b"later")) == 1
        writer.sync()
    assert read_all(tmp_path) == [b"later"]


def test_no_descriptor_for_an_fsync_acknowledges_nothing_and_forgets_no_full_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_fd: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with open_writer(tmp_path, segment_bytes=1) as writer:
        writer.append(batch(b"one"))
        writer.append(batch(b"two"))
        monkeypatch.setattr(os, "dup", refuse)
        with pytest.raises(SpoolError):
            writer.sync()
        monkeypatch.undo()
        assert writer.append(batch(b"again")) == 1
        writer.sync()
    assert read_all(tmp_path) == [b"again"]


@pytest.mark.parametrize("how", ["torn", "damaged"])
def test_after_damage_to_what_was_read_already_what_comes_then_is_still_read(tmp_path: Path, how: str) -> None:
    with open_writer(tmp_path) as writer:
        writer.append(batch(b"first"))
        writer.append(batch(os.urandom(5000)))
        writer.sync()
    with SpoolReader(tmp_path, 1) as reader:
        _, position = reader.read(10)
    [path] = segment_files(tmp_path)
    with path.open("r+b") as file:  # while nobody looked the disk lost the end of it
        if how == "torn":
            file.truncate(path.stat().st_size - 1000)
        else:
            file.seek(-1000, os.SEEK_END)
            file.write(b"\xee" * 100)
    with open_writer(tmp_path) as writer:
        assert writer.recovery.damaged
        for text in (b"next", b"one more"):
            writer.append(batch(text))
        writer.sync()
    assert read_all(tmp_path, position) == [b"next", b"one more"]


def test_writers_lists_numbered_folders_and_event_ids_fit_64_bits(tmp_path: Path) -> None:
    assert writers(tmp_path / "none") == []
    for number in (3, 1):
        SpoolWriter(tmp_path, number, free_floor_bytes=0).close()
    (tmp_path / "notes").mkdir()
    assert writers(tmp_path) == [1, 3]
    struct.pack("<q", event_id(0xFFFF, (1 << 47) - 1))
    assert event_id(1, 5) < event_id(1, 6) < event_id(2, 1)


records_strategy = st.lists(st.binary(max_size=60), min_size=1, max_size=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), records_strategy),
        st.just(("sync",)),
        st.just(("reopen",)),
        st.tuples(st.just("crash"), st.integers(0, 10_000)),  # bytes torn off what was never synced
        st.tuples(st.just("read"), st.integers(1, 10)),
    ),
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(steps, st.integers(80, 2000))
def test_whatever_happens_synced_records_are_read_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, program: list[tuple], segment_bytes: int
) -> None:
    """After any appends, syncs, clean restarts and crashes: every synced record once, in order; a record that was
    never synced at most once; sequence numbers never go back behind what a reader has seen."""
    folder = tmp_path_factory.mktemp("spool")
    writer = open_writer(folder, segment_bytes=segment_bytes)
    reader = SpoolReader(folder, 1)
    synced: list[tuple[int, bytes]] = []
    pending: list[tuple[int, bytes]] = []
    seen: list[tuple[int, bytes]] = []

    def take(count: int) -> None:
        for frame in reader.read(count)[0]:
            seen.extend((frame.first_seq + n, record) for n, record in enumerate(frame.records))

    for step in program:
        if step[0] == "append":
            first = writer.append(batch(*step[1]))
            pending += [(first + n, record) for n, record in enumerate(step[1])]
        elif step[0] == "sync":
            writer.sync()
            synced, pending = synced + pending, []
        elif step[0] == "reopen":
            writer.close()
            synced, pending = synced + pending, []
            writer = open_writer(folder, segment_bytes=segment_bytes)
        elif step[0] == "crash":
            mark = writer._synced
            crash(writer)
            for fd in writer._closing:
                os.close(fd)
            last = segment_files(folder)[-1]
            floor = mark.offset if int(last.stem) == mark.segment else 0
            os.truncate(last, max(floor, last.stat().st_size - step[1]))
            writer = open_writer(folder, segment_bytes=segment_bytes)
            survivors = writer.next_seq  # appended, never acknowledged, but whole on disk: may stay
            synced += [pair for pair in pending if pair[0] < survivors]
            pending = []
        else:
            take(step[1])
    writer.sync()
    synced += pending
    assert sum(waiting(folder, 1, reader.position).values()) == len(synced) - len(seen)
    while len(seen) < len(synced):
        before = len(seen)
        take(4)
        assert len(seen) > before
    assert seen == synced
    assert reader.lost_records == reader.lost_bytes == 0
    reader.close()
    writer.close()
