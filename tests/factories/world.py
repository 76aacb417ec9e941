"""Two units with one of everything, each with strings that must never reach the other's people."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models

from dekhang.apps.alerts import jobs as alert_jobs
from dekhang.apps.alerts.models import Alert
from dekhang.apps.briefings import services as briefings
from dekhang.apps.briefings.models import AttendanceSheet
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties import services as duties
from dekhang.apps.duties.contesting import services as contesting
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.filing import services as filing
from dekhang.apps.duties.models import SupportRequest
from dekhang.apps.incidents import services as incidents
from dekhang.apps.incidents.models import Incident
from dekhang.apps.inspections import services as inspections
from dekhang.apps.observed.enums import Kind
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.portal.models import Invitation
from dekhang.apps.registry.enums import ContactKind, ImportState, NameKind, PostKind, UnitKind
from dekhang.apps.registry.inventory.services import add_name, add_network
from dekhang.apps.registry.models import PostHolding, RosterImport, Unit
from dekhang.apps.registry.services import add_contact, confirm_contact, register_system
from dekhang.apps.reports import services as reports
from dekhang.apps.reports.gathering import Asked
from dekhang.apps.reports.models import Report
from dekhang.apps.search.services import save_search
from dekhang.apps.sources.enums import SourceKind, SourceState
from dekhang.apps.sources.models import Detectability, LogSource, Silence, Upload
from dekhang.apps.sources.services import create_source, start_canary
from tests.factories.briefings import briefing_of
from tests.factories.cascade import one_of_each
from tests.factories.core import UserFactory
from tests.factories.duties import evidence
from tests.factories.incidents import current
from tests.factories.inspections import concluded, finding_of, visit_of
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.factories.retention import LegalHoldFactory
from tests.factories.sources import MORNING, Pipeline, failed_login

STEM = "zqxbimat"  # begins every planted string; a search for it finds both units' strings


@dataclass(frozen=True)
class StoredAt:
    """An event in the lake, by its number."""

    pk: int


@dataclass
class OneOfEverything:
    """A unit's objects; `secrets`: where a string was planted → the string."""

    unit: Unit
    officer: User
    head: User
    secrets: dict[str, str] = field(default_factory=dict)
    objects: dict[str, "models.Model | StoredAt"] = field(default_factory=dict)

    def plant(self, where: str) -> str:
        """A string that stands at `where` of this unit and nowhere else."""
        return self.secrets.setdefault(where, f"{self.mark}-{where}")

    @property
    def mark(self) -> str:
        return f"{STEM}{self.unit.key[-1]}"

    def __getitem__(self, name: str) -> Any:
        return self.objects[name]


def furnish(key: str, pipeline: Pipeline) -> OneOfEverything:
    """A unit whose key ends in `key`, with one of everything that belongs to a unit, made by the real services."""
    unit = UnitFactory(key=f"xa-{key}", version__name=f"Xã Mẫu {key.upper()}")
    own = OneOfEverything(unit, officer_of(unit), head_of(unit))
    officer, head, things = own.officer, own.head, own.objects
    things["unit"] = unit
    things["officer"] = officer
    things["holding"] = PostHolding.objects.get(user=officer)

    contact = add_contact(
        unit_id=unit.pk,
        kind=ContactKind.EMAIL,
        value=f"{own.plant('contact')}@example.gov.vn",
        label=own.plant("label"),
        by=officer,
    )
    things["contact"] = confirm_contact(contact=contact, by=officer)
    things["telephone"] = add_contact(unit_id=unit.pk, kind=ContactKind.PHONE, value="0276 000 000", by=officer)
    things["system"] = register_system(unit_id=unit.pk, name=own.plant("system"), by=officer, level=2)
    things["account_invitation"] = Invitation.objects.create(
        email=f"{own.plant('invited')}@example.gov.vn",
        full_name=own.plant("guest"),
        unit=unit,
        kind=PostKind.OFFICER,
        nonce="0" * 16,
        invited_at=MORNING - timedelta(hours=1),
        invited_by=head,
        sent_at=MORNING - timedelta(hours=1),
        expires_at=MORNING + timedelta(days=7),
    )
    number = ord(key) - ord("a")
    things["network"] = add_network(
        unit_id=unit.pk, cidr=f"203.0.113.{number * 16}/28", label=own.plant("range"), by=officer
    )
    things["system_name"] = add_name(system=things["system"], kind=NameKind.HOST, name=own.plant("machine"), by=officer)
    things["dismissal"] = Dismissal.objects.create(
        unit=unit,
        kind=Kind.HOST,
        name=own.plant("stranger"),
        reason=own.plant("why"),
        decided_at=MORNING,
        decided_by=officer,
    )

    source, _token = create_source(
        unit_id=unit.pk,
        name=own.plant("source"),
        kind=SourceKind.LINUX,
        system=things["system"],
        tail_paths=(),
        addresses=(),
        by=officer,
    )
    LogSource.objects.filter(pk=source.pk).update(
        state=SourceState.DELIVERING, first_event_at=MORNING, last_event_at=MORNING
    )
    source.refresh_from_db()
    things["source"] = source
    things["silence"] = Silence.objects.create(
        source=source,
        unit=unit,
        since=MORNING,
        noticed_at=MORNING,
        ended_at=MORNING,
        blind_rules=1,
        blind=[{"label": own.plant("blind"), "rules": 1, "named": [{"id": "x", "title": own.plant("blind-rule")}]}],
    )
    Detectability.objects.create(
        unit=unit,
        computed_at=MORNING,
        fingerprint="",
        seen=1,
        partly=0,
        blind=0,
        visible_rules=1,
        rules=1,
        body={
            "techniques": [
                {
                    "key": "T1110",
                    "tactics": ["credential-access"],
                    "state": "seen",
                    "visible": 1,
                    "rules": 1,
                    "fields": [],
                    "unseen": 0,
                }
            ],
            "gains": [],
            "present": [],
            "proofs": {"T1110": {"rule": "x", "title": own.plant("proof"), "last_ms": 0, "times": 1}},
        },
    )
    things["canary"] = start_canary(source=source, by=officer)
    things["upload"] = Upload.objects.create(
        source=source,
        unit=unit,
        name=f"{own.plant('upload')}.log",
        stored_name=f"{source.pk}-{key}.log",
        size_bytes=10,
        sha256="0" * 64,
        uploaded_at=MORNING,
        uploaded_by=officer,
    )
    _alert(own, pipeline)
    _incident(own)
    _briefing(own)
    _inspection(own)

    things["claim"] = duties.declare(
        unit_id=unit.pk, duty_key="record_attacks", statement=own.plant("statement"), document=_pdf(own), by=officer
    )
    withdrawn = duties.declare(unit_id=unit.pk, duty_key="sop", statement=own.plant("withdrawn"), by=officer)
    things["revision"] = filing.submit(
        unit_id=unit.pk,
        kind="regulation",
        title=own.plant("document"),
        issued_on=MORNING.date(),
        facts={},
        file=_pdf(own),
        by=officer,
    )
    things["roster_import"] = RosterImport.objects.create(
        unit=unit,
        file_name=f"{own.plant('roster')}.xlsx",
        sha256="0" * 64,
        is_complete=False,
        day=MORNING.date(),
        state=ImportState.READY,
        uploaded_at=MORNING,
        uploaded_by=officer,
    )
    things |= one_of_each(unit, officer, own.plant, _pdf(own))
    _reports(own)
    things["withdrawn_claim"] = duties.withdraw(claim=withdrawn, by=officer)
    things["saved_search"] = save_search(
        name=own.plant("saved"), query=f"q={own.plant('query')}", shared=True, by=officer
    )
    things["hold"] = LegalHoldFactory(unit=unit, reason="Giữ để điều tra")
    things["contest"] = contesting.contest(unit_id=unit.pk, duty_key="sop", text=own.plant("contest"), by=head)
    things["support"] = SupportRequest.objects.create(
        provider=UnitFactory(key=f"isp-{key}", version__name=f"Nhà mạng {key}", version__kind=UnitKind.ISP),
        unit=unit,
        text=own.plant("support"),
        asked_at=MORNING,
        asked_by=head,
        due_at=MORNING + timedelta(days=1),
    )
    evidence(
        unit,
        EvidenceKind.SOURCE_DELIVERING,
        f"source:{source.pk}",
        ok=False,
        reason=f"Nguồn {own.plant('reason')} im lặng.",
    )
    return own


def _alert(own: OneOfEverything, pipeline: Pipeline) -> None:
    """Real lines through the real worker; the account that the attacker tries is the planted string."""
    source, user = own["source"], own.plant("evidence")
    lines = [failed_login(MORNING + timedelta(seconds=n), user=user) for n in range(40)]
    pipeline.receive(source, *lines)
    alert_jobs.pull_detections()
    alert = Alert.objects.filter(unit=own.unit).order_by("pk").first()
    assert alert is not None, "the real rules found no guessing of passwords"
    Alert.objects.filter(pk=alert.pk).update(title=own.plant("alert"))
    alert.refresh_from_db()
    own.objects["alert"], own.objects["detection"] = alert, alert.detections.get(pk=alert.detections.first().pk)
    own.objects["event"] = StoredAt(own.objects["detection"].event_id)


def _incident(own: OneOfEverything) -> None:
    incident: Incident = incidents.open_incident(
        unit_id=own.unit.pk,
        kind="intrusion",
        title=own.plant("incident"),
        description=own.plant("description"),
        alerts=[],
        detected_at=MORNING,
        by=own.officer,
    )
    incidents.add_note(incident=incident, text=own.plant("note"), by=own.officer)
    picture = SimpleUploadedFile(f"{own.plant('file')}.txt", own.plant("content").encode())
    sop = incidents.adopt_sop(unit_id=own.unit.pk, kind="intrusion", by=own.officer)
    sop = incidents.put_document(sop=sop, file=_pdf(own), by=own.officer)
    own.objects |= {
        "incident": incident,
        "attachment": incidents.attach(incident=incident, file=picture, by=own.officer),
        "report": incidents.make_report(incident=incident, kind="notice", by=own.officer),
        "step": current(incident),
        "sop": sop,
    }


def _briefing(own: OneOfEverything) -> None:
    """The unit holds a meeting for itself, with somebody there, somebody struck and a list that waits; and plans another."""
    officer = own.officer
    meeting = briefing_of(officer, own.unit, host=own.unit, title=own.plant("briefing"), about=own.plant("agenda"))
    invitation = meeting.invitations.select_related("briefing").get()
    draft = briefing_of(officer, own.unit, host=own.unit, announced=False, title=own.plant("draft"))
    file = SimpleUploadedFile("bai.pdf", b"%PDF-1.4 " + own.plant("slides").encode())
    material = briefings.add_material(briefing=meeting, title=own.plant("material"), file=file, by=officer)
    briefings.note_opened(material=material, invitation=invitation, by=officer)
    briefings.note_opened(material=material, invitation=invitation, by=own.head)
    struck = briefings.write_down(invitation=invitation, name=own.plant("struck"), by=officer)
    own.objects |= {
        "briefing": meeting,
        "invitation": draft.invitations.get(),
        "material": material,
        "briefing_question": briefings.ask(invitation=invitation, text=own.plant("briefing-question"), by=officer),
        "attendance": briefings.write_down(invitation=invitation, name=own.plant("attendee"), by=officer),
        "struck_attendance": briefings.strike(attendance=struck, reason="quét hộ", by=officer),
        "sheet": AttendanceSheet.objects.create(
            briefing=meeting,
            file_name=f"{own.plant('sheet')}.xlsx",
            sha256="0" * 64,
            rows=[[invitation.pk, own.plant("listed"), ""]],
            uploaded_at=MORNING,
            uploaded_by=officer,
        ),
    }


def _reports(own: OneOfEverything) -> None:
    """Papers of the unit: one to be confirmed, one to be sent, one to be received."""
    texts = (("difficulties", own.plant("difficulties")),)
    day = MORNING.date()
    with clock.at(MORNING):
        report = reports.make(asked=Asked("year", own.unit.pk, day, day, texts=texts), by=own.officer)
    Report.objects.filter(pk=report.pk).update(provisional=False)
    report.refresh_from_db()
    own.objects["paper"] = report
    # the same once more where it stands later: making files again would only cost time
    for name, state in (("confirmed_paper", "confirmed"), ("sent_paper", "submitted")):
        copied = Report.objects.get(pk=report.pk)
        copied.pk, copied.code, copied.state = None, f"{name[:4]}-{own.unit.pk}", state
        copied.save(force_insert=True)
        own.objects[name] = copied


def _inspection(own: OneOfEverything) -> None:
    """A visit under way, and one that is concluded with a finding to put right and one that waits for a verdict."""
    lead = UserFactory(inspector=True)
    running = visit_of(own.unit, lead, purpose=own.plant("purpose"))
    visit = visit_of(own.unit, lead)
    findings = [finding_of(visit, lead, text=own.plant(f"finding-{name}")) for name in ("open", "filed")]
    item = visit.items.select_related("visit").first()
    inspections.answer_item(item=item, result="not_met", note=own.plant("item"), by=lead)
    visit = concluded(visit, lead)
    for finding in findings:
        finding.refresh_from_db()
    own.objects |= {
        "visit": running,
        "visit_item": running.items.first(),
        "concluded_visit": visit,
        "finding": findings[0],
        "filed_finding": findings[1],
        "follow_up": inspections.file_follow_up(
            finding=findings[1], text=own.plant("follow-up"), file=_pdf(own), by=own.officer
        ),
        "minutes": inspections.make_minutes(visit=visit, by=lead),
    }


def _pdf(own: OneOfEverything) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{own.plant('document')}.pdf", b"%PDF-1.4 " + own.plant("paper").encode())


def rows_of(own: OneOfEverything) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that belongs to the unit or its people, to compare before and after."""
    rows = {
        model._meta.label: list(model._base_manager.filter(**{path: own.unit.pk}).order_by("pk").values_list())
        for model, path in _tables_of_units()
    }
    people = User.objects.filter(pk__in=[own.officer.pk, own.head.pk]).order_by("pk")
    return {**rows, "people": list(people.values_list())}


def _tables_of_units() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models(include_auto_created=True):
        path = _path_to_unit(model, ())
        if path is not None and model is not Unit:
            yield model, path


def _path_to_unit(model: type[models.Model], seen: tuple[type[models.Model], ...]) -> str | None:
    """How a filter gets from `model` to the unit that a row belongs to; None when it belongs to none."""
    if model._meta.app_label not in {c.label for c in apps.get_app_configs() if c.name.startswith("dekhang.")}:
        return None
    if any(field.attname == "unit_id" for field in model._meta.concrete_fields):
        return "unit_id"
    for one in model._meta.concrete_fields:
        target = one.remote_field.model if isinstance(one, models.ForeignKey) else None
        if target is None or target in seen or target in {User, Unit, model}:
            continue
        path = _path_to_unit(target, (*seen, model))
        if path is not None:
            return f"{one.name}__{path}"
    return None
