"""The demo's accounts on the login page. `dekhang.demo` creates them with this password; a real installation has none."""

from django.conf import settings

from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User

DEMO_PASSWORD = "de-khang-2019"  # noqa: S105 - shown to everybody on the demo's login page
SHOWN_PER_ROLE = 3


def shown_accounts() -> list[User]:
    """The first accounts of each role, for the demo's login page; empty outside the demo."""
    if not settings.DEMO:
        return []
    shown: list[User] = []
    for role in Role:
        shown += User.objects.filter(role=role, is_active=True).order_by("pk")[:SHOWN_PER_ROLE]
    return shown
