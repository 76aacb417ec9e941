"""What sources do when units are reorganised: they go on under the unit that took their system, or their unit, over."""

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.registry.following import follow
from dekhang.apps.registry.models import System
from dekhang.apps.registry.selectors import Came
from dekhang.apps.sources.enums import AuditAction, SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.services.connection import expect, publish, subject_of

CURSOR = "sources.reorganisations"


def follow_reorganisations() -> int:
    """Returns how many sources moved."""
    return follow(CURSOR, _move)


def _move(came: Came) -> int:
    moved = 0
    kept_by = {old.pk: new for new in System.objects.filter(valid_from=came.date, follows__isnull=False).select_related("follows") for old in [new.follows] if old}  # fmt: skip
    sources = LogSource.objects.exclude(state=SourceState.RETIRED)
    for source in sources.filter(unit_id__in=came.moved) | sources.filter(system_id__in=kept_by):
        system = kept_by.get(source.system_id or 0)
        unit_id = system.unit_id if system is not None else came.moved.get(source.unit_id, source.unit_id)
        if unit_id == source.unit_id:
            continue
        before = source.unit_id
        expect(
            source,
            Outcome.BROKEN,
            _("Nguồn chuyển sang đơn vị mới theo sắp xếp ngày %(day)s.") % {"day": f"{came.date:%d/%m/%Y}"},
        )
        LogSource.objects.filter(pk=source.pk).update(unit_id=unit_id, system=system or source.system)
        source.unit_id = unit_id
        expect(source, Outcome.OK)
        if source.state == SourceState.DELIVERING:
            record_evidence(
                unit_id=unit_id,
                kind=EvidenceKind.SOURCE_DELIVERING,
                subject=subject_of(source),
                outcome=Outcome.OK,
                observed_at=clock.now(),
            )
        record_event(action=AuditAction.SOURCE_MOVED, by=None, target=source, detail={"from": before, "to": unit_id})
        moved += 1
    if moved:
        publish()
    return moved
