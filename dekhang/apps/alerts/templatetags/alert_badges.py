"""Level and status of an alert by word, shape and colour."""

from django import template
from django.utils.safestring import SafeString

from dekhang.apps.alerts.enums import AlertLevel, AlertStatus
from dekhang.apps.core.templatetags.dk import badge

register = template.Library()
LEVELS = {
    AlertLevel.CRITICAL: ("bad", "flame"),
    AlertLevel.HIGH: ("bad", "triangle-alert"),
    AlertLevel.MEDIUM: ("warn", "circle-alert"),
    AlertLevel.LOW: ("info", "info"),
    AlertLevel.INFORMATIONAL: ("neutral", "circle"),
}
STATUSES = {
    AlertStatus.NEW: ("warn", "bell-ring"),
    AlertStatus.ACKNOWLEDGED: ("info", "user-check"),
    AlertStatus.RESOLVED: ("ok", "check"),
    AlertStatus.FALSE_ALARM: ("neutral", "bell-off"),
}


@register.simple_tag
def level_badge(level: str) -> SafeString:
    tone, icon = LEVELS.get(level, ("neutral", "circle"))
    return badge(tone, AlertLevel(level).label if level in AlertLevel.values else level, icon)


@register.simple_tag
def status_badge(status: str) -> SafeString:
    tone, icon = STATUSES.get(status, ("neutral", "circle"))
    return badge(tone, AlertStatus(status).label, icon)
