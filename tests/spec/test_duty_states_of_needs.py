"""States of the duties that are proven while a list of things holds: time lines as in test_duty_states.py.

Each row: what was seen (day, …), the day asked, whether the duty is declared from day 0, the state, the first reason.
"""

from datetime import UTC, datetime, timedelta

import pytest

from dekhang.apps.duties.enums import ClaimState, EvidenceKind, ReasonCode
from dekhang.apps.duties.states import PROVABLE, ClaimSpan, Observation, assess

START = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
U, D, E, P, Y, R = (
    ClaimState.UNKNOWN,
    ClaimState.DECLARED,
    ClaimState.EVIDENCED,
    ClaimState.PROVEN,
    ClaimState.DECAYED,
    ClaimState.REFUTED,
)


def seen(number, kind, subject, *, ok=True, valid=None, **payload):
    at = START + timedelta(days=number)
    return Observation(
        kind, subject, "ok" if ok else "broken", at, at + timedelta(days=valid) if valid else None, "", payload
    )


def paper(number, subject, *, ok=True, valid=365, **facts):
    return seen(number, EvidenceKind.DOCUMENT_CHECKED, subject, ok=ok, valid=valid, facts=facts)


def post(number, *people):
    return seen(number, EvidenceKind.POST_FILLED, "post:officer", ok=bool(people), user_ids=list(people))


def answered(number):
    return seen(number, EvidenceKind.CONTACT_ALIVE, "contact:1", valid=90)


def system(number, pk=1, ok=True):
    return seen(number, EvidenceKind.SYSTEM_REGISTERED, f"system:{pk}", ok=ok, name=f"Hệ thống {pk}")


def outside(number, ok=False):
    return seen(number, EvidenceKind.OUTSIDE_REGISTER, "host:may-la", ok=ok)


def task(number, ok=True, valid=30, n=1):
    return seen(number, EvidenceKind.RECURRING_TASK, f"task:{n}", ok=ok, valid=valid, title="Sao lưu")


def ended(number):
    return seen(number, EvidenceKind.RECURRING_TASK, "task:1", title="Sao lưu", ended=True)


def clock(number, ok=True, subject="incident:1/initial"):
    return seen(number, EvidenceKind.CLOCK, subject, ok=ok)


def support(number, ok=True, request=1):
    return seen(number, EvidenceKind.SUPPORT_ANSWERED, f"request:{request}", ok=ok)


def verified(number, ok=True, request=1):
    return seen(number, EvidenceKind.SUPPORT_VERIFIED, f"request:{request}", ok=ok)


def people(number, roster, passed, never=0):
    return seen(number, EvidenceKind.AWARENESS, "roster", valid=365, roster=roster, passed=passed, never=never)


LAYERS = [
    paper(0, "layer:1"),
    paper(0, "layer:2", firm="VNPT"),
    paper(0, "layer:3", firm="Viettel"),
    paper(0, "layer:4"),
]

ROWS = [
    # officer: post, certificate of who holds it, a contact that answers
    ("officer", [], 0, False, U, "officer_missing"),
    ("officer", [post(0, 5)], 1, True, E, "document_missing"),
    ("officer", [post(0, 5), paper(0, "certificate", user_id=5), answered(0)], 1, False, P, None),
    ("officer", [post(0, 5), paper(0, "certificate", user_id=5), answered(0)], 91, True, Y, "contact_expired"),
    ("officer", [post(0, 5), paper(0, "certificate", user_id=5), answered(0), post(9, 6)], 10, True, Y, "certificate_of_another"),
    ("officer", [post(0, 5), paper(0, "certificate", user_id=5), answered(0), post(9)], 10, True, Y, "officer_broken"),
    # level: every registered system has both papers; what runs outside the register contradicts
    ("level", [], 0, True, D, "no_system"),
    ("level", [system(0), paper(0, "level:1"), paper(0, "controls:1")], 1, False, P, None),
    ("level", [system(0), paper(0, "level:1"), paper(0, "controls:1"), system(5, 2)], 6, True, Y, "document_missing"),
    ("level", [system(0), paper(0, "level:1"), paper(0, "controls:1"), outside(5)], 6, True, R, "outside_register"),
    ("level", [system(0), paper(0, "level:1"), paper(0, "controls:1"), outside(5), outside(7, ok=True)], 8, True, P, None),
    ("level", [system(0), system(1, 2), paper(1, "level:1"), paper(1, "controls:1"), system(2, 2, ok=False)], 3, True, P, None),
    # regulation: the paper and its recurring tasks
    ("regulation", [paper(0, "regulation", valid=1095)], 1, True, E, "no_task_done"),
    ("regulation", [paper(0, "regulation", valid=1095), task(0)], 1, True, P, None),
    ("regulation", [paper(0, "regulation", valid=1095), task(0)], 31, True, Y, "task_missed"),
    ("regulation", [paper(0, "regulation", valid=1095), task(0), ended(9)], 40, True, Y, "no_task_done"),
    ("regulation", [paper(0, "regulation", valid=1095), task(0), ended(9), task(9, n=2, valid=90)], 40, True, P, None),
    ("regulation", [paper(0, "regulation", valid=1095), paper(9, "regulation", ok=False), task(9)], 10, True, D, "document_broken"),
    # respond: nothing is declared; a missed clock stands for a year
    ("respond", [], 1, False, U, "no_clock"),
    ("respond", [clock(0)], 1, False, P, None),
    ("respond", [clock(0)], 366, False, Y, "no_clock"),
    ("respond", [clock(0), clock(5, ok=False, subject="incident:2/final")], 6, False, R, "clock_missed"),
    ("respond", [clock(5, ok=False), clock(370, subject="incident:9/initial")], 371, False, P, None),
    # four layers: layers 2 and 3 are different firms
    ("four_layers", LAYERS[:3], 1, True, E, "document_missing"),
    ("four_layers", LAYERS, 1, True, P, None),
    ("four_layers", [*LAYERS[:2], paper(0, "layer:3", firm=" vnpt "), LAYERS[3]], 1, True, R, "same_firm"),
    # budget: 10 % under Directive 14
    ("budget", [paper(0, "budget", it_spending=1000, security_spending=100)], 1, True, P, None),
    ("budget", [paper(0, "budget", it_spending=1000, security_spending=99)], 1, True, R, "budget_low"),
    ("budget", [paper(0, "budget", it_spending=0, security_spending=0)], 1, False, E, "budget_low"),
    # secrets: papers only; an incident stands for a year
    ("secrets", [paper(0, "secrets_officer")], 1, True, E, "document_missing"),
    ("secrets", [paper(0, "secrets_officer"), paper(0, "secrets_report")], 1, True, P, None),
    ("secrets", [paper(0, "secrets_officer", valid=900), paper(0, "secrets_report", valid=900),
                 seen(5, EvidenceKind.SECRET_INCIDENT, "incident:3", ok=False)], 6, True, R, "secret_incident"),
    ("secrets", [paper(0, "secrets_officer", valid=900), paper(0, "secrets_report", valid=900),
                 seen(5, EvidenceKind.SECRET_INCIDENT, "incident:3", ok=False)], 371, True, P, None),
    # isp: a contact that answers, requests of a year in time, what was done verified by who asked
    ("isp", [], 1, True, D, "provider_unknown"),
    ("isp", [answered(0)], 1, True, D, "no_request"),
    ("isp", [answered(0), support(1)], 2, False, U, "not_verified"),
    ("isp", [answered(0), support(1), verified(2)], 3, False, P, None),
    ("isp", [answered(0), support(1), verified(2)], 91, False, Y, "provider_silent"),
    ("isp", [answered(0), support(1), verified(2), support(5, ok=False, request=2)], 6, True, R, "request_late"),
    ("isp", [answered(0), support(1), verified(2, ok=False)], 3, True, R, "result_refused"),
    ("isp", [answered(300), support(1), verified(2), support(300, request=2), verified(300, request=2)], 367, False, P, None),
    # awareness: people, never averages; who never started counts
    ("awareness", [], 1, True, D, "awareness_missing"),
    ("awareness", [people(0, 40, 40)], 1, False, P, None),
    ("awareness", [people(0, 40, 39)], 1, True, E, "not_passed"),
    ("awareness", [people(0, 40, 0, never=40)], 1, True, R, "never_started"),
    ("awareness", [people(0, 40, 40), people(30, 42, 40)], 31, True, Y, "not_passed"),
    ("awareness", [people(0, 0, 0)], 1, False, E, "no_roster"),
]  # fmt: skip


@pytest.mark.parametrize(("duty", "rows", "day", "declared", "state", "reason"), ROWS)
def test_state_and_first_reason(duty, rows, day, declared, state, reason):
    claims = [ClaimSpan(START)] if declared else []
    found = assess(PROVABLE[duty][0], rows, claims, START + timedelta(days=day, hours=1))
    assert (found.state, found.reasons[0].code if found.reasons else None) == (state, reason)
    for said in found.reasons:
        assert said.code in ReasonCode.values
        assert said.text and said.next_step and "%" not in said.text.replace(" %", "")


def test_the_share_of_the_budget_is_that_of_the_day():
    """15 % since 1 July 2026 (Law 116/2025 Art 38.1): a paper that was enough before is not any more."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    row = Observation(EvidenceKind.DOCUMENT_CHECKED, "budget", "ok", at, at + timedelta(days=365), "",
                      {"facts": {"it_spending": 1000, "security_spending": 120}})  # fmt: skip
    states = PROVABLE["budget"][0]
    assert assess(states, [row], [], datetime(2026, 6, 30, 12, tzinfo=UTC)).state == P
    later = assess(states, [row], [], datetime(2026, 7, 2, tzinfo=UTC))
    assert (later.state, later.reasons[0].code) == (Y, "budget_low")
    assert "15 %" in later.reasons[0].text


MEASURED = [
    ("awareness", [people(0, 40, 38, never=1)], 1, (38, 40, 1)),
    ("awareness", [people(0, 40, 38, never=1)], 366, (0, 40, 1)),  # what expired proves nobody
    ("level", [system(0), system(0, 2), paper(0, "level:1"), paper(0, "controls:1")], 1, (1, 2, 1)),
    ("regulation", [task(0, valid=90), ended(9), task(9, n=2, valid=90)], 10, (1, 1, 0)),
    ("regulation", [task(0), task(0, ok=False)], 1, (0, 1, 0)),
    ("respond", [clock(0), clock(1, ok=False, subject="incident:2/final")], 2, (1, 2, 0)),
    ("four_layers", LAYERS[:3], 1, (3, 4, 1)),
    ("four_layers", [*LAYERS[:2], paper(0, "layer:3", firm="VNPT")], 1, (2, 4, 1)),  # a check by who watches is none
    ("budget", [paper(0, "budget", it_spending=1000, security_spending=80)], 1, (80, 1000, 0)),
    ("isp", [support(1), support(2, ok=False, request=2)], 3, (1, 2, 0)),
    ("officer", [post(0, 5)], 1, None),
]  # fmt: skip


@pytest.mark.parametrize(("duty", "rows", "day", "measured"), MEASURED)
def test_the_detail_share_counts_things_not_units(duty, rows, day, measured):
    found = assess(PROVABLE[duty][0], rows, (), START + timedelta(days=day)).measure
    assert (None if found is None else (found.done, found.whole, found.never)) == measured
