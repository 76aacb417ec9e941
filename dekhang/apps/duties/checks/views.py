"""Pages of check results: bringing a workbook, what was brought, undo, a sample."""

import io

import xlsxwriter
from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.workbooks import WorkbookRefused
from dekhang.apps.duties.checks import services
from dekhang.apps.duties.checks.reading import COLUMNS
from dekhang.apps.duties.models import CheckImport

PER_PAGE = 20
SAMPLE = ("CB001", "2019-11-20", "đạt", "85", "Sở Thông tin và Truyền thông")


class ChecksForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Tệp kết quả"), help_text=gettext_lazy("Bảng tính .xlsx hoặc .csv (UTF-8), cột như tệp mẫu.")
    )


def checks(request: HttpRequest) -> HttpResponse:
    """What was brought; the coordinator brings more."""
    refused = refusal(services.check_can_bring_checks, request.user)
    if not request.user.is_provincial:
        raise ActionDenied(_("Trang này dành cho cơ quan của tỉnh. Kết quả của đơn vị bạn xem ở nghĩa vụ Nhận thức."))
    form = ChecksForm(request.POST or None, request.FILES or None)
    faults: list[str] = []
    if request.method == "POST":
        services.check_can_bring_checks(request.user)
        if form.is_valid():
            try:
                made = services.bring_checks(file=form.cleaned_data["file"], by=request.user)
            except services.ChecksRefused as refused_file:
                form.add_error("file", str(refused_file))
                faults = refused_file.sentences
            except (WorkbookRefused, ActionDenied) as refused_file:
                form.add_error("file", str(refused_file))
            else:
                messages.success(
                    request, _("Đã nạp %(rows)d kết quả. Nạp nhầm thì bấm “Hoàn tác”.") % {"rows": made.rows}
                )
                return redirect("duties:checks")
    page = Paginator(CheckImport.objects.select_related("brought_by", "undone_by"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    return render(request, "duties/checks.html", {"page": page, "form": form, "faults": faults, "refusal": refused})


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    services.check_can_bring_checks(request.user)
    services.undo_checks(brought=get_object_or_404(CheckImport, pk=pk), by=request.user)
    messages.success(request, _("Đã hoàn tác: các kết quả trong tệp ấy không được tính nữa."))
    return redirect("duties:checks")


def sample(request: HttpRequest) -> HttpResponse:
    """A workbook with the headings and one row to write over."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("Kết quả")
    for column, (heading, cell) in enumerate(zip(COLUMNS, SAMPLE, strict=True)):
        sheet.write_string(0, column, heading.names[0])
        sheet.write_string(1, column, cell)
    sheet.set_column(0, len(SAMPLE), 22)
    book.close()
    response = HttpResponse(
        target.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response["Content-Disposition"] = 'attachment; filename="mau-ket-qua-nhan-thuc.xlsx"'
    return response
