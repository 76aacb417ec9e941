"""Writes of alerts: raising them from detections, answering them, carrying them up."""

from dekhang.apps.alerts.services.answering import acknowledge, mark_false_alarm, reopen, resolve
from dekhang.apps.alerts.services.escalation import escalate_alert
from dekhang.apps.alerts.services.grouping import take_detections

__all__ = ["acknowledge", "escalate_alert", "mark_false_alarm", "reopen", "resolve", "take_detections"]
