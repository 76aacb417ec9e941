"""Events of the lake as the API shows them."""

from datetime import UTC, datetime
from typing import Any

from ninja import Schema

from dekhang.pipeline.stores.lake import StoredEvent


class Event(Schema):
    """One record as it was received (`raw`, what is not UTF-8 replaced) and as it was read."""

    id: int
    unit: int
    source: int
    time: datetime
    received_at: datetime
    kind: str
    host: str
    event_code: str
    user: str
    src_ip: str
    message: str
    fields: dict[str, Any]
    raw: str
    problem: str | None


def shown(event: StoredEvent) -> dict[str, Any]:
    return {
        "id": event.event_id,
        "unit": event.unit_id,
        "source": event.source_id,
        "time": event.time,
        "received_at": datetime.fromtimestamp(event.received_ms / 1000, UTC),
        **{
            name: getattr(event, name) for name in ("kind", "host", "event_code", "user", "src_ip", "message", "fields")
        },
        "raw": event.raw.decode(errors="replace"),
        "problem": event.problem,
    }
