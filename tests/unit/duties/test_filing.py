"""Documents: filed, reviewed, accepted or returned; one paper for many duties; marks of secrets; signs of gaming."""

import io
import zipfile
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.core import clock, screening
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, EvidenceSource, Outcome, RevisionState
from dekhang.apps.duties.filing import doings, flags, services
from dekhang.apps.duties.filing.kinds import KINDS
from dekhang.apps.duties.models import Document, Evidence, Revision
from dekhang.apps.duties.selectors import assess
from dekhang.apps.duties.services import digest_of
from dekhang.apps.duties.states import PROVABLE
from dekhang.law import load
from tests.factories.core import UserFactory
from tests.factories.duties import evidence
from tests.factories.registry import PostHoldingFactory, UnitFactory, officer_of

pytestmark = pytest.mark.django_db
TODAY = date(2019, 12, 10)


def pdf(name="quy-che.pdf", text=b"quy che", made=b""):
    made = b"/CreationDate (D:%s)" % made if made else b""
    return SimpleUploadedFile(name, b"%PDF-1.7\n" + made + text, content_type="application/pdf")


def filed(unit, kind="regulation", *, by=None, file=None, issued_on=TODAY, **facts):
    return services.submit(
        unit_id=unit.pk,
        kind=kind,
        title="Quy chế",
        issued_on=issued_on,
        facts=facts,
        file=file or pdf(),
        by=by or officer_of(unit),
    )


@pytest.fixture
def reviewer(frozen_now, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return UserFactory(coordinator=True)


def test_a_filed_document_counts_only_once_it_is_accepted(reviewer, frozen_now):
    unit = UnitFactory()
    revision = filed(unit, "secrets_officer")
    assert not Evidence.objects.filter(kind=EvidenceKind.DOCUMENT_CHECKED).exists()
    services.accept(revision=revision, by=reviewer)
    row = Evidence.objects.get(kind=EvidenceKind.DOCUMENT_CHECKED)
    assert (row.subject, row.outcome, row.source, row.revision_id) == (
        "secrets_officer",
        Outcome.OK,
        EvidenceSource.PERSON,
        revision.pk,
    )
    assert row.valid_until == frozen_now + timedelta(days=load().proof("document_valid_days").whole)
    assert row.payload["sha256"] == revision.sha256
    assert digest_of(row) == row.digest
    assert assess("secrets", [unit.pk], clock.now())[unit.pk].state == ClaimState.EVIDENCED


def test_a_proof_ends_by_itself_on_its_day(reviewer, frozen_now):
    unit = UnitFactory()
    for kind in ("secrets_officer", "secrets_report"):
        services.accept(revision=filed(unit, kind), by=reviewer)
    assert assess("secrets", [unit.pk], clock.now())[unit.pk].state == ClaimState.PROVEN
    later = assess("secrets", [unit.pk], frozen_now + timedelta(days=366))[unit.pk]
    assert (later.state, later.reasons[0].code) == (ClaimState.DECAYED, "document_expired")


def test_what_was_accepted_and_found_wrong_stops_counting_with_the_reason(reviewer):
    unit = UnitFactory()
    revision = services.accept(revision=filed(unit, "own_force"), by=reviewer)
    services.send_back(revision=revision, by=reviewer, note="Quyết định đã bị thay thế.")
    found = assess("four_layers", [unit.pk], clock.now())[unit.pk]
    assert found.state == ClaimState.UNKNOWN
    assert "đã bị thay thế" in found.reasons[0].text


def test_returning_an_old_revision_does_not_end_the_proof_of_the_one_that_replaced_it(reviewer):
    unit = UnitFactory()
    old = services.accept(revision=filed(unit, "own_force"), by=reviewer)
    services.accept(revision=filed(unit, "own_force"), by=reviewer)
    services.send_back(revision=old, by=reviewer, note="Bản cũ.")
    assert Evidence.objects.latest("pk").outcome == "ok"


def test_a_return_by_who_did_not_see_the_acceptance_is_refused_and_the_proof_stays_with_its_text(reviewer):
    revision = filed(UnitFactory(), "own_force")
    services.accept(revision=revision, by=reviewer)
    with pytest.raises(ActionDenied, match="vừa được người khác xử lý"):
        services.send_back(revision=revision, by=UserFactory(coordinator=True), note="Thiếu trang 2.")
    revision.refresh_from_db()
    assert (revision.state, Evidence.objects.latest("pk").outcome) == ("accepted", "ok")


def test_a_return_needs_a_reason_and_can_be_taken_back(reviewer):
    revision = filed(UnitFactory())
    with pytest.raises(ActionDenied, match="lý do"):
        services.send_back(revision=revision, by=reviewer, note="  ")
    services.send_back(revision=revision, by=reviewer, note="Thiếu trang 2.")
    revision.refresh_from_db()
    again = services.resubmit(revision=revision, by=reviewer)
    assert (again.state, again.review_note) == (RevisionState.SUBMITTED, "")


def test_the_next_file_of_a_subject_is_a_revision_and_one_at_a_time_waits(reviewer):
    unit = UnitFactory()
    officer = officer_of(unit)
    first = filed(unit, by=officer)
    with pytest.raises(ActionDenied, match="đang chờ kiểm tra"):
        filed(unit, by=officer)
    services.withdraw(revision=first, by=officer)
    second = filed(unit, by=officer, file=pdf(text=b"ban hai"))
    assert (second.number, Document.objects.count()) == (2, 1)
    with pytest.raises(ActionDenied, match="Một bản khác"):
        services.resubmit(revision=Revision.objects.get(pk=first.pk), by=officer)


@pytest.mark.parametrize("how", ["own", "post", "role"])
def test_who_operates_may_not_appraise(reviewer, how):
    unit = UnitFactory()
    revision = filed(unit)
    if how == "own":
        Revision.objects.filter(pk=revision.pk).update(submitted_by=reviewer)
        revision.refresh_from_db()
    elif how == "post":
        PostHoldingFactory(unit=unit, user=reviewer)
    judge = officer_of(unit) if how == "role" else reviewer
    with pytest.raises(ActionDenied):
        services.accept(revision=revision, by=judge)
    assert Revision.objects.get(pk=revision.pk).state == RevisionState.SUBMITTED


def test_two_reviewers_at_once_judge_once(reviewer):
    revision = filed(UnitFactory())
    services.accept(revision=revision, by=reviewer)
    with pytest.raises(ActionDenied, match="vừa được người khác xử lý"):
        services.accept(revision=revision, by=UserFactory(coordinator=True))
    assert Evidence.objects.filter(kind=EvidenceKind.DOCUMENT_CHECKED).count() == 1


def test_a_mark_of_state_secrets_is_refused_and_nothing_of_it_is_kept(reviewer):
    unit = UnitFactory()
    officer = officer_of(unit)
    for texts, file in (
        ({"title": "Danh mục"}, pdf("TUYỆT MẬT ke hoach.pdf")),
        ({"title": "TỐI MẬT"}, None),
    ):
        with pytest.raises(services.SecretMark, match="chưa có gì được lưu"):
            services.refuse_secrets(unit_id=unit.pk, by=officer, texts=texts, file=file)
    kept = AuditEvent.objects.filter(action="secret_mark_refused")
    assert kept.count() == 2
    assert "ke hoach" not in str(list(kept.values()))
    assert not Revision.objects.exists()
    services.refuse_secrets(unit_id=unit.pk, by=officer, texts={"title": "Quy định bảo mật mật khẩu"}, file=pdf())


def test_every_kind_serves_duties_that_look_at_it_and_has_an_end_or_none():
    for kind in KINDS.values():
        facts = {"user_id": 1, "system_id": 7, "year": "2019", "valid_until": "2020-01-31"}
        subject = kind.subject(facts)
        end = kind.ends(facts, TODAY, clock.now())
        assert subject and (end is None or end > clock.now() - timedelta(days=5_000))
        for duty in kind.duties:
            assert EvidenceKind.DOCUMENT_CHECKED in PROVABLE[duty][1], duty


def test_a_certificate_never_speaks_longer_than_it_says_itself(reviewer, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    services.accept(
        revision=filed(unit, "certificate", by=officer, user_id=officer.pk, course="CEH", valid_until="2020-01-31"),
        by=reviewer,
    )
    row = Evidence.objects.get(kind=EvidenceKind.DOCUMENT_CHECKED)
    assert row.valid_until is not None and row.valid_until.date() == date(2020, 1, 31)


# -- signs of gaming


def test_one_file_filed_by_several_units_is_a_sign_with_its_rows(reviewer):
    units = UnitFactory.create_batch(3)
    revisions = [filed(unit, file=pdf(text=b"chung")) for unit in units[:2]]
    filed(units[2], file=pdf(text=b"rieng"))
    [flag] = flags.same_file()
    assert (flag.unit_ids, flag.rows) == (tuple(u.pk for u in units[:2]), tuple(r.pk for r in revisions))
    services.send_back(revision=revisions[0], by=reviewer, note="Không phải của đơn vị.")
    assert list(flags.same_file()) == []


@pytest.mark.parametrize(
    ("made", "flagged"), [(b"20191210080000+07'00'", False), (b"20191218080000Z", True), (b"20190101000000", False)]
)
def test_a_text_dated_before_its_file_was_made_is_a_sign(reviewer, made, flagged):
    filed(UnitFactory(), file=pdf(made=made))
    assert bool(list(flags.older_than_file())) == flagged


def test_the_date_inside_an_office_file_is_read_and_nonsense_is_not_believed(reviewer):
    def docx(created, how=zipfile.ZIP_STORED):
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", how) as archive:
            archive.writestr("word/document.xml", "<w:p>Quy che</w:p>")
            archive.writestr("docProps/core.xml", f"<x><dcterms:created xsi:type='a'>{created}</dcterms:created></x>")
        return SimpleUploadedFile("quy-che.docx", body.getvalue())

    assert filed(UnitFactory(), file=docx("2019-12-20T01:00:00Z")).made_at.date() == date(2019, 12, 20)
    assert filed(UnitFactory(), file=docx("9999-99-99T99:99:99Z")).made_at is None
    for made in (b"99999999999999", b"99991231235959Z", b"00010101000000+14'00'"):
        assert filed(UnitFactory(), file=pdf(made=made)).made_at is None
    torn = bytearray(docx("2019-12-20T01:00:00Z", zipfile.ZIP_DEFLATED).read())
    for part in (b"word/document.xml", b"docProps/core.xml"):
        start = torn.index(part) + len(part)
        torn[start : start + 8] = b"\xff" * 8
    assert screening.mark_in_file("quy-che.docx", io.BytesIO(torn)) is None
    assert filed(UnitFactory(), file=SimpleUploadedFile("quy-che.docx", bytes(torn))).made_at is None
    assert list(flags.older_than_file()) != []  # the page of signs reads them all


def test_many_approvals_within_minutes_are_a_sign(reviewer, frozen_now):
    revisions = [filed(unit, file=pdf(text=b"%d" % unit.pk)) for unit in UnitFactory.create_batch(flags.BULK_REVISIONS)]
    for number, revision in enumerate(revisions):
        with clock.at(frozen_now + timedelta(seconds=10 * number)):
            services.accept(revision=revision, by=reviewer)
    [flag] = flags.bulk_approvals()
    assert len(flag.rows) == flags.BULK_REVISIONS
    assert str(reviewer) in flag.text


def test_evidence_about_days_long_past_is_a_sign_for_the_inspector(frozen_now):
    unit = UnitFactory()
    evidence(unit, EvidenceKind.SOP_EXERCISED, "sop:malware", at=frozen_now - timedelta(days=30))
    evidence(unit, EvidenceKind.SOP_EXERCISED, "sop:malware", at=frozen_now - timedelta(hours=30))
    [flag] = doings.after_freeze()
    assert (flag.unit_ids, len(flag.rows)) == ((unit.pk,), 1)
    with clock.at(frozen_now + timedelta(days=366)):  # what is old is not told for ever
        assert list(doings.after_freeze()) == []


def test_the_page_of_signs_shows_the_evidence_behind_a_sign(client, frozen_now):
    evidence(UnitFactory(), EvidenceKind.SOP_EXERCISED, "sop:malware", at=frozen_now - timedelta(days=30))
    client.force_login(UserFactory(inspector=True))
    page = client.get(reverse("duties:signs")).content.decode()
    assert "(sop:malware): nói về 09:00 10/11/2019, ghi lúc 09:00 10/12/2019" in page
