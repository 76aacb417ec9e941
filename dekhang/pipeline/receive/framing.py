"""Cuts a TCP stream of syslog into messages: counted (RFC 6587 §3.4.1) or ended by newline (§3.4.2), mixed tolerated.

Pure: bytes in, messages out, at most MESSAGE_BYTES kept of anything, whatever the sender does.
"""

from __future__ import annotations

import re

MESSAGE_BYTES = 64 * 1024
# a counted message always starts with its priority; a number beyond six digits is text of a line
_COUNT = re.compile(rb"([1-9][0-9]{0,5}) <")
_MAYBE_COUNT = re.compile(rb"[1-9][0-9]{0,5} ?\Z")  # … of which only the beginning has arrived
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\x1b")) + b"\x7f"
_PRIORITY = re.compile(rb"<[0-9]{1,3}>")
# how a message begins that is not simply a line: framing by count, or bytes left over between messages
_ODD_STARTS = frozenset({b"", b"\r", b"\0", b" ", *(b"%d" % digit for digit in range(1, 10))})


class Framer:
    """State of one connection.

    Attributes:
        rest: what has arrived of a message that is not complete.
        oversize, oversize_bytes: messages cut at MESSAGE_BYTES and how much was thrown away; `take_oversize` resets.
    """

    def __init__(self) -> None:
        self.rest = b""
        self._skip_bytes = 0  # rest of a counted message that is too long
        self._skip_line = False  # … of a line
        self.oversize = 0
        self.oversize_bytes = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now, without their framing; empty ones are left out."""
        buffer = self.rest + data if self.rest else data
        if not (self._skip_bytes or self._skip_line):
            lines = buffer.split(b"\n")
            rest = lines.pop()
            longest = max(map(len, lines), default=0)
            plain = _ODD_STARTS.isdisjoint({line[:1] for line in lines}) and (not rest or rest[:1] not in _ODD_STARTS)
            if plain and longest <= MESSAGE_BYTES and len(rest) <= MESSAGE_BYTES:  # as nearly always
                self.rest = rest
                if b"\r" in buffer or b"\0" in buffer:
                    return [cleaned for line in lines if (cleaned := line.rstrip(b"\r\n\0"))]
                return lines
        messages: list[bytes] = []
        at = 0
        end = len(buffer)
        while at < end:
            if self._skip_bytes:
                step = min(self._skip_bytes, end - at)
                self._skip_bytes -= step
                self.oversize_bytes += step
                at += step
                continue
            if self._skip_line:
                newline = buffer.find(b"\n", at)
                stop = end if newline < 0 else newline
                self.oversize_bytes += stop - at
                self._skip_line = newline < 0
                at = stop + (newline >= 0)
                continue
            if buffer[at] in b"\n\r\0 ":  # left over between messages
                at += 1
                continue
            if buffer[at] in b"123456789":
                while (count := _COUNT.match(buffer, at)) is not None:  # one counted message after another
                    start = count.end() - 1
                    stop = start + int(count[1])
                    if stop > end or stop - start > MESSAGE_BYTES:
                        break
                    messages.append(buffer[start:stop])
                    at = stop
                if count is not None:
                    length = int(count[1])
                    start = count.end() - 1
                    if end - start < min(length, MESSAGE_BYTES):
                        break
                    messages.append(buffer[start : start + min(length, MESSAGE_BYTES)])
                    at = start + min(length, MESSAGE_BYTES)
                    if length > MESSAGE_BYTES:
                        self.oversize += 1
                        self._skip_bytes = length - MESSAGE_BYTES
                    continue
                if at >= end or _MAYBE_COUNT.match(buffer, at):
                    break
                if buffer[at] in b"\n\r\0 ":
                    continue
            newline = buffer.find(b"\n", at, at + MESSAGE_BYTES + 1)
            if newline >= 0:
                messages.append(buffer[at:newline])
                at = newline + 1
            elif end - at > MESSAGE_BYTES:
                messages.append(buffer[at : at + MESSAGE_BYTES])
                at += MESSAGE_BYTES
                self.oversize += 1
                self._skip_line = True
            else:
                break
        self.rest = buffer[at:]
        return [cleaned for message in messages if (cleaned := message.rstrip(b"\r\n\0"))]

    def finish(self) -> list[bytes]:
        """What is left when the sender closes: a last line without newline is a message all the same."""
        rest, self.rest = self.rest.rstrip(b"\r\n\0 "), b""
        count = _COUNT.match(rest)
        if count is not None:
            rest = rest[count.end() - 1 :]  # cut short by the sender
        return [rest] if rest else []

    def take_oversize(self) -> tuple[int, int]:
        taken = self.oversize, self.oversize_bytes
        self.oversize = self.oversize_bytes = 0
        return taken


def has_controls(data: bytes) -> bool:
    """Could any message in `data` be noise? Asked once for a whole piece of a stream: nearly always no."""
    return len(data.translate(None, _CONTROL)) != len(data)


def is_noise(message: bytes) -> bool:
    """Not a log line: no syslog priority and full of control characters.

    One in twenty is enough when it is not UTF-8 either, one in three when it is: text with a few odd bytes in it,
    such as an attacker may put into a user name, stays a log line.
    """
    if _PRIORITY.match(message):
        return False
    controls = len(message) - len(message.translate(None, _CONTROL))
    if controls * 20 <= len(message):
        return False
    if controls * 3 > len(message):
        return True
    try:
        message.decode()
    except UnicodeDecodeError:
        return True
    return False
