"""States of assignments as badges: word, shape and colour together."""

from datetime import date

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import DeadlineKind, Period, TaskState
from dekhang.apps.cascade.models import TaskVersion
from dekhang.apps.cascade.periods import words_of
from dekhang.apps.core.templatetags.dk import badge, icon
from dekhang.law import UnknownKey, load

register = template.Library()

TONES = {
    TaskState.NOT_REPORTED: ("neutral", "circle"),
    TaskState.REPORTED: ("info", "megaphone"),
    TaskState.PROVEN: ("ok", "check"),
    TaskState.CONTESTED: ("warn", "message-square"),
}


@register.simple_tag
def task_state(state: str) -> SafeString:
    tone, icon_name = TONES[TaskState(state)]
    return badge(tone, TaskState(state).label, icon_name)


@register.simple_tag
def state_icon(state: str) -> SafeString:
    return icon(TONES[TaskState(state)][1], 14)


@register.filter
def deadline_words(task: TaskVersion) -> str:
    """When a task is due, in words: a day, every period and how long after it, or standing."""
    if task.deadline == DeadlineKind.STANDING:
        return _("thường xuyên")
    if task.deadline == DeadlineKind.ONCE:
        return f"{task.due_on:%d/%m/%Y}"
    after = task.due_days
    when = (
        _("khi kỳ kết thúc")
        if after == 0
        else (_("sau kỳ %(n)d ngày") if after > 0 else _("trước khi kỳ kết thúc %(n)d ngày")) % {"n": abs(after)}
    )
    return f"{Period(task.period).label.lower()}, {when}"


@register.filter
def proof_words(task: TaskVersion) -> str:
    """What proves a task, in words."""
    parts = []
    if task.duty_key:
        try:
            parts.append(_("nghĩa vụ “%(duty)s” trên Bảng điểm") % {"duty": load().duty(task.duty_key).short})
        except UnknownKey:
            parts.append(task.duty_key)
    if task.own_proof:
        parts.append(_("báo cáo được nơi giao kiểm tra"))
    return _(" và ").join(parts)


@register.filter
def period_words(period: object) -> str:
    starts_on: date = period.starts_on  # type: ignore[attr-defined]
    return words_of(starts_on, period.ends_on)  # type: ignore[attr-defined]


@register.filter
def basis_words(task: TaskVersion) -> str:
    """Citations of a task; a key that is no more in the data stays as it is."""
    law, words = load(), []
    for key in task.basis:
        words.append(law.cite(key) if key in law.keys() else key)  # noqa: SIM118 - a method, not a mapping
    return "; ".join([*words, *filter(None, [getattr(task, "basis_note", "")])])


@register.filter
def party_words(parties: object, role: str) -> str:
    """Who leads or takes part: kinds by their name, units by theirs (`names` is put on them by the view)."""
    return ", ".join(getattr(party, "name", "") or party.get_kind_display() for party in parties if party.role == role)  # type: ignore[attr-defined]
