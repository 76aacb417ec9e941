"""Writes of reports: `making` archives them, `moving` confirms, sends and decides, `signing` puts digital signatures."""

from dekhang.apps.reports.services.making import make, preview
from dekhang.apps.reports.services.moving import confirm, receive, record_comparison, record_download, return_it, submit
from dekhang.apps.reports.services.signing import sign

__all__ = [
    "confirm",
    "make",
    "preview",
    "receive",
    "record_comparison",
    "record_download",
    "return_it",
    "sign",
    "submit",
]
