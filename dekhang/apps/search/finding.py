"""The answer of a search as a page shows it: rows with their events, bars over time, the commonest values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.core import clock
from dekhang.apps.search.asking import Asked
from dekhang.apps.search.selectors import Sight
from dekhang.pipeline.stores.lake import Lake, StoredEvent
from dekhang.pipeline.stores.search import (
    Answer,
    Bars,
    Marker,
    Node,
    Position,
    QueryError,
    Range,
    look_up,
    narrowed,
)

ROWS_A_PAGE = 40
BUDGET_SECONDS = 5.0
BARS_MOST = 60
_WIDTHS = [
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=30),
    timedelta(days=365),
]
FACETS = {  # column of the lake → its name in a query, and on the page
    "host": ("host", gettext_lazy("Máy")),
    "user": ("user", gettext_lazy("Tài khoản")),
    "src_ip": ("src_ip", gettext_lazy("Địa chỉ nguồn")),
    "event_code": ("code", gettext_lazy("Mã sự kiện")),
    "kind": ("kind", gettext_lazy("Loại bản ghi")),
    "source_id": ("source", gettext_lazy("Nguồn log")),
    "unit_id": ("unit", gettext_lazy("Đơn vị")),
}
VALUES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Row:
    event: StoredEvent
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time; `height` is 0–100, `query` the address of what is in it, "" = nothing."""

    since: datetime
    until: datetime
    count: int
    height: float
    query: str


@dataclass(frozen=True, slots=True)
class Value:
    shown: str
    count: int
    only: str
    without: str


@dataclass(frozen=True, slots=True)
class FacetGroup:
    label: str
    values: list[Value]


@dataclass(slots=True)
class Finding:
    """What the page shows.

    Args:
        before: address of the list's next part, "" = that was all.
        on: address of what is older than the part that was looked through in time.
    """

    answer: Answer
    marker: Marker
    rows: list[Row] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    facets: list[FacetGroup] = field(default_factory=list)
    next: str = ""
    on: str = ""
    complete_from: datetime | None = None
    days: int = 0
    days_complete: int = 0

    @property
    def highest(self) -> int:
        return max((bar.count for bar in self.bars), default=0)


def find(sight: Sight, asked: Asked, question: Node, within: Range) -> Finding:
    """Search in what a person may see.

    Raises:
        TooBusy: others search.
    """
    first_part = not asked.before  # the further parts of a list are only a list
    width = _width(within)
    offset = timezone.localtime(_moment(within.since_ms)).utcoffset() or timedelta()
    answer = look_up(
        settings.DATA,
        question,
        within,
        unit_ids=sight.unit_ids,
        limit=ROWS_A_PAGE,
        before=asked.position,
        bars=Bars(_ms(width), _ms(offset)) if first_part else None,
        budget_seconds=BUDGET_SECONDS,
    )
    finding = Finding(answer, Marker(question), rows_of(sight, answer.positions))
    if answer.more:
        finding.next = asked.behind(answer.positions[-1])
    if answer.complete_from_ms is not None:
        finding.complete_from = _moment(answer.complete_from_ms)
        finding.on = asked.query(cut_ms=answer.complete_from_ms)
        finding.days = _days(within.since_ms, within.until_ms)
        finding.days_complete = min(finding.days - 1, _days(answer.complete_from_ms, within.until_ms))
    if first_part:
        finding.bars = _bars(asked, answer, within, width)
        finding.facets = _facets(sight, asked, answer)
    return finding


def rows_of(sight: Sight, positions: Sequence[Position]) -> list[Row]:
    """The events at these positions, in their order; the lake is told again which units may be seen."""
    ids = [position.event_id for position in positions]
    events = {e.event_id: e for e in Lake(settings.DATA).events(ids, unit_ids=sight.unit_ids)}
    names = sight.names
    return [
        Row(events[one], names.units.get(events[one].unit_id, ""), names.sources.get(events[one].source_id, ""))
        for one in ids
        if one in events
    ]


def _width(within: Range) -> timedelta:
    """Of a bar: the least that needs no more than BARS_MOST."""
    length = min(within.until_ms, _ms_of(clock.now())) - within.since_ms
    return next((width for width in _WIDTHS if length <= BARS_MOST * _ms(width)), _WIDTHS[-1])


def _bars(asked: Asked, answer: Answer, within: Range, width: timedelta) -> list[Bar]:
    """Bars from the beginning of the range to now or the newest event, empty ones included."""
    step = _ms(width)
    offset = _ms(timezone.localtime(_moment(within.since_ms)).utcoffset() or timedelta())
    last = max([min(within.until_ms - 1, _ms_of(clock.now())), *answer.counts])
    first_bar, last_bar = (within.since_ms + offset) // step, (last + offset) // step
    highest = max(answer.counts.values(), default=0) or 1
    bars = []
    for number in range(max(first_bar, last_bar - 2 * BARS_MOST), last_bar + 1):
        start = number * step - offset
        count = answer.counts.get(start, 0)
        since, until = _moment(start), _moment(start + step)
        query = asked.during(since, until) if count else ""
        bars.append(Bar(since, until, count, round(max(count * 100 / highest, 2.0 if count else 0.0), 2), query))
    return bars


def _facets(sight: Sight, asked: Asked, answer: Answer) -> list[FacetGroup]:
    groups = []
    for column, (name, label) in FACETS.items():
        values = [
            value
            for found, count in answer.facets.get(column, [])[:VALUES_SHOWN]
            if (value := _value(sight, asked, column, name, found, count)) is not None
        ]
        if values and not (column == "unit_id" and not sight.several_units):
            groups.append(FacetGroup(str(label), values))
    return groups


def _value(sight: Sight, asked: Asked, column: str, name: str, found: object, count: int) -> Value | None:
    shown, typed = str(found), str(found)
    if column in ("unit_id", "source_id") and isinstance(found, int):
        shown = (sight.names.units if column == "unit_id" else sight.source_labels).get(found) or _("số %(n)d") % {
            "n": found
        }
        typed = f"#{found}"
    try:
        only = asked.query(text=narrowed(asked.text, name, typed))
        without = asked.query(text=narrowed(asked.text, name, typed, exclude=True))
    except QueryError:  # the query is as long as it may be
        return None
    return Value(shown, count, only, without)


def _days(since_ms: int, until_ms: int) -> int:
    return max(1, round((min(until_ms, _ms_of(clock.now())) - since_ms) / 86_400_000))


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _ms_of(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
