"""Who may send: `intake/sources.json`, written by web and jobs, re-read by the receivers when it changes.

Several hosts share it as a document; `pipeline.sharing` brings it to every receiver's data folder.

Tokens are kept as SHA-256 only. A token is 128 random bits or more, so a plain hash is enough, and looking it up by
hash takes the same time whatever an attacker guesses.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import documents

logger = logging.getLogger(__name__)

RELOAD_SECONDS = 0.5
EAGER_SECONDS = 0.02  # for a token that nobody has: it may be seconds old, and syslog senders do not send again
DOCUMENT = "intake/sources.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3-compatible bucket to read. The secret key lies beside the list, readable only by its owner: `keep_secret`.

    `endpoint`: `https://host[:port]`, or empty for Amazon's own. `every_seconds`: how often to look for new objects.
    """

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    every_seconds: int = 30


@dataclass(frozen=True, slots=True)
class IntakeSource:
    """One log source as the receivers know it.

    `addresses`: IPs or networks (CIDR) it may send syslog from without a token.
    `tail_paths`: files on this machine to follow for it; a glob is allowed in the last part.
    `retired`: known, but refused.
    `former_token_sha256`: of the token before the present one, as long as it is still accepted.
    `quota_eps`: records a second beyond which it goes to the bulk lane, 0 for `stores.quotas.QUOTA_EPS`.
    `certificates`: SHA-256 fingerprints of client certificates that speak for it, as `fingerprint` writes them.
    `hosts`: names of machines registered to it, in any case; what other units' records claim to be is held against them.
    `folders`: folders on this machine whose finished files are taken in once.
    `bucket`: where to fetch its objects from.
    """

    source_id: int
    unit_id: int
    kind: str
    token_sha256: str = ""
    addresses: tuple[str, ...] = ()
    tail_paths: tuple[str, ...] = ()
    retired: bool = False
    quota_eps: int = 0
    certificates: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    bucket: Bucket | None = None
    former_token_sha256: str = ""


class _File(msgspec.Struct):
    version: int
    sources: list[IntakeSource]


def new_token() -> str:
    """A token for a person to paste: URL-safe, 192 random bits."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as people paste it (`AB:CD:…`, spaces, capitals) in our one spelling: 64 hex digits.

    Raises:
        ValueError: it is not one.
    """
    digits = "".join(text.split()).replace(":", "").lower().removeprefix("sha256")
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError("Dấu vân tay chứng chỉ là 64 chữ số hệ 16 (SHA-256), có thể có dấu hai chấm ở giữa.")
    return digits


def path_of(data: Path) -> Path:
    return data / DOCUMENT


SECRETS = "intake/secrets.json"


def keep_secret(data: Path, source_id: int, secret: str) -> None:
    """Keep the secret key of a source's bucket on this host, readable by the owner only; an empty one forgets it.

    Raises:
        OSError: those kept before cannot be read, or the file cannot be written.
    """
    path = data / SECRETS
    secrets_now = _secrets(data)
    secrets_now.pop(str(source_id), None)
    if secret:
        secrets_now[str(source_id)] = secret
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".secrets.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(secrets_now))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def secret_of(data: Path, source_id: int) -> str:
    """The secret key kept for a source on this host, "" when there is none. Raises OSError."""
    return _secrets(data).get(str(source_id), "")


def _secrets(data: Path) -> dict[str, str]:
    """Raises OSError when they are there and cannot be read: whoever took them for none would replace them by none."""
    try:
        return msgspec.json.decode((data / SECRETS).read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except msgspec.DecodeError:
        raise OSError(f"Tệp khóa bí mật {data / SECRETS} bị hỏng; xóa nó rồi đặt lại khóa của từng kho.") from None


def publish(data: Path, sources: Iterable[IntakeSource]) -> None:
    """Replace the list of sources in one step; receivers follow within a second.

    Raises:
        OSError: the file cannot be written.
        database.Error: the hosts' database is not available.
    """
    body = msgspec.json.encode({"version": _VERSION, "sources": [asdict(source) for source in sources]})
    if Place.of(data).database:
        documents.put(data, DOCUMENT, body)
    else:
        documents.write(path_of(data), body)


def published(data: Path) -> list[IntakeSource]:
    """The list as it was published last, wherever; empty before that."""
    if not Place.of(data).database:
        return IntakeMap(data).sources()
    body = documents.get(data, DOCUMENT)
    return msgspec.json.decode(body, type=_File).sources if body else []


class IntakeMap:
    """Sources by token and by address. Unreadable or missing file: the last good list stays in force."""

    def __init__(self, data: Path) -> None:
        self._path = path_of(data)
        self._stamp: tuple[int, int, int] | None = None
        self._looked_at = -RELOAD_SECONDS
        self._by_hash: dict[str, IntakeSource] = {}
        self._by_certificate: dict[str, IntakeSource] = {}
        self._by_ip: dict[str, list[IntakeSource]] = {}
        self._networks: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, IntakeSource]] = []
        self._by_id: dict[int, IntakeSource] = {}
        self.version = 0  # grows with every reload: callers that cache a lookup compare it
        self.refresh()

    def by_token(self, token: str) -> IntakeSource | None:
        """The source of a token, retired ones included; None when nobody has it."""
        self.refresh()
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        found = self._by_hash.get(digest)
        if found is None and self.refresh(after_seconds=EAGER_SECONDS):
            found = self._by_hash.get(digest)
        return found

    def by_certificate(self, digest: str) -> IntakeSource | None:
        """The source of a client certificate by its SHA-256 (hex), retired ones included."""
        self.refresh()
        found = self._by_certificate.get(digest)
        if found is None and self.refresh(after_seconds=EAGER_SECONDS):
            found = self._by_certificate.get(digest)
        return found

    def by_address(self, ip: str) -> IntakeSource | None:
        """The source that registered this address. None when nobody did, or when sources of different units did:
        then only a token can tell them apart. Within one unit the oldest source in force is taken."""
        self.refresh()
        ip = normalise_ip(ip)
        found = self._by_ip.get(ip, [])
        if not found and self._networks:
            try:
                address = ipaddress.ip_address(ip)
            except ValueError:
                return None
            hits = [(network, source) for network, source in self._networks if address in network]
            longest = max((network.prefixlen for network, _ in hits), default=0)
            found = [source for network, source in hits if network.prefixlen == longest]
        found = [source for source in found if not source.retired] or found
        if len({source.unit_id for source in found}) != 1:
            return None
        return min(found, key=lambda source: source.source_id)

    def by_id(self, source_id: int) -> IntakeSource | None:
        self.refresh()
        return self._by_id.get(source_id)

    def sources(self) -> list[IntakeSource]:
        self.refresh()
        return list(self._by_id.values())

    def refresh(self, after_seconds: float | None = None) -> bool:
        """Re-read the file when it changed, looking at most every half second. True when the list is new."""
        now = time.monotonic()
        if now < self._looked_at + (RELOAD_SECONDS if after_seconds is None else after_seconds):
            return False
        self._looked_at = now
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp == self._stamp:
                return False
            file = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError) as error:
            logger.error("Không đọc được danh sách nguồn %s: %s. Vẫn dùng danh sách cũ.", self._path, error)
            return False
        self._stamp = stamp
        self._load(file.sources)
        self.version += 1
        return True

    def _load(self, sources: list[IntakeSource]) -> None:
        self._by_hash = {
            digest: source
            for source in sources
            for digest in (source.former_token_sha256, source.token_sha256)
            if digest
        }
        self._by_id = {source.source_id: source for source in sources}
        self._by_certificate = {one: source for source in sources for one in source.certificates}
        self._by_ip = {}
        self._networks = []
        for source in sources:
            for address in source.addresses:
                try:
                    if "/" in address:
                        self._networks.append((ipaddress.ip_network(address, strict=False), source))
                    else:
                        self._by_ip.setdefault(normalise_ip(address), []).append(source)
                except ValueError:
                    logger.error("Nguồn %d có địa chỉ không hợp lệ %r; đã bỏ qua.", source.source_id, address)


def normalise_ip(text: str) -> str:
    """One spelling per address: IPv4 inside IPv6 becomes IPv4, a zone is dropped. Not an address: as it was."""
    try:
        address = ipaddress.ip_address(text.split("%", 1)[0].strip())
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
