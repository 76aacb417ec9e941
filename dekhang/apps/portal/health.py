"""Signs of life of the system's parts and of its mail, for coordinator and administrator."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.core.enums import Channel
from dekhang.apps.core.models import OutboundMessage
from dekhang.pipeline.stores import heartbeat

# the parts that write a heartbeat; the web process itself is alive when this page answers
PARTS = {
    "http": gettext_lazy("Nhận log qua HTTP"),
    "lines": gettext_lazy("Nhận syslog và tệp"),
    "syslog": gettext_lazy("Nhận syslog"),
    "files": gettext_lazy("Nhận tệp"),
    "worker": gettext_lazy("Phân tích, phát hiện"),
    "jobs": gettext_lazy("Cảnh báo, thời hạn, thư"),
}
EXPECTED = frozenset({"http", "lines", "worker", "jobs"})  # told also when they have never run


@dataclass(frozen=True, slots=True)
class PartHealth:
    name: str
    about: str
    alive: bool
    last_beat: datetime | None
    sentence: str


def parts() -> list[PartHealth]:
    """Every part with its last sign of life. Real time, also when the demo lives on another day."""
    beats = heartbeat.everywhere(settings.DATA)
    hosts = {beat.host for beat in beats}
    # receivers of several hosts take syslog alone; files come in beside the pages
    expected = EXPECTED - {"lines"} if any(beat.part == "syslog" for beat in beats) else EXPECTED
    found: list[PartHealth] = []
    for kind, about in PARTS.items():
        of_kind = [beat for beat in beats if heartbeat.kind_of(beat.part) == kind]
        if not of_kind and kind in expected:
            found.append(_part(kind, str(about), None))
        for beat in of_kind:
            where = f" ({beat.host})" if len(hosts) > 1 else ""
            found.append(_part(beat.part, f"{about}{where}", beat.facts))
    return found


def _part(name: str, about: str, facts: dict[str, object] | None) -> PartHealth:
    if facts is None:
        return PartHealth(name, about, False, None, _("chưa chạy lần nào"))
    at_ms = facts.get("at_ms")
    at = datetime.fromtimestamp(at_ms / 1000, UTC) if isinstance(at_ms, int) else None
    if heartbeat.is_alive(facts):
        return PartHealth(name, about, True, at, _("đang chạy"))
    stopped = f"{timezone.localtime(at):%H:%M %d/%m/%Y}" if at else "?"
    return PartHealth(name, about, False, at, _("ngừng từ %(when)s") % {"when": stopped})


@dataclass(frozen=True, slots=True)
class MailHealth:
    waiting: int
    failed: int
    configured: bool
    oldest: datetime | None


def mail() -> MailHealth:
    waiting = OutboundMessage.objects.filter(sent_at=None, failed_at=None)
    oldest = waiting.filter(channel=Channel.EMAIL).order_by("created_at").values_list("created_at", flat=True).first()
    return MailHealth(
        waiting=waiting.count(),
        failed=OutboundMessage.objects.filter(failed_at__isnull=False).count(),
        configured=bool(settings.EMAIL_HOST),
        oldest=oldest,
    )
