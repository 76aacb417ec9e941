"""What a person asks on the search page: its address ↔ a question, a range of time, a place in the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.core import clock
from dekhang.pipeline.stores.search import Axis, Names, Node, Position, QueryError, Range, parse, resolve
from dekhang.pipeline.stores.search.nodes import And, Field, Ids

RANGES = {
    "1h": (gettext_lazy("1 giờ qua"), timedelta(hours=1)),
    "24h": (gettext_lazy("24 giờ qua"), timedelta(hours=24)),
    "7d": (gettext_lazy("7 ngày qua"), timedelta(days=7)),
    "30d": (gettext_lazy("30 ngày qua"), timedelta(days=30)),
    "365d": (gettext_lazy("1 năm qua"), timedelta(days=365)),
}
USUAL = "24h"
CUSTOM = "khoang"
RECEIPT = "nhan"
AROUND = timedelta(minutes=30)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1, minutes=5)  # clocks of senders may be a day ahead (parse.times); such events are found, too


class Unclear(ValueError):
    """What was asked cannot be read; the text is a sentence. `position`: of the fault in the query, if it is there."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


@dataclass(frozen=True, slots=True)
class Asked:
    """The page's address as values. Texts are as they came; nothing is checked yet.

    Args:
        before: position in the list, "" = from the newest on.
        cut_ms: only older ones than this, after an answer that was complete down to it.
    """

    text: str = ""
    span: str = USUAL
    since: str = ""
    until: str = ""
    axis: str = ""
    unit: str = ""
    source: str = ""
    kind: str = ""
    before: str = ""
    cut_ms: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        given = {field: query.get(name, "") for field, name in _NAMES.items()}
        moment = query.get("quanh", "")  # links of other pages: an epoch second
        if moment.isdecimal() and len(moment) < 12:
            at = datetime.fromtimestamp(int(moment), UTC)
            given |= {"span": CUSTOM, "since": _typed(at - AROUND), "until": _typed(at + AROUND)}
        since, until = given["since"][:32], given["until"][:32]
        span = given["span"]
        if span not in RANGES:
            span = CUSTOM if since or until or span == CUSTOM else USUAL
        return cls(**{**given, "span": span, "since": since, "until": until})

    def query(self, **changes: object) -> str:
        """The address of this search with changes. A changed search is looked at from its newest event on."""
        changed = replace(self, **{"before": "", "cut_ms": "", **{name: str(value) for name, value in changes.items()}})
        given = {name: getattr(changed, field) for field, name in _NAMES.items()}
        if changed.span != CUSTOM:
            given |= {"tu": "", "den": ""}
        return urlencode({name: value for name, value in given.items() if value})

    def during(self, since: datetime, until: datetime) -> str:
        """The address of this search in another stretch of time."""
        return self.query(span=CUSTOM, since=_typed(since), until=_typed(until))

    def question(self, names: Names) -> Node:
        """What is asked, filters included.

        Raises:
            Unclear: with the place of the fault.
        """
        try:
            parts = [resolve(parse(self.text), names)]
        except QueryError as fault:
            raise Unclear(fault.reason, fault.position) from None
        if self.unit:
            parts.append(Ids("unit", frozenset({_number(self.unit)})))
        if self.source:
            parts.append(Ids("source", frozenset({_number(self.source)})))
        if self.kind:
            parts.append(Field("kind", (self.kind[:40],)))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def within(self) -> Range:
        """The stretch of time that is asked for.

        Raises:
            Unclear: no dates, or the wrong way round.
        """
        now = clock.now()
        if self.span != CUSTOM:
            since, until = now - RANGES[self.span][1], now + _AHEAD
        else:
            since = _moment(self.since) if self.since else now - RANGES[USUAL][1]
            until = _moment(self.until) if self.until else now + _AHEAD
        if since >= until:
            raise Unclear(_("Lúc bắt đầu phải trước lúc kết thúc."))
        until_ms = _ms(until)
        if self.cut_ms.isdecimal() and len(self.cut_ms) < 16:
            until_ms = min(until_ms, int(self.cut_ms))
        return Range(_ms(since), until_ms, Axis.RECEIPT if self.axis == RECEIPT else Axis.EVENT)

    @property
    def position(self) -> Position | None:
        at, _dot, event_id = self.before.partition(".")
        if at.isdecimal() and event_id.isdecimal() and len(self.before) < 40:
            return Position(int(at), int(event_id))
        return None

    def behind(self, position: Position) -> str:
        """The address of the list's next part."""
        return self.query(before=f"{position.at_ms}.{position.event_id}", cut_ms=self.cut_ms)


_NAMES = {
    "text": "q",
    "span": "trong",
    "since": "tu",
    "until": "den",
    "axis": "theo",
    "unit": "don-vi",
    "source": "nguon",
    "kind": "loai",
    "before": "sau",
    "cut_ms": "truoc",
}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else -1


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        return min(max(moment.astimezone(UTC), _EARLIEST), _LATEST)
    except (ValueError, OverflowError):
        raise Unclear(
            _("“%(text)s” không phải là ngày giờ; hãy ghi như 2019-12-10T08:00.") % {"text": text[:40]}
        ) from None


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _typed(moment: datetime) -> str:
    """As `datetime-local` writes it."""
    local = timezone.localtime(moment).replace(tzinfo=None)
    return local.isoformat(timespec="minutes" if not local.second else "seconds")
