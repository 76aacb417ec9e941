"""Papers of the demo's first morning: what the province would say today, and what two heads find on their desks."""

from collections.abc import Mapping

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import officers
from dekhang.apps.reports.gathering import Asked, figures
from dekhang.apps.reports.kinds import KINDS
from dekhang.apps.reports.services import make


def make_reports(units: Mapping[str, UnitVersion]) -> None:
    """Provisional, as the day is not over: the clock makes the weekly bulletin after the first Sunday by itself."""
    today = clock.today()
    boards = figures(today)
    coordinator = User.objects.filter(role=Role.COORDINATOR).first()
    texts = tuple((key, "") for key in KINDS["to_ubnd"].texts)
    make(asked=Asked("to_ubnd", None, today.replace(day=1), today, texts=texts), by=coordinator, boards=boards)
    health = units["Sở Y tế"].unit_id
    make(asked=Asked("sign_off", health, today, today), by=officers(health).get(), boards=boards)
