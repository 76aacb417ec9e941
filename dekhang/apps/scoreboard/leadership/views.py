"""The rows behind the leadership page's numbers: units of a decision, and what changed in a month."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.scoreboard.leadership.selectors import summary

ROWS_A_PAGE = 60


def check_can_see_province(user: User) -> None:
    if not user.is_provincial:
        raise ActionDenied(_("Trang này của lãnh đạo và cơ quan của tỉnh. Đơn vị xem việc của mình ở trang đầu."))


def decision(request: HttpRequest, key: str) -> HttpResponse:
    """Every unit that a decision is about."""
    check_can_see_province(request.user)
    day, fault = asked_day(request.GET.get("ngay"))
    one = next((one for one in summary(day).decisions if one.key == key), None)
    if one is None:
        raise Http404
    page = Paginator(one.units, ROWS_A_PAGE).get_page(request.GET.get("page"))
    rows = [(about, UnitKind(about.kind).label) for about in page]
    context = {"day": day, "fault": fault, "decision": one, "rows": rows, "page": page}
    return render(request, "scoreboard/decision.html", context)


def changes(request: HttpRequest) -> HttpResponse:
    """Units that gained or lost a proof in a month, by duty."""
    check_can_see_province(request.user)
    day, fault = asked_day(request.GET.get("ngay"))
    context = {"day": day, "fault": fault, "summary": summary(day)}
    return render(request, "scoreboard/changes.html", context)
