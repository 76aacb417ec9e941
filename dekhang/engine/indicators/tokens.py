"""Cuts a log value into what can be an indicator. `scan.py` cuts the same way in machine code; a property test holds it.

Everything works on folded text in UTF-8. A *word* is a run of letters, digits, `.`, `_` and `-`; all
other characters end it, and so does `%2F` and its like, so addresses inside percent-encoded links are words too.
The *core* of a word is the word without `.`, `_` and `-` at its ends: the dot that ends a sentence is no part of a name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from dekhang.engine.text import fold

NAME_BYTES_MAX = 253  # of a domain (RFC 1035); longer words only count by their last labels
LOCAL_PART_BYTES_MAX = 64  # of an e-mail address (RFC 5321)
URL_TAIL_BYTES_MAX = 2_048
HASH_LENGTHS = (32, 40, 64, 128)  # MD5, SHA-1, SHA-256, SHA-512 in hexadecimal

WORD = re.compile(rb"%[0-9a-f]{2}|[a-z0-9._-]+")
WORD_EDGE = b"._-"
COLON_RUN = re.compile(rb"[0-9a-f:.]+")
LOCAL_PART = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._+-")
IPV4 = re.compile(rb"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}\Z")
HEXADECIMAL = re.compile(rb"[0-9a-f]+\Z")
# what follows a host in a link; quotes, brackets of markup, blanks and non-ASCII end it
URL_TAIL = re.compile(rb"(?P<port>:[0-9]{1,5})?(?P<tail>[/?][!#-&(-;=?-\[\]_a-z~]{0,%d})" % URL_TAIL_BYTES_MAX)
# what ends the sentence around a link rather than the link
URL_TAIL_EDGE = b".,;:!?)]*&/"


@dataclass(frozen=True, slots=True)
class Word:
    """A word with something inside: its core and where it stands."""

    core: bytes
    start: int  # of the core
    end: int
    whole: bool  # nothing was cut off at its end, so a port or path may follow


def folded(text: str) -> bytes:
    """Return text as the engine compares it (engine/text.py: fold), in UTF-8. The scanner gets the same bytes."""
    return fold(text).encode()


def words(text: bytes) -> Iterator[Word]:
    """Yield the words whose core contains a dot or has the length of a hash."""
    for found in WORD.finditer(text):
        word = found.group()
        if word[0] == 0x25:  # %2f separates
            continue
        shortened = word.rstrip(WORD_EDGE)
        core = shortened.lstrip(WORD_EDGE)
        if b"." in core or len(core) in HASH_LENGTHS:
            end = found.start() + len(shortened)
            yield Word(core, end - len(core), end, len(shortened) == len(word))


def names(word: Word) -> Iterator[str]:
    """Yield the word's core and what follows each of its dots, but for the last label: a.b.vn → a.b.vn, b.vn."""
    core = word.core
    place = 0
    if len(core) > NAME_BYTES_MAX:
        place = core.find(b".", len(core) - NAME_BYTES_MAX - 1) + 1
        if place == 0:
            return
    while b"." in core[place:]:
        yield core[place:].decode()
        place = core.index(b".", place) + 1


def digest(word: Word) -> str | None:
    """Return the hash that a word is, or that a file name begins with (programs that collect samples name them so)."""
    first = word.core.partition(b".")[0]
    return first.decode() if len(first) in HASH_LENGTHS and HEXADECIMAL.match(first) else None


def ipv4(word: Word) -> IPv4Address | None:
    """Return the address that a word is. Numbers with leading zeros are not: some programs read them as octal."""
    if not IPV4.match(word.core):
        return None
    try:
        return IPv4Address(word.core.decode())
    except ValueError:
        return None


def ipv6(text: bytes) -> Iterator[tuple[IPv6Address, int]]:
    """Yield IPv6 addresses and where each ends: runs of hexadecimal digits, colons and dots that read as one."""
    for found in COLON_RUN.finditer(text):
        run = found.group()
        if run.count(b":") < 2:
            continue
        run = run.rstrip(b".")
        end = found.start() + len(run)
        run = run.lstrip(b".")
        if run.endswith(b":") and not run.endswith(b"::"):
            run = run[:-1]
        if run.startswith(b":") and not run.startswith(b"::"):
            run = run[1:]
        if not 2 <= len(run) <= 45:
            continue
        try:
            yield IPv6Address(run.decode()), end
        except ValueError:
            continue


def email(text: bytes, word: Word) -> str | None:
    """Return the address whose part behind the @ is this word."""
    at = word.start - 1
    if at < 1 or text[at] != 0x40 or len(word.core) > NAME_BYTES_MAX:
        return None
    start = at
    while start > 0 and at - start < LOCAL_PART_BYTES_MAX and text[start - 1] in LOCAL_PART:
        start -= 1
    return text[start : word.end].decode() if start < at else None


def url_after(text: bytes, host: str, end: int) -> str | None:
    """Return the normal form of the link that goes on behind a host at `end`; None when nothing of a link follows."""
    found = URL_TAIL.match(text, end)
    if found is None:
        return None
    return url_form(host, (found.group("port") or b"").decode(), found.group("tail").decode())


def url_form(host: str, port: str, tail: str) -> str:
    """Return host, port and the rest of a link in the form in which links are compared; it may be the host alone.

    No scheme, no usual port, no fragment, nothing that only ends a sentence. "evil.example:80/a/#x" → "evil.example/a".
    """
    port = "" if port in (":80", ":443") else port
    tail = tail.partition("#")[0].rstrip(URL_TAIL_EDGE.decode())
    if tail.startswith("?"):
        tail = "/" + tail
    return host + port + tail
