"""Log sources of units, their state, and canaries."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.registry.models import System, Unit
from dekhang.apps.sources.enums import CanaryState, SilenceCause, SourceKind, SourceState


class LogSource(models.Model):
    """Something that sends logs for one unit. Only a hash of its token is kept."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="sources")
    system = models.ForeignKey(System, null=True, blank=True, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=SourceKind.choices)
    token_sha256 = models.CharField(max_length=64, unique=True)
    token_hint = models.CharField(max_length=8, help_text="last characters, to tell tokens apart")
    addresses = models.JSONField(default=list, blank=True, help_text="IP addresses that send plain syslog")
    tail_paths = models.JSONField(default=list, blank=True, help_text="files on this server, read as they grow")
    folders = models.JSONField(default=list, blank=True, help_text="drop folders on this server")
    bucket = models.JSONField(null=True, blank=True, help_text="stores.intake.Bucket to fetch objects from")
    cadence_seconds = models.PositiveIntegerField(help_text="longest silence that is normal, until its own is learnt")
    cadence_fixed = models.BooleanField(
        default=False, help_text="people set cadence_seconds: what was learnt is not used"
    )
    cadence_limits = models.JSONField(default=list, blank=True, help_text="learnt patience in seconds, 48 slots")
    cadence_days = models.PositiveIntegerField(default=0, help_text="days that it was learnt from")
    cadence_learnt_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=SourceState.choices, default=SourceState.WAITING)
    state_since = models.DateTimeField()
    state_reason = models.CharField(max_length=300, blank=True)
    first_event_at = models.DateTimeField(null=True, help_text="first record received")
    last_event_at = models.DateTimeField(null=True, help_text="newest record received")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)
    # how the receivers know it beside token and addresses, and what they grant it: stores.intake.IntakeSource
    former_token_sha256 = models.CharField(
        max_length=64, blank=True, help_text="still accepted until former_token_until"
    )
    former_token_until = models.DateTimeField(null=True)
    certificates = models.JSONField(default=list, blank=True, help_text="SHA-256 fingerprints of client certificates")
    hosts = models.JSONField(default=list, blank=True, help_text="names of the machines that speak through it")
    quota_eps = models.PositiveIntegerField(
        default=0, help_text="records a second before it waits in line; 0: as usual"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(former_token_sha256="", former_token_until__isnull=True)
                | (~Q(former_token_sha256="") & Q(former_token_until__isnull=False)),
                name="former_token_has_its_end",
            ),
            models.CheckConstraint(
                condition=Q(state=SourceState.RETIRED, retired_at__isnull=False)
                | (~Q(state=SourceState.RETIRED) & Q(retired_at__isnull=True)),
                name="retired_source_has_its_date",
            ),
        ]
        ordering = ["unit_id", "name"]

    def __str__(self) -> str:
        return self.name


class Silence(models.Model):
    """A stretch in which a source was overdue by its own measure: why, what was blind meanwhile, and when it ended."""

    source = models.ForeignKey(LogSource, on_delete=models.PROTECT, related_name="silences")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="silences")
    since = models.DateTimeField(help_text="the last record before it was received")
    noticed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=10, choices=SilenceCause.choices, default=SilenceCause.UNKNOWN)
    blind_rules = models.PositiveIntegerField(default=0, help_text="rules that nothing else of the unit feeds")
    blind = models.JSONField(default=list, help_text="per log source: label, number of rules, some of them")
    letter = models.CharField(max_length=60, blank=True, help_text="begins the dedupe keys of the messages about it")
    head_told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(ended_at__isnull=True), name="one_running_silence_of_a_source"
            )
        ]
        indexes = [models.Index(fields=["ended_at"])]
        ordering = ["-noticed_at"]

    def __str__(self) -> str:
        return f"{self.source} ({self.get_cause_display()})"


class Detectability(models.Model):
    """What could be seen at a unit, as computed last (detectability.Map). No decision of anybody: made again at any time."""

    unit = models.OneToOneField(Unit, primary_key=True, on_delete=models.PROTECT, related_name="detectability")
    computed_at = models.DateTimeField()
    fingerprint = models.CharField(max_length=64, help_text="of the rules and of what arrived")
    seen = models.PositiveIntegerField(help_text="techniques")
    partly = models.PositiveIntegerField()
    blind = models.PositiveIntegerField()
    visible_rules = models.PositiveIntegerField()
    rules = models.PositiveIntegerField()
    body = models.JSONField(help_text="techniques, gains, what is present, proofs")

    def __str__(self) -> str:
        return f"Khả năng thấy tấn công của đơn vị {self.unit_id}"


class Canary(models.Model):
    """One harmless attack trace sent by the unit's own machine: must arrive, be detected, be acknowledged."""

    source = models.ForeignKey(LogSource, on_delete=models.PROTECT, related_name="canaries")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="canaries")
    nonce = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=12, choices=CanaryState.choices, default=CanaryState.STARTED)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    arrived_at = models.DateTimeField(null=True)
    detected_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(state__in=[CanaryState.STARTED, CanaryState.ARRIVED, CanaryState.DETECTED]),
                name="one_running_canary_of_a_source",
            )
        ]
        indexes = [models.Index(fields=["state"])]
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return self.marker

    @property
    def marker(self) -> str:
        """The text that the unit's machine must emit."""
        return f"dekhang-canary-{self.nonce}"

    @property
    def detect_seconds(self) -> float | None:
        """From the start until a rule found the trace; None for one that began with its detection."""
        if self.detected_at is None or self.detected_at == self.started_at:
            return None
        return (self.detected_at - self.started_at).total_seconds()


class CanaryPlan(models.Model):
    """A unit's own times for canaries of a kind of source, where the standard ones do not fit."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="canary_plans")
    kind = models.CharField(max_length=20, choices=SourceKind.choices)
    every_days = models.PositiveIntegerField()
    from_hour = models.PositiveIntegerField()
    to_hour = models.PositiveIntegerField()
    paused_until = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "kind"], name="one_canary_plan_of_a_kind"),
            models.CheckConstraint(condition=Q(from_hour__lt=models.F("to_hour")), name="canary_hours_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.every_days} ngày"


class CanaryCall(models.Model):
    """The system asks a unit for a canary: its machine emits `marker` before `expires_at`, by itself or by a person."""

    source = models.ForeignKey(LogSource, on_delete=models.PROTECT, related_name="canary_calls")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="canary_calls")
    nonce = models.CharField(max_length=16, unique=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    canary = models.OneToOneField(Canary, null=True, on_delete=models.PROTECT, related_name="call")
    missed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(canary__isnull=True, missed_at__isnull=True),
                name="one_open_call_of_a_source",
            )
        ]
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return self.marker

    @property
    def marker(self) -> str:
        """The text that the unit's machine must emit."""
        return f"dekhang-canary-{self.nonce}"


class Upload(models.Model):
    """A log file that a person gave by hand; read by the files receiver, which reports in the inbox."""

    source = models.ForeignKey(LogSource, on_delete=models.PROTECT, related_name="uploads")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    stored_name = models.CharField(max_length=255, unique=True)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-uploaded_at"]

    def __str__(self) -> str:
        return self.name
