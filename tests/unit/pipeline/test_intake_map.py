"""The receivers' list of sources: published in one step, re-read when it changes, tokens kept as hashes."""

from pathlib import Path

import pytest

from dekhang.pipeline.stores import heartbeat, intake
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource, hash_token, new_token, publish


def test_a_token_is_found_by_its_hash_and_never_written(tmp_path: Path) -> None:
    token = new_token()
    publish(tmp_path, [IntakeSource(1, 2, "linux", hash_token(token), ("192.0.2.1",), ("/var/log/auth.log",))])
    found = IntakeMap(tmp_path).by_token(token)
    assert found == IntakeSource(1, 2, "linux", hash_token(token), ("192.0.2.1",), ("/var/log/auth.log",))
    assert token not in intake.path_of(tmp_path).read_text()
    assert IntakeMap(tmp_path).by_token(token + "x") is None


def test_a_new_list_is_in_force_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RELOAD_SECONDS", 0.0)
    sources = IntakeMap(tmp_path)
    assert sources.by_token("a") is None
    publish(tmp_path, [IntakeSource(1, 2, "linux", hash_token("a"))])
    assert sources.by_token("a") is not None
    publish(tmp_path, [IntakeSource(1, 2, "linux", hash_token("b"))])
    assert sources.by_token("a") is None
    assert sources.version == 2


def test_a_token_that_has_just_been_made_is_known_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The officer pastes it and sends; what comes by syslog before the next look would be lost."""
    monkeypatch.setattr(intake, "RELOAD_SECONDS", 3600.0)
    monkeypatch.setattr(intake, "EAGER_SECONDS", 0.0)
    sources = IntakeMap(tmp_path)
    publish(tmp_path, [IntakeSource(1, 2, "linux", hash_token("a"))])
    assert sources.by_token("a") is not None


def test_unknown_tokens_do_not_make_the_list_be_looked_at_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "RELOAD_SECONDS", 3600.0)
    monkeypatch.setattr(intake, "EAGER_SECONDS", 3600.0)
    sources = IntakeMap(tmp_path)
    publish(tmp_path, [IntakeSource(1, 2, "linux", hash_token("a"))])
    assert [sources.by_token("a") for _ in range(3)] == [None] * 3


def test_a_damaged_list_leaves_the_last_good_one_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "RELOAD_SECONDS", 0.0)
    publish(tmp_path, [IntakeSource(1, 2, "linux", hash_token("a"))])
    sources = IntakeMap(tmp_path)
    intake.path_of(tmp_path).write_text('{"version": 1, "sources": [{"source_id"')
    assert sources.by_token("a") is not None


def test_an_address_is_one_address_however_it_is_written(tmp_path: Path) -> None:
    publish(tmp_path, [IntakeSource(1, 2, "linux", "", ("::ffff:192.0.2.1", "2001:DB8:0::1", "khong-phai-dia-chi/1"))])
    sources = IntakeMap(tmp_path)
    assert sources.by_address("192.0.2.1") == sources.by_address("2001:db8::1%eth0") is not None


def test_of_two_sources_of_one_unit_at_one_address_the_one_in_force_is_taken(tmp_path: Path) -> None:
    publish(
        tmp_path,
        [
            IntakeSource(1, 2, "linux", "", ("192.0.2.1",), retired=True),
            IntakeSource(5, 2, "web", "", ("192.0.2.1",)),
            IntakeSource(4, 2, "linux", "", ("192.0.2.1",)),
        ],
    )
    found = IntakeMap(tmp_path).by_address("192.0.2.1")
    assert found is not None
    assert found.source_id == 4


def test_a_beat_is_read_back_and_grows_old(tmp_path: Path) -> None:
    heartbeat.beat(tmp_path, "http", ready=True, port=8020)
    (tmp_path / "run" / "torn.json").write_text("{")
    beats = heartbeat.read(tmp_path)
    assert list(beats) == ["http"]
    assert beats["http"]["ready"] is True
    assert heartbeat.is_alive(beats["http"])
    assert not heartbeat.is_alive(beats["http"], now_ms=beats["http"]["at_ms"] + 6001)
    heartbeat.clear(tmp_path, "http")
    assert heartbeat.read(tmp_path) == {}


def test_secrets_that_cannot_be_read_are_not_replaced_by_none(tmp_path: Path) -> None:
    intake.keep_secret(tmp_path, 7, "mot")
    path = tmp_path / intake.SECRETS
    path.write_bytes(path.read_bytes()[:-1])
    for read in (lambda: intake.keep_secret(tmp_path, 8, "hai"), lambda: intake.secret_of(tmp_path, 7)):
        with pytest.raises(OSError, match=r"secrets\.json") as problem:
            read()
        assert "mot" not in str(problem.value)
    assert b"mot" in path.read_bytes()
