"""Reads of incidents and procedures, starting from the units that a person may see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, IntegerField, Prefetch, QuerySet, When
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.incidents import procedures
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus, StepStatus
from dekhang.apps.incidents.models import (
    Attachment,
    Incident,
    IncidentClock,
    ReportDocument,
    Sop,
    StepRun,
)
from dekhang.apps.incidents.policies import IN_WORK, approval_ends
from dekhang.apps.incidents.services.clocks import SIGNS, tolerated_until
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.search import fold, found_in
from dekhang.law.shapes import Clock as LawClock

SOON = timedelta(hours=24)  # a deadline this near is shown as near
VIEWS = ("open", "closed", "exercise", "all")
TONES = {
    IncidentStatus.OPEN: "bad",
    IncidentStatus.HANDLED: "warn",
    IncidentStatus.CLOSED: "ok",
    IncidentStatus.CANCELLED: "neutral",
}


def incidents_of(user: User) -> QuerySet[Incident]:
    """Every incident and exercise of the units that `user` may see."""
    return Incident.objects.filter(unit_id__in=registry.visible_unit_ids(user))


def reports_of(user: User) -> QuerySet[ReportDocument]:
    return ReportDocument.objects.filter(incident__unit_id__in=registry.visible_unit_ids(user))


def attachments_of(user: User) -> QuerySet[Attachment]:
    return Attachment.objects.filter(incident__unit_id__in=registry.visible_unit_ids(user))


def sops_of(user: User) -> QuerySet[Sop]:
    return Sop.objects.filter(unit_id__in=registry.visible_unit_ids(user))


# --- clocks ---


@dataclass(frozen=True, slots=True)
class ClockLine:
    """A clock as people read it. States: running, soon, late, met, met_late, open (the law sets no number)."""

    row: IncidentClock
    rule: LawClock
    state: str

    @property
    def tone(self) -> str:
        return {"late": "bad", "met_late": "warn", "soon": "warn", "met": "ok"}.get(self.state, "info")

    @property
    def css(self) -> str:
        names = {"late": "clock--late", "soon": "clock--soon", "met": "clock--met", "met_late": "clock--met"}
        return names.get(self.state, "")

    @property
    def at_once(self) -> bool:
        return self.rule.limit.unit == "at_once"

    @property
    def label(self) -> str:
        if self.at_once and self.state == "soon":
            return _("Gửi ngay")
        return {
            "running": _("Đang chạy"),
            "soon": _("Sắp đến hạn"),
            "late": _("Quá hạn"),
            "met": _("Đúng hạn"),
            "met_late": _("Đã gửi, trễ hạn"),
            "open": _("Không có hạn bằng số"),
            "met_open": _("Đã gửi"),
        }[self.state]

    @property
    def says(self) -> str:
        return self.rule.says

    @property
    def basis(self) -> str:
        book = law.load()
        return "; ".join(book.cite(key) for key in self.rule.basis)

    @property
    def recipients(self) -> list[str]:
        book = law.load()
        return [book.party(key, regime=self.rule.regime) for key in self.rule.recipients]


def clock_line(row: IncidentClock, regime: str, now: datetime) -> ClockLine:
    rule = law.load().clock(row.clock_key, regime=regime)
    if row.due_at is None:
        return ClockLine(row, rule, "met_open" if row.met_at else "open")
    at_once = rule.limit.unit == "at_once"
    if row.met_at is not None:
        kept = row.met_at <= tolerated_until(row.due_at, at_once=at_once)
        return ClockLine(row, rule, "met" if kept else "met_late")
    if now > tolerated_until(row.due_at, at_once=at_once):
        return ClockLine(row, rule, "late")
    half = (row.due_at - row.anchored_at) / 2
    soon = at_once or row.due_at - now <= min(half, SOON)
    return ClockLine(row, rule, "soon" if soon else "running")


def clock_lines(incident: Incident, now: datetime | None = None) -> list[ClockLine]:
    """Clocks that apply to the incident: those still running first, nearest deadline first."""
    now = now or clock.now()
    rows = [row for row in incident.clocks.all() if row.cancelled_at is None]
    lines = [clock_line(row, incident.regime, now) for row in rows]
    far = datetime.max.replace(tzinfo=now.tzinfo)
    return sorted(lines, key=lambda line: (line.row.met_at is not None, line.row.due_at or far))


# --- the list ---


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One line of the list: the incident, its unit's name, its nearest clock, its current step's name."""

    incident: Incident
    unit: str
    clock: ClockLine | None
    step: str

    @property
    def tone(self) -> str:
        return TONES[IncidentStatus(self.incident.status)]


def search(
    user: User, *, view: str = "open", kind: str = "", text: str = "", unit_id: int | None = None
) -> QuerySet[Incident]:
    """Incidents of the list page: those in work first, then the newest.

    Args:
        view: one of VIEWS; anything else reads as "open". Exercises have a view of their own.
        text: every word must begin a word of title, kind or unit; accents do not matter.
    """
    incidents = incidents_of(user)
    if view == "exercise":
        incidents = incidents.filter(is_exercise=True)
    elif view == "closed":
        incidents = incidents.filter(is_exercise=False).exclude(status__in=IN_WORK)
    elif view != "all":
        incidents = incidents.filter(status__in=IN_WORK)
    if kind in IncidentKind.values:
        incidents = incidents.filter(kind=kind)
    if unit_id is not None:
        incidents = incidents.filter(unit_id=unit_id)
    if fold(text):
        names = registry.unit_names(registry.visible_unit_ids(user)) if user.is_provincial else {}
        incidents = incidents.filter(
            pk__in=[
                incident.pk
                for incident in incidents.only("title", "kind", "unit_id")
                if found_in(text[:200], incident.title, incident.get_kind_display(), names.get(incident.unit_id, ""))
            ]
        )
    rank = Case(
        When(status=IncidentStatus.OPEN, then=0),
        When(status=IncidentStatus.HANDLED, then=1),
        default=2,
        output_field=IntegerField(),
    )
    return incidents.annotate(rank=rank).order_by("rank", "-detected_at", "-pk")


def rows(incidents: Iterable[Incident]) -> list[IncidentRow]:
    """Lines for incidents of a page; give a queryset made by `with_rows`."""
    incidents = list(incidents)
    names = registry.unit_names({incident.unit_id for incident in incidents})
    now = clock.now()
    result = []
    for incident in incidents:
        lines = [line for line in clock_lines(incident, now) if line.row.met_at is None]
        runs = list(incident.steps.all())
        step = procedures.of_incident(incident).step(runs[0].step_id).name if runs else ""
        in_work = incident.status in IN_WORK
        result.append(
            IncidentRow(
                incident=incident,
                unit=names.get(incident.unit_id, ""),
                clock=lines[0] if lines and in_work else None,
                step=step if in_work else "",
            )
        )
    return result


def with_rows(incidents: QuerySet[Incident]) -> QuerySet[Incident]:
    current = StepRun.objects.filter(status=StepStatus.CURRENT)
    return incidents.prefetch_related("clocks", Prefetch("steps", queryset=current))


# --- one incident ---


@dataclass(frozen=True, slots=True)
class StepLine:
    run: StepRun
    step: law.Step
    stage: str
    attachments: list[Attachment]
    late: bool


def step_lines(incident: Incident) -> list[StepLine]:
    """Every row of the run in order, undone ones included, with what the procedure says of it."""
    plan = procedures.of_incident(incident)
    book = law.load()
    now = clock.now()
    runs = incident.steps.select_related("finished_by").prefetch_related("attachments").order_by("number")
    return [
        StepLine(
            run=run,
            step=plan.step(run.step_id),
            stage=book.stage(plan.step(run.step_id).stage, regime=incident.regime).title,
            attachments=list(run.attachments.all()),
            late=run.due_at is not None and (run.finished_at or now) > run.due_at,
        )
        for run in runs
    ]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. `icon` names its kind beside the words."""

    at: datetime
    who: str
    what: str
    text: str
    icon: str


def timeline(incident: Incident, lines: list[StepLine]) -> list[Entry]:
    """What happened, newest first: opening, steps, notes, files, papers, what the law was told."""
    events = law.load().events
    opened = _("Bắt đầu diễn tập") if incident.is_exercise else _("Mở sự cố")
    entries = [Entry(incident.opened_at, str(incident.opened_by), opened, incident.description, "siren")]
    for line in lines:
        run = line.run
        if run.finished_at is None:
            continue
        text = run.skip_reason or ". ".join(filter(None, [run.choice, run.note]))
        what = {
            StepStatus.DONE: _("Xong: %(step)s"),
            StepStatus.SKIPPED: _("Bỏ qua: %(step)s"),
            StepStatus.UNDONE: _("Đã làm rồi quay lại: %(step)s"),
        }[StepStatus(run.status)] % {"step": line.step.name}
        icon = {"done": "check", "skipped": "skip-forward", "undone": "undo-2"}[run.status]
        entries.append(Entry(run.finished_at, str(run.finished_by), what, text, icon))
    for note in incident.notes.select_related("added_by"):
        entries.append(Entry(note.added_at, str(note.added_by), _("Ghi chú"), note.text, "notebook-pen"))
    for file in incident.attachments.select_related("added_by"):
        entries.append(Entry(file.added_at, str(file.added_by), _("Đính kèm tệp"), file.name, "paperclip"))
    for report in incident.reports.select_related("made_by", "sent_by"):
        entries.append(
            Entry(report.made_at, str(report.made_by), _("Lập văn bản"), report.get_kind_display(), "file-text")
        )
    for event in incident.events.filter(withdrawn_at=None).select_related("recorded_by"):
        if event.event_key != "detected":
            entries.append(
                Entry(event.at, str(event.recorded_by), events[event.event_key].title, event.note, "landmark")
            )
    if incident.closed_at:
        entries.append(Entry(incident.closed_at, str(incident.closed_by), _("Đóng sự cố"), "", "circle-check"))
    if incident.cancelled_at:
        entries.append(Entry(incident.cancelled_at, "", _("Hủy sự cố"), incident.cancel_reason, "circle-x"))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that a person may report outside the ordinary course, with the clock it starts."""

    key: str
    title: str
    rule: LawClock
    reported_at: datetime | None


def signs(incident: Incident) -> list[Sign]:
    """Signs that start a clock under the incident's regime."""
    book = law.load()
    standing = dict(incident.events.filter(withdrawn_at=None).values_list("event_key", "at"))
    return [
        Sign(rule.anchor, book.events[rule.anchor].title, rule, standing.get(rule.anchor))
        for rule in book.clocks(incident.regime)
        if rule.anchor in SIGNS
    ]


# --- procedures of a unit ---


@dataclass(frozen=True, slots=True)
class Reader:
    user: User
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class SopLine:
    """One kind of incident for one unit: its standard procedure, what the unit adopted, and what is still missing."""

    kind: str
    title: str
    playbook: law.Playbook | None  # the standard procedure of today; None when the folder has none
    sop: Sop | None
    readers: list[Reader]
    exercised: Evidence | None
    approval_ends: datetime | None
    newer: bool  # the standard procedure changed since the unit adopted it

    @property
    def exercise_holds(self) -> bool:
        until = self.exercised.valid_until if self.exercised else None
        return self.exercised is not None and (until is None or until > clock.now())

    @property
    def first_step_seconds(self) -> int | None:
        return self.exercised.payload.get("first_step_seconds") if self.exercised else None

    @property
    def approved(self) -> bool:
        return self.approval_ends is not None and self.approval_ends > clock.now()

    @property
    def tone(self) -> str:
        return "neutral" if self.sop is None else "ok" if self.next_step == "" else "warn"

    @property
    def label(self) -> str:
        if self.sop is None:
            return _("Chưa áp dụng")
        if not self.approved:
            return _("Chờ phê duyệt") if self.approval_ends is None else _("Hết hạn phê duyệt")
        return _("Đủ điều kiện") if self.next_step == "" else _("Đã phê duyệt")

    @property
    def next_step(self) -> str:
        """The next thing to do, or "" when nothing is missing."""
        if self.sop is None:
            return _("Xem và áp dụng quy trình mẫu.")
        if not self.approved:
            return _("Thủ trưởng xem và phê duyệt.")
        if unread := [str(reader.user) for reader in self.readers if reader.read_at is None]:
            return _("Chờ xác nhận đã đọc: %(people)s.") % {"people": ", ".join(unread)}
        if not self.exercise_holds:
            return _("Diễn tập một lần để đo thời gian tới bước đầu tiên.")
        return ""


def sop_lines(unit_id: int) -> list[SopLine]:
    """The five kinds of a unit the person may see (the caller has checked), in the order of the kinds."""
    standard = procedures.standard()
    sops = {
        sop.kind: sop
        for sop in procedures.sops_in_use(unit_id)
        .select_related("adopted_by", "approved_by")
        .prefetch_related("readings__user")
    }
    people = list(dict.fromkeys([*registry.heads(unit_id), *registry.officers(unit_id)]))
    exercised: dict[str, Evidence] = {}
    for row in Evidence.objects.filter(
        unit_id=unit_id, kind=EvidenceKind.SOP_EXERCISED, outcome=Outcome.OK, observed_at__lte=clock.now()
    ).order_by("observed_at"):
        exercised[row.subject] = row
    return [
        _sop_line(kind, label, standard.get(kind), sops.get(kind), people, exercised.get(f"sop:{kind}"))
        for kind, label in IncidentKind.choices
    ]


def _sop_line(
    kind: str,
    label: str,
    playbook: law.Playbook | None,
    sop: Sop | None,
    people: list[User],
    exercised: Evidence | None,
) -> SopLine:
    read = {reading.user_id: reading.read_at for reading in sop.readings.all()} if sop else {}
    return SopLine(
        kind=kind,
        title=str(label),
        playbook=playbook,
        sop=sop,
        readers=[Reader(user, read.get(user.pk)) for user in people],
        exercised=exercised,
        approval_ends=approval_ends(sop) if sop and sop.approved_at else None,
        newer=bool(sop and playbook and procedures.version_of(playbook) != sop.playbook_version),
    )


@dataclass(frozen=True, slots=True)
class UnitSops:
    unit_id: int
    name: str
    adopted: int
    approved: int


def units_with_sops(user: User, text: str = "") -> list[UnitSops]:
    """For those who see many units: how many procedures each adopted and has approved. Two queries and the names."""
    seen = registry.counted_units().filter(unit_id__in=registry.visible_unit_ids(user))
    versions = [v for v in seen if found_in(text[:200], v.name)]
    counted = {
        row["unit_id"]: row
        for row in sops_of(user)
        .filter(replaced_at=None)
        .values("unit_id")
        .annotate(adopted=Count("pk"), approved=Count("approved_at"))
    }
    return [
        UnitSops(
            v.unit_id,
            v.name,
            counted.get(v.unit_id, {}).get("adopted", 0),
            counted.get(v.unit_id, {}).get("approved", 0),
        )
        for v in versions
    ]
