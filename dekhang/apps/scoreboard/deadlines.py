"""By when a duty shall be proven everywhere: what the province's plan says, as it stood at a moment."""

from collections.abc import Mapping
from datetime import date, datetime

from django.db.models import Max

from dekhang.apps.cascade.enums import DeadlineKind
from dekhang.apps.cascade.selectors import version_at


def deadlines_at(at: datetime) -> Mapping[str, date]:
    """Duty → the last day that the plan in force gives anybody for it; duties without a dated task are left out. Two queries."""
    plan = version_at(at)
    if plan is None:
        return {}
    tasks = plan.tasks.filter(deadline=DeadlineKind.ONCE).exclude(duty_key="").order_by()
    return dict(tasks.values_list("duty_key").annotate(last=Max("due_on")))
