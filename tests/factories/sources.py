from datetime import UTC, datetime
from pathlib import Path

import factory

from dekhang.apps.sources.enums import DEFAULT_CADENCE_SECONDS, CanaryState, SourceKind, SourceState
from dekhang.apps.sources.models import Canary, LogSource
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores import intake
from dekhang.pipeline.worker.loop import Worker
from tests.factories.registry import UnitFactory

MORNING = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)


class LogSourceFactory(factory.django.DjangoModelFactory):
    """A source that waits for its first event; its token is `ma-<n>`."""

    class Meta:
        model = LogSource

    unit = factory.SubFactory(UnitFactory)
    name = factory.Sequence(lambda n: f"Máy chủ {n}")
    kind = SourceKind.LINUX
    token_sha256 = factory.Sequence(lambda n: intake.hash_token(f"ma-{n}"))
    token_hint = "ma-n"
    cadence_seconds = factory.LazyAttribute(lambda source: DEFAULT_CADENCE_SECONDS[source.kind])
    state_since = MORNING
    created_at = MORNING

    class Params:
        delivering = factory.Trait(state=SourceState.DELIVERING, first_event_at=MORNING, last_event_at=MORNING)
        retired = factory.Trait(state=SourceState.RETIRED, retired_at=MORNING)


class CanaryFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Canary

    source = factory.SubFactory(LogSourceFactory, delivering=True)
    unit = factory.SelfAttribute("source.unit")
    nonce = factory.Sequence(lambda n: f"{n:016x}")
    started_at = MORNING

    class Params:
        detected = factory.Trait(state=CanaryState.DETECTED, arrived_at=MORNING, detected_at=MORNING)


class Pipeline:
    """The real worker over the real rules, in this process; `receive` is what a receiver does with a batch."""

    def __init__(self, data: Path, rule_folders: list[Path]) -> None:
        self.data = data
        self._spool = SpoolWriter(data / "spool", 1)
        self._worker = Worker(data, rule_folders)
        self._worker.start()

    def receive(
        self,
        source: LogSource,
        *records: bytes | str,
        at: datetime = MORNING,
        work: bool = True,
        transport: str = "http_ndjson",
        peer: str = "192.0.2.250",
    ) -> None:
        raw = [record.encode() if isinstance(record, str) else record for record in records]
        batch = Batch(
            source.pk,
            source.unit_id,
            source.kind,
            transport=transport,
            received_ms=int(at.timestamp() * 1000),
            peer=peer,
            records=raw,
        )
        self._spool.append(batch)
        self._spool.sync()
        if work:
            self._worker.drain()

    def close(self) -> None:
        self._spool.close()
        self._worker.close()


def failed_login(at: datetime = MORNING, *, address: str = "192.0.2.7", user: str = "root") -> str:
    return (
        f"<38>{at:%b} {at.day:2d} {at:%H:%M:%S} may-chu sshd[1291]: "
        f"Failed password for {user} from {address} port 40000 ssh2"
    )


def trace(nonce: str, at: datetime = MORNING) -> str:
    """What rsyslog sends after `logger -t dekhang dekhang-canary-<nonce>`."""
    return f"<13>{at:%b} {at.day:2d} {at:%H:%M:%S} may-chu dekhang: dekhang-canary-{nonce}"
