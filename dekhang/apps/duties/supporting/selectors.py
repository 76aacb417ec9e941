from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from dekhang.apps.core.models import User
from dekhang.apps.duties.models import SupportRequest
from dekhang.apps.duties.selectors import assess
from dekhang.apps.duties.states import Assessment
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import versions_in_force, visible_unit_ids


def requests_of(user: User) -> QuerySet[SupportRequest]:
    """Provincial roles see every request; people of a unit those that were made for it."""
    rows = SupportRequest.objects.select_related("asked_by", "answer_recorded_by", "verified_by").order_by("-asked_at")
    return rows if user.is_provincial else rows.filter(unit_id__in=visible_unit_ids(user))


@dataclass(frozen=True, slots=True)
class ProviderLine:
    version: UnitVersion
    assessment: Assessment


def providers(day: date, at: datetime) -> list[ProviderLine]:
    """ISPs in force on the day with the state of their duty; three queries."""
    versions = list(versions_in_force(day).filter(kind=UnitKind.ISP).order_by("name"))
    assessed = assess("isp", [version.unit_id for version in versions], at)
    return [ProviderLine(version, assessed[version.unit_id]) for version in versions]
