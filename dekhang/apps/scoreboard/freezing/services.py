"""Writes of frozen periods: at the ends of months, quarters and years by the clock, any day that is over by hand."""

from datetime import date

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.scoreboard.enums import AuditAction, PeriodKind
from dekhang.apps.scoreboard.freezing.periods import first_day
from dekhang.apps.scoreboard.freezing.policies import check_can_freeze
from dekhang.apps.scoreboard.freezing.selectors import period_digest
from dekhang.apps.scoreboard.models import FrozenPeriod, Snapshot
from dekhang.apps.scoreboard.services import freeze_day


def freeze_period(kind: PeriodKind, last_day: date) -> FrozenPeriod | None:
    """The period that ends on `last_day`, by the clock; None when it is frozen already."""
    if FrozenPeriod.objects.filter(kind=kind, last_day=last_day).exists():
        return None
    freeze_day(last_day)
    try:
        with transaction.atomic():
            return _freeze(FrozenPeriod(kind=kind, first_day=first_day(kind, last_day), last_day=last_day), by=None)
    except IntegrityError:  # one_period_of_a_kind: another process was faster
        return None


def freeze_by_hand(*, day: date, reason: str, by: User) -> FrozenPeriod:
    """Put a day that is over on ice under a name of its own: for a report, an inspection, a meeting.

    Raises:
        ActionDenied: not the coordinator, no reason, or the day is not over.
    """
    check_can_freeze(by)
    reason = reason.strip()
    if not reason:
        raise ActionDenied(_("Hãy ghi lý do đóng băng, để người sau biết số liệu này dùng vào việc gì."))
    if day >= clock.today():
        raise ActionDenied(
            _("Ngày %(day)s chưa hết nên chưa đóng băng được. Chọn từ hôm qua trở về trước.")
            % {"day": f"{day:%d/%m/%Y}"}
        )
    freeze_day(day)
    with transaction.atomic():
        return _freeze(
            FrozenPeriod(kind=PeriodKind.BY_HAND, first_day=day, last_day=day, reason=reason, made_by=by), by=by
        )


def _freeze(period: FrozenPeriod, *, by: User | None) -> FrozenPeriod:
    period.made_at = clock.now()
    period.digest = period_digest(period, Snapshot.objects.filter(date=period.last_day))
    period.save(force_insert=True)
    record_event(
        action=AuditAction.PERIOD_FROZEN,
        by=by,
        target=period,
        detail={
            "kind": str(period.kind),
            "first": period.first_day.isoformat(),
            "last": period.last_day.isoformat(),
            "digest": period.digest,
        },
    )
    return period
