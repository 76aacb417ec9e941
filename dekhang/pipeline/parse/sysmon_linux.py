"""Sysmon for Linux: events of the shape that Windows events have, under names that rules for Linux ask for.

It writes XML into syslog (`sysmon: <Event>…`); shippers make the JSON of it that they make of Windows events.
"""

from __future__ import annotations

from dekhang.pipeline.parse.event import Facts, text_of

_PROVIDER = "linux-sysmon"


def told(facts: Facts) -> Facts:
    """The same facts of a Windows-shaped event; those of Sysmon for Linux as what they are."""
    fields = facts.fields
    provider = fields.get("Provider_Name")
    if provider.__class__ is not str or provider == "Microsoft-Windows-Sysmon":
        return facts
    if text_of(provider).lower() != _PROVIDER:
        return facts
    facts.kind, facts.product, facts.service = "linux_sysmon", "linux", "sysmon"
    facts.fields_are_raw = False  # `host` comes to them
    return facts
