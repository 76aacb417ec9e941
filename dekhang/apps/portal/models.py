"""Failed sign-ins, counted so that passwords cannot be guessed quickly."""

from django.db import models


class SignInFailure(models.Model):
    """One wrong password. Kept for a day; the audit log keeps the fact."""

    username = models.CharField(max_length=100)
    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["username", "address", "at"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.username} từ {self.address}"
