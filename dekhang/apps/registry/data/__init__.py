"""The province's units through time, from the CSV files beside this module. Plain Python: no Django, no database.

A unit keeps its `key` through renames and changes of type; a merger makes a new unit. A *version* says what a unit was
called, how it was coded and whose it was from `valid_from` until the day before `valid_to`. Codes are reused with new
names, so a version's own key is (code, valid_from). Sources, licences and what is not known: README.md beside this file.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path

DATA = Path(__file__).parent

# The first day on which the record can be asked. An empty `valid_from` in versions.csv means "already so on this day";
# nothing here says when the unit was founded. No commune of the province changed between this day and 2020-02-01.
RECORD_BEGINS = date(2019, 1, 1)

KINDS = ("province", "department", "district", "commune")
EVENT_KINDS = ("create", "rename", "retype", "merge", "split", "abolish", "move")
LAYOUTS = (("tiles_2019.txt", RECORD_BEGINS, date(2025, 7, 1)), ("tiles_2025.txt", date(2025, 7, 1), None))


class PlacesError(ValueError):
    """The place files contradict themselves; the message lists every fault, one a line."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's identity."""

    key: str
    kind: str  # one of KINDS


@dataclass(frozen=True, slots=True)
class Tile:
    """A place in the schematic picture; (0, 0) is the north-west corner. Not a geographic position."""

    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Version:
    """What a unit was from `valid_from` until the day before `valid_to` (None: still so)."""

    unit_key: str
    kind: str
    code: str  # statistics office's code; of province bodies our own sb-NN
    name: str
    subtype: str  # Xã, Phường, Thị trấn, Huyện, Sở …
    parent_key: str | None
    valid_from: date
    valid_to: date | None
    is_coordinator: bool  # the province's coordinating body then
    basis: str  # "" for what was so when the record begins
    source: tuple[str, ...]
    tile: Tile | None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


@dataclass(frozen=True, slots=True)
class Succession:
    """Who followed whom. None on one side: from or to outside the record."""

    date: date
    predecessor_key: str | None
    successor_key: str | None
    extent: str  # full · part
    main: bool  # of several successors, the one that takes the larger or default part


@dataclass(frozen=True, slots=True)
class Event:
    """A dated change. `successions` of all events together hold every relation exactly once:

    a whole unit that goes into another belongs to the `merge` of its successor, a divided one to its own `split`.
    So the predecessors of a unit are `Places.predecessors(key)`, not one event's list.
    """

    date: date
    kind: str  # one of EVENT_KINDS
    unit_key: str
    exact: bool  # False: the change happened on this day at the latest
    basis: str
    source: tuple[str, ...]
    note: str
    successions: tuple[Succession, ...]


@dataclass(frozen=True, slots=True)
class PostKind:
    """A post that units of some kinds have. Posts, never invented people."""

    key: str  # head · officer · duty_contact
    title: str
    unit_kinds: tuple[str, ...]
    required: bool
    basis: str  # a citation key of dekhang/law


@dataclass(frozen=True)
class Places:
    """Everything the files say. Ask with a date."""

    units: tuple[Unit, ...]
    versions: tuple[Version, ...]
    events: tuple[Event, ...]
    tiles: Mapping[tuple[str, date], Tile]  # (code, valid_from of the version) → tile
    posts: tuple[PostKind, ...]

    @cached_property
    def _by_unit(self) -> dict[str, list[Version]]:
        found: dict[str, list[Version]] = {}
        for version in self.versions:
            found.setdefault(version.unit_key, []).append(version)
        return found

    def in_force(self, on: date, kind: str | None = None) -> tuple[Version, ...]:
        """The versions in force on a date, of one kind or of all, in the order of the files."""
        return tuple(v for v in self.versions if v.in_force(on) and kind in (None, v.kind))

    def version(self, unit_key: str, on: date) -> Version | None:
        """What the unit was on a date; None if it was not there."""
        return next((v for v in self._by_unit.get(unit_key, []) if v.in_force(on)), None)

    def by_code(self, code: str, on: date) -> Version | None:
        return next((v for v in self.versions if v.code == code and v.in_force(on)), None)

    def children(self, unit_key: str, on: date) -> tuple[Version, ...]:
        return tuple(v for v in self.in_force(on) if v.parent_key == unit_key)

    @cached_property
    def successions(self) -> tuple[Succession, ...]:
        return tuple(s for event in self.events for s in event.successions)

    def successors(self, unit_key: str) -> tuple[Succession, ...]:
        """Where the unit went; its main heir first."""
        found = [s for s in self.successions if s.predecessor_key == unit_key]
        return tuple(sorted(found, key=lambda s: (s.date, not s.main)))

    def predecessors(self, unit_key: str) -> tuple[Succession, ...]:
        return tuple(s for s in self.successions if s.successor_key == unit_key)


@cache
def load_places(folder: Path = DATA) -> Places:
    """Read and check the files of the folder, once per process.

    Raises:
        PlacesError: a fault in a line (named by file and line) or files that contradict each other.
    """
    tiles_by_code = [(_tiles(folder / name), begins, ends) for name, begins, ends in LAYOUTS]
    versions = tuple(_version(where, row, tiles_by_code) for where, row in _rows(folder / "versions.csv"))
    kinds = {version.unit_key: version.kind for version in versions}
    relations = [_succession(where, row) for where, row in _rows(folder / "successions.csv")]
    places = Places(
        units=tuple(Unit(key, kind) for key, kind in kinds.items()),
        versions=versions,
        events=tuple(_event(where, row, relations) for where, row in _rows(folder / "events.csv")),
        tiles={(v.code, v.valid_from): v.tile for v in versions if v.tile is not None},
        posts=tuple(
            PostKind(row["key"], row["title"], tuple(row["unit_kinds"].split()), row["required"] == "1", row["basis"])
            for _, row in _rows(folder / "posts.csv")
        ),
    )
    if faults := list(_contradictions(places, relations)):
        raise PlacesError("\n".join(faults))
    return places


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or ())
        for row in reader:
            where = f"{path.name}:{reader.line_num}"
            if None in row or list(row) != columns or None in row.values():
                raise PlacesError(f"{where}: số cột khác dòng tiêu đề.")
            yield where, row


def _day(where: str, text: str, empty: date | None) -> date | None:
    if not text:
        return empty
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PlacesError(f"{where}: “{text}” không phải ngày dạng 2025-07-01.") from error


def _tiles(path: Path) -> dict[str, Tile]:
    tiles: dict[str, Tile] = {}
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and line[0] != "#"]
    for row, line in enumerate(lines):
        for column, token in enumerate(line.split()):
            if token.strip("."):
                if token in tiles:
                    raise PlacesError(f"{path.name}: mã {token} có hai ô.")
                tiles[token] = Tile(column, row)
    return tiles


def _version(where: str, row: dict[str, str], layouts: Sequence[tuple[dict[str, Tile], date, date | None]]) -> Version:
    if row["kind"] not in KINDS:
        raise PlacesError(f"{where}: loại “{row['kind']}” không có; dùng một trong {', '.join(KINDS)}.")
    begins = _day(where, row["valid_from"], RECORD_BEGINS)
    ends = _day(where, row["valid_to"], None)
    assert begins is not None
    if ends is not None and ends <= begins:
        raise PlacesError(f"{where}: valid_to phải sau valid_from.")
    # a version that lasts through several pictures has the same tile in each, see README.md
    tile = next(
        (tiles[row["code"]] for tiles, first, last in layouts if row["code"] in tiles and first <= begins and (last is None or begins < last)),
        None,
    )  # fmt: skip
    return Version(
        unit_key=row["key"],
        kind=row["kind"],
        code=row["code"],
        name=row["name"],
        subtype=row["subtype"],
        parent_key=row["parent_key"] or None,
        valid_from=begins,
        valid_to=ends,
        is_coordinator=row["coordinator"] == "1",
        basis=row["basis"],
        source=tuple(row["source"].split()),
        tile=tile,
    )


def _succession(where: str, row: dict[str, str]) -> Succession:
    day = _day(where, row["date"], None)
    if day is None or row["extent"] not in ("full", "part"):
        raise PlacesError(f"{where}: cần ngày (date) và mức (extent) là full hoặc part.")
    return Succession(day, row["predecessor_key"], row["successor_key"], row["extent"], row["main"] == "1")


def _event(where: str, row: dict[str, str], relations: Sequence[Succession]) -> Event:
    day, kind, key = _day(where, row["date"], None), row["kind"], row["unit_key"]
    if day is None or kind not in EVENT_KINDS:
        raise PlacesError(f"{where}: cần ngày (date) và loại (kind) là một trong {', '.join(EVENT_KINDS)}.")
    same_day = [s for s in relations if s.date == day]
    if kind == "merge":
        own = [s for s in same_day if s.successor_key == key and s.extent == "full"]
    elif kind == "split":
        own = [s for s in same_day if s.predecessor_key == key and s.extent == "part"]
    elif kind == "create":
        own = [Succession(day, None, key, "full", True)]
    elif kind == "abolish":
        own = [Succession(day, key, None, "full", True)]
    else:
        own = []  # renamed, retyped or moved: still the same unit
    return Event(
        date=day,
        kind=kind,
        unit_key=key,
        exact=row["exact"] == "1",
        basis=row["basis"],
        source=tuple(row["source"].split()),
        note=row["note"],
        successions=tuple(own),
    )


def _contradictions(places: Places, relations: Sequence[Succession]) -> Iterator[str]:
    kinds = {unit.key: unit.kind for unit in places.units}
    codes = Counter((v.code, v.valid_from) for v in places.versions)
    for (code, begins), times in codes.items():
        if times > 1:
            yield f"versions.csv: mã {code} từ {begins} có {times} dòng."
    for version in places.versions:
        if kinds[version.unit_key] != version.kind:
            yield f"versions.csv: {version.unit_key} có hai loại khác nhau."
        if version.parent_key is not None and places.version(version.parent_key, version.valid_from) is None:
            yield f"versions.csv: cấp trên {version.parent_key} của {version.unit_key} chưa có vào {version.valid_from}."
    for key in kinds:
        history = sorted((v for v in places.versions if v.unit_key == key), key=lambda v: v.valid_from)
        for before, after in pairwise(history):
            if before.valid_to != after.valid_from:
                yield f"versions.csv: {key} có khoảng trống hoặc chồng nhau quanh {after.valid_from}."
    for event in places.events:
        if event.unit_key not in kinds:
            yield f"events.csv: không có đơn vị {event.unit_key}."
        if not event.basis:
            yield f"events.csv: sự kiện {event.kind} của {event.unit_key} thiếu căn cứ."
    for relation in relations:
        for named in (relation.predecessor_key, relation.successor_key):
            if named is not None and named not in kinds:
                yield f"successions.csv: không có đơn vị {named}."
        if places.successions.count(relation) != 1:
            yield f"successions.csv: {relation.predecessor_key} → {relation.successor_key} không thuộc đúng một sự kiện."
