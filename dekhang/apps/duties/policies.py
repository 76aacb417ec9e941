from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.models import Claim
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import current_version


def check_can_declare(user: User, unit_id: int) -> None:
    """Head or officer of the unit declare in its name; for an ISP the coordinator writes down what it says."""
    if user.role == Role.COORDINATOR and _is_provider(unit_id):
        return
    check_works_for_unit(user, unit_id)


def _is_provider(unit_id: int) -> bool:
    version = current_version(unit_id)
    return version is not None and version.kind == UnitKind.ISP


def check_can_withdraw(user: User, claim: Claim) -> None:
    check_can_declare(user, claim.unit_id)
    if claim.withdrawn_at is not None:
        raise ActionDenied(_("Khai báo này đã được rút trước đó."))


def check_can_declare_again(user: User, claim: Claim) -> None:
    check_can_declare(user, claim.unit_id)
    if claim.withdrawn_at is None:
        raise ActionDenied(_("Khai báo này vẫn còn, không cần lấy lại."))
