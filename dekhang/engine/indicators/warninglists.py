"""Lists of false friends: values that stand in lists of indicators by mistake and would alarm everybody.

Ours are in warninglists.yml beside this module (its shape is explained at its top); a user may add lists of that shape,
and those that MISP publishes as JSON.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from ipaddress import IPv6Address, ip_network
from typing import Any

import yaml

from dekhang.engine.indicators import values
from dekhang.engine.indicators.shapes import Kind
from dekhang.engine.indicators.values import ValueProblem

# a network with so few bits is no indicator, whoever wrote it
SHORTEST_PREFIX = {4: 8, 6: 20}

KINDS: Mapping[str, tuple[Kind, ...]] = {
    "network": (Kind.IP, Kind.NETWORK),
    "domain": (Kind.DOMAIN,),
    "hash": (Kind.HASH,),
    "email": (Kind.EMAIL,),
    "filename": (Kind.FILENAME,),
    "url": (Kind.URL,),
}


class WarningListProblem(ValueError):
    """The document is no warning list; the message is a Vietnamese sentence."""


@dataclass(frozen=True, slots=True)
class FalseFriend:
    """Why a value is no indicator. `lowers`: it is kept all the same, as informational."""

    name: str
    reason: str
    lowers: bool


@dataclass(frozen=True, slots=True)
class WarningList:
    """One list.

    Args:
        kinds: of the indicators it speaks of.
        values: in normal form; of domains also their subdomains if `subdomains`.
        networks: (version, prefix length, leading bits) of networks; an indicator inside one of them is meant.
    """

    warning: FalseFriend
    kinds: frozenset[Kind]
    values: frozenset[str]
    networks: frozenset[tuple[int, int, int]] = frozenset()
    subdomains: bool = False


class WarningLists:
    """Several lists together; the first that knows a value speaks."""

    def __init__(self, lists: Iterable[WarningList]) -> None:
        self.lists = tuple(lists)
        self._exact: dict[tuple[Kind, str], FalseFriend] = {}
        self._above: dict[str, FalseFriend] = {}
        self._networks: dict[tuple[int, int, int], FalseFriend] = {}
        for one in self.lists:
            for kind in one.kinds:
                for value in one.values:
                    self._exact.setdefault((kind, value), one.warning)
            if one.subdomains:
                for value in one.values:
                    self._above.setdefault(value, one.warning)
            for network in one.networks:
                self._networks.setdefault(network, one.warning)
        self._lengths = {
            version: sorted({length for which, length, _ in self._networks if which == version}) for version in (4, 6)
        }

    def about(self, kind: Kind, value: str) -> FalseFriend | None:
        """Return why an indicator in normal form should not alarm, None when no list knows it."""
        if kind in (Kind.IP, Kind.NETWORK):
            return self._network(value)
        warning = self._exact.get((kind, value))
        if warning is None and kind is Kind.DOMAIN and self._above:
            parts = value.split(".")
            for start in range(1, len(parts) - 1):
                warning = self._above.get(".".join(parts[start:]))
                if warning is not None:
                    break
        return warning

    def _network(self, value: str) -> FalseFriend | None:
        address, slash, said = value.partition("/")
        version = 6 if ":" in address else 4
        size = 128 if version == 6 else 32
        own_length = int(said) if slash else size
        if own_length < SHORTEST_PREFIX[version]:
            return FalseFriend("Dải quá rộng", f"dải /{own_length} gồm quá nhiều địa chỉ để nói lên điều gì", False)
        # ip_network takes 10 µs; lists of addresses are the longest of all
        bits = int(IPv6Address(address)) if version == 6 else int.from_bytes(bytes(map(int, address.split("."))))
        for length in self._lengths[version]:
            if length > own_length:
                break
            found = self._networks.get((version, length, bits >> (size - length)))
            if found is not None:
                return found
        return None


@lru_cache(maxsize=1)
def own_lists() -> tuple[WarningList, ...]:
    """Return the lists that come with the engine."""
    text = resources.files("dekhang.engine.indicators").joinpath("warninglists.yml").read_bytes()
    return read_warning_lists(yaml.load(text, yaml.CSafeLoader))


def read_warning_lists(document: Any) -> tuple[WarningList, ...]:
    """Return the lists in a document: ours (`lists:`) or one that MISP publishes.

    Raises:
        WarningListProblem: it is neither, or a value in it is not of its list's kind.
    """
    if isinstance(document, Mapping) and isinstance(document.get("lists"), list):
        return tuple(_own(one) for one in document["lists"])
    if isinstance(document, Mapping) and isinstance(document.get("list"), list) and "type" in document:
        return (_misp(document),)
    raise WarningListProblem("Tệp không phải là danh sách cảnh báo: cần khóa `lists`, hoặc là danh sách JSON của MISP.")


def _own(one: Any) -> WarningList:
    known = {"name", "reason", "kind", "action", "subdomains", "values"}
    if not isinstance(one, Mapping) or not {"name", "reason", "kind", "values"} <= set(one) <= known:
        raise WarningListProblem(
            "Mỗi danh sách cần `name`, `reason`, `kind`, `values`; có thể thêm `action`, `subdomains`."
        )
    name = str(one["name"])
    if one["kind"] not in KINDS:
        raise WarningListProblem(f"“{name}”: `kind` phải là một trong {', '.join(KINDS)}.")
    if one.get("action", "suppress") not in ("suppress", "lower"):
        raise WarningListProblem(f"“{name}”: `action` phải là `suppress` (không dùng) hoặc `lower` (hạ mức).")
    warning = FalseFriend(name, str(one["reason"]), one.get("action") == "lower")
    return _list(warning, KINDS[one["kind"]], one["values"], bool(one.get("subdomains")))


def _misp(document: Mapping[str, Any]) -> WarningList:
    name = str(document.get("name", "MISP"))
    how = document["type"]
    warning = FalseFriend(name, str(document.get("description") or name), False)
    if how == "cidr":
        return _list(warning, KINDS["network"], document["list"], False)
    if how == "hostname":
        return _list(warning, KINDS["domain"], [str(one).lstrip(".") for one in document["list"]], True)
    if how == "string":
        return _strings(warning, document["list"])
    raise WarningListProblem(f"“{name}”: kiểu `{how}` của MISP chưa được hỗ trợ; dùng được cidr, hostname, string.")


def _strings(warning: FalseFriend, entries: list[Any]) -> WarningList:
    """Return a list of values of any kind; those that are no indicator at all say nothing."""
    known: set[str] = set()
    networks: set[tuple[int, int, int]] = set()
    for entry in entries:
        try:
            kind, value = values.recognise(str(entry))
        except ValueProblem:
            continue
        if kind in (Kind.IP, Kind.NETWORK):
            networks.add(_bits(value))
        else:
            known.add(value)
    kinds = frozenset(kind for kinds in KINDS.values() for kind in kinds)
    return WarningList(warning, kinds - {Kind.IP, Kind.NETWORK}, frozenset(known), frozenset(networks))


def _list(warning: FalseFriend, kinds: tuple[Kind, ...], entries: Any, subdomains: bool) -> WarningList:
    if not isinstance(entries, list) or not entries:
        raise WarningListProblem(f"“{warning.name}”: `values` phải là danh sách có ít nhất một giá trị.")
    known: set[str] = set()
    networks: set[tuple[int, int, int]] = set()
    for entry in entries:
        try:
            if Kind.NETWORK in kinds:
                networks.add(_bits(values.network(str(entry))[1]))
            elif Kind.HASH in kinds:
                known.add(values.file_hash(str(entry)))
            elif Kind.EMAIL in kinds:
                known.add(values.email(str(entry)))
            elif Kind.FILENAME in kinds:
                known.add(values.filename(str(entry)))
            elif Kind.URL in kinds:
                known.add(values.url(str(entry))[1])
            else:
                known.add(_domain(str(entry)))
        except ValueProblem as problem:
            raise WarningListProblem(f"“{warning.name}”: {problem}") from problem
    return WarningList(warning, frozenset(kinds), frozenset(known), frozenset(networks), subdomains)


def _domain(text: str) -> str:
    """Return a domain, which here may be a top-level domain too."""
    plain = text.strip().lower().strip(".")
    return plain if plain.isalpha() and plain.isascii() else values.domain(plain)


def _bits(network: str) -> tuple[int, int, int]:
    found = ip_network(network)
    return found.version, found.prefixlen, int(found.network_address) >> (found.max_prefixlen - found.prefixlen)
