"""What a rule says to people, from the rulebook: read once per process, again when the rule files changed."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from django.conf import settings
from django.utils.translation import gettext as _

from dekhang.apps.alerts.models import Alert
from dekhang.engine import Rule
from dekhang.pipeline.rulesettings import folder_of, load_installed_rules

logger = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 30.0
Stamp: TypeAlias = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule in words. Rules of others have no Vietnamese text; then `is_ours` is false and meaning is general."""

    rule_id: str
    title_vi: str
    meaning_vi: str
    first_actions_vi: tuple[str, ...]
    incident_kind: str
    author: str = ""
    licence: str = ""
    references: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    description: str = ""
    falsepositives: tuple[str, ...] = ()
    is_ours: bool = True


_lock = Lock()
_texts: dict[str, RuleText] = {}
_stamp: Stamp | None = None
_looked_at = float("-inf")


def _stamp_of(folders: Sequence[Path]) -> Stamp:
    """Folder, number of files, newest change: differs when a rule file appears, goes or changes."""
    stamp = []
    for folder in folders:
        changes = [path.stat().st_mtime_ns for path in folder.rglob("*.yml")]
        stamp.append((str(folder), len(changes), max(changes, default=0)))
    return tuple(stamp)


def _refresh() -> None:
    global _texts, _stamp, _looked_at
    if time.monotonic() - _looked_at < LOOK_AGAIN_SECONDS:
        return
    with _lock:
        if time.monotonic() - _looked_at < LOOK_AGAIN_SECONDS:
            return
        folders = [Path(folder) for folder in settings.RULE_FOLDERS if Path(folder).is_dir()]
        stamp = _stamp_of([*folders, folder_of(Path(settings.DATA))])
        if stamp != _stamp:
            book = load_installed_rules(folders, Path(settings.DATA))
            _texts = {rule.id: _text(rule) for rule in book.rules}
            _stamp = stamp
        _looked_at = time.monotonic()


def _text(rule: Rule) -> RuleText:
    techniques = tuple(
        tag.removeprefix("attack.").upper()
        for tag in rule.tags
        if tag.lower().startswith("attack.t") and tag[8:9].isdigit()
    )
    said = rule.guidance
    return RuleText(
        rule_id=rule.id,
        title_vi=rule.title_vi,
        meaning_vi=said.meaning_vi if said else _general_meaning(),
        first_actions_vi=tuple(said.first_actions_vi) if said else _general_actions(),
        incident_kind=said.incident_kind if said else "intrusion",
        author=rule.author,
        licence=rule.license,
        references=tuple(rule.references),
        techniques=techniques,
        description=rule.description,
        falsepositives=tuple(rule.falsepositives),
        is_ours=said is not None,
    )


def _general_meaning() -> str:
    return _(
        "Một luật phát hiện của cộng đồng thấy dấu hiệu đáng ngờ trong log. Luật này chưa có lời giải thích tiếng Việt."
    )


def _general_actions() -> tuple[str, ...]:
    return (
        _("Xem máy và tài khoản ghi trong bằng chứng có phải do đơn vị chủ động làm không."),
        _("Nếu không rõ ai làm, tách máy khỏi mạng nhưng không tắt máy."),
        _("Gọi đầu mối điều phối của tỉnh để được hỗ trợ."),
    )


def text_of(rule_id: str) -> RuleText | None:
    """The text of a rule in force, or None for a rule that was taken out."""
    _refresh()
    return _texts.get(rule_id)


def explain(alert: Alert) -> RuleText:
    """The text of the alert's rule; for a rule that is gone, what the alert itself still knows."""
    return text_of(alert.rule_id) or RuleText(
        rule_id=alert.rule_id,
        title_vi=alert.title,
        meaning_vi=_("Luật đã phát ra cảnh báo này không còn trong bộ luật đang dùng."),
        first_actions_vi=_general_actions(),
        incident_kind="intrusion",
        is_ours=False,
    )
