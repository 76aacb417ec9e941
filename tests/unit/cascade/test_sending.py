"""Sending down the tree, receipts at each level, reports and their judgement; who may do what."""

from datetime import date, timedelta

import pytest

from dekhang.apps.cascade import services
from dekhang.apps.cascade.enums import ReceiptKind, TaskState, Verdict
from dekhang.apps.cascade.models import Assignment, TaskVersion
from dekhang.apps.cascade.selectors import assignments_of, overview, rows_of
from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.models import Evidence
from dekhang.apps.registry.enums import UnitKind
from tests.factories.cascade import accepted_report, draft, given, issued, recurring_in, task_in
from tests.factories.core import UserFactory
from tests.factories.duties import proves_recording
from tests.factories.registry import UnitFactory, commune, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def district(frozen_now):
    return UnitFactory(version__kind=UnitKind.DISTRICT, version__name="Huyện Thử")


@pytest.fixture
def plan(frozen_now):
    version = draft()
    task_in(version)
    return issued(version)


def only(plan):
    return plan.tasks.get()


def state_of(assignment, at=None):
    rows = rows_of(Assignment.objects.filter(pk=assignment.pk), at or clock.now())
    return rows[0].state


def test_a_task_goes_to_those_that_it_names(frozen_now):
    communes, sector = [UnitFactory(), UnitFactory()], UnitFactory(version__kind=UnitKind.DEPARTMENT)
    version = draft()
    task_in(version)
    issued(version)
    sent = services.send(tasks=list(version.tasks.all()), to=services.Recipients(), by=version.created_by)
    assert {one.unit_id for one in sent} == {unit.pk for unit in communes}
    assert sector.pk not in {one.unit_id for one in sent}
    again = services.send(tasks=list(version.tasks.all()), to=services.Recipients(), by=version.created_by)
    assert again == []  # who has it is passed over


def test_one_block_under_one_district(plan, district):
    inside, _outside = commune(district, "Xã Trong"), UnitFactory()
    to = services.Recipients(kinds=frozenset({UnitKind.COMMUNE}), under=district.pk)
    sent = services.send(tasks=[only(plan)], to=to, by=plan.created_by)
    assert [one.unit_id for one in sent] == [inside.pk]


def test_a_unit_sends_further_down_its_own_tree_only(plan, district):
    inside, outside = commune(district, "Xã Trong"), UnitFactory()
    officer = officer_of(district)
    top = given(district, only(plan), accepted_by=officer)
    with pytest.raises(ActionDenied, match="không thuộc cấp dưới"):
        services.send(tasks=[], parent=top, to=services.Recipients(unit_ids=frozenset({outside.pk})), by=officer)
    (child,) = services.send(
        tasks=[], parent=top, to=services.Recipients(unit_ids=frozenset({inside.pk})), by=officer, note="Gửi về huyện"
    )
    assert (child.parent_id, child.unit_id) == (top.pk, inside.pk)
    # nobody below can send it back up: the tree has no circles
    low = officer_of(inside)
    services.accept(assignment=child, by=low)
    with pytest.raises(ActionDenied, match="không có đơn vị cấp dưới"):
        services.send(tasks=[], parent=child, to=services.Recipients(unit_ids=frozenset({district.pk})), by=low)


def test_a_deadline_below_is_never_later_than_the_own_one(plan, district):
    inside, officer = commune(district, "Xã Trong"), officer_of(district)
    top = given(district, only(plan), accepted_by=officer)
    to = services.Recipients(unit_ids=frozenset({inside.pk}))
    for day, why in ((date(2020, 1, 1), "muộn hơn hạn"), (date(2019, 12, 1), "đã qua")):
        with pytest.raises(ActionDenied, match=why):
            services.send(tasks=[], parent=top, to=to, due_on=day, by=officer)
    (child,) = services.send(tasks=[], parent=top, to=to, due_on=date(2019, 12, 20), by=officer)
    assert child.dues.get().day == date(2019, 12, 20)


def test_receipts_say_who_received_read_and_accepted(plan):
    unit = UnitFactory()
    first, second, stranger = officer_of(unit), officer_of(unit), officer_of(UnitFactory())
    one = given(unit, only(plan))
    assert services.note_received(unit_id=unit.pk, assignment_ids=[one.pk], by=first) == 1
    assert services.note_opened(assignment=one, by=second)
    assert not services.note_opened(assignment=one, by=second)
    assert not services.note_opened(assignment=one, by=stranger)
    services.accept(assignment=one, by=second)
    seen = list(one.receipts.values_list("kind", "by_id"))
    assert seen == [
        (ReceiptKind.RECEIVED, first.pk),
        (ReceiptKind.READ, second.pk),
        (ReceiptKind.ACCEPTED, second.pk),
    ]
    with pytest.raises(ActionDenied, match="đã được tiếp nhận"):
        services.accept(assignment=one, by=first)
    assert list(verify_chain()) == []


def test_what_nobody_accepted_can_be_taken_back_and_sent_again(plan):
    unit = UnitFactory()
    one = given(unit, only(plan))
    services.withdraw_assignment(assignment=one, by=plan.created_by)
    assert rows_of(Assignment.objects.filter(pk=one.pk), clock.now()) == []
    again = given(unit, only(plan), accepted_by=officer_of(unit))
    with pytest.raises(ActionDenied, match="đã tiếp nhận"):
        services.withdraw_assignment(assignment=again, by=plan.created_by)


def test_a_report_counts_as_proof_only_after_somebody_else_has_checked_it(plan, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, only(plan), accepted_by=officer)
    assert state_of(one) == TaskState.NOT_REPORTED
    report = services.report(assignment=one, text="Đã họp ngày 9/12.", by=officer)
    assert state_of(one) == TaskState.REPORTED
    assert not Evidence.objects.filter(kind=EvidenceKind.PLAN_TASK).exists()
    with pytest.raises(ActionDenied, match="nơi giao việc"):
        services.judge(report=report, verdict=Verdict.ACCEPTED, by=officer)
    services.judge(report=report, verdict=Verdict.ACCEPTED, by=plan.created_by)
    assert state_of(one) == TaskState.PROVEN
    with clock.at(frozen_now + timedelta(days=2)):
        services.judge(report=report, verdict=Verdict.RETURNED, note="Thiếu biên bản", by=plan.created_by)
        assert state_of(one) == TaskState.NOT_REPORTED
        assert state_of(one, frozen_now + timedelta(days=1)) == TaskState.PROVEN  # that day keeps its answer


def test_a_coordinator_who_works_for_the_unit_may_not_appraise_it(plan):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, only(plan), accepted_by=officer)
    report = services.report(assignment=one, text="Đã làm.", by=officer)
    insider = UserFactory(coordinator=True)
    unit.holdings.create(user=insider, kind="officer", valid_from=date(2019, 1, 1))
    with pytest.raises(ActionDenied, match="người khác phải kiểm tra"):
        services.judge(report=report, verdict=Verdict.ACCEPTED, by=insider)


def test_a_district_checks_what_it_sent_and_sees_no_more(plan, district):
    inside, other = commune(district, "Xã Trong"), UnitFactory()
    officer, low = officer_of(district), officer_of(inside)
    top = given(district, only(plan), accepted_by=officer)
    hidden = given(other, only(plan))
    (child,) = services.send(tasks=[], parent=top, to=services.Recipients(unit_ids=frozenset({inside.pk})), by=officer)
    services.accept(assignment=child, by=low)
    accepted_report(child, low, officer)
    assert state_of(child) == TaskState.PROVEN
    assert set(assignments_of(officer)) == {top, child}
    assert set(assignments_of(low)) == {child}
    assert hidden in assignments_of(plan.created_by)


def test_numbers_of_the_plan_are_their_rows(plan):
    units = [UnitFactory() for _n in range(3)]
    officers = [officer_of(unit) for unit in units]
    for unit, officer in zip(units, officers, strict=True):
        given(unit, only(plan), accepted_by=officer)
    accepted_report(Assignment.objects.get(unit=units[0]), officers[0], plan.created_by)
    services.report(assignment=Assignment.objects.get(unit=units[1]), text="Xong.", by=officers[1])
    shown = overview(plan, assignments_of(plan.created_by), clock.now())
    cell = shown.cells[only(plan).task_id, UnitKind.COMMUNE]
    assert cell.counts == {TaskState.PROVEN: 1, TaskState.REPORTED: 1, TaskState.NOT_REPORTED: 1}
    later = overview(plan, assignments_of(plan.created_by), clock.now() + timedelta(days=40))
    assert later.total.overdue == 1


def test_a_unit_that_explains_is_contested_until_the_answer(plan):
    unit = UnitFactory()
    officer, inspector = officer_of(unit), UserFactory(inspector=True)
    one = given(unit, only(plan), accepted_by=officer)
    asked = services.demand_explanation(assignment=one, text="Vì sao chưa họp?", by=inspector)
    assert state_of(one) == TaskState.CONTESTED
    with pytest.raises(ActionDenied, match="Đang có một giải trình"):
        services.demand_explanation(assignment=one, text="Nữa?", by=plan.created_by)
    with pytest.raises(ActionDenied):
        services.answer_contest(contest=asked, answer="Tự trả lời", by=inspector)
    services.answer_contest(contest=asked, answer="Họp ngày 20/12.", by=officer)
    assert state_of(one) == TaskState.NOT_REPORTED


def test_more_time_is_asked_with_a_reason_and_holds_from_the_answer_on(plan, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, only(plan), accepted_by=officer)
    with pytest.raises(ActionDenied, match="phải sau hạn"):
        services.ask_extension(assignment=one, until=date(2019, 12, 30), reason="bận", by=officer)
    asked = services.ask_extension(assignment=one, until=date(2020, 1, 15), reason="Hội trường sửa", by=officer)
    with pytest.raises(ActionDenied, match="lý do"):
        services.decide_extension(extension=asked, granted=False, note=" ", by=plan.created_by)
    with clock.at(frozen_now + timedelta(days=1)):
        services.decide_extension(extension=asked, granted=True, note="", by=plan.created_by)
        (row,) = rows_of(assignments_of(officer), clock.now())
        assert row.due_on == date(2020, 1, 15)
        (row,) = rows_of(assignments_of(officer), frozen_now)
        assert row.due_on == date(2019, 12, 31)


def test_more_time_is_never_less_when_the_plan_has_moved_meanwhile(plan):
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, only(plan), accepted_by=officer)
    asked = services.ask_extension(assignment=one, until=date(2020, 1, 15), reason="bận", by=officer)
    new = services.revise(version=plan, by=plan.created_by)
    services.change_plan(version=new, changes="Lùi hạn", by=plan.created_by)
    TaskVersion.objects.filter(version=new).update(due_on=date(2020, 3, 31))
    services.issue(version=new, by=plan.created_by)
    with pytest.raises(ActionDenied, match="Hạn hiện nay"):
        services.decide_extension(extension=asked, granted=True, note="", by=plan.created_by)
    assert one.dues.last().day == date(2020, 3, 31)


def test_who_sent_it_down_gives_no_more_time_than_they_have(plan, district):
    inside = commune(district, "Xã Trong")
    officer, low = officer_of(district), officer_of(inside)
    top = given(district, only(plan), accepted_by=officer)
    to = services.Recipients(unit_ids=frozenset({inside.pk}))
    (child,) = services.send(tasks=[], parent=top, to=to, due_on=date(2019, 12, 20), by=officer)
    services.accept(assignment=child, by=low)
    asked = services.ask_extension(assignment=child, until=date(2020, 1, 15), reason="bận", by=low)
    with pytest.raises(ActionDenied, match="31/12/2019"):
        services.decide_extension(extension=asked, granted=True, note="", by=officer)
    services.decide_extension(extension=asked, granted=True, note="", by=plan.created_by)
    assert child.dues.last().day == date(2020, 1, 15)


def test_a_list_of_many_new_tasks_is_received_in_a_fixed_number_of_queries(frozen_now, django_assert_max_num_queries):
    version = draft()
    for n in range(12):
        task_in(version, f"Việc {n}")
    issued(version)
    unit = UnitFactory()
    officer = officer_of(unit)
    keys = [given(unit, task).pk for task in version.tasks.all()]
    with django_assert_max_num_queries(10):
        assert services.note_received(unit_id=unit.pk, assignment_ids=keys, by=officer) == 12
    assert services.note_received(unit_id=unit.pk, assignment_ids=keys, by=officer) == 0
    assert services.note_received(unit_id=UnitFactory().pk, assignment_ids=keys, by=officer) == 0
    assert list(verify_chain()) == []


def test_a_standing_duty_of_the_board_proves_a_task(frozen_now):
    unit = UnitFactory()
    version = draft()
    task = task_in(version, duty_key="record_attacks", own_proof=False)
    issued(version)
    one = given(unit, task)
    assert state_of(one) == TaskState.NOT_REPORTED
    proves_recording(unit, at=frozen_now + timedelta(days=3))
    assert state_of(one, frozen_now + timedelta(days=2)) == TaskState.NOT_REPORTED
    assert state_of(one, frozen_now + timedelta(days=4)) == TaskState.PROVEN


def test_rows_cost_the_same_number_of_queries_for_three_units_and_for_thirty(plan, django_assert_max_num_queries):
    for _n in range(30):
        given(UnitFactory(), only(plan))
    with django_assert_max_num_queries(16):
        assert len(rows_of(Assignment.objects.all(), clock.now())) == 30


def test_a_recurring_task_opens_the_period_that_is_running(frozen_now):
    version = draft()
    task = recurring_in(version)
    issued(version)
    one = given(UnitFactory(), task)
    period = one.occurrences.get()
    assert (period.starts_on, period.due_on) == (date(2019, 12, 1), date(2020, 1, 5))
