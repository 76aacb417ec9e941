"""Everything that happened to an assignment, in one line of time: read from its rows, nothing is written for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import DueCause
from dekhang.apps.cascade.models import Assignment, Judgement
from dekhang.apps.cascade.periods import words_of
from dekhang.apps.core.models import User


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    by: User | None
    what: str
    detail: str = ""


def history_of(assignment: Assignment) -> list[Happened]:
    """The newest first; about ten queries."""
    return sorted(_events(assignment), key=lambda one: one.at, reverse=True)


def _events(assignment: Assignment) -> Iterator[Happened]:
    yield Happened(assignment.sent_at, assignment.sent_by, _("Giao việc"), assignment.note)
    for old in assignment.continues.select_related("unit"):
        yield Happened(assignment.sent_at, None, _("Tiếp nối việc được giao số %(n)s của đơn vị trước") % {"n": old.pk})
    if assignment.ended_at is not None:
        yield Happened(assignment.ended_at, assignment.ended_by, assignment.get_end_cause_display())
    for receipt in assignment.receipts.select_related("by"):
        yield Happened(receipt.at, receipt.by, receipt.get_kind_display())
    for due in assignment.dues.select_related("set_by"):
        if due.cause != DueCause.SENT:
            day = f"{due.day:%d/%m/%Y}" if due.day else _("không có hạn")
            yield Happened(due.set_at, due.set_by, _("Hạn mới: %(day)s") % {"day": day}, due.get_cause_display())
    yield from _reports(assignment)
    for asked in assignment.extensions.select_related("asked_by", "decided_by"):
        until = f"{asked.until:%d/%m/%Y}"
        yield Happened(asked.asked_at, asked.asked_by, _("Xin gia hạn tới %(day)s") % {"day": until}, asked.reason)
        if asked.decided_at is not None:
            what = _("Đồng ý gia hạn") if asked.granted else _("Không đồng ý gia hạn")
            yield Happened(asked.decided_at, asked.decided_by, what, asked.decision_note)
        elif asked.withdrawn_at is not None:
            yield Happened(asked.withdrawn_at, asked.asked_by, _("Rút xin gia hạn"))
    for question in assignment.questions.select_related("asked_by", "answered_by"):
        yield Happened(question.asked_at, question.asked_by, _("Hỏi"), question.text)
        if question.answered_at is not None:
            yield Happened(question.answered_at, question.answered_by, _("Trả lời"), question.answer)
    for contest in assignment.contests.select_related("opened_by", "answered_by"):
        yield Happened(contest.opened_at, contest.opened_by, contest.get_side_display(), contest.text)
        if contest.answered_at is not None:
            yield Happened(contest.answered_at, contest.answered_by, _("Trả lời giải trình"), contest.answer)
    for rung in assignment.escalations.all():
        what = _("%(about)s: chuyển tới %(whom)s") % {
            "about": rung.get_about_display(),
            "whom": rung.get_step_display(),
        }
        yield Happened(rung.at, None, what, _("hạn %(day)s") % {"day": f"{rung.due_on:%d/%m/%Y}"})
    for period in assignment.occurrences.exclude(missed_at=None):
        assert period.missed_at is not None
        yield Happened(period.missed_at, None, _("Bỏ lỡ kỳ"), words_of(period.starts_on, period.ends_on))
    for part in assignment.sub_duties.select_related("set_by", "done_by"):
        yield Happened(part.set_at, part.set_by, _("Phân công %(person)s") % {"person": part.person}, part.text)


def _reports(assignment: Assignment) -> Iterator[Happened]:
    for report in assignment.reports.select_related("reported_by", "withdrawn_by", "occurrence"):
        about = words_of(report.occurrence.starts_on, report.occurrence.ends_on) if report.occurrence else ""
        yield Happened(report.reported_at, report.reported_by, _("Báo cáo %(period)s") % {"period": about}, report.text)
        if report.withdrawn_at is not None:
            yield Happened(report.withdrawn_at, report.withdrawn_by, _("Rút báo cáo"))
    for judged in Judgement.objects.filter(report__assignment=assignment).select_related("by"):
        yield Happened(
            judged.at, judged.by, _("Báo cáo: %(verdict)s") % {"verdict": judged.get_verdict_display()}, judged.note
        )
