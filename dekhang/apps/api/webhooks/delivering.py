"""Who is told what: happenings to subscriptions, subscriptions to their addresses, each for itself."""

import http.client
import logging
from datetime import timedelta

import orjson
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.api.enums import DeliveryState, EventType
from dekhang.apps.api.models import Delivery, Happening, Subscription
from dekhang.apps.api.webhooks import signing
from dekhang.apps.api.webhooks.addresses import AddressRefused, pinned, read
from dekhang.apps.api.webhooks.posting import post
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry.selectors import visible_unit_ids

logger = logging.getLogger(__name__)
# of the province as a whole, on every account's board
FOR_ALL = frozenset({EventType.BOARD_FROZEN})
HAPPENINGS_AT_ONCE = 500
DELIVERIES_AT_ONCE = 20
PAUSES = tuple(
    timedelta(seconds=n) for n in (10, 30, 120, 600, 1800, 7200, 21600, 43200)
)  # after each failure; 21 h in all
CLAIMED = timedelta(seconds=60)  # longer than one attempt may take: after a crash it is tried again
DEAD_IN_A_ROW = 20  # then nobody is there any more


def fan_out() -> int:
    """Make deliveries of new happenings for every running subscription; returns how many."""
    return sum(_fan_out(one) for one in Subscription.objects.filter(stopped_at=None).select_related("owner"))


@transaction.atomic
def _fan_out(one: Subscription) -> int:
    new = list(Happening.objects.filter(pk__gt=one.position).order_by("pk")[:HAPPENINGS_AT_ONCE])
    # claimed by one process: a second one finds the position moved on
    if not new or Subscription.objects.filter(pk=one.pk, position=one.position).update(position=new[-1].pk) != 1:
        return 0
    wanted = [row for row in new if row.type in one.types]
    seen = visible_unit_ids(one.owner) if wanted else frozenset()
    now = clock.now()
    made = [
        Delivery(subscription=one, happening=row, next_try_at=now) for row in wanted if may_see(one.owner, row, seen)
    ]
    Delivery.objects.bulk_create(made, batch_size=500)
    return len(made)


def may_see(owner: User, row: Happening, seen: frozenset[int]) -> bool:
    """What the owner sees on pages; `seen`: the units visible to them now."""
    if not owner.is_active:
        return False
    if row.unit_id is None:
        return owner.is_provincial or row.type in FOR_ALL
    return row.unit_id in seen


def due() -> list[int]:
    """Subscriptions that have something to send now."""
    waiting = Delivery.objects.filter(
        state=DeliveryState.WAITING, next_try_at__lte=clock.now(), subscription__stopped_at=None
    )
    return list(waiting.order_by().values_list("subscription_id", flat=True).distinct())


def drain(subscription_id: int) -> int:
    """Send what is due, oldest first, until one fails; returns how many were delivered."""
    one = Subscription.objects.filter(pk=subscription_id, stopped_at=None).select_related("owner").first()
    if one is None:
        return 0
    waiting = one.deliveries.filter(state=DeliveryState.WAITING, next_try_at__lte=clock.now())
    delivered = 0
    for delivery in waiting.select_related("happening").order_by("pk")[:DELIVERIES_AT_ONCE]:
        claim = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING, next_try_at=delivery.next_try_at)
        if claim.update(next_try_at=clock.now() + CLAIMED) != 1:
            continue
        if not _send(one, delivery):
            break
        delivered += 1
    return delivered


def body_of(row: Happening) -> bytes:
    """What is sent: what happened to which thing. The rest is read through the API, with its owner's rights."""
    data = {"unit": row.unit_id, "sequence": row.pk, **row.about}
    return orjson.dumps({"type": row.type, "timestamp": row.at, "data": data}, option=orjson.OPT_UTC_Z)


def _send(one: Subscription, delivery: Delivery) -> bool:
    row = delivery.happening
    if not may_see(one.owner, row, visible_unit_ids(one.owner)):  # a post that ended since
        _give_up(delivery, _("Chủ webhook không còn xem được đơn vị này."), None)
        return True
    body, status, problem = body_of(row), None, ""
    now = clock.now()
    try:
        place = pinned(read(one.url))
        key = signing.key_of(one.pk, one.generation)
        headers = signing.headers(key, message_id=f"dk_{row.pk}", epoch_seconds=int(now.timestamp()), body=body)
        status = post(place, body, headers)
    except AddressRefused as refused:
        problem = str(refused)
    except (OSError, http.client.HTTPException) as error:
        problem = _("Không gửi được: %(error)s.") % {"error": type(error).__name__}
    if status is not None and 200 <= status < 300:
        Delivery.objects.filter(pk=delivery.pk).update(
            state=DeliveryState.DELIVERED,
            attempts=delivery.attempts + 1,
            ended_at=now,
            status_code=status,
            problem="",
        )
        return True
    _failed(one, delivery, problem or _("Máy nhận trả lời %(status)d, phải là 2xx.") % {"status": status or 0}, status)
    return False


def _failed(one: Subscription, delivery: Delivery, problem: str, status: int | None) -> None:
    attempts = delivery.attempts + 1
    if attempts <= len(PAUSES):
        Delivery.objects.filter(pk=delivery.pk).update(
            attempts=attempts,
            next_try_at=clock.now() + PAUSES[attempts - 1],
            status_code=status,
            problem=problem[:300],
        )
        return
    _give_up(delivery, problem, status)
    newest = one.deliveries.exclude(state=DeliveryState.WAITING).order_by("-ended_at").values_list("state", flat=True)
    if list(newest[:DEAD_IN_A_ROW]) == [DeliveryState.DEAD] * DEAD_IN_A_ROW:
        Subscription.objects.filter(pk=one.pk, stopped_at=None).update(
            stopped_at=clock.now(),
            stop_reason=_("%(count)d tin liền không gửi được. Sửa máy nhận rồi chạy lại.") % {"count": DEAD_IN_A_ROW},
        )


def _give_up(delivery: Delivery, problem: str, status: int | None) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.DEAD,
        attempts=delivery.attempts + 1,
        ended_at=clock.now(),
        status_code=status,
        problem=problem[:300],
    )
