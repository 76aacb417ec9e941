from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.registry.policies import check_works_for_unit


def check_can_decide(user: User, unit_id: int) -> None:
    """What is the unit's and what is not is said by its own head or officer."""
    check_works_for_unit(user, unit_id)


def check_can_undo(user: User, dismissal: Dismissal) -> None:
    check_can_decide(user, dismissal.unit_id)
    if dismissal.undone_at is not None:
        raise ActionDenied(_("Quyết định này đã được rút lại rồi."))
