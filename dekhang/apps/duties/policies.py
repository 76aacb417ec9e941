from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.models import Claim
from dekhang.apps.registry.policies import check_works_for_unit


def check_can_declare(user: User, unit_id: int) -> None:
    """Head or officer of the unit declare in its name."""
    check_works_for_unit(user, unit_id)


def check_can_withdraw(user: User, claim: Claim) -> None:
    check_works_for_unit(user, claim.unit_id)
    if claim.withdrawn_at is not None:
        raise ActionDenied(_("Khai báo này đã được rút trước đó."))


def check_can_declare_again(user: User, claim: Claim) -> None:
    check_works_for_unit(user, claim.unit_id)
    if claim.withdrawn_at is None:
        raise ActionDenied(_("Khai báo này vẫn còn, không cần lấy lại."))
