"""Procedures for people: the folder's present ones, and the texts that were kept when somebody adopted or ran them."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.incidents.models import Incident, KeptPlaybook, Sop
from dekhang.law import LawError, Playbook, Step
from dekhang.law.playbooks import load_playbook

logger = logging.getLogger(__name__)


def standard() -> dict[str, Playbook]:
    """Kind → procedure of the playbook folder, read again when a file changed.

    A file that cannot be used is logged with file, step and reason; the others are there.
    """
    folder = Path(settings.PLAYBOOK_FOLDER)
    return _load(folder, tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.json"))))


@lru_cache(maxsize=4)
def _load(folder: Path, files: tuple[tuple[str, int], ...]) -> dict[str, Playbook]:
    found: dict[str, Playbook] = {}
    for name, _changed in files:
        try:
            playbook = load_playbook(folder / name)
        except LawError as error:
            for fault in error.faults:
                logger.error("quy trình không dùng được: %s", fault)
        else:
            found[playbook.kind] = playbook
    return found


def version_of(playbook: Playbook) -> str:
    return playbook.version.isoformat()


def keep(playbook: Playbook) -> KeptPlaybook:
    """Store the procedure's text under its id and version; the same version is stored once."""
    kept, _created = KeptPlaybook.objects.get_or_create(
        playbook_id=playbook.id,
        version=version_of(playbook),
        defaults={
            "kind": playbook.kind,
            "name": playbook.name[:300],
            "body": msgspec.json.encode(playbook, enc_hook=str).decode(),
            "kept_at": clock.now(),
        },
    )
    return kept


@lru_cache(maxsize=64)
def read(playbook_id: str, version: str) -> Playbook:
    """The kept text of one version; it never changes, so it is remembered."""
    body = KeptPlaybook.objects.values_list("body", flat=True).get(playbook_id=playbook_id, version=version)
    return msgspec.json.decode(body, type=Playbook, dec_hook=_path)


def _path(kind: type, value: Any) -> Any:
    return kind(value)


def of_incident(incident: Incident) -> Playbook:
    return read(incident.playbook_id, incident.playbook_version)


def of_sop(sop: Sop) -> Playbook:
    return read(sop.playbook_id, sop.playbook_version)


def sops_in_use(unit_id: int) -> QuerySet[Sop]:
    return Sop.objects.filter(unit_id=unit_id, replaced_at=None)


def for_unit(unit_id: int, kind: str) -> Playbook:
    """What a new run follows: the version that the unit adopted, else the standard procedure of the day.

    Raises:
        ActionDenied: neither exists.
    """
    sop = sops_in_use(unit_id).filter(kind=kind).first()
    playbook = of_sop(sop) if sop else standard().get(kind)
    if playbook is None:
        raise ActionDenied(_("Chưa có quy trình mẫu cho loại sự cố này. Hãy báo quản trị hệ thống."))
    return playbook


def steps_left(playbook: Playbook, step_id: str) -> int:
    """The fewest steps from this one to the end, itself included and the end not: for "còn ít nhất n bước"."""
    distance = 0
    frontier: set[str] = {step_id}
    while frontier:
        if any(playbook.step(step).type == "end" for step in frontier):
            return distance
        distance += 1
        frontier = {after for step in frontier for after in _after(playbook.step(step))}
    return distance


def _after(step: Step) -> list[str]:
    if step.type == "choice":
        return [choice.next_id for choice in step.choices]
    return [step.next_id] if step.next_id else []
