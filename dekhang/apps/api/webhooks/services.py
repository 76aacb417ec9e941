"""Writes of webhooks: made, given another key, stopped, run again, one message sent again."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.api import policies
from dekhang.apps.api.enums import AuditAction, DeliveryState
from dekhang.apps.api.models import Delivery, Happening, Subscription
from dekhang.apps.api.webhooks import signing
from dekhang.apps.api.webhooks.addresses import AddressRefused, read
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User

WEBHOOKS_OF_AN_ACCOUNT = 10


@transaction.atomic
def make_webhook(*, name: str, url: str, types: Iterable[str], by: User) -> tuple[Subscription, str]:
    """A new one, told of everything that happens from now on; and the key its messages are signed with.

    Raises:
        ActionDenied: the address cannot be one, nothing chosen, too many.
    """
    wanted = list(dict.fromkeys(types))
    if not wanted:
        raise ActionDenied(_("Hãy chọn ít nhất một loại tin."))
    try:
        read(url)
    except AddressRefused as refused:
        raise ActionDenied(str(refused)) from refused
    if Subscription.objects.filter(owner=by, stopped_at=None).count() >= WEBHOOKS_OF_AN_ACCOUNT:
        raise ActionDenied(
            _("Tài khoản đã có %(count)d webhook đang chạy. Ngừng bớt trước.") % {"count": WEBHOOKS_OF_AN_ACCOUNT}
        )
    newest = Happening.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    one = Subscription.objects.create(
        owner=by, name=name, url=url, types=wanted, position=newest, created_at=clock.now()
    )
    record_event(action=AuditAction.WEBHOOK_MADE, by=by, target=one, detail={"url": url, "types": wanted})
    return one, signing.shown(signing.key_of(one.pk, one.generation))


@transaction.atomic
def change_key(*, subscription: Subscription, by: User) -> str:
    """Another key from the next message on; the old one signs nothing more."""
    policies.check_can_change_webhook(by, subscription)
    generation = subscription.generation + 1
    moved = Subscription.objects.filter(pk=subscription.pk, generation=subscription.generation)
    if moved.update(generation=generation) != 1:
        raise ActionDenied(_("Khóa vừa được đổi ở nơi khác. Tải lại trang."))
    record_event(action=AuditAction.WEBHOOK_KEY_CHANGED, by=by, target=subscription)
    return signing.shown(signing.key_of(subscription.pk, generation))


@transaction.atomic
def stop_webhook(*, subscription: Subscription, by: User) -> None:
    """Nothing more is sent; `resume_webhook` is the undo, and what happened meanwhile is sent then."""
    policies.check_can_stop_webhook(by, subscription)
    reason = _("%(who)s ngừng.") % {"who": by}
    Subscription.objects.filter(pk=subscription.pk, stopped_at=None).update(
        stopped_at=clock.now(), stop_reason=reason[:300]
    )
    record_event(action=AuditAction.WEBHOOK_STOPPED, by=by, target=subscription)


@transaction.atomic
def resume_webhook(*, subscription: Subscription, by: User) -> None:
    policies.check_can_resume_webhook(by, subscription)
    Subscription.objects.filter(pk=subscription.pk).update(stopped_at=None, stop_reason="")
    record_event(action=AuditAction.WEBHOOK_RESUMED, by=by, target=subscription)


@transaction.atomic
def send_again(*, delivery: Delivery, by: User) -> None:
    """A message that was given up, or one that the receiver lost: from the first attempt on."""
    policies.check_can_change_webhook(by, delivery.subscription)
    ended = Delivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.WAITING)
    moved = ended.update(state=DeliveryState.WAITING, attempts=0, next_try_at=clock.now(), ended_at=None)
    if moved != 1:
        raise ActionDenied(_("Tin này đang chờ gửi rồi."))
    record_event(
        action=AuditAction.WEBHOOK_SENT_AGAIN,
        by=by,
        target=delivery.subscription,
        detail={"happening": delivery.happening_id},
    )
