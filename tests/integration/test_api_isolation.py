"""A walk over every operation of the API, with tokens of every role, over the objects of two units.

As for pages (test_isolation.py): a new operation fails `test_every_operation_has_a_decision` until it stands in CALLS.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from dekhang.apps.api.enums import READ, all_scopes
from dekhang.apps.api.rest.routes import rest
from tests.factories.api import Caller, token_of
from tests.factories.core import UserFactory
from tests.factories.world import STEM, OneOfEverything, rows_of
from tests.isolation import OBJECTS, OUTSIDERS, PEOPLE, everything_said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def patient(settings):
    settings.API_CALLS_PER_MINUTE = 100_000


Body = dict[str, Any] | Callable[[OneOfEverything], dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """What an operation is called with.

    takes: the path's parameters, in their order → the object of a unit (its id), or a fixed text.
    body: JSON, or a form with files; a function makes it of the unit that is attacked.
    query: beside the searches that every read gets.
    """

    takes: tuple[str, ...] = ()
    body: Body | None = None
    upload: Body | None = None
    query: Callable[[OneOfEverything], dict[str, Any]] = lambda own: {}

    @property
    def of_unit(self) -> bool:
        return any(what in OBJECTS for what in self.takes)


def pdf() -> SimpleUploadedFile:
    return SimpleUploadedFile("van-ban.pdf", b"%PDF-1.4 x")


CALLS: dict[str, Call] = {
    "board.shares": Call(),
    "board.share": Call(("record_attacks",)),
    "board.rows": Call(("record_attacks",)),
    "board.trend": Call(("record_attacks",)),
    "board.snapshots": Call(),
    "registry.units": Call(),
    "registry.unit": Call(("unit",)),
    "registry.add_contact": Call(("unit",), {"kind": "phone", "value": "0276 000 000"}),
    "registry.remove_contact": Call(("contact",)),
    "registry.register_system": Call(("unit",), {"name": "Hệ thống mới"}),
    "registry.retire_system": Call(("system",)),
    "registry.reorganisations": Call(),
    "registry.preview_reorganisation": Call(("abolish",), lambda own: {"fields": abolishing(own)}),
    "registry.plan_reorganisation": Call(("abolish",), lambda own: {"fields": abolishing(own)}),
    "registry.take_back_reorganisation": Call(("1",)),
    "registry.fill_post": Call(("officer",), lambda own: {"unit": own.unit.pk, "kind": "head"}),
    "registry.vacate_post": Call(("holding",)),
    "registry.on_duty": Call(("contact",)),
    "registry.lines": Call(),
    "registry.call": Call(("contacts", "contact", "unit")),
    "registry.spoken": Call(("contacts", "contact", "unit")),
    "duties.of_unit": Call(("unit",)),
    "duties.claims": Call(query=lambda own: {"unit": own.unit.pk}),
    "duties.declare": Call(("unit", "regulation"), upload=lambda own: {"statement": "khai", "document": pdf()}),
    "duties.withdraw": Call(("claim",)),
    "duties.declare_again": Call(("withdrawn_claim",)),
    "duties.claim_document": Call(("claim",)),
    "duties.evidence": Call(query=lambda own: {"unit": own.unit.pk}),
    "duties.contests": Call(query=lambda own: {"unit": own.unit.pk}),
    "duties.contest": Call(("unit", "record_attacks"), {"text": "chữ"}),
    "duties.contested": Call(("contest",)),
    "duties.correct_contest": Call(("contest",), {"answer": "trả lời"}),
    "duties.refuse_contest": Call(("contest",), {"answer": "trả lời"}),
    "duties.withdraw_contest": Call(("contest",)),
    "duties.documents": Call(query=lambda own: {"unit": own.unit.pk}),
    "duties.revisions": Call(query=lambda own: {"unit": own.unit.pk}),
    "duties.revision": Call(("revision",)),
    "duties.revision_file": Call(("revision",)),
    "duties.file_document": Call(
        ("unit", "own_force"),
        upload=lambda own: {"title": "Quyết định", "issued_on": "2019-12-01", "file": pdf()},
    ),
    "duties.accept_revision": Call(("revision",), {"note": "ghi"}),
    "duties.return_revision": Call(("revision",), {"note": "ghi"}),
    "duties.withdraw_revision": Call(("revision",)),
    "duties.resubmit_revision": Call(("revision",)),
    "duties.signs": Call(),
    "people.roster": Call(query=lambda own: {"unit": own.unit.pk}),
    "people.export_roster": Call(),
    "people.roster_sample": Call(),
    "people.imports": Call(),
    "people.bring_roster": Call(upload=lambda own: {"day": "2019-12-10", "file": pdf()}),
    "people.roster_import": Call(("roster_import",)),
    "people.roster_changes": Call(("roster_import",)),
    "people.confirm_roster": Call(("roster_import",)),
    "people.drop_roster": Call(("roster_import",)),
    "people.undo_roster": Call(("roster_import",)),
    "sources.sources": Call(query=lambda own: {"unit": own.unit.pk}),
    "sources.connect": Call(("windows",), {"name": "tên mới"}),
    "sources.source": Call(("source",)),
    "sources.health": Call(("source",)),
    "sources.change": Call(("source",), {"name": "tên mới", "cadence_seconds": 900}),
    "sources.renew_token": Call(("source",), {"keep_hours": 24}),
    "sources.end_former_token": Call(("source",)),
    "sources.quota": Call(("source",), {"quota_eps": 77}),
    "sources.retire": Call(("source",)),
    "sources.restore": Call(("source",)),
    "sources.configuration": Call(("source", "rsyslog")),
    "sources.authority": Call(),
    "sources.uploads": Call(("source",)),
    "sources.upload": Call(("source",), upload=lambda own: {"file": SimpleUploadedFile("nhat-ky.log", b"mot dong\n")}),
    "sources.silences": Call(query=lambda own: {"unit": own.unit.pk}),
    "sources.silence": Call(("silence",)),
    "sources.canaries": Call(query=lambda own: {"unit": own.unit.pk}),
    "sources.canary": Call(("canary",)),
    "sources.start_canary": Call(("source",)),
    "sources.cancel_canary": Call(("canary",)),
    "sources.canary_calls": Call(),
    "sources.canary_plan": Call(("windows",)),
    "sources.change_canary_plan": Call(
        ("windows",), {"every_days": 30, "from_hour": 8, "to_hour": 16, "pause_days": 0}
    ),
    "sources.detectability": Call(),
    "sources.detectability_of": Call(("unit",)),
    "sources.technique": Call(("unit", "T1110")),
    "sources.detectability_csv": Call(("unit",)),
    "sources.intake": Call(),
    "sources.unknown_senders": Call(),
    "alerts.alerts": Call(query=lambda own: {"unit": own.unit.pk, "view": "all"}),
    "alerts.alert": Call(("alert",)),
    "alerts.raw_events": Call(("alert", "detection")),
    "alerts.acknowledge": Call(("alert",)),
    "alerts.resolve": Call(("alert",), {"note": "ghi"}),
    "alerts.false_alarm": Call(("alert",), {"note": "ghi"}),
    "alerts.reopen": Call(("alert",)),
    "alerts.strays": Call(),
    "incidents.incidents": Call(query=lambda own: {"unit": own.unit.pk, "alert": own["alert"].pk}),
    "incidents.open_incident": Call(
        body=lambda own: {
            "unit": own.unit.pk,
            "kind": "malware",
            "title": "tên",
            "detected_at": "2019-12-10T08:00",
            "alerts": [own["alert"].pk],
        }
    ),
    "incidents.incident": Call(("incident",)),
    "incidents.finish_step": Call(("incident", "step"), upload=lambda own: {"note": "đã làm"}),
    "incidents.skip_step": Call(("incident", "step"), {"reason": "không cần"}),
    "incidents.undo_step": Call(("incident",)),
    "incidents.note": Call(("incident",), {"text": "ghi thêm"}),
    "incidents.attach": Call(("incident",), upload=lambda own: {"file": SimpleUploadedFile("anh.txt", b"noi dung")}),
    "incidents.attachment": Call(("incident", "attachment")),
    "incidents.capacity": Call(("incident",), {"beyond": "yes", "note": "vì"}),
    "incidents.handled": Call(("incident",)),
    "incidents.close": Call(("incident",)),
    "incidents.cancel": Call(("incident",), {"reason": "mở nhầm"}),
    "incidents.reopen": Call(("incident",)),
    "incidents.record_event": Call(("incident", "impersonation"), {"to": "đã thấy"}),
    "incidents.withdraw_event": Call(("incident", "impersonation")),
    "incidents.report_draft": Call(("incident", "notice")),
    "incidents.make_report": Call(("incident", "notice"), {"fields": {}}),
    "incidents.report_file": Call(("incident", "report")),
    "incidents.report_sent": Call(("incident", "report"), {"to": "VNCERT/CC, công văn"}),
    "incidents.units_with_sops": Call(),
    "incidents.sops": Call(("unit",)),
    "incidents.procedure": Call(("intrusion",)),
    "incidents.adopt_sop": Call(("unit", "malware")),
    "incidents.approve_sop": Call(("sop",)),
    "incidents.confirm_read": Call(("sop",)),
    "incidents.sop_document": Call(("sop",)),
    "incidents.put_sop_document": Call(("sop",), upload=lambda own: {"document": pdf()}),
    "search.events": Call(query=lambda own: {"unit": own.unit.pk, "since": "2019-12-01T00:00:00Z"}),
    "search.event": Call(("event",)),
    "search.export": Call(("jsonl",), query=lambda own: {"unit": own.unit.pk, "since": "2019-12-01T00:00:00Z"}),
    "search.saved": Call(),
    "search.save": Call(body={"name": "tên", "shared": False, "question": {"q": "x"}}),
    "search.rename": Call(("saved_search",), {"name": "tên mới", "shared": True}),
    "search.remove": Call(("saved_search",)),
    "search.restore": Call(("saved_search",)),
    "search.hunts": Call(),
    "search.start_hunt": Call(upload=lambda own: {"query": "x", "since": "2019-12-01T00:00"}),
    "search.hunt": Call(("20191210-020000-abcd",)),
    "search.hunt_hits": Call(("20191210-020000-abcd",)),
    "search.cancel_hunt": Call(("20191210-020000-abcd",)),
    "search.resume_hunt": Call(("20191210-020000-abcd",)),
    "search.hunt_to_alerts": Call(("20191210-020000-abcd",)),
    "retention.terms": Call(),
    "retention.holds": Call(),
    "retention.place_hold": Call(body=lambda own: {"unit": own.unit.pk, "reason": "vì"}),
    "retention.lift_hold": Call(("hold",), {"reason": "vì"}),
    "accounts.accounts": Call(),
    "accounts.account": Call(("officer",)),
    "registry.account_posts": Call(("officer",)),
    "accounts.create": Call(
        body={"full_name": "Người mới", "username": "nguoi-moi", "role": "officer", "password": "mot-mat-khau-dai-lam"}
    ),
    "accounts.close": Call(("officer",)),
    "accounts.reopen": Call(("officer",)),
    "audit.audit_events": Call(),
    "oscal.catalog": Call(),
    "cascade.plans": Call(),
    "cascade.assignments": Call(query=lambda own: {"unit": own.unit.pk}),
    "cascade.assignment": Call(("assignment",)),
    "cascade.accept": Call(("new_assignment",)),
    "cascade.withdraw": Call(("new_assignment",)),
    "cascade.set_sub_duty": Call(("assignment",), {"text": "phần việc", "person": "Người làm"}),
    "cascade.toggle_sub_duty": Call(("sub_duty",)),
    "cascade.report": Call(
        ("monthly_assignment",), upload=lambda own: {"text": "đã làm", "file": pdf(), "occurrence": month_of(own)}
    ),
    "cascade.report_file": Call(("task_report",)),
    "cascade.withdraw_report": Call(("task_report",)),
    "cascade.judge": Call(("task_report",), {"verdict": "accepted", "note": "ghi"}),
    "cascade.ask_extension": Call(
        ("monthly_assignment",), lambda own: {"until": "2020-06-01", "reason": "vì", "occurrence": month_of(own)}
    ),
    "cascade.decide_extension": Call(("extension",), {"granted": True, "note": "ghi"}),
    "cascade.withdraw_extension": Call(("extension",)),
    "cascade.talk": Call(("assignment", "hoi"), {"text": "chữ"}),
    "cascade.answer_question": Call(("question",), {"text": "trả lời"}),
    "cascade.answer_contest": Call(("task_contest",), {"text": "trả lời"}),
    "briefings.briefings": Call(),
    "inspections.visits": Call(query=lambda own: {"unit": own.unit.pk}),
    "inspections.findings": Call(query=lambda own: {"unit": own.unit.pk}),
    "cascade.plan": Call(("1",)),
    "cascade.draft_plan": Call(body={"title": "Kế hoạch mới", "day": "2019-12-10"}),
    "cascade.draft_from_template": Call(),
    "cascade.change_plan": Call(("1",), {"title": "Tên khác", "day": "2019-12-10"}),
    "cascade.discard_plan": Call(("1",)),
    "cascade.issue_plan": Call(("1",)),
    "cascade.revise_plan": Call(("1",)),
    "cascade.add_task": Call(("1",), {"title": "Việc mới", "deadline": "standing"}),
    "cascade.change_task": Call(("1",), {"title": "Việc khác", "deadline": "standing"}),
    "cascade.move_task": Call(("1",), {"direction": "up"}),
    "cascade.delete_task": Call(("1",)),
    "cascade.preview_send": Call(("1",), {"tasks": [1]}),
    "cascade.send": Call(("1",), {"tasks": [1]}),
    "cascade.send_down": Call(("assignment",), {"note": "lời dặn"}),
    "registry.networks": Call(query=lambda own: {"unit": own.unit.pk}),
    "registry.add_network": Call(("unit",), {"cidr": "198.51.100.0/28"}),
    "registry.remove_network": Call(("network",)),
    "registry.add_name": Call(("unit",), lambda own: {"system": own["system"].pk, "kind": "host", "name": "may-moi"}),
    "registry.remove_name": Call(("system_name",)),
    "registry.providers": Call(),
    "registry.add_provider": Call(body={"name": "Nhà mạng mới"}),
    "registry.change_provider": Call(("1",), {"name": "Nhà mạng khác"}),
    "registry.end_provider": Call(("1",)),
    "duties.supports": Call(),
    "duties.support": Call(("support",)),
    "duties.ask_support": Call(
        body=lambda own: {"provider": own["support"].provider_id, "for_unit": own.unit.pk, "text": "nhờ chặn"}
    ),
    "duties.answer_support": Call(("support",), {"answer": "đã chặn"}),
    "duties.verify_support": Call(("support",), {"works": True}),
    "inspections.samples": Call(),
    "inspections.sample": Call(("1",)),
    "inspections.draw": Call(body={"title": "Đợt mới", "quotas": {"commune": [1, 1]}}),
    "inspections.plan": Call(
        body=lambda own: {
            "unit": own.unit.pk,
            "checklist": own["visit"].checklist_key,
            "day": "2020-01-06",
            "lead": own["visit"].lead_id,
        }
    ),
    "inspections.visit": Call(("visit",)),
    "inspections.move": Call(("visit",), {"to": "concluded", "note": "kết luận"}),
    "inspections.comment": Call(("concluded_visit",), {"note": "ý kiến"}),
    "inspections.answer": Call(("visit", "visit_item"), {"result": "met"}),
    "inspections.raise_finding": Call(
        ("visit",), {"severity": "low", "text": "thiếu", "required": "bổ sung", "due_on": "2020-02-01"}
    ),
    "inspections.make_minutes": Call(("concluded_visit",)),
    "inspections.minutes": Call(("minutes",)),
    "inspections.finding": Call(("finding",)),
    "inspections.follow_up": Call(("finding",), upload=lambda own: {"text": "đã làm", "file": pdf()}),
    "inspections.judge": Call(("filed_finding",), {"verified": True}),
    "inspections.withdraw_finding": Call(("finding",), {"note": "nhầm"}),
    "inspections.follow_up_file": Call(("follow_up",)),
    "registry.observed": Call(),
    "registry.observed_of_unit": Call(("unit",)),
    "registry.register_seen": Call(("unit",), {"seen": "host:may-la", "new_system": "Hệ thống mới"}),
    "registry.dismiss_seen": Call(("unit",), {"seen": "host:may-la", "reason": "vì"}),
    "registry.undo_dismissal": Call(("dismissal",)),
    "reports.make": Call(("year",), {"start": "2019-12-10", "day": "2019-12-10"}),
    "reports.make_of_unit": Call(("unit", "year"), {"start": "2019-12-10", "day": "2019-12-10"}),
    "reports.follow": Call(),
    "reports.compare": Call(("paper",)),
    "reports.reports": Call(query=lambda own: {"unit": own.unit.pk}),
    "reports.report": Call(("paper",)),
    "reports.report_file": Call(("paper", "xlsx")),
    "reports.confirm": Call(("paper",)),
    "reports.submit": Call(("confirmed_paper",)),
    "reports.receive": Call(("sent_paper",)),
    "reports.return_it": Call(("sent_paper",), {"reason": "vì"}),
    "oscal.results_of_unit": Call(("unit",)),
    "oscal.results": Call(),
}


def month_of(own: OneOfEverything) -> int:
    return own["monthly_assignment"].occurrences.get().pk


def abolishing(own: OneOfEverything) -> dict[str, Any]:
    return {"units": [own.unit.pk], "date": "2020-01-01", "basis": "NQ 1"}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    scope: str


def operations() -> Iterator[Operation]:
    for path, methods in rest.get_openapi_schema(path_prefix="")["paths"].items():
        for method, told in methods.items():
            yield Operation(told["operationId"], method.upper(), path, told["x-scope"])


OPERATIONS = {operation.name: operation for operation in operations()}


def path_of(operation: Operation, *owners: OneOfEverything) -> str:
    """With two owners the first parameter is of the first, the others of the second."""
    path = operation.path
    for place, what in enumerate(CALLS[operation.name].takes):
        owner = owners[min(place, len(owners) - 1)]
        value = str(owner[what].pk) if what in owner.objects else what
        start, end = path.index("{"), path.index("}")
        path = path[:start] + value + path[end + 1 :]
    return path


def perform(caller: Caller, operation: Operation, *owners: OneOfEverything) -> Any:
    call, victim = CALLS[operation.name], owners[-1]
    path = path_of(operation, *owners)
    if operation.method == "GET":
        return caller.get(path, **call.query(victim))
    if call.upload is not None:
        return caller.upload(path, **_made(call.upload, victim))
    return caller.send(operation.method, path, None if call.body is None else _made(call.body, victim))


def _made(body: Body, victim: OneOfEverything) -> dict[str, Any]:
    return body(victim) if callable(body) else body


def reads() -> list[Operation]:
    return [operation for operation in OPERATIONS.values() if operation.method == "GET"]


def writes() -> list[Operation]:
    return [operation for operation in OPERATIONS.values() if operation.method != "GET"]


def test_every_operation_has_a_decision():
    assert set(OPERATIONS) - set(CALLS) == set(), "decide for the new operations, in CALLS"
    assert set(CALLS) - set(OPERATIONS) == set(), "these operations are no more"


def test_every_operation_has_a_scope_that_tokens_can_have():
    assert {operation.scope for operation in OPERATIONS.values()} <= set(all_scopes())
    assert {operation.scope for operation in reads()} <= {scope for scope in all_scopes() if scope.endswith(READ)}


def test_every_read_answers_every_role_and_tells_nobody_what_is_not_theirs(units):
    a, b = units
    seen, wrong = "", set()
    for role, make in PEOPLE.items():
        caller, outside = Caller(token_of(make(a, b))), role in OUTSIDERS
        for operation in reads():
            of_unit = CALLS[operation.name].of_unit
            for query in ({}, {"q": STEM}):
                answer = caller.get(path_of(operation, a), **CALLS[operation.name].query(a) | query)
                said = everything_said(answer)
                expected = {403, 404} if outside and of_unit else {200, 403, 404}
                if answer.status_code not in (
                    {200} if role == "officer of A" and of_unit and operation.name not in NOT_FOR_OFFICERS else expected
                ):
                    wrong.add((role, operation.name, answer.status_code))
                if outside and any(string in said for string in a.secrets.values()):
                    wrong.add((role, operation.name, "leaks"))
                if role == "officer of A":
                    seen += said
    assert wrong == set()
    hidden = {where for where, string in a.secrets.items() if string not in seen}
    assert READ_THROUGH_THE_API & hidden == set(), "planted, but shown to nobody: the walk would prove nothing"


READ_THROUGH_THE_API = {
    *("contact", "label", "system", "source", "blind", "blind-rule", "proof", "upload", "evidence", "alert"),
    *("incident", "description", "note", "file", "content", "document", "paper", "statement", "withdrawn", "roster"),
    *("saved", "query", "contest", "reason"),
}
# accounts are the administrator's and the coordinator's business
NOT_FOR_OFFICERS = {"accounts.account", "registry.account_posts"}


def test_nothing_that_another_unit_s_token_sends_changes_anything(units):
    a, b = units
    before, wrong = rows_of(a), set()
    for role in OUTSIDERS:
        caller = Caller(token_of(PEOPLE[role](a, b)))
        for operation in writes():
            with transaction.atomic():
                answer = perform(caller, operation, a)
                if CALLS[operation.name].of_unit and answer.status_code not in {403, 404}:
                    wrong.add((role, operation.name, f"answered {answer.status_code}"))
                if answer.status_code >= 500:
                    wrong.add((role, operation.name, "broke"))
                if any(string in everything_said(answer) for string in a.secrets.values()):
                    wrong.add((role, operation.name, "leaks"))
                after = rows_of(a)
                wrong |= {(role, operation.name, table) for table in before if before[table] != after[table]}
                transaction.set_rollback(True)
        # the part must belong to the whole: /incidents/<mine>/steps/<theirs>/finish
        for name, call in CALLS.items():
            if sum(what in OBJECTS for what in call.takes) > 1:
                answer = perform(caller, OPERATIONS[name], b, a)
                if answer.status_code != 404 or a.mark in everything_said(answer):
                    wrong.add((role, name, answer.status_code))
    assert wrong == set()
    assert rows_of(a) == before


def test_the_same_sent_with_its_own_people_s_tokens_is_done_and_with_reading_ones_is_not(units):
    """The other half of the tests above: what is sent is good enough to change something; and scopes hold."""
    a, b = units
    people = [a.officer, a.head, *(PEOPLE[role](a, b) for role in ("coordinator", "administrator"))]
    writing = [Caller(token_of(person)) for person in people]
    reading = [Caller(token_of(person, *(s for s in all_scopes() if s.endswith(READ)))) for person in people]
    idle, wrong = set(), set()
    for operation in writes():
        done = False
        for caller, reader in zip(writing, reading, strict=True):
            if perform(reader, operation, a).status_code != 403:
                wrong.add((operation.name, "done with a scope for reading"))
            with transaction.atomic():
                answer = perform(caller, operation, a)
                done = done or answer.status_code in {200, 201, 202, 204}
                if answer.status_code >= 500:
                    wrong.add((operation.name, "broke"))
                transaction.set_rollback(True)
        if not done:
            idle.add(operation.name)
    assert wrong == set()
    assert sorted(idle - NEED_SOMETHING_BEFORE) == []


# an undone step, a closed thing, a planned change, a finished hunt, a machine seen: there is none in this world
NEED_SOMETHING_BEFORE = {
    # a draft, a provider, a day of which the figures are frozen, units below: test_plans.py and tests/unit of their apps
    *("cascade.preview_send", "cascade.revise_plan", "cascade.send", "reports.make", "reports.make_of_unit"),
    *("duties.answer_support", "duties.ask_support", "inspections.answer", "inspections.comment", "inspections.draw"),
    *("inspections.judge", "inspections.make_minutes", "inspections.move", "inspections.plan"),
    *("inspections.raise_finding", "inspections.withdraw_finding"),
    *("cascade.add_task", "cascade.change_plan", "cascade.change_task", "cascade.delete_task", "cascade.discard_plan"),
    *("cascade.issue_plan", "cascade.move_task", "cascade.send_down", "duties.verify_support"),
    *("registry.change_provider", "registry.end_provider", "registry.dismiss_seen", "registry.register_seen"),
    *("cascade.accept", "cascade.ask_extension", "cascade.report", "cascade.withdraw"),
    *("accounts.reopen", "alerts.false_alarm", "alerts.reopen", "alerts.resolve", "duties.resubmit_revision"),
    *("incidents.close", "incidents.confirm_read", "incidents.handled", "incidents.record_event", "incidents.reopen"),
    *("incidents.skip_step", "incidents.undo_step", "incidents.withdraw_event", "people.undo_roster"),
    *("registry.spoken", "registry.take_back_reorganisation", "search.cancel_hunt", "search.hunt_to_alerts"),
    *("search.resume_hunt", "sources.restore", "sources.start_canary"),
}


def test_a_stranger_is_told_nothing_by_any_operation(units):
    a, _b = units
    caller = Caller("dkapi_khong-co")
    wrong = set()
    for operation in OPERATIONS.values():
        answer = perform(caller, operation, a)
        if answer.status_code != 401 or a.mark in everything_said(answer):
            wrong.add((operation.name, answer.status_code))
    assert wrong == set()


def test_a_person_whose_post_ended_reads_the_unit_no_more(units):
    a, _b = units
    type(a["holding"]).objects.filter(pk=a["holding"].pk).update(valid_to="2019-12-10")
    caller = Caller(token_of(a.officer))
    said = "".join(everything_said(perform(caller, operation, a)) for operation in reads())
    assert a.mark not in said


def test_an_inspector_s_token_reads_everything_and_changes_nothing(units):
    a, _b = units
    caller, before = Caller(token_of(UserFactory(inspector=True))), rows_of(a)
    for operation in writes():
        with transaction.atomic():
            perform(caller, operation, a)
            transaction.set_rollback(operation.name in INSPECTORS_MAY)
    assert rows_of(a) == before


# to inspect is their work, and a comparison is noted in the log
INSPECTORS_MAY = {
    *("inspections.draw", "inspections.plan", "inspections.move", "inspections.answer", "inspections.raise_finding"),
    *("inspections.make_minutes", "inspections.judge", "inspections.withdraw_finding", "reports.compare"),
}
