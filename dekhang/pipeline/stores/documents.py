"""Small files that several hosts have in common, kept in their database under the path they have in a data folder.

One machine has the files themselves and nothing here. `pipeline.sharing` brings them to every host's data folder.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from dekhang.pipeline.stores import database


def write(path: Path, body: bytes, *, mode: int = 0o644) -> None:
    """Replace a file of this host in one step: readers and power cuts see the old or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        draft.touch(mode)
        with draft.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def put(data: Path, name: str, body: bytes) -> int:
    """Replace a document; returns its new version.

    Raises:
        database.Error: not available now.
    """
    connection = database.connect(data)
    try:
        with connection.transaction():
            connection.execute(
                "INSERT INTO documents (name, version, body) VALUES (?, 1, ?) ON CONFLICT (name)"
                " DO UPDATE SET version = documents.version + 1, body = excluded.body",
                (name, body),
            )
            (version,) = connection.execute("SELECT version FROM documents WHERE name = ?", (name,)).fetchone()
    finally:
        connection.close()
    return int(version)


def keep_first(data: Path, name: str, body: bytes) -> bytes:
    """Put a document if there is none of this name; returns the one that is there now."""
    connection = database.connect(data)
    try:
        connection.execute(
            "INSERT INTO documents (name, version, body) VALUES (?, 1, ?) ON CONFLICT DO NOTHING", (name, body)
        )
        (kept,) = connection.execute("SELECT body FROM documents WHERE name = ?", (name,)).fetchone()
    finally:
        connection.close()
    return bytes(kept)


def get(data: Path, name: str) -> bytes | None:
    """The document, or None while there is none."""
    with database.reading(data) as connection:
        row = connection and connection.execute("SELECT body FROM documents WHERE name = ?", (name,)).fetchone()
    return bytes(row[0]) if row else None


def versions(data: Path) -> dict[str, int]:
    """Name → version of all documents: what is asked often and costs little."""
    with database.reading(data) as connection:
        return dict(connection.execute("SELECT name, version FROM documents").fetchall()) if connection else {}
