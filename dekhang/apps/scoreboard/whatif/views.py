"""The what-if page. The whole question stands in its address, so that it can be sent to somebody; nothing is stored."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import ReasonCode
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS
from dekhang.apps.scoreboard.blocks.selectors import visible
from dekhang.apps.scoreboard.whatif import selectors
from dekhang.apps.scoreboard.whatif.selectors import MAX_UNITS

ROWS_A_PAGE = 30
FIRST_ASKED = ("record_attacks",)
MAX_TYPED = 20_000  # characters of an address that are read


def page(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    of = selectors.province(day)
    known = {key for key, board in of.boards.items() if any(row.kind in COUNTED_KINDS for row in board.rows)}
    keys = [key for key in request.GET.getlist("nghia-vu")[:20] if key in known] or [
        k for k in FIRST_ASKED if k in known
    ]
    kind = request.GET.get("khoi", "") if request.GET.get("khoi") in COUNTED_KINDS else ""
    count = request.GET.get("gan-nhat", "")
    if count.isdecimal() and len(count) < 5:
        found = selectors.nearest(request.user, of, keys, int(count), kind)
        return redirect(f"{reverse('scoreboard:what_if')}?{_query(found, keys, day, kind)}")
    chosen = _units(request)
    answer = selectors.what_if(request.user, of, chosen, keys)
    mine = visible(of.comparison.places, request.user)
    rows = Paginator(answer.missing, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "kind": kind,
        "kinds": [(value, UnitKind(value).label) for value in COUNTED_KINDS if any(one.kind == value for one in mine)],
        "duties": [(of.boards[key].duty, key in keys) for key in of.boards if key in known],
        "units": [
            (UnitKind(value).label, [(one, one.unit_id in answer.units) for one in mine if one.kind == value])
            for value in COUNTED_KINDS
            if any(one.kind == value for one in mine) and (not kind or kind == value)
        ],
        "answer": answer,
        "changes": [change for change in answer.changes if change.duty.key in answer.duties],
        "blocks": list(zip(answer.before, answer.after, strict=True)),
        "reasons": [(ReasonCode(code).label, number) for code, number in answer.reasons if code in ReasonCode.values],
        "rows": rows,
        "page": rows,
        "too_many": len(set(chosen)) > MAX_UNITS,
        "max_units": MAX_UNITS,
        "share": request.build_absolute_uri(f"{request.path}?{_query(answer.units, keys, day, kind)}"),
    }
    return render(request, "scoreboard/what_if.html", context)


def _units(request: HttpRequest) -> list[int]:
    """Ids of the address: `don-vi` several times, or once with commas."""
    typed = ",".join(request.GET.getlist("don-vi"))[:MAX_TYPED]
    return [int(part) for part in typed.split(",") if part.isdecimal() and part.isascii() and len(part) < 18]


def _query(units: object, keys: list[str], day: object, kind: str) -> str:
    ids = ",".join(str(pk) for pk in units)  # type: ignore[attr-defined]
    asked = [("don-vi", ids), *(("nghia-vu", key) for key in keys), ("ngay", str(day))]
    return urlencode([*asked, *([("khoi", kind)] if kind else [])], safe=",")
