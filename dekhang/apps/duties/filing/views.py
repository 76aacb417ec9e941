"""Pages of documents: what a unit filed, filing, one revision with its review, what waits, and signs of gaming."""

from pathlib import PurePath

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents as files
from dekhang.apps.duties.enums import DocumentKind, RevisionState
from dekhang.apps.duties.filing import doings, flags, selectors, services
from dekhang.apps.duties.filing.forms import FilingForm, ReviewForm
from dekhang.apps.duties.filing.kinds import KINDS
from dekhang.apps.duties.filing.policies import (
    INSPECTORS,
    check_can_review,
    check_can_see_signs,
    check_can_submit,
    check_can_withdraw_revision,
)
from dekhang.apps.duties.models import Evidence, Revision
from dekhang.apps.registry.models import System
from dekhang.apps.registry.selectors import current_version, own_unit_id, unit_names, visible_unit_ids
from dekhang.law import load

PER_PAGE = 50
ROWS_SHOWN = 10  # of the evidence behind one sign


def mine(request: HttpRequest) -> HttpResponse:
    """Unit people go to their own documents; provincial roles to what waits."""
    unit_id = own_unit_id(request.user)
    return redirect("duties:documents_of", unit_id) if unit_id else redirect("duties:review_queue")


def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    if unit_id not in visible_unit_ids(request.user):
        raise Http404
    documents = selectors.documents_of(request.user).filter(unit_id=unit_id)
    duties = {duty.key: duty for duty in load().duties}
    rows = [
        {
            "document": document,
            "newest": revisions[0],
            "counts": next((one for one in revisions if one.state == RevisionState.ACCEPTED), None),
            "duties": [duties[key] for key in document.duty_keys if key in duties],
        }
        for document in documents
        if (revisions := list(document.revisions.all()))
    ]
    context = {
        "version": current_version(unit_id),
        "unit_id": unit_id,
        "rows": rows,
        "kinds": DocumentKind.choices,
        "refusal": refusal(check_can_submit, request.user, unit_id),
    }
    return render(request, "duties/documents.html", context)


def new(request: HttpRequest, unit_id: int, kind: str) -> HttpResponse:
    if unit_id not in visible_unit_ids(request.user) or kind not in KINDS:
        raise Http404
    check_can_submit(request.user, unit_id)
    form = FilingForm(kind, unit_id, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        texts = {name: value for name, value in facts.items() if isinstance(value, str)}
        try:
            services.refuse_secrets(unit_id=unit_id, by=request.user, texts=texts, file=facts["file"])
            revision = services.submit(
                unit_id=unit_id,
                kind=kind,
                title=facts["title"],
                issue_number=facts["issue_number"],
                issued_on=facts["issued_on"],
                facts=form.facts(),
                file=facts["file"],
                duty_keys=facts.get("duty_keys"),
                by=request.user,
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã nộp. Cơ quan điều phối kiểm tra rồi văn bản mới được tính."))
            return redirect("duties:revision", revision.pk)
    context = {
        "form": form,
        "kind_label": DocumentKind(kind).label,
        "version": current_version(unit_id),
        "unit_id": unit_id,
        "duties": [load().duty(key) for key in KINDS[kind].duties],
    }
    return render(request, "duties/new_document.html", context)


def revision(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.revisions_of(request.user), pk=pk)
    document = one.document
    context = {
        "revision": one,
        "document": document,
        "unit": unit_names({document.unit_id}).get(document.unit_id, ""),
        "facts": _facts(one),
        "duties": [load().duty(key) for key in document.duty_keys],
        "others": document.revisions.exclude(pk=one.pk),
        "evidence": one.evidence.order_by("pk"),
        "form": ReviewForm(),
        "review_refusal": refusal(check_can_review, request.user, one),
        "withdraw_refusal": refusal(check_can_withdraw_revision, request.user, one),
        "submit_refusal": refusal(check_can_submit, request.user, document.unit_id),
        "flags": flags.flags_of(one) if request.user.role in INSPECTORS else [],
        "waits": one.state == RevisionState.SUBMITTED,
        "accepted": one.state == RevisionState.ACCEPTED,
    }
    return render(request, "duties/revision.html", context)


def _facts(one: Revision) -> list[tuple[str, str]]:
    """What the text says of itself, as label and words."""
    shown = []
    for fact in KINDS[one.document.kind].facts:
        value = one.facts.get(fact.key)
        if value is None:
            continue
        if fact.type == "user":
            value = User.objects.filter(pk=value).first() or value
        elif fact.type == "system":
            value = System.objects.filter(pk=value).first() or value
        elif fact.type == "money":
            value = f"{value:,.0f}".replace(",", ".")
        shown.append((str(fact.label), str(value)))
    return shown


def file(request: HttpRequest, pk: int) -> FileResponse:
    """The file as it was filed; always as a download, so that nothing in it runs as a page of ours."""
    one = get_object_or_404(selectors.revisions_of(request.user), pk=pk)
    name = f"van-ban-{one.document_id}-{one.number}{PurePath(one.file_name).suffix.lower()}"
    return files.download(one.file, name)


def queue(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.waiting(request.user), PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.document.unit_id for one in page})
    rows = [{"revision": one, "unit": names.get(one.document.unit_id, "")} for one in page]
    return render(request, "duties/review_queue.html", {"rows": rows, "page": page})


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.revisions_of(request.user), pk=pk)
    services.accept(revision=one, by=request.user, note=request.POST.get("note", ""))
    messages.success(request, _("Đã chấp nhận. Văn bản được tính từ bây giờ; chấp nhận nhầm thì bấm “Trả lại”."))
    return redirect("duties:revision", pk)


@require_POST
def send_back(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.revisions_of(request.user), pk=pk)
    form = ReviewForm(request.POST)
    services.send_back(revision=one, by=request.user, note=form.cleaned_data["note"] if form.is_valid() else "")
    messages.success(request, _("Đã trả lại kèm lý do. Trả nhầm thì bấm “Đưa về chờ kiểm tra”."))
    return redirect("duties:revision", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.revisions_of(request.user), pk=pk)
    services.withdraw(revision=one, by=request.user)
    messages.success(request, _("Đã rút. Rút nhầm thì bấm “Đưa về chờ kiểm tra”."))
    return redirect("duties:revision", pk)


@require_POST
def resubmit(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.revisions_of(request.user), pk=pk)
    services.resubmit(revision=one, by=request.user)
    messages.success(request, _("Văn bản lại chờ kiểm tra."))
    return redirect("duties:revision", pk)


def signs(request: HttpRequest) -> HttpResponse:
    """Signs of gaming, for those who inspect."""
    check_can_see_signs(request.user)
    found = doings.flags()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({unit_id for flag in page for unit_id in flag.unit_ids})
    seen = Evidence.objects.in_bulk({pk for flag in page if flag.is_of_evidence for pk in flag.rows[:ROWS_SHOWN]})
    rows = [
        {
            "flag": flag,
            "units": [(unit_id, names.get(unit_id, "")) for unit_id in flag.unit_ids],
            "revisions": flag.rows if flag.is_of_texts else (),
            "evidence": [seen[pk] for pk in flag.rows[:ROWS_SHOWN] if pk in seen] if flag.is_of_evidence else [],
            "more": max(0, len(flag.rows) - ROWS_SHOWN) if flag.is_of_evidence else 0,
        }
        for flag in page
    ]
    return render(request, "duties/signs.html", {"rows": rows, "page": page})
