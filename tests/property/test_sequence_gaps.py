"""Gaps found in numbered records are what never came, in whatever order and pieces the rest arrives."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.pipeline.worker.sequences import GAPS_PER_STREAM, JUMP_MAX, Stream, advance

HOUR_MS = 3_600_000


def missing_in(stream: Stream) -> set[int]:
    return {number for gap in stream.gaps for number in range(gap.first, gap.last + 1)}


def time_of(number: int) -> int:
    return number * 1_000


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, set[int], list[list[int]]]:
    """(first number, numbers lost for ever, batches of the others in any order; the first batch has the first)."""
    first = draw(st.integers(1, 10_000))
    count = draw(st.integers(2, 80))
    numbers = list(range(first, first + count))
    lost = set(draw(st.lists(st.sampled_from(numbers[1:]), max_size=30)))
    arriving = draw(st.permutations([number for number in numbers[1:] if number not in lost]))
    batches: list[list[int]] = [[first]]
    for number in arriving:
        if draw(st.booleans()):
            batches.append([])
        batches[-1].append(number)
    return first, lost, batches


def in_order(batches: list[list[int]]) -> list[list[int]]:
    """Batches of the same sizes whose records come in order."""
    numbers = iter(sorted(number for batch in batches for number in batch))
    return [[next(numbers) for _ in batch] for batch in batches]


@settings(max_examples=200, deadline=None)
@given(deliveries(), st.lists(st.sampled_from(["sshd", "cron", "sudo"]), min_size=1, max_size=7))
def test_what_never_came_is_missing_once_and_nothing_else(
    given_: tuple[int, set[int], list[list[int]]], programs: list[str]
) -> None:
    """One counter of a host, its numbers shared by one program or by several."""
    first, lost, batches = given_
    alone = Stream()
    came = {first}
    for batch in batches:
        advance(alone, {"": [(number, time_of(number)) for number in batch]}, now_ms=0)
        came |= set(batch)
        assert missing_in(alone) == set(range(first, max(came) + 1)) - came
        assert sum(gap.last - gap.first + 1 for gap in alone.gaps) == len(missing_in(alone))

    together = Stream()
    for batch in in_order(batches):
        heard: dict[str, list[tuple[int, int]]] = {}
        for number in batch:
            heard.setdefault(programs[number % len(programs)], []).append((number, time_of(number)))
        if batch:
            advance(together, heard, now_ms=0)
    assert missing_in(together) <= lost  # with several programs a loss at a change of program may stay unseen


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=40))
def test_programs_that_count_each_for_itself_miss_nothing(steps: list[tuple[str, int]]) -> None:
    stream = Stream()
    counts = {"a": 0, "b": 5_000, "c": 40}
    for moment, (program, records) in enumerate(steps):
        numbers = [(counts[program] + n + 1, moment * 1_000) for n in range(records)]
        counts[program] += records
        advance(stream, {program: numbers}, now_ms=0)
    assert missing_in(stream) == set()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.integers(1, 50), st.integers(1, 30))
def test_a_log_that_begins_anew_is_no_gap(before: int, after: int, again_at: int) -> None:
    stream = Stream()
    advance(stream, {"": [(number, time_of(number)) for number in range(1, before + 1)]}, now_ms=0)
    again_at = min(again_at, before)
    for number in range(again_at, again_at + after):
        advance(stream, {"": [(number, time_of(before) + HOUR_MS + number)]}, now_ms=0)
    assert missing_in(stream) == set()


def test_numbers_and_times_of_one_moment_may_cross() -> None:
    stream = Stream()
    advance(stream, {"": [(10, 1_000), (12, 1_001)]}, now_ms=0)
    advance(stream, {"": [(11, 1_500)]}, now_ms=0)
    advance(stream, {"": [(11, 1_500), (13, 1_600)]}, now_ms=0)
    assert missing_in(stream) == set() and stream.lanes[""].last == 13


def test_an_old_file_uploaded_later_fills_and_resets_nothing() -> None:
    stream = Stream()
    advance(stream, {"": [(500, time_of(500)), (510, time_of(510))]}, now_ms=0)
    advance(stream, {"": [(number, time_of(number)) for number in range(100, 506)]}, now_ms=0)
    assert missing_in(stream) == {506, 507, 508, 509}


def test_a_wild_jump_is_another_log_and_gaps_stay_bounded() -> None:
    stream = Stream()
    advance(stream, {"": [(1, 0), (JUMP_MAX * 3, 1)]}, now_ms=0)
    assert stream.gaps == []
    for number in range(JUMP_MAX * 3, JUMP_MAX * 3 + 20_000, 50):
        advance(stream, {"": [(number, number)]}, now_ms=0)
    assert len(stream.gaps) == GAPS_PER_STREAM
