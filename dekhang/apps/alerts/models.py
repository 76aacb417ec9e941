"""Alerts: detections grouped by (unit, family, entity) so that one attack is one alert."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.alerts.enums import AlertLevel, AlertStatus, EscalationStep
from dekhang.apps.registry.models import Unit
from dekhang.apps.sources.models import LogSource


class Alert(models.Model):
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="alerts")
    source = models.ForeignKey(LogSource, null=True, on_delete=models.PROTECT, related_name="alerts")
    rule_id = models.CharField(max_length=64, help_text="the rule of the highest level among its detections")
    family = models.CharField(max_length=60)
    entity = models.CharField(max_length=300, help_text="what it is about: an address, an account, a machine")
    host = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=300)
    level = models.CharField(max_length=20, choices=AlertLevel.choices)
    is_canary = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=AlertStatus.choices, default=AlertStatus.NEW)
    created_at = models.DateTimeField()
    first_event_at = models.DateTimeField()
    last_event_at = models.DateTimeField()
    detection_count = models.PositiveBigIntegerField(default=0)
    event_count = models.PositiveBigIntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    closing_note = models.CharField(max_length=500, blank=True)
    waiting_since = models.DateTimeField(help_text="since when an answer is expected: the escalation's clock")
    escalation = models.PositiveSmallIntegerField(choices=EscalationStep.choices, default=EscalationStep.OFFICER)
    escalated_at = models.DateTimeField(null=True)
    search_text = models.TextField(blank=True, help_text="what a search looks at: lower case, without accents")

    class Meta:
        indexes = [
            models.Index(fields=["unit", "status", "-last_event_at"]),
            models.Index(fields=["unit", "family", "entity", "status"]),
            models.Index(fields=["status", "escalation", "waiting_since"]),
            models.Index(fields=["-last_event_at", "-id"]),
            models.Index(fields=["level", "-last_event_at"]),
            models.Index(fields=["-last_event_at", "-id"], condition=Q(is_canary=True), name="alert_canaries"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "family", "entity"],
                condition=Q(status__in=[AlertStatus.NEW, AlertStatus.ACKNOWLEDGED]),
                name="one_open_alert_of_a_family_and_entity",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="acknowledged_when_and_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class AlertDetection(models.Model):
    """A detection of the pipeline that belongs to an alert: each exactly once."""

    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="detections")
    detection_id = models.BigIntegerField(unique=True)
    event_id = models.BigIntegerField()
    event_ids = models.JSONField(default=list)
    source = models.ForeignKey(LogSource, null=True, on_delete=models.PROTECT, related_name="+")
    rule_id = models.CharField(max_length=64)
    rule_title = models.CharField(max_length=300)
    level = models.CharField(max_length=20, choices=AlertLevel.choices)
    event_at = models.DateTimeField()
    host = models.CharField(max_length=200, blank=True)
    fields = models.JSONField(default=dict)
    count = models.PositiveBigIntegerField(default=1)

    class Meta:
        ordering = ["event_at", "pk"]

    def __str__(self) -> str:
        return self.rule_title


class StrayDetection(models.Model):
    """A detection that belongs to no unit of ours any more: counted and kept for the coordinator, not lost."""

    detection_id = models.BigIntegerField(unique=True)
    unit_id = models.BigIntegerField()
    source_id = models.BigIntegerField()
    rule_id = models.CharField(max_length=64)
    title = models.CharField(max_length=300)
    event_at = models.DateTimeField()
    seen_at = models.DateTimeField()
