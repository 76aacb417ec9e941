"""Indicators at work: which of them does a record contain?

`match` is the meaning and reads one record at leisure. Before it stands `scan.may_match`, compiled, which says for almost
every record that there is nothing to read (`native` gives its tables).
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network

from dekhang.engine.indicators import tokens
from dekhang.engine.indicators.columns import Columns, ColumnsBuilder, Reader
from dekhang.engine.indicators.fieldroles import holds_versions, is_file, links
from dekhang.engine.indicators.shapes import Indicator, IndicatorMatch, Kind, Source
from dekhang.engine.indicators.slots import Words
from dekhang.engine.indicators.telling import rule_of
from dekhang.engine.rules import Rule
from dekhang.engine.text import Value, is_metadata, scalars

MATCHES_PER_RECORD = 100  # a log line that quotes a whole list is told as its first hundred


class IndicatorSet:
    """Indicators, found by value. Immutable.

    Args:
        patterns: indicators that test several things of a record; each is a rule of the same name in `rules`.
    """

    def __init__(
        self, columns: Columns, sources: tuple[Source, ...], patterns: tuple[tuple[Indicator, Rule], ...] = ()
    ) -> None:
        self.columns = columns
        self.sources = sources
        self.patterns = patterns
        self._reader = Reader(columns, sources)
        self._pattern_of = {rule.id: indicator for indicator, rule in patterns}
        self._v4_lengths = [length for length in range(33) if int(columns.gates[0]) >> length & 1]
        halves = int(columns.gates[1]) | int(columns.gates[2]) << 64
        self._v6_lengths = [1 + bit for bit in range(128) if halves >> bit & 1]

    def __len__(self) -> int:
        return len(self.columns) + len(self.patterns)

    def __iter__(self) -> Iterator[Indicator]:
        """Yield all indicators, patterns last."""
        for place in range(len(self.columns)):
            yield self._reader.indicator(place)
        for indicator, _ in self.patterns:
            yield indicator

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The patterns as rules: they belong into the rule set, ask `in_force` when one of them matches."""
        return tuple(rule for _, rule in self.patterns)

    def native(self) -> tuple[Words, Words]:
        """Return (slots, gates), the two tables of `scan.may_match`. Up to 32 bytes an indicator."""
        return self.columns.slots, self.columns.gates

    def in_force(self, rule: Rule, time_ms: int | None) -> bool:
        """Return whether a rule speaks of events at this time: rules do always, patterns while their source says so."""
        pattern = self._pattern_of.get(rule.id)
        return pattern is None or pattern.note.in_force(time_ms)

    def match(self, fields: Mapping[str, Value], time_ms: int | None) -> list[IndicatorMatch]:
        """Return the indicators that a record contains and that speak of events at its time, each once a field.

        Patterns are not among them (see `rules`). Fields whose name begins with `_` are the shipper's, not the log's.
        """
        found: dict[tuple[str, Kind, str, Source, str], IndicatorMatch] = {}
        for indicator, field, value in self._sightings(fields):
            if indicator.note.in_force(time_ms):
                key = (field, indicator.kind, indicator.value, indicator.source, indicator.note.id)
                found.setdefault(key, IndicatorMatch(indicator, field, value))
                if len(found) == MATCHES_PER_RECORD:
                    break
        return list(found.values())

    def tell(self, fields: Mapping[str, Value], time_ms: int | None) -> list[tuple[Rule, dict[str, Value]]]:
        """Return `match` as rules with the record's fields that show them, each rule once: what a `Match` is made of."""
        told: dict[str, tuple[Rule, dict[str, Value]]] = {}
        for match in self.match(fields, time_ms):
            rule = rule_of(match.indicator)
            shown = told.setdefault(rule.id, (rule, {}))[1]
            for name in match.field.split(" + "):
                shown[name] = fields[name]
        return list(told.values())

    # -- what a record contains ----------------------------------------------------------------------------------

    def _sightings(self, fields: Mapping[str, Value]) -> Iterator[tuple[Indicator, str, str]]:
        for name, value in fields.items():
            if is_metadata(name):
                continue
            for scalar in scalars(value):
                if isinstance(scalar, str):
                    for indicator, seen in self._in_text(name, tokens.folded(scalar)):
                        yield indicator, name, seen
        for host_field, host, path_field, path in links(fields):
            if not is_metadata(host_field):
                joined = tokens.folded(host) + tokens.folded(path)
                for word in tokens.words(joined):
                    if word.start == 0:
                        for indicator, seen in self._links(joined, word.core, word.end, word.whole):
                            yield indicator, f"{host_field} + {path_field}", seen

    def _in_text(self, name: str, text: bytes) -> Iterator[tuple[Indicator, str]]:
        file = is_file(name)
        if file:
            yield from self._filename(text)
        addresses = not holds_versions(name)
        for word in tokens.words(text):
            digest = tokens.digest(word)
            if digest is not None:
                yield from self._exactly(Kind.HASH, digest)
            address = tokens.ipv4(word) if addresses else None
            if address is not None:
                yield from self._address(address)
            email = tokens.email(text, word)
            if email is not None:
                yield from self._exactly(Kind.EMAIL, email)
            # a file may be called like a domain; in a path only the machine of \\machine\share is one
            if not file or text[max(0, word.start - 2) : word.start] in (b"\\\\", b"//"):
                for part in tokens.names(word):
                    for indicator in self._reader.find(Kind.DOMAIN, part):
                        yield indicator, word.core.decode()
            yield from self._links(text, word.core, word.end, word.whole)
        if addresses and b":" in text:
            for found, end in tokens.ipv6(text):
                yield from self._address(found)
                behind = end + 1 if text[end : end + 1] == b"]" else end
                yield from self._links(text, b"[%b]" % str(found).encode(), behind, True)

    def _exactly(self, kind: Kind, value: str) -> Iterator[tuple[Indicator, str]]:
        for indicator in self._reader.find(kind, value):
            yield indicator, value

    def _filename(self, text: bytes) -> Iterator[tuple[Indicator, str]]:
        name = text[max(text.rfind(b"/"), text.rfind(b"\\")) + 1 :]
        if len(name) <= tokens.NAME_BYTES_MAX and name.isascii():
            yield from self._exactly(Kind.FILENAME, name.decode())

    def _address(self, address: IPv4Address | IPv6Address) -> Iterator[tuple[Indicator, str]]:
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        for length in self._v4_lengths if address.version == 4 else self._v6_lengths:
            if length == address.max_prefixlen:
                yield from self._exactly(Kind.IP, str(address))
            else:
                network = ip_network((address, length), strict=False)
                for indicator in self._reader.find(Kind.NETWORK, str(network)):
                    yield indicator, str(address)

    def _links(self, text: bytes, host: bytes, end: int, whole: bool) -> Iterator[tuple[Indicator, str]]:
        if not whole or len(host) > tokens.NAME_BYTES_MAX or text[end : end + 1] not in (b"/", b"?", b":"):
            return
        name = host.decode()
        if not self._reader.is_link_host(name):  # or else a line of a.b/a.b/a.b/… would be read over and over
            return
        url = tokens.url_after(text, name, end)
        if url is None:
            return
        yield from self._exactly(Kind.URL, url)
        without_query = url.partition("?")[0].rstrip(tokens.URL_TAIL_EDGE.decode())
        if without_query != url:
            for indicator in self._reader.find(Kind.URL, without_query):
                yield indicator, url


def indicator_set(indicators: Iterable[Indicator], patterns: Iterable[tuple[Indicator, Rule]] = ()) -> IndicatorSet:
    """Return a set of indicators in normal form (values.py)."""
    builder = ColumnsBuilder()
    for one in indicators:
        builder.add(one.kind, one.value, one.source, one.note, one.line)
    columns, sources = builder.build()
    return IndicatorSet(columns, sources, tuple(patterns))
