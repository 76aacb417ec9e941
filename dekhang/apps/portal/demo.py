"""The demo's accounts on the login page. `dekhang.demo` creates them with this password; a real installation has none."""

from django.conf import settings

from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.registry.models import PostHolding
from dekhang.apps.sources.models import LogSource

DEMO_PASSWORD = "de-khang-2019"  # noqa: S105 - shown to everybody on the demo's login page
UNITS_SHOWN = 6
PROVINCIAL = (Role.PROVINCE_LEADER, Role.COORDINATOR, Role.INSPECTOR, Role.ADMINISTRATOR)


def shown_accounts() -> list[User]:
    """Accounts for the demo's login page: every provincial role, and people of units that have log sources."""
    if not settings.DEMO:
        return []
    active = User.objects.filter(is_active=True).order_by("pk")
    shown = [user for role in PROVINCIAL for user in active.filter(role=role)[:1]]
    connected = LogSource.objects.values_list("unit_id", flat=True).order_by("unit_id").distinct()[:UNITS_SHOWN]
    held = PostHolding.objects.in_force(clock.today()).filter(unit_id__in=list(connected))
    return [*shown, *active.filter(pk__in=held.values("user_id")).order_by("full_name")[: 2 * UNITS_SHOWN]]
