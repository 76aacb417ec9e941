"""What waits for those who gave tasks: reports to check, questions, requests for more time, explanations."""

from itertools import chain

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dekhang.apps.cascade import selectors
from dekhang.apps.cascade.wordings import wordings
from dekhang.apps.core import clock
from dekhang.apps.registry.selectors import unit_names

PER_PAGE = 40


def inbox(request: HttpRequest) -> HttpResponse:
    """The oldest first, whatever it is."""
    everything = request.GET.get("xem") == "tat-ca"
    inbox = selectors.inbox_of(request.user, everything=everything)
    waiting = sorted(
        chain(
            (("report", one.reported_at, one) for one in inbox.reports.select_related("assignment", "occurrence")),
            (("question", one.asked_at, one) for one in inbox.questions.select_related("assignment")),
            (("extension", one.asked_at, one) for one in inbox.extensions.select_related("assignment")),
            (("contest", one.opened_at, one) for one in inbox.contests.select_related("assignment")),
        ),
        key=lambda row: row[1],
    )
    page = Paginator(waiting, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.assignment.unit_id for _kind, _at, one in page})
    tasks = wordings({one.assignment.task_id for _kind, _at, one in page}, clock.now())
    rows = [
        {
            "kind": kind,
            "at": at,
            "one": one,
            "unit": names.get(one.assignment.unit_id, ""),
            "task": tasks.get(one.assignment.task_id),
        }
        for kind, at, one in page
    ]
    return render(request, "cascade/inbox.html", {"rows": rows, "page": page, "all": everything})
