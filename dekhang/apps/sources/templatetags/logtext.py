"""Log content in templates: made visible, isolated from the page's direction, folded when long."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dekhang.apps.sources.hostile import LONGEST, SHORT, one_text, visible
from dekhang.apps.sources.wording import duration as duration_of
from dekhang.apps.sources.wording import number as number_of

register = template.Library()


@register.simple_tag
def logtext(value: Any, short: int = SHORT) -> SafeString:
    """A value from a log; what is longer than `short` characters opens on demand."""
    text = one_text(value)
    if len(text) <= short:
        return format_html('<bdi class="logtext">{}</bdi>', visible(text))
    return format_html(
        '<details class="logtext"><summary><bdi>{}…</bdi> <span class="muted">({})</span></summary><bdi>{}</bdi></details>',
        visible(text[:short]),
        _("%(n)s ký tự, bấm để mở") % {"n": number_of(len(text))},
        visible(text, LONGEST),
    )


@register.filter
def number_vi(value: int | None) -> str:
    return "—" if value is None else number_of(value)


@register.filter
def duration_vi(seconds: float | None) -> str:
    return "—" if seconds is None else duration_of(seconds)


@register.filter
def from_ms(epoch_ms: int) -> datetime:
    """A moment of the pipeline's stores, for `when`."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


@register.filter
def unlocalised(value: float) -> str:
    """A number as SVG writes it: a point, whatever the page's language."""
    return f"{value:.2f}"
