"""Searches that people keep."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dekhang.apps.registry.models import Unit


class SavedSearch(models.Model):
    """A search with a name. Shared: with the people of `unit`, or with the provincial roles when it has none."""

    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="saved_searches")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="saved_searches")
    name = models.CharField(max_length=120)
    query = models.CharField(max_length=4000, help_text="the page's own query string")
    shared = models.BooleanField(default=False)
    saved_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True, removed_by__isnull=True)
                | Q(removed_at__isnull=False, removed_by__isnull=False),
                name="search_removed_when_and_by_whom",
            )
        ]

    def __str__(self) -> str:
        return self.name
