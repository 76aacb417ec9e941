"""What the API does on the clock: telling webhooks, forgetting old calls."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from dekhang.apps.api.rest.once import forget_old_calls
from dekhang.apps.api.webhooks import collecting, delivering

logger = logging.getLogger(__name__)
SENDERS = 8


class _Senders:
    """A subscription is sent to by one thread at a time, so a slow receiver delays only itself."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._lock = threading.Lock()
        self._busy: set[int] = set()

    def send(self, subscription_id: int) -> None:
        with self._lock:
            if subscription_id in self._busy:
                return
            self._busy.add(subscription_id)
        self._pool.submit(self._drain, subscription_id)

    def _drain(self, subscription_id: int) -> None:
        try:
            delivering.drain(subscription_id)
        except Exception:  # a bug with one must not end the thread that others are sent by; it is tried again
            logger.exception("webhook %s failed", subscription_id)
        finally:
            connection.close()
            with self._lock:
                self._busy.discard(subscription_id)


_senders = _Senders()


def tell() -> None:
    """New happenings to those who want to know them."""
    collecting.collect()
    delivering.fan_out()
    for subscription_id in delivering.due():
        _senders.send(subscription_id)


def watch() -> None:
    collecting.watch_states()
    collecting.forget()
    forget_old_calls()
