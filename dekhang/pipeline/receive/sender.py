"""Which source does a syslog message belong to? By a token in it, else by its client certificate, else by the address."""

from __future__ import annotations

import re

from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.reasons import Reason

HEAD_BYTES = 512  # a token is looked for in the beginning only
ADDRESSES_REMEMBERED = 10_000

# RFC 5424 structured data; 32473 is the enterprise number that IANA keeps for examples
_ELEMENT = re.compile(rb'\[dk@32473 token="([A-Za-z0-9_.~+/=-]{1,200})"\]')
_FIELD = re.compile(rb"dk-token=([A-Za-z0-9_.~+/-]{1,200})[;,]? ?")
# up to the structured data: PRI VERSION TIMESTAMP HOST APP PROCID MSGID, then the elements before ours
_RFC5424_HEAD = re.compile(rb"<[0-9]{1,3}>[0-9]{1,2}(?: [^ ]+){5} ")


def strip_token(message: bytes, token_match: re.Match[bytes]) -> bytes:
    """The message without its token; structured data that becomes empty is written `-`, as RFC 5424 wants."""
    start, end = token_match.span()
    before, after = message[:start], message[end:]
    if message[start : start + 1] != b"[":
        return before + after
    if before.endswith(b"]") or after.startswith(b"["):
        return before + after
    if _RFC5424_HEAD.fullmatch(before):
        return before + b"-" + after
    return before + after.removeprefix(b" ")


def may_hold_token(data: bytes) -> bool:
    """Could any message in `data` carry a token? Asked once for a whole piece of a stream."""
    return b"dk@32473" in data or b"dk-token=" in data


class Senders:
    """Looks up messages. A token that is valid wins over the address; a token that is not is only a text.

    So an attacker who gets `dk-token=x` into somebody's log line does not make that line disappear.
    """

    def __init__(self, intake: IntakeMap) -> None:
        self._intake = intake
        self._version = -1
        self._by_peer: dict[str, IntakeSource | None] = {}

    def of(self, message: bytes, ip: str, certificate: str = "") -> tuple[IntakeSource | None, bytes, Reason | None]:
        """(source, message without its token, None), or (source if known, message, why it is refused)."""
        had_token = False
        if b"dk@32473" in message[:HEAD_BYTES] or b"dk-token=" in message[:HEAD_BYTES]:
            head = message[:HEAD_BYTES]
            # the first one speaks: what others could write into the message stands behind what its sender put there
            found = sorted((*_ELEMENT.finditer(head), *_FIELD.finditer(head)), key=re.Match.start)
            for match in found:
                had_token = True
                source = self._intake.by_token(match[1].decode("ascii"))
                if source is not None:
                    message = strip_token(message, match)
                    return source, message, Reason.RETIRED if source.retired else None
        source, refused = self.of_peer(ip, certificate)
        return source, message, Reason.WRONG_TOKEN if had_token and source is None else refused

    def of_peer(self, ip: str, certificate: str = "") -> tuple[IntakeSource | None, Reason | None]:
        """Who sends what carries no token: (source, None), or (source if known, why it is refused).

        A certificate that nobody registered leaves the address to speak.
        """
        source = self._intake.by_certificate(certificate) if certificate else None
        source = source or self._of_address(ip)
        if source is None:
            return None, Reason.UNKNOWN_CERTIFICATE if certificate else Reason.UNKNOWN_SENDER
        return source, Reason.RETIRED if source.retired else None

    def _of_address(self, ip: str) -> IntakeSource | None:
        self._intake.refresh()
        if self._version != self._intake.version or len(self._by_peer) > ADDRESSES_REMEMBERED:
            self._version = self._intake.version
            self._by_peer.clear()
        if ip not in self._by_peer:
            self._by_peer[ip] = self._intake.by_address(ip)
        return self._by_peer[ip]
