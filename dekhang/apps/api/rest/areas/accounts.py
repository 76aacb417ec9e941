"""Accounts and their posts, “I am on duty”, and the audit log."""

from datetime import date, datetime
from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field
from ninja.responses import Status

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Text
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Row, UnitId
from dekhang.apps.core import clock
from dekhang.apps.core import selectors as core
from dekhang.apps.core.enums import PROVINCE_ROLES, Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.core.policies import check_can_read_audit
from dekhang.apps.core.services import create_account
from dekhang.apps.portal import policies, services
from dekhang.apps.portal.forms import AccountForm, PostForm
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Contact, PostHolding
from dekhang.apps.registry.policies import check_can_manage_registry
from dekhang.apps.registry.selectors import counted_units, visible_unit_ids

operations = Operations(Area.ACCOUNTS)
posts = Operations(Area.REGISTRY)
log = Operations(Area.AUDIT)


class Account(Row):
    id: int
    username: str
    full_name: str
    email: str
    role: str
    is_active: bool
    created_at: datetime


class Holding(Row):
    id: int
    unit: UnitId
    kind: str
    account: Annotated[int, Field(alias="user_id")]
    decision: str
    valid_from: date
    valid_to: date | None


class ContactAnswer(Row):
    id: int
    unit: UnitId
    last_answered_at: datetime | None


class AuditRow(Row):
    """One event of the hash-chained audit log."""

    id: int
    at: datetime
    actor: Annotated[int | None, Field(alias="actor_id")]
    actor_label: str
    action: str
    target_type: str
    target_id: str
    target_label: str
    unit: Annotated[int | None, Field(alias="unit_id")]
    detail: dict[str, Any]
    previous_hash: str
    hash: str


@operations.read("/accounts", Page[Account])
def accounts(
    request: HttpRequest, q: Text = "", role: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Tài khoản; `q`: trong tên đăng nhập hoặc họ tên."""
    policies.check_can_see_accounts(request.user)
    found = User.objects.filter(Q(username__icontains=q) | Q(full_name__icontains=q))
    return page_of(found.filter(role=role) if role else found, limit, cursor)


@operations.read("/accounts/{account_id}", Account)
def account(request: HttpRequest, account_id: Id) -> User:
    """Một tài khoản."""
    policies.check_can_see_accounts(request.user)
    return get_object_or_404(User, pk=account_id)


@posts.read("/accounts/{account_id}/posts", Page[Holding])
def account_posts(request: HttpRequest, account_id: Id, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Vị trí mà tài khoản giữ và đã giữ."""
    policies.check_can_see_accounts(request.user)
    return page_of(PostHolding.objects.filter(user=get_object_or_404(User, pk=account_id)), limit, cursor)


@operations.create("/accounts", Account)
def create(request: HttpRequest, body: body_of(AccountForm)) -> Any:  # type: ignore[valid-type]
    """Tạo tài khoản."""
    policies.check_can_manage_accounts(request.user)
    facts = checked(AccountForm(typed(body)))
    facts["role"] = Role(facts["role"])
    if facts["role"] in PROVINCE_ROLES:  # whoever steals a token must not make an account that can do more than it
        raise ActionDenied(_("Tài khoản cấp tỉnh chỉ tạo được trên trang, khi đã đăng nhập."))
    return once(request, lambda: Account.from_orm(create_account(**facts, by=request.user)))


@operations.do("/accounts/{account_id}/close", Account)
def close(request: HttpRequest, account_id: Id) -> User:
    """Khóa tài khoản."""
    return services.close_account(account=get_object_or_404(User, pk=account_id), by=request.user)


@operations.do("/accounts/{account_id}/reopen", Account)
def reopen(request: HttpRequest, account_id: Id) -> User:
    """Mở lại tài khoản."""
    return services.reopen_account(account=get_object_or_404(User, pk=account_id), by=request.user)


@posts.create("/accounts/{account_id}/posts", Holding)
def fill_post(request: HttpRequest, account_id: Id, body: body_of(PostForm)) -> Any:  # type: ignore[valid-type]
    """Giao một vị trí ở một đơn vị cho tài khoản."""
    check_can_manage_registry(request.user)
    holder = get_object_or_404(User, pk=account_id)
    facts = checked(PostForm(typed(body), units=list(counted_units())))
    return once(
        request,
        lambda: Holding.from_orm(
            services.fill_post(
                unit_id=facts["unit"],
                kind=PostKind(facts["kind"]),
                user=holder,
                decision=facts["decision"],
                by=request.user,
            )
        ),
    )


@posts.do("/posts/{holding_id}/vacate")
def vacate_post(request: HttpRequest, holding_id: Id) -> Any:
    """Thôi giữ vị trí, từ hôm nay."""
    check_can_manage_registry(request.user)
    holding = get_object_or_404(PostHolding.objects.in_force(clock.today()), pk=holding_id)
    services.vacate_post(holding=holding, by=request.user)
    return Status(204, None)


@posts.do("/contacts/{contact_id}/on-duty", ContactAnswer)
def on_duty(request: HttpRequest, contact_id: Id) -> Contact:
    """“Tôi đang trực”: đầu mối đã trả lời."""
    contacts = Contact.objects.in_force(clock.today()).filter(unit_id__in=visible_unit_ids(request.user))
    return services.confirm_duty(contact=get_object_or_404(contacts, pk=contact_id), by=request.user)


@log.read("/audit-events", Page[AuditRow])
def audit_events(request: HttpRequest, q: Text = "", limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Nhật ký kiểm toán, mới nhất trước."""
    check_can_read_audit(request.user)
    return page_of(core.audit_events(user=request.user, text=q), limit, cursor)
