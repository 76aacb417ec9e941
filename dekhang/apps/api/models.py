"""Access tokens of accounts, and calls that must not be done twice."""

from django.conf import settings
from django.db import models


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
