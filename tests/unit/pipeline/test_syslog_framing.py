"""Where one syslog message ends and the next begins, and whose it is."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekhang.pipeline.receive.framing import MESSAGE_BYTES, Framer, is_noise
from dekhang.pipeline.receive.sender import Senders
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource, hash_token, publish
from dekhang.pipeline.stores.reasons import Reason


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


def cut(stream: bytes, pieces: int = 1) -> list[bytes]:
    framer = Framer()
    step = max(1, len(stream) // pieces)
    messages: list[bytes] = []
    for at in range(0, len(stream), step):
        messages += framer.feed(stream[at : at + step])
    return messages + framer.finish()


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        (b"<13>a\n<13>b\r\n<13>c", [b"<13>a", b"<13>b", b"<13>c"]),  # by newline
        (counted(b"<13>a\nb") + counted(b"<13>c"), [b"<13>a\nb", b"<13>c"]),  # counted: a newline inside belongs
        (counted(b"<13>a") + b"\n" + counted(b"<13>b"), [b"<13>a", b"<13>b"]),  # both at once
        (b"<13>a\n" + counted(b"<13>b\n") + b"<13>c\n", [b"<13>a", b"<13>b", b"<13>c"]),  # changing
        (b"2019-12-10 line\n12 monkeys\n", [b"2019-12-10 line", b"12 monkeys"]),  # digits that are no count
        (b"<13>a\0<13>b\n\n\n", [b"<13>a\0<13>b"]),
        (b"", []),
        (b"\n \n\0", []),
        (b"99 <13>cut short", [b"<13>cut short"]),
        (b"999999999 <13>a\n<13>b\n", [b"999999999 <13>a", b"<13>b"]),  # no sender counts so far: the next line stays
    ],
)
@pytest.mark.parametrize("pieces", [1, 3, 1000])
def test_messages_come_out_whole_however_the_stream_is_cut(stream: bytes, messages: list[bytes], pieces: int) -> None:
    assert cut(stream, pieces) == messages


line = st.binary(max_size=40).filter(lambda b: b"\n" not in b).map(lambda b: b"<13>" + b + b".")


@given(st.lists(st.tuples(line, st.booleans()), max_size=20), st.integers(1, 60))
def test_any_mix_of_framings_in_any_pieces_gives_the_same_messages(mix: list[tuple[bytes, bool]], pieces: int) -> None:
    stream = b"".join(counted(message) if count else message + b"\n" for message, count in mix)
    assert cut(stream, pieces) == [message for message, _ in mix]


@pytest.mark.parametrize("is_counted", [True, False])
def test_an_oversize_message_keeps_its_beginning_and_the_next_one_is_whole(is_counted: bool) -> None:
    long = b"<13>" + b"x" * (3 * MESSAGE_BYTES)
    stream = (counted(long) if is_counted else long + b"\n") + b"<13>next\n"
    framer = Framer()
    messages: list[bytes] = []
    for at in range(0, len(stream), 1000):
        messages += framer.feed(stream[at : at + 1000])
        assert len(framer.rest) <= MESSAGE_BYTES + 1000
    assert messages == [long[:MESSAGE_BYTES], b"<13>next"]
    assert framer.take_oversize() == (1, len(long) - MESSAGE_BYTES)
    assert framer.take_oversize() == (0, 0)


def test_noise_is_told_from_log_lines() -> None:
    random_bytes = random.Random(1).randbytes(500)
    assert is_noise(random_bytes)
    assert is_noise(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # somebody speaks TLS to a plain port
    assert not is_noise("Đăng nhập thất bại\ttừ 192.0.2.7".encode())
    assert not is_noise(b"\xd0\xe3ng nh\xe2p th\xe2t b\xa1i")  # an old code page
    assert not is_noise(b"\x1b[31mmau do\x1b[0m va chu binh thuong o phia sau")
    assert not is_noise("người\x01dùng\x02lạ".encode())
    assert not is_noise(b"<13>" + random_bytes)  # whoever writes a priority means a message


@pytest.fixture
def senders(tmp_path: Path) -> Senders:
    publish(
        tmp_path,
        [
            IntakeSource(1, 10, "linux", hash_token("token-mot"), ("192.0.2.1", "2001:db8::/64")),
            IntakeSource(2, 20, "syslog", hash_token("token-hai"), ("198.51.100.0/24",)),
            IntakeSource(3, 20, "syslog", hash_token("token-cu"), ("198.51.100.9",), retired=True),
            IntakeSource(4, 30, "web", "", ("192.0.2.99",)),
            IntakeSource(5, 40, "web", "", ("192.0.2.99",)),
        ],
    )
    return Senders(IntakeMap(tmp_path))


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.1", (1, None)),
        ("2001:db8::5", (1, None)),
        ("198.51.100.7", (2, None)),  # a network
        ("198.51.100.9", (3, Reason.RETIRED)),  # the exact address is nearer than the network
        ("192.0.2.99", (None, Reason.UNKNOWN_SENDER)),  # two units claim it: nobody's, without a token
        ("203.0.113.5", (None, Reason.UNKNOWN_SENDER)),
        ("", (None, Reason.UNKNOWN_SENDER)),
    ],
)
def test_a_sender_is_known_by_its_address(
    senders: Senders, ip: str, expected: tuple[int | None, Reason | None]
) -> None:
    source, text, refused = senders.of(b"<13>x", ip)
    assert (source.source_id if source else None, refused) == expected
    assert text == b"<13>x"


H = b"<34>1 2019-12-10T02:00:00Z may app 12 ID "


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        (H + b'[dk@32473 token="token-hai"] noi dung', H + b"- noi dung"),
        (H + b'[a@1 b="c"][dk@32473 token="token-hai"] noi dung', H + b'[a@1 b="c"] noi dung'),
        (H + b'[dk@32473 token="token-hai"][a@1 b="c"] noi dung', H + b'[a@1 b="c"] noi dung'),
        (b"<34>Dec 10 02:00:00 may app: dk-token=token-hai noi dung", b"<34>Dec 10 02:00:00 may app: noi dung"),
        (b"dk-token=token-hai {}", b"{}"),
        (b"dk-token=sai dk-token=token-hai x", b"dk-token=sai x"),
        # what somebody else's text holds behind the sender's own token is only text
        (b'<34>dk-token=token-hai user [dk@32473 token="token-mot"]', b'<34>user [dk@32473 token="token-mot"]'),
    ],
)
def test_a_token_names_the_source_and_is_not_stored(senders: Senders, message: bytes, stored: bytes) -> None:
    for ip in ("203.0.113.5", "192.0.2.1"):  # unknown, and registered by another: the token wins
        source, text, refused = senders.of(message, ip)
        assert source is not None
        assert (source.source_id, text, refused) == (2, stored, None)


def test_a_wrong_token_from_an_unknown_address_is_told_as_such(senders: Senders) -> None:
    assert senders.of(b"<13>dk-token=sai x", "203.0.113.5") == (None, b"<13>dk-token=sai x", Reason.WRONG_TOKEN)


def test_a_wrong_token_beside_an_unregistered_certificate_is_told_as_such_and_so_not_shown(senders: Senders) -> None:
    assert senders.of(b"<13>dk-token=sai x", "203.0.113.5", "ab" * 32)[2] is Reason.WRONG_TOKEN
    assert senders.of(b"<13>x", "203.0.113.5", "ab" * 32)[2] is Reason.UNKNOWN_CERTIFICATE


def test_text_that_looks_like_a_token_does_not_hide_a_line_of_a_known_address(senders: Senders) -> None:
    """An attacker who logs in as user `dk-token=x` must still be seen."""
    line = b"<38>Dec 10 02:00:00 may sshd[1]: Failed password for invalid user dk-token=x from 203.0.113.9 port 1 ssh2"
    source, text, refused = senders.of(line, "192.0.2.1")
    assert source is not None
    assert (source.source_id, text, refused) == (1, line, None)


def test_a_token_beyond_the_beginning_is_only_text(senders: Senders) -> None:
    late = b"<13>" + b"x" * 600 + b" dk-token=token-hai "
    assert senders.of(late, "203.0.113.5")[2] is Reason.UNKNOWN_SENDER
