"""States of claims as badges: word, shape and colour together."""

from django import template
from django.utils.safestring import SafeString

from dekhang.apps.core.templatetags.dk import badge
from dekhang.apps.duties.enums import ClaimState

register = template.Library()

TONES = {
    ClaimState.PROVEN: ("ok", "check"),
    ClaimState.DECAYED: ("warn", "trending-down"),
    ClaimState.REFUTED: ("bad", "octagon-x"),
    ClaimState.EVIDENCED: ("info", "eye"),
    ClaimState.DECLARED: ("neutral", "megaphone"),
    ClaimState.UNKNOWN: ("neutral", "circle"),
}


@register.simple_tag
def state_badge(state: str) -> SafeString:
    tone, icon_name = TONES[ClaimState(state)]
    return badge(tone, ClaimState(state).label, icon_name)


@register.filter
def state_label(state: str) -> str:
    return str(ClaimState(state).label)
