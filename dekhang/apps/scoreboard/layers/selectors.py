"""The four layers of every unit on a day, read from checked documents. Isolation: only units that the reader may see."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import DocumentKind, EvidenceKind, Outcome, RevisionState
from dekhang.apps.duties.filing.selectors import checked, revisions_of
from dekhang.apps.duties.models import Evidence, Revision
from dekhang.apps.duties.selectors import evidence_of
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import COUNTED_KINDS, counted_units, visible_unit_ids
from dekhang.apps.scoreboard.selectors import moment_of


@dataclass(frozen=True, slots=True)
class LayerKind:
    """What a layer is, which document speaks for it, and whose firm stands in it."""

    number: int
    title: Any
    who: Any
    document: DocumentKind
    has_firm: bool


LAYERS = (
    LayerKind(1, _("Lực lượng tại chỗ"), _("Bộ phận chuyên trách của đơn vị"), DocumentKind.OWN_FORCE, False),
    LayerKind(2, _("Giám sát, bảo vệ chuyên nghiệp"), _("Tự làm hoặc thuê"), DocumentKind.MONITORING, True),
    LayerKind(3, _("Kiểm tra, đánh giá độc lập"), _("Bên khác với bên giám sát"), DocumentKind.INDEPENDENT_CHECK, True),
    LayerKind(4, _("Kết nối hệ thống giám sát quốc gia"), _("Trung tâm giám sát quốc gia"), DocumentKind.NATIONAL_LINK, False),
)  # fmt: skip
SUBJECTS = [f"layer:{kind.number}" for kind in LAYERS]
TOLD = ("unit_id", "subject", "outcome", "valid_until", "payload", "reason", "revision_id")
HOLDS, ENDED, BROKEN, MISSING = "holds", "ended", "broken", "missing"
STATES = {
    HOLDS: _("Có bằng chứng còn hạn"),
    ENDED: _("Đã hết hạn"),
    BROKEN: _("Không còn được chấp nhận"),
    MISSING: _("Chưa có"),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of one unit at a moment. `since`: date on the text itself; `facts`: what its document says."""

    kind: LayerKind
    state: str = MISSING
    firm: str = ""
    title: str = ""
    revision_id: int | None = None
    since: date | None = None
    until: datetime | None = None
    last_data: date | None = None
    why: str = ""

    @property
    def stands(self) -> bool:
        return self.state == HOLDS

    @property
    def words(self) -> str:
        return str(STATES[self.state])


@dataclass(frozen=True, slots=True)
class UnitLayers:
    """The four layers of a unit. `same_firm`: layers 2 and 3 stand, and are one firm: the check is not independent."""

    unit_id: int
    name: str
    kind: str
    parent_id: int | None
    layers: tuple[Layer, ...]

    @property
    def same_firm(self) -> bool:
        watch, check = self.layers[1], self.layers[2]
        return watch.stands and check.stands and same(watch.firm, check.firm)

    @property
    def filed(self) -> bool:
        return any(layer.state != MISSING for layer in self.layers)

    @property
    def standing(self) -> int:
        """Layers with a proof of their own; a check by the firm that watches is none."""
        return sum(layer.stands for layer in self.layers) - self.same_firm


def same(one: str, other: str) -> bool:
    """Whether two names are one firm's, as `duties.states.four_layers` judges it; nobody is the same as nobody."""
    return one.strip().casefold() == other.strip().casefold() != ""


def of_units(user: User, day: date) -> list[UnitLayers]:
    """Every counted unit in force on the day that `user` may see, those with documents first, by kind and name; a fixed number of queries."""
    visible = visible_unit_ids(user)
    versions = [version for version in counted_units(day) if version.unit_id in visible]
    return _rows(user, versions, moment_of(day))


def of_unit(user: User, version: UnitVersion, day: date) -> UnitLayers:
    """One unit. A unit that `user` may not see has four empty layers: its documents are not read."""
    return _rows(user, [version], moment_of(day))[0]


def _rows(user: User, versions: Collection[UnitVersion], at: datetime) -> list[UnitLayers]:
    words = checked(user, at).filter(subject__in=SUBJECTS)
    if len(versions) == 1:
        words = words.filter(unit_id=next(iter(versions)).unit_id)
    # tuples, not models: a province has thousands of these, each with its revision and document
    facts = words.values_list(*TOLD, "revision__issued_on", named=True)
    found = {(row.unit_id, row.subject): row for row in facts}
    order = list(COUNTED_KINDS)
    rows = [
        UnitLayers(
            version.unit_id,
            version.name,
            version.kind,
            version.parent_id,
            tuple(_layer(kind, found.get((version.unit_id, f"layer:{kind.number}")), at) for kind in LAYERS),
        )
        for version in versions
    ]
    return sorted(rows, key=lambda row: (not row.filed, order.index(row.kind) if row.kind in order else -1, row.name))


def _layer(kind: LayerKind, row: Any, at: datetime) -> Layer:
    """From a row of `TOLD`; None: nothing was ever filed."""
    if row is None:
        return Layer(kind)
    state = BROKEN if row.outcome != Outcome.OK else HOLDS if row.valid_until is None or at < row.valid_until else ENDED
    facts = row.payload.get("facts") if isinstance(row.payload.get("facts"), dict) else {}
    return Layer(
        kind,
        state,
        firm=str(facts.get("firm", ""))[:200],
        title=str(row.payload.get("title", ""))[:200],
        revision_id=row.revision_id,
        since=row.revision__issued_on,
        until=row.valid_until,
        last_data=_day(facts.get("last_data")),
        why=row.reason,
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def pick(rows: Iterable[UnitLayers], *, kind: str = "", state: str = "", text: str = "") -> list[UnitLayers]:
    """Rows that fit every filter given. `state`: `thieu-N` layer N does not stand; `trung-ben` one firm in 2 and 3; `du` all stand."""
    tests = {
        **{f"thieu-{one.number}": (lambda row, n=one.number: not row.layers[n - 1].stands) for one in LAYERS},
        "trung-ben": lambda row: row.same_firm,
        "du": lambda row: row.standing == len(LAYERS),
    }
    test = tests.get(state, lambda row: True)
    return [
        row for row in rows if (not kind or row.kind == kind) and test(row) and (not text or found_in(text, row.name))
    ]


def waiting(user: User, unit_id: int) -> dict[int, Revision]:
    """Documents of layers that wait for a review now, by layer."""
    rows = revisions_of(user).filter(
        document__unit_id=unit_id, document__subject__in=SUBJECTS, state=RevisionState.SUBMITTED
    )
    return {int(row.document.subject.removeprefix("layer:")): row for row in rows}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the system itself saw of a unit by a moment, beside what documents say."""

    officers: int
    contact: bool
    sources: int
    delivering: int


def seen(user: User, unit_id: int, day: date) -> Seen:
    """People, contact and log sources of the unit: newest word of each, in one query."""
    at = moment_of(day)
    kinds = (
        EvidenceKind.POST_FILLED,
        EvidenceKind.CONTACT_ALIVE,
        EvidenceKind.SOURCE_EXPECTED,
        EvidenceKind.SOURCE_DELIVERING,
    )
    rows = evidence_of(user).filter(unit_id=unit_id, kind__in=kinds, observed_at__lte=at)
    newest: dict[tuple[str, str], Evidence] = {}
    for row in rows.order_by("observed_at", "pk"):
        newest[row.kind, row.subject] = row
    holds = {
        key
        for key, row in newest.items()
        if row.outcome == Outcome.OK and (not row.valid_until or at < row.valid_until)
    }
    filled = newest.get((EvidenceKind.POST_FILLED, "post:officer"))
    people = filled.payload.get("user_ids") if filled and (filled.kind, filled.subject) in holds else []
    expected = {subject for kind, subject in holds if kind == EvidenceKind.SOURCE_EXPECTED}
    return Seen(
        officers=len(people) if isinstance(people, list) else 0,
        contact=any(kind == EvidenceKind.CONTACT_ALIVE for kind, _subject in holds),
        sources=len(expected),
        delivering=sum((EvidenceKind.SOURCE_DELIVERING, subject) in holds for subject in expected),
    )
