"""Uploading log files, and how far their reading has come."""

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.forms import readable
from dekhang.apps.sources import policies, selectors, services
from dekhang.apps.sources.forms import UploadForm
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.views.looking import source_or_404


@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in each file for itself: what is refused is told with its name, what is good is read."""
    source = source_or_404(request, pk)
    policies.check_can_change(request.user, source)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST":
        if form.is_valid():
            _take_in(request, source, form.cleaned_data["file"])
        else:
            for error in form.errors.get("file", []):
                messages.error(request, error)
        # the script that shows the progress of sending asks by htmx, which must be told to go somewhere else
        url = reverse("sources:upload", args=[source.pk])
        return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
    return render(request, "sources/upload.html", {"form": form, **_progress(source)})


def _take_in(request: HttpRequest, source: LogSource, files: list[UploadedFile]) -> None:
    stored = 0
    for file in files:
        try:
            services.store_upload(source=source, file=file, name=file.name or "", by=request.user)
            stored += 1
        except ActionDenied as refused:
            messages.error(request, f"{readable(file.name or '', several_lines=False)[:80]}: {refused}")
    if stored:
        told = ngettext("Đã nhận %(n)d tệp.", "Đã nhận %(n)d tệp.", stored) % {"n": stored}
        messages.success(request, f"{told} {_('Hệ thống đang đọc, xem tiến độ bên dưới.')}")


def _progress(source: LogSource) -> dict[str, object]:
    rows = selectors.uploads(source)
    return {"source": source, "uploads": rows, "is_moving": any(row.is_moving for row in rows)}


@require_GET
def uploads(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest uploads with their progress; a part of the page above."""
    source = source_or_404(request, pk)
    if not request.htmx:
        return redirect("sources:upload", pk=source.pk)
    return render(request, "sources/_uploads.html", _progress(source))
