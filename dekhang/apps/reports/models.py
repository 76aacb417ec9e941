"""Reports as archived values: frozen data, the version of the template, and the bytes that came of them.

What a report says never changes: its inputs, digests and files are written once. Only where it stands moves on.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.registry.models import Unit
from dekhang.apps.reports.enums import Form, ReportKind, ReportState

USER = settings.AUTH_USER_MODEL
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTVWXYZ"  # no 0 O, 1 I, U: people type it from paper
CODE_LETTERS = 12  # 31^12 ≈ 2^59: nobody guesses one


def code_as_written(typed: str) -> str:
    """ "7f3k 9q2m xabc" → "7F3K-9Q2M-XABC", however it was typed; characters that no code has are left out."""
    letters = [c for c in typed.upper() if c in CODE_ALPHABET][:CODE_LETTERS]
    return "-".join("".join(letters[n : n + 4]) for n in range(0, len(letters), 4))


class Report(models.Model):
    kind = models.CharField(max_length=20, choices=ReportKind.choices)
    unit = models.ForeignKey(
        Unit, null=True, on_delete=models.PROTECT, related_name="periodic_reports", help_text="null: of the province"
    )
    day = models.DateField(help_text="its figures are the board's at the end of this day")
    provisional = models.BooleanField(help_text="made while `day` was not over: never to be confirmed")
    calendar_key = models.CharField(max_length=60, blank=True, help_text="of law/data/report_calendar.yml")
    period_start = models.DateField()
    period_end = models.DateField()
    schedule_key = models.CharField(max_length=120, null=True, unique=True, help_text="made by the clock: once")
    code = models.CharField(max_length=20, unique=True, help_text="stands on the paper; the check page asks for it")
    template_version = models.PositiveSmallIntegerField()
    tools = models.JSONField(help_text="versions of the libraries that wrote the bytes")
    inputs = models.JSONField(help_text="everything that the paper says: `gathering.py`")
    inputs_sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        USER, null=True, on_delete=models.PROTECT, related_name="+", help_text="null: the clock"
    )
    state = models.CharField(max_length=10, choices=ReportState.choices, default=ReportState.MADE)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    return_reason = models.CharField(max_length=500, blank=True)
    signing_problem = models.CharField(max_length=300, blank=True, help_text="why it has no digital signature yet")

    class Meta:
        ordering = ["-made_at", "-pk"]
        indexes = [
            models.Index(fields=["unit", "kind", "period_end"]),
            models.Index(fields=["calendar_key", "period_end", "state"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False),
                name="report_confirmed_when_and_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True, submitted_by__isnull=True)
                | Q(submitted_at__isnull=False, submitted_by__isnull=False),
                name="report_submitted_when_and_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[ReportState.RECEIVED, ReportState.RETURNED], decided_at__isnull=False)
                | (~Q(state__in=[ReportState.RECEIVED, ReportState.RETURNED]) & Q(decided_at__isnull=True)),
                name="report_decided_when_received_or_returned",
            ),
            models.CheckConstraint(
                condition=Q(provisional=False) | Q(confirmed_at__isnull=True), name="provisional_report_never_confirmed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.day:%d/%m/%Y} ({self.code})"


class NotMade(models.Model):
    """A report of the calendar that the clock could not make: why, and when it tries again. Gone once it is made."""

    schedule_key = models.CharField(max_length=120, unique=True)
    calendar_key = models.CharField(max_length=60)
    period_end = models.DateField()
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    problem = models.CharField(max_length=300)
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField()
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.schedule_key}: {self.problem}"


class ReportFile(models.Model):
    """One form of a report, as made. Rows are only ever added."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="files")
    form = models.CharField(max_length=10, choices=Form.choices)
    file = models.FileField(upload_to="archive/%Y/")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["report", "form"], name="one_file_of_a_form")]

    def __str__(self) -> str:
        return f"{self.report} · {self.get_form_display()}"

    def save(self, *args, **kwargs):
        if self.pk is not None:
            raise TypeError("a report's file is written once; make another report instead")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise TypeError("the archive of reports is append-only")
