"""Logs of cloud services and of applications that write JSON, one module a maker; told by their names alone."""

from __future__ import annotations

from dekhang.pipeline.parse.cloud import audits, aws, azure, google, m365
from dekhang.pipeline.parse.cloud.names import Document
from dekhang.pipeline.parse.event import Facts

__all__ = ["recognise"]

_MAKERS = (aws.recognise, m365.recognise, azure.recognise, google.recognise, audits.recognise)


def recognise(document: Document, received_ms: int) -> Facts | None:
    """Facts of a record of a cloud service, or None."""
    for maker in _MAKERS:
        facts = maker(document, received_ms)
        if facts is not None:
            return facts
    return None
