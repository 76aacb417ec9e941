"""Kinds of records, and which of them a rule reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dekhang.engine.expressions import Expression
from dekhang.engine.records import Record
from dekhang.engine.rules import Logsource
from dekhang.engine.text import fold, scalars, text_of

UNKNOWN: Final = "-"  # as a fact of a Source: the parser knew none, for logs that only the user can tell apart
PLACES_REMEMBERED = 4_096  # × ~300 B; attackers may invent channels and event ids without end

Aliases = tuple[tuple[str, tuple[str, ...]], ...]
Place = tuple[str, str, str, str, int | None]  # product, service, category, folded channel, event id


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of record, and the logsource by which rules ask for it.

    Args:
        logsource: what a rule must say; a rule may leave out product and service, not the category.
        product, service, category: facts that the record must carry; "" = any, "-" = the parser knew none.
        channels: folded Windows channel names; empty = any.
        event_ids: empty = any. Only for Windows: other records are routed by their facts alone.
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
    aliases: Aliases = ()

    def answers(self, asked: Logsource) -> bool:
        """Return whether a rule for `asked` reads these records.

        A rule that names only a product reads all its records; one with a category only records of that category.
        Spec: Sigma rules, "Log source"; taxonomy appendix.
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
            (not self.product or self.product == (product or UNKNOWN))
            and (not self.service or self.service == (service or UNKNOWN))
            and (not self.category or self.category == (category or UNKNOWN))
            and (not self.channels or channel in self.channels)
            and (not self.event_ids or event_id in self.event_ids)
        )


@dataclass(frozen=True, slots=True)
class LogsourceMapping:
    """All kinds of records that this installation knows.

    Args:
        providers: (folded provider, folded channel), for Windows records without a channel.
        unread: (logsource, why no record here can answer it); a key that it leaves out stands for any.
    """

    sources: tuple[Source, ...]
    providers: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[Logsource, str], ...] = ()
    _channels: dict[str, str] = field(init=False, repr=False, compare=False)
    _places: dict[Place, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_channels", dict(self.providers))
        object.__setattr__(self, "_places", {})

    def __reduce__(self) -> tuple[object, ...]:
        return LogsourceMapping, (self.sources, self.providers, self.unread)  # what is remembered stays at home

    def sources_of(self, record: Record) -> tuple[int, ...]:
        """Return the indexes of the kinds that a record belongs to, ascending; `where` is not yet looked at."""
        return self.sources_at(self.place_of(record))

    def place_of(self, record: Record) -> Place:
        """Return the facts by which a record is told apart from others."""
        channel, event_id = self.channel_of(record.fields), event_id_of(record.fields)
        return record.product, record.service, record.category, channel, event_id

    def sources_at(self, place: Place) -> tuple[int, ...]:
        """Return the indexes of the kinds that records with these facts belong to, ascending."""
        try:
            return self._places[place]
        except KeyError:
            pass
        found = tuple(index for index, source in enumerate(self.sources) if source.admits(*place))
        if len(self._places) >= PLACES_REMEMBERED:
            self._places.clear()
        self._places[place] = found
        return found

    def channel_of(self, fields: Mapping[str, object]) -> str:
        """Return the folded Windows channel; known providers tell it when the record does not."""
        for value in scalars(fields.get("Channel")):
            return fold(text_of(value))
        for value in scalars(fields.get("Provider_Name")):
            return self._channels.get(fold(text_of(value)), "")
        return ""

    def knows(self, asked: Logsource) -> bool:
        """Return whether some kind of record answers a rule for `asked`."""
        return any(source.answers(asked) for source in self.sources)

    def why_unread(self, asked: Logsource) -> str:
        """Return a Vietnamese sentence that says why no record here answers `asked`; "" = some do."""
        if self.knows(asked):
            return ""
        for said, reason in self.unread:
            pairs = ((said.product, asked.product), (said.category, asked.category), (said.service, asked.service))
            if all(one in ("", other) for one, other in pairs):
                return f"{reason} (logsource {asked})"
        return (
            f"Chưa có nguồn log nào ở đây ứng với logsource ({asked}); nếu đơn vị có log này, "
            "hãy khai báo trong một tệp ánh xạ (--mapping)."
        )


def event_id_of(fields: Mapping[str, object]) -> int | None:
    """Return EventID as a number, None when there is none."""
    for value in scalars(fields.get("EventID")):
        text = text_of(value).strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    return None
