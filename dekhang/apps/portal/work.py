"""What somebody of a unit must do now, the most urgent first: one list out of alerts, incidents, sources and procedures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.alerts.enums import AlertLevel, AlertStatus
from dekhang.apps.alerts.models import Alert
from dekhang.apps.alerts.selectors import alerts_of, worst_first
from dekhang.apps.briefings.enums import BriefingStatus
from dekhang.apps.briefings.models import Invitation
from dekhang.apps.cascade.enums import TaskState
from dekhang.apps.cascade.periods import end_of
from dekhang.apps.cascade.selectors import work_of_unit as assigned
from dekhang.apps.contacts.enums import Liveness
from dekhang.apps.contacts.selectors import lines
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.incidents.enums import IncidentStatus
from dekhang.apps.incidents.models import Incident, Sop, SopReading
from dekhang.apps.inspections.enums import VisitStatus
from dekhang.apps.inspections.models import Visit
from dekhang.apps.inspections.selectors import to_put_right
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Contact, PostHolding, UnitVersion
from dekhang.apps.registry.selectors import contacts, holds, unit_names
from dekhang.apps.reports.enums import ReportState
from dekhang.apps.reports.selectors import of_unit_waiting
from dekhang.apps.scoreboard.todo.selectors import Todo, WorkList, work_list
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import CanaryCall, LogSource
from dekhang.law import load

RUNNING = (IncidentStatus.OPEN, IncidentStatus.HANDLED)
SHOWN = 5  # of a kind; the rest is one line with their number
LEVEL_TONES = {AlertLevel.CRITICAL: "bad", AlertLevel.HIGH: "bad", AlertLevel.MEDIUM: "warn"}


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: a word on how it stands, what, where to go. `due_at`: its deadline, if it has one."""

    tone: str
    word: str
    icon: str
    title: str
    url: str
    action: str
    detail: str = ""
    since: datetime | None = None
    due_at: datetime | None = None
    todo: Todo | None = None  # what it also brings on the way to a proof


@dataclass(frozen=True, slots=True)
class Work:
    """A unit's day: what waits for an answer, what brings it nearer to its proofs, what lies with others, how it stands."""

    tasks: tuple[Task, ...]
    list: WorkList

    @property
    def todos(self) -> tuple[Todo, ...]:
        """Those that are not among the tasks already."""
        told = {task.todo for task in self.tasks}
        return tuple(todo for todo in self.list.todos if todo not in told)


def work_of_unit(user: User, version: UnitVersion) -> Work:
    """For somebody who may see the unit. What leads to the same page is one thing: the task, with what it brings."""
    found = work_list(user, version)
    by_path: dict[str, Todo] = {}
    for todo in found.todos:
        by_path.setdefault(_path(todo.url), todo)
    tasks = (replace(task, todo=by_path.get(_path(task.url))) for task in tasks_of_unit(user, version.unit_id))
    return Work(tuple(tasks), found)


def _path(url: str) -> str:
    return url.partition("?")[0].partition("#")[0]


def tasks_of_unit(user: User, unit_id: int) -> list[Task]:
    """Everything that waits for `user` at the unit. About fifteen queries, whatever the number of things."""
    return [
        *_alerts(user, unit_id),
        *_incidents(unit_id),
        *_sources(unit_id),
        *_canaries(unit_id),
        *_procedures(user, unit_id),
        *_assignments(user, unit_id),
        *_papers(user, unit_id),
        *_inspections(unit_id),
        *_briefings(unit_id),
        *_duty_contact(unit_id),
    ]


def _alerts(user: User, unit_id: int) -> Iterator[Task]:
    waiting = worst_first(alerts_of(user).filter(unit_id=unit_id, status=AlertStatus.NEW))
    for alert in waiting.filter(is_canary=True)[:SHOWN]:
        yield Task(
            "info",
            _("Phép thử"),
            "flask-conical",
            _("Tiếp nhận cảnh báo của phép thử: %(title)s") % {"title": alert.title},
            reverse("alerts:detail", args=[alert.pk]),
            _("Tiếp nhận"),
            detail=_("Phép thử chỉ đạt khi có người tiếp nhận kịp."),
            since=alert.created_at,
        )
    attacks = waiting.filter(is_canary=False)
    yield from (_of_alert(alert) for alert in attacks[:SHOWN])
    if (more := attacks.count() - SHOWN) > 0:
        yield Task(
            "warn",
            _("Cảnh báo"),
            "bell",
            _("Còn %(n)d cảnh báo khác chờ tiếp nhận") % {"n": more},
            reverse("alerts:list"),
            _("Xem tất cả"),
        )


def _of_alert(alert: Alert) -> Task:
    return Task(
        LEVEL_TONES.get(AlertLevel(alert.level), "info"),
        alert.get_level_display(),
        "bell",
        alert.title,
        reverse("alerts:detail", args=[alert.pk]),
        _("Tiếp nhận"),
        detail=alert.entity,
        since=alert.created_at,
    )


def running_incidents(unit_id: int | None = None) -> list[Incident]:
    """Incidents that are not over, each with `next_due`, the nearest deadline that still runs; the nearest first.

    No isolation here: callers name the unit, or are provincial.
    """
    incidents = Incident.objects.filter(status__in=RUNNING)
    if unit_id is not None:
        incidents = incidents.filter(unit_id=unit_id)
    unmet = Q(clocks__met_at__isnull=True, clocks__cancelled_at__isnull=True)
    found = incidents.annotate(next_due=Min("clocks__due_at", filter=unmet)).order_by("detected_at")
    never = clock.now() + timedelta(days=36_500)
    return sorted(found[:200], key=lambda incident: incident.next_due or never)


def _incidents(unit_id: int) -> Iterator[Task]:
    now = clock.now()
    for incident in running_incidents(unit_id)[: SHOWN * 2]:
        late = incident.next_due is not None and incident.next_due < now
        soon = incident.next_due is not None and incident.next_due < now + timedelta(hours=24)
        yield Task(
            "bad" if late else "warn" if soon else "info",
            _("Quá hạn") if late else _("Sắp hết hạn") if soon else incident.get_status_display(),
            "siren",
            incident.title,
            reverse("incidents:detail", args=[incident.pk]),
            _("Làm tiếp"),
            detail=_("Diễn tập") if incident.is_exercise else "",
            since=incident.detected_at,
            due_at=incident.next_due,
        )


def _sources(unit_id: int) -> Iterator[Task]:
    own = LogSource.objects.filter(unit_id=unit_id)
    if not own.exclude(state=SourceState.RETIRED).exists():
        yield Task(
            "info",
            _("Bắt đầu"),
            "radio-tower",
            _("Kết nối nguồn log đầu tiên"),
            reverse("sources:choose"),
            _("Kết nối"),
            detail=_("Chưa có log thì chưa ai biết đơn vị có bị tấn công hay không."),
        )
    for source in own.filter(state__in=(SourceState.SILENT, SourceState.WAITING)).order_by("state", "name")[
        : SHOWN * 2
    ]:
        silent = source.state == SourceState.SILENT
        yield Task(
            "warn" if silent else "info",
            source.get_state_display(),
            "radio-tower",
            _("Nguồn log “%(name)s”") % {"name": source.name},
            reverse("sources:detail", args=[source.pk]),
            _("Kiểm tra") if silent else _("Xem cấu hình"),
            detail=source.state_reason,
            since=source.state_since,
        )


def _canaries(unit_id: int) -> Iterator[Task]:
    calls = CanaryCall.objects.filter(unit_id=unit_id, canary=None, missed_at=None).select_related("source")
    for call in calls.order_by("expires_at")[:SHOWN]:
        yield Task(
            "info",
            _("Phép thử"),
            "flask-conical",
            _("Thử khả năng ghi nhận với nguồn “%(name)s”") % {"name": call.source.name},
            reverse("sources:canaries"),
            _("Xem lệnh"),
            detail=_("Chạy một lệnh trên máy ấy rồi tiếp nhận cảnh báo; mất vài phút."),
            since=call.asked_at,
            due_at=call.expires_at,
        )


def _procedures(user: User, unit_id: int) -> Iterator[Task]:
    mine = SopReading.objects.filter(sop=OuterRef("pk"), user=user)
    in_use = Sop.objects.filter(unit_id=unit_id, replaced_at=None).annotate(read=Exists(mine)).order_by("kind")
    head = holds(user, unit_id, PostKind.HEAD)
    for sop in in_use:
        if sop.approved_at is None and head:
            title, action = _("Phê duyệt quy trình: %(kind)s"), _("Xem và phê duyệt")
        elif sop.approved_at is not None and not sop.read:
            title, action = _("Đọc quy trình: %(kind)s"), _("Đọc và xác nhận")
        else:
            continue
        yield Task(
            "info",
            _("Quy trình"),
            "list-checks",
            title % {"kind": sop.get_kind_display()},
            reverse("incidents:sop", args=[sop.kind]),
            action,
            since=sop.approved_at or sop.adopted_at,
        )


def _assignments(user: User, unit_id: int) -> Iterator[Task]:
    """What the plan gives the unit and what it has not answered for; late ones first."""
    rows = [
        row
        for row in assigned(user, unit_id)
        if row.leads and row.state in (TaskState.NOT_REPORTED, TaskState.CONTESTED)
    ]
    for row in rows[: SHOWN * 2]:
        due_at = last_moment(row.due_on) if row.due_on else None
        yield Task(
            "bad" if row.overdue else "warn" if row.state == TaskState.CONTESTED else "info",
            _("Quá hạn") if row.overdue else str(row.state.label),
            "clipboard-list",
            row.task.title,
            reverse("cascade:assignment", args=[row.assignment.pk]),
            _("Giải trình") if row.state == TaskState.CONTESTED else _("Báo cáo"),
            detail=_("Việc của kế hoạch"),
            since=row.assignment.sent_at,
            due_at=due_at,
        )
    if len(rows) > SHOWN * 2:
        yield Task(
            "info",
            _("Kế hoạch"),
            "clipboard-list",
            _("Còn %(n)d việc khác được giao") % {"n": len(rows) - SHOWN * 2},
            reverse("cascade:of_unit", args=[unit_id]),
            _("Xem tất cả"),
        )


def _papers(user: User, unit_id: int) -> Iterator[Task]:
    """Periodic reports: to be confirmed by the head, then sent; those that came back."""
    head = holds(user, unit_id, PostKind.HEAD)
    for report, due in of_unit_waiting(unit_id)[: SHOWN * 2]:
        if report.state == ReportState.MADE and not head:
            continue
        word, action = {
            ReportState.MADE: (_("Xác nhận"), _("Xem và xác nhận")),
            ReportState.CONFIRMED: (_("Chờ gửi"), _("Gửi đi")),
            ReportState.RETURNED: (_("Bị trả lại"), _("Xem lý do")),
        }[ReportState(report.state)]
        late = due is not None and due < clock.now()
        yield Task(
            "bad" if late or report.state == ReportState.RETURNED else "info",
            word,
            "file-text",
            _("%(kind)s, số liệu ngày %(day)s") % {"kind": report.get_kind_display(), "day": f"{report.day:%d/%m/%Y}"},
            reverse("reports:detail", args=[report.pk]),
            action,
            detail=report.return_reason,
            since=report.made_at,
            due_at=due,
        )


def last_moment(day: date) -> datetime:
    """A deadline as people read it: 23:59 of its day, not 00:00 of the next."""
    return end_of(day) - timedelta(seconds=1)


def _inspections(unit_id: int) -> Iterator[Task]:
    """Visits that are announced, and what they found that is still to be put right."""
    today = clock.today()
    for finding in to_put_right(unit_id)[:SHOWN]:
        late = finding.due_on < today
        yield Task(
            "bad" if late else "warn",
            _("Quá hạn") if late else _("Khắc phục"),
            "clipboard-check",
            finding.text[:120],
            reverse("inspections:finding", args=[finding.pk]),
            _("Báo cáo khắc phục"),
            detail=_("Phát hiện khi kiểm tra."),
            due_at=last_moment(finding.due_on),
        )
    coming = Visit.objects.filter(unit_id=unit_id, status=VisitStatus.PLANNED, announced=True)
    for visit in coming.order_by("day")[:SHOWN]:
        yield Task(
            "info",
            _("Kiểm tra"),
            "clipboard-check",
            _("Đoàn kiểm tra đến ngày %(day)s") % {"day": f"{visit.day:%d/%m/%Y}"},
            reverse("inspections:visit", args=[visit.pk]),
            _("Xem danh mục"),
            detail=visit.checklist_title,
        )


def _briefings(unit_id: int) -> Iterator[Task]:
    """Meetings to which the unit is invited, until they are over."""
    rows = Invitation.objects.filter(
        unit_id=unit_id, briefing__status=BriefingStatus.ANNOUNCED, briefing__ends_at__gt=clock.now()
    )
    for row in rows.select_related("briefing").order_by("briefing__starts_at")[:SHOWN]:
        yield Task(
            "info",
            _("Giấy mời"),
            "presentation",
            row.briefing.title,
            reverse("briefings:detail", args=[row.briefing_id]),
            _("Xem, đọc tài liệu"),
            due_at=row.briefing.starts_at,
        )


def _duty_contact(unit_id: int) -> Iterator[Task]:
    if not contacts(unit_id).exists():
        yield Task(
            "warn",
            _("Liên hệ"),
            "phone-call",
            _("Thêm đầu mối liên hệ của đơn vị"),
            reverse("registry:unit", args=[unit_id]),
            _("Thêm đầu mối"),
            detail=_("Không có đầu mối thì cảnh báo không tới được ai."),
        )
    for line in lines([unit_id]):
        if line.state == Liveness.DEAD:
            yield Task(
                "warn",
                _("Liên hệ"),
                "phone-off",
                _("Đầu mối %(address)s không liên lạc được") % {"address": line.target.address},
                reverse("contacts:list"),
                _("Xem và thay"),
                detail=f"{line.why} {line.step}".strip(),
            )


@dataclass(frozen=True, slots=True)
class DutyContact:
    """A contact of the unit, and whether it answered recently enough to count."""

    contact: Contact
    live_until: datetime | None
    live: bool


def duty_contacts(unit_id: int) -> list[DutyContact]:
    valid = timedelta(days=load().proof("contact_valid_days").whole)
    now = clock.now()
    rows = []
    for contact in contacts(unit_id).order_by("pk"):
        until = contact.last_answered_at + valid if contact.last_answered_at else None
        rows.append(DutyContact(contact, until, until is not None and now < until))
    return rows


def empty_posts(unit_ids: set[int]) -> list[tuple[PostKind, int]]:
    """How many of the units have nobody in a post that must be filled."""
    held = PostHolding.objects.in_force(clock.today()).filter(user__is_active=True, unit_id__in=unit_ids)
    filled: dict[str, set[int]] = {}
    for kind, unit_id in held.values_list("kind", "unit_id"):
        filled.setdefault(kind, set()).add(unit_id)
    return [(kind, len(unit_ids - filled.get(kind, set()))) for kind in (PostKind.HEAD, PostKind.OFFICER)]


def units_to_choose(user: User, unit_ids: list[int]) -> list[tuple[int, str, int]]:
    """(id, name, new alerts) of the units that somebody works for, in the order of their posts: two queries."""
    names = unit_names(unit_ids)
    new = alerts_of(user).filter(unit_id__in=unit_ids, status=AlertStatus.NEW).order_by().values_list("unit_id")
    waiting = dict(new.annotate(number=Count("pk")))
    return [(unit_id, names.get(unit_id, ""), waiting.get(unit_id, 0)) for unit_id in unit_ids]
