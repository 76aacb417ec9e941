"""`python -m bench._send …`: sends a stream of real records as fast as they are taken, or at a pace.

Its own process, as senders are. Says on standard output, as one JSON object, how many records were sent (over HTTP:
acknowledged), and in how many seconds.
"""

import argparse
import json
import socket
import threading
import time

from bench import _streams

ATTACK_SECONDS = 0.25  # between two attacks
HTTP_HEAD = "POST /_bulk HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {size}\r\n\r\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("windows", "linux"), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--tokens", nargs="*", default=[], help="over HTTP, a connection each; else over TCP")
    parser.add_argument("--from", dest="addresses", nargs="*", default=["127.0.0.1"], help="a TCP connection each")
    parser.add_argument("--rate", type=float, default=0.0, help="records a second in all; 0: as fast as they are taken")
    parser.add_argument("--attacks", action="store_true", help=f"one every {ATTACK_SECONDS} s on the first connection")
    options = parser.parse_args()
    pieces = _streams.windows(20_000) if options.kind == "windows" else _streams.logins(20_000)
    ways = options.tokens or options.addresses
    sent = [0] * len(ways)
    start = threading.Barrier(len(ways) + 1)

    def send(number: int) -> None:
        with Way(options, number) as way:
            start.wait()
            began = time.monotonic()
            pace = _streams.PIECE * len(ways) / options.rate if options.rate else 0.0
            next_attack = began if options.attacks and number == 0 else float("inf")
            for turn in range(1 << 60):
                now = time.monotonic()
                if now - began >= options.seconds:
                    break
                if pace and (ahead := began + (turn + number / len(ways)) * pace - now) > 0:
                    time.sleep(ahead)
                piece = pieces[(turn + number * len(pieces) // len(ways)) % len(pieces)]
                body, records = piece.at(time.time()), piece.records
                if time.monotonic() >= next_attack:
                    next_attack += ATTACK_SECONDS
                    body, records = body + _streams.attack(options.kind, time.time()), records + 1
                sent[number] += way.send(body, records)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(ways))]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.monotonic()
    print(json.dumps({"began": time.time()}), flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps({"sent": sum(sent), "seconds": time.monotonic() - began, "cpu_seconds": time.process_time()}))


class Way:
    """One connection."""

    def __init__(self, options: argparse.Namespace, number: int) -> None:
        self._token = options.tokens[number] if options.tokens else ""
        source = "" if options.tokens else options.addresses[number]
        self._socket = socket.create_connection(
            ("127.0.0.1", options.port), timeout=120, source_address=(source, 0) if source else None
        )
        self._answers = self._socket.makefile("rb")

    def send(self, body: bytes, records: int) -> int:
        """How many of the records were taken, as far as the sender can know."""
        if not self._token:
            self._socket.sendall(body)
            return records
        self._socket.sendall(HTTP_HEAD.format(token=self._token, size=len(body)).encode() + body)
        status = self._answers.readline()
        size, wait_seconds = 0, 0.1
        while (line := self._answers.readline().strip().lower()) != b"":
            name, _, value = line.partition(b":")
            if name == b"content-length":
                size = int(value)
            elif name == b"retry-after":
                wait_seconds = float(value)
        self._answers.read(size)
        if b" 200 " in status:
            return records
        if b" 429 " in status or b" 503 " in status:
            time.sleep(wait_seconds)
            return self.send(body, records)
        raise SystemExit(f"refused: {status.decode()}")

    def __enter__(self) -> "Way":
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()


if __name__ == "__main__":
    main()
