"""The marker of a canary inside a detection's fields."""

import re
from collections.abc import Mapping
from typing import Any

from dekhang.apps.alerts.models import Alert

FAMILY = "canary"
MARKER = re.compile(r"dekhang-canary-([0-9a-f]{16})")


def nonce_in(fields: Mapping[str, Any]) -> str | None:
    """The first canary nonce in the values of `fields` (strings or lists of them)."""
    for value in fields.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and (found := MARKER.search(text)):
                return found[1]
    return None


def nonces_of(alert: Alert) -> set[str]:
    """Every nonce among the detections of a canary's alert."""
    return {nonce for fields in alert.detections.values_list("fields", flat=True) if (nonce := nonce_in(fields))}
