"""Pages of everybody: which briefings there are, what is given out, reading, questions."""

from pathlib import PurePath

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dekhang.apps.briefings import policies, selectors, services
from dekhang.apps.briefings.enums import MOVES, BriefingStatus
from dekhang.apps.briefings.forms import AnswerForm, MaterialForm, QuestionForm
from dekhang.apps.briefings.messages import host_name
from dekhang.apps.briefings.models import Briefing, Invitation, Reading
from dekhang.apps.briefings.views.planning import find, hosts_for
from dekhang.apps.cascade.enums import PlanState
from dekhang.apps.cascade.selectors import versions_of
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.duties import documents
from dekhang.apps.registry.search import fold, found_in
from dekhang.apps.registry.selectors import unit_names

PER_PAGE = 40
VIEWS = (("coming", gettext_lazy("Sắp tới")), ("past", gettext_lazy("Đã qua")))
BUTTONS = {
    BriefingStatus.ANNOUNCED: (gettext_lazy("Gửi giấy mời"), "send"),
    BriefingStatus.CLOSED: (gettext_lazy("Kết thúc, chốt danh sách"), "circle-check"),
    BriefingStatus.CANCELLED: (gettext_lazy("Hủy hội nghị"), "x"),
    BriefingStatus.DRAFT: (gettext_lazy("Chuẩn bị lại"), "rotate-ccw"),
}
TONES = {
    BriefingStatus.DRAFT: "neutral",
    BriefingStatus.ANNOUNCED: "info",
    BriefingStatus.CLOSED: "ok",
    BriefingStatus.CANCELLED: "warn",
}


def briefing_list(request: HttpRequest) -> HttpResponse:
    view = request.GET.get("xem", "coming")
    text = request.GET.get("q", "").strip()[:100]
    rows = selectors.briefings_of(request.user).annotate(invited=Count("invitations", distinct=True))
    now = clock.now()
    if view == "past":
        rows = rows.filter(ends_at__lt=now).order_by("-starts_at", "-pk")
    else:
        view = "coming"
        rows = rows.filter(ends_at__gte=now).order_by("starts_at", "pk")
    found = [one for one in rows[:500] if found_in(text, one.title)] if fold(text) else rows
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.unit_id for one in page if one.unit_id})
    context = {
        "rows": [
            {"briefing": one, "host": names.get(one.unit_id or 0, ""), "tone": TONES[BriefingStatus(one.status)]}
            for one in page
        ],
        "page": page,
        "view": view,
        "views": VIEWS,
        "q": text,
        "may_plan": bool(hosts_for(request.user)),
    }
    return render(request, "briefings/_rows.html" if request.htmx else "briefings/list.html", context)


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    briefing = find(request, pk)
    user = request.user
    own = selectors.own_invitations(user, briefing)
    sees_all = selectors.organises(user, briefing)
    lines = selectors.lines_of(briefing)
    mine = {one.pk for one in own}
    questions = list(selectors.questions_of(user).filter(briefing=briefing))
    names = unit_names({question.unit_id for question in questions})
    context = {
        "briefing": briefing,
        "tone": TONES[BriefingStatus(briefing.status)],
        "host": host_name(briefing),
        "plan": versions_of(user).filter(plan_id=briefing.plan_id, state=PlanState.ISSUED).first(),
        "sees_all": sees_all,
        "may_organise": refusal(policies.check_can_organise, user, briefing) is None,
        "summary": selectors.summary_of(lines) if sees_all else None,
        "own": [line for line in lines if line.invitation.pk in mine],
        "materials": _materials(request, briefing, own),
        "questions": [
            {
                "question": question,
                # a shared answer does not say who asked
                "unit": names.get(question.unit_id, "") if sees_all or question.unit_id in {i.unit_id for i in own} else "",
                "refusal": refusal(policies.check_can_answer, user, question),
                "form": AnswerForm(initial={"answer": question.answer, "shared": question.shared}, auto_id=f"q{question.pk}_%s"),
            }
            for question in questions
        ],
        "moves": [
            {"to": to, "label": BUTTONS[to][0], "icon": BUTTONS[to][1], "refusal": refusal(policies.check_can_move, user, briefing, to)}
            for to in BriefingStatus
            if to in MOVES[BriefingStatus(briefing.status)]
        ],
        "reopens": briefing.status == BriefingStatus.CLOSED,
        "change_refusal": refusal(policies.check_can_change, user, briefing),
        "code_refusal": refusal(policies.check_can_show_code, user, briefing),
        "material_form": MaterialForm(auto_id="tl_%s"),
        "question_form": QuestionForm(auto_id="hoi_%s"),
        "ask_refusal": _ask_refusal(request, own),
    }  # fmt: skip
    return render(request, "briefings/detail.html", context)


def _ask_refusal(request: HttpRequest, own: list[Invitation]) -> str | None:
    if not own:
        return _("Đơn vị được mời gửi câu hỏi ở đây.")
    return refusal(policies.check_is_invited, request.user, own[0])


def _materials(request: HttpRequest, briefing: Briefing, own: list[Invitation]) -> list[dict[str, object]]:
    readings = {row.material_id: row for row in Reading.objects.filter(material__briefing=briefing, user=request.user)}
    return [
        {
            "material": one,
            "reading": readings.get(one.pk),
            "refusal": refusal(policies.check_can_read, request.user, own[0], one) if own else None,
        }
        for one in briefing.materials.filter(withdrawn_at=None)
    ]


def material(request: HttpRequest, pk: int) -> FileResponse:
    """The file as it was given out; always as a download. The first time that an invited person opens it is noted."""
    one = get_object_or_404(selectors.materials_of(request.user).filter(withdrawn_at=None), pk=pk)
    for invitation in selectors.own_invitations(request.user, one.briefing)[:1]:
        if refusal(policies.check_is_invited, request.user, invitation) is None:
            services.note_opened(material=one, invitation=invitation, by=request.user)
    name = f"tai-lieu-{one.briefing_id}-{one.pk}{PurePath(one.file_name).suffix.lower()}"
    return documents.download(one.file, name)


@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.materials_of(request.user).filter(withdrawn_at=None), pk=pk)
    services.confirm_read(material=one, invitation=_own(request, one.briefing), by=request.user)
    messages.success(request, _("Đã ghi nhận bạn đọc “%(title)s”.") % {"title": one.title})
    return redirect("briefings:detail", one.briefing_id)


def _own(request: HttpRequest, briefing: Briefing) -> Invitation:
    own = selectors.own_invitations(request.user, briefing)
    if not own:
        raise ActionDenied(_("Chỉ thủ trưởng và cán bộ chuyên trách của đơn vị được mời làm được việc này."))
    return own[0]


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    briefing = find(request, pk)
    form = QuestionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Hãy viết câu hỏi trước khi gửi."))
        return redirect("briefings:detail", pk)
    services.ask(invitation=_own(request, briefing), text=form.cleaned_data["text"], by=request.user)
    messages.success(request, _("Đã gửi câu hỏi. Ban tổ chức trả lời thì bạn nhận được thư."))
    return redirect("briefings:detail", pk)


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    question = get_object_or_404(selectors.questions_of(request.user), pk=pk)
    form = AnswerForm(request.POST)
    policies.check_can_answer(request.user, question)
    if not form.is_valid():
        messages.error(request, _("Hãy viết câu trả lời trước khi gửi."))
        return redirect("briefings:detail", question.briefing_id)
    facts = form.cleaned_data
    services.answer(question=question, text=facts["answer"], shared=facts["shared"], by=request.user)
    messages.success(request, _("Đã trả lời; người hỏi nhận được thư."))
    return redirect("briefings:detail", question.briefing_id)
