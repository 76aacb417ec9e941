"""Accounts and the posts they hold: for the administrator; the coordinator gives posts."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import refusal
from dekhang.apps.core.models import User
from dekhang.apps.core.services import create_account
from dekhang.apps.portal import policies, services
from dekhang.apps.portal.forms import AccountForm, NewPasswordForm, PostForm, takes_posts
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import PostHolding
from dekhang.apps.registry.policies import check_can_manage_registry
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import counted_units, unit_names

PER_PAGE = 50


def accounts(request: HttpRequest) -> HttpResponse:
    policies.check_can_see_accounts(request.user)
    text, role = request.GET.get("q", "").strip()[:100], request.GET.get("vai-tro", "")
    held = PostHolding.objects.in_force(clock.today())
    users = User.objects.order_by("-is_active", "role", "username").prefetch_related(
        Prefetch("holdings", queryset=held, to_attr="posts")
    )
    if role in Role.values:
        users = users.filter(role=role)
    users = list(users)
    names = unit_names({post.unit_id for user in users for post in user.posts})
    found = [
        user
        for user in users
        if found_in(text, user.username, user.full_name, *(names.get(p.unit_id, "") for p in user.posts))
    ]
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(user, [(post.get_kind_display(), names.get(post.unit_id, "")) for post in user.posts]) for user in page]
    context = {
        "page": page,
        "rows": rows,
        "q": text,
        "role": role,
        "roles": Role.choices,
        "refusal": refusal(policies.check_can_manage_accounts, request.user),
    }
    return render(request, "portal/_accounts.html" if request.htmx else "portal/accounts.html", context)


@sensitive_post_parameters()
def new_account(request: HttpRequest) -> HttpResponse:
    policies.check_can_manage_accounts(request.user)
    form = AccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        account = create_account(
            username=facts["username"],
            full_name=facts["full_name"],
            role=Role(facts["role"]),
            password=facts["password"],
            email=facts["email"],
            by=request.user,
        )
        messages.success(request, _("Đã tạo tài khoản %(name)s.") % {"name": account.username})
        return redirect("portal:account", account.pk)
    return render(request, "portal/new_account.html", {"form": form})


def account(request: HttpRequest, pk: int) -> HttpResponse:
    policies.check_can_see_accounts(request.user)
    return _account_page(request, get_object_or_404(User, pk=pk))


def _account_page(
    request: HttpRequest,
    account: User,
    post_form: PostForm | None = None,
    password_form: NewPasswordForm | None = None,
) -> HttpResponse:
    today = clock.today()
    holdings = list(PostHolding.objects.filter(user=account).order_by("-valid_from"))
    names = unit_names({holding.unit_id for holding in holdings})
    context = {
        "account": account,
        "holdings": [(h, names.get(h.unit_id, ""), h.valid_to is None or h.valid_to > today) for h in holdings],
        "takes_posts": takes_posts(account),
        "post_form": post_form or PostForm(units=list(counted_units())),
        "password_form": password_form or NewPasswordForm(user=account),
        "refusal": refusal(policies.check_can_manage_accounts, request.user),
        "close_refusal": refusal(policies.check_can_close_account, request.user, account),
        "post_refusal": refusal(check_can_manage_registry, request.user),
    }
    return render(request, "portal/account.html", context)


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(User, pk=pk)
    services.close_account(account=account, by=request.user)
    messages.success(request, _("Đã khóa tài khoản. Khóa nhầm thì bấm “Mở lại”."))
    return redirect("portal:account", pk)


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(User, pk=pk)
    services.reopen_account(account=account, by=request.user)
    messages.success(request, _("Đã mở lại tài khoản."))
    return redirect("portal:account", pk)


@sensitive_post_parameters()
@require_POST
def set_password(request: HttpRequest, pk: int) -> HttpResponse:
    policies.check_can_manage_accounts(request.user)
    account = get_object_or_404(User, pk=pk)
    form = NewPasswordForm(request.POST, user=account)
    if not form.is_valid():
        return _account_page(request, account, password_form=form)
    services.set_password(account=account, password=form.cleaned_data["new"], by=request.user)
    messages.success(request, _("Đã đặt mật khẩu mới. Trao cho người dùng bằng đường riêng và nhắc họ đổi."))
    return redirect("portal:account", pk)


@require_POST
def fill_post(request: HttpRequest, pk: int) -> HttpResponse:
    check_can_manage_registry(request.user)
    account = get_object_or_404(User, pk=pk)
    form = PostForm(request.POST, units=list(counted_units()))
    if not form.is_valid():
        return _account_page(request, account, post_form=form)
    facts = form.cleaned_data
    services.fill_post(
        unit_id=facts["unit"],
        kind=PostKind(facts["kind"]),
        user=account,
        decision=facts["decision"],
        by=request.user,
    )
    messages.success(request, _("Đã giao vị trí. Giao nhầm thì bấm “Thôi giữ”."))
    return redirect("portal:account", pk)


@require_POST
def vacate_post(request: HttpRequest, pk: int) -> HttpResponse:
    check_can_manage_registry(request.user)
    holding = get_object_or_404(PostHolding.objects.in_force(clock.today()), pk=pk)
    services.vacate_post(holding=holding, by=request.user)
    messages.success(request, _("Đã ghi nhận thôi giữ vị trí. Nhầm thì giao lại ở dưới."))
    return redirect("portal:account", holding.user_id)
