"""How long what is kept: published by the apps, followed by the lake's keeper. Nothing published: nothing expires."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import documents

DOCUMENT = "intake/retention.json"


class Keeping(msgspec.Struct, frozen=True):
    """Events of this source are kept for so many days after the day of their receipt."""

    source_id: int
    days: int


class Hold(msgspec.Struct, frozen=True):
    """What must not expire whatever its age; None: any. Times are of the events, epoch milliseconds, [since, until)."""

    hold_id: int
    unit_id: int | None = None
    source_id: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class Policy(msgspec.Struct, frozen=True):
    """`default_days` for sources that are not named, such as those deleted long ago."""

    default_days: int
    sources: tuple[Keeping, ...] = ()
    holds: tuple[Hold, ...] = ()


def publish(data: Path, policy: Policy) -> None:
    """Replace the policy in one step.

    Raises:
        OSError: the file cannot be written.
        database.Error: the hosts' database is not available.
    """
    body = msgspec.json.encode(policy)
    if Place.of(data).database:
        documents.put(data, DOCUMENT, body)
    else:
        documents.write(data / DOCUMENT, body)


def published(data: Path) -> Policy | None:
    """The policy in force; None before the first.

    Raises:
        OSError: it cannot be read.
        msgspec.DecodeError: it is not what `publish` has written.
    """
    if Place.of(data).database:
        body = documents.get(data, DOCUMENT)
    else:
        path = data / DOCUMENT
        body = path.read_bytes() if path.exists() else None
    return msgspec.json.decode(body, type=Policy) if body is not None else None
