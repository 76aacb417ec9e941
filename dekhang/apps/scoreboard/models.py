"""Frozen numbers: a share as it stood, with its rows, so that nobody can flatter yesterday."""

from django.db import models


class Snapshot(models.Model):
    duty_key = models.CharField(max_length=40)
    date = models.DateField(help_text="the day whose end (in the installation's time zone) it describes")
    units_in_force = models.PositiveIntegerField()
    declared = models.PositiveIntegerField()
    proven = models.PositiveIntegerField()
    records_sent = models.BigIntegerField(
        null=True, help_text="of the logs behind the share; null: it is not about logs"
    )
    records_lost = models.BigIntegerField(null=True)
    rows = models.JSONField(help_text="per unit: id, state, reason")
    digest = models.CharField(max_length=64)
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["duty_key", "date"], name="one_snapshot_a_day")]
        ordering = ["date"]

    def __str__(self) -> str:
        return f"{self.duty_key} ngày {self.date:%d/%m/%Y}"
