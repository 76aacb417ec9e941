"""How full the cluster's streams are, told in the words in which `receive.room` tells of the spool."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from nats.js.errors import NotFoundError

from dekhang.pipeline.transport.link import PASSING, Link
from dekhang.pipeline.transport.streams import all_streams

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
ALARM_SHARE = 0.5  # of one stream: people are told from here on …
FULL_SHARE = 0.95  # … and from here on senders are, whenever a message does not fit


class ClusterRoom:
    """For one event loop: asks the cluster now and then, while `facts` is called."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._looking: asyncio.Task[None] | None = None
        self._next_look = 0.0
        self._bytes = self._max_bytes = 0
        self._fullest = ("", 0, 1)  # name, bytes, bound of the stream with the least room left

    def is_full(self) -> bool:
        """Must everybody wait?"""
        return 0 < self._max_bytes * FULL_SHARE <= self._bytes

    def facts(self) -> dict[str, Any]:
        """For the heartbeat: `spool_bytes`, `spool_max_bytes` of all streams; `spool_level` and `spool_problem` of the fullest."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_look and (self._looking is None or self._looking.done()):
            self._next_look = loop.time() + LOOK_SECONDS
            self._looking = loop.create_task(self._look())
        name, held, most = self._fullest
        level = "full" if held >= most * FULL_SHARE else "alarm" if held >= most * ALARM_SHARE else "ok"
        facts = {
            "spool_bytes": self._bytes,
            "spool_max_bytes": self._max_bytes,
            "spool_level": level,
            "spool_problem": "",
        }
        if level != "ok":
            does = (
                "Các cổng nhận đang bảo máy gửi chờ" if level == "full" else "Đầy thì các cổng nhận sẽ bảo máy gửi chờ"
            )
            facts["spool_problem"] = (
                f"luồng {name} của cụm NATS đã chứa {held >> 20} trên {most >> 20} MB log chờ xử lý. {does}; "
                "xem phần phân tích (worker) có chạy và kịp không."
            )
        return facts

    async def _look(self) -> None:
        try:
            jetstream = await self._link.jetstream()
            infos = await asyncio.gather(*(jetstream.stream_info(one.name) for one in all_streams()))
        except NotFoundError:  # not made yet
            return
        except PASSING as error:
            logger.debug("the streams could not be looked at: %r", error)
            return
        found = [(str(one.config.name), int(one.state.bytes), int(one.config.max_bytes or 1)) for one in infos]
        self._bytes, self._max_bytes = sum(held for _, held, _ in found), sum(most for _, _, most in found)
        self._fullest = max(found, key=lambda one: one[1] / one[2])
