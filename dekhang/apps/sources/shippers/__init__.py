"""Programs and devices that send logs: what an officer chooses from, and a ready configuration for each."""

from dekhang.apps.sources.shippers.canarycommands import canary_commands
from dekhang.apps.sources.shippers.catalogue import SHIPPERS, Shipper, Tried, kind_cards, shipper_of
from dekhang.apps.sources.shippers.filling import PLACEHOLDER, configuration, download, is_encrypted

__all__ = [
    "PLACEHOLDER",
    "SHIPPERS",
    "Shipper",
    "Tried",
    "canary_commands",
    "configuration",
    "download",
    "is_encrypted",
    "kind_cards",
    "shipper_of",
]
