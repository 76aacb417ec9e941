"""Writes of the roster: an import begun, applied as a whole, undone as a whole."""

import hashlib
from datetime import date

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import AuditAction, ChangeKind, ImportState
from dekhang.apps.registry.models import Employment, Person, RosterChange, RosterImport
from dekhang.apps.registry.people.policies import check_can_import, check_can_undo_import
from dekhang.apps.registry.people.reading import AT_ONCE, PERSON_FIELDS, path_of
from dekhang.apps.registry.search import fold


def begin_import(*, unit_id: int | None, file: UploadedFile, is_complete: bool, day: date, by: User) -> RosterImport:
    """Keep a workbook for the jobs process to read. `unit_id` None: the whole province's list."""
    check_can_import(by, unit_id)
    digest = hashlib.sha256()
    with transaction.atomic():
        one = RosterImport.objects.create(
            unit_id=unit_id,
            file_name=(file.name or "danh-sach.xlsx")[:255],
            sha256="",
            is_complete=is_complete,
            day=day,
            uploaded_at=clock.now(),
            uploaded_by=by,
        )
        path = path_of(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            for chunk in file.chunks():
                digest.update(chunk)
                target.write(chunk)
        RosterImport.objects.filter(pk=one.pk).update(sha256=digest.hexdigest())
    one.refresh_from_db()
    return one


def confirm(*, one: RosterImport, by: User) -> None:
    """The person has seen what it changes: the jobs process applies it."""
    check_can_import(by, one.unit_id)
    if (
        RosterImport.objects.filter(pk=one.pk, state=ImportState.READY).update(state=ImportState.APPLYING, progress=0)
        != 1
    ):
        raise ActionDenied(_("Tệp này không ở bước chờ xác nhận. Mở lại trang để xem."))


def drop(*, one: RosterImport, by: User) -> None:
    check_can_import(by, one.unit_id)
    waiting = [ImportState.WAITING, ImportState.FAULTY, ImportState.READY]
    if RosterImport.objects.filter(pk=one.pk, state__in=waiting).update(state=ImportState.DROPPED) != 1:
        raise ActionDenied(_("Tệp này đã được nạp hoặc đã bỏ."))
    path_of(one).unlink(missing_ok=True)


@transaction.atomic
def apply(*, one: RosterImport) -> RosterImport:
    """All changes in one transaction.

    Raises:
        ActionDenied: the roster has changed since the preview; nothing was applied.
    """
    one = RosterImport.objects.select_for_update().get(pk=one.pk)
    if one.state != ImportState.APPLYING:
        raise ActionDenied(_("Tệp này không ở bước nạp."))
    ids = list(one.changes.values_list("pk", flat=True).order_by("pk"))
    for start in range(0, len(ids), AT_ONCE):
        _apply_part(one, list(one.changes.filter(pk__in=ids[start : start + AT_ONCE]).select_related("person")))
    RosterImport.objects.filter(pk=one.pk).update(state=ImportState.APPLIED, applied_at=clock.now(), progress=len(ids))
    record_event(
        action=AuditAction.ROSTER_APPLIED,
        by=one.uploaded_by,
        target=one,
        unit_id=one.unit_id,
        detail={
            "joins": one.joins,
            "moves": one.moves,
            "corrections": one.corrections,
            "leaves": one.leaves,
            "sha256": one.sha256,
        },
    )
    one.refresh_from_db()
    return one


def _apply_part(one: RosterImport, changes: list[RosterChange]) -> None:
    _make_people(changes)
    stale: list[str] = []
    touched: list[Person] = []
    employments: list[tuple[RosterChange, Employment]] = []
    corrected: list[Employment] = []
    for change in changes:
        for employment_id, valid_to in change.before.get("closed", []):
            closed = Employment.objects.filter(pk=employment_id, valid_to=valid_to, valid_from__lt=one.day)
            if closed.update(valid_to=one.day) != 1:
                stale.append(str(change.person))
        if change.kind == ChangeKind.LEAVE or change.person is None:
            continue
        person = change.person
        if "person" in change.before and any(
            change.after[name] and getattr(person, name) != change.after[name] for name in PERSON_FIELDS
        ):
            for name in PERSON_FIELDS:
                setattr(person, name, change.after[name] or getattr(person, name))
            person.search_text = fold(f"{person.name} {person.code}")[:300]
            touched.append(person)
        known = change.before.get("employment")
        if known is not None:
            if change.after["title"] and change.after["title"] != known["title"]:
                corrected.append(Employment(pk=known["id"], title=change.after["title"]))
        else:
            start = date.fromisoformat(change.after["from"])
            employments.append(
                (
                    change,
                    Employment(person=person, unit_id=change.unit_id, title=change.after["title"], valid_from=start),
                )
            )
    if stale:
        raise ActionDenied(
            _("Danh sách đã thay đổi từ lúc xem trước (ví dụ: %(who)s). Chưa nạp gì; hãy nạp lại tệp.")
            % {"who": stale[0]}
        )
    Person.objects.bulk_update(touched, [*PERSON_FIELDS, "search_text"], batch_size=500)
    Employment.objects.bulk_update(corrected, ["title"], batch_size=500)
    Employment.objects.bulk_create([employment for _change, employment in employments], batch_size=500)
    for change, employment in employments:
        change.made = {**change.made, "employment": employment.pk}
    RosterChange.objects.bulk_update(changes, ["person", "made"], batch_size=500)


def _make_people(changes: list[RosterChange]) -> None:
    """People who are new: one for each code, also when several rows name them."""
    wanted: dict[str, RosterChange] = {}
    for change in changes:
        if change.person is None and change.after:
            wanted.setdefault(change.after["code"], change)
    known = {person.code: person for person in Person.objects.filter(code__in=list(wanted))}
    new = [
        Person(
            code=code,
            **{name: change.after[name] for name in PERSON_FIELDS},
            search_text=fold(f"{change.after['name']} {code}")[:300],
        )
        for code, change in wanted.items()
        if code not in known
    ]
    Person.objects.bulk_create(new, batch_size=500)
    made = {person.code: person for person in new}
    for change in changes:
        if change.person is None and change.after:
            code = change.after["code"]
            change.person = known.get(code) or made[code]
            if code in made and wanted[code] is change:
                change.made = {"person": made[code].pk}


@transaction.atomic
def undo(*, one: RosterImport, by: User) -> RosterImport:
    """Bring back what was before the import."""
    check_can_undo_import(by, one)
    one = RosterImport.objects.select_for_update().get(pk=one.pk)
    if one.state != ImportState.APPLIED:
        raise ActionDenied(_("Chỉ hoàn tác được tệp đã nạp."))
    made_people: list[int] = []
    for change in one.changes.order_by("-pk").iterator(chunk_size=AT_ONCE):
        if "employment" in change.made:
            Employment.objects.filter(pk=change.made["employment"]).delete()
        for employment_id, valid_to in change.before.get("closed", []):
            Employment.objects.filter(pk=employment_id).update(valid_to=valid_to)
        if known := change.before.get("employment"):
            Employment.objects.filter(pk=known["id"]).update(title=known["title"])
        if person := change.before.get("person"):
            Person.objects.filter(pk=change.person_id).update(
                **person,
                search_text=fold(f"{person['name']} {change.after.get('code', '')}")[:300] if change.after else "",
            )
        if "person" in change.made:
            made_people.append(change.made["person"])
    one.changes.filter(person_id__in=made_people).update(person=None)
    for start in range(0, len(made_people), 500):
        part = made_people[start : start + 500]
        Person.objects.filter(pk__in=part).exclude(employments__isnull=False).delete()
    RosterImport.objects.filter(pk=one.pk).update(state=ImportState.UNDONE, undone_at=clock.now())
    record_event(action=AuditAction.ROSTER_UNDONE, by=by, target=one, unit_id=one.unit_id)
    one.refresh_from_db()
    return one
