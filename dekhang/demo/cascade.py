"""The demo's plan: ours for Directive 14, issued and sent to everybody on the morning of the conference; a few have begun."""

from datetime import timedelta

from dekhang.apps.cascade import services
from dekhang.apps.cascade.enums import DeadlineKind, Verdict
from dekhang.apps.cascade.models import Assignment, TaskVersion
from dekhang.apps.cascade.templates_of_plans import template
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.models import UnitVersion

BEGUN = ("Sở Y tế", "Sở Giáo dục và Đào tạo", "Thành phố Tây Ninh", "Huyện Trảng Bàng")
SENDS_DOWN = "Huyện Trảng Bàng"


def load_plan(by_name: dict[str, UnitVersion]) -> None:
    """Everything through the services that people use; in the caller's transaction."""
    coordinator = registry.coordinators().order_by("pk")[0]
    version = services.issue(version=services.draft_from_template(template=template(), by=coordinator), by=coordinator)
    tasks = list(version.tasks.all())
    to_all = services.Recipients()
    _without_the_first(tasks, by_name, coordinator)
    services.send(tasks=tasks, to=to_all, by=coordinator, note="Báo cáo trên hệ thống, không gửi bản giấy.")
    for name in BEGUN:
        _begin(by_name[name], tasks, coordinator, proves=name != "Sở Giáo dục và Đào tạo")


def _without_the_first(tasks: list[TaskVersion], by_name: dict[str, UnitVersion], coordinator: User) -> None:
    """One district gets the first task by itself, so that it can send it down to its own communes."""
    district = services.Recipients(unit_ids=frozenset({by_name[SENDS_DOWN].unit_id}))
    (top,) = services.send(tasks=tasks[:1], to=district, by=coordinator)
    officer = registry.officers(top.unit_id).get()
    services.accept(assignment=top, by=officer)
    below = services.Recipients(kinds=frozenset({"commune"}))
    services.send(tasks=[], parent=top, to=below, note="Gửi biên bản về phòng Văn hóa và Thông tin.", by=officer)


def _begin(version: UnitVersion, tasks: list[TaskVersion], coordinator: User, *, proves: bool) -> None:
    """The unit accepts two tasks, reports both, asks something and wants more time for a third."""
    officer = registry.officers(version.unit_id).get()
    mine = {one.task_id: one for one in Assignment.objects.filter(unit_id=version.unit_id, ended_at=None)}
    backup = next(task for task in tasks if task.deadline == DeadlineKind.RECURRING)
    later = next(task for task in tasks if task.duty_key == "level")
    for task in (tasks[0], backup, later):
        if not mine[task.task_id].receipts.filter(kind="accepted").exists():
            services.accept(assignment=mine[task.task_id], by=officer)
    first, second = mine[tasks[0].task_id], mine[backup.task_id]
    report = services.report(assignment=first, text="Đã quán triệt tại họp giao ban, 42 người dự.", by=officer)
    if proves:
        services.judge(report=report, verdict=Verdict.ACCEPTED, by=coordinator)
        services.report(
            assignment=second,
            text="Đã sao lưu, khôi phục thử 1 tệp trong 6 phút.",
            occurrence=second.occurrences.get(),
            by=officer,
        )
        return
    services.judge(report=report, verdict=Verdict.RETURNED, note="Thiếu danh sách người dự.", by=coordinator)
    services.ask(assignment=mine[later.task_id], text="Trang thông tin thuê ngoài có phải kê khai không?", by=officer)
    due = mine[later.task_id].dues.get().day
    assert due is not None
    services.ask_extension(
        assignment=mine[later.task_id], until=due + timedelta(days=60), reason="Hồ sơ chờ thẩm định.", by=officer
    )
