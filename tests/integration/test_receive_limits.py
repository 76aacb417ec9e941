"""Bounds on connections of the syslog receiver, with its real listener inside the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from dekhang.pipeline.receive import syslog
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.sender import Senders
from dekhang.pipeline.receive.syslog import SyslogReceiver
from dekhang.pipeline.spool import SpoolReader, SpoolWriter
from dekhang.pipeline.stores.intake import IntakeMap, publish
from tests.receivers import TOKEN, free_port, lanes, source

Story = Callable[[SyslogReceiver, int], Awaitable[None]]


def listening(data: Path, story: Story) -> None:
    """Run `story` against a receiver whose only source is known by its token."""

    async def run() -> None:
        publish(data, [source()])
        refusals = Refusals(data)
        spool = lanes(data, SpoolWriter(data / "spool", 2, free_floor_bytes=0), refusals)
        receiver = SyslogReceiver(Senders(IntakeMap(data)), refusals)
        receiver.gatherer = Gatherer(spool, refusals, receiver.press)
        port = free_port()
        await receiver.listen("127.0.0.1", udp_port=port, tcp_port=port)
        try:
            await asyncio.wait_for(story(receiver, port), 10)
        finally:
            await receiver.close()
            await receiver.gatherer.close()
            spool.close()
            refusals.close()

    asyncio.run(run())


def stored(data: Path) -> list[bytes]:
    with SpoolReader(data / "spool", 2) as reader:
        return [record for frame in reader.read(1_000_000)[0] for record in frame.records]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_one_address_cannot_take_all_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog, "CONNECTIONS_PER_ADDRESS", 3)

    async def story(receiver: SyslogReceiver, port: int) -> None:
        async with AsyncExitStack() as held:
            for _ in range(3):
                await held.enter_async_context(connected(port))
            async with connected(port) as (fourth, _):
                try:
                    assert await fourth.read() == b""
                except ConnectionResetError:
                    pass
            await until(lambda: receiver.refusals.total == 1)
            assert len(receiver.connections) == 3
        await until(lambda: not receiver.connections)
        assert receiver.per_address == {}
        async with connected(port) as (_, again):
            again.write(b"<13>dk-token=%s van vao duoc\n" % TOKEN.encode())
            await until(lambda: receiver.messages)

    listening(tmp_path, story)
    assert stored(tmp_path) == [b"<13>van vao duoc"]


def test_a_silent_stranger_is_dismissed_and_a_silent_known_sender_keeps_its_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "STRANGER_SECONDS", 0.3)

    async def story(receiver: SyslogReceiver, port: int) -> None:
        async with connected(port) as (stranger, _), connected(port) as (known, known_writer):
            known_writer.write(b"<13>dk-token=%s chao\n" % TOKEN.encode())
            assert await stranger.read() == b""  # closed
            await asyncio.sleep(0.5)
            known_writer.write(b"<13>dk-token=%s con day\n" % TOKEN.encode())
            await until(lambda: receiver.messages == 2)
            assert not known.at_eof()

    listening(tmp_path, story)
    assert stored(tmp_path) == [b"<13>chao", b"<13>con day"]


def test_strangers_give_way_to_whoever_comes_next_and_known_senders_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "CONNECTIONS", 3)

    async def story(receiver: SyslogReceiver, port: int) -> None:
        async with AsyncExitStack() as held:
            _, known = await held.enter_async_context(connected(port))
            known.write(b"<13>dk-token=%s mot\n" % TOKEN.encode())
            await until(lambda: receiver.messages)
            stranger, dripping = await held.enter_async_context(connected(port))
            dripping.write(b"<13>khong bao gio het dong")
            await until(lambda: len(receiver.connections) == 2)
            await held.enter_async_context(connected(port))
            await until(lambda: len(receiver.connections) == 3)
            async with connected(port) as (_, last):
                last.write(b"<13>dk-token=%s hai\n" % TOKEN.encode())
                await until(lambda: receiver.messages == 2)
                known.write(b"<13>dk-token=%s ba\n" % TOKEN.encode())
                await until(lambda: receiver.messages == 3)
                try:
                    assert await stranger.read() == b""
                except ConnectionResetError:
                    pass

    listening(tmp_path, story)
    assert sorted(stored(tmp_path)) == [b"<13>ba", b"<13>hai", b"<13>mot"]


def test_a_last_line_without_newline_is_kept_when_the_sender_hangs_up(tmp_path: Path) -> None:
    async def story(receiver: SyslogReceiver, port: int) -> None:
        async with connected(port) as (_, writer):
            writer.write(b"<13>dk-token=%s dong cuoi" % TOKEN.encode())
        await until(lambda: receiver.messages)

    listening(tmp_path, story)
    assert stored(tmp_path) == [b"<13>dong cuoi"]
