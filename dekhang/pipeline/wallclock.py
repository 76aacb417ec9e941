"""What time the pipeline's parts believe it is.

The demo province lives in December 2019: `dekhang up --demo` sets DK_CLOCK_SHIFT_SECONDS for all parts, so that what
arrives now is received then. A real installation has no shift. Signs of life (stores.heartbeat) and timeouts use the
machine's own clock.
"""

from __future__ import annotations

import os
import time

SHIFT_MS = int(os.environ.get("DK_CLOCK_SHIFT_SECONDS") or 0) * 1000


def now_ms() -> int:
    """UTC epoch milliseconds, shifted for the demo."""
    return time.time_ns() // 1_000_000 + SHIFT_MS
