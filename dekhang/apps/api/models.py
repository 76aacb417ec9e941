"""Access tokens of accounts, calls that must not be done twice, and what webhooks tell to whom."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.api.enums import DeliveryState, EventType


class AccessToken(models.Model):
    """Acts as its account, within its scopes, until it expires or is revoked. The secret itself is nowhere."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_tokens")
    name = models.CharField(max_length=100)
    scopes = models.JSONField(help_text="names of enums.all_scopes")
    addresses = models.JSONField(default=list, help_text="networks it may come from; empty: any")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret")
    hint = models.CharField(max_length=12, help_text="how the secret begins, to recognise it in a list")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    last_used_at = models.DateTimeField(null=True, help_text="to the minute")
    last_used_from = models.CharField(max_length=45, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class IdempotentCall(models.Model):
    """What a call with an `Idempotency-Key` made: asked again, it gets the same answer and makes nothing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    request_digest = models.CharField(max_length=64, help_text="SHA-256 of operation, path and body")
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_call_of_a_key")]


class Happening(models.Model):
    """Something that webhooks can tell, copied from the rows where it happened; only ever added, and pruned by age."""

    type = models.CharField(max_length=40, choices=EventType.choices)
    at = models.DateTimeField()
    unit_id = models.BigIntegerField(null=True, help_text="whose it is; null: the whole province's")
    about = models.JSONField(help_text="what and which, and a few plain facts; never texts of people")
    key = models.CharField(max_length=120, unique=True, help_text="the row it comes from: never copied twice")

    class Meta:
        indexes = [models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.type} #{self.pk}"


class ToldState(models.Model):
    """The state of a unit's claim as it was last told, to see that it is another one now."""

    unit_id = models.BigIntegerField()
    duty_key = models.CharField(max_length=40)
    state = models.CharField(max_length=12)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["unit_id", "duty_key"], name="one_told_state_of_a_claim")]


class Subscription(models.Model):
    """An address that is told what its owner may see. Its signing key is derived, not stored: `webhooks.signing`."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="webhooks")
    name = models.CharField(max_length=100)
    url = models.CharField(max_length=500)
    types = models.JSONField(help_text="values of EventType")
    generation = models.PositiveIntegerField(default=1, help_text="of the signing key")
    position = models.BigIntegerField(default=0, help_text="the last happening that was looked at for it")
    created_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One happening on its way to one subscription: sent again with growing pauses, then dead until a person says again."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    happening = models.ForeignKey(Happening, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="delivered or given up")
    status_code = models.PositiveSmallIntegerField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state=DeliveryState.WAITING), name="due_deliveries")
        ]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "happening"], name="one_delivery_of_a_happening")
        ]
