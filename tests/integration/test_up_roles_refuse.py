"""`dekhang up --config` that cannot start: what is wrong, where, what to do; exit code 2, nothing left running."""

import argparse
from pathlib import Path

import pytest

from dekhang.cli.joining import join
from dekhang.cli.roles import ROLES
from dekhang.pipeline import place
from dekhang.pipeline.place import Place
from tests.cluster import NatsCluster, S3Server
from tests.installation import free_port
from tests.integration.test_up_refuses import refusal
from tests.postgres import PostgresServer


def config(folder: Path, text: str) -> str:
    path = folder / "dekhang.toml"
    path.write_text(text)
    return str(path)


def test_roles_need_a_configuration(tmp_path: Path) -> None:
    assert refusal(tmp_path / "d", "--role", "receiver") == (
        "--role chia việc cho nhiều máy: cần cả --config FILE nói PostgreSQL, NATS, S3 chung ở đâu."
    )


def test_roles_need_everything_that_hosts_share(tmp_path: Path) -> None:
    path = config(tmp_path, '[database]\nurl = "postgresql://pg/dekhang"\n')
    said = refusal(tmp_path / "d", "--role", "receiver", "--config", path)
    assert said.startswith(path) and "cần đủ ba mục [database], [transport] và [objects]" in said


def test_faults_of_the_file_are_told_before_anything_starts(tmp_path: Path) -> None:
    path = config(tmp_path, "[listen]\nhttp_port = 0\nhttps = 1\n")
    said = refusal(tmp_path / "d", "--config", path).splitlines()
    assert [line.partition(": ")[2].partition(":")[0] for line in said] == ["listen.http_port", "listen.https"]


def test_a_folder_of_one_machine_is_not_made_part_of_many(own_installation: Path, tmp_path: Path) -> None:
    path = config(tmp_path, '[database]\nurl = "postgresql://pg/dekhang"\n')
    assert "đang giữ dữ liệu của hệ thống một máy" in refusal(own_installation, "--config", path)
    assert not place.path_of(own_installation).exists()


def test_what_waits_or_lies_in_a_folder_is_not_left_behind(tmp_path: Path) -> None:
    text = """
        [database]
        url = "postgresql://pg/dekhang"
        [transport]
        servers = ["nats://nats-1:4222"]
    """
    data = tmp_path / "d"
    place.write(Place(data, "may-1", "postgresql://pg/dekhang"))
    (data / "spool" / "1").mkdir(parents=True)
    (data / "spool" / "1" / "0000000001.seg").touch()
    assert "còn giữ spool/ của lúc chưa dùng nats://" in refusal(data, "--config", config(tmp_path, text))


def test_two_machines_do_not_share_records_whose_spool_is_in_one_of_them(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DK_DATABASE", raising=False)  # joining takes it away for good
    path = config(tmp_path, f'[database]\nurl = "{postgres.new_database()}"\n')

    def joining(name: str) -> list[str]:
        data = tmp_path / name
        data.mkdir(exist_ok=True)
        return join(argparse.Namespace(config=Path(path), role=frozenset(ROLES)), data)

    assert joining("first") == joining("first") == []
    (said,) = joining("second")
    assert "mọi máy cần cả [transport] và [objects]" in said
    assert not place.path_of(tmp_path / "second").exists()
    assert joining("first") == []


def test_a_folder_of_many_machines_is_not_started_alone(tmp_path: Path) -> None:
    data = tmp_path / "d"
    place.write(Place(data, "web-1", "postgresql://pg/dekhang"))
    assert "thuộc hệ thống nhiều máy (place.json). Chạy lại với --config" in refusal(data, "--host", "127.0.0.1")


def test_each_server_that_does_not_answer_is_named_with_what_to_check(tmp_path: Path, postgres: PostgresServer) -> None:
    nobody = [free_port() for _ in range(4)]
    text = f"""
        [database]
        url = "postgresql://dekhang@127.0.0.1:{nobody[0]}/dekhang"
        [transport]
        servers = ["nats://127.0.0.1:{nobody[1]}", "nats://127.0.0.1:{nobody[2]}"]
        [objects]
        bucket = "kho-nhat-ky"
        endpoint = "http://127.0.0.1:{nobody[3]}"
    """
    data = tmp_path / "d"
    said = refusal(data, "--role", "receiver", "--config", config(tmp_path, text)).splitlines()

    assert len(said) == 5
    assert said[0].startswith(f"PostgreSQL postgresql://dekhang@127.0.0.1:{nobody[0]}/dekhang không trả lời: ")
    assert "Kiểm tra máy chủ có chạy, tường lửa" in said[0]
    assert said[1].startswith(f"NATS 127.0.0.1:{nobody[1]} không trả lời: ")
    assert said[3].startswith("NATS JetStream: 0/2 máy trả lời, chưa quá nửa")
    assert said[4].startswith(f"S3 http://127.0.0.1:{nobody[3]} (bucket kho-nhat-ky) không trả lời: ")
    assert not place.path_of(data).exists()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory):
    server = S3Server(tmp_path_factory.mktemp("s3") / "server").start()
    yield server
    server.close()


def test_a_missing_bucket_and_a_database_of_another_encoding_are_named(
    tmp_path: Path, postgres: PostgresServer, s3: S3Server
) -> None:
    import psycopg

    from dekhang.cli import reach

    with psycopg.connect(f"{postgres.address}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' TEMPLATE template0")
    ok, said = reach.database(f"{postgres.address}/old")
    assert not ok and "dùng bảng mã SQL_ASCII. Tạo lại" in said

    ok, said = reach.objects(s3.address("khong-co-kho-nay"))
    assert not ok and "không có bucket này, hoặc khóa không được xem nó" in said
    ok, said = reach.objects(s3.bucket("kho-nhat-ky"))
    assert ok, said

    cluster = NatsCluster(tmp_path / "nats", servers=1).start()
    try:
        assert list(reach.transport(cluster.address)) == [
            (True, f"NATS JetStream: 1/1 máy trả lời (127.0.0.1:{cluster.ports[0]})")
        ]
    finally:
        cluster.close()
