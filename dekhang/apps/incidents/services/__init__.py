"""Writes of incidents: one verb each, one transaction, one audit event."""

from dekhang.apps.incidents.services.capacity import judge_capacity
from dekhang.apps.incidents.services.clocks import record_event_of_law, withdraw_event_of_law
from dekhang.apps.incidents.services.files import attach, check_file
from dekhang.apps.incidents.services.lifecycle import (
    add_note,
    cancel,
    close,
    mark_handled,
    open_incident,
    reopen,
    running_with,
)
from dekhang.apps.incidents.services.reports import make_report, mark_report_sent, save_facts
from dekhang.apps.incidents.services.sops import adopt_sop, approve_sop, confirm_read, put_document
from dekhang.apps.incidents.services.steps import finish_step, skip_step, undo_step

__all__ = [
    "add_note",
    "adopt_sop",
    "approve_sop",
    "attach",
    "cancel",
    "check_file",
    "close",
    "confirm_read",
    "finish_step",
    "judge_capacity",
    "make_report",
    "mark_handled",
    "mark_report_sent",
    "open_incident",
    "put_document",
    "record_event_of_law",
    "reopen",
    "running_with",
    "save_facts",
    "skip_step",
    "undo_step",
    "withdraw_event_of_law",
]
