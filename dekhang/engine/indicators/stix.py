"""Reads STIX 2.1 bundles: their `indicator` objects, and who made and marked them."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from uuid import uuid5

from dekhang.engine.indicators.intake import Intake
from dekhang.engine.indicators.lists import level_of, tlp_of
from dekhang.engine.indicators.shapes import Note, Source
from dekhang.engine.indicators.stixmeaning import meaning_of
from dekhang.engine.indicators.stixtree import PatternProblem, read_pattern
from dekhang.engine.indicators.telling import NAMESPACE
from dekhang.engine.rules import Level

# the markings that STIX itself defines, which bundles need not bring (STIX 2.1 §7.2.1.4; TLP 2.0 extension)
TLP_MARKINGS = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?\Z")


def is_stix(document: Any) -> bool:
    """Return whether a JSON document is a bundle, a list of STIX objects, or one indicator."""
    return any(isinstance(one.get("id"), str) and "--" in one["id"] and "type" in one for one in _objects(document))


def read_stix(document: Any, path: str, intake: Intake) -> None:
    """Put the indicators of a bundle into `intake`. Lines are unknown in JSON; ids are named instead."""
    known = {one["id"]: one for one in _objects(document) if isinstance(one.get("id"), str)}
    sources: dict[tuple[str, str, str], Source] = {}
    for one in _objects(document):
        if one.get("type") == "indicator":
            _indicator(one, known, sources, path, intake)


def _indicator(
    one: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
    sources: dict[tuple[str, str, str], Source],
    path: str,
    intake: Intake,
) -> None:
    identity = str(one.get("id", "indicator"))
    if one.get("revoked") is True:
        intake.skip(path, 0, f"{identity}: đã bị tác giả thu hồi (revoked).")
        return
    if one.get("pattern_type", "stix") != "stix":
        intake.skip(
            path, 0, f"{identity}: mẫu kiểu `{one.get('pattern_type')}` không được dùng; ở đây chỉ đọc mẫu `stix`."
        )
        return
    if "benign" in _strings(one.get("indicator_types")):
        intake.skip(path, 0, f"{identity}: tác giả cho biết là vô hại (benign).")
        return
    pattern = one.get("pattern")
    if not isinstance(pattern, str):
        intake.error(path, 0, f"{identity}: thiếu `pattern`.")
        return
    try:
        meaning = meaning_of(read_pattern(pattern))
        start, end = _time(one, "valid_from"), _time(one, "valid_until")
    except PatternProblem as problem:
        (intake.skip if problem.unusable else intake.error)(path, 0, f"{identity}: {problem}")
        return
    source = _source(one, known, sources, path)
    note = Note(
        id=identity,
        group=identity,
        title=_text(one.get("name"))[:300],
        description=_text(one.get("description"))[:2_000],
        level=_level(one),
        valid_from_ms=start,
        valid_until_ms=end,
        tags=_tags(one),
        references=tuple(_references(one)),
    )
    for kind, value in dict.fromkeys(meaning.observables):
        intake.add(kind, value, source, note, 0)
    if meaning.condition is not None:
        intake.add_pattern(str(uuid5(NAMESPACE, identity)), pattern, meaning.condition, source, note, 0)


def _source(
    one: Mapping[str, Any],
    known: Mapping[str, Mapping[str, Any]],
    sources: dict[tuple[str, str, str], Source],
    path: str,
) -> Source:
    author = _text(known.get(_text(one.get("created_by_ref")), {}).get("name"))
    tlp, statement = "", ""
    for reference in _strings(one.get("object_marking_refs")):
        marking = known.get(reference, {})
        definition = marking.get("definition")
        said = definition if isinstance(definition, dict) else {}
        statement = statement or _text(said.get("statement"))
        tlp = (
            tlp
            or TLP_MARKINGS.get(reference, "")
            or tlp_of(_text(said.get("tlp")))
            or tlp_of(_text(marking.get("name")))
        )
    return sources.setdefault((author, tlp, statement), Source(PurePath(path).stem, path, author, statement, tlp))


def _level(one: Mapping[str, Any]) -> Level | None:
    confidence = one.get("confidence")
    if isinstance(confidence, int) and not isinstance(confidence, bool):
        return level_of(confidence)
    return "low" if "anomalous-activity" in _strings(one.get("indicator_types")) else None


def _tags(one: Mapping[str, Any]) -> tuple[str, ...]:
    techniques = [
        f"attack.{_text(reference.get('external_id')).lower()}"
        for reference in _dicts(one.get("external_references"))
        if TECHNIQUE.match(_text(reference.get("external_id")))
    ]
    phases = [
        f"attack.{_text(phase.get('phase_name'))}"
        for phase in _dicts(one.get("kill_chain_phases"))
        if phase.get("kill_chain_name") == "mitre-attack"
    ]
    return tuple(dict.fromkeys((*techniques, *phases, *(label[:100] for label in _strings(one.get("labels"))))))[:50]


def _references(one: Mapping[str, Any]) -> Iterator[str]:
    for reference in _dicts(one.get("external_references"))[:5]:
        if _text(reference.get("url")).startswith("http"):
            yield _text(reference.get("url"))


def _time(one: Mapping[str, Any], name: str) -> int | None:
    value = one.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value))
    except (TypeError, ValueError):
        raise PatternProblem(f"`{name}` không phải là thời điểm ISO: {str(value)[:40]}.", unusable=False) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and isinstance(document.get("objects"), list):
        document = document["objects"]  # a bundle, or an envelope of TAXII
    for one in document if isinstance(document, list) else [document]:
        if isinstance(one, dict):
            yield one


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
