"""Procedures that units adopted, incidents, the run of their steps, clocks and documents."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.alerts.models import Alert
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus, Reminder, ReportKind, StepStatus
from dekhang.apps.registry.models import System, Unit

USER = settings.AUTH_USER_MODEL


class KeptPlaybook(models.Model):
    """A playbook as it read when somebody adopted or ran it: a file changed later does not change what was done."""

    playbook_id = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    name = models.CharField(max_length=300)
    body = models.TextField(help_text="dekhang.law.Playbook as JSON")
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["playbook_id", "version"], name="one_text_of_a_version")]

    def __str__(self) -> str:
        return f"{self.name} ({self.version})"


class Sop(models.Model):
    """A unit's standard procedure for one kind of incident: a playbook it adopted, approved by its head."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="sops")
    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    playbook_id = models.CharField(max_length=80)
    playbook_version = models.CharField(max_length=40)
    document = models.FileField(upload_to="sops/%Y/", blank=True, help_text="the unit's own issued text, if any")
    document_name = models.CharField(max_length=255, blank=True)
    document_sha256 = models.CharField(max_length=64, blank=True)
    adopted_at = models.DateTimeField()
    adopted_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "kind"], condition=Q(replaced_at__isnull=True), name="one_sop_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approved_by__isnull=True)
                | Q(approved_at__isnull=False, approved_by__isnull=False),
                name="sop_approved_when_and_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class SopReading(models.Model):
    sop = models.ForeignKey(Sop, on_delete=models.PROTECT, related_name="readings")
    user = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sop", "user"], name="one_reading_of_a_person")]


class Incident(models.Model):
    """One incident (or an exercise of the procedure). It keeps the legal regime of the day it was detected."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="incidents")
    system = models.ForeignKey(System, null=True, blank=True, on_delete=models.PROTECT, related_name="incidents")
    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    is_exercise = models.BooleanField(default=False)
    regime = models.CharField(max_length=10)
    status = models.CharField(max_length=12, choices=IncidentStatus.choices, default=IncidentStatus.OPEN)
    playbook_id = models.CharField(max_length=80)
    playbook_version = models.CharField(max_length=40)
    detected_at = models.DateTimeField(help_text="clocks of the law start here")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    beyond_capacity = models.BooleanField(null=True, help_text="null: not yet judged")
    capacity_judged_at = models.DateTimeField(null=True)
    capacity_judged_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    capacity_note = models.CharField(max_length=500, blank=True)
    handled_at = models.DateTimeField(null=True)
    handled_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=500, blank=True)
    facts = models.JSONField(default=dict, help_text="answers for the statutory documents, keys of report_fields.yml")
    alerts = models.ManyToManyField(Alert, related_name="incidents")

    class Meta:
        indexes = [models.Index(fields=["unit", "status", "-detected_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(beyond_capacity__isnull=True, capacity_judged_at__isnull=True)
                | Q(beyond_capacity__isnull=False, capacity_judged_at__isnull=False),
                name="capacity_judged_when",
            ),
            models.CheckConstraint(
                condition=Q(status=IncidentStatus.CANCELLED, cancelled_at__isnull=False)
                | (~Q(status=IncidentStatus.CANCELLED) & Q(cancelled_at__isnull=True)),
                name="cancelled_incident_has_its_date",
            ),
            models.CheckConstraint(
                condition=Q(status=IncidentStatus.CLOSED, closed_at__isnull=False, closed_by__isnull=False)
                | (~Q(status=IncidentStatus.CLOSED) & Q(closed_at__isnull=True, closed_by__isnull=True)),
                name="closed_when_and_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class StepRun(models.Model):
    """A step of the procedure as it was really done: who, when, note, proof, or why it was skipped.

    Rows are never removed: going back marks them `undone` and the step starts again as a new row.
    """

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="steps")
    step_id = models.CharField(max_length=80)
    number = models.PositiveSmallIntegerField(help_text="order in this run, undone rows included")
    status = models.CharField(max_length=10, choices=StepStatus.choices, default=StepStatus.CURRENT)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    finished_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    skip_reason = models.CharField(max_length=500, blank=True)
    choice = models.CharField(max_length=200, blank=True, help_text="the branch taken at a question")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "number"], name="steps_are_numbered"),
            models.UniqueConstraint(
                fields=["incident"], condition=Q(status=StepStatus.CURRENT), name="one_current_step"
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, finished_by__isnull=True)
                | Q(finished_at__isnull=False, finished_by__isnull=False),
                name="step_finished_when_and_by_whom",
            ),
            models.CheckConstraint(
                condition=~Q(status=StepStatus.SKIPPED) | ~Q(skip_reason=""), name="skipped_step_says_why"
            ),
        ]


class IncidentNote(models.Model):
    """Something done or seen that was not in the procedure; also how the coordinator gives guidance."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField()
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")


class Attachment(models.Model):
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="attachments")
    step = models.ForeignKey(StepRun, null=True, on_delete=models.PROTECT, related_name="attachments")
    file = models.FileField(upload_to="incidents/%Y/")
    name = models.CharField(max_length=255)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")


class IncidentEvent(models.Model):
    """Something that happened to an incident and that starts or stops a clock of the law.

    `event_key` is one of dekhang/law/data/clocks.yml. A mistaken event is withdrawn, not removed.
    """

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="events")
    event_key = models.CharField(max_length=60)
    at = models.DateTimeField()
    recorded_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    step = models.ForeignKey(StepRun, null=True, on_delete=models.PROTECT, related_name="events")
    note = models.CharField(max_length=300, blank=True, help_text="to whom and how")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "event_key"], condition=Q(withdrawn_at__isnull=True), name="one_standing_event"
            )
        ]


class IncidentClock(models.Model):
    """A statutory deadline of one incident (`clock_key` of dekhang/law/data/clocks.yml, under the incident's regime).

    Computed from the incident's standing events by `services.clocks.sync`; never edited by hand.
    """

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="clocks")
    clock_key = models.CharField(max_length=60)
    anchored_at = models.DateTimeField(help_text="when the event happened that started it")
    due_at = models.DateTimeField(null=True, help_text="null: the law sets no number")
    met_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True, help_text="no longer applies, e.g. capacity judged again")
    reminder = models.PositiveSmallIntegerField(choices=Reminder.choices, default=Reminder.NONE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "clock_key"], name="one_clock_of_a_key")]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(met_at__isnull=True, cancelled_at__isnull=True), name="running_clocks"
            )
        ]


class ReportDocument(models.Model):
    """A DOCX made from the record; the file as made stays, its SHA-256 beside it."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="reports")
    kind = models.CharField(max_length=10, choices=ReportKind.choices)
    file = models.FileField(upload_to="reports/%Y/")
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    sent_to = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True, sent_by__isnull=True)
                | Q(sent_at__isnull=False, sent_by__isnull=False),
                name="report_sent_when_and_by_whom",
            )
        ]
