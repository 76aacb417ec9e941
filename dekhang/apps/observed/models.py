"""What a unit said of names in its logs that are not its own. What was seen itself is the pipeline's, and only read."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.observed.enums import Kind
from dekhang.apps.registry.models import Unit


class Dismissal(models.Model):
    """“Not ours”, with the reason; undone by a second decision, never deleted."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="dismissals")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=255)
    reason = models.CharField(max_length=500)
    decided_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "kind", "name"], condition=Q(undone_at=None), name="one_standing_dismissal_of_a_name"
            ),
            models.CheckConstraint(
                condition=Q(undone_at=None, undone_by=None) | Q(undone_at__isnull=False, undone_by__isnull=False),
                name="undone_dismissal_has_who",
            ),
        ]

    def __str__(self) -> str:
        return self.name
