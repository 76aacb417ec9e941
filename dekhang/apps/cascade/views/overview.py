"""How a plan stands on any day: a matrix of tasks and blocks of units, the rows behind each number, and their export."""

from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from dekhang.apps.cascade import exports, selectors
from dekhang.apps.cascade.enums import AuditAction, PartyRole, Step, TaskState
from dekhang.apps.cascade.facts import standing
from dekhang.apps.cascade.models import PlanVersion
from dekhang.apps.cascade.selectors import Overview, Row
from dekhang.apps.cascade.waiting import rungs_of
from dekhang.apps.cascade.wordings import in_force
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.models import User
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS, own_unit_id, unit_names

ROWS_A_PAGE = 50
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Asked:
    """What the address asks for. Unknown values fall back to "all"."""

    def __init__(self, request: HttpRequest) -> None:
        get = request.GET.get
        self.day, self.fault = asked_day(get("ngay"))
        midnight = timezone.make_aware(datetime.combine(self.day + timedelta(days=1), time.min))
        self.at = min(midnight - timedelta(microseconds=1), clock.now())
        self.plan_id = _number(get("ke-hoach"))
        self.task_id = _number(get("viec"))
        self.kind = get("khoi", "") if get("khoi") in COUNTED_KINDS else ""
        self.state = get("trang-thai", "") if get("trang-thai") in TaskState.values else ""
        self.overdue = get("qua-han") == "1"
        self.escalated = get("len-tinh") == "1" and self.day == clock.today()  # the ladder is of today only
        self.role = get("vai", PartyRole.LEAD) if get("vai", "") in ("", *PartyRole.values) else ""
        self.text = get("q", "").strip()[:100]

    @property
    def version(self) -> PlanVersion | None:
        return selectors.version_at(self.at, self.plan_id)

    def rows(self, rows: list[Row]) -> list[Row]:
        kept = selectors.pick(
            rows,
            task_id=self.task_id,
            kind=self.kind,
            state=self.state,
            overdue=self.overdue,
            role=self.role,
            text=self.text,
        )
        if not self.escalated:
            return kept
        rungs = rungs_of(kept)
        return [row for row in kept if rungs.get(row.assignment.pk, 0) >= Step.PROVINCE]

    def query(self, **changes: object) -> str:
        """The address of the same question with some answers changed."""
        asked = {
            "ke-hoach": self.plan_id or "",
            "ngay": "" if self.day == clock.today() else self.day.isoformat(),
            "viec": self.task_id or "",
            "khoi": self.kind,
            "trang-thai": self.state,
            "qua-han": "1" if self.overdue else "",
            "len-tinh": "1" if self.escalated else "",
            "vai": "" if self.role == PartyRole.LEAD else self.role,
            "q": self.text,
        } | changes
        return "?" + urlencode({key: value for key, value in asked.items() if value})


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else None


def home(request: HttpRequest) -> HttpResponse:
    """Unit people to their work, the province to the plan."""
    return redirect("cascade:work" if own_unit_id(request.user) else "cascade:overview")


def overview(request: HttpRequest) -> HttpResponse:
    asked = Asked(request)
    version = asked.version
    context = {
        "asked": asked,
        "version": version,
        "today": clock.today(),
        "plans": PlanVersion.objects.filter(in_force(asked.at)).order_by("-issued_at"),
        "blocks": [(kind, UnitKind(kind).label) for kind in COUNTED_KINDS],
        "provincial": request.user.is_provincial,
    }
    if version is not None:
        asked.plan_id = version.plan_id if asked.plan_id else None
        shown = selectors.overview(version, selectors.assignments_of(request.user), asked.at)
        context |= {
            "total": _links(asked, shown.total, request),
            "lines": [_line(asked, shown, task, request) for task in shown.tasks],
            "anything": bool(shown.rows),
            "escalated": _escalated(asked, shown),
            "escalated_link": reverse("cascade:rows") + asked.query(vai="", **{"len-tinh": "1"}),
        }
    return render(request, "cascade/overview.html", context)


def _escalated(asked: Asked, shown: Overview) -> int | None:
    """How many tasks have come up to the province; None on a past day, of which nobody asks."""
    if asked.day != clock.today():
        return None
    return sum(step >= Step.PROVINCE for step in rungs_of(shown.rows).values())


def _line(asked: Asked, shown: Overview, task, request: HttpRequest) -> dict[str, object]:
    cells = [
        (UnitKind(kind).label, _links(asked, cell, request, viec=task.task_id, khoi=str(kind)) if cell else None)
        for kind in COUNTED_KINDS
        for cell in [shown.cells.get((task.task_id, kind))]
    ]
    return {"task": task, "cells": cells}


def _links(asked: Asked, cell: selectors.Cell, request: HttpRequest, **where: object) -> dict[str, object]:
    """The numbers of a cell, each with the address of its rows."""
    page = reverse("cascade:rows")
    counts = [
        (state, cell.counts.get(state, 0), page + asked.query(**where, **{"trang-thai": str(state)}))
        for state in (TaskState.PROVEN, TaskState.REPORTED, TaskState.NOT_REPORTED, TaskState.CONTESTED)
    ]
    return {
        "counts": counts,
        "units": cell.units,
        "overdue": cell.overdue,
        "overdue_link": page + asked.query(**where, **{"qua-han": "1"}),
        "all_link": page + asked.query(**where),
    }


def _asked_rows(asked: Asked, version: PlanVersion, user: User) -> list[Row]:
    """What the filters leave. Task and role are picked by the database: states of others need not be computed."""
    found = selectors.assignments_of(user).filter(task__plan_id=version.plan_id)
    if asked.task_id is not None:
        found = found.filter(task_id=asked.task_id)
    if asked.role:
        found = found.filter(role=asked.role)
    return asked.rows(selectors.rows_of(found, asked.at))


def rows(request: HttpRequest) -> HttpResponse:
    asked = Asked(request)
    version = asked.version
    if version is None:
        return redirect("cascade:overview")
    kept = _asked_rows(asked, version, request.user)
    every = standing(selectors.assignments_of(request.user).filter(task__plan_id=version.plan_id), asked.at)
    page = Paginator(kept, ROWS_A_PAGE).get_page(request.GET.get("page"))
    senders = unit_names({row.parent_unit_id for row in page if row.parent_unit_id}, asked.day)
    receipts = selectors.receipts_of([row.assignment.pk for row in page], asked.at)
    context = {
        "asked": asked,
        "version": version,
        "rows": [(row, senders.get(row.parent_unit_id or 0, ""), receipts.get(row.assignment.pk, "")) for row in page],
        "page": page,
        "seen": every.count(),
        "today": clock.today(),
        "tasks": version.tasks.all(),
        "blocks": [(kind, UnitKind(kind).label) for kind in COUNTED_KINDS],
        "states": TaskState.choices,
        "csv": reverse("cascade:export", args=["csv"]) + asked.query(),
        "xlsx": reverse("cascade:export", args=["xlsx"]) + asked.query(),
    }
    return render(request, "cascade/_rows.html" if request.htmx else "cascade/rows.html", context)


def export(request: HttpRequest, form: str) -> HttpResponse:
    """The rows that the page shows this person, as a file; who took them is in the audit log."""
    asked = Asked(request)
    version = asked.version
    if form not in CONTENT_TYPES or version is None:
        raise Http404
    kept = _asked_rows(asked, version, request.user)
    body = (exports.as_csv if form == "csv" else exports.as_xlsx)(version, kept, asked.at)
    record_event(
        action=AuditAction.CASCADE_EXPORTED,
        by=request.user,
        target=version,
        detail={"day": asked.day.isoformat(), "rows": len(kept), "form": form},
    )
    response = HttpResponse(body, content_type=CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="ke-hoach-{asked.day.isoformat()}.{form}"'
    return response
