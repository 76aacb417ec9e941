"""A report is a value: kept once, made again byte for byte, and whatever changed shows."""

import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from datetime import date
from io import BytesIO
from unittest import mock

import orjson
import pytest

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.reports import archive, services
from dekhang.apps.reports.documents import rendering, templates
from dekhang.apps.reports.enums import Form
from dekhang.apps.reports.gathering import figures, gather
from dekhang.apps.reports.models import Report, ReportFile
from tests.conftest import PROJECT, clean_environment
from tests.factories.duties import claim
from tests.factories.registry import UnitFactory, head_of
from tests.factories.reports import DAYS, LATER, asked, frozen_province, made, province
from tests.pdf_text import words_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(data, frozen_now):
    units = frozen_province()
    return made("year", units[0], texts=(("done", "Đã làm A & <B>\n=1+1"), ("plan", "")))


def test_another_process_in_another_zone_and_language_makes_the_same_bytes(report, tmp_path):
    """Frozen data go to a fresh process with other surroundings; only digests come back."""
    (tmp_path / "inputs.json").write_bytes(orjson.dumps(report.inputs))
    program = (
        "import django, hashlib, json, pathlib, sys; django.setup()\n"
        "from dekhang.apps.reports.documents import rendering, templates\n"
        "inputs = json.loads(pathlib.Path(sys.argv[1]).read_text())\n"
        "files = rendering.render(templates.build(inputs, 1))\n"
        "print(json.dumps({str(form): hashlib.sha256(body).hexdigest() for form, body in files.items()}))\n"
    )
    surroundings = clean_environment(
        DJANGO_SETTINGS_MODULE="dekhang.config.settings",
        DK_DATA=str(tmp_path / "data"),
        DK_TIME_ZONE="America/Lima",
        TZ="Pacific/Auckland",
        LC_ALL="C",
        PYTHONHASHSEED="7",
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "inputs.json")],
        cwd=PROJECT,
        env=surroundings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == dict(report.files.values_list("form", "sha256"))


def test_made_again_later_it_is_the_same_and_the_page_says_so(report, client):
    with clock.at(LATER.replace(year=2021)):
        comparison = archive.compare(report)
        assert comparison.good
        assert len(comparison.same) == 3
        client.force_login(report.made_by)
        page = client.post(f"/bao-cao/{report.pk}/doi-chieu/").content.decode()
    assert "lập lại giống từng byte" in page


def test_later_evidence_changes_nothing_in_it(report):
    before = archive.content(report, Form.PDF)
    claim(report.unit, "sop")
    assert archive.compare(report).good
    assert archive.content(report, Form.PDF) == before


def test_a_changed_file_shows(report):
    kept = report.files.get(form=Form.DOCX)
    with open(kept.file.path, "ab") as file:
        file.write(b"x")
    comparison = archive.compare(report)
    assert [fault for fault in comparison.faults if "đã bị sửa" in fault]


def test_a_lost_file_is_served_from_its_data_and_its_loss_shows(report):
    kept = report.files.get(form=Form.PDF)
    before = archive.content(report, Form.PDF)
    os.remove(kept.file.path)
    assert archive.content(report, Form.PDF) == before
    assert [fault for fault in archive.compare(report).faults if "không còn trong kho" in fault]
    Report.objects.filter(pk=report.pk).update(template_version=99)
    report.refresh_from_db()
    with pytest.raises(archive.Missing, match="không còn trong kho"):
        archive.content(report, Form.PDF)


def test_changed_data_show_even_when_their_file_was_changed_with_them(report):
    inputs = report.inputs
    inputs["duties"][0]["proven"] += 1
    inputs["unit"]["rows"][0]["proven"] = True
    Report.objects.filter(pk=report.pk).update(inputs=inputs)
    report.refresh_from_db()
    assert not archive.compare(report).good


def test_data_of_which_parts_are_gone_are_a_fault_with_a_sentence_and_break_no_page(report, client):
    Report.objects.filter(pk=report.pk).update(inputs={"kind": "year"})
    report.refresh_from_db()
    (fault,) = archive.compare(report).faults
    assert "không còn khớp mã băm" in fault
    client.force_login(report.made_by)
    assert "Dữ liệu đã bị sửa" in client.get(f"/bao-cao/{report.pk}/").content.decode()
    os.remove(report.files.get(form=Form.PDF).file.path)
    assert client.get(f"/bao-cao/{report.pk}/tai/pdf/").status_code == 403


def test_a_template_that_is_no_longer_shipped_is_named_and_the_archive_still_serves(report, client):
    Report.objects.filter(pk=report.pk).update(template_version=99)
    report.refresh_from_db()
    comparison = archive.compare(report)
    assert comparison.good
    assert "Mẫu bản 99 không còn" in comparison.remarks[0]
    client.force_login(report.made_by)
    assert "Mẫu bản 99 không còn" in client.get(f"/bao-cao/{report.pk}/").content.decode()
    assert client.get(f"/bao-cao/{report.pk}/tai/pdf/").status_code == 200


def test_other_bytes_of_other_libraries_are_a_remark_and_of_the_same_ones_a_fault(report):
    with mock.patch.object(rendering, "RENDERERS", {Form.DOCX: lambda paper: b"otherwise"}):
        assert archive.compare(report).faults == ("DOCX: lập lại không giống bản lưu trữ.",)
        report.tools["typst"] = "0.1"
        comparison = archive.compare(report)
    assert comparison.good
    assert "thư viện đã đổi phiên bản (typst)" in comparison.remarks[0]


def test_files_are_written_once(report):
    with pytest.raises(TypeError):
        report.files.first().save()
    with pytest.raises(TypeError):
        report.files.first().delete()
    with pytest.raises(TypeError):
        ReportFile(pk=1, report=report).save()


def test_the_docx_carries_no_hour_of_its_making(report):
    with zipfile.ZipFile(BytesIO(archive.content(report, Form.DOCX))) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_pdf_says_that_it_is_pdf_a_and_has_its_fonts_inside(report):
    pdf = archive.content(report, Form.PDF)
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    assert pdf.count(b"/FontFile") >= 2
    assert b"NotoSerif" in pdf


@pytest.mark.parametrize(
    "hostile", ['"]) #panic() #let x = 1', "=cmd|' /C calc'!A0", "中文 🙂 \x07\u202e", "<w:t>&amp;"]
)
def test_hostile_words_are_only_words_in_every_form(data, frozen_now, hostile):
    unit, *_others = frozen_province()
    report = made("year", unit, texts=(("done", hostile),))
    assert archive.compare(report).good
    with zipfile.ZipFile(BytesIO(archive.content(report, Form.XLSX))) as packed:
        assert not any(b"<f>" in packed.read(name) for name in packed.namelist())
    if hostile.isascii() and '"' in hostile:
        assert hostile in words_of(archive.content(report, Form.PDF))


def test_a_province_of_seven_hundred_units_is_bounded(data, frozen_now, django_assert_max_num_queries):
    province()
    UnitFactory.create_batch(700)
    wanted = asked("to_ubnd", day=LATER.date())
    with clock.at(LATER), django_assert_max_num_queries(60):
        inputs = orjson.loads(orjson.dumps(gather(wanted, figures(wanted.day), code="X", made_at=LATER)))
    start = time.process_time()
    files = rendering.render(templates.build(inputs, templates.CURRENT))
    assert time.process_time() - start < 20  # 2–3 s on an idle machine
    assert len(inputs["units"]) > 700
    assert all(len(body) < 3_000_000 for body in files.values())


def test_a_mark_of_secrecy_in_a_text_is_refused_and_nothing_kept(data, frozen_now):
    unit, *_others = frozen_province()
    with pytest.raises(ActionDenied, match="dấu “TỐI MẬT”"):
        made("year", unit, texts=(("done", "TỐI MẬT\nnội dung"),))
    assert not Report.objects.exists()


def test_the_words_of_a_shipped_version_do_not_change(data):
    """Golden digests: another word, width or order in version 1 would change the bytes of what is archived."""
    sample = json.loads((PROJECT / "tests/unit/reports/sample.json").read_text())
    digests = {}
    for kind, inputs in sample["inputs"].items():
        paper = templates.build(inputs, 1)
        digests[kind] = hashlib.sha256(repr(paper).encode()).hexdigest()[:16]
    layout = (PROJECT / "dekhang/apps/reports/documents/official1.typ").read_bytes()
    digests["layout"] = hashlib.sha256(layout).hexdigest()[:16]
    assert digests == sample["digests"]


def test_the_same_period_is_not_reported_twice_by_people_once_confirmed(data, frozen_now):
    unit, *_others = frozen_province()
    head = head_of(unit)
    period = {"start": date(2018, 12, 1), "day": DAYS[0]}
    with clock.at(LATER):
        first = services.make(asked=_period(unit, **period), by=head)
        second = services.make(asked=_period(unit, **period), by=head)
        first.refresh_from_db()
        assert first.state == "replaced"
        services.confirm(report=second, by=head)
        with pytest.raises(ActionDenied, match="đã có báo cáo được xác nhận"):
            services.make(asked=_period(unit, **period), by=head)


def _period(unit, *, start, day):
    return replace(asked("year", unit, day=day), start=start)
