"""Writes of check results: a workbook as a whole or not at all, its undo, and the counts that become evidence."""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Subquery
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.checks.reading import read_checks
from dekhang.apps.duties.enums import AuditAction, EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import AwarenessCheck, CheckImport, Evidence
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.registry.models import Employment
from dekhang.law import load

FAULTS_SHOWN = 200


class ChecksRefused(ValueError):
    """The workbook has faults; `sentences` name each with its place. Nothing was written."""

    def __init__(self, sentences: list[str], count: int) -> None:
        super().__init__(
            _("Có %(count)d lỗi nên chưa nạp gì. Sửa các ô nêu dưới đây rồi nạp lại tệp.") % {"count": count}
        )
        self.sentences = sentences


def check_can_bring_checks(user: User) -> None:
    """The coordinator: a unit does not mark its own papers."""
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối nạp kết quả kiểm tra nhận thức: đơn vị không tự chấm cho mình."))


def bring_checks(*, file: UploadedFile, by: User) -> CheckImport:
    """Read a workbook of results and keep them, all or none; the counts of the units concerned follow at once.

    Raises:
        ChecksRefused: with every fault; WorkbookRefused: it cannot be read at all; ActionDenied: see above, or known already.
    """
    check_can_bring_checks(by)
    file.seek(0)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    if CheckImport.objects.filter(sha256=digest.hexdigest(), undone_at=None).exists():
        raise ActionDenied(_("Tệp này đã được nạp. Muốn nạp lại, hoàn tác lần nạp trước."))
    rows, reading = read_checks(file, file.name or "")
    if reading.faults:
        sentences = [str(fault) for fault in reading.faults[:FAULTS_SHOWN]]
        raise ChecksRefused(sentences, len(reading.faults) + reading.more_faults)
    with transaction.atomic():
        made = CheckImport.objects.create(
            file_name=(file.name or "")[:255],
            sha256=digest.hexdigest(),
            rows=len(rows),
            brought_at=clock.now(),
            brought_by=by,
        )
        AwarenessCheck.objects.bulk_create(
            (
                AwarenessCheck(
                    brought=made,
                    person_id=person_id,
                    on=values["on"],
                    passed=values["passed"],
                    score=values["score"],
                    issuer=values["issuer"],
                )
                for person_id, values in rows
            ),
            batch_size=1000,
        )
        observe_awareness(_units_of(made))
        record_event(
            action=AuditAction.CHECKS_BROUGHT, by=by, target=made, detail={"rows": len(rows), "sha256": made.sha256}
        )
    return made


@transaction.atomic
def undo_checks(*, brought: CheckImport, by: User) -> CheckImport:
    """The results of a workbook count no more; they stay readable."""
    check_can_bring_checks(by)
    moved = CheckImport.objects.filter(pk=brought.pk, undone_at=None).update(undone_at=clock.now(), undone_by=by)
    if moved != 1:
        raise ActionDenied(_("Lần nạp này đã được hoàn tác."))
    observe_awareness(_units_of(brought))
    record_event(action=AuditAction.CHECKS_UNDONE, by=by, target=brought)
    return CheckImport.objects.get(pk=brought.pk)


def _units_of(brought: CheckImport) -> set[int]:
    people = AwarenessCheck.objects.filter(brought=brought).values("person_id")
    return set(
        Employment.objects.in_force(clock.today()).filter(person_id__in=people).values_list("unit_id", flat=True)
    )


@transaction.atomic
def observe_awareness(unit_ids: Collection[int] | None = None) -> int:
    """AWARENESS of every unit whose counts over the roster in force are not those of its newest evidence.

    Counted: who is employed at the unit today; passed: a passing check within its validity; never: no check at all. A unit
    without a roster and without evidence is left alone: nothing is known of it.
    """
    today = clock.today()
    valid = timedelta(days=load().proof("awareness_check_days").whole)
    standing = AwarenessCheck.objects.filter(person_id=OuterRef("person_id"), brought__undone_at=None)
    roster = Employment.objects.in_force(today)
    seen = Evidence.objects.filter(kind=EvidenceKind.AWARENESS)
    if unit_ids is not None:
        roster, seen = roster.filter(unit_id__in=unit_ids), seen.filter(unit_id__in=unit_ids)

    def counted(rows: Any) -> dict[int, int]:
        return dict(rows.order_by().values_list("unit_id").annotate(Count("person_id", distinct=True)))

    everybody = counted(roster)
    passed = counted(roster.filter(Exists(standing.filter(passed=True, on__gt=today - valid, on__lte=today))))
    never = counted(roster.exclude(Exists(standing)))
    newest = Evidence.objects.filter(unit_id=OuterRef("unit_id"), kind=EvidenceKind.AWARENESS).order_by(
        "-observed_at", "-pk"
    )
    known = {row.unit_id: row for row in seen.filter(pk=Subquery(newest.values("pk")[:1]))}
    written = 0
    for unit_id in sorted(everybody.keys() | known.keys()):
        counts = {
            "roster": everybody.get(unit_id, 0),
            "passed": passed.get(unit_id, 0),
            "never": never.get(unit_id, 0),
        }
        last = known.get(unit_id)
        fresh = last is not None and (last.valid_until is None or last.valid_until > clock.now() + valid / 2)
        if last is not None and fresh and {name: last.payload.get(name) for name in counts} == counts:
            continue
        record_evidence(
            unit_id=unit_id,
            kind=EvidenceKind.AWARENESS,
            subject="roster",
            outcome=Outcome.OK,
            observed_at=clock.now(),
            valid_until=clock.now() + valid,
            payload=counts,
            source=EvidenceSource.IMPORT,
        )
        written += 1
    return written
