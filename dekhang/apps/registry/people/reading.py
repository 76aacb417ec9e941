"""A list of people → what it would change. Nothing of the roster is written here, only the changes that it would make.

Memory is bounded by the list's rows (workbooks.ROWS), a tuple each; what the roster says of them is asked in parts.
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import IO, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core.workbooks import Fault, Reading, Row, WorkbookRefused, read
from dekhang.apps.registry.enums import ChangeKind, ImportState
from dekhang.apps.registry.models import Employment, Person, RosterChange, RosterClosing, RosterImport, UnitVersion
from dekhang.apps.registry.people.columns import COLUMNS
from dekhang.apps.registry.search import fold

FAULTS_SHOWN = 200
AT_ONCE = 2_000  # rows of one short transaction: pages that write wait no longer than that
PERSON_FIELDS = ("name", "email", "phone")


class Entry(NamedTuple):
    """A row of the list whose cells are all right."""

    row: int
    code: str
    name: str
    unit_id: int
    title: str
    email: str
    phone: str
    starts: date


def path_of(one: RosterImport) -> Path:
    """Where the workbook waits to be read; removed once it was."""
    return Path(settings.MEDIA_ROOT) / "rosters" / f"{one.pk}.upload"


def read_import(one: RosterImport, tell: Callable[[int], None] = lambda number: None) -> RosterImport:
    """Read the workbook of an import and keep what it would change, or every fault; `tell` hears of every 1,000th row."""
    path = path_of(one)
    try:
        with path.open("rb") as file:
            _read(one, file, tell)
    except (WorkbookRefused, FileNotFoundError) as refused:
        text = (
            str(refused) if isinstance(refused, WorkbookRefused) else _("Tệp tải lên không còn trên máy. Hãy nạp lại.")
        )
        fail(one, text)
    # only now: an interrupted reading begins again from the file
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    one.refresh_from_db()
    return one


def fail(one: RosterImport, problem: str, faults: Sequence[str] = (), rows: int = 0) -> None:
    """The list changes nothing, and says why."""
    _forget_changes(one)
    RosterImport.objects.filter(pk=one.pk).update(
        state=ImportState.FAULTY, problem=problem[:500], faults=list(faults), rows=rows
    )


def _read(one: RosterImport, file: IO[bytes], tell: Callable[[int], None]) -> None:
    def on_row(number: int) -> None:
        RosterImport.objects.filter(pk=one.pk).update(progress=number)
        tell(number)

    taking = Taking(one)
    reading = read(file, one.file_name, COLUMNS, fold=fold, on_row=on_row, take=taking.take)
    taking.faults_of(reading)
    keep_changes(one, taking)


class Taking:
    """Takes the rows of a list one by one: entries, and faults that a single row cannot know of."""

    def __init__(self, one: RosterImport) -> None:
        self.one = one
        self.entries: list[Entry] = []
        self.faults: list[tuple[int, str, str]] = []  # row, column, sentence
        self.rows = 0
        self.sentences: list[str] = []  # faults as people read them, once the list is at its end
        self.total = 0  # of them, also those that are not kept
        self.sheet = ""
        self._units = _Units(one)
        self._seen: dict[tuple[str, int], int] = {}

    def take(self, row: Row) -> None:
        self.rows += 1
        values = row.values
        unit_id, fault = self._units.find(values["unit"])
        if unit_id is None:
            self.faults.append((row.number, _("Đơn vị"), fault))
            return
        key = (values["code"], unit_id)
        if key in self._seen:
            self.faults.append(
                (
                    row.number,
                    _("Mã cán bộ"),
                    _("mã “%(code)s” đã có ở dòng %(row)d của cùng đơn vị; xóa một dòng.")
                    % {"code": key[0], "row": self._seen[key]},
                )
            )
            return
        self._seen[key] = row.number
        self.entries.append(
            Entry(
                row.number,
                values["code"],
                values["name"],
                unit_id,
                values["title"] or "",
                values["email"] or "",
                values["phone"] or "",
                values["from"] or self.one.day,
            )
        )

    def knows(self, unit: str) -> bool:
        """Whether the text names one unit that the import may fill."""
        return self._units.find(unit)[0] is not None

    def faults_of(self, reading: Reading) -> None:
        """Put those of single cells before, as sentences with their place; all in the order of the rows."""
        for row, column, text in self.faults:
            reading.add_fault(row, column, text)
        self.sentences = [str(fault) for fault in sorted(reading.faults, key=_row_of)]
        self.total = len(reading.faults) + reading.more_faults
        self.sheet = reading.sheet


def _row_of(fault: Fault) -> int:
    return fault.row


def keep_changes(one: RosterImport, taking: Taking) -> None:
    """Compare the entries with the roster and keep what differs; READY, or FAULTY with every reason."""
    if taking.total:
        return _refuse(one, taking)
    _forget_changes(one)
    comparing = Comparing(one, taking.entries)
    RosterImport.objects.filter(pk=one.pk).update(rows=len(taking.entries), progress=0)
    for done, (changes, closings) in enumerate(comparing.parts(), start=1):
        with transaction.atomic():
            RosterChange.objects.bulk_create(changes)
            RosterClosing.objects.bulk_create(closings)
            RosterImport.objects.filter(pk=one.pk).update(progress=min(done * AT_ONCE, len(taking.entries)))
    if comparing.faults:
        for row, column, text in comparing.faults:
            taking.sentences.append(str(Fault(taking.sheet, row, column, text)))
        taking.total = len(comparing.faults)
        return _refuse(one, taking)
    kinds = comparing.kinds
    RosterImport.objects.filter(pk=one.pk).update(
        state=ImportState.READY,
        problem="",
        faults=[],
        rows=len(taking.entries),
        joins=kinds[ChangeKind.JOIN],
        moves=kinds[ChangeKind.MOVE],
        corrections=kinds[ChangeKind.CORRECT],
        leaves=kinds[ChangeKind.LEAVE],
        unchanged=comparing.unchanged,
    )
    return None


def _refuse(one: RosterImport, taking: Taking) -> None:
    fail(
        one,
        _("Có %(count)d lỗi nên chưa nạp gì. Sửa các ô nêu dưới đây rồi nạp lại tệp.") % {"count": taking.total},
        taking.sentences[:FAULTS_SHOWN],
        taking.rows,
    )


def _forget_changes(one: RosterImport) -> None:
    """Of an earlier, interrupted reading; without Django's collector, which would load them all."""
    for rows in (RosterClosing.objects.filter(roster_import=one), RosterChange.objects.filter(roster_import=one)):
        rows._raw_delete(rows.db)  # type: ignore[attr-defined]


class _Units:
    """Finds the unit that a cell names, among those that the import may fill."""

    def __init__(self, one: RosterImport) -> None:
        versions = UnitVersion.objects.in_force(one.day)
        if one.unit_id is not None:
            versions = versions.filter(unit_id=one.unit_id)
        self._by_word: dict[str, set[int]] = defaultdict(set)
        for version in versions.select_related("unit"):
            for word in (version.name, version.code, version.unit.key):
                if word:
                    self._by_word[fold(word)].add(version.unit_id)
        self._scope = versions.first().name if one.unit_id is not None and versions else ""
        self._known: dict[str, tuple[int | None, str]] = {}  # a province has few names, and says them often

    def find(self, text: str) -> tuple[int | None, str]:
        answer = self._known.get(text)
        if answer is None:
            answer = self._find(text)
            if len(self._known) < AT_ONCE:
                self._known[text] = answer
        return answer

    def _find(self, text: str) -> tuple[int | None, str]:
        found = self._by_word.get(fold(text), set())
        if len(found) == 1:
            return next(iter(found)), ""
        if found:
            return None, _("có %(count)d đơn vị tên “%(text)s”; ghi mã đơn vị thay cho tên.") % {
                "count": len(found),
                "text": text[:60],
            }
        if self._scope:
            return None, _("“%(text)s” không phải “%(unit)s”; tệp này chỉ nạp được người của đơn vị ấy.") % {
                "text": text[:60],
                "unit": self._scope,
            }
        return None, _("không có đơn vị “%(text)s” vào ngày đó; ghi đúng tên hoặc mã trong danh sách đơn vị.") % {
            "text": text[:60]
        }


class Comparing:
    """Holds entries against the roster on the import's day, in parts of `AT_ONCE` rows; counts what it finds."""

    def __init__(self, one: RosterImport, entries: Sequence[Entry]) -> None:
        self.one, self.entries = one, entries
        self.kinds: Counter[str] = Counter()
        self.unchanged = 0
        self.faults: list[tuple[int, str, str]] = []  # row, column, sentence
        self.units_of: dict[str, set[int]] = defaultdict(set)
        for entry in entries:
            self.units_of[entry.code].add(entry.unit_id)

    def parts(self) -> Iterator[tuple[list[RosterChange], list[RosterClosing]]]:
        for start in range(0, len(self.entries), AT_ONCE):
            yield self._part(self.entries[start : start + AT_ONCE])
        if self.one.is_complete:
            yield from self._leavers()

    def _part(self, entries: Sequence[Entry]) -> tuple[list[RosterChange], list[RosterClosing]]:
        codes = {entry.code for entry in entries}
        people = {person.code: person for person in Person.objects.filter(code__in=codes)}
        employed: dict[int, list[Employment]] = defaultdict(list)
        ids = [person.pk for person in people.values()]
        for employment in Employment.objects.filter(valid_to=None, person_id__in=ids).order_by("pk"):
            employed[employment.person_id].append(employment)
        changes, closings = [], []
        for entry in entries:
            person = people.get(entry.code)
            own = employed[person.pk] if person is not None else []
            here = next((e for e in own if e.unit_id == entry.unit_id), None)
            # elsewhere, and not said to go on there
            others = [e for e in own if e.unit_id not in self.units_of[entry.code]]
            if self.one.unit_id is not None and any(e.unit_id != self.one.unit_id for e in own):
                self.faults.append(
                    (
                        entry.row,
                        _("Mã cán bộ"),
                        _(
                            "mã “%(code)s” đang là của một người ở đơn vị khác; kiểm tra lại mã, hoặc nhờ cơ quan điều phối chuyển người ấy."
                        )
                        % {"code": entry.code},
                    )
                )
                continue
            if here is not None and person is not None and _same(person, here, entry):
                self.unchanged += 1
                continue
            kind = ChangeKind.CORRECT if here is not None else ChangeKind.MOVE if others else ChangeKind.JOIN
            self.kinds[kind] += 1
            changes.append(self._change(entry, kind, person, here))
            if kind == ChangeKind.MOVE:
                closings += [RosterClosing(roster_import=self.one, employment=e) for e in others]
                employed[person.pk] = [e for e in own if e not in others] if person is not None else []
        return changes, closings

    def _change(self, entry: Entry, kind: ChangeKind, person: Person | None, here: Employment | None) -> RosterChange:
        change = RosterChange(
            roster_import=self.one,
            row=entry.row,
            kind=kind,
            person=person,
            makes_person=person is None,
            unit_id=entry.unit_id,
            employment=here,
            code=entry.code,
            # an empty cell says nothing: it does not wipe what is known
            name=entry.name,
            email=entry.email or (person.email if person is not None else ""),
            phone=entry.phone or (person.phone if person is not None else ""),
            title=entry.title or (here.title if here is not None else ""),
            search_text=fold(f"{entry.name} {entry.code}")[:300],
            starts=entry.starts,
        )
        if person is not None:
            change.old_name, change.old_email, change.old_phone = person.name, person.email, person.phone
            change.old_search_text = person.search_text
        if here is not None:
            change.old_title = here.title
        return change

    def _leavers(self) -> Iterator[tuple[list[RosterChange], list[RosterClosing]]]:
        """People of the units named who are not in a complete list: they have left."""
        named = {entry.unit_id for entry in self.entries}
        there = Employment.objects.filter(valid_to=None, unit_id__in=named).select_related("person").order_by("pk")
        changes: list[RosterChange] = []
        closings: list[RosterClosing] = []
        for employment in there.iterator(chunk_size=AT_ONCE):
            if employment.person.code in self.units_of:
                continue
            self.kinds[ChangeKind.LEAVE] += 1
            closings.append(RosterClosing(roster_import=self.one, employment=employment))
            changes.append(
                RosterChange(
                    roster_import=self.one,
                    row=0,
                    kind=ChangeKind.LEAVE,
                    person_id=employment.person_id,
                    unit_id=employment.unit_id,
                )
            )
            if len(changes) >= AT_ONCE:
                yield changes, closings
                changes, closings = [], []
        if changes:
            yield changes, closings


def _same(person: Person, here: Employment, entry: Entry) -> bool:
    told = all(not getattr(entry, name) or getattr(person, name) == getattr(entry, name) for name in PERSON_FIELDS)
    return told and (not entry.title or here.title == entry.title)
