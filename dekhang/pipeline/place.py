"""Where an installation keeps things: `<data>/place.json`, written by `dekhang up --config`; absent on one machine.

Everything else asks `Place.of(data)` and does not know whether there is one machine or many (decision 8).
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec


class PlaceError(OSError):
    """`place.json` cannot be used; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """The homes of one installation's records, events in transit, and lake.

    Attributes:
        data: this host's data folder.
        host: this host's name among the others.
        database: `postgresql://…` as libpq reads it; empty: SQLite files in `data`.
        transport: `nats://host:port[,host:port…][?…]`; empty: the spool in `data`.
        objects: `s3://…` as `lakefiles.connect` reads it; empty: the folder `lake` in `data`.
    """

    data: Path
    host: str
    database: str = ""
    transport: str = ""
    objects: str = ""

    @classmethod
    def of(cls, data: Path) -> Place:
        """The place of a data folder; read again when `place.json` has changed.

        Raises:
            PlaceError: the file is there and cannot be used.
        """
        data = Path(data)
        path = path_of(data)
        try:
            facts = path.stat()
        except FileNotFoundError:
            return cls(data, own_name())
        except OSError as error:
            raise PlaceError(f"Không đọc được {path}: {error.strerror or error}. Sửa quyền đọc tệp.") from None
        stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        with _lock:
            known = _known.get(data)
        if known is not None and known[0] == stamp:
            return known[1]
        place = _read(path, data)
        with _lock:
            _known[data] = (stamp, place)
        return place


class _File(msgspec.Struct, forbid_unknown_fields=True):
    host: str = ""
    database: str = ""
    transport: str = ""
    objects: str = ""


_SCHEMES = {"database": ("postgresql://", "postgres://"), "transport": ("nats://", "tls://"), "objects": ("s3://",)}
_lock = threading.Lock()
_known: dict[Path, tuple[tuple[int, int, int], Place]] = {}


def path_of(data: Path) -> Path:
    return data / "place.json"


def write(place: Place) -> None:
    """Write `place.json` in one step, readable by its owner only: the addresses may hold passwords."""
    path = path_of(place.data)
    path.parent.mkdir(parents=True, exist_ok=True)
    body = msgspec.json.encode(_File(place.host, place.database, place.transport, place.objects))
    draft = path.with_name(f".place.{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(body, indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path, data: Path) -> Place:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise PlaceError(f"Không đọc được {path}: {error.strerror or error}. Sửa quyền đọc tệp.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlaceError(
            f"{path} không đúng: {error}. Tệp này do `dekhang up --config` ghi; hãy chạy lại lệnh ấy."
        ) from None
    for name, schemes in _SCHEMES.items():
        address: str = getattr(file, name)
        if address and not address.startswith(schemes):
            raise PlaceError(
                f"{path}: {name} phải bắt đầu bằng {schemes[0]}. Tệp này do `dekhang up --config` ghi; "
                "hãy chạy lại lệnh ấy."
            )
    return Place(data, file.host or own_name(), file.database, file.transport, file.objects)


def own_name() -> str:
    return socket.gethostname() or "localhost"
