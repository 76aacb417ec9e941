"""What must be kept longer than the law asks, and what the audit chain knows of the lake's own chains."""

from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from dekhang.apps.registry.models import Unit
from dekhang.apps.sources.models import LogSource


class LegalHold(models.Model):
    """Events of a unit, a source or everybody (neither) that do not expire, from `placed_at` until it is lifted or ends.

    `since`, `until`: only events whose own time is in [since, until); null = any.
    """

    unit = models.ForeignKey(Unit, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    source = models.ForeignKey(LogSource, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    document = models.CharField(max_length=120, blank=True, help_text="number of the request or decision behind it")
    ends_on = models.DateField(null=True, blank=True, help_text="last day; null: until it is lifted")
    placed_at = models.DateTimeField()
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    lift_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-placed_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True, lift_reason="")
                | (Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="hold_lifted_when_by_whom_and_why",
            ),
            models.CheckConstraint(
                condition=Q(since__isnull=True) | Q(until__isnull=True) | Q(since__lt=F("until")),
                name="hold_begins_before_it_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"Lệnh giữ số {self.pk}"

    @property
    def last_day(self) -> date | None:
        """The last day that is held, as the province counts days."""
        return timezone.localdate(self.until - timedelta(microseconds=1)) if self.until is not None else None


class LakeAnchor(models.Model):
    """The last head of a day's chain that was written into the audit chain."""

    day = models.CharField(max_length=10, primary_key=True, help_text="UTC, as the lake files it")
    number = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    anchored_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.day}#{self.number}"
