from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties import jobs, services, timelines
from dekhang.apps.duties.documents import DocumentRefused
from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.models import Claim, Evidence, StaleTimeline
from dekhang.apps.duties.selectors import assess
from dekhang.apps.registry.enums import ContactKind, PostKind
from dekhang.apps.registry.models import Contact, PostHolding, System
from dekhang.law import UnknownKey
from tests.factories.core import UserFactory
from tests.factories.duties import claim, evidence, proves_procedure, proves_recording
from tests.factories.registry import SystemFactory, UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 quy trinh"


def pdf(name="quy-trinh.pdf", body=PDF):
    return SimpleUploadedFile(name, body, content_type="application/pdf")


def test_evidence_carries_a_digest_over_everything_else(frozen_now):
    row = evidence(UnitFactory(), EvidenceKind.SOURCE_EXPECTED, "source:1", kind="windows", name="Máy 1")
    row = Evidence.objects.get(pk=row.pk)
    assert services.digest_of(row) == row.digest
    row.payload = {"kind": "linux"}
    assert services.digest_of(row) != row.digest


def test_evidence_can_be_neither_changed_nor_removed(frozen_now):
    row = evidence(UnitFactory(), EvidenceKind.CANARY, "kind:windows")
    with pytest.raises(TypeError):
        row.save()
    with pytest.raises(TypeError):
        row.delete()


def test_a_declaration_is_audited_and_stands_once(frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    services.declare(unit_id=unit.pk, duty_key="sop", statement="Có quy trình số 12", by=officer)
    with pytest.raises(ActionDenied, match="đã khai báo"):
        services.declare(unit_id=unit.pk, duty_key="sop", statement="lần nữa", by=officer)
    assert [event.action for event in AuditEvent.objects.all()] == ["claim_declared"]
    assert list(verify_chain()) == []


def test_only_the_unit_s_own_people_declare(frozen_now):
    unit = UnitFactory()
    for stranger in (officer_of(UnitFactory()), UserFactory(coordinator=True)):
        with pytest.raises(ActionDenied, match="Chỉ thủ trưởng hoặc cán bộ"):
            services.declare(unit_id=unit.pk, duty_key="sop", statement="x", by=stranger)


def test_an_unknown_duty_is_not_declared(frozen_now):
    unit = UnitFactory()
    with pytest.raises(UnknownKey):
        services.declare(unit_id=unit.pk, duty_key="khong-co", statement="x", by=officer_of(unit))


def test_withdrawing_and_taking_back_keeps_every_declaration(frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    first = services.declare(unit_id=unit.pk, duty_key="sop", statement="Có", by=officer)
    services.withdraw(claim=first, by=officer)
    with pytest.raises(ActionDenied, match="đã được rút"):
        services.withdraw(claim=first, by=officer)
    services.declare_again(claim=first, by=officer)
    assert [(c.statement, c.withdrawn_at is None) for c in Claim.objects.order_by("pk")] == [
        ("Có", False),
        ("Có", True),
    ]


def test_a_document_is_kept_with_its_digest(data, frozen_now):
    unit = UnitFactory()
    made = services.declare(unit_id=unit.pk, duty_key="sop", statement="Có", document=pdf(), by=officer_of(unit))
    assert made.document.read() == PDF
    made.document.close()
    assert len(made.document_sha256) == 64


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (pdf("quy-trinh.exe"), "loại chưa nhận được"),
        (pdf(body=b"MZ\x90 not a pdf"), "nội dung không phải loại đó"),
        (pdf(body=PDF + b" " * 2000), "lớn hơn"),
    ],
)
def test_a_document_that_is_not_what_it_says_or_too_large_is_refused(data, settings, frozen_now, file, sentence):
    settings.MAX_ATTACHMENT_BYTES = 1000
    unit = UnitFactory()
    with pytest.raises(DocumentRefused, match=sentence):
        services.declare(unit_id=unit.pk, duty_key="sop", statement="Có", document=file, by=officer_of(unit))
    assert not Claim.objects.exists()


def test_posts_are_seen_once_and_again_when_somebody_changes(frozen_now):
    unit = UnitFactory()
    officer, head = officer_of(unit), head_of(unit)
    assert (jobs.observe_posts(), jobs.observe_posts()) == (2, 0)
    PostHolding.objects.filter(user=head).update(valid_to=date(2019, 12, 10))
    assert jobs.observe_posts([unit.pk]) == 1
    newest = Evidence.objects.filter(subject="post:head").latest("pk")
    assert (newest.outcome, newest.payload) == ("broken", {"user_ids": []})
    assert Evidence.objects.get(subject="post:officer").payload == {"user_ids": [officer.pk]}


def test_a_closed_account_leaves_its_post_empty(frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    jobs.observe_posts()
    officer.is_active = False
    officer.save()
    assert jobs.observe_posts() == 1


def test_an_answer_of_a_contact_is_evidence_for_ninety_days_and_recorded_once(frozen_now):
    contact = Contact.objects.create(
        unit=UnitFactory(), kind=ContactKind.EMAIL, value="truc@example.gov.vn", valid_from=date(2019, 1, 1),
        last_answered_at=frozen_now,
    )  # fmt: skip
    assert (jobs.observe_contacts(), jobs.observe_contacts()) == (1, 0)
    assert Evidence.objects.get(subject=f"contact:{contact.pk}").valid_until == frozen_now + timedelta(days=90)
    Contact.objects.update(last_answered_at=frozen_now + timedelta(days=1))
    assert jobs.observe_contacts() == 1


def test_states_of_many_units_cost_the_same_few_queries(frozen_now, django_assert_num_queries):
    units = UnitFactory.create_batch(12)
    for unit in units[:5]:
        proves_recording(unit)
        claim(unit)
    ids = [unit.pk for unit in units]
    with django_assert_num_queries(4):  # spans and marks, and for what is stale evidence and declarations
        states = assess("record_attacks", ids, clock.now())
    assert sum(a.state == ClaimState.PROVEN for a in states.values()) == 5
    timelines.refresh()
    with django_assert_num_queries(2):
        assert assess("record_attacks", ids, clock.now()) == states


def test_states_are_the_same_from_spans_and_from_evidence_on_any_date(frozen_now):
    units = UnitFactory.create_batch(3)
    proves_recording(units[0], at=frozen_now - timedelta(days=60))
    evidence(units[0], EvidenceKind.SOURCE_DELIVERING, "source:1", at=frozen_now - timedelta(days=9), ok=False)
    claim(units[1], at=frozen_now - timedelta(days=30), withdrawn_at=frozen_now - timedelta(days=3))
    proves_procedure(units[2], at=frozen_now - timedelta(days=400))
    ids = [unit.pk for unit in units]
    while timelines.refresh():
        pass
    assert not StaleTimeline.objects.exists()
    for duty_key in ("record_attacks", "sop"):
        for days in (-500, -400, -399, -61, -60, -30, -9, -3, 0, 31, 200):
            at = frozen_now + timedelta(days=days)
            assert assess(duty_key, ids, at) == timelines.walked(duty_key, ids, at), (duty_key, days)


def test_evidence_written_while_spans_are_computed_is_not_forgotten(frozen_now):
    unit = UnitFactory()
    proves_recording(unit)
    marks = {unit.pk: StaleTimeline.objects.filter(duty_key="record_attacks").latest("pk").pk}
    evidence(unit, EvidenceKind.CANARY, "kind:windows", at=frozen_now, ok=False)
    timelines._compute("record_attacks", marks)
    assert StaleTimeline.objects.filter(duty_key="record_attacks", unit=unit).count() == 1
    assert assess("record_attacks", [unit.pk], clock.now())[unit.pk].reasons[0].code == "canary_failed"


def test_a_change_of_the_laws_numbers_computes_all_spans_anew(frozen_now, monkeypatch):
    unit = UnitFactory()
    proves_recording(unit)
    while timelines.refresh():
        pass
    monkeypatch.setattr(timelines, "MEANING", timelines.MEANING + 1)
    assert timelines.refresh() == 1
    assert timelines.refresh() == 0


def test_a_procedure_is_proven_by_what_the_database_holds(frozen_now):
    unit = UnitFactory()
    proves_procedure(unit)
    assert assess("sop", [unit.pk], clock.now())[unit.pk].state == ClaimState.PROVEN


def test_posts_kinds_that_are_watched_are_those_the_procedure_asks_for():
    from dekhang.apps.duties.states.sop import POSTS

    assert {str(kind) for kind in jobs.EMPTY_REASON} == set(POSTS) <= set(PostKind.values)


def test_systems_of_the_register_are_seen_as_they_come_change_and_go(frozen_now):
    system = SystemFactory(level=None)
    assert (jobs.observe_systems(), jobs.observe_systems()) == (1, 0)
    System.objects.filter(pk=system.pk).update(level=2)
    assert jobs.observe_systems() == 1
    System.objects.filter(pk=system.pk).update(valid_to=clock.today())
    assert (jobs.observe_systems(), jobs.observe_systems()) == (1, 0)
    rows = Evidence.objects.filter(subject=f"system:{system.pk}").order_by("pk")
    assert [(row.outcome, row.payload["level"]) for row in rows] == [("ok", None), ("ok", 2), ("broken", 2)]
