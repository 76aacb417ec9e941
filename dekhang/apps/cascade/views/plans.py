"""Plans: every version that was issued, and for the coordinator the editor of the draft and the form that sends it."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.cascade import selectors, services
from dekhang.apps.cascade.enums import PlanState
from dekhang.apps.cascade.faults import faults_of
from dekhang.apps.cascade.forms import PlanForm, SendForm, TaskForm
from dekhang.apps.cascade.models import PlanVersion, TaskVersion
from dekhang.apps.cascade.policies import check_can_edit, check_can_plan, check_can_revise
from dekhang.apps.cascade.services.sending import who_would_get
from dekhang.apps.cascade.templates_of_plans import template
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import unit_names


def _version(request: HttpRequest, pk: int) -> PlanVersion:
    return get_object_or_404(selectors.versions_of(request.user), pk=pk)


def _task(request: HttpRequest, pk: int) -> TaskVersion:
    """A task that this person may edit: of a draft."""
    task = get_object_or_404(TaskVersion.objects.select_related("version"), pk=pk)
    check_can_edit(request.user, task.version)
    return task


def plans(request: HttpRequest) -> HttpResponse:
    versions = selectors.versions_of(request.user).order_by("-created_at", "-pk")
    context = {
        "versions": versions,
        "refusal": refusal(check_can_plan, request.user),
        "template": template(),
        "today": clock.today(),
    }
    return render(request, "cascade/plans.html", context)


def new_plan(request: HttpRequest) -> HttpResponse:
    check_can_plan(request.user)
    form = PlanForm(request.POST or None, initial={"day": clock.today()})
    if request.method == "POST" and form.is_valid():
        version = services.draft_plan(by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã lập bản nháp. Thêm các việc, xong thì ban hành."))
        return redirect("cascade:version", version.pk)
    return render(request, "cascade/plan_form.html", {"form": form, "version": None})


@require_POST
def from_template(request: HttpRequest) -> HttpResponse:
    version = services.draft_from_template(template=template(), by=request.user)
    messages.success(request, _("Đã nạp kế hoạch mẫu thành bản nháp. Đọc lại, sửa cho đúng rồi ban hành."))
    return redirect("cascade:version", version.pk)


def version(request: HttpRequest, pk: int) -> HttpResponse:
    """A version to read; a draft with the buttons that edit it."""
    one = _version(request, pk)
    tasks = list(one.tasks.prefetch_related("parties"))
    names = unit_names({p.unit_id for task in tasks for p in task.parties.all() if p.unit_id})
    for task in tasks:
        for party in task.parties.all():
            party.name = names.get(party.unit_id or 0, "")  # type: ignore[attr-defined]
    context = {
        "version": one,
        "tasks": tasks,
        "edit_refusal": refusal(check_can_edit, request.user, one),
        "revise_refusal": refusal(check_can_revise, request.user, one),
        "may_plan": refusal(check_can_plan, request.user) is None,
        "faults": faults_of(one) if one.state == PlanState.DRAFT else [],
        "others": selectors.versions_of(request.user).filter(plan_id=one.plan_id).exclude(pk=one.pk),
        "is_draft": one.state == PlanState.DRAFT,
        "is_issued": one.state == PlanState.ISSUED,
    }
    return render(request, "cascade/version.html", context)


def edit_plan(request: HttpRequest, pk: int) -> HttpResponse:
    one = _version(request, pk)
    check_can_edit(request.user, one)
    names = ("title", "decision", "day", "basis", "note", "changes")
    form = PlanForm(request.POST or None, initial={name: getattr(one, name) for name in names}, first=one.number == 1)
    if request.method == "POST" and form.is_valid():
        services.change_plan(version=one, by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã lưu."))
        return redirect("cascade:version", pk)
    return render(request, "cascade/plan_form.html", {"form": form, "version": one})


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    services.discard_draft(version=_version(request, pk), by=request.user)
    messages.success(request, _("Đã bỏ bản nháp. Bản đang thực hiện, nếu có, vẫn như cũ."))
    return redirect("cascade:plans")


@require_POST
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    one = _version(request, pk)
    check_can_edit(request.user, one)
    try:
        services.issue(version=one, by=request.user)
    except ActionDenied as denied:
        messages.error(request, str(denied))
        return redirect("cascade:version", pk)
    messages.success(request, _("Đã ban hành. Giao việc xuống các đơn vị ở nút “Giao việc”."))
    return redirect("cascade:version", pk)


@require_POST
def revise(request: HttpRequest, pk: int) -> HttpResponse:
    draft = services.revise(version=_version(request, pk), by=request.user)
    messages.success(request, _("Đã lập bản nháp mới. Bản cũ vẫn có hiệu lực tới khi bản này được ban hành."))
    return redirect("cascade:version", draft.pk)


def new_task(request: HttpRequest, pk: int) -> HttpResponse:
    one = _version(request, pk)
    check_can_edit(request.user, one)
    return _task_page(request, one, None, TaskForm(one, request.POST or None))


def edit_task(request: HttpRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    form = TaskForm(task.version, request.POST or None, initial=TaskForm.initial_of(task))
    return _task_page(request, task.version, task, form)


def _task_page(request: HttpRequest, one: PlanVersion, task: TaskVersion | None, form: TaskForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        services.save_task(version=one, task=task, parties=form.parties(), by=request.user, **form.facts())
        messages.success(request, _("Đã lưu việc."))
        return redirect("cascade:version", one.pk)
    return render(request, "cascade/task_form.html", {"form": form, "version": one, "task": task})


@require_POST
def move_task(request: HttpRequest, pk: int, direction: str) -> HttpResponse:
    if direction not in ("len", "xuong"):
        raise Http404
    task = _task(request, pk)
    services.move_task(task=task, up=direction == "len", by=request.user)
    return redirect("cascade:version", task.version_id)


@require_POST
def delete_task(request: HttpRequest, pk: int) -> HttpResponse:
    task = _task(request, pk)
    services.delete_task(task=task, by=request.user)
    messages.success(request, _("Đã xóa việc “%(title)s” khỏi bản nháp.") % {"title": task.title})
    return redirect("cascade:version", task.version_id)


def send(request: HttpRequest, pk: int) -> HttpResponse:
    """Who would get what; with the second button it is sent."""
    check_can_plan(request.user)
    one = _version(request, pk)
    form = SendForm(one, request.POST or None)
    context: dict[str, Any] = {"form": form, "version": one}
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        tasks = list(one.tasks.filter(pk__in=facts["tasks"]))
        try:
            if "xac-nhan" in request.POST:
                sent = services.send(
                    tasks=tasks, to=form.recipients(), role=facts["role"] or "lead", note=facts["note"], by=request.user
                )
                messages.success(
                    request,
                    _(
                        "Đã giao %(n)d lượt việc. Đơn vị thấy ngay ở “Việc được giao”. Giao nhầm thì thu hồi trước khi đơn vị tiếp nhận."
                    )
                    % {"n": len(sent)},
                )
                return redirect("cascade:overview")
            would = who_would_get(tasks=tasks, to=form.recipients(), role=facts["role"] or "lead")
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            counts = Counter(UnitKind(kind).label for _task_id, kind in would)
            context |= {"would": counts.items(), "total": len(would), "preview": True}
    return render(request, "cascade/send.html", context)
