"""Inspection visits: how units were chosen, what was looked at and found, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.inspections.enums import FindingStatus, Result, Severity, VisitStatus, Way
from dekhang.apps.registry.models import Unit

USER = settings.AUTH_USER_MODEL


class Sample(models.Model):
    """Units drawn for inspection. Everything that the draw depended on is kept: it can be drawn again and proven."""

    title = models.CharField(max_length=200)
    drawn_at = models.DateTimeField()
    drawn_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    seed = models.CharField(max_length=64, help_text="the hash at the head of the audit chain just before the draw")
    seed_event = models.BigIntegerField(help_text="which event of the chain has that hash; 0: the empty chain")
    quotas = models.JSONField(help_text="block → [drawn by risk, drawn at random]")
    frame = models.JSONField(help_text="[unit id, key, block, risk] of every unit that could be drawn")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title


class SampledUnit(models.Model):
    sample = models.ForeignKey(Sample, on_delete=models.CASCADE, related_name="drawn")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    block = models.CharField(max_length=20)
    way = models.CharField(max_length=10, choices=Way.choices)
    rank = models.PositiveSmallIntegerField()
    risk = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=list, help_text="what the risk is made of, as sentences")

    class Meta:
        ordering = ["rank"]
        constraints = [models.UniqueConstraint(fields=["sample", "unit"], name="a_unit_is_drawn_once")]


class Visit(models.Model):
    """One inspection of one unit. The checklist is the one in force on `day`, copied when the visit was planned."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="visits")
    sample = models.ForeignKey(Sample, null=True, on_delete=models.PROTECT, related_name="visits")
    checklist_key = models.CharField(max_length=40)
    checklist_title = models.CharField(max_length=200)
    day = models.DateField()
    purpose = models.TextField(blank=True)
    announced = models.BooleanField(default=True, help_text="False: the unit hears of it when it begins")
    lead = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    members = models.ManyToManyField(USER, related_name="+")
    status = models.CharField(max_length=10, choices=VisitStatus.choices, default=VisitStatus.PLANNED)
    planned_at = models.DateTimeField()
    planned_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True)
    concluded_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=300, blank=True)
    conclusion = models.TextField(blank=True)
    unit_view = models.TextField(blank=True, help_text="what the unit says to it, for the minutes")

    class Meta:
        ordering = ["-day", "-pk"]
        indexes = [models.Index(fields=["status", "day"]), models.Index(fields=["unit", "-day"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(status=VisitStatus.CANCELLED) & ~Q(cancel_reason="")
                | ~Q(status=VisitStatus.CANCELLED) & Q(cancel_reason=""),
                name="cancelled_visit_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[VisitStatus.CONCLUDED, VisitStatus.CLOSED])
                | Q(concluded_at__isnull=False) & ~Q(conclusion=""),
                name="concluded_visit_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"Kiểm tra ngày {self.day:%d/%m/%Y}"


class Item(models.Model):
    """One item of the visit's checklist as it read on the day, and what was found there."""

    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=40)
    group = models.CharField(max_length=100)
    text = models.CharField(max_length=500)
    look = models.CharField(max_length=500)
    duty_key = models.CharField(max_length=40, blank=True)
    refutes = models.CharField(max_length=30, blank=True)
    basis = models.JSONField(default=list, help_text="citations in words, those in force on the day")
    result = models.CharField(max_length=16, choices=Result.choices, blank=True)
    note = models.TextField(blank=True)
    seen = models.TextField(blank=True, help_text="evidence seen: number of a text, place, person asked")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "key"], name="an_item_of_a_visit_stands_once"),
            models.CheckConstraint(
                condition=Q(result="", answered_at__isnull=True, answered_by__isnull=True)
                | ~Q(result="") & Q(answered_at__isnull=False, answered_by__isnull=False),
                name="item_answered_when_and_by_whom",
            ),
        ]


class Finding(models.Model):
    """Something that must be put right, by whom, until when. `unit` follows reorganisations while it is open."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="findings")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="findings")
    item = models.ForeignKey(Item, null=True, on_delete=models.PROTECT, related_name="findings")
    severity = models.CharField(max_length=8, choices=Severity.choices)
    text = models.TextField()
    required = models.TextField(help_text="what the unit has to do")
    due_on = models.DateField()
    contradicts = models.BooleanField(default=False, help_text="it contradicts what the unit declares")
    status = models.CharField(max_length=10, choices=FindingStatus.choices, default=FindingStatus.OPEN)
    raised_at = models.DateTimeField()
    raised_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True, help_text="the unit was reminded before the deadline")
    overdue_told_at = models.DateTimeField(null=True, help_text="head and inspector were told that it passed")

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["unit", "status", "due_on"]), models.Index(fields=["status", "due_on"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[FindingStatus.OPEN, FindingStatus.FILED], ended_at__isnull=True)
                | Q(status__in=[FindingStatus.CLOSED, FindingStatus.WITHDRAWN], ended_at__isnull=False),
                name="finding_ended_when",
            )
        ]

    def __str__(self) -> str:
        return f"Phát hiện số {self.pk}"


class FollowUp(models.Model):
    """What the unit says it did about a finding, and the inspector's verdict."""

    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="follow_ups")
    text = models.TextField()
    file = models.FileField(upload_to="inspections/%Y/", blank=True)
    file_name = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    filed_at = models.DateTimeField()
    filed_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    verified = models.BooleanField(null=True, help_text="null: not judged yet")
    judged_at = models.DateTimeField(null=True)
    judged_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    judgement = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["finding"], condition=Q(verified__isnull=True), name="one_follow_up_waits"),
            models.CheckConstraint(
                condition=Q(verified__isnull=True, judged_at__isnull=True, judged_by__isnull=True)
                | Q(verified__isnull=False, judged_at__isnull=False, judged_by__isnull=False),
                name="follow_up_judged_when_and_by_whom",
            ),
        ]


class Minutes(models.Model):
    """The sign-off sheet (biên bản) as made; the file stays, its SHA-256 beside it."""

    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, related_name="minutes")
    file = models.FileField(upload_to="inspections/%Y/")
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-pk"]
