"""Pages of those who hold a briefing: plan, invite, give out, announce, end."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dekhang.apps.briefings import selectors, services
from dekhang.apps.briefings.enums import BriefingStatus
from dekhang.apps.briefings.forms import BriefingForm, InviteForm, MaterialForm
from dekhang.apps.briefings.models import Briefing
from dekhang.apps.briefings.policies import check_can_change, check_can_hold
from dekhang.apps.briefings.services.planning import PEOPLE_AT_ONCE
from dekhang.apps.cascade.enums import PlanState
from dekhang.apps.cascade.selectors import versions_of
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.registry.enums import PostKind, UnitKind
from dekhang.apps.registry.models import Employment
from dekhang.apps.registry.people.selectors import found
from dekhang.apps.registry.selectors import own_unit_id, unit_names, versions_in_force

PEOPLE_SHOWN = 40
SAID = {
    BriefingStatus.ANNOUNCED: gettext_lazy("Đã gửi giấy mời tới các đơn vị."),
    BriefingStatus.CLOSED: gettext_lazy("Đã kết thúc hội nghị; danh sách có mặt đã chốt. Chốt nhầm thì bấm “Mở lại”."),
    BriefingStatus.CANCELLED: gettext_lazy(
        "Đã hủy hội nghị và báo các đơn vị được mời. Hủy nhầm thì bấm “Chuẩn bị lại”."
    ),
    BriefingStatus.DRAFT: gettext_lazy("Hội nghị trở lại bước chuẩn bị. Gửi lại giấy mời khi sẵn sàng."),
}
INVALID = 422


def hosts_for(user: User) -> list[tuple[int, str]]:
    """In whose name this person may hold a briefing: (unit id, name); 0 is the province."""
    if user.role == Role.COORDINATOR:
        return [(0, _("Cơ quan điều phối của tỉnh"))]
    unit_id = own_unit_id(user)
    if unit_id is None or refusal(check_can_hold, user, unit_id):
        return []
    return [(unit_id, unit_names({unit_id}).get(unit_id, ""))]


def plans_for(user: User) -> list[tuple[int, str]]:
    """Plans in force that this person sees: (plan, title)."""
    return [(one.plan_id, one.title) for one in versions_of(user).filter(state=PlanState.ISSUED)[:100]]


def find(request: HttpRequest, pk: int) -> Briefing:
    return get_object_or_404(selectors.briefings_of(request.user), pk=pk)


def new(request: HttpRequest) -> HttpResponse:
    hosts = hosts_for(request.user)
    if not hosts:
        raise ActionDenied(_("Chỉ cơ quan điều phối, thủ trưởng và cán bộ chuyên trách của đơn vị tổ chức hội nghị."))
    form = BriefingForm(request.POST or None, hosts=hosts, plans=plans_for(request.user))
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            briefing = services.plan(unit_id=facts.pop("host"), by=request.user, **_screened(request, facts, None))
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã lập. Mời đơn vị, thêm tài liệu, rồi gửi giấy mời."))
            return redirect("briefings:invite", briefing.pk)
    return render(request, "briefings/form.html", {"form": form}, status=INVALID if form.errors else 200)


def change(request: HttpRequest, pk: int) -> HttpResponse:
    briefing = find(request, pk)
    check_can_change(request.user, briefing)
    names = ("title", "starts_at", "ends_at", "place", "link", "about", "plan_id")
    host = briefing.unit_id or 0
    form = BriefingForm(
        {**request.POST.dict(), "host": host} if request.method == "POST" else None,
        hosts=[(host, "")],
        plans=plans_for(request.user),
        initial={name: getattr(briefing, name) for name in names},
    )
    if request.method == "POST" and form.is_valid():
        facts = {name: form.cleaned_data[name] for name in names}
        try:
            services.change(briefing=briefing, by=request.user, **_screened(request, facts, briefing.unit_id))
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã sửa. Nếu giờ hoặc địa điểm đổi, các đơn vị được mời đã được báo."))
            return redirect("briefings:detail", pk)
    context = {"form": form, "briefing": briefing}
    return render(request, "briefings/form.html", context, status=INVALID if form.errors else 200)


def _screened(request: HttpRequest, facts: dict[str, Any], unit_id: int | None) -> dict[str, Any]:
    texts = {name: facts[name] for name in ("title", "place", "about")}
    refuse_secrets(unit_id=unit_id, by=request.user, texts=texts)
    return facts


@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    to = request.POST.get("to", "")
    if to not in BriefingStatus.values:
        to = BriefingStatus.ANNOUNCED
    briefing = services.move(briefing=find(request, pk), to=to, by=request.user)
    messages.success(request, str(SAID[BriefingStatus(briefing.status)]))
    return redirect("briefings:detail", pk)


def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Pick whole blocks, units, and people of the roster; one row for each invited unit."""
    briefing = find(request, pk)
    check_can_change(request.user, briefing)
    allowed = selectors.invitable_unit_ids(briefing.unit_id)
    versions = sorted(versions_in_force().filter(unit_id__in=allowed), key=lambda v: (v.name, v.unit_id))
    names = {version.unit_id: version.name for version in versions}
    text = request.GET.get("q", "").strip()[:100]
    form = InviteForm(
        request.POST or None,
        units=[(version.unit_id, version.name) for version in versions],
        people=[
            (int(pk), "") for pk in request.POST.getlist("people") if pk.isascii() and pk.isdigit() and len(pk) < 16
        ][:PEOPLE_AT_ONCE],
    )
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        blocks = {version.unit_id for version in versions if version.kind in facts["blocks"]}
        try:
            count = services.invite(
                briefing=briefing,
                unit_ids={*facts["units"], *blocks},
                posts=facts["posts"],
                person_ids=facts["people"],
                by=request.user,
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã mời thêm %(count)d đơn vị.") % {"count": count})
            return redirect("briefings:invite", pk)
    invited = set(briefing.invitations.values_list("unit_id", flat=True))
    blocks_shown = [
        (kind, label, [(v.unit_id, v.name, v.unit_id in invited) for v in versions if v.kind == kind])
        for kind, label in UnitKind.choices
    ]
    context = {
        "briefing": briefing,
        "form": form,
        "lines": selectors.lines_of(briefing),
        "blocks": [row for row in blocks_shown if row[2]],
        "posts": PostKind.choices,
        "posts_chosen": form["posts"].value() or [],
        "q": text,
        "people": _people(allowed, names, text),
    }
    return render(request, "briefings/invite.html", context, status=INVALID if form.errors else 200)


def _people(allowed: frozenset[int], names: dict[int, str], text: str) -> list[tuple[int, str, str]]:
    """(person, name, where they work) of those whose name or code has the words of `text`."""
    if not text:
        return []
    rows = Employment.objects.in_force(clock.today()).filter(unit_id__in=allowed).select_related("person")
    return [
        (row.person_id, row.person.name, ", ".join(filter(None, [row.title, names.get(row.unit_id, "")])))
        for row in found(rows.order_by("person__name", "pk"), text)[:PEOPLE_SHOWN]
    ]


@require_POST
def uninvite(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(selectors.invitations_of(request.user), pk=pk)
    briefing_id = invitation.briefing_id
    services.uninvite(invitation=invitation, by=request.user)
    messages.success(request, _("Đã bỏ mời. Bỏ nhầm thì chọn lại đơn vị và mời."))
    return redirect("briefings:invite", briefing_id)


@require_POST
def add_material(request: HttpRequest, pk: int) -> HttpResponse:
    briefing = find(request, pk)
    check_can_change(request.user, briefing)
    form = MaterialForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, " ".join(error for errors in form.errors.values() for error in errors))
        return redirect("briefings:detail", pk)
    try:
        services.add_material(briefing=briefing, by=request.user, **form.cleaned_data)
    except ActionDenied as denied:
        messages.error(request, str(denied))
    else:
        messages.success(request, _("Đã thêm tài liệu."))
    return redirect("briefings:detail", pk)


@require_POST
def withdraw_material(request: HttpRequest, pk: int) -> HttpResponse:
    material = get_object_or_404(selectors.materials_of(request.user), pk=pk)
    services.withdraw_material(material=material, by=request.user)
    messages.success(request, _("Đã rút tài liệu; ai đã đọc vẫn còn trong hồ sơ."))
    return redirect("briefings:detail", material.briefing_id)
