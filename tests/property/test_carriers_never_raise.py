"""What HEC and OTLP senders may send: any bytes are taken apart or refused in order, and the parser takes the result."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dekhang.pipeline.parse import parse
from dekhang.pipeline.receive.hec import read_events, wrap_lines
from dekhang.pipeline.receive.otlp import read_json, read_protobuf

value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("event", "time", "host", "source", "sourcetype", "fields", "otlp", "body", "channel", "event_id", "event_data",
         "provider", "execution", "resource.host.name", "attributes.log.file.path", "observed_time", "data", "id")  # fmt: skip
envelope = st.dictionaries(st.sampled_from(NAMES), value | st.dictionaries(st.sampled_from(NAMES), value), max_size=6)


@given(st.binary(max_size=200))
def test_any_bytes_as_hec_events_are_accounted_for(content: bytes) -> None:
    events = read_events(content)
    assert bool(events.wrong) == bool(events.refused)
    for record in events.records:
        assert "event" in json.loads(record)


@given(st.lists(envelope, max_size=5), st.sampled_from(["", "\n", " ", ",", "\r\n\n"]), st.booleans())
def test_every_hec_object_is_kept_as_it_was_or_refused(
    documents: list[dict[str, object]], between: str, pretty: bool
) -> None:
    texts = [json.dumps(document, indent=1 if pretty else None) for document in documents]
    events = read_events(between.join(texts).encode())
    kept = [text.encode() for text, document in zip(texts, documents, strict=True)
            if document.get("event") not in (None, "", {})]  # fmt: skip
    assert events.records == kept
    assert sum(one.records for one in events.refused.values()) == len(documents) - len(kept)


@given(st.binary(max_size=200))
def test_any_bytes_as_otlp_are_read_or_a_value_error(content: bytes) -> None:
    for read in (read_protobuf, read_json):
        try:
            logs = read(content)
        except ValueError:
            continue
        for record in logs.records:
            assert json.loads(record)["otlp"] == 1


otlp_value = st.dictionaries(
    st.sampled_from(("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "arrayValue", "kvlistValue")),
    value | st.fixed_dictionaries({"values": st.lists(value, max_size=3)}),
    max_size=2,
)  # fmt: skip
otlp_record = st.dictionaries(
    st.sampled_from(("timeUnixNano", "severityNumber", "severityText", "body", "attributes", "traceId", "eventName")),
    value | otlp_value | st.lists(st.fixed_dictionaries({"key": value, "value": otlp_value}), max_size=3),
    max_size=5,
)


@given(st.lists(otlp_record, max_size=4), value)
def test_odd_otlp_json_gives_one_record_each_and_the_parser_takes_it(records: list[object], odd: object) -> None:
    document = {"resourceLogs": [odd, {"resource": odd, "scopeLogs": [odd, {"scope": odd, "logRecords": records}]}]}
    logs = read_json(json.dumps(document).encode())
    assert len(logs.records) == len(records)
    for record in logs.records:
        parse(record, source_kind="windows", received_ms=1_575_943_200_000)


@given(envelope)
def test_the_parser_takes_any_envelope(document: dict[str, object]) -> None:
    parse(json.dumps(document).encode(), source_kind="", received_ms=1_575_943_200_000)


@given(st.lists(st.binary(max_size=30), max_size=5))
def test_wrapped_lines_are_json_with_the_line_inside(lines: list[bytes]) -> None:
    assert wrap_lines(lines, {}) == lines
    for line, record in zip(lines, wrap_lines(lines, {"host": "may"}), strict=True):
        assert json.loads(record) == {"host": "may", "event": line.decode("utf-8", "replace")}
