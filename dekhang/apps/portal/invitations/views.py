"""Inviting somebody, the list of invitations, and the page behind the link."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.portal.invitations import policies, selectors, services
from dekhang.apps.portal.invitations.forms import AcceptForm, InviteForm
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.policies import MANAGERS
from dekhang.apps.registry.selectors import counted_units, unit_name, unit_names

PER_PAGE = 50


def _form(request: HttpRequest) -> InviteForm:
    units, kinds = counted_units(), list(PostKind)
    if request.user.role not in MANAGERS:
        units = units.filter(unit_id__in=policies.headed_units(request.user))
        kinds = [kind for kind in PostKind if kind in policies.BY_HEADS]
    return InviteForm(request.POST or None, units=list(units), kinds=kinds)


@require_http_methods(["GET", "POST"])
def invitations(request: HttpRequest) -> HttpResponse:
    """Open invitations first; the form to invite."""
    policies.check_can_invite_anybody(request.user)
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            services.invite(
                email=facts["email"],
                full_name=facts["full_name"],
                unit_id=facts["unit"],
                kind=PostKind(facts["kind"]),
                by=request.user,
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã gửi lời mời tới %(email)s.") % {"email": facts["email"]})
            return redirect("portal:invitations")
    found = selectors.invitations_of(request.user).order_by("accepted_at", "revoked_at", "-invited_at", "-pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.unit_id for one in page})
    context = {
        "form": form,
        "page": page,
        "rows": [
            (one, names.get(one.unit_id, ""), refusal(policies.check_can_manage, request.user, one)) for one in page
        ],
        "now": clock.now(),
    }
    return render(request, "portal/invitations.html", context)


@require_POST
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    one = services.resend(invitation=get_object_or_404(selectors.invitations_of(request.user), pk=pk), by=request.user)
    messages.success(
        request, _("Đã gửi lại lời mời tới %(email)s; liên kết cũ không dùng được nữa.") % {"email": one.email}
    )
    return redirect("portal:invitations")


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    services.revoke(invitation=get_object_or_404(selectors.invitations_of(request.user), pk=pk), by=request.user)
    messages.success(request, _("Đã rút lời mời. Nhầm thì mời lại."))
    return redirect("portal:invitations")


@never_cache
@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link: a name to sign in with and a password; then the account is there."""
    one = services.invitation_of(token)
    fault = _("Liên kết này không đúng, đã bị cắt ngắn, hoặc đã có liên kết mới hơn trong thư sau.")
    if one is not None:
        fault = refusal(services.check_can_accept, one) or ""
    if one is None or fault:
        return render(request, "portal/invited.html", {"fault": fault}, status=404 if one is None else 403)
    form = AcceptForm(request.POST or None, full_name=one.full_name, email=one.email)
    if request.method == "POST" and form.is_valid():
        try:
            account = services.accept(
                invitation=one, username=form.cleaned_data["username"], password=form.cleaned_data["password"]
            )
        except ActionDenied as denied:
            return render(request, "portal/invited.html", {"fault": str(denied)}, status=403)
        messages.success(request, _("Đã lập tài khoản. Đăng nhập bằng tên %(name)s.") % {"name": account.username})
        return redirect("portal:login")
    return render(request, "portal/invited.html", {"form": form, "one": one, "unit_name": unit_name(one.unit_id)})
