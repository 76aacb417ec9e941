"""Drawing a sample, once, for everybody to see."""

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import GENESIS, record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditHead, User
from dekhang.apps.inspections.enums import AuditAction
from dekhang.apps.inspections.models import Sample, SampledUnit
from dekhang.apps.inspections.policies import check_can_inspect
from dekhang.apps.inspections.risk import Risk, risks
from dekhang.apps.inspections.sampling import Candidate, draw
from dekhang.apps.registry.selectors import counted_units


def draw_sample(*, title: str, quotas: Mapping[str, tuple[int, int]], by: User) -> Sample:
    """Draw units in force today: of each block so many by risk and so many at random.

    The seed is the hash at the head of the audit chain: nobody chooses it, and the chain proves it. Every draw stands in
    that chain, so that drawing again until a friend is out of it shows.

    Raises:
        ActionDenied: not an inspector, or nothing to draw.
    """
    check_can_inspect(by)
    versions = list(counted_units().order_by("unit_id"))
    found = risks([version.unit_id for version in versions])
    frame = [Candidate(v.unit_id, v.unit.key, v.kind, found.get(v.unit_id, Risk()).points) for v in versions]
    with transaction.atomic():  # the risks of a province take long to compute; nobody waits for that to write
        return _draw(title.strip(), quotas, frame, found, by)


def _draw(
    title: str, quotas: Mapping[str, tuple[int, int]], frame: list[Candidate], found: Mapping[int, Risk], by: User
) -> Sample:
    head = AuditHead.objects.select_for_update().filter(pk=1).first()
    seed, seed_event = (head.hash, head.events) if head is not None else (GENESIS, 0)
    drawn = draw(frame, quotas, seed)
    if not drawn:
        raise ActionDenied(_("Không rút được đơn vị nào. Ghi số đơn vị cần rút ở ít nhất một khối."))
    sample = Sample.objects.create(
        title=title,
        drawn_at=clock.now(),
        drawn_by=by,
        seed=seed,
        seed_event=seed_event,
        quotas={block: list(numbers) for block, numbers in quotas.items()},
        frame=[[one.unit_id, one.key, one.block, one.risk] for one in frame],
    )
    SampledUnit.objects.bulk_create(
        SampledUnit(
            sample=sample,
            unit_id=one.unit_id,
            block=one.block,
            way=one.way,
            rank=one.rank,
            risk=one.risk,
            reasons=found[one.unit_id].reasons if one.unit_id in found else [],
        )
        for one in drawn
    )
    record_event(
        action=AuditAction.SAMPLE_DRAWN,
        by=by,
        target=sample,
        detail={"quotas": sample.quotas, "seed_event": seed_event, "units": [one.unit_id for one in drawn][:200]},
    )
    return sample


def redraw(sample: Sample) -> bool:
    """Whether drawing again from what was kept gives the same units in the same order."""
    frame = [Candidate(*row) for row in sample.frame]
    quotas = {block: (numbers[0], numbers[1]) for block, numbers in sample.quotas.items()}
    again = [(one.unit_id, str(one.way)) for one in draw(frame, quotas, sample.seed)]
    return again == list(sample.drawn.values_list("unit_id", "way"))
