"""One source of the demo with its connection to the receivers."""

import logging

from django.conf import settings

from dekhang.apps.sources.models import LogSource
from dekhang.demo.province import DemoUnit
from dekhang.demo.senders import HttpSender, SendError, SyslogSender

logger = logging.getLogger(__name__)


class Feed:
    def __init__(self, source: LogSource, token: str, demo: DemoUnit) -> None:
        self.source, self.demo = source, demo
        self.host = f"{source.kind}-{source.pk:02d}.tayninh.example.gov.vn"
        self._sender: HttpSender | SyslogSender = (
            SyslogSender("127.0.0.1", settings.SYSLOG_TCP_PORT, token)
            if source.kind in {"linux", "syslog"}
            else HttpSender("127.0.0.1", settings.HTTP_INTAKE_PORT, token)
        )

    def send(self, records: list[bytes]) -> int:
        """Send; a receiver that is away just now is no reason to stop. Returns how many were taken."""
        try:
            return self.deliver(records)
        except SendError as error:
            logger.warning("%s: %s", self.source, error)
            return 0

    def deliver(self, records: list[bytes]) -> int:
        """Send, or raise SendError: Refused when sending again is useless. Returns how many were taken."""
        self._sender.send(records)
        return len(records)

    def close(self) -> None:
        self._sender.close()
