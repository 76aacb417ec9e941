"""Pages of reorganisations: what is planned and what came, and one form a kind with its preview."""

import re
from datetime import timedelta
from itertools import groupby

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry.enums import ReorganisationKind
from dekhang.apps.registry.models import Reorganisation, System
from dekhang.apps.registry.policies import check_can_manage_registry
from dekhang.apps.registry.reorganise import faults, preview, record, schedule, undo
from dekhang.apps.registry.reorganise.forms import FORMS, SplitForm
from dekhang.apps.registry.reorganise.writing import check_can_undo
from dekhang.apps.registry.selectors import unit_names

KINDS = {  # what a person wants to do, in the order of how often it is needed
    ReorganisationKind.MERGE: ("combine", gettext_lazy("Nhập hai hay nhiều đơn vị thành một")),
    ReorganisationKind.SPLIT: ("split", gettext_lazy("Chia một đơn vị, hoặc tách một phần ra")),
    ReorganisationKind.RENAME: ("pencil", gettext_lazy("Đổi tên, đổi loại, đổi mã")),
    ReorganisationKind.MOVE: ("move-right", gettext_lazy("Chuyển sang cấp trên khác")),
    ReorganisationKind.ABOLISH: ("archive", gettext_lazy("Kết thúc đơn vị, không có đơn vị thay")),
    ReorganisationKind.CREATE: ("plus", gettext_lazy("Thành lập đơn vị mới")),
}


def reorganisations(request: HttpRequest) -> HttpResponse:
    today = clock.today()
    # the record knows what is still to come in a demo of an earlier day: it is nobody's plan here
    shown = Reorganisation.objects.filter(Q(planned_at__isnull=False) | Q(date__lte=today))
    events = list(shown.order_by("-date", "pk").prefetch_related("successions"))
    names = unit_names(
        {i for event in events for row in event.successions.all() for i in (row.predecessor_id, row.successor_id) if i}
    )
    rows = [
        {
            "event": event,
            "before": _names(names, (row.predecessor_id for row in event.successions.all())),
            "after": _names(names, (row.successor_id for row in event.successions.all())),
            "is_planned": event.planned_at is not None and event.undone_at is None and event.date > today,
            "refusal": refusal(check_can_undo, request.user, event),
        }
        for event in events
    ]
    past = [row for row in rows if not row["is_planned"]]
    context = {
        "planned": [row for row in rows if row["is_planned"]],
        "past": [(day, list(those)) for day, those in groupby(past, key=lambda row: row["event"].date)],
        "kinds": [(kind.value, icon, text) for kind, (icon, text) in KINDS.items()],
        "refusal": refusal(check_can_manage_registry, request.user),
        "recorded": record.days_to_come(),
    }
    return render(request, "registry/reorganisations.html", context)


def of_record(request: HttpRequest, day: str) -> HttpResponse:
    """A day of the record as a plan: what it would do; with `xac-nhan` it is planned."""
    check_can_manage_registry(request.user)
    wanted = next((one for one in record.days_to_come() if one.isoformat() == day), None)
    if wanted is None:
        raise Http404
    given = {
        int(name.removeprefix("system_")): int(place)
        for name, place in request.POST.items()
        if name.startswith("system_") and re.fullmatch("[0-9]{1,18}", name[7:]) and re.fullmatch("[0-9]{1,9}", place)
    }
    plan = record.plan_of(wanted, given)
    context: dict[str, object] = {"day": wanted, "plan": plan, "faults": faults(plan)}
    if not context["faults"]:
        if request.method == "POST" and "xac-nhan" in request.POST:
            try:
                schedule(plan=plan, by=request.user)
            except ActionDenied as denied:
                context["faults"] = [str(denied)]
            else:
                messages.success(
                    request,
                    _("Đã lên lịch cả đợt ngày %(day)s. Đổi ý thì hủy trước ngày ấy.") % {"day": f"{wanted:%d/%m/%Y}"},
                )
                return redirect("registry:reorganisations")
        names = unit_names(set(plan.touched), wanted)
        context["preview"] = preview(plan)
        context["rows"] = [
            (
                one.name,
                one.code,
                _names(names, one.takes or [one.unit_id]),  # who is only renamed comes from itself
                _names(names, one.takes_part),
            )
            for one in plan.outcomes
        ]
        context["given"] = [
            (
                system,
                names.get(system.unit_id, ""),
                [
                    (place, one.name)
                    for place, one in enumerate(plan.outcomes)
                    if system.unit_id in (*one.takes, *one.takes_part)
                ],
                plan.systems_to.get(
                    system.pk, plan.outcomes.index(main) if (main := plan.main_outcome(system.unit_id)) else -1
                ),
            )
            for system in System.objects.in_force(wanted)
            .filter(unit_id__in=record.divided(plan))
            .order_by("unit_id", "name")
        ]
    return render(request, "registry/of_record.html", context)


def _names(names: dict[int, str], ids: object) -> list[str]:
    return [names[i] for i in dict.fromkeys(ids) if i in names]  # type: ignore[call-overload]


def plan(request: HttpRequest, kind: str) -> HttpResponse:
    """The form; with `xem` what it would do; with `xac-nhan` it is done."""
    check_can_manage_registry(request.user)
    if kind not in FORMS:
        raise Http404
    posted = request.method == "POST"
    form = FORMS[kind](request.POST) if posted else FORMS[kind](initial={"date": clock.today() + timedelta(days=1)})
    context = {"form": form, "kind": kind, "about": KINDS[ReorganisationKind(kind)][1]}
    if posted and form.is_valid():
        wanted = form.plan()
        context["faults"] = faults(wanted)
        if not context["faults"]:
            if "xac-nhan" in request.POST:
                try:
                    event = schedule(plan=wanted, by=request.user)
                except ActionDenied as denied:  # somebody planned something else meanwhile
                    context["faults"] = [str(denied)]
                else:
                    messages.success(
                        request,
                        _("Đã lên lịch cho ngày %(day)s. Đổi ý thì bấm “Hủy lịch” trước ngày ấy.")
                        % {"day": f"{event.date:%d/%m/%Y}"},
                    )
                    return redirect("registry:reorganisations")
            else:
                context["preview"] = preview(wanted)
                if isinstance(form, SplitForm):
                    context["given"] = [(system, wanted.systems_to.get(system.pk, 0)) for system in form.systems()]
                    context["outcomes"] = list(enumerate(one.name for one in wanted.outcomes))
    return render(request, "registry/plan.html", context)


@require_POST
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    event = get_object_or_404(Reorganisation, pk=pk)
    undo(event=event, by=request.user)
    messages.success(request, _("Đã hủy lịch sắp xếp. Danh sách đơn vị trở lại như trước khi lên lịch."))
    return redirect("registry:reorganisations")
