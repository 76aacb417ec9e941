"""The book of indicators: files and folders, the cache on disk, and the real lists (DEKHANG_SHARED)."""

import json
from pathlib import Path

import pytest

from dekhang.engine.indicators import Kind
from dekhang.pipeline import indicatorbook
from dekhang.pipeline.indicatorbook import IndicatorBook, load_indicators


@pytest.fixture
def feeds(tmp_path: Path) -> Path:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "a.txt").write_text("evil.example\n10.0.0.1\nhai từ\nhttp://c.example/x\n")
    pattern = "[process:cwd = '/tmp' AND process:name = 'x']"
    stix = {
        "type": "bundle",
        "id": "bundle--1",
        "objects": [{"type": "indicator", "id": "indicator--1", "pattern": pattern}],
    }
    (folder / "b.json").write_text(json.dumps(stix))
    (folder / "LICENSE").write_text("not a list")
    return folder


def told(book: IndicatorBook) -> tuple[object, ...]:
    return list(book.set), book.set.rules, book.errors, book.skipped, book.suppressed, book.files, dict(book.counts)


def test_a_folder_is_read_and_everything_in_it_accounted_for(feeds: Path) -> None:
    book = load_indicators([feeds])
    assert [one.value for one in book.set if one.kind is not Kind.PATTERN] and len(book.set) == 3
    assert (book.files, len(book.errors), len(book.suppressed)) == (2, 1, 1)
    assert str(book.errors[0]).startswith(f"{feeds / 'a.txt'}:3: ")
    assert book.counts == {"DOMAIN": 1, "URL": 1, "PATTERN": 1, "errors": 1, "suppressed": 1}


def test_the_cache_gives_the_same_book_without_reading_the_lists(
    feeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_indicators([feeds], cache=tmp_path / "cache")
    monkeypatch.setattr(indicatorbook, "read_indicators", lambda *_: pytest.fail("the lists were read again"))
    second = load_indicators([feeds], cache=tmp_path / "cache")
    assert told(second) == told(first)
    fields = {"q": "www.evil.example", "u": "http://c.example/x"}
    assert second.set.match(fields, None) == first.set.match(fields, None) != []


def test_a_changed_list_is_read_anew(feeds: Path, tmp_path: Path) -> None:
    load_indicators([feeds], cache=tmp_path / "cache")
    (feeds / "a.txt").write_text("xau.example\n")
    book = load_indicators([feeds], cache=tmp_path / "cache")
    assert book.set.match({"q": "xau.example"}, None) and not book.set.match({"q": "evil.example"}, None)


def test_another_warning_list_is_another_set(feeds: Path, tmp_path: Path) -> None:
    load_indicators([feeds], cache=tmp_path / "cache")
    own = tmp_path / "own.yml"
    own.write_text("lists: [{name: Ta, reason: của ta, kind: domain, values: [evil.example]}]")
    book = load_indicators([feeds], warning_lists=[own], cache=tmp_path / "cache")
    assert not book.set.match({"q": "evil.example"}, None)
    assert "Ta" in {one.warning_list for one in book.suppressed}


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "noise"])
def test_a_cache_that_was_tampered_with_is_not_believed(feeds: Path, tmp_path: Path, harm: str) -> None:
    cache = tmp_path / "cache"
    first = load_indicators([feeds], cache=cache)
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    for place in range(0, len(content), max(1, len(content) // 40)) if harm == "flip" else (0,):
        changed = bytearray(content)
        if harm == "flip":
            changed[place] ^= 1
        elif harm == "cut":
            changed = changed[: len(changed) // 2]
        else:
            changed = bytearray(b"" if harm == "empty" else b"\xff" * 500)
        file.write_bytes(changed)
        assert told(load_indicators([feeds], cache=cache)) == told(first)


def test_a_cache_that_cannot_be_written_is_a_sentence_and_no_failure(feeds: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    book = load_indicators([feeds], cache=tmp_path / "cache")
    assert book.cache_problem.endswith(".") and book.set.match({"q": "evil.example"}, None)


def test_files_that_are_not_there_are_named_each_time(feeds: Path, tmp_path: Path) -> None:
    for _ in range(2):
        book = load_indicators([feeds / "a.txt", tmp_path / "missing"], cache=tmp_path / "cache")
        assert sum(str(tmp_path / "missing") in str(error) for error in book.errors) == 1
        assert book.set.match({"q": "evil.example"}, None)


def test_a_faulty_warning_list_is_named_and_the_indicators_are_read(feeds: Path, tmp_path: Path) -> None:
    for name, text in (("a.yml", "lists: [x"), ("b.json", '{"a": '), ("c.yml", "lists: [{}]"), ("d.yml", "- x")):
        (tmp_path / name).write_text(text)
        book = load_indicators([feeds / "a.txt"], warning_lists=[tmp_path / name])
        assert str(book.errors[0]).startswith(str(tmp_path / name)) and len(book.set) == 2


@pytest.mark.shared
def test_real_lists_are_read_whole(shared: Path, tmp_path: Path) -> None:
    intel = shared / "intel"
    book = load_indicators([intel / "misp_eset", intel / "chongluadao_urls.txt"], cache=tmp_path)
    assert not book.errors
    assert book.files == 11 and book.counts["HASH"] == 874 and book.counts["DOMAIN"] + book.counts["URL"] > 34_000
    found = book.set.match({"QueryName": "www.025.bk8vip.com"}, None)
    assert ("025.bk8vip.com", "chongluadao_urls") in {(one.indicator.value, one.indicator.source.name) for one in found}
    ((rule, _),) = book.set.tell({"Hashes": "SHA1=82E579BD49D69845133C9AA8585F8BD26736437B"}, None)
    assert rule.author == "ESET" and "OceanLotus" in rule.title_vi
