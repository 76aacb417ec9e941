"""Connecting a source: kind, name, token and configuration; changing, retiring, taking back."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import policies, selectors, services, shippers
from dekhang.apps.sources.enums import SourceKind
from dekhang.apps.sources.forms import ChangeForm, QuotaForm, RenewForm, SourceForm
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.views.looking import live_context, source_or_404

TOKEN_MINUTES = 60


def _cookie(source: LogSource) -> str:
    return f"dk_token_{source.pk}"


def _remember_token(response: HttpResponse, source: LogSource, token: str) -> HttpResponse:
    """Only the officer's own browser keeps the token, for an hour and for this source's pages: the server has a hash."""
    response.set_signed_cookie(
        _cookie(source),
        token,
        salt="sources.token",
        max_age=TOKEN_MINUTES * 60,
        path=reverse("sources:setup", args=[source.pk]),
        httponly=True,
        samesite="Strict",
        secure=settings.BASE_URL.startswith("https://"),
    )
    return response


def _remembered_token(request: HttpRequest, source: LogSource) -> str | None:
    """The token, if this browser made it within the hour and it is still the source's."""
    token = request.get_signed_cookie(_cookie(source), default=None, salt="sources.token", max_age=TOKEN_MINUTES * 60)
    return token if token and services.is_token_of(source, token) else None


def _filled(shipper: shippers.Shipper, source: LogSource, token: str | None) -> str:
    try:
        return shippers.configuration(shipper, source_id=source.pk, token=token)
    except ValueError as fault:  # the administrator's setting; the page says so instead of breaking
        raise ActionDenied(str(fault)) from fault


@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """First step of *Kết nối nguồn log*: which kind."""
    policies.check_can_connect(request.user, registry.own_unit_id(request.user))
    context = {"kinds": shippers.kind_cards(), "address": request.GET.get("dia-chi", "")[:60]}
    return render(request, "sources/choose.html", context)


@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest, kind: str) -> HttpResponse:
    """Second step: name and system; then the token is made."""
    if kind not in SourceKind.values:
        raise Http404
    unit_id = registry.own_unit_id(request.user)
    policies.check_can_connect(request.user, unit_id)
    # a machine that already sends, from the page of what was seen: its address is filled in
    form = SourceForm(request.POST or None, unit_id=unit_id, initial={"addresses": request.GET.get("dia-chi", "")[:60]})
    if request.method == "POST" and form.is_valid():
        source, token = services.create_source(unit_id=unit_id, kind=kind, by=request.user, **form.cleaned_data)
        return _remember_token(redirect("sources:setup", pk=source.pk), source, token)
    context = {"form": form, "kind": SourceKind(kind), "unit_name": registry.unit_name(unit_id)}
    return render(request, "sources/connect.html", context, status=422 if form.errors else 200)


@require_GET
def setup(request: HttpRequest, pk: int) -> HttpResponse:
    """Third step: the token, a configuration for each shipper, and the first event as it arrives."""
    source = source_or_404(request, pk)
    policies.check_can_change(request.user, source)
    token = _remembered_token(request, source)
    choices = [
        (
            shipper,
            _filled(shipper, source, token) if shipper.filename else "",
            shippers.is_encrypted(shipper),
        )
        for shipper in shippers.SHIPPERS[source.kind]
    ]
    context = {
        "token": token,
        "choices": choices,
        "host": settings.INTAKE_HOST,
        "encrypted": bool(settings.HTTPS_INTAKE_PORT or settings.SYSLOG_TLS_PORT),
        "has_authority": bool(settings.INTAKE_CA),
        "token_minutes": TOKEN_MINUTES,
        **live_context(source, selectors.ledger_of(source)),
    }
    response = render(request, "sources/setup.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_GET
def configuration(request: HttpRequest, pk: int, shipper: str) -> HttpResponse:
    """One configuration as a file to download."""
    source = source_or_404(request, pk)
    policies.check_can_change(request.user, source)
    chosen = shippers.shipper_of(source.kind, shipper)
    if chosen is None or not chosen.filename:
        raise Http404
    text = _filled(chosen, source, _remembered_token(request, source))
    response = HttpResponse(shippers.download(chosen, text), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{chosen.filename}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_GET
def authority(request: HttpRequest) -> HttpResponse:
    """The certificate authority of the receivers, which senders need to know whom they talk to. No secret."""
    if not settings.INTAKE_CA:
        raise Http404
    try:
        text = Path(settings.INTAKE_CA).read_bytes()
    except OSError as error:
        raise Http404 from error
    response = HttpResponse(text, content_type="application/x-pem-file")
    response.headers["Content-Disposition"] = 'attachment; filename="dekhang-ca.pem"'
    return response


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    source = source_or_404(request, pk)
    policies.check_can_change(request.user, source)
    form = ChangeForm(request.POST or None, source=source)
    if request.method == "POST" and form.is_valid():
        services.change(source=source, by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã lưu."))
        return redirect("sources:detail", pk=source.pk)
    return render(request, "sources/change.html", {"form": form, "source": source}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def renew_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks before it happens how long the old token must still work: until the new one is on the machine, or not at all."""
    source = source_or_404(request, pk)
    policies.check_can_change(request.user, source)
    form = RenewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        keep = timedelta(hours=form.cleaned_data["keep_hours"])
        token = services.renew_token(source=source, by=request.user, keep_former=keep)
        messages.success(request, _("Đã cấp mã mới. Hãy thay mã trên máy gửi."))
        return _remember_token(redirect("sources:setup", pk=source.pk), source, token)
    context = {"source": source, "form": form}
    return render(request, "sources/renew_token.html", context, status=422 if form.errors else 200)


@require_POST
def end_former_token(request: HttpRequest, pk: int) -> HttpResponse:
    services.end_former_token(source=source_or_404(request, pk), by=request.user)
    messages.success(request, _("Mã cũ không còn được nhận."))
    return redirect("sources:detail", pk=pk)


@require_http_methods(["GET", "POST"])
def quota(request: HttpRequest, pk: int) -> HttpResponse:
    source = source_or_404(request, pk)
    policies.check_can_set_quota(request.user)
    form = QuotaForm(request.POST if request.method == "POST" else None, initial={"quota_eps": source.quota_eps})
    if request.method == "POST" and form.is_valid():
        services.set_quota(source=source, by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã đặt hạn mức."))
        return redirect("sources:detail", pk=source.pk)
    return render(request, "sources/quota.html", {"form": form, "source": source}, status=422 if form.errors else 200)


@require_POST
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    source = services.retire(source=source_or_404(request, pk), by=request.user)
    messages.success(request, _("Đã ngừng nguồn log. Nếu bấm nhầm, bấm “Dùng lại” ngay trên trang này."))
    return redirect("sources:detail", pk=source.pk)


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    source = services.restore(source=source_or_404(request, pk), by=request.user)
    messages.success(request, _("Đã dùng lại nguồn log với mã cũ. Khi có sự kiện mới, hãy làm lại phép thử."))
    return redirect("sources:detail", pk=source.pk)
