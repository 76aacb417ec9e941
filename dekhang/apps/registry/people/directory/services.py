"""A round of the directory: its people become an import like any workbook's; a brake when too many would leave."""

from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.forms import readable
from dekhang.apps.core.models import User
from dekhang.apps.core.workbooks import Fault, Row
from dekhang.apps.registry.enums import AuditAction, ImportSource, ImportState
from dekhang.apps.registry.models import Directory, Employment, RosterImport
from dekhang.apps.registry.people import jobs, services
from dekhang.apps.registry.people.columns import COLUMNS
from dekhang.apps.registry.people.directory.asking import DirectoryFault, Found, people
from dekhang.apps.registry.people.reading import Taking, fail, keep_changes

FAULTS_KEPT = 1_000


def check_can_set_directory(user: User) -> None:
    if user.role != Role.ADMINISTRATOR:
        raise ActionDenied(_("Chỉ quản trị hệ thống đặt việc đồng bộ danh bạ."))


@transaction.atomic
def save_directory(*, by: User, **facts: object) -> Directory:
    check_can_set_directory(by)
    directory, _made = Directory.objects.update_or_create(
        pk=1, defaults={**facts, "changed_at": clock.now(), "changed_by": by}
    )
    record_event(
        action=AuditAction.DIRECTORY_SET,
        by=by,
        target=directory,
        detail={"is_on": directory.is_on, "base": directory.base, "filter": directory.filter},
    )
    return directory


def synchronise(directory: Directory, *, by: User) -> RosterImport | None:
    """Ask the directory and keep what it would change; None when it could not be asked (the reason is kept).

    Applied at once when the directory may (`applies_itself`), nothing is wrong and the brake is not touched.
    """
    now = clock.now()
    Directory.objects.filter(pk=directory.pk).update(last_run_at=now)
    one = RosterImport.objects.create(
        file_name=_("Danh bạ LDAP"),
        sha256="",
        source=ImportSource.DIRECTORY,
        is_complete=directory.is_complete,
        day=clock.today(),
        state=ImportState.READING,
        uploaded_at=now,
        uploaded_by=by,
    )
    try:
        taking = _taken(one, directory)
    except DirectoryFault as fault:
        # nothing was learnt: no import to look at, but a reason on the page of the directory
        one.delete()
        Directory.objects.filter(pk=directory.pk).update(last_problem=str(fault)[:500])
        return None
    if not taking.rows:
        fail(one, _("Danh bạ không trả về người nào. Kiểm tra gốc tìm và bộ lọc; chưa nạp gì."))
    else:
        keep_changes(one, taking)
    one.refresh_from_db()
    _brake(one, directory)
    Directory.objects.filter(pk=directory.pk).update(last_problem=one.problem[:500])
    if one.state == ImportState.READY and not (one.joins or one.moves or one.corrections or one.leaves):
        RosterImport.objects.filter(pk=one.pk).update(state=ImportState.DROPPED)  # all as it was: nothing to confirm
    elif one.state == ImportState.READY and directory.applies_itself:
        services.confirm(one=one, by=by)
        jobs.apply_now(one)
    one.refresh_from_db()
    return one


def _taken(one: RosterImport, directory: Directory) -> Taking:
    taking = Taking(one)
    taking.sheet = directory.base
    for number, found in enumerate(people(directory), start=1):
        values, faults = values_of(found, taking)
        if not faults:
            before = len(taking.faults)
            taking.take(Row(number, values))
            faults = [(column, text) for _row, column, text in taking.faults[before:]]
        else:
            taking.rows += 1
        for column, text in faults:
            taking.total += 1
            if len(taking.sentences) < FAULTS_KEPT:
                taking.sentences.append(str(Fault(directory.base, number, column, f"{found.dn[:120]}: {text}")))
    return taking


def values_of(found: Found, taking: Taking) -> tuple[dict[str, str | date | None], list[tuple[str, str]]]:
    """The cells of a workbook's row, read by the same columns; and what is wrong with them."""
    texts = dict(found.values)
    if not texts["unit"]:
        texts["unit"] = next((ou for ou in found.ous if taking.knows(ou)), found.ous[0] if found.ous else "")
    values: dict[str, str | date | None] = {}
    faults: list[tuple[str, str]] = []
    for column in COLUMNS:
        text = readable(texts.get(column.key, "")[:1_000], several_lines=False)
        values[column.key] = None
        if text:
            try:
                values[column.key] = column.read(text)
            except ValueError as error:
                faults.append((column.names[0], str(error)))
        elif column.required:
            faults.append((column.names[0], _("danh bạ không có giá trị này")))
    return values, faults


def _brake(one: RosterImport, directory: Directory) -> None:
    """A directory that lost a branch must not make half a province leave."""
    if one.state != ImportState.READY or not one.leaves:
        return
    there = Employment.objects.in_force(one.day).count()
    if one.leaves * 100 > there * directory.brake_percent:
        fail(
            one,
            _(
                "Theo danh bạ thì %(leaves)d trong %(there)d người đã rời, quá mức an toàn %(percent)d %%. Chưa nạp gì. Xem lại danh bạ; nếu đúng, nâng mức hoặc nạp bằng bảng tính."
            )
            % {"leaves": one.leaves, "there": there, "percent": directory.brake_percent},
            rows=one.rows,
        )
        one.refresh_from_db()


def tick() -> int:
    """On the clock: when the directory is on and its time has come."""
    directory = Directory.objects.filter(is_on=True).select_related("changed_by").first()
    if directory is None:
        return 0
    due = directory.last_run_at is None or clock.now() - directory.last_run_at >= timedelta(hours=directory.every_hours)
    if not due or not Directory.objects.filter(pk=directory.pk, last_run_at=directory.last_run_at).update(
        last_run_at=clock.now()
    ):
        return 0  # another process was faster
    synchronise(directory, by=directory.changed_by)
    return 1
