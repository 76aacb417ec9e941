"""Writes of contests. A correction is a new observation that withdraws a wrong one, or a note; never another number."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.contesting import messages
from dekhang.apps.duties.contesting.policies import (
    check_can_contest,
    check_can_decide_contest,
    check_can_retract,
    check_can_withdraw_contest,
)
from dekhang.apps.duties.contesting.selectors import RETRACTABLE
from dekhang.apps.duties.enums import (
    CONTEST_MOVES,
    AuditAction,
    ContestState,
    Correction,
    EvidenceKind,
    EvidenceSource,
    Outcome,
)
from dekhang.apps.duties.models import Contest, Evidence
from dekhang.apps.duties.selectors import assess, moment_of
from dekhang.apps.duties.services import record_evidence
from dekhang.law import load

# Kinds of which one bad row stands against a unit by itself: without it nothing was wrong. Of the others a proof must have
# been seen before; a person cannot make one up by withdrawing a failure.
HARMLESS_WITHOUT = frozenset(
    {
        EvidenceKind.SOURCE_LOSS,
        EvidenceKind.CLOCK,
        EvidenceKind.OUTSIDE_REGISTER,
        EvidenceKind.SECRET_INCIDENT,
        EvidenceKind.SUPPORT_ANSWERED,
        EvidenceKind.SUPPORT_VERIFIED,
    }
)


@transaction.atomic
def contest(
    *,
    unit_id: int,
    duty_key: str,
    text: str,
    by: User,
    day: date | None = None,
    evidence: Sequence[Evidence] = (),
) -> Contest:
    """The unit disagrees with its number of `day` (today by default). The number itself is not changed by it.

    Args:
        evidence: the rows that it says are wrong, of this unit.
    Raises:
        ActionDenied: `by` does not work for the unit, the day is too long ago, or a contest of the duty waits already.
    """
    load().duty(duty_key)
    day = day or clock.today()
    check_can_contest(by, unit_id, day)
    now = clock.now()
    shown = assess(duty_key, [unit_id], moment_of(day))[unit_id]
    opened = Contest(
        unit_id=unit_id,
        duty_key=duty_key,
        day=day,
        state_shown=shown.state,
        reason_shown=shown.reasons[0].text if shown.reasons else "",
        text=text.strip(),
        opened_at=now,
        opened_by=by,
        due_at=now + timedelta(days=load().proof("contest_answer_days").whole),
    )
    try:
        with transaction.atomic():
            opened.save()
    except IntegrityError:  # one_open_contest
        raise ActionDenied(
            _("Một giải trình về nghĩa vụ này đang chờ xem xét. Rút giải trình ấy trước nếu muốn viết lại.")
        ) from None
    opened.evidence.set([row for row in evidence if row.unit_id == unit_id])
    record_event(
        action=AuditAction.CLAIM_CONTESTED,
        target=opened,
        by=by,
        detail={"duty": duty_key, "day": day.isoformat(), "rows": [row.pk for row in evidence]},
    )
    messages.opened(opened)
    return opened


@transaction.atomic
def correct_contest(*, contest: Contest, answer: str, retract: Sequence[Evidence] = (), by: User) -> Contest:
    """The unit is right: observations that were wrong are withdrawn by new ones, or a note stands beside the number.

    Args:
        retract: rows of the unit that were observed wrongly; none: the answer is a note.
    Raises:
        ActionDenied: see `check_can_decide_contest`, `retract_observation`; or nothing was written.
    """
    check_can_decide_contest(by, contest)
    _must_say(answer)
    correction = Correction.OBSERVATION if retract else Correction.NOTE
    decided = _decide(contest, ContestState.CORRECTED, answer=answer, correction=correction, by=by)
    for row in retract:
        retract_observation(row=row, contest=decided, reason=answer, by=by)
    record_event(
        action=AuditAction.CONTEST_CORRECTED,
        target=decided,
        by=by,
        detail={"duty": contest.duty_key, "correction": str(correction), "rows": [row.pk for row in retract]},
    )
    messages.decided(decided)
    return decided


@transaction.atomic
def refuse_contest(*, contest: Contest, answer: str, by: User) -> Contest:
    """The number stands, with the reason."""
    check_can_decide_contest(by, contest)
    _must_say(answer)
    decided = _decide(contest, ContestState.REFUSED, answer=answer, by=by)
    record_event(action=AuditAction.CONTEST_REFUSED, target=decided, by=by, detail={"duty": contest.duty_key})
    messages.decided(decided)
    return decided


@transaction.atomic
def withdraw_contest(*, contest: Contest, by: User) -> Contest:
    check_can_withdraw_contest(by, contest)
    decided = _decide(contest, ContestState.WITHDRAWN, answer="", by=by)
    record_event(action=AuditAction.CONTEST_WITHDRAWN, target=decided, by=by, detail={"duty": contest.duty_key})
    return decided


def _must_say(answer: str) -> None:
    if not answer.strip():
        raise ActionDenied(_("Hãy viết lý do, để đơn vị và người xem bảng điểm hiểu quyết định này."))


def _decide(contest: Contest, to: ContestState, *, answer: str, by: User, correction: str = "") -> Contest:
    allowed = [state for state, targets in CONTEST_MOVES.items() if to in targets]
    moved = Contest.objects.filter(pk=contest.pk, state__in=allowed).update(
        state=to, answer=answer.strip(), correction=correction, answered_at=clock.now(), answered_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Giải trình này vừa được người khác xem xét hoặc đã rút. Mở lại trang để xem."))
    return Contest.objects.select_related("opened_by", "answered_by").get(pk=contest.pk)


@transaction.atomic
def retract_observation(*, row: Evidence, contest: Contest, reason: str, by: User) -> Evidence:
    """A new row that takes the word of a wrong one from now on: what stood before it stands again.

    Raises:
        ActionDenied: not of this unit, of a kind that has its own way back, no longer the newest word, or there is nothing
            that stood before and the kind needs to be seen.
    """
    if row.unit_id != contest.unit_id:
        raise ActionDenied(_("Quan sát này không phải của đơn vị giải trình."))
    if row.kind not in RETRACTABLE:
        raise ActionDenied(
            _(
                "“%(kind)s” không rút ở đây: văn bản thì trả lại ở trang kiểm tra, vị trí và đầu mối thì sửa trong danh bạ."
            )
            % {"kind": row.get_kind_display()}
        )
    check_can_retract(by, row, contest)
    same = Evidence.objects.filter(unit_id=row.unit_id, kind=row.kind, subject=row.subject)
    same = same.order_by("-observed_at", "-pk")
    newest = same.first()
    if newest is None or newest.pk != row.pk:
        raise ActionDenied(_("Quan sát này đã được thay bởi một quan sát mới hơn, không cần rút."))
    before = same.exclude(pk=row.pk).first()
    if before is None and row.outcome == Outcome.BROKEN and row.kind not in HARMLESS_WITHOUT:
        raise ActionDenied(
            _(
                "Trước “%(kind)s” này chưa có lần nào đạt để trở về. Hãy để hệ thống quan sát lại: thử lại, diễn tập lại."
            )
            % {"kind": row.get_kind_display()}
        )
    if before is None:
        since = None if row.outcome == Outcome.BROKEN else row.observed_at.isoformat()
    else:
        since = before.payload.get("stood_since", before.observed_at.isoformat())
    outcome = before.outcome if before else (Outcome.OK if row.outcome == Outcome.BROKEN else Outcome.BROKEN)
    made = record_evidence(
        unit_id=row.unit_id,
        kind=EvidenceKind(row.kind),
        subject=row.subject,
        outcome=Outcome(outcome),
        observed_at=clock.now(),
        valid_until=before.valid_until if before else None,
        reason=_("Rút quan sát sai theo giải trình: %(why)s") % {"why": reason} if outcome == Outcome.BROKEN else "",
        payload={
            **(before or row).payload,
            "corrects": row.pk,
            "contest": contest.pk,
            "recorded_by": by.pk,
            "stood_since": since,  # no younger by being withdrawn; null: nothing stood before, so nothing is proven by it
        },
        source=EvidenceSource.PERSON,
    )
    record_event(
        action=AuditAction.OBSERVATION_RETRACTED,
        target=made,
        by=by,
        detail={"corrects": row.pk, "digest": row.digest, "contest": contest.pk},
    )
    return made


@transaction.atomic
def tell_overdue() -> int:
    """Contests that nobody decided in time are told to the province, once; returns how many."""
    late = Contest.objects.select_for_update().filter(state=ContestState.OPEN, due_at__lte=clock.now(), overdue_at=None)
    told = 0
    for one in late.order_by("due_at")[:100]:
        one.overdue_at = clock.now()
        one.save(update_fields=["overdue_at"])
        record_event(action=AuditAction.CONTEST_OVERDUE, target=one, by=None, detail={"duty": one.duty_key})
        messages.overdue(one)
        told += 1
    return told
