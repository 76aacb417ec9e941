"""Which of the network parsers reads a line: firewalls, proxies, name servers, web servers, CEF, LEEF.

A syslog line whose program is known goes straight to that program's parser; every other line is looked at by how it
begins. Both are cheap checks; only the parser that answers to one looks closer, and may still say no.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dekhang.pipeline.parse import (
    cef,
    cisco,
    dns,
    fortigate,
    leef,
    mikrotik,
    netfilter,
    pfsense,
    sophos,
    squid,
    syslog,
    w3c,
    weberror,
)  # fmt: skip
from dekhang.pipeline.parse.event import Facts

_BY_PROGRAM: dict[str, Callable[[str], Facts | None]] = {
    "filterlog": pfsense.recognise,
    "php-fpm": pfsense.web_login,
    "php": pfsense.web_login,
    "named": dns.bind,
    "dnsmasq": dns.dnsmasq,
    "pihole-FTL": dns.dnsmasq,
    "unbound": dns.unbound,
    "squid": squid.recognise,
    "squid-1": squid.recognise,
    "kernel": netfilter.recognise,
}
_WEB_SERVERS = frozenset({"nginx", "httpd", "apache", "apache2"})


def of_message(line: syslog.Line, received_ms: int) -> Facts | None:
    """Facts of a syslog line's message, or None when no device of ours wrote it."""
    message, program = line.message, line.program
    if program:
        parser = _BY_PROGRAM.get(program)
        if parser is not None:
            return parser(message)
        if program in ("CEF", "LEEF"):  # bare behind the header, the format's own name was taken for a program
            return of_start(f"{program}:{message}", received_ms)
        if program in _WEB_SERVERS:
            return weberror.recognise_in_syslog(message, received_ms)
        if message.startswith("in:"):  # RouterOS in BSD style: the chain stands where the program does
            facts = mikrotik.recognise(f"{program}: {message}")
            if facts is not None:
                facts.fields["message"] = message
            return facts
        if message.startswith("%"):  # "Dec 10 02:00:00 fw01: %ASA-…": what stands before the colon is the host
            facts = of_start(message, received_ms)
            if facts is not None:
                facts.host = facts.host or line.host or program
            return facts
        if message.startswith(("CEF:", "LEEF:", 'id="')):
            return of_start(message, received_ms)
        return None
    return of_start(message, received_ms)


def of_start(text: str, received_ms: int) -> Facts | None:
    """Facts of a text that begins as the lines of one of the devices do, or None."""
    if text.startswith(fortigate.STARTS):
        facts = fortigate.recognise(text, received_ms)
        if facts is not None:
            return facts
    if text.startswith(sophos.STARTS):
        return sophos.recognise(text, received_ms)
    if text.startswith("CEF:"):
        return cef.recognise(text, received_ms)
    if text.startswith("LEEF:"):
        return leef.recognise(text, received_ms)
    if text.find("%", 0, cisco.HEAD_CHARS) >= 0:
        facts = cisco.recognise(text, received_ms)
        if facts is not None:
            return facts
    if "IN=" in text and " SRC=" in text:
        return netfilter.recognise(text)
    return mikrotik.recognise(text)


def of_file_line(text: str, received_ms: int) -> Facts | None:
    """Facts of a line as it stands in a device's own file, without a syslog header, or None."""
    first = text[:1]
    if first == "[":
        return weberror.recognise(text, received_ms)
    if first.isdigit():
        return (
            squid.recognise(text)
            or weberror.recognise(text, received_ms)
            or dns.bind_file_line(text, received_ms)
            or sophos.recognise_file_line(text, received_ms)
            or _dated_cef(text, received_ms)
        )
    if text.startswith("client "):
        return dns.bind(text)
    return of_start(text, received_ms)


def of_document(document: dict[str, Any], received_ms: int) -> Facts | None:
    """Facts of a JSON document that `formats` made of a device's log, or None."""
    return w3c.recognise(document, received_ms) if "_w3c" in document else None


def _dated_cef(text: str, received_ms: int) -> Facts | None:
    """A CEF or LEEF message behind a head that is no syslog header."""
    for sign, parser in (("CEF:", cef.recognise), ("LEEF:", leef.recognise)):
        at = text.find(sign, 0, 256)
        if at > 0 and text[at - 1] == " ":
            return parser(text[at:], received_ms)
    return None
