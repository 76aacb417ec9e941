"""Writes of inspections: samples, visits, what was looked at, findings to their end, minutes."""

from dekhang.apps.inspections.services.drawing import draw_sample
from dekhang.apps.inspections.services.findings import file_follow_up, judge, raise_finding, withdraw_finding
from dekhang.apps.inspections.services.minutes import make_minutes
from dekhang.apps.inspections.services.visits import answer_item, comment, move, plan_visit

__all__ = [
    "answer_item",
    "comment",
    "draw_sample",
    "file_follow_up",
    "judge",
    "make_minutes",
    "move",
    "plan_visit",
    "raise_finding",
    "withdraw_finding",
]
