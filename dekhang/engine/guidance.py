"""Reads a rule's `dekhang:` block (docs/explanation/architecture.md, "Rule files")."""

from typing import Any

from dekhang.engine.rules import INCIDENT_KINDS, Guidance

KEYS = frozenset(("title_vi", "meaning_vi", "first_actions_vi", "family", "entity", "incident_kind"))


class GuidanceError(ValueError):
    """The block is not as it should be; `key` is the part at fault."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


def read_guidance(block: Any) -> Guidance:
    """Return the block as a value.

    Raises:
        GuidanceError: a key is missing, unknown or of the wrong kind; the message is a Vietnamese sentence.
    """
    if not isinstance(block, dict):
        raise GuidanceError("dekhang", "Khối `dekhang` phải gồm các khóa: giá trị.")
    for key in block:
        if key not in KEYS:
            known = ", ".join(sorted(KEYS))
            raise GuidanceError(str(key), f"Khối `dekhang` có khóa lạ `{key}`; các khóa được dùng là {known}.")
    actions = block.get("first_actions_vi")
    if not isinstance(actions, list) or not 1 <= len(actions) <= 10 or not all(_is_text(one) for one in actions):
        raise GuidanceError("first_actions_vi", "`first_actions_vi` phải là danh sách 1–10 câu mệnh lệnh ngắn.")
    entity = block.get("entity")
    entity = [entity] if isinstance(entity, str) else entity
    if not isinstance(entity, list) or not entity or not all(_is_text(one) for one in entity):
        raise GuidanceError("entity", "`entity` phải là danh sách tên trường, trường đầu tiên có giá trị sẽ được dùng.")
    kind = block.get("incident_kind")
    if kind not in INCIDENT_KINDS:
        raise GuidanceError("incident_kind", f"`incident_kind` phải là một trong: {', '.join(INCIDENT_KINDS)}.")
    texts = {}
    for key in ("title_vi", "meaning_vi", "family"):
        if not _is_text(block.get(key)):
            raise GuidanceError(key, f"Khối `dekhang` thiếu `{key}` hoặc `{key}` không phải là chữ.")
        texts[key] = str(block[key]).strip()
    return Guidance(
        title_vi=texts["title_vi"],
        meaning_vi=texts["meaning_vi"],
        first_actions_vi=tuple(one.strip() for one in actions),
        family=texts["family"],
        entity=tuple(entity),
        incident_kind=kind,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
