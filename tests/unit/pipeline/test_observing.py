"""What the worker learns of sources: gaps in their numbers, the kinds of records they send, when they are heard."""

from pathlib import Path

import pytest

from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores import arrivals, routes, sequences
from dekhang.pipeline.worker.loop import Worker
from tests.postgres import Keep

RECEIVED = 1_575_943_200_000  # 2019-12-10T02:00:00Z
MINUTE_MS = 60_000
HOUR_MS = 3_600_000


class Place:
    def __init__(self, folder: Path, keep: Keep) -> None:
        self.data = folder / "data"
        keep(self.data)
        (folder / "rules").mkdir()
        self.rules = [folder / "rules"]
        self.spool = SpoolWriter(self.data / "spool", 1)
        self.worker = Worker(self.data, self.rules)
        self.worker.start()

    def send(
        self,
        *records: str,
        source: int = 7,
        kind: str = "windows",
        at: int = RECEIVED,
        transport: str = "http_bulk",
        peer: str = "192.0.2.9:514",
    ) -> None:
        self.spool.append(Batch(source, 3, kind, transport, at, peer, [one.encode() for one in records]))
        self.spool.sync()
        self.worker.drain()


@pytest.fixture
def place(tmp_path: Path, keep_records: Keep):
    made = Place(tmp_path, keep_records)
    yield made
    made.spool.close()
    made.worker.close()


def event(number: int, *, channel: str = "Security", seconds: int = 0, **more: object) -> str:
    minute, second = divmod(seconds, 60)
    fields = "".join(f',"{name}":"{value}"' for name, value in more.items())
    return (
        f'{{"EventID":4624,"Channel":"{channel}","Computer":"PC1","EventRecordID":{number},'
        f'"SystemTime":"2019-12-10T01:{minute:02}:{second:02}Z"{fields}}}'
    )


def line(number: int, program: str) -> str:
    return f'<38>1 2019-12-10T01:00:{number % 60:02}Z web-1 {program} 1 - [origin ip="192.0.2.1"][meta sequenceId="{number}"] ok'


def later(minutes: int) -> int:
    from dekhang.pipeline import wallclock

    return wallclock.now_ms() + minutes * MINUTE_MS


def test_missing_windows_records_are_told_after_ten_minutes_with_machine_log_and_time(place: Place) -> None:
    place.send(event(100, seconds=120))
    place.send(event(233, seconds=420))

    assert sequences.gaps(place.data, [7], now_ms=later(5)) == []
    (gap,) = sequences.gaps(place.data, [7], now_ms=later(11))
    assert (gap.missing, gap.host, gap.log) == (132, "pc1", "security")
    assert (gap.before_ms - gap.after_ms) == 300_000
    assert sequences.missing(place.data, [7, 8], now_ms=later(11), since=0) == {7: 132}
    assert sequences.gaps(place.data, [8], now_ms=later(11)) == []


def test_what_arrives_late_closes_its_gap_also_in_another_worker(place: Place) -> None:
    place.send(event(1), event(5))
    place.worker.close()
    place.worker = Worker(place.data, place.rules)
    place.worker.start()
    place.send(event(3))

    assert [gap.missing for gap in sequences.gaps(place.data, [7], now_ms=later(11))] == [1, 1]
    place.send(event(2), event(4))
    assert sequences.gaps(place.data, [7], now_ms=later(11)) == []


def test_each_channel_counts_for_itself(place: Place) -> None:
    place.send(event(1), event(500, channel="System"), event(2), event(501, channel="System"))

    assert sequences.gaps(place.data, [7], now_ms=later(11)) == []
    assert [one.log for one in sequences.streams(place.data, [7])] == ["security", "system"]


def test_syslog_that_carries_a_sequence_is_followed_over_all_programs_of_the_host(place: Place) -> None:
    place.send(*[line(n, "sshd" if n % 2 else "cron") for n in range(1, 20)], kind="linux")
    place.send(line(25, "sshd"), line(26, "cron"), kind="linux")

    (gap,) = sequences.gaps(place.data, [7], now_ms=later(11))
    assert (gap.missing, gap.host, gap.log) == (5, "web-1", "")


def test_a_sender_that_leaves_events_out_by_choice_is_not_said_to_lose_them(place: Place) -> None:
    place.send(*[event(number * 7, seconds=number) for number in range(1, 60)])

    assert sequences.gaps(place.data, [7], now_ms=later(11)) == []
    assert [one.picked for one in sequences.streams(place.data, [7])] == [True]


def test_invented_hosts_do_not_fill_the_database(place: Place) -> None:
    from dekhang.pipeline.worker.sequences import STREAMS_PER_SOURCE

    place.send(*[event(5).replace("PC1", f"PC{n}") for n in range(STREAMS_PER_SOURCE + 50)])

    assert len(sequences.streams(place.data, [7])) == STREAMS_PER_SOURCE


def test_names_that_no_database_takes_do_not_stop_the_pipeline(place: Place) -> None:
    place.send(
        '{"EventID":1,"Channel":"a\\ud800\\u0000b","Computer":"\\ud800","EventRecordID":5,"x\\u0000\\ud800":"y"}'
    )

    assert len(sequences.streams(place.data, [7])) == 1
    assert len(routes.of_units(place.data, [3], since_ms=0)[3]) == 1


def test_routes_say_what_really_arrives_and_which_fields_hold_something(place: Place) -> None:
    place.send(event(1, CommandLine="whoami", Image=""), line(1, "sshd"), "noise")
    place.send(event(2, channel="System"), source=8)

    found = routes.of_units(place.data, [3, 4], since_ms=0)
    security = next(route for route in found[3] if route.channel == "security")
    assert (security.source_id, security.product, security.event_id) == (7, "windows", 4624)
    assert {"CommandLine", "EventRecordID"} <= security.fields and "Image" not in security.fields
    assert {route.source_id for route in found[3]} == {7, 8}
    assert found[4] == []
    assert routes.of_units(place.data, [3], since_ms=later(60))[3] == []


def test_invented_event_ids_do_not_fill_the_database(place: Place) -> None:
    from dekhang.pipeline.worker.routes import ROUTES_PER_SOURCE

    place.send(*[event(1).replace("4624", str(n)) for n in range(ROUTES_PER_SOURCE + 50)])

    assert len(routes.of_units(place.data, [3], since_ms=0)[3]) == ROUTES_PER_SOURCE


def test_the_longest_pause_of_an_hour_is_known_over_batches_and_files_by_hand_do_not_count(place: Place) -> None:
    for minute in (0, 1, 4, 5, 30, 31):
        place.send(event(minute + 1), at=RECEIVED + minute * MINUTE_MS)
    place.send(event(40), at=RECEIVED + HOUR_MS + MINUTE_MS, peer="[2001:db8::7]:514")
    place.send(event(41), at=RECEIVED + 3 * HOUR_MS, transport="upload")

    first, second = arrivals.hours(place.data, 7, RECEIVED, RECEIVED + 10 * HOUR_MS)
    assert (first.longest_gap_ms, first.last_ms) == (25 * MINUTE_MS, RECEIVED + 31 * MINUTE_MS)
    assert (second.longest_gap_ms, second.first_ms) == (0, RECEIVED + HOUR_MS + MINUTE_MS)
    assert arrivals.last_heard(place.data, [7, 8]) == {
        7: arrivals.LastHeard(RECEIVED + HOUR_MS + MINUTE_MS, "2001:db8::7")
    }
