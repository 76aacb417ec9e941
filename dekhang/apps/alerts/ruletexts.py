"""What a rule says to people, from the rulebook: read once per process, again when the rule files changed."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from dekhang.apps.alerts.models import Alert
from dekhang.apps.sources import rulebook
from dekhang.engine import Rule
from dekhang.pipeline.rulebook import Rulebook


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


_texts: dict[str, RuleText] = {}
_texts_of: Rulebook | None = None


def _refresh() -> None:
    global _texts, _texts_of
    book = rulebook.installed()
    if book is not _texts_of:
        _texts = {rule.id: _text(rule) for rule in book.rules}
        _texts_of = book


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
