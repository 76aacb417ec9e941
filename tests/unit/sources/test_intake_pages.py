"""What officers and the coordinator see of intake: numbers that add up, who is loud, refused or loses records, and room."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.sources.refusalfixes import FIXES
from dekhang.pipeline.receive.refusals import LoudTally, Refusals
from dekhang.pipeline.stores import database, heartbeat
from dekhang.pipeline.stores.reasons import LABELS, Reason
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db
MORNING_MS = int(MORNING.timestamp() * 1000)


@pytest.fixture(autouse=True)
def morning():
    with clock.at(MORNING):
        yield


def refuse(data, source_id: int, reason: Reason, records: int, monkeypatch) -> None:
    monkeypatch.setattr("dekhang.pipeline.wallclock.now_ms", lambda: MORNING_MS)
    refusals = Refusals(data)
    refusals.add(source_id, reason, records=records, peer="203.0.113.9", example=b"<b>vi du</b>")
    refusals.close()


def loud(data, source_id: int, *, at_ms: int, monkeypatch) -> None:
    monkeypatch.setattr("dekhang.pipeline.wallclock.now_ms", lambda: at_ms)
    refusals = Refusals(data)
    refusals.add_loud(
        source_id,
        LoudTally(records=90_000, bulk_bytes=9, peak_eps=4_200, quota_eps=1_000, since_ms=at_ms, last_ms=at_ms),
    )
    refusals.close()


def numbers(row: str) -> list[int]:
    return [int(re.sub(r"\D", "", cell) or 0) for cell in re.findall(r'class="number">(?:<a [^>]*>)?([\d.]+)', row)]


def test_every_reason_has_words_and_a_fix():
    assert set(FIXES) == set(LABELS) == set(Reason)


def test_each_hour_of_the_source_page_adds_up_with_what_waits(client, pipeline, data, monkeypatch):
    source = LogSourceFactory()
    for hours in (3, 1):
        at = MORNING - timedelta(hours=hours)
        pipeline.receive(source, *[failed_login(at, user=f"u{n}") for n in range(5)], at=at)
    pipeline.receive(source, failed_login(), failed_login(), at=MORNING, work=False)
    refuse(data, source.pk, Reason.OVERSIZE, 4, monkeypatch)
    client.force_login(officer_of(source.unit))

    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()

    table = page[page.index("Từng giờ trong 24 giờ qua") : page.index("</table>", page.index("Từng giờ"))]
    rows = [numbers(row) for row in table.split("<tr>")[2:]]
    assert [row[0] for row in rows] == [6, 5, 5]
    for received, stored, duplicate, refused, waiting, _late in rows:
        assert received == stored + duplicate + refused + waiting
    assert rows[0][3:5] == [4, 2]
    assert str(FIXES[Reason.OVERSIZE]) in page and "<b>vi du" not in page


def test_a_loud_source_is_told_that_nothing_is_lost(client, pipeline, data, monkeypatch):
    source = LogSourceFactory()
    client.force_login(officer_of(source.unit))
    url = reverse("sources:detail", args=[source.pk])
    loud(data, source.pk, at_ms=MORNING_MS - 3_600_000, monkeypatch=monkeypatch)
    page = client.get(url).content.decode()
    assert "nhanh hơn hạn mức" not in page and "90.000 bản ghi vượt mức" in page

    loud(data, source.pk, at_ms=MORNING_MS, monkeypatch=monkeypatch)
    page = client.get(url).content.decode()
    assert "gửi nhanh hơn hạn mức 1.000 bản ghi mỗi giây (nhanh nhất 4.200). Không mất bản ghi nào" in page


def intake(client, query: str = "") -> str:
    return client.get(reverse("sources:intake") + query).content.decode()


def test_the_coordinator_sees_who_is_refused_and_loud_with_links_to_the_rows(client, pipeline, data, monkeypatch):
    quiet, refused, loud_one = (LogSourceFactory(name=name) for name in ("Nguồn êm", "Nguồn lỗi", "Nguồn to"))
    for source in (quiet, refused, loud_one):
        pipeline.receive(source, failed_login())
    refuse(data, refused.pk, Reason.MALFORMED, 7, monkeypatch)
    refuse(data, 0, Reason.UNKNOWN_SENDER, 3, monkeypatch)
    loud(data, loud_one.pk, at_ms=MORNING_MS, monkeypatch=monkeypatch)
    client.force_login(UserFactory(coordinator=True))

    page = intake(client)

    assert "Nguồn êm" not in page
    assert page.index("Nguồn lỗi") < page.index("Nguồn to")
    link = reverse("sources:detail", args=[refused.pk])
    assert f'<a href="{link}#tu-choi">7</a>' in page
    assert "Gửi quá nhanh" in page and "203.0.113.9" in page
    sentence = re.search(
        r"Đã nhận <strong>(\d+)</strong> bản ghi = (\d+) đã lưu \+ (\d+) .*? \+ (\d+) .*? \+ (\d+)", page
    )
    received, *parts = (int(number) for number in sentence.groups())
    assert received == sum(parts) == 10
    assert "Nguồn êm" in intake(client, "?xem=tat-ca")


@pytest.mark.parametrize(("level", "words"), [("ok", "Còn rộng"), ("alarm", "Sắp đầy"), ("full", "Đã đầy")])
def test_the_room_for_waiting_records_is_what_the_receivers_say(client, data, level, words):
    problem = "" if level == "ok" else "log chờ xử lý chiếm 800 trên 1.000 MB dành cho nó."
    heartbeat.beat(
        data, "http", ready=True, spool_bytes=800 * 1024**2, spool_max_bytes=1000 * 1024**2, spool_level=level,
        spool_problem=problem,
    )  # fmt: skip
    client.force_login(UserFactory(administrator=True))
    page = intake(client)
    assert words in page and "Đang dùng 800,0 MB trên 1000,0 MB" in page
    assert ("Log chờ xử lý chiếm 800" in page) is (level != "ok")


def test_the_fullest_of_several_receivers_is_shown(client, data):
    for part, used in (("http", 100), ("lines", 900)):
        heartbeat.beat(
            data, part, ready=True, spool_bytes=used * 1024**2, spool_max_bytes=1000 * 1024**2, spool_level="ok"
        )
    client.force_login(UserFactory(coordinator=True))
    assert "Đang dùng 900,0 MB" in intake(client)


def test_a_record_that_claims_another_units_machine_is_flagged_without_telling_whose(client, data):
    owner, liar = LogSourceFactory(hosts=["dc01"]), LogSourceFactory(name="Nguồn xưng tên")
    connection = database.connect(data)
    with connection.transaction():
        connection.execute(
            "INSERT INTO foreign_hosts (source_id, host, owner_unit, records, event_id, first_ms, last_ms)"
            " VALUES (?, ?, ?, 12, 5, ?, ?)",
            (liar.pk, "<b>dc01", owner.unit_id, MORNING_MS - 1000, MORNING_MS - 1000),
        )
    connection.close()
    client.force_login(officer_of(liar.unit))
    page = client.get(reverse("sources:detail", args=[liar.pk])).content.decode()
    assert "12 bản ghi tự nhận là máy" in page and "&lt;b&gt;dc01" in page and "<b>dc01" not in page
    client.force_login(UserFactory(coordinator=True))
    assert "Xưng máy đơn vị khác" in intake(client)


def test_what_is_fetched_and_what_is_wrong_with_it_is_shown(client, data):
    source = LogSourceFactory(folders=["/srv/nhat-ky"], bucket={"name": "kho-log", "prefix": "a/"})
    heartbeat.beat(data, "files", pulls=[{"source_id": source.pk, "problem": "Kho từ chối <khóa>."}, {"source_id": 99}])
    client.force_login(officer_of(source.unit))
    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()
    assert "/srv/nhat-ky" in page and "s3://kho-log/a/" in page and "Kho từ chối &lt;khóa&gt;." in page


def test_empty_pages_say_what_to_do(client, data):
    client.force_login(UserFactory(coordinator=True))
    page = intake(client)
    assert "Chưa đơn vị nào kết nối nguồn log" in page and "Không có cổng nhận nào đang chạy" in page
    LogSourceFactory()
    assert "Không có nguồn nào cần xem" in intake(client)


def test_units_do_not_see_the_page_of_all(client, data):
    client.force_login(officer_of(UnitFactory()))
    assert client.get(reverse("sources:intake")).status_code == 403
    assert "Tiếp nhận log toàn tỉnh" not in client.get(reverse("sources:list")).content.decode()


def test_the_page_costs_the_same_number_of_queries_for_one_and_for_thirty(client, data, django_assert_max_num_queries):
    client.force_login(UserFactory(coordinator=True))
    LogSourceFactory()
    intake(client, "?xem=tat-ca")
    with django_assert_max_num_queries(8) as one:
        intake(client, "?xem=tat-ca")
    for _ in range(29):
        LogSourceFactory()
    with django_assert_max_num_queries(len(one.captured_queries)):
        intake(client, "?xem=tat-ca")


def test_what_the_kernel_dropped_is_told_to_the_coordinator_and_is_no_unknown_sender(client, data, monkeypatch):
    LogSourceFactory()
    refuse(data, 0, Reason.KERNEL_DROPPED, 1_200, monkeypatch)
    database.connect(data).close()
    client.force_login(UserFactory(coordinator=True))

    page = client.get(reverse("sources:intake")).content.decode()
    assert "hệ điều hành đã bỏ 1.200 gói" in page and "Không có máy lạ nào" in page
    assert "203.0.113.9" not in client.get(reverse("sources:unknown_senders")).content.decode()
