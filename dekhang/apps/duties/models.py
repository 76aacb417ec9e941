"""What units declare (claims) and what the system saw (evidence). States are computed in `states.py`."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.duties.enums import (
    ClaimState,
    ContestState,
    Correction,
    DocumentKind,
    EvidenceKind,
    EvidenceSource,
    Outcome,
    RevisionState,
)
from dekhang.apps.registry.models import Person, Unit

LATE_DAYS = 2  # recorded so long after what it tells about: an edit of the past, not of the network


class Claim(models.Model):
    """A unit declares that it carries out a duty (`duty_key` of dekhang/law/data/duties.yml)."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="claims")
    duty_key = models.CharField(max_length=40)
    statement = models.TextField(blank=True)
    document = models.FileField(upload_to="claims/%Y/", blank=True)
    document_sha256 = models.CharField(max_length=64, blank=True)
    declared_at = models.DateTimeField()
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["duty_key", "unit", "declared_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "duty_key"], condition=Q(withdrawn_at__isnull=True), name="one_standing_claim"
            )
        ]

    def __str__(self) -> str:
        return f"Khai báo {self.duty_key}"


class Evidence(models.Model):
    """One observation by the system. Append-only: a later row corrects an earlier one, nothing is changed."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=30, choices=EvidenceKind.choices)
    subject = models.CharField(max_length=80)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    observed_at = models.DateTimeField(help_text="when it was true; states on a date use this")
    valid_until = models.DateTimeField(null=True, help_text="null: until a later row of the same subject")
    reason = models.CharField(max_length=300, blank=True, help_text="a Vietnamese sentence, for `broken`")
    payload = models.JSONField(default=dict)
    source = models.CharField(max_length=10, choices=EvidenceSource.choices, default=EvidenceSource.SYSTEM)
    revision = models.ForeignKey(
        "Revision",
        null=True,
        on_delete=models.PROTECT,
        related_name="evidence",
        help_text="the reviewed text behind it",
    )
    digest = models.CharField(max_length=64, help_text="SHA-256 over all other fields")
    recorded_at = models.DateTimeField()
    days_late = models.PositiveIntegerField(default=0, help_text="whole days from observed_at to recorded_at")

    class Meta:
        indexes = [
            models.Index(fields=["unit", "kind", "subject", "observed_at"]),
            models.Index(fields=["kind", "observed_at"]),
            models.Index(fields=["unit"], condition=Q(days_late__gte=LATE_DAYS), name="evidence_written_late"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.subject})"

    def save(self, *args, **kwargs):
        if self.pk is not None:
            raise TypeError("Evidence is append-only; record a new row instead")
        self.days_late = days_late(self.observed_at, self.recorded_at)
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise TypeError("Evidence is append-only")


def days_late(observed_at: datetime, recorded_at: datetime) -> int:
    return max(0, (recorded_at - observed_at).days)


class Document(models.Model):
    """A text that a unit files as proof, for one duty or several. Only an accepted revision becomes evidence."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=24, choices=DocumentKind.choices)
    title = models.CharField(max_length=200)
    subject = models.CharField(max_length=80, help_text="how evidence names it: regulation, level:12, layer:2")
    duty_keys = models.JSONField(default=list, help_text="the duties it shall serve")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["unit", "kind"])]
        ordering = ["kind", "-created_at"]

    def __str__(self) -> str:
        return self.title


class Revision(models.Model):
    """One filed version of a document: the file, what it says of itself, and what a reviewer made of it."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveSmallIntegerField()
    file = models.FileField(upload_to="documents/%Y/")
    file_name = models.CharField(max_length=255)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    made_at = models.DateTimeField(null=True, help_text="when the file says that it was made; null: it does not say")
    issue_number = models.CharField(max_length=100, blank=True, help_text="số, ký hiệu")
    issued_on = models.DateField(help_text="the date on the text itself")
    facts = models.JSONField(default=dict, help_text="what this kind of text has to say: documents/kinds.py")
    state = models.CharField(max_length=10, choices=RevisionState.choices, default=RevisionState.SUBMITTED)
    submitted_at = models.DateTimeField()
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    review_note = models.CharField(max_length=500, blank=True)
    in_bulk = models.BooleanField(default=False, help_text="accepted together with many others")

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["state", "submitted_at"])]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="one_revision_of_a_number"),
            models.UniqueConstraint(
                fields=["document"], condition=Q(state=RevisionState.SUBMITTED), name="one_revision_in_review"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[RevisionState.ACCEPTED, RevisionState.RETURNED], reviewed_at__isnull=False)
                | Q(state__in=[RevisionState.SUBMITTED, RevisionState.WITHDRAWN], reviewed_at__isnull=True),
                name="reviewed_when_judged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} ({self.number})"

    @property
    def unit_id(self) -> int:
        return self.document.unit_id


class StateSpan(models.Model):
    """From `start` until the unit's next span of the duty: what `states.timeline` computed. Never typed or edited.

    Boards of any date read these rows instead of walking through all evidence. A unit without a span was never heard of.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    duty_key = models.CharField(max_length=40)
    start = models.DateTimeField()
    end = models.DateTimeField(null=True, help_text="start of the next span")
    state = models.CharField(max_length=12, choices=ClaimState.choices)
    since = models.DateTimeField(
        null=True, help_text="when it came into this state; spans also end when reasons change"
    )
    proven_until = models.DateTimeField(null=True)
    done = models.FloatField(null=True, help_text="of the things that the duty counts; null: it counts units only")
    whole = models.FloatField(null=True)
    never = models.FloatField(null=True, help_text="of those not done: never begun")
    reasons = models.JSONField(
        default=list, help_text="[code, text, next step, url name, subject] each, most urgent first"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["duty_key", "unit", "start"], name="one_span_of_a_claim_at_a_time")
        ]
        indexes = [models.Index(fields=["duty_key", "end", "start"])]


class StaleTimeline(models.Model):
    """Something was recorded since the spans of (unit, duty) were computed: until they are, evidence itself is read.

    A row for each record, so that one written beside a running computation is not taken for a part of it.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    duty_key = models.CharField(max_length=40)

    class Meta:
        indexes = [models.Index(fields=["duty_key", "unit"])]


class Contest(models.Model):
    """Giải trình: a unit disagrees with its number of a day; the coordinator corrects or refuses. The number is not edited."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="contests")
    duty_key = models.CharField(max_length=40)
    day = models.DateField(help_text="the day whose number is contested")
    state_shown = models.CharField(
        max_length=12, choices=ClaimState.choices, help_text="what the board said of that day"
    )
    reason_shown = models.TextField(blank=True)
    text = models.TextField()
    evidence = models.ManyToManyField(
        Evidence, related_name="contests", blank=True, help_text="the rows that the unit says are wrong"
    )
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(help_text="until when the coordinator shall decide")
    overdue_at = models.DateTimeField(null=True, help_text="when it was told that nobody did")
    state = models.CharField(max_length=10, choices=ContestState.choices, default=ContestState.OPEN)
    correction = models.CharField(max_length=12, choices=Correction.choices, blank=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, help_text="when it was decided, or withdrawn")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["unit", "duty_key", "opened_at"]),
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["duty_key", "day"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "duty_key"], condition=Q(state=ContestState.OPEN), name="one_open_contest"
            ),
            models.CheckConstraint(
                condition=Q(state=ContestState.OPEN, answered_at__isnull=True, answered_by__isnull=True)
                | ~Q(state=ContestState.OPEN) & Q(answered_at__isnull=False, answered_by__isnull=False),
                name="contest_answered_when_decided",
            ),
            models.CheckConstraint(
                condition=Q(state=ContestState.CORRECTED) & ~Q(correction="")
                | ~Q(state=ContestState.CORRECTED) & Q(correction=""),
                name="contest_says_how_it_was_corrected",
            ),
        ]

    def __str__(self) -> str:
        return f"Giải trình về {self.duty_key}"


class SupportRequest(models.Model):
    """Help asked of an ISP. `provider` is its unit; `unit` those for whom it was asked (null: the province itself)."""

    provider = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="support_requests")
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="support_asked")
    text = models.TextField()
    is_exercise = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(help_text="until when the provider shall answer")
    late_at = models.DateTimeField(null=True, help_text="when it was noticed that it had not answered in time")
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)
    answer_recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_at = models.DateTimeField(null=True)
    verified_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    works = models.BooleanField(null=True, help_text="what those for whom it was done say")
    verdict = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["provider", "asked_at"]), models.Index(fields=["answered_at", "due_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer_recorded_by__isnull=True)
                | Q(answered_at__isnull=False, answer_recorded_by__isnull=False),
                name="support_answer_has_its_writer",
            ),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True, verified_by__isnull=True, works__isnull=True)
                | Q(
                    verified_at__isnull=False, verified_by__isnull=False, works__isnull=False, answered_at__isnull=False
                ),
                name="support_verified_after_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"Yêu cầu hỗ trợ số {self.pk}"


class CheckImport(models.Model):
    """A workbook of awareness checks that was brought in whole; undone, its results count no more."""

    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=True)
    rows = models.PositiveIntegerField()
    brought_at = models.DateTimeField()
    brought_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-brought_at", "-pk"]

    def __str__(self) -> str:
        return self.file_name


class AwarenessCheck(models.Model):
    """One person's result of one check. Counts of them over the roster become evidence; names never do."""

    brought = models.ForeignKey(CheckImport, on_delete=models.PROTECT, related_name="checks")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="awareness_checks")
    on = models.DateField()
    passed = models.BooleanField()
    score = models.FloatField(null=True)
    issuer = models.CharField(max_length=200, help_text="who held the check")

    class Meta:
        indexes = [models.Index(fields=["person", "passed", "on"])]
