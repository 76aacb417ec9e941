"""What nobody answers goes up, once a rung; one mail a person a day, never at night; units that become one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.cascade import digest, jobs, ladder, services
from dekhang.apps.cascade.enums import About, EndCause, PartyRole, Step
from dekhang.apps.cascade.models import Assignment, Escalation
from dekhang.apps.cascade.moving import _move, follow_reorganisations
from dekhang.apps.cascade.periods import end_of
from dekhang.apps.cascade.selectors import assignments_of, rows_of
from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, JobCursor, OutboundMessage
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.reorganise import come_into_force, schedule
from dekhang.apps.registry.selectors import Came
from tests.factories.cascade import DUE, draft, given, issued, recurring_in, task_in
from tests.factories.registry import MERGED_ON, UnitFactory, commune, head_of, merger, officer_of

pytestmark = pytest.mark.django_db


def morning(day):
    """09:00 in Tây Ninh on that day."""
    return clock.at(datetime(day.year, day.month, day.day, 2, 0, tzinfo=UTC))


@pytest.fixture
def task(frozen_now):
    version = draft()
    one = task_in(version)
    issued(version)
    return one


@pytest.mark.parametrize(
    ("late", "has_head", "steps"),
    [
        (0, True, []),
        (1, True, [Step.OFFICER]),
        (3, True, [Step.OFFICER]),
        (4, True, [Step.OFFICER, Step.HEAD]),
        (11, True, [Step.OFFICER, Step.HEAD, Step.PROVINCE]),
        (4, False, [Step.OFFICER, Step.PROVINCE]),  # nobody waits for a head who is not there
    ],
)
def test_rungs_by_days(late, has_head, steps):
    assert ladder.reached(DUE, DUE + timedelta(days=late), About.REPORT, has_head=has_head) == steps


def test_each_rung_is_climbed_once_and_audited_however_often_the_job_runs(task):
    unit = UnitFactory()
    officer, _head = officer_of(unit), head_of(unit)
    one = given(unit, task, accepted_by=officer)
    for days in (1, 1, 4, 4, 4, 11, 12):
        with morning(DUE + timedelta(days=days)):
            ladder.climb()
    rungs = list(Escalation.objects.filter(assignment=one, about=About.REPORT).values_list("step", flat=True))
    assert rungs == [Step.OFFICER, Step.HEAD, Step.PROVINCE]
    assert AuditEvent.objects.filter(action="task_escalated").count() == 3


def test_after_a_report_nothing_climbs_and_a_granted_day_begins_anew(task):
    unit = UnitFactory()
    officer = officer_of(unit)
    reported, extended = given(unit, task, accepted_by=officer), given(UnitFactory(), task)
    services.report(assignment=reported, text="Xong.", by=officer)
    other = officer_of(extended.unit)
    services.accept(assignment=extended, by=other)
    asked = services.ask_extension(assignment=extended, until=DUE + timedelta(days=20), reason="vì", by=other)
    services.decide_extension(extension=asked, granted=True, note="", by=task.version.created_by)
    with morning(DUE + timedelta(days=12)):
        assert ladder.climb() == 0
    with morning(DUE + timedelta(days=21)):
        assert ladder.climb() == 1


def test_what_came_up_to_the_province_is_a_number_with_its_rows(task, client):
    unit = UnitFactory(version__name="Xã Trễ Hạn")
    given(unit, task, accepted_by=officer_of(unit))
    given(UnitFactory(version__name="Xã Kịp Hạn"), task, accepted_by=None)
    services.withdraw_assignment(
        assignment=Assignment.objects.get(unit__versions__name="Xã Kịp Hạn"), by=task.version.created_by
    )
    with morning(DUE + timedelta(days=12)):
        client.force_login(task.version.created_by)
        ladder.climb()
        said = client.get(reverse("cascade:overview")).content.decode()
        assert "len-tinh=1" in said
        rows = client.get(reverse("cascade:rows"), {"len-tinh": "1"}).content.decode()
    assert "Xã Trễ Hạn" in rows
    assert "1 trong 1 lượt việc" in rows


def test_a_task_that_nobody_accepts_goes_up_too(task):
    given(UnitFactory(), task)
    with morning(date(2019, 12, 15)):
        assert ladder.climb() == 0
    with morning(date(2019, 12, 16)):
        assert ladder.climb() == 1
    assert Escalation.objects.get().about == About.ACCEPT


def letters():
    return {m.recipient: m.body for m in OutboundMessage.objects.filter(dedupe_key__startswith="cascade-digest:")}


def test_one_letter_a_person_a_day_with_numbers_and_a_link_only(task):
    unit = UnitFactory()
    officer, head = officer_of(unit), head_of(unit)
    one = given(unit, task)
    services.ask(assignment=one, text="Mật khẩu là gì?", by=officer)
    with morning(date(2019, 12, 11)):
        jobs.tick()
        jobs.tick()
        first = letters()
    assert set(first) == {officer.email, task.version.created_by.email}
    assert "1 việc mới chờ tiếp nhận" in first[officer.email]
    assert "1 câu hỏi chờ trả lời" in first[task.version.created_by.email]
    assert all("http" in body for body in first.values())
    assert not any("Quán triệt" in body or "Mật khẩu" in body for body in first.values())
    with morning(DUE + timedelta(days=6)):
        jobs.tick()
    assert "chuyển lên thủ trưởng" in letters()[head.email]
    assert OutboundMessage.objects.filter(recipient=officer.email).count() == 2


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        (datetime(2019, 12, 10, 23, 30, tzinfo=UTC), True),  # 06:30 of Wednesday
        (datetime(2019, 12, 11, 0, 5, tzinfo=UTC), False),  # 07:05
        (datetime(2019, 12, 11, 10, 59, tzinfo=UTC), False),  # 17:59
        (datetime(2019, 12, 11, 11, 0, tzinfo=UTC), True),  # 18:00
        (datetime(2019, 12, 14, 3, 0, tzinfo=UTC), True),  # Saturday
    ],
)
def test_quiet_hours(moment, quiet):
    with clock.at(moment):
        assert digest.is_quiet() is quiet


def test_nothing_is_written_at_night_and_who_begins_again_repeats_no_letter(task):
    unit = UnitFactory()
    officer = officer_of(unit)
    given(unit, task)
    with clock.at(datetime(2019, 12, 11, 15, 0, tzinfo=UTC)):
        digest.send_digests()
    assert letters() == {}
    with morning(date(2019, 12, 12)):
        digest.send_digests()
        JobCursor.objects.filter(pk=digest.CURSOR).update(
            position=0
        )  # as after a crash between the letters and the note that they are written
        digest.send_digests()
    assert OutboundMessage.objects.filter(recipient=officer.email).count() == 1


def test_after_a_merger_the_heir_has_one_assignment_and_old_days_keep_the_old_units(task, frozen_now):
    province = UnitFactory(version__kind=UnitKind.PROVINCE)
    first, second = commune(province, "Xã Một"), commune(province, "Xã Hai")
    officer = officer_of(first)
    olds = [given(first, task, accepted_by=officer), given(second, task)]
    schedule(plan=merger(province, first, second), by=task.version.created_by)
    with clock.at(end_of(MERGED_ON) - timedelta(hours=12)):
        come_into_force()
        assert follow_reorganisations() == 2
        assert follow_reorganisations() == 0
        (row,) = rows_of(Assignment.objects.all(), clock.now())
        assert row.unit_name == "Xã Phước Bình"
        assert row.due_on == DUE
    for old in olds:
        old.refresh_from_db()
        assert (old.end_cause, old.continued_by_id) == (EndCause.MOVED, row.assignment.pk)
    then = rows_of(Assignment.objects.all(), frozen_now + timedelta(days=1))
    assert sorted(one.unit_name for one in then) == ["Xã Hai", "Xã Một"]


def test_a_unit_that_only_took_part_leads_after_it_inherits_from_who_led(task):
    leading, other = UnitFactory(), UnitFactory()
    given(leading, task)
    beside = given(other, task, role=PartyRole.COORDINATE)
    assert _move(Came(1, date(2019, 12, 10), {leading.pk: other.pk})) == 1
    heir = Assignment.objects.get(unit=other, ended_at=None)
    beside.refresh_from_db()
    assert (heir.role, beside.role, beside.continued_by) == (PartyRole.LEAD, PartyRole.COORDINATE, heir)


def test_a_report_that_waits_at_a_merger_stays_and_both_pages_say_so(task, client):
    old, new = UnitFactory(), UnitFactory()
    officer = officer_of(old)
    one = given(old, task, accepted_by=officer)
    services.report(assignment=one, text="Đã làm.", by=officer)
    _move(Came(1, date(2019, 12, 10), {old.pk: new.pk}))
    client.force_login(task.version.created_by)
    one.refresh_from_db()
    pages = [client.get(reverse("cascade:assignment", args=[pk])).text for pk in (one.pk, one.continued_by_id)]
    assert "không được xét nữa" in pages[0]
    assert "báo cáo lại ở đây" in pages[1]


def test_the_children_of_a_district_that_ends_answer_to_the_heir(frozen_now):
    version = draft()
    task = recurring_in(version)
    issued(version)
    district = UnitFactory(version__kind=UnitKind.DISTRICT, version__name="Huyện Cũ")
    other = commune(district, "Xã Con")
    officer = officer_of(district)
    top = given(district, task, accepted_by=officer)
    (child,) = services.send(tasks=[], parent=top, to=services.Recipients(unit_ids=frozenset({other.pk})), by=officer)
    # the district goes into its own commune: no circle, the commune answers to the province
    assert _move(Came(1, date(2019, 12, 10), {district.pk: other.pk})) == 1
    child.refresh_from_db()
    top.refresh_from_db()
    assert child.parent_id is None
    assert top.continued_by_id == child.pk
    assert child in assignments_of(officer_of(other))
