"""The address of a JetStream cluster, as `place.json` has it in `transport`."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

ROOM_BYTES = 16 << 30


@dataclass(frozen=True, slots=True)
class Cluster:
    """`nats://[user:password@]host:port[,host:port…][?replicas=3&room_gb=16&ca_file=…&credentials_file=…]`, or `tls://…`.

    Attributes:
        servers: an address each, without the account; one that answers is enough to start, the others are learnt from it.
        user, password: of the account, in plain; a user without a password is a token.
        replicas: of every stream; a message is acknowledged when most of them have it.
        room_bytes: of all streams together, on each server that holds a copy.
        ca_file: certificate authority of `tls://`; empty: those that the machine trusts.
        credentials_file: a NATS `.creds` file; empty: none.
    """

    servers: tuple[str, ...]
    replicas: int = 3
    room_bytes: int = ROOM_BYTES
    ca_file: str = ""
    credentials_file: str = ""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def login(self) -> dict[str, str]:
        """For `nats.connect`, which takes the account of an address as it stands there, percent signs and all."""
        if self.password:
            return {"user": self.user, "password": self.password}
        return {"token": self.user} if self.user else {}

    @classmethod
    def of(cls, address: str) -> Cluster:
        """Raises ValueError with a sentence."""
        parts = urlsplit(address)
        wish = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = wish.keys() - {"replicas", "room_gb", "ca_file", "credentials_file"}
        who, _, hosts = parts.netloc.rpartition("@")
        user, _, password = who.partition(":")
        servers = tuple(f"{parts.scheme}://{host}" for host in hosts.split(",") if host)
        try:
            replicas = int(wish.get("replicas", "3"))
            room_bytes = int(float(wish.get("room_gb", ROOM_BYTES >> 30)) * (1 << 30))
        except ValueError:
            unknown |= {"replicas", "room_gb"} & wish.keys()
            replicas = room_bytes = 0
        if parts.scheme not in ("nats", "tls") or not servers or unknown or not 1 <= replicas <= 5 or room_bytes <= 0:
            raise ValueError(
                "Địa chỉ cụm NATS phải có dạng nats://máy-1:4222,máy-2:4222,máy-3:4222?replicas=3&room_gb=16 "
                "(replicas từ 1 đến 5; thêm ca_file, credentials_file nếu cần)"
                + (f"; không hiểu {', '.join(sorted(unknown))}." if unknown else ".")
            )
        return cls(
            servers,
            replicas,
            room_bytes,
            wish.get("ca_file", ""),
            wish.get("credentials_file", ""),
            unquote(user),
            unquote(password),
        )
