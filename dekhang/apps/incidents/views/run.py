"""Everything people do on the page of one incident: steps, notes, files, capacity, closing."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang import law
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.incidents import policies, procedures, selectors, services
from dekhang.apps.incidents.enums import IncidentKind, StepStatus
from dekhang.apps.incidents.forms import AttachForm, CancelForm, CapacityForm, FinishForm, NoteForm, SentForm, SkipForm
from dekhang.apps.incidents.models import Incident, StepRun
from dekhang.apps.incidents.services.clocks import SIGNS
from dekhang.apps.incidents.views.incidents import WRONG_INPUT, detail_page, find


def _done(request: HttpRequest, incident: Incident, sentence: str, anchor: str = "") -> HttpResponse:
    messages.success(request, sentence)
    response = redirect("incidents:detail", incident.pk)
    response["Location"] += anchor
    return response


def _act(
    request: HttpRequest,
    incident: Incident,
    form: forms.Form,
    name: str,
    act: Callable[[dict[str, Any]], object],
    sentence: str,
    anchor: str = "",
) -> HttpResponse:
    """Do it when the form is right; else the page again with the sentence and what was typed.

    The caller has asked the policy, so a refusal here is about what was typed, not about who asks.
    """
    if form.is_valid():
        try:
            act(form.cleaned_data)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            return _done(request, incident, sentence, anchor)
    incident.refresh_from_db()
    return detail_page(request, incident, status=WRONG_INPUT, **{name: form})


def _step(request: HttpRequest, pk: int, step_pk: int) -> StepRun:
    return get_object_or_404(find(request, pk).steps.select_related("incident"), pk=step_pk)


def _clicked_twice(request: HttpRequest, step: StepRun) -> bool:
    """The same person sent the same step again: it is recorded once, and that is no fault of theirs."""
    return step.status in (StepStatus.DONE, StepStatus.SKIPPED) and step.finished_by_id == request.user.pk


@require_POST
def finish(request: HttpRequest, pk: int, step_pk: int) -> HttpResponse:
    step = _step(request, pk, step_pk)
    if _clicked_twice(request, step):
        return _done(request, step.incident, _("Bước này đã được ghi nhận."), "#buoc")
    policies.check_can_finish_step(request.user, step)
    incident = step.incident
    meaning = procedures.of_incident(incident).step(step.step_id)
    form = FinishForm(request.POST, request.FILES, step=meaning, takes_files=incident.kind != IncidentKind.DATA_LEAK)
    return _act(
        request,
        incident,
        form,
        "finish_form",
        lambda values: services.finish_step(
            step=step,
            by=request.user,
            note=values["note"],
            choice=values.get("choice", ""),
            uploads=[values["file"]] if values.get("file") else (),
        ),
        _("Đã ghi nhận: %(step)s") % {"step": meaning.name},
        "#buoc",
    )


@require_POST
def skip(request: HttpRequest, pk: int, step_pk: int) -> HttpResponse:
    step = _step(request, pk, step_pk)
    if _clicked_twice(request, step):
        return _done(request, step.incident, _("Bước này đã được ghi nhận."), "#buoc")
    policies.check_can_finish_step(request.user, step)
    return _act(
        request,
        step.incident,
        SkipForm(request.POST),
        "skip_form",
        lambda values: services.skip_step(step=step, reason=values["reason"], by=request.user),
        _("Đã bỏ qua bước, lý do được ghi lại."),
        "#buoc",
    )


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    services.undo_step(incident=incident, by=request.user)
    return _done(request, incident, _("Đã quay lại bước trước. Ghi chú cũ vẫn còn để sửa."), "#buoc")


@require_POST
def note(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    policies.check_can_add_note(request.user, incident)
    return _act(
        request,
        incident,
        NoteForm(request.POST),
        "note_form",
        lambda values: services.add_note(incident=incident, text=values["text"], by=request.user),
        _("Đã ghi thêm."),
        "#dien-bien",
    )


@require_POST
def attach(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    policies.check_can_attach(request.user, incident)
    return _act(
        request,
        incident,
        AttachForm(request.POST, request.FILES),
        "attach_form",
        lambda values: services.attach(incident=incident, file=values["file"], by=request.user),
        _("Đã giữ tệp cùng sự cố."),
        "#dien-bien",
    )


def attachment(request: HttpRequest, pk: int, attachment_pk: int) -> FileResponse:
    """The file as it came, always as a download: what attackers left must not open in the browser."""
    kept = get_object_or_404(selectors.attachments_of(request.user), pk=attachment_pk, incident_id=pk)
    try:
        file = kept.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(file, as_attachment=True, filename=kept.name, content_type="application/octet-stream")


@require_POST
def capacity(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    policies.check_can_judge_capacity(request.user, incident)
    return _act(
        request,
        incident,
        CapacityForm(request.POST),
        "capacity_form",
        lambda values: services.judge_capacity(
            incident=incident, beyond=values["beyond"], note=values["note"], by=request.user
        ),
        _("Đã ghi nhận định. Các thời hạn đã đổi theo."),
        "#thoi-han",
    )


@require_POST
def handled(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    services.mark_handled(incident=incident, by=request.user)
    return _done(request, incident, _("Đã kết thúc ứng cứu. Việc tiếp theo: báo cáo kết thúc."), "#thoi-han")


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    services.close(incident=incident, by=request.user)
    return _done(request, incident, _("Đã đóng."))


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    policies.check_can_cancel(request.user, incident)
    return _act(
        request,
        incident,
        CancelForm(request.POST),
        "cancel_form",
        lambda values: services.cancel(incident=incident, reason=values["reason"], by=request.user),
        _("Đã hủy. Nếu hủy nhầm, bấm “Mở lại”."),
    )


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    incident = find(request, pk)
    services.reopen(incident=incident, by=request.user)
    return _done(request, incident, _("Đã mở lại. Thời hạn chạy tiếp từ mốc cũ."))


def check_event_is_offered(incident: Incident, event_key: str) -> None:
    """Only what a button of the page offers: signs, and the ends of clocks that have no document of ours; else 404."""
    rules = law.load().clocks(incident.regime)
    offered = set(SIGNS) | {rule.stops_on for rule in rules if not rule.report}
    if event_key not in offered or event_key not in {key for rule in rules for key in (rule.anchor, rule.stops_on)}:
        raise Http404


@require_POST
def event(request: HttpRequest, pk: int, event_key: str) -> HttpResponse:
    """A sign that was seen, or somebody who was told without a document."""
    incident = find(request, pk)
    check_event_is_offered(incident, event_key)
    policies.check_can_record_event(request.user, incident)
    values: dict[str, Any] = {"note": request.POST.get("note", ""), "at": None}
    if event_key not in SIGNS:
        form = SentForm(request.POST, prefix="gui")
        if not form.is_valid():
            messages.error(request, _("Hãy ghi đã báo cho ai và bằng cách nào; nếu ghi giờ, hãy ghi đúng ngày giờ."))
            return redirect("incidents:detail", pk)
        values = {"note": form.cleaned_data["to"], "at": form.cleaned_data["at"]}
    try:
        services.record_event_of_law(incident=incident, event_key=event_key, by=request.user, **values)
    except ActionDenied as denied:
        messages.error(request, str(denied))
        return redirect("incidents:detail", pk)
    return _done(
        request, incident, _("Đã ghi nhận: %(event)s") % {"event": law.load().events[event_key].title}, "#thoi-han"
    )


@require_POST
def withdraw_event(request: HttpRequest, pk: int, event_key: str) -> HttpResponse:
    incident = find(request, pk)
    if event_key not in SIGNS:
        raise Http404
    services.withdraw_event_of_law(incident=incident, event_key=event_key, by=request.user)
    return _done(request, incident, _("Đã rút ghi nhận; thời hạn của nó dừng lại."), "#thoi-han")
