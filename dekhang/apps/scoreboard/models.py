"""Frozen numbers: a share as it stood, with its rows, so that nobody can flatter yesterday; and what the public may have."""

import zlib
from typing import Any

import orjson
from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.scoreboard.enums import PeriodKind
from dekhang.apps.scoreboard.freezing.periods import name_of


class Snapshot(models.Model):
    """A duty's figure of one day. Written once: later evidence, edits and reorganisations do not touch it."""

    duty_key = models.CharField(max_length=40)
    date = models.DateField(help_text="the day whose end (in the installation's time zone) it describes")
    units_in_force = models.PositiveIntegerField()
    declared = models.PositiveIntegerField()
    proven = models.PositiveIntegerField()
    states = models.JSONField(default=dict, help_text="state → number of units")
    done = models.FloatField(null=True, help_text="the detail share; null: nothing was counted")
    whole = models.FloatField(null=True)
    never = models.FloatField(null=True)
    records_sent = models.BigIntegerField(
        null=True, help_text="of the logs behind the share; null: it is not about logs"
    )
    records_lost = models.BigIntegerField(null=True)
    packed_rows = models.BinaryField(help_text="per unit: id, name, state, reason …; JSON packed by zlib: ~20 B a row")
    digest = models.CharField(max_length=64)
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["duty_key", "date"], name="one_snapshot_a_day")]
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.duty_key} ngày {self.date:%d/%m/%Y}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("A snapshot is written once")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("A snapshot is never deleted")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as `selectors.frozen_rows` made them; none where somebody tore them: then they do not fit the digest."""
        try:
            return orjson.loads(zlib.decompress(bytes(self.packed_rows)))
        except (zlib.error, ValueError):
            return []

    @staticmethod
    def pack(rows: list[dict[str, Any]]) -> bytes:
        return zlib.compress(orjson.dumps(rows), 6)


class PublicItem(models.Model):
    """An item of the contribution map that was cleared for the public; without a standing row an item is private."""

    key = models.CharField(
        max_length=80, help_text="duty:sop, evidence:canary, document:regulation; paper:12, one text"
    )
    link = models.CharField(max_length=500, blank=True, help_text="where it is published, https")
    cleared_at = models.DateTimeField()
    cleared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(withdrawn_at__isnull=True), name="cleared_once"),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class FrozenPeriod(models.Model):
    """Numbers put on ice under a name: those of the last day of a month, a quarter, a year, or of a day named by hand."""

    kind = models.CharField(max_length=8, choices=PeriodKind.choices)
    first_day = models.DateField()
    last_day = models.DateField(help_text="the figures are those of this day: `Snapshot.date`")
    reason = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="null: the clock"
    )
    digest = models.CharField(max_length=64, help_text="over the period and the digests of its snapshots")

    class Meta:
        indexes = [models.Index(fields=["last_day"])]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "last_day"], condition=~Q(kind=PeriodKind.BY_HAND), name="one_period_of_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(kind=PeriodKind.BY_HAND, made_by__isnull=False) & ~Q(reason="")
                | ~Q(kind=PeriodKind.BY_HAND) & Q(made_by__isnull=True, reason=""),
                name="who_freezes_by_hand_says_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("A frozen period is written once")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("A frozen period is never deleted")

    @property
    def name(self) -> str:
        return name_of(PeriodKind(self.kind), self.last_day)
