"""What waits for those who gave tasks: reports to check, questions, requests for more time, explanations."""

from itertools import chain

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dekhang.apps.cascade import selectors
from dekhang.apps.cascade.enums import ContestSide
from dekhang.apps.cascade.models import Extension, Question, Report, TaskContest
from dekhang.apps.cascade.wordings import wordings
from dekhang.apps.core import clock
from dekhang.apps.registry.selectors import unit_names, visible_unit_ids

PER_PAGE = 40


def inbox(request: HttpRequest) -> HttpResponse:
    """Of provincial roles what was sent from the top, of unit people what their units sent down; the oldest first."""
    seen = selectors.assignments_of(request.user).filter(ended_at=None)
    if request.user.is_provincial:
        sent = seen if request.GET.get("xem") == "tat-ca" else seen.filter(parent=None)
    else:
        sent = seen.filter(parent__unit_id__in=visible_unit_ids(request.user))
    ids = sent.order_by().values("pk")
    waiting = sorted(
        chain(
            (("report", one.reported_at, one) for one in Report.objects.filter(assignment__in=ids, verdict="", withdrawn_at=None).select_related("assignment", "occurrence")),
            (("question", one.asked_at, one) for one in Question.objects.filter(assignment__in=ids, answered_at=None).select_related("assignment")),
            (("extension", one.asked_at, one) for one in Extension.objects.filter(assignment__in=ids, decided_at=None, withdrawn_at=None).select_related("assignment")),
            (("contest", one.opened_at, one) for one in TaskContest.objects.filter(assignment__in=ids, answered_at=None, side=ContestSide.UNIT).select_related("assignment")),
        ),
        key=lambda row: row[1],
    )  # fmt: skip
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
    return render(
        request, "cascade/inbox.html", {"rows": rows, "page": page, "all": request.GET.get("xem") == "tat-ca"}
    )
