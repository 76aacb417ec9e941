"""Reads MISP events: one `Event`, several under `response`, or bare attributes (`response.Attribute`).

An attribute that its author did not mark for detection (`to_ids` false) is used all the same, but is only of low level,
and file names are not used then: without the mark they are names of the victim's own programs as often as not.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from dekhang.engine.indicators.intake import Intake
from dekhang.engine.indicators.lists import MISP_KINDS, MISP_SPLIT, add_typed, tlp_of
from dekhang.engine.indicators.shapes import Note, Source
from dekhang.engine.rules import Level

LEVELS: dict[str, Level] = {"1": "high", "2": "medium", "3": "low"}  # threat_level_id; 4 = undefined
TECHNIQUE = re.compile(r"\b(T[0-9]{4}(?:\.[0-9]{3})?)\b")
REFERENCES_MAX = 5


def is_misp(document: Any) -> bool:
    """Return whether a JSON document is a MISP event, a list of them, or a search result of attributes."""
    return any(True for _ in _events(document)) or bool(_bare_attributes(document))


def read_misp(document: Any, path: str, intake: Intake) -> None:
    """Put the indicators of MISP's JSON into `intake`. Lines are unknown in JSON; ids are named instead."""
    left_out: Counter[str] = Counter()
    for event in _events(document):
        source = _source(event, path)
        level = LEVELS.get(str(event.get("threat_level_id")))
        group = _text(event.get("uuid"))
        tags = _tags(event)
        for attribute, name in _attributes(event):
            _attribute(attribute, name, source, level, group, tags, path, left_out, intake)
    for attribute in _bare_attributes(document):
        about = attribute.get("Event")
        event = about if isinstance(about, dict) else {}
        source = _source(event, path)
        _attribute(attribute, "", source, None, _text(event.get("uuid")), (), path, left_out, intake)
    for reason, count in left_out.items():
        intake.skip(path, 0, f"{count} thuộc tính không dùng: {reason}.", count)


def _attribute(
    attribute: dict[str, Any],
    object_name: str,
    source: Source,
    level: Level | None,
    group: str,
    tags: tuple[str, ...],
    path: str,
    left_out: Counter[str],
    intake: Intake,
) -> None:
    kind, value = _text(attribute.get("type")), _text(attribute.get("value"))
    identity = _text(attribute.get("uuid"))
    if _true(attribute.get("deleted")):
        return
    if not set(kind.split(MISP_SPLIT)) & set(MISP_KINDS):
        # a report quotes much that is no indicator: links, texts, names of malware
        left_out[f"kiểu `{kind[:40]}` không có trong log"] += 1
        return
    if object_name == "corporate-asset":
        left_out["là tài sản của nạn nhân, không phải của kẻ tấn công"] += 1
        return
    marked = _true(attribute.get("to_ids"))
    if kind == "filename" and not marked:
        left_out["là tên tệp mà tác giả không đánh dấu để phát hiện (to_ids)"] += 1
        return
    own = _tags(attribute)
    note = Note(
        id=identity,
        group=group,
        title=(_text(attribute.get("comment")) or source.name)[:300],
        description=source.name,
        level=level if marked else "low",
        tags=tuple(dict.fromkeys((*tags, *own)))[:50],
    )
    if kind == "url" and "//" not in value and "/" not in value:
        kind = "hostname"
    add_typed(kind, value, source, note, path, 0, intake)


def _source(event: Mapping[str, Any], path: str) -> Source:
    org = event.get("Orgc") if isinstance(event.get("Orgc"), dict) else event.get("Org")
    names = _tag_names(event)
    links = [
        _text(one.get("value"))
        for one in _list(event.get("Attribute"))
        if isinstance(one, dict) and one.get("type") == "link"
    ]
    licenses = (name for name in names if name.lower().startswith(("license", "licence")))
    return Source(
        name=_text(event.get("info"))[:300] or PurePath(path).stem,
        path=path,
        author=_text(org.get("name")) if isinstance(org, dict) else "",
        license=next(licenses, "").partition("=")[2].strip('"'),
        tlp=next(filter(None, (tlp_of(name) for name in names if name.lower().startswith("tlp:"))), ""),
        references=tuple(link for link in links if link.startswith("http"))[:REFERENCES_MAX],
    )


def _tags(holder: Mapping[str, Any]) -> tuple[str, ...]:
    """Return ATT&CK techniques as Sigma writes them ("attack.t1105"); other tags as they are, in MISP's words."""
    found: list[str] = []
    for name in _tag_names(holder):
        technique = TECHNIQUE.search(name) if "attack" in name else None
        if technique is not None:
            found.append(f"attack.{technique.group(1).lower()}")
        elif not name.lower().startswith(("tlp:", "license", "osint:")):
            found.append(name[:200])
    return tuple(dict.fromkeys(found))


def _tag_names(holder: Mapping[str, Any]) -> list[str]:
    return [_text(tag.get("name")) for tag in _list(holder.get("Tag")) if isinstance(tag, dict)]


def _events(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the events in a document, in any of the wrappings that MISP's interfaces use."""
    if isinstance(document, dict) and "response" in document:
        document = document["response"]
    for one in document if isinstance(document, list) else [document]:
        if isinstance(one, dict) and isinstance(one.get("Event"), dict):
            yield one["Event"]


def _attributes(event: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for attribute in _list(event.get("Attribute")):
        if isinstance(attribute, dict):
            yield attribute, ""
    for one in _list(event.get("Object")):
        if isinstance(one, dict) and not _true(one.get("deleted")):
            for attribute in _list(one.get("Attribute")):
                if isinstance(attribute, dict):
                    yield attribute, _text(one.get("name"))


def _bare_attributes(document: Any) -> list[dict[str, Any]]:
    held = document.get("response", document) if isinstance(document, dict) else None
    found = held.get("Attribute") if isinstance(held, dict) else None
    return [one for one in _list(found) if isinstance(one, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _true(value: Any) -> bool:
    return value is True or value in (1, "1", "true")
