"""State of sources and canaries by word, shape and colour."""

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dekhang.apps.core.templatetags.dk import badge
from dekhang.apps.sources.detectability import BLIND, PARTLY, SEEN
from dekhang.apps.sources.enums import CanaryState, SourceKind, SourceState
from dekhang.apps.sources.seeing import WORDS

register = template.Library()
SOURCE_TONES = {
    SourceState.WAITING: ("info", "hourglass"),
    SourceState.DELIVERING: ("ok", "check"),
    SourceState.SILENT: ("bad", "volume-x"),
    SourceState.RETIRED: ("neutral", "archive"),
}
CANARY_TONES = {
    CanaryState.STARTED: ("info", "hourglass"),
    CanaryState.ARRIVED: ("info", "inbox"),
    CanaryState.DETECTED: ("warn", "bell-ring"),
    CanaryState.PASSED: ("ok", "check"),
    CanaryState.FAILED: ("bad", "octagon-x"),
    CanaryState.CANCELLED: ("neutral", "undo-2"),
}
KIND_ICONS = {
    SourceKind.WINDOWS: "monitor",
    SourceKind.LINUX: "terminal",
    SourceKind.WEB: "globe",
    SourceKind.SURICATA: "radar",
    SourceKind.SYSLOG: "router",
}


@register.simple_tag
def source_badge(state: str) -> SafeString:
    tone, icon = SOURCE_TONES[SourceState(state)]
    return badge(tone, SourceState(state).label, icon)


@register.simple_tag
def canary_badge(state: str) -> SafeString:
    tone, icon = CANARY_TONES[CanaryState(state)]
    return badge(tone, CanaryState(state).label, icon)


@register.filter
def kind_icon(kind: str) -> str:
    return KIND_ICONS.get(kind, "radio-tower")


@register.simple_tag
def upload_badge(state: str) -> SafeString:
    tone, icon, text = {
        "waiting": ("neutral", "clock", _("Chờ đọc")),
        "reading": ("info", "hourglass", _("Đang đọc")),
        "done": ("ok", "check", _("Đã đọc xong")),
        "failed": ("bad", "octagon-x", _("Không đọc được")),
    }[state]
    return badge(tone, text, icon)


@register.simple_tag
def intake_badge(problem: str) -> SafeString:
    tone, icon, text = {
        "foreign": ("bad", "user-x", _("Xưng máy đơn vị khác")),
        "refused": ("bad", "ban", _("Bị từ chối")),
        "missing": ("warn", "list-x", _("Sự kiện bị thiếu")),
        "loud": ("warn", "gauge", _("Gửi quá nhanh")),
    }[problem]
    return badge(tone, text, icon)


@register.simple_tag
def sight_badge(state: str) -> SafeString:
    tone, icon = {SEEN: ("ok", "eye"), PARTLY: ("warn", "scan-eye"), BLIND: ("bad", "eye-off")}[state]
    return badge(tone, WORDS[state], icon)
