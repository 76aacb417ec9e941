"""The time by which stored events expire. A clock that was set years ahead must not delete what nobody can bring back."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

JUMP_MS = 7 * 86_400_000  # more than this since the keeper last looked: the clock was set, or the installation was off
STEADY_SECONDS = 86_400.0  # then it is believed when it has run on for a day without anybody setting it right


class TrustedClock:
    """Remembers in `path` up to when the clock was believed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jumped_at: float | None = None

    def believe(self, now_ms: int, monotonic: float) -> bool:
        """Whether events may expire by `now_ms`, UTC epoch ms. `monotonic`: seconds of a clock that nobody sets."""
        known_ms = self._read()
        if known_ms is not None and now_ms - known_ms > JUMP_MS:
            if self._jumped_at is None:
                self._jumped_at = monotonic
                logger.error(
                    "Đồng hồ đi nhanh hơn %d ngày so với lần dọn kho trước: chưa xóa log hết hạn nào trong 24 giờ. "
                    "Nếu giờ máy sai, hãy chỉnh lại ngay.",
                    (now_ms - known_ms) // 86_400_000,
                )
            if monotonic - self._jumped_at < STEADY_SECONDS:
                return False
        self._jumped_at = None
        if known_ms is None or now_ms > known_ms:
            self._write(now_ms)
        return True

    def _read(self) -> int | None:
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return None

    def _write(self, now_ms: int) -> None:
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        with contextlib.suppress(OSError):  # a full disk: the older moment only makes us more careful
            draft.write_text(str(now_ms))
            draft.replace(self._path)
