"""The harmless canary trace of each kind of source, as the machine's own shipper would send it."""

import json
from datetime import UTC, datetime

MARKER = "dekhang-canary-"


def canary_trace(kind: str, nonce: str, *, host: str, at: datetime) -> bytes:
    """One raw record: what Winlogbeat sends after `eventcreate`, rsyslog after `logger`, a web server after `curl`.

    Raises:
        ValueError: this kind of source has no canary.
    """
    marker, utc = f"{MARKER}{nonce}", at.astimezone(UTC)
    if kind == "windows":
        document = {
            "@timestamp": utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z",
            "host": {"name": host},
            "event": {"code": "777", "provider": "DeKhang", "kind": "event"},
            "winlog": {
                "channel": "Application",
                "provider_name": "DeKhang",
                "event_id": "777",
                "computer_name": host,
                "event_data": {"param1": marker},
            },
            "message": marker,
        }
        return json.dumps(document).encode()
    if kind == "linux":
        return f"<13>{utc:%b} {utc.day:2d} {utc:%H:%M:%S} {host} dekhang: {marker}".encode()
    if kind == "web":
        return (
            f'192.0.2.10 - - [{utc:%d/%b/%Y:%H:%M:%S} +0000] "GET /{marker} HTTP/1.1" 404 162 "-" "curl/7.88.1"'
        ).encode()
    raise ValueError(f"loại nguồn {kind!r} chưa có phép thử")
