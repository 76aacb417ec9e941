"""The map, one indicator's evidence pack, clearing items for the public, and the public export."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock, sheets
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.selectors import unit_names
from dekhang.apps.scoreboard.gci import selectors, services
from dekhang.apps.scoreboard.services import record_export
from dekhang.law import UnknownKey, load

PAPERS_A_PAGE = 50


def page(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    found = selectors.contribution_map(request.user, day)
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "map": found,
        "rows": [
            (pillar, [(row, [(item, _place(item, row.indicator.key, day)) for item in row.items]) for row in rows])
            for pillar, rows in found.rows
        ],
        "editions": load().gci_editions,
        "may_export": request.user.is_provincial,
    }
    return render(request, "scoreboard/gci.html", context)


def _place(item: selectors.Item, indicator: str, day: object) -> str:
    """Where the rows behind an item are."""
    if item.contribution.duty:
        asked = f"?nghia-vu={item.contribution.duty}&trang-thai={ClaimState.PROVEN}&ngay={day}#cac-don-vi"
        return reverse("scoreboard:board") + asked
    return reverse("scoreboard:gci_indicator", args=[indicator]) + f"?ngay={day}"


def indicator(request: HttpRequest, key: str) -> HttpResponse:
    try:
        one = load().gci_indicator(key)
    except UnknownKey:
        raise Http404 from None
    day, fault = asked_day(request.GET.get("ngay"))
    found = selectors.contribution_map(request.user, day)
    row = next((row for _pillar, rows in found.rows for row in rows if row.indicator.key == key), None)
    if row is None:
        raise Http404
    cleared = selectors.public_items()
    kinds = [item.contribution.document for item in row.items if item.contribution.document]
    papers = selectors.documents(request.user, selectors.moment_of(day)).filter(revision__document__kind__in=kinds)
    page = Paginator(papers.order_by("unit_id", "pk"), PAPERS_A_PAGE).get_page(request.GET.get("page"))
    names = unit_names({paper.unit_id for paper in page}, day)
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "indicator": one,
        "pillar": next(p for p in load().gci_pillars if p.key == one.pillar),
        "items": [(item, _place(item, key, day), cleared.get(item.key)) for item in row.items],
        "instruments": {i.contribution.instrument: load().instrument(i.contribution.instrument) for i in row.items if i.contribution.instrument},
        "papers": [
            (paper, names.get(paper.unit_id, ""), f"paper:{paper.revision.document_id}", cleared.get(f"paper:{paper.revision.document_id}"))
            for paper in page
        ],
        "has_papers": bool(kinds),
        "page": page,
        "refusal": refusal(services.check_can_clear, request.user),
    }  # fmt: skip
    return render(request, "scoreboard/gci_indicator.html", context)


@require_POST
def clear(request: HttpRequest) -> HttpResponse:
    services.clear(key=request.POST.get("muc", "")[:80], link=request.POST.get("lien-ket", "").strip(), by=request.user)
    messages.success(request, _("Đã đánh dấu công khai. Đánh dấu nhầm thì bấm “Rút về nội bộ”."))
    return redirect(_back(request))


@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    services.withdraw(key=request.POST.get("muc", "")[:80], by=request.user)
    messages.success(request, _("Mục này lại là nội bộ và không còn trong bản xuất công khai."))
    return redirect(_back(request))


def _back(request: HttpRequest) -> str:
    """The pack from which it was sent; only a key that exists, so that no address of a stranger gets in."""
    key = request.POST.get("chi-tieu", "")
    if key in {one.key for one in load().gci_indicators}:
        return reverse("scoreboard:gci_indicator", args=[key])
    return reverse("scoreboard:gci")


def export(request: HttpRequest, form: str) -> HttpResponse:
    """What the public may have, as a file. For those who work for the province."""
    if form not in sheets.CONTENT_TYPES:
        raise Http404
    if not request.user.is_provincial:
        raise ActionDenied(_("Chỉ cơ quan của tỉnh xuất bản đồ đóng góp."))
    day, _fault = asked_day(request.GET.get("ngay"))
    rows = selectors.public_rows(request.user, day)
    record_export(duty_key="gci", day=day, rows=len(rows), form=form, by=request.user)
    headings = [
        _("Trụ cột"),
        _("Chỉ tiêu"),
        _("Minh chứng của tỉnh"),
        _("Số đơn vị hoặc văn bản"),
        _("Liên kết công bố"),
    ]
    notes = [
        (_("Tính đến"), f"{day:%d/%m/%Y}"),
        (_("Đây là gì"), _("Minh chứng của tỉnh có thể đóng góp cho từng chỉ tiêu. GCI chấm cho quốc gia; bảng này không chấm gì cho tỉnh.")),
        (_("Phạm vi"), _("Chỉ gồm mục mà cơ quan điều phối đã cho công khai.")),
        (_("Tên chỉ tiêu"), _("Đề Kháng diễn đạt, theo trí nhớ; đối chiếu bảng hỏi của ITU trước khi gửi.")),
    ]  # fmt: skip
    lines = ([row.pillar, row.indicator, row.what, row.figure, row.link] for row in rows)
    response = HttpResponse(
        sheets.render(sheets.Table(_("Đóng góp GCI"), headings, lines, notes), form),
        content_type=sheets.CONTENT_TYPES[form],
    )
    response["Content-Disposition"] = f'attachment; filename="dong-gop-gci-{day.isoformat()}.{form}"'
    return response
