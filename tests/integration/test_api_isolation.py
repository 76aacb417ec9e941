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
from tests.integration.test_isolation import OBJECTS, OUTSIDERS, PEOPLE, everything_said, units

__all__ = ["units"]  # the fixture

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
}


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
                    expected - {403, 404} if role == "officer of A" and of_unit else expected
                ):
                    wrong.add((role, operation.name, answer.status_code))
                if outside and any(string in said for string in a.secrets.values()):
                    wrong.add((role, operation.name, "leaks"))
                if role == "officer of A":
                    seen += said
    assert wrong == set()
    hidden = {where for where, string in a.secrets.items() if string not in seen}
    assert hidden <= NOT_READ_THROUGH_THE_API, "planted, but shown to nobody: the walk would prove nothing"


NOT_READ_THROUGH_THE_API = {
    *("source", "blind", "blind-rule", "proof", "upload", "evidence", "alert", "incident", "description", "note"),
    *(
        "file",
        "content",
        "document",
        "paper",
        "statement",
        "withdrawn",
        "roster",
        "saved",
        "query",
        "contest",
        "reason",
    ),
}


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
    assert idle <= NEED_SOMETHING_BEFORE


# an undone step, a closed thing, a planned change
NEED_SOMETHING_BEFORE: set[str] = {"registry.take_back_reorganisation"}


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


INSPECTORS_MAY: set[str] = set()
