"""What stands in the way of issuing a plan: sentences that say which task, what, and what to write there."""

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import DeadlineKind, PartyRole
from dekhang.apps.cascade.models import PlanVersion, TaskVersion
from dekhang.apps.registry.selectors import unit_names, versions_in_force
from dekhang.law import UnknownKey, load


def faults_of(version: PlanVersion) -> list[str]:
    """Every fault of a draft, in the order of its tasks; [] when it may be issued."""
    tasks = list(version.tasks.prefetch_related("parties"))
    found = list(_of_the_plan(version, tasks))
    for number, task in enumerate(tasks, 1):
        where = _("Việc %(n)d “%(title)s”") % {"n": number, "title": task.title}
        found += [
            f"{where}: {fault}"
            for fault in (*_of_dates(version, task), *_of_parties(version, task), *_of_proof(version, task))
        ]
    return found


def _of_the_plan(version: PlanVersion, tasks: Iterable[TaskVersion]) -> Iterator[str]:
    tasks = list(tasks)
    if not tasks:
        yield _("Kế hoạch chưa có việc nào. Thêm ít nhất một việc.")
    if not version.basis and not version.decision:
        yield _("Kế hoạch chưa có căn cứ. Chọn văn bản, hoặc ghi số quyết định phê duyệt.")
    if version.number > 1 and not version.changes:
        yield _("Chưa ghi bản này đổi điều gì so với bản trước. Ghi một hai câu để các đơn vị biết.")
    seen: set[str] = set()
    for task in tasks:
        title = task.title.casefold()
        if title in seen:
            yield _("Có hai việc cùng tên “%(title)s”. Đổi tên hoặc xóa một việc.") % {"title": task.title}
        seen.add(title)


def _of_dates(version: PlanVersion, task: TaskVersion) -> Iterator[str]:
    day = f"{version.day:%d/%m/%Y}"
    if task.due_on is not None and task.due_on < version.day:
        yield _("hạn %(due)s sớm hơn ngày của kế hoạch (%(day)s). Chọn hạn muộn hơn.") % {
            "due": f"{task.due_on:%d/%m/%Y}",
            "day": day,
        }
    if task.deadline != DeadlineKind.RECURRING or task.starts_on is None:
        return
    if task.starts_on < version.day:
        yield _("kỳ đầu tiên bắt đầu %(start)s, trước ngày của kế hoạch (%(day)s). Chọn ngày muộn hơn.") % {
            "start": f"{task.starts_on:%d/%m/%Y}",
            "day": day,
        }
    if task.ends_on is not None and task.ends_on < task.starts_on:
        yield _("ngày kết thúc đứng trước ngày bắt đầu. Sửa một trong hai.")


def _of_parties(version: PlanVersion, task: TaskVersion) -> Iterator[str]:
    parties = list(task.parties.all())
    leads = [party for party in parties if party.role == PartyRole.LEAD]
    if not leads:
        yield _("chưa có cơ quan chủ trì. Chọn đơn vị hoặc khối đơn vị chủ trì.")
    both = {party.unit_id for party in leads if party.unit_id} & {
        party.unit_id for party in parties if party.role == PartyRole.COORDINATE
    }
    for name in unit_names(both).values():
        yield _("%(unit)s vừa chủ trì vừa phối hợp. Bỏ một vai.") % {"unit": name}
    named = {party.unit_id for party in parties if party.unit_id}
    gone = named - set(versions_in_force().filter(unit_id__in=named).values_list("unit_id", flat=True))
    for name in unit_names(gone).values():
        yield _("%(unit)s không còn hoạt động. Chọn đơn vị kế tiếp.") % {"unit": name}


def _of_proof(version: PlanVersion, task: TaskVersion) -> Iterator[str]:
    if task.duty_key:
        try:
            load().duty(task.duty_key)
        except UnknownKey:
            yield _("nghĩa vụ “%(key)s” không có trong dữ liệu pháp luật. Chọn nghĩa vụ khác.") % {"key": task.duty_key}
    if not task.basis and not task.basis_note:
        yield _("chưa có căn cứ. Chọn văn bản, điều khoản, hoặc ghi căn cứ bằng lời.")
    for key in task.basis:
        instrument_day = version.day
        try:
            load().cite(key)
            if not load().instrument(key).in_force(instrument_day):
                yield _("căn cứ %(name)s chưa có hoặc hết hiệu lực vào ngày của kế hoạch. Chọn căn cứ khác.") % {
                    "name": load().cite(key)
                }
        except UnknownKey:
            yield _("căn cứ “%(key)s” không có trong dữ liệu pháp luật. Chọn lại.") % {"key": key}
