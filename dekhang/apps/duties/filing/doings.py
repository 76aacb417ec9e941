"""Signs of gaming in what the system saw: rows written late, canaries answered by a program, lines played again, rosters that swing.

Each looks at what is recent only, by an index, so that the page costs the same in the tenth year as in the first.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.filing.flags import Flag, of_texts
from dekhang.apps.duties.models import LATE_DAYS, Evidence
from dekhang.apps.registry.models import Employment
from dekhang.pipeline.stores import ledger

LOOKED_BACK_DAYS = 365
ROBOT_SECONDS = 1.0  # nobody reads an alert and answers it within a second, and never three times
ROBOT_TIMES = 3
CONSTANT_HOURS = 48
CONSTANT_DAYS = 7
CONSTANT_RECORDS = 20  # a device that says "I live" once an hour is no sign
SWING_DAYS = 60  # away, or there, for no longer
SWING_PEOPLE = 5
SWING_SHARE = 0.1  # of the roster


def flags() -> list[Flag]:
    """All signs in force, the gravest kind first."""
    return [*of_texts(), *robot_answers(), *constant_streams(), *roster_swings(), *after_freeze()]


def after_freeze() -> Iterator[Flag]:
    """Evidence written long after the day it tells about: it could not change a frozen number, but somebody tried."""
    by_unit: dict[int, list[int]] = defaultdict(list)
    since = clock.now() - timedelta(days=LOOKED_BACK_DAYS)
    late = Evidence.objects.filter(days_late__gte=LATE_DAYS, recorded_at__gt=since)
    for pk, unit_id in late.order_by("unit_id", "pk").values_list("pk", "unit_id"):
        by_unit[unit_id].append(pk)
    for unit_id, pks in by_unit.items():
        yield Flag(
            "after_freeze",
            _("%(count)d bằng chứng được ghi muộn hơn %(days)d ngày so với ngày chúng nói tới.")
            % {"count": len(pks), "days": LATE_DAYS},
            (unit_id,),
            tuple(pks),
        )


def robot_answers() -> Iterator[Flag]:
    """Canaries acknowledged within a second of their detection, again and again: by a program, not by a person."""
    rows = Evidence.objects.filter(
        kind=EvidenceKind.CANARY,
        outcome=Outcome.OK,
        observed_at__gt=clock.now() - timedelta(days=LOOKED_BACK_DAYS),
        payload__ack_seconds__lt=ROBOT_SECONDS,
    )
    by_unit: dict[int, list[int]] = defaultdict(list)
    for pk, unit_id in rows.order_by("unit_id", "pk").values_list("pk", "unit_id"):
        by_unit[unit_id].append(pk)
    for unit_id, pks in by_unit.items():
        if len(pks) >= ROBOT_TIMES:
            yield Flag(
                "robot_answer",
                _(
                    "%(count)d phép thử được tiếp nhận trong chưa đầy một giây: có thể do chương trình bấm, không phải người."
                )
                % {"count": len(pks)},
                (unit_id,),
                tuple(pks),
                ("record_attacks",),
            )


def constant_streams() -> Iterator[Flag]:
    """A source with exactly as many records every hour, day and night: lines played again, not a machine at work."""
    expected = Evidence.objects.filter(kind=EvidenceKind.SOURCE_EXPECTED, outcome=Outcome.OK)
    unit_of = {
        int(subject.removeprefix("source:")): unit_id
        for subject, unit_id in expected.order_by("observed_at", "pk").values_list("subject", "unit_id")
    }
    until = clock.now().replace(minute=0, second=0, microsecond=0)
    streams = ledger.constant(
        settings.DATA,
        unit_of,
        until - timedelta(days=CONSTANT_DAYS),
        until,
        hours=CONSTANT_HOURS,
        records=CONSTANT_RECORDS,
    )
    for source_id, stream in streams.items():
        yield Flag(
            "constant_stream",
            _(
                "Nguồn log số %(source)d gửi đúng %(records)d bản ghi mỗi giờ suốt %(hours)d giờ: có thể là dòng cũ phát lại."
            )
            % {"source": source_id, "records": stream.records, "hours": stream.hours},
            (unit_of[source_id],),
            (source_id,),
            ("record_attacks",),
        )


def roster_swings() -> Iterator[Flag]:
    """Many people who leave a unit's roster and come back within weeks, or are on it for some weeks only."""
    since = clock.today() - timedelta(days=LOOKED_BACK_DAYS)
    left = Employment.objects.filter(valid_to__gte=since)
    came = Employment.objects.filter(valid_from__gte=since)
    starts: dict[tuple[int, int], list[object]] = defaultdict(list)
    for person_id, unit_id, valid_from in came.values_list("person_id", "unit_id", "valid_from"):
        starts[person_id, unit_id].append(valid_from)
    swung: dict[int, set[int]] = defaultdict(set)
    limit = timedelta(days=SWING_DAYS)
    for person_id, unit_id, valid_from, valid_to in left.values_list("person_id", "unit_id", "valid_from", "valid_to"):
        back = any(valid_to < start <= valid_to + limit for start in starts.get((person_id, unit_id), ()))
        if back or valid_to - valid_from <= limit:
            swung[unit_id].add(person_id)
    many = {unit_id: people for unit_id, people in swung.items() if len(people) >= SWING_PEOPLE}
    employed = Employment.objects.in_force(clock.today()).filter(unit_id__in=list(many))
    rosters = dict(employed.values_list("unit_id").annotate(Count("pk")))
    for unit_id, people in sorted(many.items()):
        if len(people) >= SWING_SHARE * rosters.get(unit_id, 0):
            yield Flag(
                "roster_swing",
                _("%(count)d người rời danh sách rồi quay lại, hoặc chỉ có mặt vài tuần.") % {"count": len(people)},
                (unit_id,),
                tuple(sorted(people)),
                ("awareness",),
            )
