from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.duties import services
from dekhang.apps.duties.models import Claim
from dekhang.apps.duties.templatetags.duties import subject_words
from tests.factories.core import UserFactory
from tests.factories.duties import claim, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit(frozen_now):
    return UnitFactory(version__name="Xã An Bình")


@pytest.fixture
def officer(unit, client):
    user = officer_of(unit)
    client.force_login(user)
    return user


def address(name, unit, key="record_attacks"):
    return reverse(f"duties:{name}", args=[unit.pk, key])


def test_the_list_shows_every_duty_of_the_unit_with_its_state(client, unit, officer):
    proves_recording(unit)
    page = client.get(reverse("duties:of_unit", args=[unit.pk])).content.decode()
    assert "Đã chứng minh" in page
    assert "Có quy trình ứng cứu sự cố chuẩn" in page
    assert "Doanh nghiệp viễn thông" not in page  # a duty of providers, not of a commune


def test_a_duty_says_why_it_does_not_count_and_what_to_do(client, unit, officer):
    page = client.get(address("duty", unit)).content.decode()
    assert "Chưa có nguồn log nào được kết nối." in page
    assert "Kết nối nguồn log đầu tiên" in page


def test_evidence_rows_are_shown_with_their_digest(client, unit, officer):
    proves_recording(unit)
    page = client.get(address("duty", unit)).content.decode()
    assert services.Evidence.objects.first().digest in page


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("source:6", "nguồn log số 6"),
        ("kind:windows", "nguồn loại Windows"),
        ("sop:intrusion", "quy trình xâm nhập cổng thông tin"),
        ("contact:2", "đầu mối số 2"),
        ("post:head", "Thủ trưởng đơn vị"),
        ("gi-do:7", "gi-do:7"),
    ],
)
def test_what_evidence_is_about_is_said_in_words(subject, words):
    assert subject_words(subject) == words


def test_declare_then_withdraw_then_take_back(client, unit, officer, data):
    file = SimpleUploadedFile("so-12.pdf", b"%PDF-1.4 x")
    response = client.post(address("declare", unit), {"statement": "Có ghi log", "document": file}, follow=True)
    assert "Đã ghi nhận khai báo" in response.content.decode()
    made = Claim.objects.get()
    client.post(reverse("duties:withdraw", args=[made.pk]))
    page = client.get(address("duty", unit)).content.decode()
    assert "Lấy lại khai báo" in page
    client.post(reverse("duties:declare_again", args=[made.pk]))
    assert Claim.objects.filter(withdrawn_at=None).get().document_sha256 == made.document_sha256


def test_a_wrong_file_is_refused_beside_its_field(client, unit, officer, data):
    file = SimpleUploadedFile("so-12.html", b"<script>alert(1)</script>")
    response = client.post(address("declare", unit), {"statement": "Có", "document": file})
    assert "loại chưa nhận được" in response.content.decode()
    assert not Claim.objects.exists()


def test_a_document_comes_back_as_a_download_only(client, unit, officer, data):
    made = services.declare(
        unit_id=unit.pk, duty_key="sop", statement="x", by=officer,
        document=SimpleUploadedFile("a.pdf", b"%PDF-1.4 <script>"),
    )  # fmt: skip
    response = client.get(reverse("duties:document", args=[made.pk]))
    assert response["Content-Disposition"].startswith("attachment")
    assert b"".join(response.streaming_content).startswith(b"%PDF")
    response.close()


def test_hostile_words_are_escaped(client, unit, officer):
    claim(unit, statement="<script>alert(1)</script>", by=officer)
    assert "<script>alert" not in client.get(address("duty", unit)).content.decode()


def test_another_unit_s_duties_are_404_on_every_address(client, unit, officer, data):
    other = UnitFactory()
    other_officer = officer_of(other)
    theirs = services.declare(
        unit_id=other.pk, duty_key="record_attacks", statement="x", by=other_officer,
        document=SimpleUploadedFile("a.pdf", b"%PDF-1.4"),
    )  # fmt: skip
    gets = [
        reverse("duties:of_unit", args=[other.pk]),
        address("duty", other),
        reverse("duties:document", args=[theirs.pk]),
    ]
    posts = [
        address("declare", other),
        address("contest", other),
        reverse("duties:withdraw", args=[theirs.pk]),
        reverse("duties:declare_again", args=[theirs.pk]),
    ]
    assert [client.get(a).status_code for a in gets] == [404] * 3
    assert [client.post(a, {"statement": "x", "text": "x"}).status_code for a in posts] == [404] * 4


def test_the_coordinator_sees_but_does_not_declare_and_reads_why(client, unit):
    client.force_login(UserFactory(coordinator=True))
    page = client.get(address("duty", unit)).content.decode()
    sentence = "Chỉ thủ trưởng hoặc cán bộ chuyên trách của Xã An Bình làm được việc này."
    assert sentence in page
    response = client.post(address("declare", unit), {"statement": "x"})
    assert response.status_code == 403
    assert sentence in response.content.decode()


def test_an_unknown_duty_is_404(client, unit, officer):
    assert client.get(address("duty", unit, "khong-co")).status_code == 404


def test_the_duty_page_costs_the_same_with_many_rows(client, unit, officer, django_assert_max_num_queries):
    for number in range(30):
        proves_recording(unit, source=number + 1)
    with django_assert_max_num_queries(22):
        client.get(address("duty", unit))


def test_the_legal_basis_names_only_texts_that_are_in_force_on_the_day(client, unit, officer):
    page = client.get(address("duty", unit)).content.decode()
    assert "Chỉ thị 14/CT-TTg" in page
    assert "116/2025/QH15" not in page  # it is December 2019
    with clock.at(datetime(2026, 8, 1, 2, tzinfo=UTC)):
        assert "116/2025/QH15" in client.get(address("duty", unit)).content.decode()
