"""Standard procedures of a unit: read, adopt, approve, confirm, exercise."""

from datetime import timedelta

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.duties.documents import download
from dekhang.apps.incidents import policies, procedures, selectors, services
from dekhang.apps.incidents.enums import IncidentKind
from dekhang.apps.incidents.forms import SopDocumentForm
from dekhang.apps.incidents.models import Sop
from dekhang.apps.incidents.services.clocks import spell
from dekhang.apps.registry import selectors as registry


def _unit_id(request: HttpRequest) -> int | None:
    """The unit asked for (`?don-vi=`), or the person's own; None when a provincial person named none."""
    asked = request.GET.get("don-vi", "")
    if not asked:
        return registry.own_unit_id(request.user)
    if not asked.isdigit() or int(asked) not in registry.visible_unit_ids(request.user):
        raise Http404
    return int(asked)


def sops(request: HttpRequest) -> HttpResponse:
    unit_id = _unit_id(request)
    if unit_id is None:
        text = request.GET.get("q", "")
        units = selectors.units_with_sops(request.user, text)
        context = {
            "rows": units,
            "q": text,
            "with_one": sum(unit.approved > 0 for unit in units),
            "no_post": not request.user.is_provincial,
        }
        return render(request, "incidents/_unit_sops.html" if request.htmx else "incidents/unit_sops.html", context)
    context = {
        "unit_id": unit_id,
        "unit": registry.unit_name(unit_id),
        "lines": selectors.sop_lines(unit_id),
        "adopt_refusal": refusal(policies.check_can_adopt_sop, request.user, unit_id),
    }
    return render(request, "incidents/sops.html", context)


def sop(request: HttpRequest, kind: str) -> HttpResponse:
    """One procedure in full, printable: what the unit adopted, else the standard one."""
    if kind not in IncidentKind.values:
        raise Http404
    unit_id = _unit_id(request)
    line = next((line for line in selectors.sop_lines(unit_id) if line.kind == kind), None) if unit_id else None
    in_use = line.sop if line else None
    standard = procedures.standard().get(kind)
    show_standard = in_use is None or request.GET.get("ban") == "mau"
    playbook = standard if show_standard else procedures.of_sop(in_use)
    if playbook is None:
        raise Http404
    book = law.load()
    regime = book.regime_on(clock.today()).key
    numbers = {step.id: number for number, step in enumerate(playbook.steps, start=1)}
    context = {
        "kind": kind,
        "kind_label": IncidentKind(kind).label,
        "unit_id": unit_id,
        "unit": registry.unit_name(unit_id) if unit_id else "",
        "line": line,
        "sop": in_use,
        "playbook": playbook,
        "show_standard": show_standard and in_use is not None,
        "steps": [
            {
                "number": numbers[step.id],
                "step": step,
                "stage": book.stage(step.stage, regime=regime).title,
                "choices": [(choice.label, numbers[choice.next_id]) for choice in step.choices],
                "within": spell(timedelta(minutes=step.deadline_minutes)) if step.deadline_minutes else "",
                "jump": numbers[step.next_id]
                if step.next_id and numbers[step.next_id] != numbers[step.id] + 1
                else None,
            }
            for step in playbook.steps
        ],
        "document_form": SopDocumentForm(),
        "adopt_refusal": refusal(policies.check_can_adopt_sop, request.user, unit_id) if unit_id else None,
        "document_refusal": refusal(policies.check_can_change_document, request.user, in_use) if in_use else None,
        "approve_refusal": refusal(policies.check_can_approve_sop, request.user, in_use) if in_use else None,
        "read_refusal": refusal(policies.check_can_confirm_read, request.user, in_use) if in_use else None,
    }
    return render(request, "incidents/sop.html", context)


def _to_sop(unit_id: int, kind: str) -> HttpResponse:
    return redirect(f"{reverse('incidents:sop', args=[kind])}?don-vi={unit_id}")


@require_POST
def adopt(request: HttpRequest, kind: str) -> HttpResponse:
    unit_id = _unit_id(request)
    if kind not in IncidentKind.values or unit_id is None:
        raise Http404
    services.adopt_sop(unit_id=unit_id, kind=kind, by=request.user)
    messages.success(request, _("Đã áp dụng. Việc tiếp theo: thủ trưởng xem và phê duyệt."))
    return _to_sop(unit_id, kind)


def _find(request: HttpRequest, pk: int) -> Sop:
    return get_object_or_404(selectors.sops_of(request.user), pk=pk)


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    services.approve_sop(sop=found, by=request.user)
    messages.success(request, _("Đã phê duyệt. Việc tiếp theo: người có vai trò đọc và xác nhận."))
    return _to_sop(found.unit_id, found.kind)


@require_POST
def confirm_read(request: HttpRequest, pk: int) -> HttpResponse:
    found = _find(request, pk)
    services.confirm_read(sop=found, by=request.user)
    messages.success(request, _("Đã ghi nhận bạn đã đọc quy trình."))
    return _to_sop(found.unit_id, found.kind)


def document(request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
    """GET: the unit's own text, as a download. POST: put one beside the procedure."""
    found = _find(request, pk)
    if request.method == "POST":
        policies.check_can_change_document(request.user, found)
        form = SopDocumentForm(request.POST, request.FILES)
        if not form.is_valid():
            messages.error(request, _("Hãy chọn một tệp PDF, DOCX, ODT hoặc ảnh."))
            return _to_sop(found.unit_id, found.kind)
        try:
            services.put_document(sop=found, file=form.cleaned_data["document"], by=request.user)
        except ActionDenied as denied:
            messages.error(request, str(denied))
        else:
            messages.success(request, _("Đã lưu văn bản của đơn vị bên cạnh quy trình mẫu."))
        return _to_sop(found.unit_id, found.kind)
    if not found.document:
        raise Http404
    return download(found.document, found.document_name)
