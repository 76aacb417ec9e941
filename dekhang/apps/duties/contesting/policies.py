from datetime import date, timedelta

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.contesting.selectors import rows_behind
from dekhang.apps.duties.enums import ContestState
from dekhang.apps.duties.models import Contest, Evidence
from dekhang.apps.duties.states import states_of
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import holds
from dekhang.law import load


def check_can_contest(user: User, unit_id: int, day: date | None = None) -> None:
    """Head or officer of the unit, within the days that are open for it."""
    check_works_for_unit(user, unit_id)
    day, today = day or clock.today(), clock.today()
    limit = load().proof("contest_open_days").whole
    if day > today:
        raise ActionDenied(_("Ngày %(day)s chưa tới, chưa có số liệu để giải trình.") % {"day": f"{day:%d/%m/%Y}"})
    if day < today - timedelta(days=limit):
        raise ActionDenied(
            _("Số liệu ngày %(day)s đã quá %(limit)d ngày, không giải trình được nữa. Hãy giải trình số liệu gần đây.")
            % {"day": f"{day:%d/%m/%Y}", "limit": limit}
        )


def check_can_decide_contest(user: User, contest: Contest) -> None:
    """The coordinator, but never who wrote it, works for the unit, or made one of the observations that are contested."""
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối xem xét giải trình."))
    if contest.state != ContestState.OPEN:
        raise ActionDenied(_("Giải trình này đã được xem xét hoặc đã rút."))
    if user.pk == contest.opened_by_id or holds(user, contest.unit_id):
        raise ActionDenied(_("Bạn gửi giải trình này hoặc làm việc cho đơn vị, nên người khác phải xem xét."))
    if any(user.pk in judges for judges in (_who_judged(row) for row in rows_behind(contest))):
        raise ActionDenied(
            _("Bạn là người đã kiểm tra hoặc ghi nhận điều bị giải trình, nên một điều phối viên khác phải xem xét.")
        )


def check_can_retract(user: User, row: Evidence, contest: Contest) -> None:
    """Only what the contested duty looks at, and never an observation that the person made: also where nobody named it."""
    if row.kind not in states_of(contest.duty_key)[1]:
        raise ActionDenied(_("Quan sát này không thuộc nghĩa vụ đang giải trình nên không rút ở đây."))
    if user.pk in _who_judged(row):
        raise ActionDenied(_("Bạn là người đã ghi nhận quan sát này, nên một điều phối viên khác phải rút."))


def _who_judged(row: object) -> set[int | None]:
    revision = getattr(row, "revision", None)
    payload = getattr(row, "payload", {})
    return {revision.reviewed_by_id if revision else None, payload.get("recorded_by")} - {None}


def check_can_withdraw_contest(user: User, contest: Contest) -> None:
    check_works_for_unit(user, contest.unit_id)
    if contest.state != ContestState.OPEN:
        raise ActionDenied(_("Giải trình này đã được xem xét hoặc đã rút."))
