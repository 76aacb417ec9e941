"""The first screen of every role: what must I do now?"""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.cascade.selectors import inbox_of
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import refusal
from dekhang.apps.core.middleware import CHOSEN_UNIT
from dekhang.apps.core.models import User
from dekhang.apps.portal import health, inspecting, province, services, work
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.models import Contact, UnitVersion
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import (
    contacts,
    counted_units,
    current_version,
    own_unit_id,
    own_unit_ids,
    visible_unit_ids,
)
from dekhang.apps.scoreboard import pictures
from dekhang.apps.scoreboard import selectors as scoreboard
from dekhang.apps.scoreboard.definitions import absence
from dekhang.apps.scoreboard.figures import Board
from dekhang.apps.scoreboard.leadership.decisions import AT_MOST
from dekhang.apps.scoreboard.leadership.selectors import at_a_glance, summary
from dekhang.apps.scoreboard.leadership.views import check_can_see_province
from dekhang.apps.scoreboard.rows import reasons_of
from dekhang.apps.scoreboard.views import share_card

HOME_DUTIES = ("record_attacks", "sop")  # the two that the directive has baselines for; the board has all eleven


def home(request: HttpRequest) -> HttpResponse:
    user = request.user
    template, context = SCREENS[Role(user.role)](user)
    return render(request, template, context | {"now": clock.now()})


def _unit_screen(user: User) -> tuple[str, dict[str, Any]]:
    """Officer and head: their own unit, or the one of several that they chose."""
    unit_id = own_unit_id(user)
    version = current_version(unit_id) if unit_id else None
    if version is None:
        return "portal/home_no_post.html", {}
    return "portal/home_unit.html", _of_unit(user, version)


def _of_unit(user: User, version: UnitVersion) -> dict[str, Any]:
    unit_id, held = version.unit_id, own_unit_ids(user)
    return {
        "version": version,
        "unit_id": unit_id,
        "units": work.units_to_choose(user, held) if len(held) > 1 else [],
        "work": work.work_of_unit(user, version),
        "contacts": work.duty_contacts(unit_id),
        "refusal": refusal(check_works_for_unit, user, unit_id),
        "is_own": unit_id in held,
    }


def work_of(request: HttpRequest, unit_id: int) -> HttpResponse:
    """“Việc phải làm bây giờ” of one unit, for everybody who may see it."""
    version = current_version(unit_id) if unit_id in visible_unit_ids(request.user) else None
    if version is None:
        raise Http404
    return render(request, "portal/home_unit.html", _of_unit(request.user, version) | {"now": clock.now()})


@require_POST
def choose_unit(request: HttpRequest) -> HttpResponse:
    """Somebody with posts in several units says for which one they work now."""
    asked = request.POST.get("don-vi", "")
    chosen = int(asked) if asked.isdecimal() and len(asked) < 18 else 0
    if chosen not in own_unit_ids(request.user):
        raise Http404
    request.session[CHOSEN_UNIT] = chosen
    return redirect("portal:home")


def _shares() -> dict[str, Any]:
    boards = scoreboard.with_contests(scoreboard.brief_boards(HOME_DUTIES))
    return {"boards": boards, "shares": [share_card(board) for board in boards.values()]}


def _reasons(boards: dict[str, Board]) -> list[dict[str, Any]]:
    return [{"duty": b.duty, "reasons": reasons_of(b.rows)} for b in boards.values()]


def _coordinator_screen(user: User) -> tuple[str, dict[str, Any]]:
    shares = _shares()
    return "portal/home_coordinator.html", {
        **shares,
        "overview": province.overview(user),
        "plan_waits": len(inbox_of(user)),
        "reasons": _reasons(shares["boards"]),
        "parts": health.parts(),
        "mail": health.mail(),
    }


def _leader_screen(user: User) -> tuple[str, dict[str, Any]]:
    return "portal/home_leader.html", _province(user, clock.today())


def _province(user: User, day: date) -> dict[str, Any]:
    found = summary(day)
    return {
        "day": day,
        "today": clock.today(),
        "summary": found,
        "decisions": found.decisions[:AT_MOST],
        "lines": [
            (
                line,
                pictures.proven_bar(line.board),
                _("không có đơn vị nào thuộc diện này") if absence(line.board) else at_a_glance(line.forecast),
            )
            for line in found.lines
        ],
        "overview": province.overview(user),
    }


def leadership(request: HttpRequest) -> HttpResponse:
    """The province in half a minute, on any day, for everybody who works for it."""
    check_can_see_province(request.user)
    day, fault = asked_day(request.GET.get("ngay"))
    return render(
        request, "portal/home_leader.html", _province(request.user, day) | {"fault": fault, "now": clock.now()}
    )


def _inspector_screen(user: User) -> tuple[str, dict[str, Any]]:
    shares = _shares()
    return "portal/home_inspector.html", {
        **shares,
        "reasons": _reasons(shares["boards"]),
        "overview": province.overview(user),
        "inspecting": inspecting.overview(user),
    }


def _administrator_screen(user: User) -> tuple[str, dict[str, Any]]:
    accounts = User.objects.filter(is_active=True)
    held = set(counted_units().values_list("unit_id", flat=True))
    return "portal/home_administrator.html", {
        "parts": health.parts(),
        "mail": health.mail(),
        "accounts": accounts.count(),
        "closed": User.objects.filter(is_active=False).count(),
        "unit_count": len(held),
        "empty_posts": work.empty_posts(held),
    }


SCREENS: dict[Role, Callable[[User], tuple[str, dict[str, Any]]]] = {
    Role.OFFICER: _unit_screen,
    Role.HEAD: _unit_screen,
    Role.COORDINATOR: _coordinator_screen,
    Role.PROVINCE_LEADER: _leader_screen,
    Role.INSPECTOR: _inspector_screen,
    Role.ADMINISTRATOR: _administrator_screen,
}


@require_POST
def on_duty(request: HttpRequest, pk: int) -> HttpResponse:
    """A person of the unit answers as its duty contact: the button “Tôi đang trực”."""
    contact = get_object_or_404(Contact, pk=pk, unit_id__in=visible_unit_ids(request.user))
    contact = get_object_or_404(contacts(contact.unit_id), pk=pk)
    services.confirm_duty(contact=contact, by=request.user)
    messages.success(request, _("Cảm ơn. Đã ghi nhận bạn đang trực."))
    return redirect("portal:home")
