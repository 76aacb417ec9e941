"""Pages of ISPs: their duty, what was asked of them, one request with its answer and its verdict."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.duties.models import SupportRequest
from dekhang.apps.duties.selectors import moment_of
from dekhang.apps.duties.supporting import selectors, services
from dekhang.apps.duties.supporting.forms import AskForm, SupportAnswerForm, VerdictForm
from dekhang.apps.duties.supporting.policies import check_can_ask_providers, check_can_record_answer, check_can_verify
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.selectors import counted_units, unit_names
from dekhang.law import load

PER_PAGE = 30


def providers(request: HttpRequest) -> HttpResponse:
    """ISPs with the state of their duty on the day asked, and the requests that this person may see."""
    day, fault = asked_day(request.GET.get("ngay"))
    lines = selectors.providers(day, moment_of(day))
    refused = refusal(check_can_ask_providers, request.user)
    form = None
    if refused is None:
        units = sorted(counted_units().values_list("unit_id", "name"), key=lambda unit: unit[1])
        choices = [(line.version.unit_id, line.version.name) for line in lines]
        form = AskForm(request.POST or None, providers=choices, units=units)
    if request.method == "POST":
        check_can_ask_providers(request.user)
        assert form is not None
        if form.is_valid():
            asked = form.cleaned_data
            refuse_secrets(unit_id=asked["provider"], by=request.user, texts={"text": asked["text"]})
            made = services.ask(
                provider_id=asked["provider"],
                unit_id=asked["for_unit"],
                text=asked["text"],
                is_exercise=asked["is_exercise"],
                by=request.user,
            )
            messages.success(request, _("Đã gửi yêu cầu; đồng hồ trả lời bắt đầu chạy."))
            return redirect("duties:support", made.pk)
    page = Paginator(selectors.requests_of(request.user), PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({pk for one in page for pk in (one.unit_id, one.provider_id) if pk})
    context = {
        "lines": lines,
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "duty": load().duty("isp"),
        "page": page,
        "rows": [(one, names.get(one.provider_id, ""), names.get(one.unit_id or 0, "")) for one in page],
        "form": form,
        "refusal": refused,
        "now": clock.now(),
    }
    return render(request, "duties/providers.html", context)


def support(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(selectors.requests_of(request.user), pk=pk))


def _page(
    request: HttpRequest,
    one: SupportRequest,
    answer_form: SupportAnswerForm | None = None,
    verdict_form: VerdictForm | None = None,
) -> HttpResponse:
    names = unit_names({pk for pk in (one.unit_id, one.provider_id) if pk})
    context = {
        "one": one,
        "provider": names.get(one.provider_id, ""),
        "unit": names.get(one.unit_id or 0, ""),
        "late": one.late_at is not None or (one.answered_at is None and one.due_at <= clock.now()),
        "answer_form": answer_form or SupportAnswerForm(),
        "verdict_form": verdict_form or VerdictForm(),
        "answer_refusal": refusal(check_can_record_answer, request.user, one),
        "verify_refusal": refusal(check_can_verify, request.user, one),
    }
    return render(request, "duties/support.html", context)


@require_POST
def record_answer(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.requests_of(request.user), pk=pk)
    check_can_record_answer(request.user, one)
    form = SupportAnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, one, form)
    refuse_secrets(unit_id=one.provider_id, by=request.user, texts={"answer": form.cleaned_data["answer"]})
    try:
        services.record_answer(request=one, **form.cleaned_data, by=request.user)
    except ActionDenied as denied:
        form.add_error(None, str(denied))
        return _page(request, one, form)
    messages.success(request, _("Đã ghi câu trả lời. Việc tiếp theo: bên được giúp xác nhận kết quả."))
    return redirect("duties:support", pk)


@require_POST
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.requests_of(request.user), pk=pk)
    check_can_verify(request.user, one)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        return _page(request, one, verdict_form=form)
    note = form.cleaned_data["note"]
    refuse_secrets(unit_id=one.provider_id, by=request.user, texts={"note": note})
    services.verify(request=one, works="works" in request.POST, note=note, by=request.user)
    messages.success(request, _("Đã ghi xác nhận."))
    return redirect("duties:support", pk)
