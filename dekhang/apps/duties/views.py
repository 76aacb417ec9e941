"""A unit's duties: what it declares, what the system saw, why it does not count and what to do next."""

from dataclasses import dataclass
from pathlib import PurePath

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.duties import documents, policies, selectors, services
from dekhang.apps.duties.forms import AnswerForm, ClaimForm, ContestForm
from dekhang.apps.duties.models import Claim
from dekhang.apps.duties.states import Assessment, states_of
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import current_version, own_unit_id, unit_names, visible_unit_ids
from dekhang.law import UnknownKey, load
from dekhang.law.shapes import Duty

EVIDENCE_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class DutyRow:
    duty: Duty
    assessment: Assessment
    claim: Claim | None


def _version(request: HttpRequest, unit_id: int) -> UnitVersion:
    version = current_version(unit_id) if unit_id in visible_unit_ids(request.user) else None
    if version is None:
        raise Http404
    return version


def _duty(version: UnitVersion, duty_key: str) -> Duty:
    try:
        duty = load().duty(duty_key)
    except UnknownKey:
        raise Http404 from None
    if duty not in selectors.duties_for(version.kind, clock.now()):
        raise Http404
    return duty


def mine(request: HttpRequest) -> HttpResponse:
    """Unit people go to their own unit; provincial roles to the contests that wait for an answer."""
    unit_id = own_unit_id(request.user)
    return redirect("duties:of_unit", unit_id) if unit_id else redirect("duties:contests")


def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    version = _version(request, unit_id)
    now = clock.now()
    claims = {c.duty_key: c for c in selectors.claims_of(request.user).filter(unit_id=unit_id, withdrawn_at=None)}
    rows = [
        DutyRow(
            duty=duty,
            assessment=selectors.assess(duty.key, [unit_id], now)[unit_id],
            claim=claims.get(duty.key),
        )
        for duty in selectors.duties_for(version.kind, now)
    ]
    return render(request, "duties/of_unit.html", {"version": version, "unit_id": unit_id, "rows": rows})


def duty(request: HttpRequest, unit_id: int, duty_key: str) -> HttpResponse:
    return _duty_page(request, unit_id, duty_key)


def _duty_page(
    request: HttpRequest,
    unit_id: int,
    duty_key: str,
    claim_form: ClaimForm | None = None,
    contest_form: ContestForm | None = None,
) -> HttpResponse:
    version = _version(request, unit_id)
    duty = _duty(version, duty_key)
    claims = selectors.claims_of(request.user).filter(unit_id=unit_id, duty_key=duty_key).order_by("-declared_at")
    standing = next((claim for claim in claims if claim.withdrawn_at is None), None)
    kinds = states_of(duty_key)[1]
    evidence = selectors.evidence_of(request.user).filter(unit_id=unit_id, kind__in=kinds)
    context = {
        "version": version,
        "unit_id": unit_id,
        "duty": duty,
        "basis": load().cite_in_force(duty.basis, clock.today()),
        "assessment": selectors.assess(duty_key, [unit_id], clock.now())[unit_id],
        "claims": claims,
        "standing": standing,
        "evidence": Paginator(evidence, EVIDENCE_PER_PAGE).get_page(request.GET.get("page")),
        "contests": selectors.contests_of(request.user).filter(unit_id=unit_id, duty_key=duty_key),
        "refusal": refusal(policies.check_can_declare, request.user, unit_id),
        "claim_form": claim_form or ClaimForm(),
        "contest_form": contest_form or ContestForm(),
    }
    context["page"] = context["evidence"]
    return render(request, "duties/duty.html", context)


@require_POST
def declare(request: HttpRequest, unit_id: int, duty_key: str) -> HttpResponse:
    duty = _duty(_version(request, unit_id), duty_key)
    policies.check_can_declare(request.user, unit_id)
    form = ClaimForm(request.POST, request.FILES)
    if not form.is_valid():
        return _duty_page(request, unit_id, duty_key, claim_form=form)
    services.declare(unit_id=unit_id, duty_key=duty.key, by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã ghi nhận khai báo. Khai nhầm thì bấm “Rút khai báo”."))
    return redirect("duties:duty", unit_id, duty_key)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    claim = get_object_or_404(selectors.claims_of(request.user), pk=pk)
    services.withdraw(claim=claim, by=request.user)
    messages.success(request, _("Đã rút khai báo. Rút nhầm thì bấm “Lấy lại khai báo”."))
    return redirect("duties:duty", claim.unit_id, claim.duty_key)


@require_POST
def declare_again(request: HttpRequest, pk: int) -> HttpResponse:
    claim = get_object_or_404(selectors.claims_of(request.user), pk=pk)
    services.declare_again(claim=claim, by=request.user)
    messages.success(request, _("Đã lấy lại khai báo."))
    return redirect("duties:duty", claim.unit_id, claim.duty_key)


def document(request: HttpRequest, pk: int) -> FileResponse:
    """A document as it was uploaded; always as a download, so that nothing in it runs as a page of ours."""
    claim = get_object_or_404(selectors.claims_of(request.user).exclude(document=""), pk=pk)
    name = f"van-ban-{claim.duty_key}-{claim.unit_id}{PurePath(claim.document.name).suffix}"
    try:
        file = claim.document.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(file, as_attachment=True, filename=name, content_type=documents.content_type_of(name))


@require_POST
def contest(request: HttpRequest, unit_id: int, duty_key: str) -> HttpResponse:
    duty = _duty(_version(request, unit_id), duty_key)
    policies.check_can_contest(request.user, unit_id)
    form = ContestForm(request.POST)
    if not form.is_valid():
        return _duty_page(request, unit_id, duty_key, contest_form=form)
    services.contest(unit_id=unit_id, duty_key=duty.key, by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã gửi giải trình tới cơ quan điều phối."))
    return redirect("duties:duty", unit_id, duty_key)


def contests(request: HttpRequest) -> HttpResponse:
    waiting = selectors.contests_of(request.user).order_by(F("answered_at").asc(nulls_first=True), "opened_at")
    page = Paginator(waiting, 20).get_page(request.GET.get("page"))
    names = unit_names({contest.unit_id for contest in page})
    rows = [
        {
            "contest": contest,
            "unit": names.get(contest.unit_id, ""),
            "duty": load().duty(contest.duty_key),
            "refusal": refusal(policies.check_can_answer_contest, request.user, contest),
        }
        for contest in page
    ]
    return render(request, "duties/contests.html", {"rows": rows, "page": page, "form": AnswerForm()})


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    contest = get_object_or_404(selectors.contests_of(request.user), pk=pk)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Hãy viết câu trả lời trước khi gửi."))
        return redirect("duties:contests")
    services.answer_contest(contest=contest, answer=form.cleaned_data["answer"], by=request.user)
    messages.success(request, _("Đã trả lời giải trình."))
    return redirect("duties:contests")
