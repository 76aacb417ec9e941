"""Signs in what the system saw, each beside the honest row that looks like it."""

from datetime import date, timedelta

import pytest

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.filing import doings
from dekhang.apps.registry.models import Employment, Person
from dekhang.pipeline.stores import database, schema
from tests.factories.duties import evidence
from tests.factories.registry import UnitFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("seconds", "signs"),
    [
        ((0.3, 0.4, 0.2), 1),  # nobody is so quick three times
        ((0.3, 0.4, 90.0), 0),  # twice may be luck: the alert was open on the screen
        ((None, None, None), 0),  # begun with its own detection: nothing to measure
        ((40.0, 300.0, 1.5), 0),
    ],
)
def test_canaries_answered_within_a_second_again_and_again_are_a_sign(frozen_now, seconds, signs):
    unit = UnitFactory()
    for days, one in enumerate(seconds):
        evidence(unit, EvidenceKind.CANARY, "kind:web", at=frozen_now - timedelta(days=9 * days), ack_seconds=one)
    found = list(doings.robot_answers())
    assert [flag.unit_ids for flag in found] == [(unit.pk,)] * signs


@pytest.mark.parametrize(
    ("records", "signs"),
    [
        ([240] * 72, 1),
        ([240] * 71 + [241], 0),
        ([240] * 40, 0),  # too short to tell
        ([1] * 72, 0),  # a device that says every hour that it lives
    ],
)
def test_a_source_with_the_same_number_of_records_every_hour_is_a_sign(data, frozen_now, records, signs):
    unit = UnitFactory()
    evidence(unit, EvidenceKind.SOURCE_EXPECTED, "source:7", at=frozen_now - timedelta(days=9), kind="web", name="Cổng")
    last = int(frozen_now.timestamp() * 1000) // schema.HOUR_MS
    connection = database.connect(data)
    with connection.transaction():
        connection.executemany(
            "INSERT INTO counters (source_id, hour, stored) VALUES (7, ?, ?)",
            [(last - hour - 1, count) for hour, count in enumerate(records)],
        )
    connection.close()
    found = list(doings.constant_streams())
    assert [(flag.unit_ids, flag.rows) for flag in found] == [((unit.pk,), (7,))] * signs


def employ(unit, code, *spans):
    person = Person.objects.create(code=code, name=code)
    for start, end in spans:
        Employment.objects.create(person=person, unit=unit, valid_from=start, valid_to=end)


def test_people_who_leave_for_the_count_and_come_back_are_a_sign(frozen_now):
    swings, grows, mourns = UnitFactory.create_batch(3)
    for n in range(doings.SWING_PEOPLE):
        employ(swings, f"S{n}", (date(2015, 1, 1), date(2019, 11, 1)), (date(2019, 11, 15), None))
        employ(grows, f"G{n}", (date(2019, 11, 1), None))  # joined, and stayed
        employ(mourns, f"M{n}", (date(2015, 1, 1), date(2019, 11, 1)))  # left, and did not come back
    [flag] = doings.roster_swings()
    assert (flag.unit_ids, len(flag.rows), flag.duty_keys) == ((swings.pk,), doings.SWING_PEOPLE, ("awareness",))


def test_people_who_are_on_a_roster_for_weeks_only_are_a_sign_where_they_are_many(frozen_now):
    small, large = UnitFactory.create_batch(2)
    for n in range(100):
        employ(large, f"L{n}", (date(2015, 1, 1), None))
    for unit in (small, large):
        for n in range(doings.SWING_PEOPLE):
            employ(unit, f"{unit.pk}-{n}", (date(2019, 11, 1), date(2019, 11, 25)))
    assert [flag.unit_ids for flag in doings.roster_swings()] == [(small.pk,)]
