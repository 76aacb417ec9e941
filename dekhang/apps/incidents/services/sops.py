"""A unit's standard procedures: adopted, with its own text beside, approved by the head, read by those who act."""

from datetime import timedelta

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.documents import DocumentRefused, check_document
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.incidents import policies, procedures
from dekhang.apps.incidents.enums import AuditAction
from dekhang.apps.incidents.models import Sop, SopReading
from dekhang.apps.incidents.services import files


@transaction.atomic
def adopt_sop(*, unit_id: int, kind: str, by: User) -> Sop:
    """Take over the standard procedure of `kind` as it reads today; an earlier one is replaced, not removed.

    Raises:
        ActionDenied: not of the unit, or there is no standard procedure of this kind.
    """
    policies.check_can_adopt_sop(by, unit_id)
    playbook = procedures.standard().get(kind)
    if playbook is None:
        raise ActionDenied(_("Chưa có quy trình mẫu cho loại sự cố này. Hãy báo quản trị hệ thống."))
    kept = procedures.keep(playbook)
    now = clock.now()
    procedures.sops_in_use(unit_id).filter(kind=kind).update(replaced_at=now)
    sop = Sop.objects.create(
        unit_id=unit_id,
        kind=kind,
        playbook_id=kept.playbook_id,
        playbook_version=kept.version,
        adopted_at=now,
        adopted_by=by,
    )
    _record(sop, EvidenceKind.SOP_DOCUMENT, playbook_id=kept.playbook_id, version=kept.version)
    record_event(
        action=AuditAction.SOP_ADOPTED,
        by=by,
        target=sop,
        detail={"kind": kind, "playbook": kept.playbook_id, "version": kept.version},
    )
    return sop


def put_document(*, sop: Sop, file: File, by: User) -> Sop:
    """Keep the unit's own issued text beside the procedure, before it is approved.

    Raises:
        ActionDenied: not of the unit, already approved, a file that cannot be taken or is marked as secret.
    """
    policies.check_can_change_document(by, sop)
    try:
        check_document(file)
    except DocumentRefused as error:
        raise ActionDenied(str(error)) from error
    name = files.check_file(file=file, unit_id=sop.unit_id, by=by)
    digest = files.sha256_of(file)
    with transaction.atomic():
        sop.document.save(f"{digest[:16]}.{name.rsplit('.', 1)[-1].lower()}", file, save=False)
        moved = Sop.objects.filter(pk=sop.pk, approved_at=None, replaced_at=None).update(
            document=sop.document.name, document_name=name, document_sha256=digest
        )
        if moved != 1:
            raise ActionDenied(_("Quy trình vừa được phê duyệt hoặc thay thế. Hãy tải lại trang."))
        sop.refresh_from_db()
        _record(sop, EvidenceKind.SOP_DOCUMENT, sha256=digest)
        record_event(action=AuditAction.SOP_UPLOADED, by=by, target=sop, detail={"sha256": digest})
    return sop


@transaction.atomic
def approve_sop(*, sop: Sop, by: User) -> Sop:
    """The head puts the procedure in force in the unit; repeated when the approval nears its end."""
    policies.check_can_approve_sop(by, sop)
    now = clock.now()
    moved = Sop.objects.filter(pk=sop.pk, approved_at=sop.approved_at, replaced_at=None).update(
        approved_at=now, approved_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Quy trình vừa được thay đổi. Hãy tải lại trang."))
    sop.refresh_from_db()
    valid = timedelta(days=law.load().proof("procedure_valid_days").whole)
    record_evidence(
        unit_id=sop.unit_id,
        kind=EvidenceKind.SOP_APPROVED,
        subject=f"sop:{sop.kind}",
        outcome=Outcome.OK,
        observed_at=now,
        valid_until=now + valid,
        payload={"sop_id": sop.pk, "user_id": by.pk},
    )
    record_event(action=AuditAction.SOP_APPROVED, by=by, target=sop, detail={"kind": sop.kind})
    return sop


@transaction.atomic
def confirm_read(*, sop: Sop, by: User) -> SopReading:
    """Somebody who has a part in the procedure says they have read it."""
    policies.check_can_confirm_read(by, sop)
    now = clock.now()
    try:
        with transaction.atomic():
            reading = SopReading.objects.create(sop=sop, user=by, read_at=now)
    except IntegrityError as error:  # a second click was faster
        raise ActionDenied(_("Bạn đã xác nhận đọc quy trình này.")) from error
    _record(sop, EvidenceKind.SOP_READ, user_id=by.pk)
    record_event(action=AuditAction.SOP_READ, by=by, target=sop, detail={"kind": sop.kind})
    return reading


def _record(sop: Sop, kind: EvidenceKind, **payload: object) -> None:
    record_evidence(
        unit_id=sop.unit_id,
        kind=kind,
        subject=f"sop:{sop.kind}",
        outcome=Outcome.OK,
        observed_at=clock.now(),
        payload={"sop_id": sop.pk, **payload},
    )
