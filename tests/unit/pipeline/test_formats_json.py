"""JSON in every shape that tools export: arrays, objects over many lines, answers that carry records, bulk bodies."""

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from dekhang.pipeline.formats import RecordFile, open_records
from dekhang.pipeline.formats import jsonstream as jsonstream_module

EVENTS = [{"n": n, "text": 'a "]" {brace} \\" ê', "deep": {"list": [{"x": [n]}]}} for n in range(30)]


def opened(folder: Path, content: object, *, indent: int | None = None, name: str = "export") -> RecordFile:
    path = folder / name
    text = content if isinstance(content, (str, bytes)) else json.dumps(content, indent=indent, ensure_ascii=False)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_records(path)


def documents(file: RecordFile) -> list[Any]:
    return [orjson.loads(raw) for _, raw in file]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "answer",
    [
        {"Records": EVENTS},  # CloudTrail
        {"@odata.context": "https://graph.example.gov.vn/$metadata", "value": EVENTS, "@odata.nextLink": "x"},  # Graph
        {"records": EVENTS},  # Azure diagnostics
        {"events": EVENTS, "searchedLogStreams": [], "nextToken": "abc"},  # aws logs filter-log-events
        [{"Records": EVENTS[:10]}, {"Records": EVENTS[10:]}],  # several files put together by jq -s
        [EVENTS[:10], EVENTS[10:]],
    ],
)
def test_an_answer_gives_the_records_that_it_carries(tmp_path: Path, answer: object, indent: int | None) -> None:
    file = opened(tmp_path, answer, indent=indent)

    assert documents(file) == EVENTS
    assert file.formats == {"json"}
    assert file.problems == []


@pytest.mark.parametrize("indent", [None, 2])
def test_an_elasticsearch_answer_gives_the_sources_of_its_hits(tmp_path: Path, indent: int | None) -> None:
    hits = [{"_index": "logs", "_id": str(n), "_score": 1.0, "_source": event} for n, event in enumerate(EVENTS)]
    answer = {
        "took": 3,
        "timed_out": False,
        "_shards": {"total": 1, "failures": [{"reason": {"type": "x"}}]},
        "hits": {"total": {"value": 30, "relation": "eq"}, "max_score": 1.0, "hits": hits},
        "aggregations": {"a": {"buckets": [{"key": 1}]}},
    }
    file = opened(tmp_path, answer, indent=indent)

    assert documents(file) == EVENTS
    assert file.problems == []


def test_the_event_inside_of_what_aws_lookup_events_prints_is_the_record(tmp_path: Path) -> None:
    inner = {"eventName": "ConsoleLogin", "sourceIPAddress": "192.0.2.7"}
    answer = {"Events": [{"EventId": "1", "EventTime": 1.0, "CloudTrailEvent": json.dumps(inner)}]}

    assert documents(opened(tmp_path, answer, indent=4)) == [inner]


@pytest.mark.parametrize(
    "wrapping", [{"_index": "logs", "_id": "1", "_source": {}}, {"preview": False, "offset": 0, "result": {}}]
)
def test_lines_of_hits_as_dump_tools_write_them_give_the_events_inside(
    tmp_path: Path, wrapping: dict[str, object]
) -> None:
    inside = next(name for name, value in wrapping.items() if value == {})
    file = opened(tmp_path, "\n".join(json.dumps({**wrapping, inside: event}) for event in EVENTS))

    assert documents(file) == EVENTS


def test_answers_one_behind_the_other_are_all_taken_apart(tmp_path: Path) -> None:
    lines = [json.dumps({"Records": EVENTS[start : start + 10]}) for start in (0, 10, 20)]

    assert documents(opened(tmp_path, "\n".join(lines))) == EVENTS
    assert documents(opened(tmp_path, "".join(lines))) == EVENTS


@pytest.mark.parametrize("indent", [None, 2])
def test_an_event_with_a_list_of_its_own_stays_one_record(tmp_path: Path, indent: int | None) -> None:
    events = [{"@timestamp": "2019-12-10T02:00:00Z", "events": [{"a": 1}, {"a": 2}]}, {"time": 1, "value": [{"b": 1}]}]
    content = "\n".join(json.dumps(event, indent=indent) for event in events)

    assert documents(opened(tmp_path, content)) == events


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_records_do_not_depend_on_where_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(jsonstream_module, "CHUNK_BYTES", block)
    hits = [{"_id": str(n), "_source": event} for n, event in enumerate(EVENTS[:8])]
    for content, expected in (
        (EVENTS[:8], EVENTS[:8]),
        ({"took": 1, "hits": {"total": 3, "hits": hits}}, EVENTS[:8]),
        ({"nextToken": '\\\\"', "Records": EVENTS[:8], "after": {"x": [1]}}, EVENTS[:8]),
    ):
        file = opened(tmp_path, content, indent=1)
        assert documents(file) == expected
        assert file.problems == []


def test_a_record_too_long_is_left_out_told_and_the_next_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonstream_module, "FILE_RECORD_BYTES", 100_000)
    monkeypatch.setattr(jsonstream_module, "CHUNK_BYTES", 10_000)
    file = opened(tmp_path, [{"n": 1}, {"long": "[}" * 200_000}, {"n": 2}], indent=1)

    assert documents(file) == [{"n": 1}, {"n": 2}]
    assert [position for position, _ in file.problems] == [1]


def test_what_is_no_object_between_the_records_is_told(tmp_path: Path) -> None:
    file = opened(tmp_path, '[{"n":1}, "text", {"n":2}, 3]')

    assert documents(file) == [{"n": 1}, {"n": 2}]
    assert [position for position, _ in file.problems] == [1, 2]


def test_a_bracket_too_many_ends_the_reading_with_a_sentence(tmp_path: Path) -> None:
    file = opened(tmp_path, '[{"n":1}]}' + ']{"n":2}' * 1000)

    assert documents(file) == [{"n": 1}]
    assert len(file.problems) == 1


def test_json_lines_keep_broken_lines_for_the_parser_to_count(tmp_path: Path) -> None:
    lines = [b'{"torn":', b'{"n":1}', b'{"n":2', b'{"n":3}']
    file = opened(tmp_path, b"\xef\xbb\xbf" + b"\r\n\r\n".join(lines) + b"\r\n")

    assert [raw for _, raw in file] == lines
    assert file.formats == {"jsonl"}


def test_json_lines_are_recognised_behind_a_torn_first_line(tmp_path: Path) -> None:
    file = opened(tmp_path, b'ue","n":0}\n' + b'{"n":1}\n' * 20)

    assert len(list(file)) == 21
    assert file.formats == {"jsonl"}


def test_a_bulk_body_gives_its_documents_without_the_action_lines(tmp_path: Path) -> None:
    lines: list[Any] = [
        {"index": {"_index": "logs", "_id": "1"}},
        {"n": 1},
        {"delete": {"_index": "logs", "_id": "0"}},
        {"create": {}},
        {"index": {"looks": "like an action, but is the announced document"}},
        {"create": {}},
        {"n": 3},
    ]
    file = opened(tmp_path, "\n".join(map(json.dumps, lines)) + "\n")

    assert documents(file) == [lines[1], lines[4], lines[6]]
    assert file.formats == {"bulk"}
    assert [len(chunk) for chunk in file.chunks()] == [3]


def test_a_packed_cloudtrail_file_is_taken_apart(tmp_path: Path) -> None:
    file = opened(tmp_path, gzip.compress(json.dumps({"Records": EVENTS}).encode()), name="trail.json.gz")

    assert documents(file) == EVENTS
