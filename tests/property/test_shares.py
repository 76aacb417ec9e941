"""Shares from any evidence: proven ≤ declared ≤ units, and what is seen later never changes what was true before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dekhang.apps.duties.enums import COUNTS_AS_DECLARED, ClaimState, EvidenceKind
from dekhang.apps.duties.states import PROVABLE, ClaimSpan, Observation, assess, timeline

START = datetime(2019, 12, 10, tzinfo=UTC)
SUBJECTS = {
    EvidenceKind.SOURCE_EXPECTED: ["source:1", "source:2"],
    EvidenceKind.SOURCE_DELIVERING: ["source:1", "source:2"],
    EvidenceKind.SOURCE_LOSS: ["source:1"],
    EvidenceKind.CANARY: ["kind:windows", "kind:web"],
    EvidenceKind.SOP_DOCUMENT: ["sop:malware"],
    EvidenceKind.SOP_APPROVED: ["sop:malware"],
    EvidenceKind.SOP_READ: ["sop:malware"],
    EvidenceKind.SOP_EXERCISED: ["sop:malware"],
    EvidenceKind.CONTACT_ALIVE: ["contact:1"],
    EvidenceKind.POST_FILLED: ["post:head", "post:officer"],
}
PAYLOADS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["windows", "web", "syslog"]),
        "user_id": st.sampled_from([1, 2]),
        "user_ids": st.lists(st.sampled_from([1, 2]), max_size=2),
        "first_step_seconds": st.sampled_from([None, 60]),
    }
)


@st.composite
def observation(draw):
    kind = draw(st.sampled_from(list(SUBJECTS)))
    at = START + timedelta(hours=draw(st.integers(0, 400)))
    valid = draw(st.one_of(st.none(), st.integers(1, 300)))
    return Observation(
        kind,
        draw(st.sampled_from(SUBJECTS[kind])),
        draw(st.sampled_from(["ok", "ok", "ok", "broken"])),
        at,
        at + timedelta(hours=valid) if valid else None,
        "",
        draw(PAYLOADS),
    )


@st.composite
def span(draw):
    at = START + timedelta(hours=draw(st.integers(0, 400)))
    length = draw(st.one_of(st.none(), st.integers(1, 200)))
    return ClaimSpan(at, at + timedelta(hours=length) if length else None)


rows = st.lists(observation(), max_size=25)
spans = st.lists(span(), max_size=3)
hours = st.integers(0, 700)
duty = st.sampled_from(sorted(PROVABLE))


@given(duty, rows, spans, hours)
def test_proven_always_counts_as_declared_and_only_proven_has_no_reasons(key, evidence, claims, hour):
    assessment = assess(PROVABLE[key][0], evidence, claims, START + timedelta(hours=hour))
    assert (assessment.state == ClaimState.PROVEN) == (not assessment.reasons)
    assert assessment.state != ClaimState.PROVEN or assessment.state in COUNTS_AS_DECLARED


@given(duty, rows, rows, spans, spans, hours)
def test_what_is_seen_later_does_not_change_the_past(key, evidence, later, claims, later_claims, hour):
    at = START + timedelta(hours=hour)
    before = assess(PROVABLE[key][0], evidence, claims, at)
    more = [row for row in later if row.observed_at > at]
    more_claims = [claim for claim in later_claims if claim.declared_at > at]
    assert assess(PROVABLE[key][0], [*evidence, *more], [*claims, *more_claims], at) == before


@given(duty, rows, spans, hours)
def test_a_state_holds_since_the_moment_it_names(key, evidence, claims, hour):
    at = START + timedelta(hours=hour)
    now = assess(PROVABLE[key][0], evidence, claims, at)
    if now.since is not None:
        assert now.since <= at
        assert assess(PROVABLE[key][0], evidence, claims, now.since).state == now.state


@given(duty, rows, spans, hours)
def test_a_proof_lasts_until_the_moment_it_names_when_nothing_else_happens(key, evidence, claims, hour):
    at = START + timedelta(hours=hour)
    seen = [row for row in evidence if row.observed_at <= at]
    stood = [
        ClaimSpan(c.declared_at, c.withdrawn_at if c.withdrawn_at and c.withdrawn_at <= at else None)
        for c in claims
        if c.declared_at <= at
    ]
    now = assess(PROVABLE[key][0], seen, stood, at)
    if now.proven_until is not None:
        assert assess(PROVABLE[key][0], seen, stood, now.proven_until - timedelta(seconds=1)).state == ClaimState.PROVEN
        assert assess(PROVABLE[key][0], seen, stood, now.proven_until).state != ClaimState.PROVEN


@given(rows, spans, hours, duty)
def test_timeline_says_of_every_moment_what_assess_says(observations, claims, hour, key):
    at = START + timedelta(hours=hour)
    states = PROVABLE[key][0]
    stretches = [stretch for stretch in timeline(states, observations, claims) if stretch.start <= at]
    expected = assess(states, observations, claims, at)
    assert (stretches[-1].assessment if stretches else assess(states, (), (), at)) == expected
