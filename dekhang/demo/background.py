"""Ordinary work of an office, so that attacks have something to hide in. Addresses are documentation ranges."""

import json
import random
from datetime import UTC, datetime

PEOPLE = ("vanthu01", "ketoan02", "motcua03", "lanhdao04", "cntt05")
PAGES = (
    "/",
    "/tin-tuc",
    "/van-ban",
    "/dich-vu-cong",
    "/lien-he",
    "/static/site.css",
    "/static/logo.png",
    "/thong-bao/1245",
)
PROGRAMS = (
    (r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE", r"C:\Windows\explorer.exe"),
    (r"C:\Program Files\Mozilla Firefox\firefox.exe", r"C:\Windows\explorer.exe"),
    (r"C:\Windows\System32\notepad.exe", r"C:\Windows\explorer.exe"),
    (r"C:\Windows\System32\svchost.exe", r"C:\Windows\System32\services.exe"),
)


def ordinary(kind: str, *, host: str, at: datetime, chance: random.Random) -> bytes:
    """One raw record of ordinary work for a kind of source."""
    return _MAKERS[kind](host, at.astimezone(UTC), chance)


def _windows(host: str, at: datetime, chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        code, provider = 4624, "Microsoft-Windows-Security-Auditing"
        fields = {
            "TargetUserName": chance.choice(PEOPLE),
            "LogonType": "5" if chance.random() < 0.5 else "2",
            "IpAddress": "-",
            "LogonProcessName": "Advapi",
        }
    else:
        image, parent = chance.choice(PROGRAMS)
        code, provider = 4688, "Microsoft-Windows-Security-Auditing"
        fields = {
            "SubjectUserName": chance.choice(PEOPLE),
            "NewProcessName": image,
            "ParentProcessName": parent,
            "CommandLine": f'"{image}"',
        }
    document = {
        "@timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "host": {"name": host},
        "event": {"code": str(code), "provider": provider, "kind": "event"},
        "winlog": {
            "channel": "Security",
            "provider_name": provider,
            "event_id": str(code),
            "computer_name": host,
            "event_data": fields,
        },
    }
    return json.dumps(document).encode()


def _linux(host: str, at: datetime, chance: random.Random) -> bytes:
    stamp = f"{at:%b} {at.day:2d} {at:%H:%M:%S}"
    user = chance.choice(PEOPLE)
    message = chance.choice(
        (
            f"sshd[{chance.randrange(1000, 9999)}]: Accepted publickey for {user} from 192.0.2.{chance.randrange(2, 30)} "
            f"port {chance.randrange(40000, 60000)} ssh2",
            "CRON[2211]: pam_unix(cron:session): session opened for user root by (uid=0)",
            "systemd[1]: Started Daily apt download activities.",
            f"sshd[{chance.randrange(1000, 9999)}]: pam_unix(sshd:session): session closed for user {user}",
        )
    )
    return f"<38>{stamp} {host.split('.')[0]} {message}".encode()


def _web(host: str, at: datetime, chance: random.Random) -> bytes:
    return (
        f"198.51.100.{chance.randrange(2, 250)} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"GET {chance.choice(PAGES)} HTTP/1.1" 200 {chance.randrange(300, 60000)} "-" '
        '"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:71.0) Gecko/20100101 Firefox/71.0"'
    ).encode()


def _suricata(host: str, at: datetime, chance: random.Random) -> bytes:
    event = {
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}+0000",
        "event_type": "dns",
        "host": host,
        "src_ip": f"192.0.2.{chance.randrange(2, 250)}",
        "src_port": chance.randrange(40000, 60000),
        "dest_ip": "192.0.2.1",
        "dest_port": 53,
        "proto": "UDP",
        "dns": {"type": "query", "rrname": "www.example.gov.vn", "rrtype": "A"},
    }
    return json.dumps(event).encode()


def _syslog(host: str, at: datetime, chance: random.Random) -> bytes:
    return f"<134>{at:%b} {at.day:2d} {at:%H:%M:%S} {host.split('.')[0]} filterlog: pass,in,udp,192.0.2.7,192.0.2.1".encode()


_MAKERS = {"windows": _windows, "linux": _linux, "web": _web, "suricata": _suricata, "syslog": _syslog}
