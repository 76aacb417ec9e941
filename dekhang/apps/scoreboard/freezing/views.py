"""Pages of frozen periods: all of them, freezing by hand, one with what changed since, one duty's rows that differ."""

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.scoreboard import selectors as board
from dekhang.apps.scoreboard.freezing import selectors, services
from dekhang.apps.scoreboard.freezing.forms import FreezeForm
from dekhang.apps.scoreboard.freezing.periods import name_of
from dekhang.apps.scoreboard.freezing.policies import check_can_freeze
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.law import load

PER_PAGE = 30


def periods(request: HttpRequest) -> HttpResponse:
    """All periods on ice; the coordinator puts a day on ice here."""
    refused = refusal(check_can_freeze, request.user)
    form = FreezeForm(request.POST or None, initial={"day": clock.today() - timedelta(days=1)})
    if request.method == "POST":
        check_can_freeze(request.user)
        if form.is_valid():
            made = services.freeze_by_hand(**form.cleaned_data, by=request.user)
            messages.success(request, _("Đã đóng băng số liệu %(name)s.") % {"name": made.name})
            return redirect("scoreboard:period", made.pk)
    page = Paginator(selectors.periods(), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "scoreboard/periods.html", {"page": page, "form": form, "refusal": refused})


def period(request: HttpRequest, pk: int) -> HttpResponse:
    """One period: each duty as frozen, and what the same day comes to with today's knowledge."""
    one = get_object_or_404(selectors.periods(), pk=pk)
    frozen = board.figures(one.last_day)
    now = board.live_boards(board.BOARD_DUTIES, one.last_day)
    snapshots = list(Snapshot.objects.filter(date=one.last_day))
    context = {
        "period": one,
        "lines": [(figure, now[key], figure.proven != now[key].proven) for key, figure in frozen.items()],
        "intact": selectors.period_digest(one, snapshots) == one.digest,
    }
    return render(request, "scoreboard/period.html", context)


def difference(request: HttpRequest, duty_key: str) -> HttpResponse:
    """A frozen day (`?ngay=`) beside the same day with today's knowledge: the rows that differ, and evidence that came late."""
    if duty_key not in board.BOARD_DUTIES:
        raise Http404
    day, fault = asked_day(request.GET.get("ngay"))
    found = selectors.difference(duty_key, day, request.user)
    context = {
        "day": day,
        "fault": fault,
        "today": clock.today(),
        "duty": load().duty(duty_key),
        "difference": found,
        "periods": [name_of(one.kind, one.last_day) for one in selectors.periods_of(day)],
        "page": Paginator(found.changes if found else (), PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "scoreboard/difference.html", context)
