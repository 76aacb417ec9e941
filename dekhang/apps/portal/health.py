"""Signs of life of the system's parts and of its mail, for coordinator and administrator."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
    """Processes of one kind on one host."""

    about: str
    alive: bool
    sentence: str


def parts() -> list[PartHealth]:
    """Every kind of part on every host, by their last signs of life. Real time, also when the demo lives on another day."""
    beats = heartbeat.everywhere(settings.DATA)
    several = len({beat.host for beat in beats}) > 1
    # receivers of several hosts take syslog alone; files come in beside the pages
    expected = EXPECTED - {"lines"} if any(beat.part == "syslog" for beat in beats) else EXPECTED
    found: list[PartHealth] = []
    for kind, about in PARTS.items():
        on_host: dict[str, list[dict[str, Any]]] = {}
        for beat in beats:
            if heartbeat.kind_of(beat.part) == kind:
                on_host.setdefault(beat.host, []).append(beat.facts)
        if not on_host and kind in expected:
            found.append(PartHealth(str(about), False, _("chưa chạy lần nào")))
        for host, processes in on_host.items():
            found.append(_health(f"{about} ({host})" if several else str(about), processes))
    return found


def _health(about: str, processes: list[dict[str, Any]]) -> PartHealth:
    dead = [facts for facts in processes if not heartbeat.is_alive(facts)]
    count = {"n": len(processes), "dead": len(dead), "when": _last_beat(dead)}
    if not dead:
        return PartHealth(
            about, True, _("đang chạy") if len(processes) == 1 else _("%(n)d tiến trình đang chạy") % count
        )
    if len(processes) == 1:
        return PartHealth(about, False, _("ngừng từ %(when)s") % count)
    return PartHealth(about, False, _("%(dead)d trong %(n)d tiến trình ngừng, từ %(when)s") % count)


def _last_beat(dead: list[dict[str, Any]]) -> str:
    moments = [facts["at_ms"] for facts in dead if isinstance(facts.get("at_ms"), int)]
    return f"{timezone.localtime(datetime.fromtimestamp(max(moments) / 1000, UTC)):%H:%M %d/%m/%Y}" if moments else "?"


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
