"""How much calls for a visit: points for what can be seen without one. Published, and shown with the reasons of each unit."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.filing.doings import flags
from dekhang.apps.duties.selectors import assess
from dekhang.apps.duties.states import PROVABLE
from dekhang.apps.inspections.enums import FindingStatus
from dekhang.apps.inspections.models import Finding
from dekhang.law import load

# a contradiction weighs more than a proof that ran out; a sign may have a good reason, so it weighs between
REFUTED, SIGN, OVERDUE, DECAYED = 4, 3, 3, 2
SIGNS_COUNTED = 5  # of one unit: a flood of one kind does not outweigh everything else


@dataclass(slots=True)
class Risk:
    points: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, points: int, reason: str) -> None:
        self.points += points
        self.reasons.append(f"{reason} (+{points})")


def risks(unit_ids: Collection[int]) -> dict[int, Risk]:
    """Points and reasons of each unit now: some ten looks at spans, one at the signs."""
    found: dict[int, Risk] = defaultdict(Risk)
    wanted, now = set(unit_ids), clock.now()
    for key in PROVABLE:
        short = load().duty(key).short
        for unit_id, one in assess(key, wanted, now).items():
            if one.state == ClaimState.REFUTED:
                found[unit_id].add(REFUTED, _("%(duty)s: bị bác bỏ") % {"duty": short})
            elif one.state == ClaimState.DECAYED:
                found[unit_id].add(DECAYED, _("%(duty)s: suy giảm") % {"duty": short})
    signs: dict[int, int] = defaultdict(int)
    for flag in flags():
        for unit_id in wanted.intersection(flag.unit_ids):
            signs[unit_id] += 1
            if signs[unit_id] <= SIGNS_COUNTED:
                found[unit_id].add(SIGN, flag.text)
    late = Finding.objects.filter(
        unit_id__in=wanted, status__in=[FindingStatus.OPEN, FindingStatus.FILED], due_on__lt=clock.today()
    )
    for unit_id in late.order_by("unit_id").values_list("unit_id", flat=True):
        found[unit_id].add(OVERDUE, _("phát hiện lần trước quá hạn khắc phục"))
    return found
