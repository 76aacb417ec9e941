"""Procedures that units adopted, incidents, the run of their steps, clocks and documents."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.alerts.models import Alert
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus, ReportKind, StepStatus
from dekhang.apps.registry.models import System, Unit

USER = settings.AUTH_USER_MODEL


class Sop(models.Model):
    """A unit's standard procedure for one kind of incident: a playbook it adopted, approved by its head."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="sops")
    kind = models.CharField(max_length=20, choices=IncidentKind.choices)
    playbook_id = models.CharField(max_length=80)
    playbook_version = models.CharField(max_length=40)
    document = models.FileField(upload_to="sops/%Y/", blank=True, help_text="the unit's own issued text, if any")
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
    """One incident (or an exercise of the procedure). It keeps the legal regime under which it was opened."""

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
    handled_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    facts = models.JSONField(default=dict, help_text="answers for the statutory documents, keys of report_fields.yml")
    alerts = models.ManyToManyField(Alert, related_name="incidents")

    def __str__(self) -> str:
        return self.title


class StepRun(models.Model):
    """A step of the procedure as it was really done: who, when, note, proof, or why it was skipped."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="steps")
    step_id = models.CharField(max_length=80)
    number = models.PositiveSmallIntegerField()
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
        ]


class Attachment(models.Model):
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="attachments")
    step = models.ForeignKey(StepRun, null=True, on_delete=models.PROTECT, related_name="attachments")
    file = models.FileField(upload_to="incidents/%Y/")
    name = models.CharField(max_length=255)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")


class IncidentClock(models.Model):
    """A statutory deadline of one incident (`clock_key` of dekhang/law/data/clocks.yml)."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="clocks")
    clock_key = models.CharField(max_length=60)
    due_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True, help_text="no longer applies, e.g. capacity judged again")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "clock_key"], name="one_clock_of_a_key")]


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
