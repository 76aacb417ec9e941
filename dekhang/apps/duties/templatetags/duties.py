"""States of claims as badges: word, shape and colour together."""

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dekhang.apps.core.templatetags.dk import badge
from dekhang.apps.duties.enums import ClaimState, ContestState
from dekhang.apps.duties.states import record_attacks, sop
from dekhang.apps.registry.enums import PostKind

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


CONTEST_TONES = {
    ContestState.OPEN: ("warn", "message-square"),
    ContestState.CORRECTED: ("ok", "badge-check"),
    ContestState.REFUSED: ("neutral", "x"),
    ContestState.WITHDRAWN: ("neutral", "undo-2"),
}


@register.simple_tag
def contest_badge(state: str) -> SafeString:
    tone, icon_name = CONTEST_TONES[ContestState(state)]
    return badge(tone, _("Giải trình: %(state)s") % {"state": str(ContestState(state).label).lower()}, icon_name)


@register.filter
def subject_words(subject: str) -> str:
    """What a piece of evidence is about, for people: `sop:malware` → "quy trình mã độc"."""
    about, _colon, which = subject.partition(":")
    match about:
        case "source":
            return _("nguồn log số %(n)s") % {"n": which}
        case "contact":
            return _("đầu mối số %(n)s") % {"n": which}
        case "provider":
            return _("đầu mối của doanh nghiệp")
        case "request":
            return _("yêu cầu số %(n)s") % {"n": which}
        case "kind":
            return _("nguồn loại %(kind)s") % {"kind": record_attacks.KIND_NAMES.get(which, which)}
        case "sop":
            return _("quy trình %(kind)s") % {"kind": sop.KIND_NAMES.get(which, which)}
        case "post":
            return str(PostKind(which).label) if which in PostKind.values else which
    return subject
