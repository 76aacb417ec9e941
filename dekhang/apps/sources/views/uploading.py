"""Uploading a log file, and how far its reading has come."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.sources import policies, selectors, services
from dekhang.apps.sources.forms import UploadForm
from dekhang.apps.sources.views.looking import source_or_404


@require_POST
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    source = source_or_404(request, pk)
    policies.check_can_change(request.user, source)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        services.store_upload(source=source, file=file, name=file.name, by=request.user)
        messages.success(request, _("Đã nhận tệp. Hệ thống đang đọc, xem tiến độ bên dưới."))
    else:
        for error in form.errors.get("file", []):
            messages.error(request, error)
    return redirect("sources:detail", pk=source.pk)


@require_GET
def uploads(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest uploads with their progress; a part of the source's page."""
    source = source_or_404(request, pk)
    if not request.htmx:
        return redirect("sources:detail", pk=source.pk)
    return render(request, "sources/_uploads.html", {"source": source, "uploads": selectors.uploads(source)})
