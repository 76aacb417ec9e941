"""Writes of cascade: plans, sending them down, what units answer, and what is recorded on the clock."""

from dekhang.apps.cascade.services.answering import (
    accept,
    answer_contest,
    answer_question,
    ask,
    contest,
    demand_explanation,
    note_opened,
    note_received,
    set_sub_duty,
    toggle_sub_duty,
)
from dekhang.apps.cascade.services.extending import ask_extension, decide_extension, withdraw_extension
from dekhang.apps.cascade.services.plans import (
    change_plan,
    delete_task,
    discard_draft,
    draft_from_template,
    draft_plan,
    issue,
    move_task,
    revise,
    save_task,
)
from dekhang.apps.cascade.services.reporting import judge, report, withdraw_report
from dekhang.apps.cascade.services.sending import Recipients, send, withdraw_assignment

__all__ = [
    "Recipients",
    "accept",
    "answer_contest",
    "answer_question",
    "ask",
    "ask_extension",
    "change_plan",
    "contest",
    "decide_extension",
    "delete_task",
    "demand_explanation",
    "discard_draft",
    "draft_from_template",
    "draft_plan",
    "issue",
    "judge",
    "move_task",
    "note_opened",
    "note_received",
    "report",
    "revise",
    "save_task",
    "send",
    "set_sub_duty",
    "toggle_sub_duty",
    "withdraw_assignment",
    "withdraw_extension",
    "withdraw_report",
]
