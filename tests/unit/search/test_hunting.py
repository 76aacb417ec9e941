"""Pages of hunts: begun, followed, stopped and handed over by the coordinator alone."""

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.search import jobs
from dekhang.pipeline.hunt import run as hunting
from dekhang.pipeline.hunt.executors import Here
from dekhang.pipeline.stores import hunts
from dekhang.pipeline.stores.hunts import Hunt, Request
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.stored import DAY, NOON, store

PAGE = "/tim-kiem/lung/"
RULE = (
    "title: Xóa nhật ký\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\n"
    "logsource: {product: linux, service: auth}\ndetection: {a: {user: root}, condition: a}\n"
)


@pytest.fixture
def place(data, client, db):
    unit = UnitFactory(version__name="Xã Mẫu")
    raw = "<38>Dec 10 04:00:00 may-chu sshd[1]: Failed password for root from 192.0.2.7 port 4000 ssh2"
    store(
        data,
        [
            {"event_id": n, "unit_id": unit.pk, "time": NOON - n * DAY, "kind": "linux_auth", "raw": raw}
            for n in range(3)
        ],
    )
    client.force_login(UserFactory(coordinator=True))
    with clock.at(datetime.fromtimestamp(NOON / 1000 + 60, UTC)):
        yield unit


def said(answer) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def begin(place, client, data):
    def begin(**given) -> Hunt:
        answer = client.post(f"{PAGE}moi/", {"since": "2019-12-01T00:00", **given})
        assert answer.status_code == 302, answer.context["form"].errors
        hunt = hunts.get(data, answer.url.rstrip("/").rsplit("/", 1)[-1])
        assert hunt is not None
        return hunt

    return begin


def work(data: Path, hunt: Hunt) -> None:
    hunting.run(data, hunt, rule_folders=[], executor=Here(), now_ms=lambda: NOON)


def test_a_query_is_hunted_and_its_rows_lead_to_events(place, begin, client, data):
    hunt = begin(query="unit:mau failed")
    assert "Chờ bắt đầu" in said(client.get(PAGE))
    assert "every 2s" in said(client.get(f"{PAGE}{hunt.id}/"))
    work(data, hunt)
    page = said(client.get(f"{PAGE}{hunt.id}/"))
    assert ("3 kết quả" in page, "Xã Mẫu" in page, "/tim-kiem/su-kien/2/" in page) == (True, True, True)
    assert "every 2s" not in page
    assert "thanh-canh-bao" not in page  # a query is no finding
    event = AuditEvent.objects.get(action="hunt_started")
    assert event.detail == {"hunt": hunt.id, "title": "unit:mau failed"}


@pytest.mark.parametrize(
    "given",
    [
        {"rule_file": SimpleUploadedFile("../../luat.yml", RULE.encode())},
        {"indicators": "192.0.2.7\n198.51.100.1"},
        {"indicator_file": SimpleUploadedFile("chi dau.csv", b"type,value\nip,192.0.2.7\n")},
    ],
)
def test_a_rule_and_indicators_are_taken_as_files_or_text_and_become_alerts_by_a_button(begin, client, data, given):
    for file in given.values():
        if isinstance(file, SimpleUploadedFile):
            file.seek(0)
    hunt = begin(**given)
    work(data, hunt)
    assert hunt.state.hits == 3, hunt.state.problem
    assert "thanh-canh-bao" in said(client.get(f"{PAGE}{hunt.id}/"))
    client.post(f"{PAGE}{hunt.id}/thanh-canh-bao/")
    assert hunt.wants_alerts
    assert client.post(f"{PAGE}{hunt.id}/thanh-canh-bao/").status_code == 403


def test_stopped_before_it_began_and_resumed(begin, client, data):
    hunt = begin(query="root")
    client.post(f"{PAGE}{hunt.id}/dung/")
    assert hunt.state.status == "cancelled"
    assert client.post(f"{PAGE}{hunt.id}/dung/").status_code == 403
    client.post(f"{PAGE}{hunt.id}/lam-tiep/")
    work(data, hunt)
    assert (hunt.state.status, hunt.state.hits) == ("done", 3)
    assert client.post(f"{PAGE}{hunt.id}/lam-tiep/").status_code == 403


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "điền đúng một ô"),
        ({"query": "a", "rule_id": "b"}, "điền đúng một ô"),
        ({"query": "user:"}, "Thiếu giá trị ngay sau “user:”"),
        ({"rule_id": "../x y"}, "Mã luật chỉ có chữ"),
        ({"query": "a", "since": "2030-01-01T00:00"}, "Lúc bắt đầu phải trước"),
        ({"query": "a", "unit": "999999"}, "Không có đơn vị này."),
    ],
)
def test_what_cannot_be_hunted_is_said(place, client, given, sentence):
    answer = client.post(f"{PAGE}moi/", {"since": "2019-12-01T00:00", **given})
    assert (answer.status_code, sentence in said(answer)) == (422, True)


def test_only_the_coordinator_hunts(begin, client, place):
    hunt = begin(query="root")
    for person in (
        officer_of(place),
        UserFactory(leader=True),
        UserFactory(inspector=True),
        UserFactory(administrator=True),
    ):
        client.force_login(person)
        assert client.get(PAGE).status_code == 403
        assert client.get(f"{PAGE}{hunt.id}/").status_code == 403
        assert client.post(f"{PAGE}{hunt.id}/dung/").status_code == 403
        assert client.post(f"{PAGE}moi/", {"query": "a", "since": "2019-12-01"}).status_code == 403
        assert "Lùng hết lịch sử" not in said(client.get("/tim-kiem/"))


def test_an_unknown_hunt_does_not_exist(place, client):
    assert client.get(f"{PAGE}20190101-000000-abcd/").status_code == 404
    assert client.get(f"{PAGE}dau-do/").status_code == 404


def test_the_jobs_process_begins_what_waits_and_hands_over_what_is_wanted(own_installation, settings):
    settings.DATA = own_installation
    raw = "<38>Dec 10 04:00:00 may-chu sshd[1]: Failed password for root from 192.0.2.7 port 4000 ssh2"
    store(own_installation, [{"event_id": 7, "time": NOON, "kind": "linux_auth", "raw": raw}])
    rule = own_installation / "luat.yml"
    rule.write_text(RULE)
    hunt = hunts.create(
        own_installation,
        Request(
            kind="rules", title="thử", unit_ids=(1,), since_ms=0, until_ms=NOON + DAY, snapshot_ms=NOON + DAY, by="x"
        ),
        now_ms=NOON,
        rules=[rule],
    )
    wait_for(lambda: hunt.state.status == "done")
    hunt.want_alerts()
    wait_for(lambda: hunt.state.told is not None)
    assert (hunt.state.hits, hunt.state.told) == (1, 1)


def test_a_hunt_may_be_stopped_and_resumed_any_number_of_times_but_not_die_for_ever(data, settings, monkeypatch):
    begun = []

    def begin(hunt, options):
        begun.append(hunt.id)
        return subprocess.Popen(["true"])

    def tick() -> None:
        if jobs._process is not None:
            jobs._process.wait(timeout=60)
        jobs.tick()

    monkeypatch.setattr(jobs, "_begin", begin)
    monkeypatch.setattr(jobs, "_process", None)
    request = Request("query", "thử", (1,), 0, 1, 1, "thử", query="a")
    hunt = hunts.create(data, request, now_ms=NOON)
    for _ in range(jobs.ATTEMPTS + 2):
        tick()
        hunt.save(hunts.State(status="cancelled"))
        tick()
        hunt.wait()
    assert len(begun) == jobs.ATTEMPTS + 2
    for _ in range(jobs.ATTEMPTS + 2):  # now it dies each time
        tick()
    assert len(begun) == 2 * jobs.ATTEMPTS + 2
    assert hunt.state.status == "failed" and "tắt giữa chừng" in hunt.state.problem
    hunt.save(hunts.State(status="done"))
    hunt.want_alerts()
    for _ in range(jobs.ATTEMPTS + 2):
        tick()
    assert (hunt.state.status, hunt.wants_alerts) == ("done", False) and "tắt giữa chừng" in hunt.state.problem


def wait_for(condition) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        jobs.tick()
        assert time.monotonic() < deadline
        if jobs._process is not None:
            try:
                jobs._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
