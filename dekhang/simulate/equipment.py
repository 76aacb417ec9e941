"""What units connected and whom to ask: contacts, log sources, and the canaries that were tried on them."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from dekhang.apps.registry.enums import ContactKind, UnitKind
from dekhang.apps.registry.models import Contact
from dekhang.apps.sources.enums import DEFAULT_CADENCE_SECONDS, SourceKind, SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import Size
from dekhang.simulate.tree import SINCE, SimUnit
from dekhang.simulate.writing import first_free, insert

CONNECTED_FOR_SHOW = 0.3  # of the units that record nothing: a source was made, and nothing ever came


def connect(units: list[SimUnit], conducts: dict[int, dict[str, Conduct]], size: Size) -> None:
    """Write contacts and sources, in the state in which the months left them."""
    contact, source = first_free(Contact), first_free(LogSource)
    kinds = (SourceKind.WINDOWS, SourceKind.LINUX, SourceKind.WEB)
    contacts: list[tuple[Any, ...]] = []
    sources: list[tuple[Any, ...]] = []
    for number, unit in enumerate(units):
        unit.contact_id = contact + number
        address = f"{unit.key}@mo-phong.example.gov.vn"
        contacts.append((unit.contact_id, unit.id, ContactKind.EMAIL, address, "Đầu mối trực", unit.officer_id, SINCE))
        recording = conducts[unit.id].get("record_attacks")
        if recording is None or not (recording.looks_done or unit.dice.random() < CONNECTED_FOR_SHOW):
            continue
        for kind in kinds[: 1 if unit.kind == UnitKind.COMMUNE else unit.dice.randint(2, 3)]:
            unit.sources.append((source, str(kind)))
            token = hashlib.sha256(f"{size.seed}/{source}".encode()).hexdigest()
            state, since, last = _state(recording, size)
            sources.append(
                (
                    *(source, unit.id, unit.systems[0].id, f"{kind.label} {source}", kind, token, "mophong"),
                    *(DEFAULT_CADENCE_SECONDS[kind], state, since, recording.since, unit.officer_id),
                    *(recording.since if last else None, last),
                )
            )
            source += 1
    insert(Contact, ("id", "unit_id", "kind", "value", "label", "user_id", "valid_from"), contacts)
    insert(
        LogSource,
        (
            *("id", "unit_id", "system_id", "name", "kind", "token_sha256", "token_hint"),
            *("cadence_seconds", "state", "state_since", "created_at", "created_by_id"),
            *("first_event_at", "last_event_at"),
        ),
        sources,
    )


def _state(recording: Conduct, size: Size) -> tuple[SourceState, datetime, datetime | None]:
    """State, since when, newest record."""
    if not recording.looks_done:
        return SourceState.WAITING, recording.since, None
    if recording.truth == "lapsed" or recording.strategy == "canary_theatre":
        gone = size.end - timedelta(days=10)
        return SourceState.SILENT, gone, gone
    return SourceState.DELIVERING, recording.since, size.end - timedelta(minutes=2)
