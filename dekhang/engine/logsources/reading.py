"""How a mapping is written down (docs/reference/logsources.md shows every key by example).

Our own documents lie beside this module; a user's own come after them and add, rename or remove:

    windows:   services: {name: [channel, …]} · providers: {provider: channel} · categories: {name: [kind, …]}
    products:  {product: [service, …]}      facts that a parser gives and words that rules use are the same
    categories: {category: [product, …]}    likewise
    others:    [{rule: …, record: …, where: …, aliases: …}, …]
    aliases:   [{rule: …, aliases: …}, …]    more names for fields of kinds that were said before
    remove:    [rule, …]                     kinds said in earlier documents that this installation does not want
    unread:    [{rule: …, reason: …}, …]     logsources that no record here can answer, and why
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from dekhang.engine.expressions import And, Atom, ExistsTest, Expression, Not, Or, RegexTest, TextRelation, TextTest
from dekhang.engine.logsources.sources import UNKNOWN, Aliases, LogsourceMapping, Source
from dekhang.engine.rules import Logsource
from dekhang.engine.text import fold, text_of

SOURCES_MAX = 4_000  # every rule and record meets them all once per route
PROBLEMS_MAX = 20  # told at once

UNRECOGNISED = "unrecognised"  # `record: unrecognised`: JSON and text that no parser knows

_FACTS = ("product", "service", "category")
_DOCUMENT = ("windows", "products", "categories", "others", "aliases", "remove", "unread")
_WINDOWS = ("services", "providers", "categories")
_KIND = ("service", "event_ids", "where", "aliases", "product")
_OTHER = ("rule", "record", "where", "aliases")
_RELATIONS: dict[str, TextRelation] = {"contains": "contains", "startswith": "startswith", "endswith": "endswith"}


@dataclass(frozen=True, slots=True)
class MappingDocument:
    """One document of a mapping: `name` is told in errors, `content` is what its YAML says."""

    name: str
    content: object


class MappingError(ValueError):
    """Documents that make no mapping. `problems`: Vietnamese sentences, each with document, key and what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def read_mapping(*documents: MappingDocument | Mapping[str, Any]) -> LogsourceMapping:
    """Put documents together, later ones after earlier ones.

    Raises:
        MappingError: with everything that is wrong, up to PROBLEMS_MAX sentences.
    """
    gathered = _Gathered()
    for document in documents:
        if not isinstance(document, MappingDocument):
            document = MappingDocument("", document)
        gathered.add(document)
    if len(gathered.sources) > SOURCES_MAX:
        gathered.problems.append(f"Có hơn {SOURCES_MAX} nguồn log; hãy gộp bớt các mục trong tệp ánh xạ.")
    if gathered.problems:
        raise MappingError(gathered.problems[:PROBLEMS_MAX])
    return LogsourceMapping(tuple(gathered.sources), tuple(gathered.providers.items()), tuple(gathered.unread))


@lru_cache(maxsize=1)
def default_documents() -> tuple[MappingDocument, ...]:
    """Return the documents that come with the engine."""
    folder = resources.files("dekhang.engine.logsources")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yml"))
    return tuple(
        MappingDocument(name, yaml.load(folder.joinpath(name).read_bytes(), yaml.CSafeLoader)) for name in names
    )


@lru_cache(maxsize=1)
def default_mapping() -> LogsourceMapping:
    """Return the mapping that comes with the engine."""
    return read_mapping(*default_documents())


class _Gathered:
    """What the documents said so far, and what is wrong with them."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self.providers: dict[str, str] = {}
        self.unread: list[tuple[Logsource, str]] = []
        self.channels: dict[str, frozenset[str]] = {}
        self.problems: list[str] = []
        self._name = ""

    def add(self, document: MappingDocument) -> None:
        self._name = document.name
        content = self._mapping(document.content, "", _DOCUMENT)
        self._remove(content.get("remove"))
        if "windows" in content:
            self._windows(content["windows"])
        for product, services in self._entries(content.get("products"), "products"):
            self._product(product, services)
        for category, products in self._entries(content.get("categories"), "categories"):
            self._category(category, products)
        for key, entry in self._items(content.get("others"), "others"):
            self._other(entry, key)
        for key, entry in self._items(content.get("aliases"), "aliases"):
            self._more_names(entry, key)
        for key, entry in self._items(content.get("unread"), "unread"):
            said = self._mapping(entry, key, ("rule", "reason"))
            reason = said.get("reason")
            if not isinstance(reason, str) or not reason.strip():
                self._wrong(f"{key}.reason", "thiếu lý do", "hãy viết một câu nói vì sao chưa đọc được")
                continue
            self.unread.append((self._logsource(said.get("rule"), f"{key}.rule"), reason.strip()))

    # -- sections --------------------------------------------------------------------------------------------

    def _windows(self, content: object) -> None:
        said = self._mapping(content, "windows", _WINDOWS)
        if not any(source.logsource == Logsource("windows") for source in self.sources):
            self.sources.append(Source(Logsource("windows"), product="windows"))
        for service, names in self._entries(said.get("services"), "windows.services"):
            channels = frozenset(map(fold, self._texts(names, f"windows.services.{service}")))
            new = channels - self.channels.get(service, frozenset())
            self.channels[service] = self.channels.get(service, frozenset()) | channels
            if new:
                self.sources.append(Source(Logsource("windows", "", service), "windows", channels=new))
                self._widen(service)
        for provider, channel in self._entries(said.get("providers"), "windows.providers"):
            if isinstance(channel, str):
                self.providers[fold(provider)] = fold(channel)
            else:
                self._wrong(f"windows.providers.{provider}", "cần tên một kênh", "hãy viết tên kênh trong dấu nháy")
        for category, kinds in self._entries(said.get("categories"), "windows.categories"):
            for key, kind in self._items(kinds, f"windows.categories.{category}"):
                self._windows_kind(category, kind, key)

    def _widen(self, service: str) -> None:
        """A channel added to a service belongs to the categories that were said of this service, too."""
        for index, source in enumerate(self.sources):
            if source.logsource.category and source.channels and source.logsource.service == service:
                self.sources[index] = replace(source, channels=self.channels[service])

    def _windows_kind(self, category: str, content: object, key: str) -> None:
        said = self._mapping(content, key, _KIND)
        service = said.get("service")
        if not isinstance(service, str) or service not in self.channels:
            known = "windows.services"
            self._wrong(f"{key}.service", f"không có {service!r} trong {known}", f"hãy thêm kênh của nó vào {known}")
            return
        numbers = said.get("event_ids", [])
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            self._wrong(f"{key}.event_ids", "cần danh sách số", "ví dụ event_ids: [4624, 4625]")
            return
        product = said.get("product", "windows")
        self.sources.append(
            Source(
                Logsource(product if isinstance(product, str) else "windows", category, service),
                product="windows",
                channels=self.channels[service],
                event_ids=frozenset(numbers),
                where=self._where(said.get("where"), f"{key}.where"),
                aliases=self._aliases(said.get("aliases"), f"{key}.aliases"),
            )
        )

    def _product(self, product: str, services: object) -> None:
        self.sources.append(Source(Logsource(product), product=product))
        for service in self._texts(services, f"products.{product}") if services else ():
            self.sources.append(Source(Logsource(product, "", service), product=product, service=service))

    def _category(self, category: str, products: object) -> None:
        self.sources.append(Source(Logsource("", category), category=category))
        for product in self._texts(products, f"categories.{category}") if products else ():
            self.sources.append(Source(Logsource(product, category), product=product, category=category))

    def _other(self, content: object, key: str) -> None:
        said = self._mapping(content, key, _OTHER)
        logsource = self._logsource(said.get("rule"), f"{key}.rule")
        record = said.get("record", said.get("rule"))
        if record == UNRECOGNISED:
            facts = dict.fromkeys(_FACTS, UNKNOWN)
        else:
            facts = self._facts(record, f"{key}.record")
        where = self._where(said.get("where"), f"{key}.where")
        if where is None and not any(facts.values()):
            self._wrong(key, "mục này nhận mọi bản ghi", "hãy thêm điều kiện ở record hoặc where")
            return
        self.sources.append(
            Source(
                logsource,
                product=facts.get("product", ""),
                service=facts.get("service", ""),
                category=facts.get("category", ""),
                where=where,
                aliases=self._aliases(said.get("aliases"), f"{key}.aliases"),
            )
        )

    def _more_names(self, content: object, key: str) -> None:
        said = self._mapping(content, key, ("rule", "aliases"))
        asked = self._facts(said.get("rule"), f"{key}.rule")
        more = self._aliases(said.get("aliases"), f"{key}.aliases")
        if not any(asked.values()):
            self._wrong(f"{key}.rule", "chưa nói nguồn log nào", "hãy viết product, category hoặc service")
            return
        found = False
        for index, source in enumerate(self.sources):
            if _is_about(source.logsource, asked):
                found = True
                self.sources[index] = replace(source, aliases=_joined(source.aliases, more))
        if not found:
            self._wrong(f"{key}.rule", "không ứng với nguồn log nào", "hãy sửa tên, hoặc thêm nguồn ở mục others")

    def _remove(self, content: object) -> None:
        for key, entry in self._items(content, "remove"):
            asked = self._facts(entry, key)
            if not any(asked.values()):
                self._wrong(key, "chưa nói nguồn log nào", "hãy viết product, category hoặc service")
                continue
            kept = [source for source in self.sources if not _is_about(source.logsource, asked)]
            if len(kept) == len(self.sources):
                self._wrong(key, "không ứng với nguồn log nào", "hãy sửa tên hoặc bỏ mục này")
            self.sources = kept

    # -- small shapes ------------------------------------------------------------------------------------------

    def _where(self, content: object, key: str) -> Expression | None:
        parts: list[Expression] = []
        for name, values in self._entries(content, key):
            field, _, modifier = name.partition("|")
            if modifier == "exists" and isinstance(values, bool):
                there = Atom(field, ExistsTest())
                parts.append(there if values else Not(there))
                continue
            tests = [self._test(value, modifier, f"{key}.{name}") for value in _listed(values)]
            either = tuple(Atom(field, test) for test in tests if test is not None)
            if not either or not field:
                self._wrong(f"{key}.{name}", "thiếu trường hoặc giá trị", "ví dụ where: {app: [van-ban]}")
                continue
            parts.append(either[0] if len(either) == 1 else Or(either))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _test(self, value: object, modifier: str, key: str) -> TextTest | RegexTest | None:
        if not isinstance(value, (str, int, float)):
            self._wrong(key, "giá trị phải là chữ hoặc số", "hãy viết giá trị trong dấu nháy")
            return None
        text = text_of(value)
        if modifier == "re":
            try:
                re.compile(text)
            except re.error as error:
                self._wrong(key, f"biểu thức {text!r} sai ({error})", "hãy sửa biểu thức")
                return None
            return RegexTest(text)
        if modifier and modifier not in _RELATIONS:
            known = ", ".join([*_RELATIONS, "re", "exists: true|false"])
            self._wrong(key, f"không có phép so {modifier!r}", f"hãy dùng một trong: {known}")
            return None
        return TextTest(_RELATIONS.get(modifier, "equals"), fold(text))

    def _aliases(self, content: object, key: str) -> Aliases:
        return tuple(
            (name, tuple(self._texts(others, f"{key}.{name}"))) for name, others in self._entries(content, key)
        )

    def _logsource(self, content: object, key: str) -> Logsource:
        facts = self._facts(content, key)
        if not any(facts.values()):
            self._wrong(key, "chưa nói nguồn log nào", "hãy viết product, category hoặc service như trong luật")
        return Logsource(**facts)

    def _facts(self, content: object, key: str) -> dict[str, str]:
        said = self._mapping(content, key, _FACTS)
        for name, value in said.items():
            if not isinstance(value, str):
                self._wrong(f"{key}.{name}", "cần một từ", "hãy viết giá trị trong dấu nháy")
        return {name: value for name in _FACTS if isinstance(value := said.get(name), str)}

    def _texts(self, content: object, key: str) -> list[str]:
        values = _listed(content)
        if not values or not all(isinstance(value, (str, int)) and not isinstance(value, bool) for value in values):
            self._wrong(key, "cần một tên hoặc danh sách tên", "ví dụ [tên thứ nhất, tên thứ hai]")
            return []
        return [str(value) for value in values]

    def _entries(self, content: object, key: str) -> Iterator[tuple[str, Any]]:
        if content is None:
            return
        if not isinstance(content, Mapping):
            self._wrong(key, "cần các cặp tên: giá trị", "hãy xem ví dụ trong docs/reference/logsources.md")
            return
        for name, value in content.items():
            yield str(name), value

    def _items(self, content: object, key: str) -> Iterator[tuple[str, Any]]:
        if content is None:
            return
        if not isinstance(content, list):
            self._wrong(key, "cần một danh sách", "mỗi mục bắt đầu bằng dấu gạch ngang")
            return
        for number, entry in enumerate(content, start=1):
            yield f"{key}[{number}]", entry

    def _mapping(self, content: object, key: str, known: tuple[str, ...]) -> dict[str, Any]:
        """Return a mapping whose keys are all known; what is not is told and left out."""
        if not isinstance(content, Mapping):
            self._wrong(key, "cần các cặp tên: giá trị", f"các tên dùng được: {', '.join(known)}")
            return {}
        for name in content:
            if name not in known:
                self._wrong(f"{key}.{name}" if key else str(name), "khóa lạ", f"dùng được: {', '.join(known)}")
        return {name: content[name] for name in known if name in content}

    def _wrong(self, key: str, what: str, remedy: str) -> None:
        place = ": ".join(part for part in (self._name, key) if part)
        self.problems.append(f"{place}: {what}; {remedy}.")


def _listed(content: object) -> list[Any]:
    return content if isinstance(content, list) else [content] if content is not None else []


def _is_about(logsource: Logsource, asked: Mapping[str, str]) -> bool:
    """Every key that is asked for is as asked; keys left out stand for any."""
    return all(getattr(logsource, name) == value for name, value in asked.items())


def _joined(first: Aliases, more: Aliases) -> Aliases:
    names = {name: list(others) for name, others in first}
    for name, others in more:
        known = names.setdefault(name, [])
        known.extend(other for other in others if other not in known)
    return tuple((name, tuple(others)) for name, others in names.items())
