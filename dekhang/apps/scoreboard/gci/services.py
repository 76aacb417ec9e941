"""Writes of the contribution map: what the public may have. Clearing and taking back are both in the audit log."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.models import Document
from dekhang.apps.scoreboard.enums import AuditAction
from dekhang.apps.scoreboard.gci.selectors import key_of
from dekhang.apps.scoreboard.models import PublicItem
from dekhang.law import load


def check_can_clear(user: User) -> None:
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối quyết định mục nào được công bố."))


def check_known(key: str) -> None:
    """Raise ActionDenied when nothing of the map has this key."""
    what, _colon, name = key.partition(":")
    if what == "paper":
        # written as the pages write it, or the item would stand beside its document and never be found again
        if (
            name.isdecimal()
            and len(name) < 18
            and name == str(int(name))
            and Document.objects.filter(pk=int(name)).exists()
        ):
            return
    elif key in {key_of(one) for i in load().gci_indicators for one in i.contributions if not one.instrument}:
        return
    raise ActionDenied(_("Mục này không có trong bản đồ đóng góp. Mở lại trang rồi chọn lại."))


@transaction.atomic
def clear(*, key: str, link: str = "", by: User) -> PublicItem:
    """From now on the public may have this item. `link`: where it is published, https only, or ""."""
    check_can_clear(by)
    check_known(key)
    if link and (not link.startswith("https://") or len(link) > 500):
        raise ActionDenied(_("Liên kết công bố phải bắt đầu bằng https:// và không dài quá 500 ký tự."))
    try:
        with transaction.atomic():
            item = PublicItem.objects.create(key=key, link=link, cleared_at=clock.now(), cleared_by=by)
    except IntegrityError:
        raise ActionDenied(_("Mục này đã được công bố rồi. Muốn đổi liên kết thì rút lại trước.")) from None
    record_event(action=AuditAction.GCI_ITEM_CLEARED, by=by, target=item, detail={"item": key, "link": link})
    return item


@transaction.atomic
def withdraw(*, key: str, by: User) -> None:
    """The item is private again; later exports no longer have it. `clear` is the undo."""
    check_can_clear(by)
    item = PublicItem.objects.filter(key=key, withdrawn_at=None).first()
    moved = PublicItem.objects.filter(key=key, withdrawn_at=None).update(withdrawn_at=clock.now(), withdrawn_by=by)
    if item is None or moved != 1:
        raise ActionDenied(_("Mục này đang là nội bộ rồi."))
    record_event(action=AuditAction.GCI_ITEM_WITHDRAWN, by=by, target=item, detail={"item": key})
