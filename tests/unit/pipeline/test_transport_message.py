"""What a message of the cluster holds, and the address of the cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekhang.pipeline.spool import Batch, event_id
from dekhang.pipeline.transport import message
from dekhang.pipeline.transport.address import Cluster
from dekhang.pipeline.transport.streams import BY_WRITER, all_streams

records = st.lists(st.tuples(st.binary(max_size=300), st.none() | st.binary(max_size=20)), min_size=1, max_size=20)


@given(parts=st.lists(records, min_size=1, max_size=5), has_ids=st.booleans(), sequence=st.integers(1, 1 << 34))
def test_frames_of_a_message_come_back_numbered_by_its_sequence(parts, has_ids: bool, sequence: int) -> None:
    batches = [
        Batch(number, 3, "linux", "http_bulk", 1_575_943_200_000, "192.0.2.7", [raw for raw, _ in part],
              [one for _, one in part] if has_ids else None)
        for number, part in enumerate(parts)
    ]  # fmt: skip
    body = b"".join(message.frame(batch, 0, len(batch.records)) for batch in batches)

    frames = message.unpack(body, sequence)

    assert [(frame.source_id, frame.records, frame.ids, frame.peer) for frame in frames] == [
        (batch.source_id, list(batch.records), batch.ids, "192.0.2.7") for batch in batches
    ]
    numbers = [frame.first_seq + index for frame in frames for index in range(len(frame.records))]
    assert numbers == [sequence << 13 | index for index in range(len(numbers))]
    assert event_id(1115, numbers[-1]) < 1 << 63


@given(st.binary(max_size=400), st.integers(0, 399), st.integers(1, 255))
def test_a_message_with_a_changed_byte_is_damaged_and_never_half_used(raw: bytes, at: int, change: int) -> None:
    body = bytearray(message.frame(Batch(7, 3, "linux", "http", 0, "", [raw, raw], None), 0, 2))
    body[at % len(body)] ^= change

    with pytest.raises(message.MessageDamaged):
        message.unpack(bytes(body), 1)


def test_a_cut_message_is_damaged() -> None:
    body = message.frame(Batch(7, 3, "linux", "http", 0, "", [b"noi dung"], None), 0, 1)
    for size in range(1, len(body)):
        with pytest.raises(message.MessageDamaged):
            message.unpack(body[:size], 1)


def test_the_header_tells_records_by_source_and_hour() -> None:
    text = message.counts_header([((7, 437_762), 3), ((8, 437_762), 1), ((7, 437_762), 2), ((7, 437_763), 4)])

    assert text == "7:437762=5,8:437762=1,7:437763=4"
    assert message.counts_of({message.HEADER: text}) == {(7, 437_762): 5, (8, 437_762): 1, (7, 437_763): 4}


@pytest.mark.parametrize("header", ["7=3", "a:b=c", "7:1=2=3", "=", "7:1=x"])
def test_a_header_that_is_not_of_our_making_counts_nothing(header: str) -> None:
    assert message.counts_of({message.HEADER: header}) == {}


def test_every_lane_of_every_partition_has_its_own_stream_and_writer() -> None:
    streams = list(all_streams())
    assert len({stream.name for stream in streams}) == len({stream.subject for stream in streams}) == 32
    assert sorted(BY_WRITER) == [*range(1000, 1016), *range(1100, 1116)]


def test_the_address_names_servers_replicas_and_room() -> None:
    cluster = Cluster.of(
        "tls://dekhang:m%2Ft%3A%40@n1.example.gov.vn:4222,n2.example.gov.vn:4222?room_gb=0.5&ca_file=/ca.pem"
    )

    assert cluster.servers == ("tls://n1.example.gov.vn:4222", "tls://n2.example.gov.vn:4222")
    assert cluster.login == {"user": "dekhang", "password": "m/t:@"}
    assert "m/t" not in repr(cluster)
    assert Cluster.of("nats://th%2Fe@n1:4222").login == {"token": "th/e"}
    assert (cluster.replicas, cluster.room_bytes, cluster.ca_file) == (3, 1 << 29, "/ca.pem")


@pytest.mark.parametrize(
    "address",
    ["nats://", "http://n1:4222", "nats://n1:4222?replica=3", "nats://n1:4222?replicas=ba", "nats://n1:4222?replicas=0",
     "nats://n1:4222?room_gb=0"],
)  # fmt: skip
def test_a_faulty_address_is_refused_with_the_right_form(address: str) -> None:
    with pytest.raises(ValueError, match="Địa chỉ cụm NATS phải có dạng nats://"):
        Cluster.of(address)
