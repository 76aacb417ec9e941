"""Writes of documents: submit, accept, return, withdraw, and back into the queue. Accepting is what makes evidence."""

from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from dekhang.apps.core import clock, screening
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents
from dekhang.apps.duties.enums import (
    REVISION_MOVES,
    AuditAction,
    DocumentKind,
    EvidenceKind,
    EvidenceSource,
    Outcome,
    RevisionState,
)
from dekhang.apps.duties.filing.kinds import KINDS
from dekhang.apps.duties.filing.policies import check_can_review, check_can_submit, check_can_withdraw_revision
from dekhang.apps.duties.filing.readings import made_at
from dekhang.apps.duties.models import Document, Evidence, Revision
from dekhang.apps.duties.services import record_evidence


class SecretMark(ActionDenied):
    """The file or a text carries a mark of state secrets: nothing of it was kept."""


def refuse_secrets(*, unit_id: int | None, by: User, texts: dict[str, str], file: UploadedFile | None = None) -> None:
    """Raise SecretMark, after noting that it happened, when a text or the file carries a mark. Keeps no content, no hash.

    Law: R2016 L29-2018/5. To be called outside a transaction that the refusal would roll back.
    """
    marks = [mark for text in texts.values() if (mark := screening.mark_in_name(text) or screening.mark_in_text(text))]
    if file is not None and (mark := screening.mark_in_file(file.name or "", file)):
        marks.append(mark)
    if not marks:
        return
    record_event(action=AuditAction.SECRET_MARK_REFUSED, by=by, unit_id=unit_id, detail={"mark": marks[0]})
    raise SecretMark(
        _(
            "Nội dung có dấu “%(mark)s”. Hệ thống này nối mạng nên không bao giờ nhận bí mật nhà nước; chưa có gì được lưu. "
            "Hãy gửi qua cơ yếu hoặc trực tiếp theo quy định. Nếu đây không phải dấu mật, đổi tên tệp rồi nộp lại."
        )
        % {"mark": marks[0]}
    )


@transaction.atomic
def submit(
    *,
    unit_id: int,
    kind: DocumentKind | str,
    title: str,
    issued_on: date,
    facts: dict[str, Any],
    file: UploadedFile,
    duty_keys: list[str] | None = None,
    issue_number: str = "",
    by: User,
) -> Revision:
    """File a document, or the next revision of the one that already has this subject.

    Args:
        facts: what this kind has to say (`kinds.KINDS`), JSON values.
    Raises:
        ActionDenied: `by` does not work for the unit, or a revision of it still waits for review.
        DocumentRefused: the file is too large or not what its name says.
    """
    check_can_submit(by, unit_id)
    documents.check_document(file)
    wanted = KINDS[str(kind)]
    keys = list(wanted.duties) or list(duty_keys or [])
    now = clock.now()
    document, _created = Document.objects.get_or_create(
        unit_id=unit_id,
        kind=wanted.key,
        subject=wanted.subject(facts) if wanted.key != DocumentKind.OTHER else f"other:{title.strip()[:60]}",
        defaults={"title": title.strip(), "duty_keys": keys, "created_at": now, "created_by": by},
    )
    number = (document.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    revision = Revision(
        document=document,
        number=number,
        file_name=(file.name or "")[:255],
        size_bytes=file.size or 0,
        sha256=documents.sha256_of(file),
        made_at=made_at(file),
        issue_number=issue_number.strip(),
        issued_on=issued_on,
        facts=facts,
        submitted_at=now,
        submitted_by=by,
    )
    revision.file = file  # type: ignore[assignment]
    try:
        with transaction.atomic():
            revision.save()
    except IntegrityError:
        raise ActionDenied(
            _("Một bản của văn bản này đang chờ kiểm tra. Rút bản ấy trước nếu muốn nộp bản khác.")
        ) from None
    Document.objects.filter(pk=document.pk).update(title=title.strip(), duty_keys=keys)
    record_event(
        action=AuditAction.DOCUMENT_SUBMITTED,
        by=by,
        target=document,
        detail={"kind": str(wanted.key), "revision": number, "sha256": revision.sha256},
    )
    return revision


@transaction.atomic
def accept(*, revision: Revision, by: User, note: str = "", in_bulk: bool = False) -> Revision:
    """The text says what the unit says it says: from now on it is evidence, until it ends."""
    check_can_review(by, revision)
    now = clock.now()
    revision = _move(revision, RevisionState.ACCEPTED, by=by, at=now, note=note, in_bulk=in_bulk)
    kind = KINDS[revision.document.kind]
    _evidence(revision, Outcome.OK, now, valid_until=kind.ends(revision.facts, revision.issued_on, now))
    record_event(
        action=AuditAction.DOCUMENT_ACCEPTED, by=by, target=revision.document, detail={"revision": revision.number}
    )
    return revision


@transaction.atomic
def send_back(*, revision: Revision, by: User, note: str) -> Revision:
    """Return a revision with a reason; one that is evidence stops being it now, one that a newer one replaced was none."""
    check_can_review(by, revision)
    if not note.strip():
        raise ActionDenied(_("Hãy ghi lý do trả lại, để đơn vị biết sửa gì."))
    was_accepted = revision.state == RevisionState.ACCEPTED
    revision = _move(revision, RevisionState.RETURNED, by=by, at=clock.now(), note=note)
    if was_accepted and _speaks(revision):
        _evidence(revision, Outcome.BROKEN, clock.now(), reason=note)
    record_event(
        action=AuditAction.DOCUMENT_RETURNED, by=by, target=revision.document, detail={"revision": revision.number}
    )
    return revision


@transaction.atomic
def withdraw(*, revision: Revision, by: User) -> Revision:
    """The unit takes back what nobody has reviewed yet; `resubmit` is its undo."""
    check_can_withdraw_revision(by, revision)
    revision = _move(revision, RevisionState.WITHDRAWN, by=None, at=None, note="")
    record_event(
        action=AuditAction.DOCUMENT_WITHDRAWN, by=by, target=revision.document, detail={"revision": revision.number}
    )
    return revision


@transaction.atomic
def resubmit(*, revision: Revision, by: User) -> Revision:
    """Back into the queue: the unit's own withdrawal, or a reviewer's hasty return."""
    if revision.state == RevisionState.WITHDRAWN:
        check_can_submit(by, revision.document.unit_id)
    else:
        check_can_review(by, revision)
    try:
        with transaction.atomic():
            revision = _move(revision, RevisionState.SUBMITTED, by=None, at=None, note="")
    except IntegrityError:
        raise ActionDenied(_("Một bản khác của văn bản này đang chờ kiểm tra.")) from None
    record_event(
        action=AuditAction.DOCUMENT_RESUBMITTED, by=by, target=revision.document, detail={"revision": revision.number}
    )
    return revision


def _move(
    revision: Revision, to: RevisionState, *, by: User | None, at: datetime | None, note: str, in_bulk: bool = False
) -> Revision:
    """Change the state if it is still the one that `by` saw: what follows of a return depends on it."""
    allowed = to in REVISION_MOVES[RevisionState(revision.state)]
    moved = allowed and Revision.objects.filter(pk=revision.pk, state=revision.state).update(
        state=to, reviewed_at=at, reviewed_by=by, review_note=note.strip()[:500], in_bulk=in_bulk
    )
    if not moved:
        raise ActionDenied(_("Văn bản này vừa được người khác xử lý. Mở lại trang để xem."))
    return Revision.objects.select_related("document").get(pk=revision.pk)


def _speaks(revision: Revision) -> bool:
    """Whether the newest evidence of the document is of this revision."""
    document = revision.document
    rows = Evidence.objects.filter(
        unit_id=document.unit_id, kind=EvidenceKind.DOCUMENT_CHECKED, subject=document.subject
    )
    newest = rows.order_by("-observed_at", "-pk").first()
    return newest is not None and newest.revision_id == revision.pk


def _evidence(
    revision: Revision, outcome: Outcome, at: datetime, *, valid_until: datetime | None = None, reason: str = ""
) -> None:
    document = revision.document
    record_evidence(
        unit_id=document.unit_id,
        kind=EvidenceKind.DOCUMENT_CHECKED,
        subject=document.subject,
        outcome=outcome,
        observed_at=at,
        valid_until=valid_until,
        reason=reason,
        payload={"facts": revision.facts, "sha256": revision.sha256, "title": document.title},
        source=EvidenceSource.PERSON,
        revision=revision,
    )
