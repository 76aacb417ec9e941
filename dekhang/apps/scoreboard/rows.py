"""Rows of a board: which of them somebody wants to see, and in which order."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from dekhang.apps.duties.enums import COUNTS_AS_DECLARED, ClaimState, ReasonCode
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.search import found_in
from dekhang.apps.scoreboard.figures import BoardRow

# what needs a person first; proven units need nobody
URGENCY = (
    ClaimState.REFUTED,
    ClaimState.DECAYED,
    ClaimState.EVIDENCED,
    ClaimState.DECLARED,
    ClaimState.UNKNOWN,
    ClaimState.PROVEN,
)
# filters that name several states at once, beside the states themselves
STATE_GROUPS: dict[str, frozenset[ClaimState]] = {
    "da-khai": COUNTS_AS_DECLARED,
    "chua-chung-minh": frozenset(ClaimState) - {ClaimState.PROVEN},
}
_KINDS = list(UnitKind.values)
_NEVER = datetime.max.replace(tzinfo=UTC)


def _urgency(row: BoardRow) -> tuple[Any, ...]:
    return URGENCY.index(row.state), _KINDS.index(row.kind), row.name


# orders that people may ask for; each with a dash before it for the other way round
ORDERS: dict[str, Callable[[BoardRow], Any]] = {
    "can-lam": _urgency,
    "ten": lambda row: row.name,
    "loai": lambda row: (_KINDS.index(row.kind), row.name),
    "tu-luc": lambda row: (row.since or _NEVER, row.name),
    "ty-le": lambda row: (row.measure.done / row.measure.whole if row.measure else -1.0, row.name),
}


def pick(
    rows: Iterable[BoardRow],
    *,
    state: str = "",
    kind: str = "",
    district: str = "",
    reason: str = "",
    text: str = "",
    order: str = "can-lam",
) -> list[BoardRow]:
    """Rows that fit every filter given, the most urgent first. `district` is a unit's id: itself and what is in it."""
    tests: list[Callable[[BoardRow], bool]] = []
    if state:
        wanted = STATE_GROUPS.get(state, frozenset({state}))
        tests.append(lambda row: row.state in wanted)
    if kind:
        tests.append(lambda row: row.kind == kind)
    if district:
        tests.append(lambda row: int(district) in (row.unit_id, row.parent_id))
    if reason:
        tests.append(lambda row: row.code == reason)
    if text:
        tests.append(lambda row: found_in(text, row.name))
    kept = [row for row in rows if all(test(row) for test in tests)]
    return sorted(kept, key=ORDERS[order.removeprefix("-")], reverse=order.startswith("-"))


def reasons_of(rows: Iterable[BoardRow]) -> list[tuple[ReasonCode, int]]:
    """How many units stand before the same first obstacle, most first."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.code:
            counts[row.code] = counts.get(row.code, 0) + 1
    return [(ReasonCode(code), number) for code, number in sorted(counts.items(), key=lambda item: -item[1])]
