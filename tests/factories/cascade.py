"""Plans and assignments made by the real services."""

from datetime import date, timedelta

from dekhang.apps.cascade import services
from dekhang.apps.cascade.enums import DeadlineKind, Period, Verdict
from dekhang.apps.cascade.models import Assignment, PlanVersion, TaskVersion
from dekhang.apps.cascade.services.plans import lead
from dekhang.apps.registry.enums import UnitKind
from tests.factories.core import UserFactory

PLAN_DAY = date(2019, 10, 18)
DUE = date(2019, 12, 31)
COMMUNES = (lead(kind=UnitKind.COMMUNE),)


def draft(by=None, **facts) -> PlanVersion:
    given = {
        "title": "Kế hoạch thử",
        "day": PLAN_DAY,
        "basis": ["CT14-2019"],
        "by": by or UserFactory(coordinator=True),
    }
    return services.draft_plan(**{**given, **facts})


def task_in(version: PlanVersion, title="Quán triệt chỉ thị", *, parties=COMMUNES, by=None, **facts) -> TaskVersion:
    """A task that is done once, until the end of 2019, and proven by a checked report."""
    given = {"title": title, "basis": ["CT14-2019"], "due_on": DUE, "own_proof": True}
    return services.save_task(
        version=version, task=None, parties=parties, by=by or version.created_by, **{**given, **facts}
    )


def recurring_in(version: PlanVersion, title="Sao lưu", *, due_days=5, **facts) -> TaskVersion:
    given = {"deadline": DeadlineKind.RECURRING, "period": Period.MONTH, "starts_on": PLAN_DAY, "due_on": None}
    return task_in(version, title, due_days=due_days, **{**given, **facts})


def issued(version: PlanVersion) -> PlanVersion:
    return services.issue(version=version, by=version.created_by)


def given(unit, task: TaskVersion, *, accepted_by=None, **options) -> Assignment:
    """The task, sent to that unit alone; accepted when somebody of the unit is named."""
    task = TaskVersion.objects.get(pk=task.pk)
    by = options.pop("by", task.version.created_by)
    to = services.Recipients(unit_ids=frozenset({unit.pk}))
    assignment = services.send(tasks=[task], to=to, by=by, **options)[0]
    if accepted_by is not None:
        services.accept(assignment=assignment, by=accepted_by)
    return assignment


def accepted_report(assignment: Assignment, officer, judge, *, text="Đã làm.", occurrence=None):
    report = services.report(assignment=assignment, text=text, by=officer, occurrence=occurrence)
    return services.judge(report=report, verdict=Verdict.ACCEPTED, by=judge)


def one_of_each(unit, officer, plant, file) -> dict:
    """An assignment of the unit with a row of every kind; `plant` gives the strings that only its people may read."""
    version = draft()
    task = task_in(version)
    issued(version)
    one = given(unit, task, note=plant("task-note"), accepted_by=officer)
    monthly = draft()
    by_month, not_yet = recurring_in(monthly), task_in(monthly)
    issued(monthly)
    return {
        "monthly_assignment": given(unit, by_month, accepted_by=officer),
        "new_assignment": given(unit, not_yet),
        "assignment": one,
        "sub_duty": services.set_sub_duty(
            assignment=one, text=plant("part"), person=plant("person"), due_on=None, by=officer
        ),
        "task_report": services.report(assignment=one, text=plant("report"), file=file, by=officer),
        "extension": services.ask_extension(
            assignment=one, until=DUE + timedelta(days=9), reason=plant("more-time"), by=officer
        ),
        "question": services.ask(assignment=one, text=plant("question"), by=officer),
        "task_contest": services.contest(assignment=one, text=plant("explains"), by=officer),
    }
