"""Certificates for tests: an authority, a server, clients, made by the same code as for an installation."""

import shutil
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from dekhang.pipeline.receive.certificate import Made, make_client, make_server

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl command (apt install openssl)")


@dataclass
class Authority:
    """A folder with an authority, the intake's certificate and those of clients."""

    folder: Path

    def server(self, *names: str, days: int = 10) -> Made:
        return make_server(self.folder, names or ("127.0.0.1", "localhost"), days=days)

    def client(self, name: str, *, days: int = 10) -> Made:
        return make_client(self.folder, name, days=days)

    def options(self) -> list[str]:
        """Of a receiver that uses the server's certificate and accepts the authority's clients."""
        files = [("--tls-cert", "server.crt"), ("--tls-key", "server.key"), ("--tls-ca", "ca.crt")]
        return [word for option, name in files for word in (option, str(self.folder / name))]

    def context(self, client: Made | None = None) -> ssl.SSLContext:
        """What a careful sender uses."""
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        if client is not None:
            context.load_cert_chain(client.certificate, client.key)
        return context
