"""A roster workbook → what it would change. Nothing of the registry is written here."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core.workbooks import Row, WorkbookRefused, read
from dekhang.apps.registry.enums import ChangeKind, ImportState
from dekhang.apps.registry.models import Employment, Person, RosterChange, RosterImport, UnitVersion
from dekhang.apps.registry.people.columns import COLUMNS
from dekhang.apps.registry.search import fold

FAULTS_SHOWN = 200
AT_ONCE = 2_000
PERSON_FIELDS = ("name", "email", "phone")


def path_of(one: RosterImport) -> Path:
    """Where the workbook waits to be read; removed once it was."""
    return Path(settings.MEDIA_ROOT) / "rosters" / f"{one.pk}.upload"


def read_import(one: RosterImport) -> RosterImport:
    """Read the workbook of an import and keep what it would change, or every fault."""
    path = path_of(one)
    try:
        with path.open("rb") as file:
            _read(one, file)
    except (WorkbookRefused, FileNotFoundError) as refused:
        text = (
            str(refused) if isinstance(refused, WorkbookRefused) else _("Tệp tải lên không còn trên máy. Hãy nạp lại.")
        )
        RosterImport.objects.filter(pk=one.pk).update(state=ImportState.FAULTY, problem=text[:500])
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    one.refresh_from_db()
    return one


def _read(one: RosterImport, file: IO[bytes]) -> None:
    def progress(number: int) -> None:
        RosterImport.objects.filter(pk=one.pk).update(progress=number)

    reading = read(file, one.file_name, COLUMNS, fold=fold, on_row=progress)
    units = _Units(one)
    rows: list[tuple[Row, int]] = []
    seen: dict[tuple[str, int], int] = {}
    for row in reading.rows:
        unit_id, fault = units.find(row.values["unit"])
        if unit_id is None:
            reading.add_fault(row.number, _("Đơn vị"), fault)
            continue
        key = (row.values["code"], unit_id)
        if key in seen:
            reading.add_fault(
                row.number,
                _("Mã cán bộ"),
                _("mã “%(code)s” đã có ở dòng %(row)d của cùng đơn vị; xóa một dòng.")
                % {"code": key[0], "row": seen[key]},
            )
            continue
        seen[key] = row.number
        rows.append((row, unit_id))
    if reading.faults:
        faults = [str(fault) for fault in reading.faults[:FAULTS_SHOWN]]
        total = len(reading.faults) + reading.more_faults
        RosterImport.objects.filter(pk=one.pk).update(
            state=ImportState.FAULTY,
            faults=faults,
            rows=len(reading.rows),
            problem=_("Có %(count)d lỗi nên chưa nạp gì. Sửa các ô nêu dưới đây rồi nạp lại tệp.") % {"count": total},
        )
        return
    changes, unchanged = differences(one, rows)
    with transaction.atomic():
        one.changes.all().delete()
        RosterChange.objects.bulk_create(changes, batch_size=AT_ONCE)
        kinds = defaultdict(int)
        for change in changes:
            kinds[change.kind] += 1
        RosterImport.objects.filter(pk=one.pk).update(
            state=ImportState.READY,
            problem="",
            faults=[],
            rows=len(rows),
            joins=kinds[ChangeKind.JOIN],
            moves=kinds[ChangeKind.MOVE],
            corrections=kinds[ChangeKind.CORRECT],
            leaves=kinds[ChangeKind.LEAVE],
            unchanged=unchanged,
        )


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

    def find(self, text: str) -> tuple[int | None, str]:
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


def differences(one: RosterImport, rows: Iterable[tuple[Row, int]]) -> tuple[list[RosterChange], int]:
    """What the rows change in the roster on the import's day, in the order of the rows; and how many change nothing."""
    rows = list(rows)
    known = Person.objects.all()
    if len(rows) <= AT_ONCE:  # a unit's list does not read the whole province
        known = known.filter(code__in={row.values["code"] for row, _unit in rows})
    people = {person.code: person for person in known}
    employed: dict[int, list[Employment]] = defaultdict(list)
    for employment in Employment.objects.filter(valid_to=None).order_by("pk"):
        employed[employment.person_id].append(employment)
    units_of: dict[str, set[int]] = defaultdict(set)
    for row, unit_id in rows:
        units_of[row.values["code"]].add(unit_id)
    changes: list[RosterChange] = []
    unchanged = 0
    for row, unit_id in rows:
        values = row.values
        after = {
            "code": values["code"],
            "name": values["name"],
            "email": values["email"] or "",
            "phone": values["phone"] or "",
            "title": values["title"] or "",
            "from": (values["from"] or one.day).isoformat(),
        }
        person = people.get(values["code"])
        here = next((e for e in employed[person.pk] if e.unit_id == unit_id), None) if person else None
        # elsewhere, and not said to go on there
        others = [e for e in employed[person.pk] if e.unit_id not in units_of[person.code]] if person else []
        before = _before(person, here, others)
        if here is None:
            kind = ChangeKind.MOVE if others else ChangeKind.JOIN
        elif person is not None and _same(person, here, after):
            unchanged += 1
            continue
        else:
            kind = ChangeKind.CORRECT
        if kind != ChangeKind.MOVE:
            before["closed"] = []
        changes.append(
            RosterChange(
                roster_import=one, row=row.number, kind=kind, person=person, unit_id=unit_id, after=after, before=before
            )
        )
    if one.is_complete:
        changes += _leavers(one, employed, people, rows, units_of)
    return changes, unchanged


def _same(person: Person, here: Employment, after: dict[str, str]) -> bool:
    """An empty cell says nothing: it does not wipe what is known."""
    told = all(not after[name] or getattr(person, name) == after[name] for name in PERSON_FIELDS)
    return told and (not after["title"] or here.title == after["title"])


def _before(person: Person | None, here: Employment | None, others: list[Employment]) -> dict[str, Any]:
    found: dict[str, Any] = {"closed": [[e.pk, None] for e in others]}
    if person is not None:
        found["person"] = {name: getattr(person, name) for name in PERSON_FIELDS}
    if here is not None:
        found["employment"] = {"id": here.pk, "title": here.title}
    return found


def _leavers(
    one: RosterImport,
    employed: dict[int, list[Employment]],
    people: dict[str, Person],
    rows: list[tuple[Row, int]],
    units_of: dict[str, set[int]],
) -> list[RosterChange]:
    """People of the units named who are not in a complete list: they have left."""
    named = {unit_id for _row, unit_id in rows}
    codes = {person.pk: person.code for person in people.values()}
    gone = []
    for person_id, employments in employed.items():
        for employment in employments:
            code = codes.get(person_id)
            if employment.unit_id not in named or (code is not None and code in units_of):
                continue
            gone.append(
                RosterChange(
                    roster_import=one,
                    row=0,
                    kind=ChangeKind.LEAVE,
                    person_id=person_id,
                    unit_id=employment.unit_id,
                    before={"closed": [[employment.pk, None]]},
                )
            )
    return gone
