"""Conferences and briefings: who was invited, what was given out, who came, who read, what was asked.

Nothing here says that a unit did anything: attendance and reading are evidence that it was informed.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from dekhang.apps.briefings.enums import BriefingStatus, SheetState, Way
from dekhang.apps.cascade.models import Plan
from dekhang.apps.registry.models import Person, Unit

USER = settings.AUTH_USER_MODEL


class Briefing(models.Model):
    """One meeting. `unit`: who holds it; null: the province's coordinator."""

    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="briefings")
    title = models.CharField(max_length=300)
    about = models.TextField(blank=True, help_text="agenda, what is to be prepared")
    plan = models.ForeignKey(
        Plan, null=True, on_delete=models.SET_NULL, related_name="briefings", help_text="the plan that it makes known"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    place = models.CharField(max_length=300, blank=True)
    link = models.URLField(max_length=500, blank=True, help_text="of a meeting at a distance")
    status = models.CharField(max_length=10, choices=BriefingStatus.choices, default=BriefingStatus.DRAFT)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    announced_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True, help_text="the invited were reminded of the day")
    absent_told_at = models.DateTimeField(null=True, help_text="units that did not come were told where to read")

    class Meta:
        ordering = ["-starts_at", "-pk"]
        indexes = [models.Index(fields=["status", "starts_at"])]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="briefing_lasts"),
            models.CheckConstraint(condition=~Q(place="") | ~Q(link=""), name="briefing_is_somewhere"),
            models.CheckConstraint(
                condition=Q(status=BriefingStatus.CLOSED, closed_at__isnull=False)
                | (~Q(status=BriefingStatus.CLOSED) & Q(closed_at__isnull=True)),
                name="closed_briefing_has_its_moment",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Invitation(models.Model):
    """One invited unit. Who of it should come: holders of `posts`, and the people named."""

    briefing = models.ForeignKey(Briefing, on_delete=models.PROTECT, related_name="invitations")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="invitations")
    posts = models.JSONField(default=list, help_text="kinds of posts (registry.PostKind)")
    invited_at = models.DateTimeField()
    invited_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["briefing", "unit"], name="one_invitation_of_a_unit")]

    def __str__(self) -> str:
        return f"Giấy mời {self.briefing}"


class InvitedPerson(models.Model):
    """Somebody of the roster who is invited by name."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="people")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invitation", "person"], name="a_person_is_invited_once")]


class Material(models.Model):
    """A file that the invited read. A withdrawn one stays on record, and is not given out."""

    briefing = models.ForeignKey(Briefing, on_delete=models.PROTECT, related_name="materials")
    title = models.CharField(max_length=200)
    file = models.FileField(upload_to="briefings/%Y/")
    file_name = models.CharField(max_length=255)
    size_bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title


class Reading(models.Model):
    """A person of an invited unit opened a file, and may have said that they read it."""

    material = models.ForeignKey(Material, on_delete=models.PROTECT, related_name="readings")
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="readings")
    user = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["material", "user"], name="one_reading_of_a_material")]


class AttendanceSheet(models.Model):
    """A filled sign-in sheet (workbook): shown before it counts, applied whole, taken back whole."""

    briefing = models.ForeignKey(Briefing, on_delete=models.PROTECT, related_name="sheets")
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    rows = models.JSONField(default=list, help_text="[invitation id, name, title] each")
    state = models.CharField(max_length=10, choices=SheetState.choices, default=SheetState.READY)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.file_name


class Attendance(models.Model):
    """Somebody came: one standing row for each person. Wrong rows are struck with a reason, not removed."""

    briefing = models.ForeignKey(Briefing, on_delete=models.PROTECT, related_name="attendances")
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="attendances")
    user = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200, help_text="lower case, without accents")
    title = models.CharField(max_length=200, blank=True)
    way = models.CharField(max_length=12, choices=Way.choices)
    at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        USER, null=True, on_delete=models.PROTECT, related_name="+", help_text="null: the person"
    )
    sheet = models.ForeignKey(AttendanceSheet, null=True, on_delete=models.PROTECT, related_name="attendances")
    struck_at = models.DateTimeField(null=True)
    struck_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    strike_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["briefing", "user"], condition=Q(struck_at__isnull=True), name="one_confirmation_of_an_account"
            ),
            models.UniqueConstraint(
                fields=["invitation", "name_key"],
                condition=Q(struck_at__isnull=True),
                name="one_confirmation_of_a_name_of_a_unit",
            ),
            models.CheckConstraint(
                condition=Q(struck_at__isnull=True, struck_by__isnull=True, strike_reason="")
                | (Q(struck_at__isnull=False, struck_by__isnull=False) & ~Q(strike_reason="")),
                name="struck_when_by_whom_and_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Question(models.Model):
    """A question of an invited unit. Its answer is shared with all invited only when the organiser says so."""

    briefing = models.ForeignKey(Briefing, on_delete=models.PROTECT, related_name="questions")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer="", shared=False)
                | (Q(answered_at__isnull=False) & ~Q(answer="")),
                name="shared_question_has_its_answer",
            )
        ]
