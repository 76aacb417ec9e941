"""A host joins an installation on several hosts: reads `--config`, looks whether the servers answer, writes its place."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from dekhang.cli import hostfile
from dekhang.cli.hostfile import HostFile, HostFileError
from dekhang.cli.place import unless_given
from dekhang.cli.roles import ROLES
from dekhang.cli.up import usual_workers
from dekhang.pipeline import place
from dekhang.pipeline.place import Place, PlaceError
from dekhang.pipeline.stores import documents, heartbeat

# options of `dekhang up` as they are when the person gives none: then the file decides
DEFAULTS: Mapping[str, Any] = {
    "host": "127.0.0.1", "port": 8014, "intake_host": "127.0.0.1", "http_intake_port": 8020, "syslog_udp_port": 5514,
    "syslog_tcp_port": 5514, "https_intake_port": 8021, "syslog_tls_port": 6514,
}  # fmt: skip


ONLY_FOLDER = "run/folder.id"  # document: the data folder that a database belongs to, while hosts share nothing else


class Refused(Exception):
    """Cannot start; `sentences` say why."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.sentences = sentences


def join(args: argparse.Namespace, data: Path) -> list[str]:
    """Make `data` a folder of the installation that `--config` describes; the sentences that say why not."""
    try:
        _join(args, data)
    except Refused as refused:
        return list(refused.sentences)
    return []


def _join(args: argparse.Namespace, data: Path) -> None:
    """Make `data` a folder of the installation that the file describes, and take the file's options into `args`.

    Servers that do not answer end the first start of a host. Later ones go on without them: receivers have to take in
    logs also while the database is away, and everything comes back by itself.

    Raises:
        Refused: with what is wrong.
    """
    try:
        file = hostfile.read(args.config)
    except HostFileError as error:
        raise Refused(*error.sentences) from None
    if len(args.role) < len(ROLES) and not (file.database and file.transport and file.objects):
        raise Refused(
            f"{args.config}: chia việc cho nhiều máy cần đủ ba mục [database], [transport] và [objects], để mọi máy cùng "
            "thấy một hệ thống."
        )
    if not place.path_of(data).exists() and any((data / name).exists() for name in ("db.sqlite3", "pipeline.db")):
        raise Refused(
            f"Thư mục {data} đang giữ dữ liệu của hệ thống một máy; --config không chuyển dữ liệu ấy sang PostgreSQL. "
            "Chọn --data khác."
        )
    for shared, kept in ((file.transport, "spool/*/*.seg"), (file.objects, "lake/day=*")):
        if shared and any(data.glob(kept)):
            raise Refused(
                f"Thư mục {data} còn giữ {kept.partition('/')[0]}/ của lúc chưa dùng {shared.partition(':')[0]}://…; --config không "
                "chuyển dữ liệu ấy. Chọn --data khác."
            )
    settings(args, file)
    here = Place(data, file.host or place.own_name(), file.database, file.transport, file.objects)
    try:
        is_known = Place.of(data) == here
    except PlaceError:
        is_known = False
    from dekhang.cli import reach  # the drivers of the servers are needed from here on

    silent = [sentence for answers, sentence in reach.servers(here) if not answers]
    if silent and not is_known:
        raise Refused(*silent)
    if not silent and (other := taken_by_another(here)):
        raise Refused(other)
    args.folder = folder_id(data)
    for sentence in silent:
        print(f"! {sentence} Máy này vẫn chạy và tự thử lại.", file=sys.stderr, flush=True)
    place.write(here)
    if not silent and keeps_to_itself(here):
        documents.keep_first(data, ONLY_FOLDER, args.folder.encode())


def keeps_to_itself(here: Place) -> bool:
    """What waits or what is stored lies in the data folder of one machine, and the database says how far that is."""
    return bool(here.database) and not (here.transport and here.objects)


def taken_by_another(here: Place) -> str:
    """A sentence when another living host has our name: leases and signs of life would be taken for each other's.

    Or when the records are those of another data folder: its spool and ours would be taken for each other's.
    """
    from dekhang.pipeline.stores.database.postgres import PostgresConnection

    if not here.database:
        return ""
    connection = PostgresConnection(here.database, readonly=True)
    try:
        if connection.version() == 0:
            return ""
        only = connection.execute("SELECT body FROM documents WHERE name = ?", (ONLY_FOLDER,)).fetchone()
        if keeps_to_itself(here) and only is not None and bytes(only[0]).decode() != folder_id(here.data):
            return (
                "Cơ sở dữ liệu này đi cùng thư mục dữ liệu của một máy khác, nơi giữ log chờ xử lý hoặc kho sự kiện. Chạy nhiều "
                "máy thì mọi máy cần cả [transport] và [objects]; không thì dùng thư mục ấy, hoặc một cơ sở dữ liệu khác."
            )
        row = connection.execute(
            "SELECT facts FROM beats WHERE host = ? AND part = 'up' AND at_ms > ?",
            (here.host, connection.now_ms() - int(heartbeat.STALE_SECONDS * 1000)),
        ).fetchone()
    finally:
        connection.close()
    if row is None or orjson.loads(row[0]).get("folder") == folder_id(here.data):
        return ""
    return (
        f'Tên máy {here.host} đang được một máy khác của hệ thống dùng. Đặt tên riêng cho máy này: dòng host = "…" '
        "ở đầu tệp cấu hình."
    )


def folder_id(data: Path) -> str:
    """A mark that tells this data folder from every other one, also after a restart."""
    path = data / "run" / "folder.id"
    if not path.exists():
        documents.write(path, secrets.token_hex(16).encode())
    return path.read_text().strip()


def settings(args: argparse.Namespace, file: HostFile) -> None:
    """What a person gave on the command line or in the environment goes before the file."""
    for option, value in file.listen.items():
        if getattr(args, option) == DEFAULTS[option]:
            setattr(args, option, value)
    if "receiver" in args.role:
        if missing := [str(path) for path in file.tls.values() if not path.is_file()]:
            raise Refused(f"Không thấy tệp TLS {', '.join(missing)}. Kiểm tra mục [tls] của {args.config}.")
        for option, path in file.tls.items():
            setattr(args, option, getattr(args, option) or path)
    elif file.tls:  # configurations for senders name the safe ports of the hosts that receive
        unless_given("DK_SYSLOG_TLS_PORT", str(args.syslog_tls_port))
        unless_given("DK_HTTPS_INTAKE_PORT", str(args.https_intake_port))
    if file.workers is not None and args.workers == usual_workers():
        args.workers = file.workers
    for setting, value in file.public.items():
        unless_given(setting, value)
    os.environ.pop("DK_DATABASE", None)  # the file says where the records are
