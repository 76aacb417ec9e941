"""Signing in and out, and one's own password."""

from django.contrib import messages
from django.contrib.auth import login as start_session
from django.contrib.auth import logout as end_session
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction
from dekhang.apps.portal import demo, services, signing_in
from dekhang.apps.portal.forms import PasswordForm


def _next_page(request: HttpRequest) -> str:
    """Where to go after signing in: only to this site itself."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("portal:home")


@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("portal:home")
    refused, status = "", 200
    username = request.POST.get("username", "")
    if request.method == "POST":
        try:
            user = signing_in.sign_in(request, username=username, password=request.POST.get("password", "")[:200])
        except signing_in.SignInRefused as error:
            refused, status = str(error), 429 if error.wait else 200
        else:
            start_session(request, user)
            return redirect(_next_page(request))
    accounts = demo.shown_accounts()
    picked = request.GET.get("tai-khoan", "")
    if picked in {account.username for account in accounts}:
        username = username or picked
    context = {
        "username": username,
        "refused": refused,
        "next": request.POST.get("next") or request.GET.get("next") or "",
        "demo_accounts": accounts,
        "shown_password": demo.DEMO_PASSWORD,
        "demo_password": demo.DEMO_PASSWORD if accounts and picked == username != "" else "",
    }
    return render(request, "portal/login.html", context, status=status)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    record_event(action=AuditAction.SIGNED_OUT, by=request.user, target=request.user)
    end_session(request)
    return redirect("portal:login")


@sensitive_post_parameters()
def password(request: HttpRequest) -> HttpResponse:
    """A person changes their own password."""
    form = PasswordForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        services.set_password(account=request.user, password=form.cleaned_data["new"], by=request.user)
        update_session_auth_hash(request, request.user)
        messages.success(request, _("Đã đổi mật khẩu. Các máy khác đang đăng nhập bằng tài khoản này đã bị đăng xuất."))
        return redirect("portal:home")
    return render(request, "portal/password.html", {"form": form})
