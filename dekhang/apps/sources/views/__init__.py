"""Pages of sources: seeing them, connecting them, testing them."""

from dekhang.apps.sources.views.canaries import canaries, canary, canary_plan, cancel_canary, start_canary
from dekhang.apps.sources.views.connecting import (
    authority,
    change,
    choose,
    configuration,
    connect,
    end_former_token,
    quota,
    renew_token,
    restore,
    retire,
    setup,
)
from dekhang.apps.sources.views.detecting import detectability, detectability_csv, detectability_of, technique
from dekhang.apps.sources.views.looking import detail, intake, live, of_unit, source_list, unknown_senders
from dekhang.apps.sources.views.silences import silence
from dekhang.apps.sources.views.uploading import upload, uploads

__all__ = [
    "authority",
    "canaries",
    "canary",
    "canary_plan",
    "cancel_canary",
    "change",
    "choose",
    "configuration",
    "connect",
    "detail",
    "detectability",
    "detectability_csv",
    "detectability_of",
    "end_former_token",
    "intake",
    "live",
    "of_unit",
    "quota",
    "renew_token",
    "restore",
    "retire",
    "setup",
    "silence",
    "source_list",
    "start_canary",
    "technique",
    "unknown_senders",
    "upload",
    "uploads",
]
