"""An Iceberg catalog of the lake's files, so that Spark, Trino or ClickHouse read them where they lie.

Nothing is copied and nothing is written twice: a snapshot of the table names the Parquet files of the manifest. Files that
were merged or have expired leave the table in the same step in which what replaced them comes in. Small batches that wait
in the database are not in any file yet and so not in the table: it is some minutes behind.

The catalog is the usual one of JDBC: tables `iceberg_tables` and `iceberg_namespace_properties` in the place's PostgreSQL,
on one machine in `<data>/iceberg/catalog.db`; its metadata files lie beside the lake's days under `iceberg/`.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, ValidationException
from pyiceberg.io.pyarrow import parquet_files_to_data_files
from pyiceberg.table import Table
from pyiceberg.table.name_mapping import NameMapping

from dekhang.pipeline.lakefiles import CONNECT_SECONDS, REQUEST_SECONDS, S3Address
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake.columns import SCHEMA

logger = logging.getLogger(__name__)

CATALOG = "dekhang"
TABLE = ("dekhang", "events")
TRIES = 5  # another process may register at the same moment
KEPT_SECONDS = 3_600  # snapshots, and metadata files that no snapshot names
MANY_MANIFESTS = 200  # then one is made of them
_PROPERTIES = {
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.metadata.metrics.default": "none",  # our files have bounds of numbers and times only
    **{
        f"write.metadata.metrics.column.{name}": "full"
        for name in ("event_id", "unit_id", "source_id", "time", "received_at")
    },
}


@dataclass(frozen=True, slots=True)
class Registered:
    """What a call of `register` has changed, and what the table has now."""

    added: int
    removed: int
    files: int
    rows: int


def open_catalog(data: Path) -> SqlCatalog:
    """The catalog of a data folder's place. Close it with `engine.dispose()`.

    Raises: sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    place = Place.of(data)
    if place.database:
        uri = "postgresql+psycopg://" + place.database.partition("://")[2]
    else:
        (data / "iceberg").mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{data / 'iceberg' / 'catalog.db'}"
    properties = {"uri": uri, "warehouse": f"{_root(data)}/iceberg", "pool_pre_ping": "true"}
    if place.objects:
        properties |= _s3_properties(S3Address.of(place.objects))
    return SqlCatalog(CATALOG, **properties)


def register(data: Path) -> Registered:
    """Bring the table to what the manifest says now.

    Raises:
        OSError: a file or the storage cannot be read; the next call tries again.
        database.Error, sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
        CommitFailedException, ValidationException: others registered TRIES times at the same moment.
    """
    catalog = open_catalog(data)
    try:
        for attempt in range(TRIES):
            with database.reading(data) as connection:
                rows = [] if connection is None else connection.execute("SELECT path, rows FROM segments").fetchall()
            wanted = {f"{_root(data)}/{path}": count for path, count in rows}
            try:
                return _bring(data, _table(catalog), wanted)
            except (CommitFailedException, ValidationException):
                if attempt == TRIES - 1:
                    raise
                time.sleep(0.2 * (attempt + 1))
        raise AssertionError("not reached")
    finally:
        catalog.engine.dispose()


def _table(catalog: SqlCatalog) -> Table:
    try:
        return catalog.load_table(TABLE)
    except NoSuchTableError:
        catalog.create_namespace_if_not_exists(TABLE[0])
        table = catalog.create_table_if_not_exists(TABLE, schema=SCHEMA, properties=_PROPERTIES)
        # our files carry names and no Iceberg field ids
        mapping: NameMapping = table.schema().name_mapping
        with table.transaction() as change:
            change.set_properties({"schema.name-mapping.default": mapping.model_dump_json()})
        return table


def _bring(data: Path, table: Table, wanted: Mapping[str, int]) -> Registered:
    current = {task.file.file_path: task.file for task in table.scan().plan_files()}
    new = sorted(wanted.keys() - current.keys())
    gone = sorted(current.keys() - wanted.keys())
    if new or gone:
        snapshot = table.current_snapshot()
        tidy = snapshot is not None and len(snapshot.manifests(table.io)) > MANY_MANIFESTS
        with table.transaction() as change:
            files = parquet_files_to_data_files(table.io, change.table_metadata, iter(new))
            with change.update_snapshot().overwrite() as overwrite:
                for path in current if tidy else gone:
                    overwrite.delete_data_file(current[path])
                for path in current.keys() & wanted.keys() if tidy else ():
                    overwrite.append_data_file(current[path])
                for file in files:
                    overwrite.append_data_file(file)
        _clean(data, table)
    return Registered(len(new), len(gone), len(wanted), sum(wanted.values()))


def _clean(data: Path, table: Table) -> None:
    """Forget old snapshots, and delete metadata files that no snapshot names any more."""
    oldest = datetime.now(UTC) - timedelta(seconds=KEPT_SECONDS)
    table.maintenance.expire_snapshots().older_than(oldest.replace(tzinfo=None)).commit()
    table.refresh()
    named = set()
    for snapshot in table.metadata.snapshots:
        named.add(snapshot.manifest_list)
        named.update(manifest.manifest_path for manifest in snapshot.manifests(table.io))
    names = {path.rsplit("/", 1)[-1] for path in named}
    storage, base = _storage(data)
    folder = f"{base}/{table.location().removeprefix(_root(data)).strip('/')}/metadata"
    for info in storage.get_file_info(pafs.FileSelector(folder, allow_not_found=True)):
        if info.extension == "avro" and info.base_name not in names and info.mtime < oldest:
            with contextlib.suppress(FileNotFoundError):
                storage.delete_file(info.path)


def _root(data: Path) -> str:
    """Where the lake lies, as other engines name it."""
    objects = Place.of(data).objects
    return f"s3://{S3Address.of(objects).base}" if objects else f"file://{(data / 'lake').absolute()}"


def _storage(data: Path) -> tuple[pafs.FileSystem, str]:
    """(file system, path of the lake in it)."""
    objects = Place.of(data).objects
    if objects:
        address = S3Address.of(objects)
        return address.open(), address.base
    return pafs.LocalFileSystem(), str((data / "lake").absolute())


def _s3_properties(address: S3Address) -> dict[str, Any]:
    properties = {
        "s3.region": address.region,
        "s3.connect-timeout": str(CONNECT_SECONDS),
        "s3.request-timeout": str(REQUEST_SECONDS),
    }
    if address.endpoint:
        properties["s3.endpoint"] = address.endpoint
    if address.key:
        properties |= {"s3.access-key-id": address.key, "s3.secret-access-key": address.secret}
    return properties
