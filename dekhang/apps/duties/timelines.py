"""Spans of claims' states, kept beside the evidence they are computed from.

Writing evidence or a declaration marks the (unit, duty) as stale in the same transaction. Reading takes spans where they
are fresh and walks the evidence where they are not, so a number is never older than its evidence; `refresh` catches up.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import transaction
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Sum, TextField
from django.db.models.functions import Cast
from django.utils import translation

from dekhang.apps.core.models import JobCursor
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.models import Claim, Evidence, StaleTimeline, StateSpan
from dekhang.apps.duties.states import (
    Assessment,
    ClaimSpan,
    Measure,
    Observation,
    Reason,
    Stretch,
    assess,
    duties_of,
    states_of,
    timeline,
)
from dekhang.apps.registry.models import Unit
from dekhang.law import load

MEANING = 3  # grows when states or their words change without a change of the law's data: all spans are computed anew
MEANING_CURSOR = "duties.meaning"
AT_ONCE = 50  # timelines computed in one transaction
IDS_AT_ONCE = 500


def mark_evidence(unit_id: int, kind: str) -> None:
    """Evidence of this kind was recorded, in the caller's transaction."""
    StaleTimeline.objects.bulk_create(StaleTimeline(unit_id=unit_id, duty_key=key) for key in duties_of(kind))


def mark_claim(unit_id: int, duty_key: str) -> None:
    """A declaration was made or withdrawn, in the caller's transaction."""
    StaleTimeline.objects.create(unit_id=unit_id, duty_key=duty_key)


def assessments(duty_key: str, unit_ids: Collection[int], at: datetime) -> dict[int, Assessment]:
    """The state of every unit's claim at `at`: two queries, two more when something is stale."""
    return assessments_of({duty_key: unit_ids}, at)[duty_key]


def assessments_of(wanted: Mapping[str, Collection[int]], at: datetime) -> dict[str, dict[int, Assessment]]:
    """The same for several duties, each with its units: two queries, two more for each duty that has something stale."""
    found: dict[str, dict[int, Assessment]] = {key: {} for key in wanted}
    stale = _stale(wanted)
    for key, unit_ids in stale.items():
        found[key] = walked(key, unit_ids, at)
    spans = spans_at(wanted, at)
    for key, unit_id, state, reasons, since, proven_until, done, whole, never in spans.values_list(
        "duty_key", "unit_id", "state", "reasons", "since", "proven_until", "done", "whole", "never"
    ):
        if unit_id not in stale[key]:
            found[key][unit_id] = Assessment(
                ClaimState(state),
                tuple(Reason(*one) for one in reasons),
                since,
                proven_until,
                Measure(done, whole, never) if whole is not None else None,
            )
    nothing = {key: assess(states_of(key)[0], (), (), at) for key in wanted}
    return {
        key: {unit_id: found[key].get(unit_id, nothing[key]) for unit_id in unit_ids}
        for key, unit_ids in wanted.items()
    }


def claim_states(wanted: Mapping[str, Collection[int]], at: datetime) -> dict[tuple[int, str], ClaimState]:
    """Only the states, by (unit, duty), for callers with many units: no reasons are read. Who is not there is unknown."""
    stale = _stale(wanted)
    found = {(unit_id, key): one.state for key, ids in stale.items() for unit_id, one in walked(key, ids, at).items()}
    spans = spans_at(wanted, at)
    for key, unit_id, state in spans.values_list("duty_key", "unit_id", "state"):
        if unit_id not in stale[key]:
            found[unit_id, key] = ClaimState(state)
    return found


class Brief(NamedTuple):
    """A state and its first obstacle; `obstacles`: how many there are."""

    state: ClaimState
    code: str
    text: str
    next_step: str
    obstacles: int


def briefs(wanted: Mapping[str, Collection[int]], at: datetime) -> dict[str, dict[int, Brief]]:
    """Of `assessments_of` what pages about everybody at once need, in a quarter of its time: no dates, no detail shares."""
    found: dict[str, dict[int, Brief]] = {key: {} for key in wanted}
    stale = _stale(wanted)
    for key, unit_ids in stale.items():
        found[key] = {unit_id: _brief(one) for unit_id, one in walked(key, unit_ids, at).items()}
    spans = spans_at(wanted, at)
    # as text: Django would turn the JSON of every row into lists first
    for key, unit_id, state, text in spans.annotate(text=Cast("reasons", TextField())).values_list(
        "duty_key", "unit_id", "state", "text"
    ):
        if unit_id not in stale[key]:
            reasons = orjson.loads(text)
            first = reasons[0][:3] if reasons else ("", "", "")
            found[key][unit_id] = Brief(ClaimState(state), *first, len(reasons))
    nothing = {key: _brief(assess(states_of(key)[0], (), (), at)) for key in wanted}
    return {key: {pk: found[key].get(pk, nothing[key]) for pk in unit_ids} for key, unit_ids in wanted.items()}


def _brief(one: Assessment) -> Brief:
    first = one.reasons[0] if one.reasons else Reason("", "", "")
    return Brief(one.state, first.code, first.text, first.next_step, len(one.reasons))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many units of a duty are in each state at one moment, and the sums of what they measure."""

    states: Mapping[ClaimState, int]
    measure: Measure | None


def tallies(wanted: Mapping[str, Collection[int]], at: datetime) -> dict[str, Tally]:
    """Sums over the units of several duties, counted by the database: as many queries as `assessments_of`."""
    stale = _stale(wanted)
    counts: dict[str, dict[ClaimState, int]] = {key: defaultdict(int) for key in wanted}
    sums: dict[str, list[float]] = {key: [0.0, 0.0, 0.0] for key in wanted}
    for key, unit_ids in stale.items():
        for one in walked(key, unit_ids, at).values():
            counts[key][one.state] += 1
            if one.measure is not None:
                for place, value in enumerate((one.measure.done, one.measure.whole, one.measure.never)):
                    sums[key][place] += value
    mine = Q(pk__in=[])
    for unit_ids, keys in _by_units(wanted).items():
        mine |= Q(duty_key__in=keys, unit_id__in=unit_ids)
    spans = spans_at(wanted, at).filter(mine).order_by()
    counted: Iterable[tuple[Any, ...]]
    if any(
        stale.values()
    ):  # by the marks seen above: asked again, `refresh` beside us would count a unit twice or not at all
        fields = ("duty_key", "unit_id", "state", "done", "whole", "never")
        counted = (
            (key, state, 1, *parts)
            for key, unit_id, state, *parts in spans.values_list(*fields)
            if unit_id not in stale[key]
        )
    else:
        counted = (
            spans.values("duty_key", "state")
            .annotate(number=Count("pk"), d=Sum("done"), w=Sum("whole"), n=Sum("never"))
            .values_list("duty_key", "state", "number", "d", "w", "n")
        )
    for key, state, number, *parts in counted:
        counts[key][ClaimState(state)] += number
        sums[key] = [total + (part or 0) for total, part in zip(sums[key], parts, strict=True)]
    found = {}
    for key, unit_ids in wanted.items():
        heard = sum(counts[key].values())
        counts[key][ClaimState.UNKNOWN] += len(unit_ids) - heard
        found[key] = Tally(dict(counts[key]), Measure(*sums[key]) if sums[key][1] else None)
    return found


def _by_units(wanted: Mapping[str, Collection[int]]) -> dict[frozenset[int], list[str]]:
    """Duties that fall on the same units, together: units → their duties."""
    groups: dict[frozenset[int], list[str]] = defaultdict(list)
    for key, unit_ids in wanted.items():
        groups[frozenset(unit_ids)].append(key)
    return groups


def spans_at(wanted: Mapping[str, Collection[int]], at: datetime) -> QuerySet[StateSpan]:
    """The span of each (duty, unit) in which `at` lies: one look at an index for each, whatever the date.

    Asking for spans that began before `at` and end after it reads, for a date of long ago, nearly all there are. Where
    the units are many, those of all units come: callers know whom they asked for.
    """
    found = StateSpan.objects.none()
    parts = []
    for key, unit_ids in wanted.items():
        last = StateSpan.objects.filter(duty_key=key, unit_id=OuterRef("pk"), start__lte=at).order_by("-start")
        units = Unit.objects.all() if len(unit_ids) > IDS_AT_ONCE else Unit.objects.filter(pk__in=unit_ids)
        parts.append(units.annotate(span=Subquery(last.values("pk")[:1])).values("span"))
    if not parts:
        return found
    return StateSpan.objects.filter(pk__in=parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0])


def _stale(wanted: Mapping[str, Collection[int]]) -> dict[str, set[int]]:
    """Units whose spans cannot be trusted just now, by duty; duties without any are there too."""
    marked: dict[str, set[int]] = {key: set() for key in wanted}
    for key, unit_id in StaleTimeline.objects.filter(duty_key__in=wanted).values_list("duty_key", "unit_id").distinct():
        marked[key].add(unit_id)
    return {key: units.intersection(wanted[key]) for key, units in marked.items()}


def walked(duty_key: str, unit_ids: Collection[int], at: datetime) -> dict[int, Assessment]:
    """The same from the evidence itself: the meaning, whatever spans say."""
    if not unit_ids:
        return {}
    states = states_of(duty_key)[0]
    evidence, claims = facts_of(duty_key, unit_ids, until=at)
    return {unit_id: assess(states, evidence[unit_id], claims[unit_id], at) for unit_id in unit_ids}


def facts_of(
    duty_key: str, unit_ids: Collection[int], *, until: datetime | None = None
) -> tuple[dict[int, list[Observation]], dict[int, list[ClaimSpan]]]:
    """Evidence, oldest first, and declarations by unit: two queries for every 500 units."""
    kinds = states_of(duty_key)[1]
    evidence: dict[int, list[Observation]] = defaultdict(list)
    claims: dict[int, list[ClaimSpan]] = defaultdict(list)
    ids = sorted(unit_ids)
    for part in (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE)):
        rows = Evidence.objects.filter(unit_id__in=part, kind__in=kinds)
        declared = Claim.objects.filter(unit_id__in=part, duty_key=duty_key)
        if until is not None:
            rows, declared = rows.filter(observed_at__lte=until), declared.filter(declared_at__lte=until)
        if kinds:
            for unit_id, *fields in rows.order_by("observed_at", "pk").values_list(
                "unit_id", "kind", "subject", "outcome", "observed_at", "valid_until", "reason", "payload"
            ):
                evidence[unit_id].append(Observation(*fields))
        for unit_id, declared_at, withdrawn_at in declared.values_list("unit_id", "declared_at", "withdrawn_at"):
            claims[unit_id].append(ClaimSpan(declared_at, withdrawn_at))
    return evidence, claims


def refresh(limit: int = AT_ONCE) -> int:
    """Compute up to `limit` stale timelines; returns how many were."""
    _follow_the_law()
    waiting = list(
        StaleTimeline.objects.values("duty_key", "unit_id")
        .annotate(newest=Max("pk"))
        .values_list("duty_key", "unit_id", "newest")[:limit]
    )
    by_duty: dict[str, dict[int, int]] = defaultdict(dict)
    for duty_key, unit_id, newest in waiting:
        by_duty[duty_key][unit_id] = newest
    for duty_key, marks in by_duty.items():
        with transaction.atomic():
            _compute(duty_key, marks)
    return len(waiting)


def _compute(duty_key: str, marks: dict[int, int]) -> None:
    """Replace the spans of these units. Marks newer than those given stay: what they stand for may not be in yet."""
    evidence, claims = facts_of(duty_key, marks)
    states = states_of(duty_key)[0]
    with translation.override(None):  # the texts as they are written, Vietnamese like the reasons of evidence itself
        spans = [
            span
            for unit_id in marks
            for span in _spans(unit_id, duty_key, timeline(states, evidence[unit_id], claims[unit_id]))
        ]
    StateSpan.objects.filter(duty_key=duty_key, unit_id__in=marks).delete()
    StateSpan.objects.bulk_create(spans, batch_size=500)
    for unit_id, newest in marks.items():
        StaleTimeline.objects.filter(duty_key=duty_key, unit_id=unit_id, pk__lte=newest).delete()


def _spans(unit_id: int, duty_key: str, stretches: Sequence[Stretch]) -> Iterable[StateSpan]:
    ends: list[datetime | None] = [*(stretch.start for stretch in stretches[1:]), None]
    for stretch, end in zip(stretches, ends, strict=True):
        one = stretch.assessment
        yield StateSpan(
            unit_id=unit_id,
            duty_key=duty_key,
            start=stretch.start,
            end=end,
            state=one.state,
            since=one.since,
            proven_until=one.proven_until,
            done=one.measure.done if one.measure else None,
            whole=one.measure.whole if one.measure else None,
            never=one.measure.never if one.measure else None,
            reasons=[
                [reason.code, reason.text, reason.next_step, reason.url_name, reason.subject] for reason in one.reasons
            ],
        )


def _follow_the_law() -> None:
    """When the law's numbers, or what we make of them, changed since the spans were computed, all of them are stale."""
    book = load()
    numbers = sorted((proof.key, str(proof.value)) for proof in book.proofs)
    targets = sorted((duty.key, str(one.valid_from), one.minimum) for duty in book.duties for one in duty.targets)
    digest = hashlib.blake2b(orjson.dumps([MEANING, numbers, targets]), digest_size=7).digest()
    meaning = int.from_bytes(digest, "big")
    cursor, created = JobCursor.objects.get_or_create(pk=MEANING_CURSOR, defaults={"position": meaning})
    if cursor.position == meaning and not created:
        return
    with transaction.atomic():
        JobCursor.objects.filter(pk=MEANING_CURSOR).update(position=meaning)
        mark_all()


def mark_all() -> None:
    """Every timeline that has anything behind it is stale: after a change of meaning, or rows that were brought in whole."""
    known = set(Claim.objects.values_list("unit_id", "duty_key").distinct())
    for unit_id, kind in Evidence.objects.values_list("unit_id", "kind").distinct():
        known.update((unit_id, key) for key in duties_of(kind))
    StaleTimeline.objects.bulk_create(
        (StaleTimeline(unit_id=unit_id, duty_key=key) for unit_id, key in sorted(known)), batch_size=500
    )
