"""Invitations, and failed sign-ins, counted so that passwords cannot be guessed quickly."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Unit


class SignInFailure(models.Model):
    """One wrong password. Kept for a day; the audit log keeps the fact."""

    username = models.CharField(max_length=100)
    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["username", "address", "at"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.username} từ {self.address}"


class Invitation(models.Model):
    """Somebody is asked to make an account and hold a post of a unit.

    The link is the number and the nonce, signed when the mail goes out (core/links.py): nothing kept here opens it, and
    another nonce closes the links sent before.
    """

    email = models.EmailField()
    full_name = models.CharField(max_length=200)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="account_invitations")
    kind = models.CharField(max_length=20, choices=PostKind.choices)
    nonce = models.CharField(max_length=16)
    invited_at = models.DateTimeField()
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    account = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["unit", "invited_at"]), models.Index(fields=["invited_by", "invited_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["email", "unit", "kind"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_into_a_post",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_accepted_or_revoked"
            ),
        ]

    def __str__(self) -> str:
        return self.email
