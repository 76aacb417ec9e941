"""Calls: the question “are you there?”, put to every contact on a schedule, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.registry.models import Contact, Provider, Unit

OPEN = Q(answered_at=None, missed_at=None, undeliverable_at=None, disowned_at=None)
ONE_TARGET = (
    Q(contact__isnull=False, user__isnull=True, provider__isnull=True)
    | Q(contact__isnull=True, user__isnull=False, provider__isnull=True)
    | Q(contact__isnull=True, user__isnull=True, provider__isnull=False)
)


class Call(models.Model):
    """One question to one address: a unit's contact, the account that holds a post there, or a provider's duty desk."""

    unit = models.ForeignKey(
        Unit, null=True, on_delete=models.PROTECT, related_name="contact_calls", help_text="null: a provider's"
    )
    contact = models.ForeignKey(Contact, null=True, on_delete=models.CASCADE, related_name="calls")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    provider = models.ForeignKey(Provider, null=True, on_delete=models.CASCADE, related_name="calls")
    address = models.CharField(
        max_length=300, help_text="where it was sent; that of then, whatever the contact says now"
    )
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="null: the schedule"
    )
    expires_at = models.DateTimeField(help_text="its link is good until then")
    reminded_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="who spoke to them on the telephone; null: they pressed the button themselves",
    )
    disowned_at = models.DateTimeField(null=True, help_text="whoever got it says that they are not this contact")
    undeliverable_at = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]
        indexes = [models.Index(fields=["unit", "asked_at"])]
        constraints = [
            models.CheckConstraint(condition=ONE_TARGET, name="call_has_one_target"),
            models.UniqueConstraint(fields=["contact"], condition=OPEN, name="one_open_call_of_a_contact"),
            models.UniqueConstraint(fields=["unit", "user"], condition=OPEN, name="one_open_call_of_a_holder"),
            models.UniqueConstraint(fields=["provider"], condition=OPEN, name="one_open_call_of_a_provider"),
        ]

    def __str__(self) -> str:
        return self.address
