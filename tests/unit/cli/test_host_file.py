"""The file of `up --config`: what it becomes, and a sentence for everything that can be wrong with it."""

import argparse
from pathlib import Path

import pytest

from dekhang.cli import hostfile, joining
from dekhang.cli.hostfile import HostFileError
from dekhang.cli.up import usual_workers

WHOLE = """
host = "nhan-1"
[database]
url = "postgresql://dekhang@pg.example.gov.vn:5432/dekhang?sslmode=verify-full"
password_file = "db-password"
[transport]
servers = ["tls://nats-1.example.gov.vn:4222", "tls://nats-2.example.gov.vn:4222", "tls://nats-3.example.gov.vn:4222"]
replicas = 3
room_gb = 64
user = "dekhang"
password_file = "nats-password"
ca_file = "ca.pem"
[objects]
bucket = "kho-nhat-ky"
endpoint = "https://s3.example.gov.vn:8333"
prefix = "/lake/"
access_key_file = "access"
secret_key_file = "secret"
[listen]
intake_host = "0.0.0.0"
http_port = 8020
syslog_tls_port = 6514
[tls]
certificate_file = "nhan.pem"
key_file = "nhan.key"
[workers]
count = 4
[public]
base_url = "https://antoan.example.gov.vn"
intake_host = "log.example.gov.vn"
hosts = ["antoan.example.gov.vn", "antoan"]
"""


@pytest.fixture
def written(tmp_path: Path):
    for name, text in (("db-password", "p@ss/word\n"), ("nats-password", "a:b"), ("access", "AK"), ("secret", "s/+k")):
        (tmp_path / name).write_text(text)
    (tmp_path / "ca.pem").write_text("x")

    def write(text: str) -> Path:
        path = tmp_path / "dekhang.toml"
        path.write_text(text)
        return path

    return write


def test_a_whole_file_becomes_addresses_options_and_settings(written, tmp_path: Path) -> None:
    file = hostfile.read(written(WHOLE))

    assert file.host == "nhan-1"
    assert file.database == ("postgresql://dekhang:p%40ss%2Fword@pg.example.gov.vn:5432/dekhang?sslmode=verify-full")
    assert file.transport.startswith(
        "tls://dekhang:a%3Ab@nats-1.example.gov.vn:4222,nats-2.example.gov.vn:4222,nats-3.example.gov.vn:4222?"
    )
    assert "replicas=3" in file.transport and "room_gb=64" in file.transport
    assert file.objects == "s3://AK:s%2F%2Bk@kho-nhat-ky/lake?endpoint=https%3A%2F%2Fs3.example.gov.vn%3A8333"
    assert file.listen == {"intake_host": "0.0.0.0", "http_intake_port": 8020, "syslog_tls_port": 6514}
    assert file.tls == {"tls_cert": tmp_path / "nhan.pem", "tls_key": tmp_path / "nhan.key"}
    assert file.workers == 4
    assert file.public == {
        "DK_BASE_URL": "https://antoan.example.gov.vn",
        "DK_INTAKE_HOST": "log.example.gov.vn",
        "DK_HOSTS": "antoan.example.gov.vn,antoan",
    }


def test_what_is_not_said_is_empty(written) -> None:
    file = hostfile.read(written('[database]\nurl = "postgresql://pg/dekhang"\n'))

    assert (file.host, file.database, file.transport, file.objects) == ("", "postgresql://pg/dekhang", "", "")
    assert (file.listen, file.tls, file.workers, file.public) == ({}, {}, None, {})


def test_what_a_person_gave_goes_before_the_file(written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DK_DATABASE", raising=False)  # joining takes it away for good
    file = hostfile.read(written("[listen]\nhttp_port = 9000\nweb_port = 9001\n[workers]\ncount = 16\n"))
    given = argparse.Namespace(role=frozenset({"worker"}), http_intake_port=8020, port=7000, workers=15)
    usual = argparse.Namespace(role=frozenset({"worker"}), http_intake_port=8020, port=8014, workers=usual_workers())
    for args in (given, usual):
        joining.settings(args, file)

    assert (given.http_intake_port, given.port, given.workers) == (9000, 7000, 15)
    assert (usual.http_intake_port, usual.port, usual.workers) == (9000, 9001, 16)


DATABASE = '[database]\nurl = "postgresql://pg/dekhang"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[database", "không đúng cú pháp TOML"),
        ("host = 3", "host: phải là tên máy"),
        ('host = "máy nhận"', "host: phải là tên máy"),
        ("[databse]\n", "databse: không có mục này; các mục là host, database, transport"),
        ('database = "postgresql://pg/dekhang"', "database: phải là một mục, viết [database]"),
        ("[database]\n", "database.url: thiếu khóa này"),
        ('[database]\nurl = "mysql://pg/dekhang"', 'database.url: phải có dạng "postgresql://'),
        ('[database]\nurl = "postgresql://pg:5432"', "database.url: thiếu tên cơ sở dữ liệu"),
        ('[database]\nurl = "postgresql://dk:bi-mat@pg/dekhang"', "database.url: không ghi mật khẩu trong địa chỉ"),
        ('[database]\nurl = "postgresql://[pg/dekhang"', "database.url: không phải là một địa chỉ"),
        (DATABASE + '[transport]\nservers = ["nats://[::1:4222"]', "transport.servers: không phải là một địa chỉ"),
        ("[public]\nbase_url = 'https://[x'", "public.base_url: không phải là một địa chỉ"),
        (DATABASE + 'pasword_file = "x"', "database.pasword_file: không có khóa này; các khóa là url, password_file"),
        (DATABASE + 'password_file = "khong-co"', "database.password_file: không đọc được tệp"),
        (DATABASE + 'password_file = "access"', "database.url: có mật khẩu thì cần cả tài khoản"),
        (DATABASE + "[transport]\nservers = []", "transport.servers: phải là danh sách địa chỉ"),
        (DATABASE + '[transport]\nservers = ["nats-1:4222"]', "transport.servers: có địa chỉ sai 'nats-1:4222'"),
        (DATABASE + '[transport]\nservers = ["nats://nats-1"]', "transport.servers: có địa chỉ sai"),
        (DATABASE + '[transport]\nservers = ["nats://a:b@h:1"]', "có địa chỉ sai 'nats://a@h:1'"),
        (DATABASE + '[transport]\nservers = ["nats://a:1", "tls://b:1"]', "trộn nats:// và tls://"),
        (DATABASE + '[transport]\nservers = ["nats://a:1"]\nreplicas = 6', "transport.replicas: phải là số nguyên từ 1 đến 5"),
        (DATABASE + '[transport]\nservers = ["nats://a:1"]\nca_file = "x.pem"', "transport.ca_file: không thấy tệp"),
        ('[transport]\nservers = ["nats://a:1"]', "transport: cần có cả [database]"),
        ("[objects]\nregion = 'x'", "objects.bucket: thiếu khóa này"),
        ("[objects]\nbucket = 'b'\nendpoint = 's3.example.gov.vn'", 'objects.endpoint: phải có dạng "https://máy:cổng"'),
        ("[objects]\nbucket = 'b'\naccess_key_file = 'access'", "objects: cần cả access_key_file và secret_key_file"),
        ("[listen]\nweb_port = 70000", "listen.web_port: phải là số nguyên từ 1 đến 65535"),
        ("[listen]\nweb_port = true", "listen.web_port: phải là số nguyên"),
        ("[workers]\ncount = 0", "workers.count: phải là số nguyên từ 1 đến 16"),
        ("[tls]\nkey_file = 'x'", "tls.certificate_file: thiếu khóa này"),
        ("[public]\nhosts = 'antoan'", "public.hosts: phải là danh sách tên"),
    ],
)  # fmt: skip
def test_every_fault_is_a_sentence_with_file_and_key(written, text: str, sentence: str) -> None:
    path = written(text)
    with pytest.raises(HostFileError) as told:
        hostfile.read(path)

    (found,) = told.value.sentences
    assert found.startswith(str(path)) and sentence in found
    assert "bi-mat" not in found and "a:b" not in found


def test_all_faults_are_told_together(written) -> None:
    with pytest.raises(HostFileError) as told:
        hostfile.read(written("[workers]\ncount = 0\n[listen]\nhttp_port = 'x'\nsyslog = 1\n[kho]\n"))

    assert len(told.value.sentences) == 4


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostFileError, match="Kiểm tra --config"):
        hostfile.read(tmp_path / "khong-co.toml")
