"""On the clock: machines outside the register become evidence, and so does that they are answered for."""

from collections.abc import Collection
from datetime import timedelta

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.observed.comparing import counts_against
from dekhang.apps.observed.selectors import comparisons
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.law import load

MOST_OF_A_UNIT = 20  # rows of evidence: more of the same would prove no more
SUBJECT_CHARACTERS = 80
HOST = "host:"


def tick() -> int:
    """Returns how many rows of evidence were written."""
    units = set(LogSource.objects.exclude(state=SourceState.RETIRED).values_list("unit_id", flat=True))
    known = Evidence.objects.filter(kind=EvidenceKind.OUTSIDE_REGISTER).values_list("unit_id", flat=True).distinct()
    return observe(units | set(known))


def observe(unit_ids: Collection[int]) -> int:
    """OUTSIDE_REGISTER: broken while a machine keeps showing that nobody registered or answered for, ok afterwards."""
    now, law = clock.now(), load()
    days = law.proof("outside_register_days").whole
    grace = timedelta(days=law.proof("outside_register_answer_days").whole)
    newest: dict[tuple[int, str], Evidence] = {}
    # of what is seen in logs: what an inspector found on the spot (`finding:…`) is not this job's to lift
    rows = Evidence.objects.filter(kind=EvidenceKind.OUTSIDE_REGISTER, unit_id__in=unit_ids, subject__startswith=HOST)
    for row in rows.order_by("observed_at", "pk"):
        newest[row.unit_id, row.subject] = row
    written = 0
    for unit_id, one in comparisons(unit_ids).items():
        against = [seen for seen in one.outside if counts_against(seen, now, days=days, grace=grace)][:MOST_OF_A_UNIT]
        standing = {f"{HOST}{seen.name}"[:SUBJECT_CHARACTERS]: seen for seen in against}
        for subject, seen in standing.items():
            known = newest.get((unit_id, subject))
            if known is None or known.outcome == Outcome.OK:
                record_evidence(
                    unit_id=unit_id,
                    kind=EvidenceKind.OUTSIDE_REGISTER,
                    subject=subject,
                    outcome=Outcome.BROKEN,
                    observed_at=now,
                    reason=f"Máy “{seen.name[:100]}” xuất hiện trong log {seen.days} ngày mà không có trong danh sách.",
                    payload={"name": seen.name, "records": seen.records, "days": seen.days},
                )
                written += 1
        for (owner, subject), known in newest.items():
            if owner == unit_id and known.outcome == Outcome.BROKEN and subject not in standing:
                record_evidence(
                    unit_id=unit_id,
                    kind=EvidenceKind.OUTSIDE_REGISTER,
                    subject=subject,
                    outcome=Outcome.OK,
                    observed_at=now,
                    payload={"answered": True},
                )
                written += 1
    return written
