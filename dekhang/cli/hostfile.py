"""The file of `dekhang up --config FILE`: where the hosts of one installation keep what they share, and what this one does.

    host = "nhan-1"                                   # default: the machine's own name
    [database]   url, password_file
    [transport]  servers, replicas, room_gb, user, password_file, ca_file, credentials_file
    [objects]    bucket, endpoint, prefix, region, access_key_file, secret_key_file
    [listen]     web_host, web_port, intake_host, http_port, https_port, syslog_udp_port, syslog_tcp_port,
                 syslog_tls_port
    [tls]        certificate_file, key_file, ca_file  # of the receivers
    [workers]    count
    [public]     base_url, intake_host, hosts         # how people and senders reach the installation

Every fault is a sentence with the file and the key; all are told together. deploy/dekhang.toml is an example.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from dekhang.pipeline.lakefiles import S3Address
from dekhang.pipeline.partitions import PARTITIONS
from dekhang.pipeline.transport.address import Cluster

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


class HostFileError(Exception):
    """The file cannot be used; `sentences` for people, one a fault."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class HostFile:
    """What the file says; addresses as `pipeline.place` keeps them, "" where nothing is said.

    `listen`, `tls` and `workers` hold options of `dekhang up` by their names there, `public` settings (`DK_…`); only
    those that the file gives. The files of `tls` need to be on hosts that receive.
    """

    host: str
    database: str
    transport: str
    objects: str
    listen: dict[str, Any] = field(default_factory=dict)
    tls: dict[str, Path] = field(default_factory=dict)
    workers: int | None = None
    public: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> HostFile:
    """Read the file.

    Raises:
        HostFileError: every fault of it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HostFileError([f"Không đọc được {path}: {error.strerror or error}. Kiểm tra --config."]) from None
    except UnicodeDecodeError:
        raise HostFileError([f"{path} không phải là văn bản UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise HostFileError([f"{path} không đúng cú pháp TOML: {error}."]) from None
    reader = _Reader(path)
    found = reader.file(document)
    if reader.faults:
        raise HostFileError(reader.faults)
    return found


Check = Callable[[Any], str]  # "" or what is wrong


def _problem(check: Check, value: Any) -> str:
    try:
        return check(value)
    except ValueError:  # of urlsplit
        return "không phải là một địa chỉ (xem các ngoặc vuông và số cổng)"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "phải là chữ trong ngoặc kép, không để trống"


def _host(value: Any) -> str:
    if isinstance(value, str) and HOST_NAME.fullmatch(value):
        return ""
    return "phải là tên máy: chữ không dấu, số, dấu chấm, gạch ngang, gạch dưới, tối đa 63 ký tự"


def _number(least: int, most: int) -> Check:
    def check(value: Any) -> str:
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if good else f"phải là số nguyên từ {least} đến {most}"

    return check


def _servers(value: Any) -> str:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        return 'phải là danh sách địa chỉ, ví dụ ["nats://nats-1:4222", "nats://nats-2:4222", "nats://nats-3:4222"]'
    for one in value:
        parts = urlsplit(one)
        if parts.scheme not in ("nats", "tls") or not parts.hostname or not _has_good_port(one) or parts.username:
            return f"có địa chỉ sai {_without_secret(one)!r}: cần dạng nats://máy:4222 (tài khoản ghi ở user, password_file)"
    if len({urlsplit(one).scheme for one in value}) > 1:
        return "trộn nats:// và tls://: dùng một kiểu cho mọi máy"
    return ""


def _names(value: Any) -> str:
    if (
        isinstance(value, list)
        and value
        and all(isinstance(one, str) and one.strip() and "," not in one for one in value)
    ):
        return ""
    return 'phải là danh sách tên, ví dụ ["antoan.example.gov.vn"]'


def _postgresql(value: Any) -> str:
    if not isinstance(value, str) or urlsplit(value).scheme not in ("postgresql", "postgres"):
        return 'phải có dạng "postgresql://tài-khoản@máy:5432/tên-cơ-sở-dữ-liệu"'
    if not urlsplit(value).path.strip("/"):
        return f"thiếu tên cơ sở dữ liệu ở cuối địa chỉ {_without_secret(value)!r}"
    if urlsplit(value).password is not None:
        return "không ghi mật khẩu trong địa chỉ: ghi vào một tệp và chỉ tới tệp ấy bằng password_file"
    return ""


def _http(value: Any) -> str:
    if isinstance(value, str) and urlsplit(value).scheme in ("http", "https") and urlsplit(value).hostname:
        return "" if _has_good_port(value) else f"có cổng sai: {value!r}"
    return 'phải có dạng "https://máy:cổng"'


def _has_good_port(address: str) -> bool:
    try:
        return urlsplit(address).port is not None or urlsplit(address).scheme in ("http", "https")
    except ValueError:
        return False


_PORT = _number(1, 65535)
_SECTIONS: Mapping[str, Mapping[str, Check]] = {
    "database": {"url": _postgresql, "password_file": _text},
    "transport": {
        "servers": _servers, "replicas": _number(1, 5), "room_gb": _number(1, 100_000), "user": _text,
        "password_file": _text, "ca_file": _text, "credentials_file": _text,
    },
    "objects": {
        "bucket": _text, "endpoint": _http, "prefix": _text, "region": _text, "access_key_file": _text,
        "secret_key_file": _text,
    },
    "listen": {
        "web_host": _text, "web_port": _PORT, "intake_host": _text, "http_port": _PORT, "https_port": _PORT,
        "syslog_udp_port": _PORT, "syslog_tcp_port": _PORT, "syslog_tls_port": _PORT,
    },
    "tls": {"certificate_file": _text, "key_file": _text, "ca_file": _text},
    "workers": {"count": _number(1, PARTITIONS)},
    "public": {"base_url": _http, "intake_host": _text, "hosts": _names},
}  # fmt: skip
_NEEDED = {
    "database": ("url",), "transport": ("servers",), "objects": ("bucket",), "tls": ("certificate_file", "key_file"),
}  # fmt: skip
# key of [listen] → option of `dekhang up`
OPTIONS = {
    "web_host": "host", "web_port": "port", "intake_host": "intake_host", "http_port": "http_intake_port",
    "https_port": "https_intake_port", "syslog_udp_port": "syslog_udp_port", "syslog_tcp_port": "syslog_tcp_port",
    "syslog_tls_port": "syslog_tls_port",
}  # fmt: skip


TLS = {"certificate_file": "tls_cert", "key_file": "tls_key", "ca_file": "tls_ca"}
SETTINGS = {"base_url": "DK_BASE_URL", "intake_host": "DK_INTAKE_HOST", "hosts": "DK_HOSTS"}


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.faults: list[str] = []

    def file(self, document: dict[str, Any]) -> HostFile:
        sections: dict[str, dict[str, Any]] = {}
        host = ""
        for name, value in document.items():
            if name == "host":
                if problem := _host(value):
                    self._fault(name, problem)
                else:
                    host = value
            elif name not in _SECTIONS:
                self._fault(name, f"không có mục này; các mục là host, {', '.join(_SECTIONS)}")
            elif not isinstance(value, dict):
                self._fault(name, f"phải là một mục, viết [{name}] trên một dòng riêng")
            else:
                sections[name] = self._section(name, value)
        if "transport" in document and "database" not in document:
            self._fault("transport", "cần có cả [database]: các máy chia việc với nhau trong PostgreSQL")
        if self.faults:
            return HostFile(host, "", "", "")
        found = HostFile(
            host,
            self._database(sections.get("database", {})),
            self._transport(sections.get("transport", {})),
            self._objects(sections.get("objects", {})),
            {OPTIONS[key]: value for key, value in sections.get("listen", {}).items()},
            {TLS[key]: self._beside(name) for key, name in sections.get("tls", {}).items()},
            sections.get("workers", {}).get("count"),
            {
                SETTINGS[key]: value if isinstance(value, str) else ",".join(value)
                for key, value in sections.get("public", {}).items()
            },
        )
        for address, of in ((found.transport, Cluster.of), (found.objects, S3Address.of)):
            try:
                if address and not self.faults:
                    of(address)
            except ValueError as error:
                self.faults.append(f"{self._path}: {error}")
        return found

    def _section(self, section: str, values: dict[str, Any]) -> dict[str, Any]:
        checks = _SECTIONS[section]
        for key in _NEEDED.get(section, ()):
            if key not in values:
                self._fault(f"{section}.{key}", "thiếu khóa này")
        for key, value in values.items():
            if key not in checks:
                self._fault(f"{section}.{key}", f"không có khóa này; các khóa là {', '.join(checks)}")
            elif problem := _problem(checks[key], value):
                self._fault(f"{section}.{key}", problem)
        return values

    def _database(self, values: dict[str, Any]) -> str:
        if not values:
            return ""
        parts = urlsplit(values["url"])
        password = self._secret("database.password_file", values.get("password_file", ""))
        if not password:
            return parts.geturl()
        who, _, where = parts.netloc.rpartition("@")
        if not who:
            self._fault("database.url", "có mật khẩu thì cần cả tài khoản: postgresql://tài-khoản@máy:5432/tên")
        return parts._replace(netloc=f"{who}:{quote(password, safe='')}@{where}").geturl()

    def _transport(self, values: dict[str, Any]) -> str:
        if not values:
            return ""
        servers = [urlsplit(one) for one in values["servers"]]
        password = self._secret("transport.password_file", values.get("password_file", ""))
        who = quote(values.get("user", ""), safe="")
        who = f"{who}:{quote(password, safe='')}@" if password else f"{who}@" if who else ""
        wish = {key: values[key] for key in ("replicas", "room_gb") if key in values}
        for key in ("ca_file", "credentials_file"):
            if key in values:
                wish[key] = self._file(f"transport.{key}", values[key])
        address = f"{servers[0].scheme}://{who}{','.join(one.netloc for one in servers)}"
        return f"{address}?{urlencode(wish)}" if wish else address

    def _objects(self, values: dict[str, Any]) -> str:
        if not values:
            return ""
        both = ("access_key_file", "secret_key_file")
        if len([key for key in both if key in values]) == 1:
            self._fault("objects", "cần cả access_key_file và secret_key_file, hoặc không cái nào")
        key, secret = (self._secret(f"objects.{name}", values.get(name, "")) for name in both)
        who = f"{quote(key, safe='')}:{quote(secret, safe='')}@" if key else ""
        prefix = values.get("prefix", "").strip("/")
        wish = {name: values[name] for name in ("endpoint", "region") if name in values}
        address = f"s3://{who}{values['bucket']}{'/' if prefix else ''}{prefix}"
        return f"{address}?{urlencode(wish)}" if wish else address

    def _beside(self, name: str) -> Path:
        """A name that is no whole path: a credential that systemd hands us, else a file beside the configuration."""
        given = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / name
        return given if given.is_file() else (self._path.parent / name).resolve()

    def _file(self, key: str, name: str) -> str:
        path = self._beside(name)
        if not path.is_file():
            self._fault(key, f"không thấy tệp {path}")
        return str(path)

    def _secret(self, key: str, name: str) -> str:
        if not name:
            return ""
        path = self._beside(name)
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "không phải UTF-8"
            self._fault(key, f"không đọc được tệp {path} ({reason})")
            return ""
        if not text or "\n" in text:
            self._fault(key, f"tệp {path} phải có đúng một dòng")
            return ""
        return text

    def _fault(self, key: str, problem: str) -> None:
        self.faults.append(f"{self._path}: {key}: {problem}.")


def _without_secret(address: str) -> str:
    return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1@", address)
