"""What duties do on the clock: the registry's posts and contacts, seen and written down as evidence.

The registry is below this app and does not know evidence; so evidence is pulled. Pages that change a post or confirm a
contact call the same functions at once and need not wait for the clock.
"""

from collections import defaultdict
from collections.abc import Collection

from django.db import transaction
from django.db.models import CharField, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Concat

from dekhang.apps.core import clock
from dekhang.apps.duties import timelines
from dekhang.apps.duties.contesting.services import tell_overdue
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import observe_answer, observe_contact, record_evidence
from dekhang.apps.duties.supporting.services import observe_late
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Contact, PostHolding, Provider, System

EMPTY_REASON = {
    PostKind.HEAD: "Vị trí thủ trưởng không còn người giữ.",
    PostKind.OFFICER: "Vị trí cán bộ chuyên trách không còn người giữ.",
}
Holders = dict[tuple[int, str], list[int]]


def tick() -> int:
    """Record what changed in the registry since the last look, and catch up with states; returns how much was done."""
    seen = observe_posts() + observe_contacts() + observe_providers() + observe_systems()
    return seen + observe_late() + tell_overdue() + timelines.refresh()


@transaction.atomic
def observe_posts(unit_ids: Collection[int] | None = None) -> int:
    """POST_FILLED for every unit whose heads or officers are not those of its newest evidence."""
    held = PostHolding.objects.in_force(clock.today()).filter(kind__in=EMPTY_REASON, user__is_active=True)
    seen = Evidence.objects.filter(kind=EvidenceKind.POST_FILLED)
    if unit_ids is not None:
        held, seen = held.filter(unit_id__in=unit_ids), seen.filter(unit_id__in=unit_ids)
    now_held: Holders = defaultdict(list)
    for unit_id, kind, user_id in held.order_by("user_id").values_list("unit_id", "kind", "user_id"):
        if user_id not in now_held[unit_id, kind]:
            now_held[unit_id, kind].append(user_id)
    newest = Evidence.objects.filter(
        unit_id=OuterRef("unit_id"), kind=EvidenceKind.POST_FILLED, subject=OuterRef("subject")
    ).order_by("-observed_at", "-pk")
    known: Holders = {}
    for row in seen.filter(pk=Subquery(newest.values("pk")[:1])):
        known[row.unit_id, row.subject.removeprefix("post:")] = row.payload.get("user_ids", [])
    written = 0
    for unit_id, kind in sorted(now_held.keys() | known.keys()):
        people = now_held.get((unit_id, kind), [])
        if people == known.get((unit_id, kind), []):
            continue
        record_evidence(
            unit_id=unit_id,
            kind=EvidenceKind.POST_FILLED,
            subject=f"post:{kind}",
            outcome=Outcome.OK if people else Outcome.BROKEN,
            observed_at=clock.now(),
            reason="" if people else EMPTY_REASON[PostKind(kind)],
            payload={"user_ids": people},
        )
        written += 1
    return written


@transaction.atomic
def observe_systems() -> int:
    """SYSTEM_REGISTERED for every system that was registered, renamed, given a level or retired since it was last seen."""
    known: dict[str, Evidence] = {}
    for row in Evidence.objects.filter(kind=EvidenceKind.SYSTEM_REGISTERED).order_by("observed_at", "pk"):
        known[row.subject] = row
    written = 0
    in_force = {f"system:{one.pk}": one for one in System.objects.in_force(clock.today())}
    for subject, system in in_force.items():
        payload = {"name": system.name, "level": system.level}
        seen = known.get(subject)
        if seen is None or seen.outcome != Outcome.OK or seen.payload != payload:
            _record_system(system.unit_id, subject, Outcome.OK, payload)
            written += 1
    for subject, seen in known.items():
        if subject not in in_force and seen.outcome == Outcome.OK:
            _record_system(seen.unit_id, subject, Outcome.BROKEN, seen.payload)
            written += 1
    return written


def _record_system(unit_id: int, subject: str, outcome: Outcome, payload: dict[str, object]) -> None:
    record_evidence(
        unit_id=unit_id,
        kind=EvidenceKind.SYSTEM_REGISTERED,
        subject=subject,
        outcome=outcome,
        observed_at=clock.now(),
        reason="" if outcome == Outcome.OK else "Hệ thống không còn trong danh sách của đơn vị.",
        payload=payload,
    )


def observe_contacts() -> int:
    """CONTACT_ALIVE for every answer that is newer than what is recorded of the contact."""
    recorded = Evidence.objects.filter(
        unit_id=OuterRef("unit_id"), kind=EvidenceKind.CONTACT_ALIVE, subject=OuterRef("evidence_subject")
    ).order_by("-observed_at")
    fresh = (
        Contact.objects.filter(last_answered_at__isnull=False)
        .annotate(evidence_subject=Concat(Value("contact:"), Cast("pk", CharField())))
        .annotate(recorded_at=Subquery(recorded.values("observed_at")[:1]))
        .filter(Q(recorded_at__isnull=True) | Q(recorded_at__lt=F("last_answered_at")))
    )
    return sum(observe_contact(contact=contact) is not None for contact in fresh[:500])


@transaction.atomic
def observe_providers() -> int:
    """CONTACT_ALIVE of a provider for every answer of its duty desk that is newer than what is recorded."""
    recorded = Evidence.objects.filter(
        unit_id=OuterRef("unit_id"), kind=EvidenceKind.CONTACT_ALIVE, subject=OuterRef("evidence_subject")
    ).order_by("-observed_at")
    fresh = (
        Provider.objects.filter(last_answered_at__isnull=False, unit__isnull=False)
        .annotate(evidence_subject=Concat(Value("provider:"), Cast("pk", CharField())))
        .annotate(recorded_at=Subquery(recorded.values("observed_at")[:1]))
        .filter(Q(recorded_at__isnull=True) | Q(recorded_at__lt=F("last_answered_at")))
    )
    made = [
        observe_answer(unit_id=one.unit_id, subject=one.evidence_subject, answered_at=one.last_answered_at)
        for one in fresh[:500]
    ]
    return sum(row is not None for row in made)
