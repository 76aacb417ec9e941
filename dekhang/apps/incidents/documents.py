"""The statutory documents of an incident as editable DOCX: contents from the law's field lists and the record, in an official letter."""

from itertools import groupby

from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock, official
from dekhang.apps.incidents import facts, procedures
from dekhang.apps.incidents.enums import StepStatus
from dekhang.apps.incidents.models import Incident
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.letterhead import issuer_lines

SIGNS = {"notice": "TB", "initial": "BC", "end": "BC"}  # kind of paper in its number: Thông báo, Báo cáo


def build(incident: Incident, kind: str) -> bytes:
    """The DOCX of one report, as bytes.

    Law: contents by article, see `basis` in dekhang/law/data/report_fields.yml; layout ours, after Decree 30/2020.
    """
    book = law.load()
    report = facts.report_of(incident, kind)
    letter = facts.letter(incident)
    unit = registry.unit_name(incident.unit_id, timezone.localtime(incident.detected_at).date())
    document = official.new_document(
        made_at=clock.now(), title=f"{report.title} {facts.code_of(incident)}", author=unit
    )
    if incident.is_exercise:
        official.put_text(document, _("DIỄN TẬP – văn bản này không có giá trị báo cáo."), bold=True)
    superior, issuer = issuer_lines(incident.unit_id, timezone.localtime(incident.detected_at).date())
    official.put_heads(
        document,
        official.Heads(
            superior=superior,
            issuer=issuer,
            number=_("Số: %(number)s")
            % {"number": letter.number or f"{official.BLANK[:3]}/{SIGNS[kind]}-{official.BLANK[:3]}"},
            place_and_date=f"{letter.place or official.BLANK[:8]}, {official.date_line(clock.today())}",
        ),
    )
    official.put_title(document, report.title, incident.title)
    recipients = [book.party(key, regime=incident.regime) for key in report.recipients]
    official.put_recipients(document, recipients)
    for basis in report.basis:
        official.put_text(document, _("Căn cứ %(text)s;") % {"text": book.cite(basis)}, italic=True)
    _put_fields(document, facts.answers(incident, kind))
    _put_steps(document, incident)
    official.put_signature(
        document,
        signer_title=letter.signer_title,
        signer_name=letter.signer_name,
        copies=[_("Như trên")],
    )
    if not report.layout_known:
        official.put_text(
            document,
            _("Nội dung theo các điều nêu ở căn cứ; bố cục do hệ thống soạn vì chưa có mẫu chính thức."),
            italic=True,
            size=9,
        )
    return official.as_bytes(document)


def _put_fields(document: official.DocumentType, answers: list[facts.Answer]) -> None:
    number = 0
    for group, members in groupby(answers, key=lambda answer: answer.field.group):
        for answer in members:
            number += 1
            value = answer.shown or official.BLANK
            place = f"{group}) " if group else ""
            official.put_field(document, f"{number}. {place}{answer.field.label}", value)


def _put_steps(document: official.DocumentType, incident: Incident) -> None:
    """The run as it was: done and skipped steps; what was gone back from is in the system's own record."""
    plan = procedures.of_incident(incident)
    runs = incident.steps.filter(status__in=(StepStatus.DONE, StepStatus.SKIPPED)).select_related("finished_by")
    rows = []
    for number, run in enumerate(runs.order_by("number"), start=1):
        if run.status == StepStatus.SKIPPED:
            outcome = _("Bỏ qua: %(reason)s") % {"reason": run.skip_reason}
        else:
            outcome = ". ".join(filter(None, [run.choice, run.note])) or _("Đã xong")
        when = f"{timezone.localtime(run.finished_at):%H:%M %d/%m/%Y}" if run.finished_at else ""
        rows.append((str(number), plan.step(run.step_id).name, when, str(run.finished_by or ""), outcome))
    if not rows:
        return
    official.put_text(document, _("Các bước đã thực hiện theo quy trình “%(name)s”:") % {"name": plan.name}, bold=True)
    heads = (_("TT"), _("Việc"), _("Lúc"), _("Người thực hiện"), _("Kết quả"))
    official.put_table(document, heads, (10, 50, 25, 30, 50), rows)
