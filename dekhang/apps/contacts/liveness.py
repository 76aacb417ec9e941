"""Whether a contact is alive, from what it answered and what it was asked. Pure: values in, a verdict out.

A contact counts as proof while its last answer is not older than `contact_valid_days` (duties/states); here it is shown
as dead already when it let a call pass or its mails come back, so that somebody mends it before an incident.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dekhang.apps.contacts.enums import Liveness
from dekhang.apps.contacts.models import Call
from dekhang.apps.contacts.targets import Target


@dataclass(frozen=True, slots=True)
class Line:
    """A target and its verdict. `why` and `step` are sentences; "" when all is well."""

    target: Target
    state: Liveness
    answered_at: datetime | None
    counts_until: datetime | None
    call: Call | None
    missed: int
    why: str = ""
    step: str = ""


def judge(target: Target, calls: list[Call], now: datetime, *, valid: timedelta) -> Line:
    """The verdict at `now`.

    Args:
        calls: all of the target, newest first.
        valid: how long an answer counts.
    """
    replies = [call.answered_at for call in calls if call.answered_at is not None]
    answered = max((moment for moment in (target.answered_at, *replies) if moment is not None), default=None)
    last = calls[0] if calls else None
    since = [call for call in calls if answered is None or call.asked_at > answered]
    missed = sum(call.missed_at is not None for call in since)
    until = answered + valid if answered is not None else None
    state, why, step = _verdict(since, answered, until, now, phone=target.channel is None)
    return Line(target, state, answered, until, last, missed, why, step)


def _verdict(
    since: list[Call], answered: datetime | None, until: datetime | None, now: datetime, *, phone: bool
) -> tuple[Liveness, str, str]:
    for call in since:
        if call.disowned_at is not None:
            return (
                Liveness.DEAD,
                _("Người nhận báo mình không còn là đầu mối."),
                _("Thay bằng người đang làm việc này."),
            )
        if call.undeliverable_at is not None:
            return Liveness.DEAD, _("Thư không gửi tới được."), _("Kiểm tra lại địa chỉ, hoặc thay đầu mối khác.")
    missed = sum(call.missed_at is not None for call in since)
    if missed:
        return (
            Liveness.DEAD,
            _("Không trả lời %(count)d lời gọi thử.") % {"count": missed},
            _("Liên hệ bằng cách khác; nếu người này đã chuyển việc thì thay đầu mối."),
        )
    waiting = any(call.answered_at is None for call in since)
    if answered is None:
        if waiting:
            return Liveness.ASKED, _("Lời gọi thử đầu tiên đã gửi, chưa có trả lời."), ""
        step = _("Gọi điện, có người nghe thì ghi nhận ở đây.") if phone else _("Bấm “Gọi thử” để hỏi ngay.")
        return Liveness.UNKNOWN, _("Chưa trả lời lần nào."), step
    assert until is not None
    if now >= until:
        step = _("Gọi điện, có người nghe thì ghi nhận ở đây.") if phone else _("Bấm “Gọi thử” để hỏi lại.")
        return Liveness.DEAD, _("Lần trả lời cuối đã quá hạn."), step
    return (Liveness.ASKED, _("Đã gửi lời gọi thử, chưa có trả lời."), "") if waiting else (Liveness.ALIVE, "", "")
