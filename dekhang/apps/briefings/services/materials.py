"""Files given out, and who opened and read them."""

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.briefings.enums import AuditAction
from dekhang.apps.briefings.models import Briefing, Invitation, Material, Reading
from dekhang.apps.briefings.policies import check_can_change, check_can_read, check_is_invited
from dekhang.apps.briefings.services import informing
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents
from dekhang.apps.duties.filing.services import refuse_secrets

MATERIALS = 30  # of one briefing: what nobody can read proves nothing


def add_material(*, briefing: Briefing, title: str, file: UploadedFile, by: User) -> Material:
    """Give a file out. Call outside a transaction: a refused mark of secrecy is counted although nothing is kept.

    Raises:
        ActionDenied: not the organiser, too many files.
        SecretMark: name, title or first page carries a mark.
        DocumentRefused: too large, or not what its name says.
    """
    check_can_change(by, briefing)
    documents.check_document(file)
    refuse_secrets(unit_id=briefing.unit_id, by=by, texts={"title": title}, file=file)
    if briefing.materials.filter(withdrawn_at=None).count() >= MATERIALS:
        raise ActionDenied(_("Một hội nghị có tối đa %(limit)d tài liệu.") % {"limit": MATERIALS})
    with transaction.atomic():
        material = Material(
            briefing=briefing,
            title=title.strip(),
            file_name=(file.name or "")[:255],
            size_bytes=file.size or 0,
            sha256=documents.sha256_of(file),
            added_at=clock.now(),
            added_by=by,
        )
        material.file = file  # type: ignore[assignment]
        material.save()
        record_event(
            action=AuditAction.MATERIAL_ADDED,
            by=by,
            target=material,
            unit_id=briefing.unit_id,
            detail={"briefing_id": briefing.pk, "sha256": material.sha256},
        )
        _observe_all(briefing)
    return material


@transaction.atomic
def withdraw_material(*, material: Material, by: User) -> Material:
    """No longer given out; who had read it stays on record."""
    check_can_change(by, material.briefing)
    if Material.objects.filter(pk=material.pk, withdrawn_at=None).update(withdrawn_at=clock.now()) != 1:
        raise ActionDenied(_("Tài liệu này đã được rút."))
    record_event(action=AuditAction.MATERIAL_WITHDRAWN, by=by, target=material, unit_id=material.briefing.unit_id)
    _observe_all(material.briefing)
    return material


def note_opened(*, material: Material, invitation: Invitation, by: User) -> None:
    """A person of the invited unit opened the file; the first time counts."""
    check_is_invited(by, invitation)
    Reading.objects.get_or_create(
        material=material, user=by, defaults={"invitation": invitation, "opened_at": clock.now()}
    )


@transaction.atomic
def confirm_read(*, material: Material, invitation: Invitation, by: User) -> None:
    """“Đã đọc”: by a person who had opened the file."""
    check_can_read(by, invitation, material)
    # whoever opened it at another unit reads it for the one where they work now
    moved = Reading.objects.filter(material=material, user=by, read_at=None).update(
        read_at=clock.now(), invitation=invitation
    )
    if moved != 1:
        raise ActionDenied(_("Bạn đã xác nhận đọc tài liệu này."))
    record_event(
        action=AuditAction.MATERIAL_READ, by=by, target=material, unit_id=invitation.unit_id,
        detail={"sha256": material.sha256},
    )  # fmt: skip
    informing.observe(invitation)


def _observe_all(briefing: Briefing) -> None:
    """A file more or less changes who has read everything."""
    for invitation in briefing.invitations.filter(readings__isnull=False).distinct():
        informing.observe(invitation)
