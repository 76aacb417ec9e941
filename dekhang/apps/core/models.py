"""Accounts, the audit chain, the outbox, and the cursors of jobs."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.enums import PROVINCE_ROLES, Channel, Role


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    username = models.CharField(_("tên đăng nhập"), max_length=100, unique=True)
    full_name = models.CharField(_("họ tên hoặc chức danh"), max_length=200)
    email = models.EmailField(_("thư điện tử"), blank=True)
    role = models.CharField(_("vai trò"), max_length=20, choices=Role.choices)
    is_active = models.BooleanField(_("đang hoạt động"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    chosen_unit_id: int | None = None  # of several units, the one this session works for: core.middleware.ChosenUnit

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ("full_name", "role")
    objects = UserManager()

    def __str__(self) -> str:
        return self.full_name or self.username

    @property
    def is_provincial(self) -> bool:
        """Works for the whole province, not for one unit."""
        return self.role in PROVINCE_ROLES


class AuditEvent(models.Model):
    """Who did what to which thing, when. Rows are only ever added; each carries the hash of the one before."""

    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=200, help_text="name at that moment, or the part of the system")
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=60, blank=True)
    target_label = models.CharField(max_length=300, blank=True)
    unit_id = models.BigIntegerField(null=True, db_index=True)
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        indexes = [models.Index(fields=["target_type", "target_id"])]
        ordering = ["pk"]


class AuditHead(models.Model):
    """One row: the newest hash and how many events there are, so that a cut-off tail shows."""

    events = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)


class OutboundMessage(models.Model):
    """A message that must go out. Written in the transaction of its cause, delivered by the jobs process."""

    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    recipient = models.CharField(max_length=300)
    subject = models.CharField(max_length=300)
    body = models.TextField()
    signed_link = models.CharField(
        max_length=120, blank=True, help_text="page and value of the link that is put in when it is sent: links.py"
    )
    unit_id = models.BigIntegerField(null=True, db_index=True)
    dedupe_key = models.CharField(max_length=200, unique=True, help_text="the same cause never sends twice")
    created_at = models.DateTimeField()
    not_before = models.DateTimeField(db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True, help_text="given up; the reason is in `error`")
    error = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"#{self.pk} ({self.get_channel_display()})"


class JobCursor(models.Model):
    """How far a job has come in what it pulls, moved in the same transaction as its effects."""

    name = models.CharField(max_length=60, primary_key=True)
    position = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(null=True)
