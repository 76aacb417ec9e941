"""May this person do this, now? Each check raises `ActionDenied` with the sentence that also stands at the button."""

from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.inspections.enums import MOVES, FindingStatus, VisitStatus
from dekhang.apps.inspections.models import Finding, Visit
from dekhang.apps.inspections.separation import conflict
from dekhang.apps.registry.policies import check_works_for_unit

INSPECTING = frozenset({Role.INSPECTOR, Role.COORDINATOR})
CONCLUDED = frozenset({VisitStatus.CONCLUDED, VisitStatus.CLOSED})


def check_can_inspect(user: User) -> None:
    """Draw samples, plan visits."""
    if user.role not in INSPECTING or not user.is_active:
        raise ActionDenied(_("Chỉ thanh tra và cơ quan điều phối lập kế hoạch và tiến hành kiểm tra."))


def check_can_appraise(user: User, unit_id: int) -> None:
    """Judge a unit: an inspector who has not operated or reviewed there. The sentence names what stands in the way."""
    check_can_inspect(user)
    if reason := conflict(user, unit_id):
        raise ActionDenied(reason)


def check_in_team(user: User, visit: Visit) -> None:
    if user.pk != visit.lead_id and not visit.members.filter(pk=user.pk).exists():
        raise ActionDenied(_("Chỉ trưởng đoàn và thành viên đoàn kiểm tra làm được việc này."))
    check_can_appraise(user, visit.unit_id)


def check_can_work(user: User, visit: Visit) -> None:
    """Answer items and raise findings."""
    check_in_team(user, visit)
    if visit.status != VisitStatus.UNDER_WAY:
        raise ActionDenied(_("Cuộc kiểm tra %(status)s; chỉ ghi được khi đang kiểm tra.") % {"status": _status(visit)})


def check_can_move(user: User, visit: Visit, to: str) -> None:
    if user.pk != visit.lead_id:
        raise ActionDenied(_("Chỉ trưởng đoàn chuyển bước cuộc kiểm tra."))
    if to not in MOVES[VisitStatus(visit.status)]:
        raise ActionDenied(
            _("Cuộc kiểm tra %(status)s, nên không chuyển sang “%(to)s” được.")
            % {"status": _status(visit), "to": VisitStatus(to).label}
        )
    if to != VisitStatus.CANCELLED:
        check_can_appraise(user, visit.unit_id)
    elif left := visit.findings.filter(status__in=OPEN).count():  # nobody could put them right, or lift what they prove
        raise ActionDenied(
            _("Còn %(count)d phát hiện đang mở. Kết luận cuộc kiểm tra, hoặc rút từng phát hiện kèm lý do rồi hủy.")
            % {"count": left}
        )
    if to == VisitStatus.CONCLUDED and (left := visit.items.filter(result="").count()):
        raise ActionDenied(_("Còn %(count)d mục chưa có kết quả. Ghi đủ rồi kết luận.") % {"count": left})
    if to == VisitStatus.CLOSED and (left := visit.findings.filter(status__in=OPEN).count()):
        raise ActionDenied(_("Còn %(count)d phát hiện chưa khắc phục xong.") % {"count": left})


OPEN = (FindingStatus.OPEN, FindingStatus.FILED)


def check_can_withdraw_finding(user: User, finding: Finding) -> None:
    check_in_team(user, finding.visit)
    check_can_appraise(user, finding.unit_id)  # the heir's, when units were merged since
    if finding.status not in OPEN:
        raise ActionDenied(_("Phát hiện này đã kết thúc."))


def check_can_comment(user: User, visit: Visit) -> None:
    """The unit says what it thinks of it, for the minutes."""
    check_works_for_unit(user, visit.unit_id)
    if visit.status not in CONCLUDED | {VisitStatus.UNDER_WAY}:
        raise ActionDenied(_("Cuộc kiểm tra %(status)s, chưa ghi ý kiến được.") % {"status": _status(visit)})


def check_can_file(user: User, finding: Finding) -> None:
    """The unit reports what it did."""
    check_works_for_unit(user, finding.unit_id)
    if finding.visit.status not in CONCLUDED:
        raise ActionDenied(_("Đoàn kiểm tra chưa kết luận; báo cáo khắc phục gửi sau kết luận."))
    if finding.status == FindingStatus.FILED:
        raise ActionDenied(_("Báo cáo khắc phục đang chờ kiểm tra lại."))
    if finding.status != FindingStatus.OPEN:
        raise ActionDenied(_("Phát hiện này đã kết thúc."))


def check_can_judge(user: User, finding: Finding) -> None:
    """Verify or return what the unit filed: any inspector in whose way nothing stands."""
    check_can_appraise(user, finding.unit_id)
    if finding.status != FindingStatus.FILED:
        raise ActionDenied(_("Đơn vị chưa gửi báo cáo khắc phục nào đang chờ."))


def check_can_make_minutes(user: User, visit: Visit) -> None:
    check_in_team(user, visit)
    if visit.status not in CONCLUDED:
        raise ActionDenied(_("Biên bản lập sau khi kết luận."))


def _status(visit: Visit) -> str:
    return str(VisitStatus(visit.status).label).lower()
