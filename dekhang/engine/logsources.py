"""Which records a rule's `logsource` means. The facts are in logsources.yml beside this module."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from dekhang.engine.expressions import And, Atom, Expression, Or, TextTest
from dekhang.engine.records import Record
from dekhang.engine.rules import Logsource
from dekhang.engine.text import fold, scalars, text_of


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of record, and the logsource by which rules ask for it.

    Args:
        logsource: what a rule must say; a rule may leave out product and service, not the category.
        product, service, category: facts that the record must carry; "" = any.
        channels: folded Windows channel names; empty = any.
        event_ids: empty = any.
        where: a condition that such a record fulfils besides.
        aliases: (name in rules, names in these records): the rule's field is read from any of them too.
    """

    logsource: Logsource
    product: str = ""
    service: str = ""
    category: str = ""
    channels: frozenset[str] = frozenset()
    event_ids: frozenset[int] = frozenset()
    where: Expression | None = None
    aliases: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def answers(self, asked: Logsource) -> bool:
        """Return whether a rule for `asked` reads these records.

        A rule that names only a product reads all its records; one with a category only records of that category.
        """
        said = self.logsource
        return (
            asked.category == said.category
            and asked.product in ("", said.product)
            and (asked.service in ("", said.service))
        )

    def admits(self, product: str, service: str, category: str, channel: str, event_id: int | None) -> bool:
        """Return whether a record with these facts is of this kind (before `where`)."""
        return (
            (not self.product or self.product == product)
            and (not self.service or self.service == service)
            and (not self.category or self.category == category)
            and (not self.channels or channel in self.channels)
            and (not self.event_ids or event_id in self.event_ids)
        )


@dataclass(frozen=True, slots=True)
class LogsourceMapping:
    """All kinds of records that this installation knows."""

    sources: tuple[Source, ...]
    providers: tuple[tuple[str, str], ...] = ()  # folded provider → folded channel, for records without a channel

    def sources_of(self, record: Record) -> tuple[int, ...]:
        """Return the indexes of the kinds that a record belongs to, ascending; `where` is not yet looked at."""
        channel, event_id = self.channel_of(record.fields), event_id_of(record.fields)
        return tuple(
            index
            for index, source in enumerate(self.sources)
            if source.admits(record.product, record.service, record.category, channel, event_id)
        )

    def channel_of(self, fields: Mapping[str, object]) -> str:
        """Return the folded Windows channel; known providers tell it when the record does not."""
        for value in scalars(fields.get("Channel")):
            return fold(text_of(value))
        for value in scalars(fields.get("Provider_Name")):
            return dict(self.providers).get(fold(text_of(value)), "")
        return ""

    def knows(self, asked: Logsource) -> bool:
        return any(source.answers(asked) for source in self.sources)


def event_id_of(fields: Mapping[str, object]) -> int | None:
    """Return EventID as a number, None when there is none."""
    for value in scalars(fields.get("EventID")):
        text = text_of(value).strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    return None


def read_mapping(document: Mapping[str, Any]) -> LogsourceMapping:
    """Build the mapping from the shape of logsources.yml (explained at its top)."""
    sources: list[Source] = []
    windows = document["windows"]
    channels = {service: frozenset(map(fold, names)) for service, names in windows["services"].items()}
    sources.append(Source(Logsource("windows"), product="windows"))
    sources.extend(
        Source(Logsource("windows", "", name), "windows", channels=found) for name, found in channels.items()
    )
    for category, kinds in windows["categories"].items():
        for kind in kinds:
            sources.append(
                Source(
                    Logsource(kind.get("product", "windows"), category, kind["service"]),
                    product="windows",
                    channels=channels[kind["service"]],
                    event_ids=frozenset(kind["event_ids"]),
                    where=_where(kind.get("where", {})),
                    aliases=_aliases(kind.get("aliases", {})),
                )
            )
    for kind in document["others"]:
        facts = kind.get("record", kind["rule"])
        sources.append(
            Source(
                Logsource(**kind["rule"]),
                product=facts.get("product", ""),
                service=facts.get("service", ""),
                category=facts.get("category", ""),
                where=_where(kind.get("where", {})),
                aliases=_aliases(kind.get("aliases", {})),
            )
        )
    providers = tuple((fold(name), fold(channel)) for name, channel in windows["providers"].items())
    return LogsourceMapping(tuple(sources), providers)


@lru_cache(maxsize=1)
def default_mapping() -> LogsourceMapping:
    """Return the mapping that comes with the engine."""
    text = resources.files("dekhang.engine").joinpath("logsources.yml").read_bytes()
    return read_mapping(yaml.load(text, yaml.CSafeLoader))


def _where(conditions: Mapping[str, list[str]]) -> Expression | None:
    parts: list[Expression] = []
    for field, values in conditions.items():
        either = tuple(Atom(field, TextTest("equals", fold(text_of(value)))) for value in values)
        parts.append(either[0] if len(either) == 1 else Or(either))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _aliases(names: Mapping[str, list[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(others)) for name, others in names.items())
