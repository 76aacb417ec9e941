"""The detectability of units as pages show it: stored maps in, rows in words out, isolation included."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.cells import guarded
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import detectability as maps
from dekhang.apps.sources import rulebook
from dekhang.apps.sources.blindness import ROUTE_DAYS, label_of
from dekhang.apps.sources.models import Detectability
from dekhang.apps.sources.selectors import moment
from dekhang.engine.attack import main_techniques_of
from dekhang.engine.visibility import EVENT_ID
from dekhang.pipeline.stores import routes

WORDS = {maps.SEEN: "Thấy được", maps.PARTLY: "Thấy một phần", maps.BLIND: "Chưa thấy"}


@dataclass(frozen=True, slots=True)
class TechniqueRow:
    key: str
    name: str
    state: str
    visible: int
    rules: int
    why: str
    proof: str
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class TacticRow:
    key: str
    name: str
    meaning: str
    techniques: list[TechniqueRow]

    @property
    def seen(self) -> int:
        return sum(row.state == maps.SEEN for row in self.techniques)

    @property
    def partly(self) -> int:
        return sum(row.state == maps.PARTLY for row in self.techniques)

    @property
    def blind(self) -> int:
        return len(self.techniques) - self.seen - self.partly


@dataclass(frozen=True, slots=True)
class GainRow:
    offer: maps.Offer
    rules: int
    techniques: list[str]  # names


@dataclass(frozen=True, slots=True)
class UnitMap:
    stored: Detectability
    tactics: list[TacticRow]
    gains: list[GainRow]
    present: list[maps.Offer]

    @property
    def techniques(self) -> int:
        return self.stored.seen + self.stored.partly + self.stored.blind


def maps_of(user: User) -> list[tuple[str, Detectability, str]]:
    """(unit's name, its map, the log that would add most) of every unit that the person may see, the blindest first."""
    found = list(Detectability.objects.filter(unit_id__in=registry.visible_unit_ids(user)).order_by("visible_rules"))
    names = registry.unit_names([one.unit_id for one in found])
    return [
        (
            names.get(one.unit_id, f"#{one.unit_id}"),
            one,
            maps.offer(one.body["gains"][0]["offer"]).name if one.body["gains"] else "",
        )
        for one in found
    ]


def of_unit(user: User, unit_id: int) -> UnitMap | None:
    """None when nothing is known yet, or the unit is not the person's to see."""
    if unit_id not in registry.visible_unit_ids(user):
        return None
    stored = Detectability.objects.filter(pk=unit_id).first()
    if stored is None:
        return None
    body = stored.body
    techniques = [
        maps.Technique(**{**one, "tactics": tuple(one["tactics"]), "fields": tuple(one["fields"])})
        for one in body["techniques"]
    ]
    rows = {one.key: _row(one, body["proofs"].get(one.key)) for one in techniques}
    return UnitMap(
        stored,
        [
            TacticRow(
                tactic,
                maps.tactic_name(tactic),
                maps.tactic_meaning(tactic),
                sorted((rows[one.key] for one in of_tactic), key=lambda row: (-_rank(row.state), row.name)),
            )
            for tactic, of_tactic in maps.by_tactic(techniques)
        ],
        [
            GainRow(maps.offer(one["offer"]), one["rules"], [maps.technique_name(key) for key in one["techniques"]])
            for one in body["gains"]
        ],
        [maps.offer(key) for key in body["present"]],
    )


def _rank(state: str) -> int:
    """What needs somebody comes first."""
    return (maps.SEEN, maps.PARTLY, maps.BLIND).index(state)


def _row(one: maps.Technique, proof: dict[str, object] | None) -> TechniqueRow:
    return TechniqueRow(
        one.key,
        maps.technique_name(one.key),
        one.state,
        one.visible,
        one.rules,
        _why(one),
        str(proof["title"]) if proof else "",
        moment(int(str(proof["last_ms"]))) if proof else None,
    )


def _why(one: maps.Technique) -> str:
    if one.state == maps.SEEN:
        return ""
    if one.state == maps.BLIND:
        return _("Không có loại log nào để thấy.")
    parts = []
    if one.fields:
        parts.append(_("Log có tới nhưng thiếu trường: %(fields)s.") % {"fields": ", ".join(one.fields)})
    if one.unseen:
        parts.append(_("%(n)d luật chờ loại sự kiện chưa từng tới.") % {"n": one.unseen})
    return " ".join(parts) or _("Phần lớn luật cần loại log chưa tới.")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule about a technique: whether it could match what arrives at the unit, and if not, why."""

    title: str
    label: str
    level: str
    state: str
    why: str


def rules_of(unit_id: int, technique: str) -> list[RuleRow]:
    """The rules behind a technique at a unit, as things stand now. The caller has checked that it may be seen."""
    since_ms = int((clock.now() - timedelta(days=ROUTE_DAYS)).timestamp() * 1000)
    arriving = routes.of_units(settings.DATA, [unit_id], since_ms=since_ms)[unit_id]
    eyes = rulebook.visibility()
    seen = eyes.seen((route.place, route.fields) for route in arriving)
    rows = []
    for position, rule in enumerate(eyes.ruleset.rules):
        if position in eyes.ruleset.silent or technique not in main_techniques_of(rule):
            continue
        missing = seen.lacking.get(position)
        state = maps.SEEN if position in seen.visible else maps.PARTLY if missing else maps.BLIND
        rows.append(
            RuleRow(rule.title_vi, label_of(eyes, position), rule.level, state, _lacks(state, missing or frozenset()))
        )
    return sorted(rows, key=lambda row: (_rank(row.state), row.title))


def _lacks(state: str, missing: frozenset[str]) -> str:
    if state == maps.SEEN:
        return ""
    if state == maps.BLIND:
        return _("Loại log này không tới.")
    fields = sorted(missing - {EVENT_ID})
    if not fields:
        return _("Loại sự kiện này chưa từng tới trong %(n)d ngày.") % {"n": ROUTE_DAYS}
    return _("Thiếu trường: %(fields)s.") % {"fields": ", ".join(fields)}


HEADINGS = (
    "Đơn vị",
    "Tính lúc",
    "Giai đoạn",
    "Kỹ thuật",
    "Tên",
    "Kết luận",
    "Luật thấy được",
    "Số luật",
    "Vì sao",
    "Bằng chứng",
    "Lúc",
)


def as_csv(unit_name: str, seen: UnitMap) -> bytes:
    """One row for each technique of each tactic; UTF-8 with a mark, so that Excel reads Vietnamese letters."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    for tactic in seen.tactics:
        for row in tactic.techniques:
            cells: Sequence[str] = (
                unit_name,
                f"{timezone.localtime(seen.stored.computed_at):%Y-%m-%d %H:%M}",
                tactic.name,
                row.key,
                row.name,
                str(WORDS[row.state]),
                str(row.visible),
                str(row.rules),
                row.why,
                row.proof,
                f"{timezone.localtime(row.proven_at):%Y-%m-%d %H:%M}" if row.proven_at else "",
            )
            writer.writerow([guarded(cell) for cell in cells])
    return text.getvalue().encode("utf-8-sig")
