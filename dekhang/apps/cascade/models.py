"""Plans and their tasks, what was sent to whom, and what came back. States are computed in `states.py`.

A plan and a task are identities; what they say is in their versions, so that any past day can be asked. Of an assignment
nothing is overwritten either: deadlines, receipts, reports, questions and rungs of the ladder are rows of their own.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.cascade.enums import (
    About,
    ContestSide,
    DeadlineKind,
    DueCause,
    EndCause,
    PartyRole,
    Period,
    PlanState,
    ReceiptKind,
    Step,
    Verdict,
)
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import Unit


def _person(*, null: bool = False) -> models.ForeignKey:
    return models.ForeignKey(settings.AUTH_USER_MODEL, null=null, on_delete=models.PROTECT, related_name="+")


def _together(name: str, *fields: str) -> models.CheckConstraint:
    """These fields are all there, or none of them is."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True for field in fields})
        | Q(**{f"{field}__isnull": False for field in fields}),
        name=name,
    )


def _once_each(name: str, condition: Q, *fields: str) -> list[models.UniqueConstraint]:
    """One such row for an assignment, and one for each of its occurrences: SQL takes no two nulls for the same."""
    return [
        models.UniqueConstraint(
            fields=["assignment", *fields], condition=condition & Q(occurrence__isnull=True), name=f"{name}_once"
        ),
        models.UniqueConstraint(
            fields=["occurrence", *fields],
            condition=condition & Q(occurrence__isnull=False),
            name=f"{name}_once_a_period",
        ),
    ]


class Plan(models.Model):
    """A plan through all its versions."""

    created_at = models.DateTimeField()
    created_by = _person(null=True)


class PlanVersion(models.Model):
    """What a plan says. Only a draft is edited; what was issued stays as it was."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=300)
    decision = models.CharField(max_length=200, blank=True, help_text="number of the decision that approves it")
    day = models.DateField(help_text="the date on the plan; no deadline lies before it")
    basis = models.JSONField(default=list, help_text="citation keys of dekhang/law")
    note = models.CharField(max_length=1000, blank=True, help_text="whose words these are")
    changes = models.CharField(max_length=2000, blank=True, help_text="what this version says that the last did not")
    state = models.CharField(max_length=10, choices=PlanState.choices, default=PlanState.DRAFT)
    created_at = models.DateTimeField()
    created_by = _person(null=True)
    issued_at = models.DateTimeField(null=True)
    issued_by = _person(null=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["plan_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="one_version_of_a_number"),
            models.UniqueConstraint(fields=["plan"], condition=Q(state=PlanState.DRAFT), name="one_draft_of_a_plan"),
            models.UniqueConstraint(fields=["plan"], condition=Q(state=PlanState.ISSUED), name="one_version_in_force"),
            models.CheckConstraint(
                condition=Q(state=PlanState.DRAFT, issued_at__isnull=True, replaced_at__isnull=True)
                | Q(state=PlanState.ISSUED, issued_at__isnull=False, replaced_at__isnull=True)
                | Q(state=PlanState.REPLACED, issued_at__isnull=False, replaced_at__isnull=False),
                name="plan_version_dated_by_state",
            ),
        ]

    def __str__(self) -> str:
        return self.title if self.number == 1 else f"{self.title} (bản {self.number})"


class Task(models.Model):
    """A task of a plan through all versions: what assignments, evidence and numbers hang on."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="tasks")


class TaskVersion(models.Model):
    """What a task is in one version of its plan."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="versions")
    version = models.ForeignKey(PlanVersion, on_delete=models.CASCADE, related_name="tasks")
    order = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=300)
    text = models.TextField(max_length=4000, blank=True, help_text="what exactly is to be done")
    output = models.CharField(max_length=300, blank=True, help_text="sản phẩm: what there is when it is done")
    basis = models.JSONField(default=list, help_text="citation keys of dekhang/law: instrument and clause")
    basis_note = models.CharField(max_length=300, blank=True, help_text="a basis that the law's data does not hold")
    deadline = models.CharField(max_length=10, choices=DeadlineKind.choices, default=DeadlineKind.ONCE)
    due_on = models.DateField(null=True, blank=True, help_text="last day, for a task that is done once")
    period = models.CharField(max_length=8, choices=Period.choices, blank=True)
    starts_on = models.DateField(null=True, blank=True, help_text="the first period is the one that holds this day")
    ends_on = models.DateField(null=True, blank=True, help_text="no period begins after this day")
    due_days = models.SmallIntegerField(
        default=0, help_text="days after the end of a period until it is due; may be < 0"
    )
    duty_key = models.CharField(max_length=40, blank=True, help_text="the duty whose state proves it")
    own_proof = models.BooleanField(default=False, help_text="a report that the sender has checked proves it")

    class Meta:
        ordering = ["order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["task", "version"], name="one_wording_of_a_task"),
            models.CheckConstraint(
                condition=Q(deadline=DeadlineKind.ONCE, due_on__isnull=False, period="")
                | Q(deadline=DeadlineKind.STANDING, due_on__isnull=True, period="")
                | Q(deadline=DeadlineKind.RECURRING, due_on__isnull=True, starts_on__isnull=False, own_proof=True)
                & ~Q(period=""),
                name="task_deadline_is_whole",
            ),
            models.CheckConstraint(condition=Q(own_proof=True) | ~Q(duty_key=""), name="task_has_a_proof"),
        ]

    def __str__(self) -> str:
        return self.title


class TaskParty(models.Model):
    """Who leads a task or takes part: one unit, or all units of a kind."""

    task = models.ForeignKey(TaskVersion, on_delete=models.CASCADE, related_name="parties")
    role = models.CharField(max_length=10, choices=PartyRole.choices)
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=UnitKind.choices, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(unit__isnull=True) & ~Q(kind="") | Q(unit__isnull=False, kind=""),
                name="party_is_a_unit_or_a_kind",
            )
        ]


class Assignment(models.Model):
    """A task given to a unit. It belongs to that unit for ever: a successor gets one of its own (`continued_by`)."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="assignments")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="assignments")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    role = models.CharField(max_length=10, choices=PartyRole.choices, default=PartyRole.LEAD)
    note = models.CharField(max_length=1000, blank=True, help_text="what the sender adds for this unit")
    sent_at = models.DateTimeField()
    sent_by = _person(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = _person(null=True)
    end_cause = models.CharField(max_length=10, choices=EndCause.choices, blank=True)
    continued_by = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="continues")

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["unit", "ended_at"]), models.Index(fields=["task", "sent_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "unit"], condition=Q(ended_at__isnull=True), name="one_open_assignment_of_a_task"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end_cause="") | Q(ended_at__isnull=False) & ~Q(end_cause=""),
                name="assignment_ends_with_a_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"Việc được giao số {self.pk}"


class Due(models.Model):
    """The last day of an assignment, from `set_at` until the next row. None: standing or recurring."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="dues")
    day = models.DateField(null=True)
    cause = models.CharField(max_length=10, choices=DueCause.choices)
    set_at = models.DateTimeField()
    set_by = _person(null=True)

    class Meta:
        ordering = ["set_at", "pk"]


class Occurrence(models.Model):
    """One period of a recurring task at a unit."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="occurrences")
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="last day of the period")
    due_on = models.DateField(help_text="last day on which a report of it is in time")
    missed_at = models.DateTimeField(null=True, help_text="when it was written down that nobody reported in time")

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "starts_on"], name="one_occurrence_of_a_period"),
        ]

    def __str__(self) -> str:
        return f"Kỳ {self.starts_on:%d/%m/%Y} – {self.ends_on:%d/%m/%Y}"


class Receipt(models.Model):
    """Somebody of the unit received, read or accepted it."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="receipts")
    kind = models.CharField(max_length=10, choices=ReceiptKind.choices)
    at = models.DateTimeField()
    by = _person()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "kind"], condition=~Q(kind=ReceiptKind.READ), name="received_and_accepted_once"
            ),
            models.UniqueConstraint(
                fields=["assignment", "by"], condition=Q(kind=ReceiptKind.READ), name="one_reading_of_an_assignment"
            ),
        ]


class SubDuty(models.Model):
    """A part of the work that a unit gives to one of its own people. It helps them; no state counts it."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="sub_duties")
    text = models.CharField(max_length=300)
    person = models.CharField(max_length=200, help_text="who does it, as the unit calls them")
    due_on = models.DateField(null=True)
    set_at = models.DateTimeField()
    set_by = _person()
    done_at = models.DateTimeField(null=True)
    done_by = _person(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [_together("sub_duty_done_by_somebody", "done_at", "done_by")]

    def __str__(self) -> str:
        return self.text


class Report(models.Model):
    """What a unit says it has done, with a file or without; the sender's side judges it."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="reports")
    occurrence = models.ForeignKey(Occurrence, null=True, on_delete=models.PROTECT, related_name="reports")
    text = models.TextField(max_length=4000)
    file = models.FileField(upload_to="reports/%Y/", blank=True)
    file_name = models.CharField(max_length=255, blank=True)
    size_bytes = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    reported_at = models.DateTimeField()
    reported_by = _person()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = _person(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True, help_text="the newest judgement's")

    class Meta:
        ordering = ["-reported_at", "-pk"]
        constraints = [
            _together("report_withdrawn_by_somebody", "withdrawn_at", "withdrawn_by"),
            models.CheckConstraint(
                condition=Q(verdict="") | Q(withdrawn_at__isnull=True), name="withdrawn_report_is_not_judged"
            ),
            *_once_each("report_waits", Q(verdict="", withdrawn_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"Báo cáo số {self.pk}"

    @property
    def waits(self) -> bool:
        return not self.verdict and self.withdrawn_at is None


class Judgement(models.Model):
    """What somebody of the sender's side made of a report; a later one corrects an earlier one."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="judgements")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    note = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()
    by = _person()

    class Meta:
        ordering = ["at", "pk"]


class TaskContest(models.Model):
    """Giải trình on an assignment: the unit disagrees, or those above ask the unit to explain. Open until answered."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="contests")
    side = models.CharField(max_length=5, choices=ContestSide.choices)
    text = models.TextField(max_length=4000)
    opened_at = models.DateTimeField()
    opened_by = _person()
    answer = models.TextField(max_length=4000, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = _person(null=True)

    class Meta:
        ordering = ["-opened_at", "-pk"]
        constraints = [
            _together("task_contest_answered_by_somebody", "answered_at", "answered_by"),
            models.UniqueConstraint(
                fields=["assignment", "side"], condition=Q(answered_at__isnull=True), name="one_open_contest_of_a_side"
            ),
        ]


class Question(models.Model):
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField(max_length=2000)
    asked_at = models.DateTimeField()
    asked_by = _person()
    answer = models.TextField(max_length=4000, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = _person(null=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [_together("question_answered_by_somebody", "answered_at", "answered_by")]


class Extension(models.Model):
    """A unit asks for more time: for the assignment, or for one occurrence of it."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="extensions")
    occurrence = models.ForeignKey(Occurrence, null=True, on_delete=models.PROTECT, related_name="extensions")
    before = models.DateField(help_text="the deadline when it was asked")
    until = models.DateField(help_text="the deadline that is asked for")
    reason = models.CharField(max_length=1000)
    asked_at = models.DateTimeField()
    asked_by = _person()
    withdrawn_at = models.DateTimeField(null=True)
    granted = models.BooleanField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = _person(null=True)
    decision_note = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        constraints = [
            _together("extension_decided_by_somebody", "granted", "decided_at", "decided_by"),
            *_once_each("extension_waits", Q(decided_at__isnull=True, withdrawn_at__isnull=True)),
        ]


class Escalation(models.Model):
    """A rung of the ladder that an unreported task has climbed: once for each deadline, whatever crashes."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="escalations")
    occurrence = models.ForeignKey(Occurrence, null=True, on_delete=models.PROTECT, related_name="escalations")
    about = models.CharField(max_length=6, choices=About.choices)
    due_on = models.DateField()
    step = models.PositiveSmallIntegerField(choices=Step.choices)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            *_once_each("rung_climbed", Q(), "about", "due_on", "step"),
        ]
