"""The page furniture that every template may use without loading it."""

from datetime import datetime, timedelta
from typing import Any

import lucide
from django import template
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal as refusal_of
from dekhang.apps.core.selectors import audit_sentences

register = template.Library()


@register.simple_tag
def icon(name: str, size: int = 20, label: str = "") -> SafeString:
    """A lucide icon as inline SVG; without a label it is decoration and hidden from screen readers."""
    # lucide's _render_icon is what its own template tag calls; the tag itself cannot be called from Python
    svg = lucide._render_icon(
        name, size, **({"role": "img", "aria-label": label} if label else {"aria-hidden": "true"})
    )
    return mark_safe(str(svg))  # noqa: S308 - markup comes from the icon package, label is escaped by it


TONES = {"ok": "check", "warn": "triangle-alert", "bad": "octagon-x", "info": "info", "neutral": "circle"}


@register.simple_tag
def badge(tone: str, text: object, icon_name: str = "") -> SafeString:
    """State by word, shape and colour together. Tones: ok, warn, bad, info, neutral."""
    return format_html(
        '<span class="badge badge--{}">{}{}</span>', tone, icon(icon_name or TONES.get(tone, "circle"), 14), text
    )


def _ago(delta: timedelta) -> str:
    seconds = int(delta.total_seconds())
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 60:
        return _("còn chưa đầy một phút") if ahead else _("vừa xong")
    for size, one, many in (
        (86400 * 365, "%(n)d năm", "%(n)d năm"),
        (86400 * 30, "%(n)d tháng", "%(n)d tháng"),
        (86400, "%(n)d ngày", "%(n)d ngày"),
        (3600, "%(n)d giờ", "%(n)d giờ"),
        (60, "%(n)d phút", "%(n)d phút"),
    ):
        if seconds >= size:
            span = ngettext(one, many, seconds // size) % {"n": seconds // size}
            return (_("còn %(span)s") if ahead else _("%(span)s trước")) % {"span": span}
    return ""


@register.simple_tag
def when(moment: datetime | None, mode: str = "both") -> SafeString | str:
    """A moment in local time, with how long ago. Modes: both, ago, exact, second (exact to it)."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment)
    exact, ago = format_date(local, "H:i d/m/Y"), _ago(clock.now() - moment)
    second = format_date(local, "H:i:s d/m/Y")
    text = {"both": f"{exact} ({ago})", "ago": ago, "exact": exact, "second": second}[mode]
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, text)


@register.filter
def percent(value: float | None, digits: int = 1) -> str:
    """0.357 → 35,7 %; None → –. A percentage of nothing is not 0 %."""
    return "–" if value is None else f"{value * 100:.{digits}f}".replace(".", ",") + " %"


@register.filter
def filesize_vi(size: int) -> str:
    amount = float(size)
    for name in ("B", "KB", "MB", "GB"):
        if amount < 1024 or name == "GB":
            return (f"{amount:.0f}" if name == "B" else f"{amount:.1f}".replace(".", ",")) + f" {name}"
        amount /= 1024
    return ""


@register.simple_tag
def audit_sentence(action: str) -> str:
    """The Vietnamese sentence of an audit action, from the `AuditAction` of whichever app wrote it."""
    return audit_sentences().get(action, action)


@register.simple_tag
def refusal(check: Any, *args: Any) -> str | None:
    return refusal_of(check, *args)
