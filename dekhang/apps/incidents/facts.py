"""What a statutory document asks for, filled from the record as far as it goes; people complete the rest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.incidents import procedures
from dekhang.apps.incidents.enums import IncidentKind, ReportKind, StepStatus
from dekhang.apps.incidents.models import Incident
from dekhang.apps.registry import letterhead
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import ContactKind
from dekhang.law.shapes import Report, ReportField

# Answers that describe the state of things on the day of one document: not carried over to the next one.
CHANGING = frozenset({"result", "first_result", "proposal", "measures", "helpers", "first_action"})
# How each kind of incident is recognised among the choices that a form offers.
KIND_WORDS = {
    IncidentKind.MALWARE: "mã độc",
    IncidentKind.INTRUSION: "xâm nhập",
    IncidentKind.PHISHING: "lừa đảo",
    IncidentKind.DENIAL_OF_SERVICE: "từ chối",
    IncidentKind.DATA_LEAK: "lộ",
}
LETTER = "_letter"  # beside the reports' answers: number, place and signer of the paper itself


@dataclass(frozen=True, slots=True)
class Answer:
    """One field with its value: text, a list of choices, or an aware datetime for a moment; "" or [] when unknown."""

    field: ReportField
    value: Any

    @property
    def missing(self) -> bool:
        return self.field.required and not self.value

    @property
    def shown(self) -> str:
        if isinstance(self.value, datetime):
            return f"{timezone.localtime(self.value):%H giờ %M phút, ngày %d/%m/%Y}"
        if isinstance(self.value, list):
            return ", ".join(self.value)
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands around the contents of an official letter."""

    number: str
    place: str
    signer_title: str
    signer_name: str


def report_of(incident: Incident, kind: str) -> Report:
    """The report's definition under the incident's own regime.

    Raises:
        UnknownKey: that regime asks for no such report.
    """
    return law.load().report(kind, regime=incident.regime)


def answers(incident: Incident, kind: str) -> list[Answer]:
    """Fields of the report in their order: what was saved for it, else what the record knows."""
    saved = incident.facts.get(kind, {})
    earlier = [facts for key, facts in incident.facts.items() if key not in (kind, LETTER)]
    known = _Record(incident, kind)
    result = []
    for field in report_of(incident, kind).fields:
        if field.key in saved:
            value = saved[field.key]
        else:
            value = known.answer(field)
            if not value and field.key not in CHANGING:
                value = next((facts[field.key] for facts in earlier if facts.get(field.key)), "")
        result.append(Answer(field, _typed(field, value)))
    return result


def missing(incident: Incident, kind: str) -> list[ReportField]:
    return [answer.field for answer in answers(incident, kind) if answer.missing]


def letter(incident: Incident) -> Letter:
    saved = incident.facts.get(LETTER, {})
    head = registry.heads(incident.unit_id).first()
    return Letter(
        number=saved.get("number", ""),
        place=saved.get("place") or letterhead.place(),
        signer_title=saved.get("signer_title") or _("Thủ trưởng đơn vị"),
        signer_name=saved.get("signer_name") or (head.full_name if head else ""),
    )


def _typed(field: ReportField, value: Any) -> Any:
    if field.kind == "moment" and isinstance(value, str):
        return parse_datetime(value) if value else ""
    if field.kind == "choices" and isinstance(value, str):
        return [value] if value else []
    return value


class _Record:
    """What the record itself can say; reads lazily, each thing once."""

    def __init__(self, incident: Incident, report: str) -> None:
        self.incident = incident
        self.report = report
        self.unit = registry.unit_name(incident.unit_id, timezone.localtime(incident.detected_at).date())
        self.contacts = {contact.kind: contact for contact in registry.contacts(incident.unit_id).order_by("-pk")}
        self.events = set(incident.events.filter(withdrawn_at=None).values_list("event_key", flat=True))
        self.has_alerts = incident.alerts.exists()

    def answer(self, field: ReportField) -> Any:
        if field.key == "kind" and field.choices:
            word = KIND_WORDS[IncidentKind(self.incident.kind)]
            return next((choice for choice in field.choices if word in choice.casefold()), "")
        finder = getattr(self, f"_{field.key}", None)
        return finder() if finder else ""

    def _notifier_name(self) -> str:
        return self.unit

    _operator_name = _notifier_name

    def _owner_name(self) -> str:
        name = letterhead.province_name()
        return (name if name.startswith("UBND") else f"UBND {name[:1].lower()}{name[1:]}") if name else ""

    def _system_name(self) -> str:
        return self.incident.system.name if self.incident.system else ""

    def _system_level(self) -> str:
        level = self.incident.system.level if self.incident.system else None
        return str(level) if level else "Chưa xác định"

    def _provider(self) -> str:
        provider = self.incident.system.provider if self.incident.system else None
        return provider.name if provider else ""

    def _description(self) -> str:
        return self.incident.description or self.incident.title

    _symptoms = _description

    def _detected_at(self) -> datetime:
        return self.incident.detected_at

    def _ended_at(self) -> datetime | None:
        return self.incident.handled_at

    def _kind(self) -> str:
        return str(self.incident.get_kind_display())

    def _code(self) -> str:
        return code_of(self.incident)

    def _contact_name(self) -> str:
        officer = registry.officers(self.incident.unit_id).first() or self.incident.opened_by
        return str(officer)

    def _contact_title(self) -> str:
        return _("Cán bộ chuyên trách CNTT") if registry.officers(self.incident.unit_id).exists() else ""

    def _contact_phone(self) -> str:
        contact = self.contacts.get(ContactKind.PHONE)
        return contact.value if contact else ""

    def _contact_email(self) -> str:
        contact = self.contacts.get(ContactKind.EMAIL)
        if contact:
            return contact.value
        officer = registry.officers(self.incident.unit_id).first()
        return officer.email if officer else ""

    def _detection_means(self) -> list[str]:
        return ["Đề Kháng"] if self.has_alerts else []

    def _detection_source(self) -> str:
        return _("Cảnh báo của hệ thống Đề Kháng") if self.has_alerts else ""

    def _detector(self) -> str:
        return str(self.incident.opened_by)

    def _measures(self) -> str:
        """Steps that were done, one a line, with their note: the bare facts to edit into sentences."""
        plan = procedures.of_incident(self.incident)
        lines = []
        for run in self.incident.steps.filter(status=StepStatus.DONE).order_by("number"):
            step = plan.step(run.step_id)
            outcome = ". ".join(filter(None, [run.choice, run.note]))
            between = " " if step.name.endswith("?") else ": "
            lines.append(f"- {step.name}" + (f"{between}{outcome}" if outcome else ""))
        return "\n".join(lines)

    _first_action = _measures

    def _result(self) -> str:
        """A notice tells what was done so far; the result in an end report is for a person to judge."""
        return self._measures() if self.report == ReportKind.NOTICE else ""

    def _proposal(self) -> str:
        return _("Đề nghị hỗ trợ ứng cứu vì sự cố vượt khả năng của đơn vị.") if self.incident.beyond_capacity else ""

    def _personal_data(self) -> str:
        return "Có" if "data_breach_found" in self.events else ""

    def _security_sign(self) -> str:
        return "Có" if "national_security_sign" in self.events else ""


def code_of(incident: Incident) -> str:
    """The number by which people name the incident: SC-2019-0012, DT-… for an exercise."""
    prefix = "DT" if incident.is_exercise else "SC"
    return f"{prefix}-{timezone.localtime(incident.detected_at):%Y}-{incident.pk:04d}"


def storable(value: Any) -> Any:
    """A cleaned form value as JSON keeps it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is not None else ""
