"""Adopting, approving, reading and exercising procedures, and the evidence each leaves."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as installed
from django.core.files.base import ContentFile

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.states.sop import KIND_NAMES
from dekhang.apps.incidents import procedures, selectors, services
from dekhang.apps.incidents.enums import IncidentKind
from tests.factories.core import UserFactory
from tests.factories.incidents import incident_of, sop_of, walk_to
from tests.factories.registry import UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
PLAYBOOKS = Path(installed.PLAYBOOK_FOLDER)


@pytest.fixture
def unit(data, frozen_now):
    return UnitFactory()


def line(unit, kind="intrusion"):
    return next(line for line in selectors.sop_lines(unit.pk) if line.kind == kind)


def kinds_of_evidence(unit) -> list[str]:
    return list(Evidence.objects.filter(unit=unit).order_by("pk").values_list("kind", flat=True))


def test_every_kind_of_incident_has_a_standard_procedure_and_a_name_in_the_duties():
    assert set(procedures.standard()) == set(IncidentKind.values) == set(KIND_NAMES)


def test_the_whole_way_to_a_procedure_that_counts_is_told_step_by_step(unit):
    officer, head = officer_of(unit, full_name="Cán bộ"), head_of(unit, full_name="Thủ trưởng")
    assert line(unit).next_step == "Xem và áp dụng quy trình mẫu."
    sop = services.adopt_sop(unit_id=unit.pk, kind="intrusion", by=officer)
    assert line(unit).next_step == "Thủ trưởng xem và phê duyệt."
    services.approve_sop(sop=sop, by=head)
    assert line(unit).next_step == "Chờ xác nhận đã đọc: Thủ trưởng, Cán bộ."
    for reader in (officer, head):
        services.confirm_read(sop=sop, by=reader)
    assert line(unit).next_step.startswith("Diễn tập một lần")
    incident = incident_of(unit, by=officer, is_exercise=True)
    walk_to(incident, officer, event="response_ended")
    services.mark_handled(incident=incident, by=officer)
    assert (line(unit).next_step, line(unit).label) == ("", "Đủ điều kiện")
    assert kinds_of_evidence(unit)[:4] == ["sop_document", "sop_approved", "sop_read", "sop_read"]
    read = Evidence.objects.filter(kind=EvidenceKind.SOP_READ).values_list("payload__user_id", flat=True)
    assert set(read) == {officer.pk, head.pk}
    with clock.at(clock.now() + timedelta(days=366)):
        assert line(unit).label == "Hết hạn phê duyệt"


def test_only_the_head_approves(unit):
    sop = sop_of(unit)
    for other in (sop.adopted_by, UserFactory(coordinator=True), head_of(UnitFactory())):
        with pytest.raises(ActionDenied, match="Chỉ thủ trưởng"):
            services.approve_sop(sop=sop, by=other)


def test_an_approval_is_given_again_only_when_it_nears_its_end(unit):
    sop = sop_of(unit)
    head = head_of(unit)
    services.approve_sop(sop=sop, by=head)
    with pytest.raises(ActionDenied, match="có giá trị đến"):
        services.approve_sop(sop=sop, by=head)
    with clock.at(clock.now() + timedelta(days=340)):
        services.approve_sop(sop=sop, by=head)
    assert kinds_of_evidence(unit).count("sop_approved") == 2


def test_reading_is_confirmed_after_approval_and_once(unit):
    sop = sop_of(unit)
    with pytest.raises(ActionDenied, match="chưa phê duyệt"):
        services.confirm_read(sop=sop, by=sop.adopted_by)
    services.approve_sop(sop=sop, by=head_of(unit))
    services.confirm_read(sop=sop, by=sop.adopted_by)
    with pytest.raises(ActionDenied, match="đã xác nhận"):
        services.confirm_read(sop=sop, by=sop.adopted_by)


def test_adopting_again_replaces_and_asks_for_approval_and_reading_anew(unit):
    first = sop_of(unit, approved=True)
    second = services.adopt_sop(unit_id=unit.pk, kind="intrusion", by=first.adopted_by)
    first.refresh_from_db()
    assert first.replaced_at is not None
    assert line(unit).sop == second
    assert line(unit).label == "Chờ phê duyệt"
    with pytest.raises(ActionDenied, match="thay bằng bản mới"):
        services.confirm_read(sop=first, by=first.adopted_by)


def test_the_units_own_text_stands_beside_until_the_approval(unit):
    sop = sop_of(unit)
    services.put_document(sop=sop, file=ContentFile(b"%PDF-1.4 x", name="qd-12.pdf"), by=sop.adopted_by)
    assert (sop.document_name, len(sop.document_sha256)) == ("qd-12.pdf", 64)
    services.approve_sop(sop=sop, by=head_of(unit))
    with pytest.raises(ActionDenied, match="áp dụng lại"):
        services.put_document(sop=sop, file=ContentFile(b"%PDF-1.4 y", name="qd-13.pdf"), by=sop.adopted_by)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("chay.exe", b"MZ", "chưa nhận được"),
        ("gia.pdf", b"<html>", "nội dung không phải"),
        ("MẬT.pdf", b"%PDF-1.4", "không được nhận"),
    ],
)
def test_a_text_that_cannot_be_taken_is_refused(unit, name, content, word):
    sop = sop_of(unit)
    with pytest.raises(ActionDenied, match=word):
        services.put_document(sop=sop, file=ContentFile(content, name=name), by=sop.adopted_by)
    sop.refresh_from_db()
    assert not sop.document


def test_a_run_that_was_mostly_skipped_does_not_prove_the_procedure(unit):
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="response_ended")
    incident.steps.filter(status="done").update(status="skipped", skip_reason="bỏ qua hết")
    services.mark_handled(incident=incident, by=officer)
    assert "sop_exercised" not in kinds_of_evidence(unit)


def test_a_unit_runs_the_version_it_adopted_not_a_newer_file(unit, settings, tmp_path):
    source = (PLAYBOOKS / "intrusion.json").read_text()
    (tmp_path / "playbooks").mkdir()
    settings.PLAYBOOK_FOLDER = tmp_path / "playbooks"
    file = settings.PLAYBOOK_FOLDER / "intrusion.json"
    file.write_text(source)
    sop = sop_of(unit)
    file.write_text(source.replace("2026-11-23T00:00:00", "2026-12-24T00:00:00"))
    assert line(unit).newer is True
    assert incident_of(unit, by=sop.adopted_by).playbook_version == sop.playbook_version


def test_a_file_that_cannot_be_used_is_logged_and_the_other_procedures_stay(unit, settings, tmp_path, caplog):
    settings.PLAYBOOK_FOLDER = folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "intrusion.json").write_text((PLAYBOOKS / "intrusion.json").read_text())
    (folder / "malware.json").write_text("{")
    officer = officer_of(unit)
    assert list(procedures.standard()) == ["intrusion"]
    assert "malware.json" in caplog.text
    with pytest.raises(ActionDenied, match="Chưa có quy trình mẫu"):
        services.adopt_sop(unit_id=unit.pk, kind="malware", by=officer)
    with pytest.raises(ActionDenied, match="Chưa có quy trình mẫu"):
        incident_of(unit, by=officer, kind="malware")
    assert incident_of(unit, by=officer).kind == "intrusion"
