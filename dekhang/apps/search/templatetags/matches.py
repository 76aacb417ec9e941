"""Log content with what was searched for in colour."""

from collections.abc import Iterator
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dekhang.apps.sources.hostile import LONGEST, one_text, visible
from dekhang.pipeline.stores.search import Marker

register = template.Library()
SNIPPET_CHARS = 320
_BEFORE = 50  # characters shown before the first match


@register.simple_tag
def snippet(text: str, marker: Marker) -> SafeString:
    """The part of a text around its first match."""
    spans = list(marker.spans(text))
    start = max(0, spans[0][0] - _BEFORE) if spans and len(text) > SNIPPET_CHARS else 0
    stop = start + SNIPPET_CHARS
    shown = "".join(_marked(text, spans, start, min(stop, len(text))))
    return format_html(
        '<bdi class="logtext">{}{}{}</bdi>',
        "…" if start else "",
        mark_safe(shown),  # noqa: S308 - escaped piece by piece in _marked
        "…" if stop < len(text) else "",
    )


@register.simple_tag
def marked(value: Any, marker: Marker) -> SafeString:
    """A whole value, as far as pages show values."""
    text = one_text(value)
    shown = "".join(_marked(text, list(marker.spans(text)), 0, min(len(text), LONGEST)))
    more = f"… (+{len(text) - LONGEST})" if len(text) > LONGEST else ""
    return format_html('<bdi class="logtext">{}{}</bdi>', mark_safe(shown), more)  # noqa: S308


def _marked(text: str, spans: list[tuple[int, int]], start: int, stop: int) -> Iterator[str]:
    at = start
    for begin, end in spans:
        begin, end = max(begin, at), min(end, stop)
        if begin >= end:
            continue
        yield format_html("{}<mark>{}</mark>", visible(text[at:begin]), visible(text[begin:end]))
        at = end
    yield format_html("{}", visible(text[at:stop]))
