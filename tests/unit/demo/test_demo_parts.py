"""The demo: one clock for its life, traces that its rules find, senders that say what went wrong, a whole province."""

import json
import random
import socket
import threading
from datetime import UTC, datetime

import pytest

from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.selectors import assess
from dekhang.apps.registry.selectors import counted_units, heads, officers
from dekhang.apps.registry.services import load_places
from dekhang.apps.sources.enums import CANARY_KINDS, SourceKind
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.services import is_token_of
from dekhang.demo import province
from dekhang.demo.background import ordinary
from dekhang.demo.clock import CONFERENCE, shift_seconds
from dekhang.demo.senders import HttpSender, SendError, SyslogSender
from dekhang.demo.traces import canary_trace
from dekhang.pipeline.parse import parse
from tests.installation import free_port

AT = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
KIND_OF_ORDINARY = {
    "windows": {"windows"},
    "linux": {"linux_auth", "syslog"},
    "web": {"web_access"},
    "suricata": {"suricata"},
    "syslog": {"syslog"},
}


def test_the_demo_s_clock_starts_at_the_conference_and_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("dekhang.demo.clock.time.time", lambda: CONFERENCE.timestamp() + 1000)
    assert shift_seconds(tmp_path) == -1000
    monkeypatch.setattr("dekhang.demo.clock.time.time", lambda: CONFERENCE.timestamp() + 99_000)
    assert shift_seconds(tmp_path) == -1000, "a restart days later goes on where the province is"


@pytest.mark.parametrize("kind", SourceKind.values)
def test_ordinary_work_is_read_as_what_its_source_should_send(kind):
    chance = random.Random(1)
    for _ in range(50):
        raw = ordinary(kind, host="may-1.example.gov.vn", at=AT, chance=chance)
        seen = parse(raw, source_kind=kind, received_ms=int(AT.timestamp() * 1000))
        assert seen.problem is None, raw
        assert seen.kind in KIND_OF_ORDINARY[kind]
        assert seen.time_ms == int(AT.timestamp() * 1000)


@pytest.mark.parametrize("kind", SourceKind.values)
def test_a_trace_exists_for_the_kinds_that_can_be_tested_and_carries_its_mark(kind):
    if kind not in CANARY_KINDS:
        with pytest.raises(ValueError, match="chưa có phép thử"):
            canary_trace(kind, "0011", host="may", at=AT)
        return
    raw = canary_trace(kind, "0011223344556677", host="may", at=AT)
    seen = parse(raw, source_kind=kind, received_ms=int(AT.timestamp() * 1000))
    assert seen.problem is None
    assert "dekhang-canary-0011223344556677" in str(dict(seen.record.fields))


def test_a_receiver_that_is_away_is_a_sentence_with_its_address():
    port = free_port()
    for sender in (HttpSender("127.0.0.1", port, "ma"), SyslogSender("127.0.0.1", port, "ma")):
        with pytest.raises(SendError, match=rf"không gửi được tới 127\.0\.0\.1:{port}"):
            sender.send([b"mot dong"])


def test_a_syslog_line_cannot_carry_a_second_one():
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            connection, _peer = server.accept()
            with connection:
                while data := connection.recv(1000):
                    taken.append(data)

        reader = threading.Thread(target=take)
        reader.start()
        sender = SyslogSender("127.0.0.1", server.getsockname()[1], "ma-cua-nguon")
        sender.send([b"<13>dong mot\n<13>dong gia", b"<13>dong hai"])
        sender.close()
        reader.join(10)
    assert b"".join(taken) == b"dk-token=ma-cua-nguon <13>dong mot <13>dong gia\ndk-token=ma-cua-nguon <13>dong hai\n"


@pytest.mark.django_db
def test_the_province_is_loaded_whole_by_the_services_that_people_use(data, frozen_now):
    load_places()
    province.load_province(data)
    versions = list(counted_units())
    assert len(versions) == 123
    assert User.objects.count() == 2 * 123 + len(province.PROVINCIAL)
    for version in versions[::20]:
        assert officers(version.unit_id).count() == heads(version.unit_id).count() == 1
    assert User.objects.get(username="can-bo.so-y-te").check_password(province.PASSWORD)
    assert list(verify_chain()) == []

    tokens = json.loads((data / "demo" / "tokens.json").read_text())
    sources = {str(source.pk): source for source in LogSource.objects.all()}
    assert set(tokens) == set(sources)
    assert all(is_token_of(sources[number], token) for number, token in tokens.items())
    assert (data / "demo" / "tokens.json").stat().st_mode & 0o777 == 0o600
    assert {demo.name for demo in province.UNITS} == {province.demo_unit_of(s.pk).name for s in sources.values()}

    states = {one.state for one in assess("record_attacks", [v.unit_id for v in versions], frozen_now).values()}
    assert states == {ClaimState.DECLARED, ClaimState.UNKNOWN}, "nothing is proven before log has flowed"


@pytest.mark.django_db
def test_a_load_that_fails_leaves_nothing_half(data, frozen_now, monkeypatch):
    load_places()
    monkeypatch.setattr(province, "_declare", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        province.load_province(data)
    assert User.objects.count() == 0
