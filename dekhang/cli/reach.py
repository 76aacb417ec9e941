"""Do the servers that the hosts share answer? For `dekhang up --config` and `dekhang doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

from dekhang.pipeline.lakefiles import S3Address
from dekhang.pipeline.place import Place
from dekhang.pipeline.transport.address import Cluster

SECONDS = 5.0

Finding = tuple[bool, str]


def servers(place: Place) -> Iterator[Finding]:
    """A finding for each thing that the place shares; True when it answers."""
    if place.database:
        yield database(place.database)
    if place.transport:
        yield from transport(place.transport)
    if place.objects:
        yield objects(place.objects)


def database(address: str) -> Finding:
    import psycopg

    from dekhang.pipeline.stores.database.postgres import shown

    name = shown(address)
    try:
        with psycopg.connect(address, connect_timeout=int(SECONDS)) as connection:
            version = connection.info.server_version // 10_000
            encoding = connection.info.parameter_status("server_encoding")
            row = connection.execute(
                "SELECT pg_is_in_recovery(), has_database_privilege(current_database(), 'CREATE')"
            ).fetchone()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return False, (
            f"PostgreSQL {name} không trả lời: {reason}. Kiểm tra máy chủ có chạy, tường lửa có mở cổng, tài khoản và "
            "mật khẩu, tệp pg_hba.conf."
        )
    assert row is not None
    is_standby, may_create = row
    if is_standby:
        return False, f"PostgreSQL {name} là bản sao chỉ đọc. Ghi địa chỉ của máy chính vào [database] url."
    if encoding != "UTF8":
        return False, f"PostgreSQL {name} dùng bảng mã {encoding}. Tạo lại cơ sở dữ liệu với ENCODING 'UTF8'."
    if not may_create:
        return False, (
            f"Tài khoản của {name} không được tạo schema. Chạy: GRANT CREATE ON DATABASE "
            f"{urlsplit(address).path.strip('/')} TO {urlsplit(address).username or 'tài_khoản'};"
        )
    if version < 14:
        return False, f"PostgreSQL {name} là bản {version}; cần từ 14 trở lên."
    return True, f"PostgreSQL {name} trả lời (bản {version})"


def transport(address: str) -> Iterator[Finding]:
    cluster = Cluster.of(address)
    answers = asyncio.run(_ask_each(cluster))
    silent = [name for name, problem in answers.items() if problem]
    for name in silent:
        yield False, f"NATS {name} không trả lời: {answers[name]}. Kiểm tra máy chủ có chạy, tường lửa, tài khoản."
    good = [name for name in answers if name not in silent]
    if len(good) > len(answers) // 2:
        yield True, f"NATS JetStream: {len(good)}/{len(answers)} máy trả lời ({', '.join(good)})"
    else:
        yield (
            False,
            (
                f"NATS JetStream: {len(good)}/{len(answers)} máy trả lời, chưa quá nửa nên chưa nhận được log. Chạy lại các máy trên."
            ),
        )


async def _ask_each(cluster: Cluster) -> dict[str, str]:
    """Server (without its account) → "" or what is wrong."""
    names = [_bare(server) for server in cluster.servers]
    problems = await asyncio.gather(*(_ask(cluster, server) for server in cluster.servers))
    return dict(zip(names, problems, strict=True))


async def _ask(cluster: Cluster, server: str) -> str:
    import ssl

    import nats
    from nats.errors import Error as NatsError
    from nats.js.errors import APIError

    async def ignore(_: Exception) -> None:
        """The exception that ends `connect` says it too."""

    try:
        client = await asyncio.wait_for(
            nats.connect(
                servers=[server],
                **cluster.login,  # type: ignore[arg-type]  # they are all texts
                allow_reconnect=False,
                connect_timeout=SECONDS,
                error_cb=ignore,
                user_credentials=cluster.credentials_file or None,
                tls=ssl.create_default_context(cafile=cluster.ca_file or None) if server.startswith("tls:") else None,
            ),
            SECONDS * 2,
        )
    except (OSError, NatsError, TimeoutError) as error:  # ssl.SSLError is an OSError
        return str(error) or type(error).__name__
    try:
        await asyncio.wait_for(client.jetstream().account_info(), SECONDS)
        return ""
    except APIError as error:
        return f"JetStream chưa bật hoặc cụm chưa bầu xong máy đầu ({error.description})"
    except (NatsError, TimeoutError) as error:
        return f"JetStream chưa bật hoặc cụm chưa bầu xong máy đầu ({error or type(error).__name__})"
    finally:
        await client.close()


def _bare(server: str) -> str:
    parts = urlsplit(server)
    return f"{parts.hostname}:{parts.port}"


def objects(address: str) -> Finding:
    import pyarrow.fs as pafs

    asked = S3Address.of(address)
    name = f"S3 {asked.endpoint or 'Amazon'} (bucket {asked.bucket})"
    try:
        info = asked.open().get_file_info(asked.bucket)
    except OSError as error:
        return False, (
            f"{name} không trả lời: {_first_line(error)}. Kiểm tra endpoint, tường lửa, hai khóa và quyền của chúng trên bucket."
        )
    if info.type == pafs.FileType.NotFound:
        return False, f"{name}: không có bucket này, hoặc khóa không được xem nó. Tạo bucket rồi chạy lại."
    return True, f"{name} trả lời"


def _first_line(error: OSError) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
