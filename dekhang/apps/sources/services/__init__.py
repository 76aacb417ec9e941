"""Writes of sources: connecting them, handing files over, and testing that an attack would be seen."""

from dekhang.apps.sources.services.calls import ask_for_canary, change_plan, miss_call, plan_of
from dekhang.apps.sources.services.canaries import (
    canary_acknowledged,
    canary_arrived,
    canary_detected,
    canary_expired,
    cancel_canary,
    start_canary,
)
from dekhang.apps.sources.services.connection import (
    change,
    create_source,
    end_former_token,
    has_former_token,
    intake_entries,
    is_token_of,
    publish,
    renew_token,
    restore,
    retire,
    set_quota,
)
from dekhang.apps.sources.services.feeds import set_feeds
from dekhang.apps.sources.services.health import (
    Fallen,
    keep_cadence,
    mark_delivering,
    mark_loss,
    mark_silent,
    tell_head,
)
from dekhang.apps.sources.services.maps import keep_map, record_map_export
from dekhang.apps.sources.services.uploads import store_upload

__all__ = [
    "Fallen",
    "ask_for_canary",
    "canary_acknowledged",
    "canary_arrived",
    "canary_detected",
    "canary_expired",
    "cancel_canary",
    "change",
    "change_plan",
    "create_source",
    "end_former_token",
    "has_former_token",
    "intake_entries",
    "is_token_of",
    "keep_cadence",
    "keep_map",
    "mark_delivering",
    "mark_loss",
    "mark_silent",
    "miss_call",
    "plan_of",
    "publish",
    "record_map_export",
    "renew_token",
    "restore",
    "retire",
    "set_feeds",
    "set_quota",
    "start_canary",
    "store_upload",
    "tell_head",
]
