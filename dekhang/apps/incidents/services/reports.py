"""Statutory documents: their answers, the DOCX as made, and when it was sent."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.incidents import facts, policies
from dekhang.apps.incidents.documents import build
from dekhang.apps.incidents.enums import AuditAction
from dekhang.apps.incidents.models import Incident, IncidentEvent, ReportDocument
from dekhang.apps.incidents.services import clocks, texts


@transaction.atomic
def save_facts(
    *, incident: Incident, kind: str, answers: Mapping[str, Any], letter: Mapping[str, str], by: User
) -> Incident:
    """Keep what people answered for the report `kind`, and the letter's number, place and signer.

    Raises:
        ActionDenied: not of the unit, closed, or an answer with a mark of secrecy.
        UnknownKey: the incident's regime asks for no such report, or it has no such field.
    """
    policies.check_can_make_report(by, incident, kind)
    known = {field.key for field in facts.report_of(incident, kind).fields}
    if unknown := set(answers) - known:
        raise law.UnknownKey(f"Mẫu “{kind}” không có mục {', '.join(sorted(unknown))}.")
    texts.refuse_marks(*(str(value) for value in [*answers.values(), *letter.values()]))
    # read again under the transaction: two people may fill two reports at once
    current = Incident.objects.select_for_update().get(pk=incident.pk)
    current.facts[kind] = {key: facts.storable(value) for key, value in answers.items()}
    current.facts[facts.LETTER] = dict(letter)
    current.save(update_fields=["facts"])
    incident.facts = current.facts
    record_event(action=AuditAction.REPORT_FACTS_SAVED, by=by, target=incident, detail={"report": kind})
    return incident


def make_report(*, incident: Incident, kind: str, by: User) -> ReportDocument:
    """Make the DOCX of `kind` from the record and the saved answers; the file as made stays.

    Fields without an answer are left as dotted lines: an initial report is due at once and may be incomplete.
    """
    policies.check_can_make_report(by, incident, kind)
    content = build(incident, kind)
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        document = ReportDocument(incident=incident, kind=kind, sha256=digest, made_at=clock.now(), made_by=by)
        document.file.save(f"{facts.code_of(incident)}-{kind}.docx", ContentFile(content), save=True)
        record_event(
            action=AuditAction.REPORT_MADE,
            by=by,
            target=incident,
            detail={"report_id": document.pk, "kind": kind, "sha256": digest},
        )
    return document


@transaction.atomic
def mark_report_sent(*, report: ReportDocument, to: str, by: User, at: datetime | None = None) -> ReportDocument:
    """Record that the document went out (by letter, fax, mail …): the clock that waits for it stops.

    Raises:
        ActionDenied: not of the unit, already sent, nobody named, a time that cannot be.
    """
    policies.check_can_mark_sent(by, report)
    to = to.strip()
    if not to:
        raise ActionDenied(_("Hãy ghi đã gửi cho ai và bằng đường nào, ví dụ: VNCERT/CC, công văn số 12."))
    texts.refuse_marks(to)
    incident = report.incident
    moment = at or clock.now()
    clocks.check_moment(incident, moment)
    moved = ReportDocument.objects.filter(pk=report.pk, sent_at=None).update(
        sent_at=moment, sent_by=by, sent_to=to[:300]
    )
    if moved != 1:
        raise ActionDenied(_("Văn bản này vừa được người khác ghi nhận là đã gửi."))
    report.refresh_from_db()
    for event_key in events_of_sending(incident, report.kind):
        _put_sent(incident, event_key, by, moment, to)
    record_event(
        action=AuditAction.REPORT_SENT,
        by=by,
        target=incident,
        detail={"report_id": report.pk, "kind": report.kind, "to": to[:200], "at": moment.isoformat()},
    )
    clocks.sync(incident)
    return report


def events_of_sending(incident: Incident, kind: str) -> list[str]:
    """The events of the law that sending this report is: the ends of the clocks that name it."""
    return sorted({rule.stops_on for rule in law.load().clocks(incident.regime) if rule.report == kind})


def _put_sent(incident: Incident, event_key: str, by: User, at: datetime, to: str) -> None:
    standing = incident.events.filter(event_key=event_key, withdrawn_at=None).first()
    if standing is None:
        clocks.put_event(incident=incident, event_key=event_key, by=by, at=at, note=to)
        return
    # a step said so already; with the paper as proof it no longer depends on that step
    IncidentEvent.objects.filter(pk=standing.pk).update(step=None, at=min(standing.at, at))
