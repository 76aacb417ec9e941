"""Who looks through the slices: this process, several, or machines that somebody else adds (the same protocol)."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Protocol

from dekhang.pipeline.hunt.scan import Scanner, SliceResult
from dekhang.pipeline.hunt.slices import Slice

AHEAD = 3  # slices a process, done or being done before the first of them is taken: bounds what results hold


class Unavailable(Exception):
    """Nobody is there to look through slices; the text is a sentence for people."""


class Executor(Protocol):
    """with executor: for result in executor.map(scanner, slices): …    results in the order of the slices."""

    def __enter__(self) -> Executor: ...

    def map(self, scanner: Scanner, slices: Sequence[Slice]) -> Iterator[SliceResult]: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Here:
    """This process alone."""

    def __enter__(self) -> Here:
        return self

    def map(self, scanner: Scanner, slices: Sequence[Slice]) -> Iterator[SliceResult]:
        return map(scanner, slices)

    def __exit__(self, *_: object) -> None:
        pass


class Processes:
    """Copies of this process: what was compiled is theirs without a second copy."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> Processes:
        return self

    def map(self, scanner: Scanner, slices: Sequence[Slice]) -> Iterator[SliceResult]:
        # not before there is a scanner: it goes to the processes by being there when they are copied
        fork = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(self._count, mp_context=fork, initializer=_begin, initargs=(scanner,))
        under_way: deque[Future[SliceResult]] = deque()
        others = set(multiprocessing.active_children())
        try:
            for one in slices:
                if len(under_way) >= AHEAD * self._count:
                    yield under_way.popleft().result()
                under_way.append(pool.submit(_scan, one))
            while under_way:
                yield under_way.popleft().result()
        except BrokenProcessPool:  # it would never answer
            raise Unavailable(
                "Một tiến trình lùng bị tắt giữa chừng, có thể vì hết bộ nhớ. Hãy làm tiếp bằng --resume với --workers nhỏ hơn."
            ) from None
        finally:
            if under_way:  # stopped on the way: nobody waits for what they are doing
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()
            pool.shutdown(cancel_futures=True)

    def __exit__(self, *_: object) -> None:
        pass


_scanner: Scanner | None = None


def _begin(scanner: Scanner) -> None:
    global _scanner
    _scanner = scanner
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the first process ends the others
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _scan(one: Slice) -> SliceResult:
    assert _scanner is not None
    return _scanner(one)
