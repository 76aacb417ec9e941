"""What a claim's state means, as time lines: each row of evidence on a day, the day asked, the state and first reason.

Days are counted from 10 December 2019, 09:00 in Tây Ninh. Law: CT14-2019.
"""

from datetime import UTC, datetime, timedelta

import pytest

from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.states import PROVABLE, ClaimSpan, Observation, assess
from dekhang.apps.incidents.enums import IncidentKind
from dekhang.apps.sources.enums import CANARY_KINDS

START = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
U, D, E, P, Y, R = (
    ClaimState.UNKNOWN,
    ClaimState.DECLARED,
    ClaimState.EVIDENCED,
    ClaimState.PROVEN,
    ClaimState.DECAYED,
    ClaimState.REFUTED,
)


def day(number):
    return START + timedelta(days=number)


def row(number, evidence_kind, subject, ok=True, valid=None, **payload):
    until = day(number + valid) if valid else None
    return Observation(evidence_kind, subject, "ok" if ok else "broken", day(number), until, "", payload)


def expected(number, source=1, kind="windows", ok=True):
    return row(number, EvidenceKind.SOURCE_EXPECTED, f"source:{source}", ok, kind=kind, name=f"Máy {source}")


def delivers(number, source=1):
    return row(number, EvidenceKind.SOURCE_DELIVERING, f"source:{source}")


def silent(number, source=1):
    return row(number, EvidenceKind.SOURCE_DELIVERING, f"source:{source}", ok=False)


def canary(number, kind="windows", ok=True):
    return row(number, EvidenceKind.CANARY, f"kind:{kind}", ok, valid=90 if ok else None)


def loss(number, source=1, ok=False):
    return row(number, EvidenceKind.SOURCE_LOSS, f"source:{source}", ok)


def claimed(*spans):
    return [ClaimSpan(day(a), day(b) if b is not None else None) for a, b in spans]


RECORD_ATTACKS = [
    # nothing, or words only
    ("nothing was ever heard", [], [], 0, U, "no_source"),
    ("a declaration alone", [], [(0, None)], 1, D, "no_source"),
    ("a declaration that was withdrawn", [], [(0, 1)], 2, U, "no_source"),
    ("a declaration made later does not count earlier", [], [(5, None)], 4, U, "no_source"),
    ("a source that waits", [expected(0)], [], 1, U, "never_delivered"),
    ("a source that waits, declared", [expected(0)], [(0, None)], 6, D, "never_delivered"),
    # the system begins to see
    ("a source delivers, no canary yet", [expected(0), delivers(0)], [], 1, E, "canary_missing"),
    ("delivers and declared, no canary yet", [expected(0), delivers(0)], [(0, None)], 1, E, "canary_missing"),
    ("one source silent before any canary, undeclared", [expected(0), delivers(0), silent(1)], [], 2, U, "silent"),
    # proven
    ("delivers, canary passed", [expected(0), delivers(0), canary(1)], [], 2, P, None),
    ("proven without any declaration counts", [expected(0), delivers(0), canary(1)], [], 90, P, None),
    ("the day before the canary it was not", [expected(0), delivers(0), canary(3)], [], 2, E, "canary_missing"),
    ("two kinds, both tried", [expected(0), expected(0, 2, "web"), delivers(0), delivers(0, 2), canary(1), canary(1, "web")], [], 2, P, None),
    ("two kinds, one tried", [expected(0), expected(0, 2, "web"), delivers(0), delivers(0, 2), canary(1)], [], 2, E, "canary_missing"),
    ("two machines of a kind need one canary", [expected(0), expected(0, 2), delivers(0), delivers(0, 2), canary(1)], [], 2, P, None),
    ("a Suricata sensor beside a tried kind needs none", [expected(0), expected(0, 2, "suricata"), delivers(0), delivers(0, 2), canary(1)], [], 2, P, None),
    ("only kinds that cannot be tried", [expected(0, 1, "suricata"), expected(0, 2, "syslog"), delivers(0), delivers(0, 2)], [], 2, E, "no_canary_kind"),
    ("a retired source is not asked for", [expected(0), expected(0, 2), delivers(0), canary(1), expected(2, 2, ok=False)], [], 3, P, None),
    # decayed
    ("the canary expires after 90 days", [expected(0), delivers(0), canary(1)], [], 91, Y, "canary_expired"),
    ("a source falls silent", [expected(0), delivers(0), canary(1), silent(5)], [], 6, Y, "silent"),
    ("it returns: still not, until the next canary", [expected(0), delivers(0), canary(1), silent(5), delivers(6)], [], 7, Y, "canary_again"),
    ("it returns and is tried again", [expected(0), delivers(0), canary(1), silent(5), delivers(6), canary(7)], [], 8, P, None),
    ("a canary at the moment of silence is not after it", [expected(0), delivers(0), canary(5), silent(5), delivers(6)], [], 8, E, "canary_again"),
    ("silence of another kind does not touch this kind's canary", [expected(0), expected(0, 2, "syslog"), delivers(0), delivers(0, 2), canary(1), silent(5, 2), delivers(6, 2)], [], 7, P, None),
    ("silence of a retired source is forgotten", [expected(0), expected(0, 2), delivers(0), delivers(0, 2), canary(1), silent(5, 2), expected(6, 2, ok=False)], [], 7, P, None),
    ("loss over the limit", [expected(0), delivers(0), canary(1), loss(4)], [], 5, Y, "loss"),
    ("loss back in its limit", [expected(0), delivers(0), canary(1), loss(4), loss(5, ok=True)], [], 6, P, None),
    ("a new source that has not sent yet", [expected(0), delivers(0), canary(1), expected(4, 2)], [], 5, Y, "never_delivered"),
    ("every source retired", [expected(0), delivers(0), canary(1), expected(4, ok=False)], [], 5, Y, "no_source"),
    ("a failed canary, undeclared", [expected(0), delivers(0), canary(1), canary(5, ok=False)], [], 6, Y, "canary_failed"),
    ("withdrawing wipes the memory of having been proven", [expected(0), delivers(0), canary(1), silent(5)], [(0, 6)], 7, U, "silent"),
    # refuted: what was seen contradicts what was said
    ("declared, and the canary failed", [expected(0), delivers(0), canary(1, ok=False)], [(0, None)], 2, R, "canary_failed"),
    ("declared, proven before, and the newest canary failed", [expected(0), delivers(0), canary(1), canary(5, ok=False)], [(0, None)], 6, R, "canary_failed"),
    ("declared, failed, then passed", [expected(0), delivers(0), canary(1, ok=False), canary(3)], [(0, None)], 4, P, None),
    ("undeclared, and the canary failed", [expected(0), delivers(0), canary(1, ok=False)], [], 2, E, "canary_failed"),
    ("declared, and a source never sent for seven days", [expected(0)], [(0, None)], 7, R, "never_delivered"),
    ("the seven days run from the later of both", [expected(0)], [(6, None)], 8, D, "never_delivered"),
    ("… and end seven days after it", [expected(0)], [(6, None)], 13, R, "never_delivered"),
    ("refuted ends when the source sends", [expected(0), delivers(9)], [(0, None)], 10, E, "canary_missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("story", "rows", "spans", "asked", "state", "code"), RECORD_ATTACKS, ids=[r[0] for r in RECORD_ATTACKS]
)
def test_record_attacks(story, rows, spans, asked, state, code):
    assessment = assess(PROVABLE["record_attacks"][0], rows, claimed(*spans), day(asked))
    assert (assessment.state, assessment.reasons[0].code if assessment.reasons else None) == (state, code)
    assert all(reason.text and reason.next_step for reason in assessment.reasons)


def document(number, kind="malware", ok=True):
    return row(number, EvidenceKind.SOP_DOCUMENT, f"sop:{kind}", ok)


def approved(number, kind="malware", valid=None):
    return row(number, EvidenceKind.SOP_APPROVED, f"sop:{kind}", valid=valid)


def read(number, user, kind="malware"):
    return row(number, EvidenceKind.SOP_READ, f"sop:{kind}", user_id=user)


def exercised(number, kind="malware", ok=True, seconds=120):
    return row(number, EvidenceKind.SOP_EXERCISED, f"sop:{kind}", ok, valid=365, first_step_seconds=seconds)


def posts(number, head=(1,), officer=(2,)):
    return [
        row(number, EvidenceKind.POST_FILLED, "post:head", bool(head), user_ids=list(head)),
        row(number, EvidenceKind.POST_FILLED, "post:officer", bool(officer), user_ids=list(officer)),
    ]


def contact(number):
    return row(number, EvidenceKind.CONTACT_ALIVE, "contact:1", valid=90)


READY = [*posts(0), contact(0), document(0), approved(1), read(1, 1), read(1, 2)]
SOP = [
    ("nothing was ever heard", [], [], 0, U, "no_sop"),
    ("posts and contacts alone say nothing about a procedure", [*posts(0), contact(0)], [], 1, U, "no_sop"),
    ("a declaration alone", [], [(0, None)], 1, D, "no_sop"),
    ("adopted, not approved", [*posts(0), contact(0), document(0)], [], 1, D, "not_approved"),
    ("approved, nobody read it", [*posts(0), contact(0), document(0), approved(1)], [], 2, E, "not_read"),
    ("read by one of two", [*posts(0), contact(0), document(0), approved(1), read(1, 1)], [], 2, E, "not_read"),
    ("read by all, never exercised", READY, [], 2, E, "not_exercised"),
    ("exercised: proven", [*READY, exercised(2)], [], 3, P, None),
    ("approved without a document row is adopted too", [*posts(0), contact(0), approved(1), read(1, 1), read(1, 2), exercised(2)], [], 3, P, None),
    ("one kind is enough", [*READY, exercised(2), document(3, "phishing")], [], 4, P, None),
    ("exercised without its first step measured", [*READY, exercised(2, seconds=None)], [], 3, E, "not_measured"),
    ("the exercise of another kind does not help", [*READY, exercised(2, "phishing")], [], 3, E, "not_exercised"),
    ("no head", [*posts(0, head=()), *READY[2:], exercised(2)], [], 3, E, "head_missing"),
    ("no officer", [*posts(0, officer=()), *READY[2:], exercised(2)], [], 3, E, "officer_missing"),
    ("nobody ever answered", [*posts(0), *READY[3:], exercised(2)], [], 3, E, "contact_missing"),
    # decayed
    ("the contact is silent for 90 days", [*READY, exercised(2)], [], 90, Y, "contact_expired"),
    ("the contact answers again", [*READY, exercised(2), contact(95)], [], 96, P, None),
    ("a year without exercise", [*READY, exercised(2), contact(360)], [], 367, Y, "exercise_expired"),
    ("a new officer has not read it", [*READY, exercised(2), posts(5, officer=(3,))[1]], [], 6, Y, "not_read"),
    ("… and reads it", [*READY, exercised(2), posts(5, officer=(3,))[1], read(6, 3)], [], 7, P, None),
    ("the head leaves", [*READY, exercised(2), posts(5, head=())[0]], [], 6, Y, "head_missing"),
    ("a new text waits for approval", [*READY, exercised(2), document(5)], [], 6, Y, "approve_again"),
    ("a new text approved but not read", [*READY, exercised(2), document(5), approved(6)], [], 7, Y, "not_read"),
    ("an approval that expires", [*posts(0), contact(0), approved(1, valid=30), read(1, 1), read(1, 2), exercised(2)], [], 40, Y, "approval_expired"),
    ("the procedure is taken back", [*READY, exercised(2), document(5, ok=False)], [], 6, Y, "no_sop"),
    # refuted
    ("declared, and the exercise failed", [*READY, exercised(2, ok=False)], [(0, None)], 3, R, "exercise_failed"),
    ("undeclared, and the exercise failed", [*READY, exercised(2, ok=False)], [], 3, E, "exercise_failed"),
]  # fmt: skip


@pytest.mark.parametrize(("story", "rows", "spans", "asked", "state", "code"), SOP, ids=[r[0] for r in SOP])
def test_sop(story, rows, spans, asked, state, code):
    assessment = assess(PROVABLE["sop"][0], rows, claimed(*spans), day(asked))
    assert (assessment.state, assessment.reasons[0].code if assessment.reasons else None) == (state, code)
    assert all(reason.text and reason.next_step for reason in assessment.reasons)


def test_since_and_until_say_when_the_state_began_and_when_the_proof_ends():
    rows = [expected(0), delivers(0), canary(1)]
    proven = assess(PROVABLE["record_attacks"][0], rows, [], day(2))
    assert (proven.since, proven.proven_until) == (day(1), day(91))
    decayed = assess(PROVABLE["record_attacks"][0], rows, [], day(120))
    assert (decayed.since, decayed.proven_until) == (day(91), None)


def test_the_proof_of_a_procedure_ends_with_its_contact_or_its_exercise_whichever_is_first():
    states = PROVABLE["sop"][0]
    assert assess(states, [*READY, exercised(2)], [], day(3)).proven_until == day(90)
    assert assess(states, [*READY, exercised(2), contact(300)], [], day(301)).proven_until == day(367)


def test_the_seven_day_limit_is_reached_at_its_own_moment_without_new_evidence():
    assert assess(PROVABLE["record_attacks"][0], [expected(0)], claimed((0, None)), day(30)).since == day(7)


def test_every_reason_names_the_source_as_its_people_do():
    assessment = assess(PROVABLE["record_attacks"][0], [expected(0), delivers(0), silent(2)], [], day(3))
    assert "Máy 1" in assessment.reasons[0].text


def test_the_words_of_lower_rooms_fit_those_of_higher_ones():
    from dekhang.apps.duties.states import record_attacks, sop

    assert set(record_attacks.CANARY_KINDS) == {str(kind) for kind in CANARY_KINDS}
    assert set(sop.KIND_NAMES) == set(IncidentKind.values)
