"""Where the records of people are kept: SQLite in the data folder, or the PostgreSQL of the place."""

from pathlib import Path
from typing import Any

from dekhang.config.env import SettingError, env_str
from dekhang.pipeline.place import Place, PlaceError

KEPT_SECONDS = 300  # connections stay open: new ones per request lost ~1 % of SQLite's writes to "database is locked"


def read_databases(data: Path) -> dict[str, dict[str, Any]]:
    """Django's DATABASES for a data folder.

    Raises:
        SettingError: the place or the address cannot be used.
    """
    given = env_str("DK_DATABASE", "", about="PostgreSQL of the pages, postgresql://…; empty: as place.json says")
    try:
        address = given or Place.of(data).database
    except PlaceError as error:
        raise SettingError(str(error)) from None
    return {"default": postgresql(address, "DK_DATABASE" if given else "place.json") if address else sqlite(data)}


def sqlite(data: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": data / "db.sqlite3",
        "CONN_MAX_AGE": KEPT_SECONDS,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
    }


def postgresql(address: str, where: str) -> dict[str, Any]:
    """A libpq address as Django wants it.

    Args:
        where: names the setting in a sentence about a fault.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        from dekhang.pipeline.stores.database import postgres  # noqa: F401 - teaches psycopg about NUL
    except ImportError:
        raise SettingError(
            f"{where}: PostgreSQL needs the package psycopg (requirements-cluster.lock; `./dk up --config` installs it)"
        ) from None
    if not address.startswith(("postgresql://", "postgres://")):
        raise SettingError(f"{where}: expected postgresql://user:password@host:port/database")
    try:
        facts = dict(conninfo_to_dict(address))
    except ProgrammingError as error:  # its text may repeat the password
        reason = str(error).partition(":")[0].strip()
        raise SettingError(f"{where}: expected postgresql://user:password@host:port/database ({reason})") from None
    if not facts.get("dbname"):
        raise SettingError(f"{where}: the address names no database; expected postgresql://…/database")
    options = {"connect_timeout": 10, **{name: value for name, value in facts.items() if name not in _NAMES}}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{setting: facts[name] for name, setting in _NAMES.items() if name in facts},
        "CONN_MAX_AGE": KEPT_SECONDS,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
