"""Pages of contests: writing one, all of them, one with the rows behind it and its decision."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.duties.contesting import services
from dekhang.apps.duties.contesting.forms import ContestForm, DecisionForm
from dekhang.apps.duties.contesting.policies import (
    check_can_contest,
    check_can_decide_contest,
    check_can_withdraw_contest,
)
from dekhang.apps.duties.contesting.selectors import RETRACTABLE, contests_of, rows_behind
from dekhang.apps.duties.enums import ContestState, EvidenceKind
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.duties.models import Contest, Evidence
from dekhang.apps.duties.selectors import evidence_of
from dekhang.apps.duties.states import states_of
from dekhang.apps.duties.views import duty_of, duty_page, version_of
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import unit_name, unit_names
from dekhang.law import load

PER_PAGE = 20


@require_POST
def contest(request: HttpRequest, unit_id: int, duty_key: str) -> HttpResponse:
    duty = duty_of(version_of(request, unit_id), duty_key)
    check_can_contest(request.user, unit_id)
    asked = {pk for pk in request.POST.getlist("rows") if pk.isdecimal() and len(pk) < 19}
    rows = {
        row.pk: row
        for row in evidence_of(request.user).filter(unit_id=unit_id, kind__in=states_of(duty.key)[1], pk__in=asked)
    }
    form = ContestForm(request.POST, known=list(rows))
    if not form.is_valid():
        return duty_page(request, unit_id, duty_key, contest_form=form)
    text = form.cleaned_data["text"]
    refuse_secrets(unit_id=unit_id, by=request.user, texts={"text": text})
    opened = services.contest(
        unit_id=unit_id,
        duty_key=duty.key,
        text=text,
        day=form.cleaned_data["day"],
        evidence=[rows[pk] for pk in form.cleaned_data["rows"]],
        by=request.user,
    )
    messages.success(
        request,
        _("Đã gửi giải trình tới cơ quan điều phối; hạn trả lời %(due)s.") % {"due": f"{opened.due_at:%d/%m/%Y}"},
    )
    return redirect("duties:contest_page", opened.pk)


def contests(request: HttpRequest) -> HttpResponse:
    """Those that wait first, the nearest deadline at the top; then what was decided."""
    state = request.GET.get("trang-thai", "")
    text = request.GET.get("q", "").strip()[:100]
    found = contests_of(request.user)
    counts = {s: found.filter(state=s).count() for s in ContestState}
    if state in ContestState.values:
        found = found.filter(state=state)
    if text:
        versions = UnitVersion.objects.filter(unit_id__in=found.values("unit_id")).values_list("unit_id", "name")
        found = found.filter(unit_id__in={unit_id for unit_id, name in versions if found_in(text, name)})
    page = Paginator(_urgent_first(found), PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.unit_id for one in page})
    now = clock.now()
    rows = [
        {
            "contest": one,
            "unit": names.get(one.unit_id, ""),
            "duty": load().duty(one.duty_key),
            "late": one.state == ContestState.OPEN and one.due_at <= now,
        }
        for one in page
    ]
    context = {
        "rows": rows,
        "page": page,
        "asked_state": state,
        "asked_text": text,
        "states": [(s.value, s.label, counts[s]) for s in ContestState],
    }
    return render(request, "duties/contests.html", context)


def _urgent_first(found: QuerySet[Contest]) -> QuerySet[Contest]:
    rank = Case(When(state=ContestState.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
    return found.annotate(rank=rank).order_by("rank", "due_at", "-pk")


def page(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(contests_of(request.user), pk=pk), DecisionForm())


def _page(request: HttpRequest, one: Contest, form: DecisionForm) -> HttpResponse:
    corrections = evidence_of(request.user).filter(unit_id=one.unit_id, payload__contest=one.pk)
    context = {
        "contest": one,
        "unit": unit_name(one.unit_id, one.day),
        "duty": load().duty(one.duty_key),
        "named": one.evidence.exists(),
        "rows": [(row, row.kind in RETRACTABLE) for row in rows_behind(one)],
        "corrections": corrections if one.state == ContestState.CORRECTED else [],
        "form": form,
        "late": one.state == ContestState.OPEN and one.due_at <= clock.now(),
        "decide_refusal": refusal(check_can_decide_contest, request.user, one),
        "withdraw_refusal": refusal(check_can_withdraw_contest, request.user, one),
        "kinds": [EvidenceKind(kind).label for kind in states_of(one.duty_key)[1]],
    }
    return render(request, "duties/contest.html", context)


@require_POST
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(contests_of(request.user), pk=pk)
    check_can_decide_contest(request.user, one)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, one, form)
    asked = [int(row) for row in request.POST.getlist("rows")[:50] if row.isdecimal() and len(row) < 19]
    rows = list(Evidence.objects.filter(unit_id=one.unit_id, pk__in=asked))
    services.correct_contest(contest=one, answer=form.cleaned_data["answer"], retract=rows, by=request.user)
    messages.success(
        request,
        _("Đã sửa: hệ thống ghi %(count)d quan sát mới.") % {"count": len(rows)}
        if rows
        else _("Đã ghi chú bên cạnh con số."),
    )
    return redirect("duties:contest_page", pk)


@require_POST
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(contests_of(request.user), pk=pk)
    check_can_decide_contest(request.user, one)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, one, form)
    services.refuse_contest(contest=one, answer=form.cleaned_data["answer"], by=request.user)
    messages.success(request, _("Đã từ chối, kèm lý do."))
    return redirect("duties:contest_page", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(contests_of(request.user), pk=pk)
    services.withdraw_contest(contest=one, by=request.user)
    messages.success(request, _("Đã rút giải trình."))
    return redirect("duties:duty", one.unit_id, one.duty_key)
