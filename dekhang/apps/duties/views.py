"""A unit's duties: what it declares, what the system saw, why it does not count and what to do next."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePath

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.duties import documents, policies, selectors, services, timelines
from dekhang.apps.duties.contesting.forms import ContestForm
from dekhang.apps.duties.contesting.policies import check_can_contest
from dekhang.apps.duties.contesting.selectors import contests_of
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.duties.forms import ClaimForm
from dekhang.apps.duties.states import Assessment, states_of
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import current_version, own_unit_id, visible_unit_ids
from dekhang.law import UnknownKey, load
from dekhang.law.shapes import Duty

EVIDENCE_PER_PAGE = 50
CONTESTS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class DutyRow:
    duty: Duty
    assessment: Assessment


def version_of(request: HttpRequest, unit_id: int, day: date | None = None) -> UnitVersion:
    """The unit as it was on the day, for whoever may see it."""
    version = current_version(unit_id, day) if unit_id in visible_unit_ids(request.user) else None
    if version is None:
        raise Http404
    return version


def duty_of(version: UnitVersion, duty_key: str, at: datetime | None = None) -> Duty:
    """A duty that falls on the unit at the moment asked (now)."""
    try:
        duty = load().duty(duty_key)
    except UnknownKey:
        raise Http404 from None
    if duty not in selectors.duties_for(version.kind, at or clock.now()):
        raise Http404
    return duty


def mine(request: HttpRequest) -> HttpResponse:
    """Unit people go to their own unit; provincial roles to the contests that wait for an answer."""
    unit_id = own_unit_id(request.user)
    return redirect("duties:of_unit", unit_id) if unit_id else redirect("duties:contests")


def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    version, at = version_of(request, unit_id, day), selectors.moment_of(day)
    duties = selectors.duties_for(version.kind, at)
    assessed = timelines.assessments_of({duty.key: [unit_id] for duty in duties}, at)
    rows = [DutyRow(duty=duty, assessment=assessed[duty.key][unit_id]) for duty in duties]
    context = {"version": version, "unit_id": unit_id, "rows": rows, "day": day, "fault": fault, "today": clock.today()}
    return render(request, "duties/of_unit.html", context)


def duty(request: HttpRequest, unit_id: int, duty_key: str) -> HttpResponse:
    return duty_page(request, unit_id, duty_key)


def duty_page(
    request: HttpRequest,
    unit_id: int,
    duty_key: str,
    claim_form: ClaimForm | None = None,
    contest_form: ContestForm | None = None,
) -> HttpResponse:
    """A unit's duty on the day asked: state, evidence seen until then, declarations, contests."""
    day, fault = asked_day(request.GET.get("ngay"))
    version, at = version_of(request, unit_id, day), selectors.moment_of(day)
    duty = duty_of(version, duty_key, at)
    claims = selectors.claims_of(request.user).filter(unit_id=unit_id, duty_key=duty_key).order_by("-declared_at")
    standing = next((claim for claim in claims if claim.withdrawn_at is None), None)
    evidence = selectors.evidence_of(request.user).filter(
        unit_id=unit_id, kind__in=states_of(duty_key)[1], observed_at__lte=at
    )
    page = Paginator(evidence, EVIDENCE_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "version": version,
        "unit_id": unit_id,
        "duty": duty,
        "day": day,
        "fault": fault,
        "today": clock.today(),
        "basis": load().cite_in_force(duty.basis, day),
        "assessment": selectors.assess(duty_key, [unit_id], at)[unit_id],
        "claims": claims,
        "standing": standing,
        "evidence": page,
        "page": page,
        "contests": contests_of(request.user).filter(unit_id=unit_id, duty_key=duty_key)[:CONTESTS_SHOWN],
        "refusal": refusal(policies.check_can_declare, request.user, unit_id),
        "contest_refusal": refusal(check_can_contest, request.user, unit_id, day),
        "claim_form": claim_form or ClaimForm(),
        "contest_form": contest_form or ContestForm(),
    }
    return render(request, "duties/duty.html", context)


@require_POST
def declare(request: HttpRequest, unit_id: int, duty_key: str) -> HttpResponse:
    duty = duty_of(version_of(request, unit_id), duty_key)
    policies.check_can_declare(request.user, unit_id)
    form = ClaimForm(request.POST, request.FILES)
    if not form.is_valid():
        return duty_page(request, unit_id, duty_key, claim_form=form)
    refuse_secrets(
        unit_id=unit_id,
        by=request.user,
        texts={"statement": form.cleaned_data["statement"]},
        file=form.cleaned_data["document"],
    )
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
    return documents.download(claim.document, name)
