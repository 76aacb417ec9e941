import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.duties.models import Evidence, Revision
from tests.factories.core import UserFactory
from tests.factories.registry import SystemFactory, UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit(frozen_now, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return UnitFactory()


@pytest.fixture
def officer(client, unit):
    user = officer_of(unit)
    client.force_login(user)
    return user


def facts(**changes):
    file = SimpleUploadedFile(changes.pop("name", "quy-che.pdf"), changes.pop("content", b"%PDF-1.7 quy che"))
    return {"title": "Quy chế số 01", "issue_number": "01/QĐ", "issued_on": "2019-11-01", "file": file, **changes}


def test_from_the_unit_to_the_reviewer_and_back(client, unit, officer):
    page = reverse("duties:new_document", args=[unit.pk, "regulation"])
    assert "không bao giờ nhận văn bản có dấu" in client.get(page).content.decode()
    sent = client.post(page, facts())
    revision = Revision.objects.get()
    assert sent.url == reverse("duties:revision", args=[revision.pk])
    assert "Chờ kiểm tra" in client.get(sent.url).content.decode()
    client.force_login(UserFactory(coordinator=True))
    assert "Quy chế số 01" in client.get(reverse("duties:review_queue")).content.decode()
    client.post(reverse("duties:accept_revision", args=[revision.pk]), {"note": "Đủ."})
    shown = client.get(sent.url).content.decode()
    assert "Được chấp nhận" in shown and "Được tính từ" in shown
    assert Evidence.objects.filter(revision=revision).count() == 1
    client.force_login(officer)
    listed = client.get(reverse("duties:documents_of", args=[unit.pk])).content.decode()
    assert "Được chấp nhận" in listed and "Quy chế" in listed


def test_a_secret_mark_is_refused_on_the_page_and_nothing_is_filed(client, unit, officer):
    shown = client.post(reverse("duties:new_document", args=[unit.pk, "regulation"]), facts(name="TỐI MẬT.pdf"))
    assert "chưa có gì được lưu" in shown.content.decode()
    assert not Revision.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"issued_on": "2030-01-01"}, "chưa tới"),
        ({"issued_on": "1950-01-01"}, "cũ hơn năm 2000"),
        ({"content": b"MZ khong phai pdf"}, "nội dung không phải loại đó"),
        ({"name": "quy-che.exe"}, "chưa nhận được"),
        ({"title": ""}, "bắt buộc"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(client, unit, officer, change, sentence):
    shown = client.post(reverse("duties:new_document", args=[unit.pk, "regulation"]), facts(**change)).content.decode()
    assert sentence in shown
    assert not Revision.objects.exists()


def test_each_kind_asks_for_what_it_has_to_say(client, unit, officer):
    SystemFactory(unit=unit, name="Một cửa điện tử")
    shown = client.get(reverse("duties:new_document", args=[unit.pk, "level_decision"])).content.decode()
    assert "Một cửa điện tử" in shown and "Cấp độ" in shown
    assert "triệu đồng" in client.get(reverse("duties:new_document", args=[unit.pk, "budget"])).content.decode()
    assert (
        "Phục vụ nghĩa vụ nào" in client.get(reverse("duties:new_document", args=[unit.pk, "other"])).content.decode()
    )
    assert client.get(reverse("duties:new_document", args=[unit.pk, "khong-co"])).status_code == 404


def test_signs_are_for_those_who_inspect(client, unit, officer):
    assert client.get(reverse("duties:signs")).status_code == 403
    client.force_login(UserFactory(inspector=True))
    assert client.get(reverse("duties:signs")).status_code == 200


def test_a_file_comes_back_as_a_download_under_our_own_name(client, unit, officer):
    client.post(reverse("duties:new_document", args=[unit.pk, "regulation"]), facts(name='"><script>.pdf'))
    revision = Revision.objects.get()
    answer = client.get(reverse("duties:revision_file", args=[revision.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="van-ban-{revision.document_id}-1.pdf"'
    assert b"".join(answer.streaming_content).startswith(b"%PDF")
