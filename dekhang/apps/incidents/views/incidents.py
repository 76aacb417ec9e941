"""The list of incidents, opening one, and the page of one incident."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from dekhang import law
from dekhang.apps.alerts import selectors as alert_selectors
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.models import User
from dekhang.apps.incidents import facts, policies, procedures, selectors, services
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus, ReportKind, StepStatus
from dekhang.apps.incidents.forms import (
    AttachForm,
    CancelForm,
    CapacityForm,
    FinishForm,
    NoteForm,
    OpenForm,
    SentForm,
    SkipForm,
)
from dekhang.apps.incidents.models import Incident
from dekhang.apps.incidents.services.steps import check_skippable, report_of_event
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import PostHolding, System, UnitVersion

PER_PAGE = 25
SECOND_CLICK = timedelta(minutes=1)
WRONG_INPUT = 422  # the page again, with the sentence and what was typed


def incident_list(request: HttpRequest) -> HttpResponse:
    view = request.GET.get("xem", "open")
    view = view if view in selectors.VIEWS else "open"
    kind, text = request.GET.get("loai", ""), request.GET.get("q", "")
    asked = request.GET.get("don-vi", "")
    unit_id = int(asked) if asked.isdigit() and int(asked) in registry.visible_unit_ids(request.user) else None
    found = selectors.search(request.user, view=view, kind=kind, text=text, unit_id=unit_id)
    page = Paginator(selectors.with_rows(found), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": selectors.rows(page.object_list),
        "view": view,
        "views": [
            ("open", _("Đang xử lý")),
            ("closed", _("Đã kết thúc")),
            ("exercise", _("Diễn tập")),
            ("all", _("Tất cả")),
        ],
        "kind": kind,
        "kinds": IncidentKind.choices,
        "q": text,
        "unit_id": unit_id,
        "unit": registry.unit_name(unit_id) if unit_id else "",
        "may_open": bool(units_of(request.user)),
        "several_units": request.user.is_provincial,
    }
    return render(request, "incidents/_rows.html" if request.htmx else "incidents/list.html", context)


def units_of(user: User) -> list[UnitVersion]:
    """Units for which `user` may open an incident."""
    held = PostHolding.objects.in_force(clock.today()).filter(user=user, kind__in=(PostKind.HEAD, PostKind.OFFICER))
    return list(registry.versions_in_force().filter(unit_id__in=held.values("unit_id")))


def units_to_open_for(user: User) -> list[UnitVersion]:
    """The same, refused when there is none."""
    units = units_of(user)
    if not units:
        raise ActionDenied(_("Chỉ thủ trưởng hoặc cán bộ chuyên trách của đơn vị mở được sự cố của đơn vị đó."))
    return units


def open_incident(request: HttpRequest) -> HttpResponse:
    """From alerts (`?alert=`), by hand, or as an exercise (`?dien-tap=1`, `?loai=`)."""
    units = units_to_open_for(request.user)
    exercise = request.GET.get("dien-tap") == "1"
    alerts = _alerts(request, units)
    if (running := services.running_with(alerts, is_exercise=exercise)) is not None:
        return _to_running(request, running)
    systems = System.objects.in_force(clock.today()).filter(unit_id__in=[version.unit_id for version in units])
    form = OpenForm(request.POST or None, units=units, systems=systems, initial=_suggested(request, alerts, exercise))
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if (same := _just_opened(request.user, values, exercise)) is not None:
            return _to_running(request, same)
        try:
            incident = services.open_incident(
                unit_id=values["unit"],
                kind=values["kind"],
                title=values["title"],
                description=values["description"],
                system=values["system"],
                detected_at=values["detected_at"],
                alerts=alerts,
                is_exercise=exercise,
                by=request.user,
            )
        except ActionDenied as denied:
            if (running := services.running_with(alerts, is_exercise=exercise)) is not None:  # faster by a click
                return _to_running(request, running)
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã mở. Làm ngay bước đầu tiên bên dưới."))
            return redirect("incidents:detail", incident.pk)
    context = {
        "form": form,
        "related_alerts": alerts,
        "exercise": exercise,
        "first_steps": [
            (kind, str(label), playbook.first_step)
            for kind, label in IncidentKind.choices
            if (playbook := procedures.standard().get(kind))
        ],
    }
    return render(request, "incidents/open.html", context, status=WRONG_INPUT if form.errors else 200)


def _to_running(request: HttpRequest, incident: Incident) -> HttpResponse:
    messages.info(request, _("Sự cố này đã được mở. Làm tiếp bước bên dưới."))
    return redirect("incidents:detail", incident.pk)


def _just_opened(user: User, values: dict[str, Any], exercise: bool) -> Incident | None:
    """The incident that the first of two clicks opened."""
    same = {name: values[name] for name in ("kind", "title", "description", "system", "detected_at")}
    since = clock.now() - SECOND_CLICK
    opened = Incident.objects.filter(unit_id=values["unit"], opened_by=user, opened_at__gte=since, **same)
    return opened.filter(is_exercise=exercise).first()


@require_GET
def of_alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Incidents and exercises that answer an alert: a part of its page; by itself, the newest of them or the list."""
    alert = get_object_or_404(alert_selectors.alerts_of(request.user), pk=pk)
    found = list(selectors.incidents_of(request.user).filter(alerts=alert).order_by("-pk")[:5])
    if not request.htmx:
        return redirect("incidents:detail", found[0].pk) if found else redirect("incidents:list")
    return render(request, "incidents/_of_alert.html", {"incidents": [(one, facts.code_of(one)) for one in found]})


def _alerts(request: HttpRequest, units: list[UnitVersion]) -> list[Alert]:
    """The alerts that the address names; one that may not be seen answers 404."""
    own = alert_selectors.alerts_of(request.user).filter(unit_id__in=[version.unit_id for version in units])
    return [get_object_or_404(own, pk=pk) for pk in request.GET.getlist("alert")[:20] if pk.isdigit()]


def _suggested(request: HttpRequest, alerts: list[Alert], exercise: bool) -> dict[str, Any]:
    asked = request.GET.get("loai", "")
    suggested: dict[str, Any] = {
        "detected_at": timezone.localtime(clock.now()),
        "kind": asked if asked in IncidentKind.values else IncidentKind.INTRUSION,
    }
    if exercise:
        label = IncidentKind(suggested["kind"]).label
        suggested["title"] = _("Diễn tập: %(kind)s") % {"kind": str(label).lower()}
    if alerts:
        first = min(alerts, key=lambda alert: alert.first_event_at)
        said = alert_selectors.explanation(first)
        suggested |= {
            "unit": first.unit_id,
            "title": f"{first.title} ({first.entity})"[:300],
            # detected when a person was told, not when the attacker began
            "detected_at": timezone.localtime(first.created_at),
            "description": _("%(meaning)s\nCảnh báo lúc %(at)s, đối tượng: %(entity)s, %(count)d sự kiện.")
            % {
                "meaning": said.meaning_vi,
                "at": f"{timezone.localtime(first.created_at):%H:%M %d/%m/%Y}",
                "entity": first.entity,
                "count": first.event_count,
            },
        }
        if said.incident_kind in IncidentKind.values and not asked:
            suggested["kind"] = said.incident_kind
        if first.source is not None:
            suggested["system"] = first.source.system_id
    return suggested


def find(request: HttpRequest, pk: int) -> Incident:
    found = selectors.incidents_of(request.user).select_related(
        "system", "opened_by", "closed_by", "capacity_judged_by"
    )
    return get_object_or_404(found, pk=pk)


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return detail_page(request, find(request, pk))


def clocks(request: HttpRequest, pk: int) -> HttpResponse:
    """The nearest deadline alone, asked for every minute; without htmx, the whole page."""
    incident = find(request, pk)
    if not request.htmx:
        return redirect("incidents:detail", pk)
    return render(request, "incidents/_nearest.html", {"incident": incident, "clocks": selectors.clock_lines(incident)})


def clocks_context(request: HttpRequest, incident: Incident) -> dict[str, Any]:
    lines = selectors.clock_lines(incident)
    book = law.load()
    made = list(incident.reports.select_related("made_by", "sent_by").order_by("-made_at", "-pk"))
    waiting = {line.rule.report for line in lines if line.rule.report and line.row.met_at is None}
    return {
        "incident": incident,
        "clocks": lines,
        "regime": book.regime(incident.regime),
        "reports": made,
        "report_kinds": [
            {
                "kind": report.key,
                "label": ReportKind(report.key).label,
                "waiting": report.key in waiting,
                "refusal": refusal(policies.check_can_make_report, request.user, incident, report.key),
            }
            for report in book.reports(incident.regime)
        ],
        "sent_form": SentForm(prefix="gui"),
        "event_refusal": refusal(policies.check_can_record_event, request.user, incident),
    }


def detail_page(request: HttpRequest, incident: Incident, *, status: int = 200, **bound: forms.Form) -> HttpResponse:
    """The whole page; `bound` are forms that came back with a fault, by their name in the context."""
    plan = procedures.of_incident(incident)
    lines = selectors.step_lines(incident)
    in_work = incident.status in policies.IN_WORK  # what was left undone in a closed one is not “now” any more
    current = next((line for line in lines if in_work and line.run.status == StepStatus.CURRENT), None)
    finished = [line for line in lines if line.run.status in (StepStatus.DONE, StepStatus.SKIPPED)]
    user = request.user
    takes_files = incident.kind != IncidentKind.DATA_LEAK
    context: dict[str, Any] = {
        "incident": incident,
        "code": facts.code_of(incident),
        "unit": registry.unit_name(incident.unit_id),
        "tone": selectors.TONES[IncidentStatus(incident.status)],
        "plan": plan,
        "current": current,
        "finished": finished,
        "left": procedures.steps_left(plan, current.run.step_id) if current else 0,
        "end_step": plan.steps[-1],
        "timeline": selectors.timeline(incident, lines),
        "loose_files": incident.attachments.filter(step=None),
        "related_alerts": list(incident.alerts.all()[:20]),
        "signs": selectors.signs(incident),
        "takes_files": takes_files,
        "no_files": None if takes_files else refusal(policies.check_can_attach, user, incident),
        "is_secret_kind": incident.kind == IncidentKind.DATA_LEAK,
        "run_refusal": refusal(policies.check_can_finish_step, user, current.run)
        if current
        else refusal(policies.check_can_run, user, incident),
        "skip_refusal": refusal(check_skippable, current.step) if current else None,
        "undo_refusal": refusal(policies.check_can_run, user, incident),
        "handled_refusal": refusal(policies.check_can_mark_handled, user, incident),
        "close_refusal": refusal(policies.check_can_close, user, incident),
        "cancel_refusal": refusal(policies.check_can_cancel, user, incident),
        "reopen_refusal": refusal(policies.check_can_reopen, user, incident),
        "note_refusal": refusal(policies.check_can_add_note, user, incident),
        "attach_refusal": refusal(policies.check_can_attach, user, incident),
        "capacity_refusal": refusal(policies.check_can_judge_capacity, user, incident),
        "step_report": report_of_event(incident, current.step.clock_event) if current else None,
        "note_form": NoteForm(),
        "attach_form": AttachForm(),
        "skip_form": SkipForm(),
        "cancel_form": CancelForm(),
        "capacity_form": CapacityForm(
            initial={"beyond": {True: "yes", False: "no", None: None}[incident.beyond_capacity]}
        ),
        "finish_form": FinishForm(step=current.step, takes_files=takes_files, initial={"note": current.run.note})
        if current
        else None,
        **clocks_context(request, incident),
        **bound,
    }
    return render(request, "incidents/detail.html", context, status=status)
