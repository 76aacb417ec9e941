"""The DOCX as a person opens it, what it is filled with, and secrets that never get in."""

import hashlib
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from docx import Document

from dekhang.apps.core import clock, screening
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.incidents import facts, services
from dekhang.apps.incidents.models import Attachment
from tests.factories.incidents import at, current, incident_of, walk_to
from tests.factories.registry import SystemFactory, UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db


def text_of(content: bytes) -> str:
    """Every paragraph and table cell of the document, in order."""
    document = Document(BytesIO(content))
    parts = []
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            parts += [cell.text for row in block.rows for cell in row.cells]
        else:
            parts.append(block.text)
    return "\n".join(parts)


@pytest.fixture
def unit(data, frozen_now):
    province = UnitFactory(version__name="UBND tỉnh Tây Ninh", version__kind="province")
    assert province
    return UnitFactory(version__name="Xã Tân Bình")


@pytest.fixture
def officer(unit):
    return officer_of(unit, full_name="Cán bộ CNTT xã Tân Bình")


def made(incident, kind, by) -> bytes:
    with services.make_report(incident=incident, kind=kind, by=by).file.open("rb") as file:
        return file.read()


def test_the_notice_has_the_heads_of_an_official_letter_and_what_the_record_knows(unit, officer):
    head_of(unit, full_name="Chủ tịch xã Tân Bình")
    system = SystemFactory(unit=unit, name="Cổng thông tin xã")
    incident = incident_of(unit, by=officer, system=system, description="Trang chủ hiện quảng cáo cờ bạc.")
    services.finish_step(step=current(incident), by=officer, note="Chụp lúc 08:41.")
    text = text_of(made(incident, "notice", officer))
    for expected in [
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "ỦY BAN NHÂN DÂN",
        "XÃ TÂN BÌNH",
        "Tây Ninh, ngày 10 tháng 12 năm 2019",
        "THÔNG BÁO SỰ CỐ AN TOÀN THÔNG TIN MẠNG",
        "Thông tư 20/2017/TT-BTTTT",
        "VNCERT/CC",
        "Cổng thông tin xã",
        "Trang chủ hiện quảng cáo cờ bạc.",
        "09 giờ 00 phút, ngày 10/12/2019",
        "Chụp lại trang và giờ",
        "Chụp lúc 08:41.",
        "Nơi nhận:",
        "Chủ tịch xã Tân Bình",
        "bố cục do hệ thống soạn",
    ]:
        assert expected in text


def test_the_font_is_named_and_the_file_is_kept_with_its_hash(unit, officer):
    incident = incident_of(unit, by=officer)
    report = services.make_report(incident=incident, kind="notice", by=officer)
    with report.file.open("rb") as file:
        content = file.read()
    assert hashlib.sha256(content).hexdigest() == report.sha256
    runs = [run for paragraph in Document(BytesIO(content)).paragraphs for run in paragraph.runs]
    assert {run.font.name for run in runs} == {"Times New Roman"}


def test_a_missing_field_is_named_before_and_is_a_dotted_line_in_the_paper(unit, officer):
    incident = incident_of(unit, by=officer)
    missing = {field.key for field in facts.missing(incident, "notice")}
    assert missing == {"notifier_address", "system_name"}
    assert "2. Địa chỉ: ……" in text_of(made(incident, "notice", officer))


def test_saved_answers_go_into_the_paper_and_standing_ones_into_the_next(unit, officer):
    incident = incident_of(unit, by=officer)
    answers = {"system_name": "cong.example.gov.vn", "proposal": "Đề nghị rà quét hộ.", "system_ip": "192.0.2.10"}
    letter = {"number": "12/TB-UBND", "place": "Tân Bình", "signer_title": "Chủ tịch", "signer_name": "Chủ tịch xã"}
    services.save_facts(incident=incident, kind="notice", answers=answers, letter=letter, by=officer)
    text = text_of(made(incident, "notice", officer))
    for expected in ["cong.example.gov.vn", "Đề nghị rà quét hộ.", "Số: 12/TB-UBND", "Tân Bình, ngày 10", "CHỦ TỊCH"]:
        assert expected in text
    initial = {answer.field.key: answer.value for answer in facts.answers(incident, "initial")}
    assert initial["system_name"] == "cong.example.gov.vn"
    assert initial["proposal"] == ""  # a proposal of that day is not the proposal of today


def test_the_initial_report_names_the_kind_and_asks_for_help(unit, officer):
    incident = incident_of(unit, by=officer, kind="malware", title="Máy kế toán bị mã hóa")
    services.judge_capacity(incident=incident, beyond=True, by=officer)
    text = text_of(made(incident, "initial", officer))
    assert "Loại sự cố: Mã độc, mã hóa dữ liệu" in text
    assert "Đề nghị hỗ trợ ứng cứu" in text


def test_the_end_report_shows_done_and_skipped_steps_and_waits_for_the_end(unit, officer):
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied, match="sau khi ứng cứu xong"):
        services.make_report(incident=incident, kind="end", by=officer)
    walk_to(incident, officer, event="response_ended")
    services.mark_handled(incident=incident, by=officer, note="Cổng chạy lại.")
    text = text_of(made(incident, "end", officer))
    assert "Các bước đã thực hiện theo quy trình" in text
    assert "Cổng chạy lại." in text


def test_a_department_stands_under_the_province(unit, frozen_now):
    department = UnitFactory(version__name="Sở Nội vụ", version__kind="department")
    officer = officer_of(department)
    text = text_of(made(incident_of(department, by=officer), "notice", officer))
    assert "ỦY BAN NHÂN DÂN TỈNH TÂY NINH" in text
    assert "SỞ NỘI VỤ" in text


def test_an_exercise_says_so_on_the_paper(unit, officer):
    incident = incident_of(unit, by=officer, is_exercise=True)
    assert text_of(made(incident, "notice", officer)).startswith("DIỄN TẬP")


def test_bytes_that_are_not_xml_do_not_break_the_paper(unit, officer):
    incident = incident_of(unit, by=officer, title="Tệp lạ \x00\x08 <b>&amp;", description="\x1b[31m\ud7ff")
    assert "<b>&amp;" in text_of(made(incident, "notice", officer))


def test_both_regimes_make_every_paper_they_ask_for(data):
    for moment, kinds in [(at(2019, 12, 10), ("notice", "initial")), (at(2026, 11, 23), ("notice",))]:
        unit = UnitFactory()
        officer = officer_of(unit)
        with clock.at(moment):
            incident = incident_of(unit, by=officer)
            papers = {kind: text_of(made(incident, kind, officer)) for kind in kinds}
            walk_to(incident, officer, event="response_ended")
            services.mark_handled(incident=incident, by=officer)
            papers["end"] = text_of(made(incident, "end", officer))
        assert all("Kính gửi:" in text for text in papers.values())


# --- marks of secrecy (domain: isolated, in capitals, with and without accents) ---


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("Công văn MẬT số 12.docx", "MẬT"),
        ("CV_MAT_12.pdf", "MẬT"),
        ("bao-cao TỐI MẬT.pdf", "TỐI MẬT"),
        ("TOI_MAT-2019.doc", "TỐI MẬT"),
        ("[TUYỆT MẬT] ke hoach.pdf", "TUYỆT MẬT"),
        ("T U Y E T  M A T.pdf", "TUYỆT MẬT"),
        ("M Ậ T.pdf", "MẬT"),
        # everyday words
        ("mật khẩu.txt", None),
        ("BẢO MẬT HỆ THỐNG.docx", None),
        ("MẬT KHẨU CŨ.txt", None),
        ("mat-do-dan-so.xlsx", None),
        ("MẬT ĐỘ DÂN SỐ.xlsx", None),
        ("bí mật.txt", None),
        ("FORMAT.docx", None),
        ("MẤT THIẾT BỊ.docx", None),
    ],
)
def test_marks_in_file_names(name, mark):
    assert screening.mark_in_name(name) == mark


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("UBND XÃ\nMẬT\nBáo cáo", "MẬT"),
        ("Độ mật: TUYỆT MẬT\nNội dung", "TUYỆT MẬT"),
        ("Kẻ tấn công đổi MẬT KHẨU quản trị", None),
        ("Đây không phải tài liệu MẬT, chỉ là thông báo", None),
        ("x\n" * 4000 + "MẬT", None),  # far below the heading
    ],
)
def test_marks_in_texts_count_only_as_a_line_of_their_own_in_the_heading(text, mark):
    assert screening.mark_in_text(text) == mark


def docx_saying(*lines: str) -> bytes:
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("so 12 MẬT.pdf", b"%PDF-1.4"),
        ("bao cao.txt", "UBND TỈNH\nTỐI MẬT\n".encode()),
        ("bao cao.docx", docx_saying("UBND TỈNH", "MẬT", "Báo cáo")),
    ],
)
def test_a_marked_file_is_refused_counted_and_nothing_of_it_is_kept(unit, officer, name, content, data):
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied, match="không được nhận"):
        services.attach(incident=incident, file=ContentFile(content, name=name), by=officer)
    assert Attachment.objects.count() == 0
    assert not list((data / "media").rglob("*.*"))
    event = AuditEvent.objects.get(action="attachment_refused")
    assert (event.detail, event.target_label, event.unit_id) == ({}, "", unit.pk)


def test_an_archive_bomb_is_read_only_as_far_as_a_first_page(unit, officer):
    import zipfile

    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<w:p>" + b"a" * 50_000_000)
    incident = incident_of(unit, by=officer)
    kept = services.attach(incident=incident, file=ContentFile(out.getvalue(), name="lon.docx"), by=officer)
    assert kept.size_bytes == len(out.getvalue())


def test_a_leak_takes_no_file_at_all(unit, officer):
    incident = incident_of(unit, by=officer, kind="data_leak")
    with pytest.raises(ActionDenied, match="không nhận tệp"):
        services.attach(incident=incident, file=ContentFile(b"x", name="anh.png"), by=officer)
    with pytest.raises(ActionDenied, match="không nhận tệp"):
        services.finish_step(step=current(incident), by=officer, note="x", uploads=[ContentFile(b"x", name="anh.png")])
    assert current(incident).number == 1


@pytest.mark.parametrize("field", ["title", "description", "note"])
def test_a_text_with_a_stamp_of_secrecy_is_refused(unit, officer, field):
    with pytest.raises(ActionDenied, match="MẬT"):
        if field == "note":
            services.add_note(incident=incident_of(unit, by=officer), text="UBND\nMẬT\nnội dung", by=officer)
        else:
            incident_of(unit, by=officer, **{field: "TUYỆT MẬT"})


def test_a_file_that_is_empty_or_too_large_is_refused_with_what_to_do(unit, officer, settings):
    settings.MAX_ATTACHMENT_BYTES = 10
    incident = incident_of(unit, by=officer)
    with pytest.raises(ActionDenied, match="trống"):
        services.attach(incident=incident, file=ContentFile(b"", name="a.txt"), by=officer)
    with pytest.raises(ActionDenied, match="lớn hơn 10 B"):
        services.attach(incident=incident, file=ContentFile(b"x" * 11, name="a.txt"), by=officer)
