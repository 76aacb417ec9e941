"""Writes of the scoreboard: a day's numbers, frozen once."""

from datetime import date

from django.db import IntegrityError, transaction

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.models import User
from dekhang.apps.scoreboard import selectors
from dekhang.apps.scoreboard.enums import AuditAction
from dekhang.apps.scoreboard.models import Snapshot


def freeze_day(day: date) -> list[Snapshot]:
    """Freeze the numbers of a day that is over; what is frozen already stays as it is.

    Returns:
        The snapshots made now; empty when the day was frozen before.
    Raises:
        ValueError: the day is not over.
    """
    if day >= clock.today():
        raise ValueError(f"Ngày {day:%d/%m/%Y} chưa hết, chưa chốt được số liệu.")
    if Snapshot.objects.filter(
        date=day
    ).exists():  # also where the law has got a duty since: periods name what they hold
        return []
    boards = selectors.live_boards(selectors.BOARD_DUTIES, day)  # reading is done before the write begins
    made = []
    try:
        with transaction.atomic():
            for key, board in boards.items():
                snapshot = Snapshot(
                    duty_key=key,
                    date=day,
                    units_in_force=board.units,
                    declared=board.declared,
                    proven=board.proven,
                    states={str(state): number for state, number in sorted(board.states.items())},
                    done=board.measure.done if board.measure else None,
                    whole=board.measure.whole if board.measure else None,
                    never=board.measure.never if board.measure else None,
                    records_sent=board.coverage.sent if board.coverage else None,
                    records_lost=board.coverage.lost if board.coverage else None,
                    packed_rows=Snapshot.pack(selectors.frozen_rows(board)),
                    frozen_at=clock.now(),
                )
                snapshot.digest = selectors.snapshot_digest(snapshot)
                snapshot.save(force_insert=True)
                made.append(snapshot)
                record_event(
                    action=AuditAction.SNAPSHOT_FROZEN,
                    by=None,
                    target=snapshot,
                    detail={"duty": key, "date": day.isoformat(), "digest": snapshot.digest},
                )
    except IntegrityError:  # one_snapshot_a_day: another process froze it at the same moment
        return []
    return made


@transaction.atomic
def record_export(*, duty_key: str, day: date, rows: int, form: str, by: User) -> None:
    """Rows left the system: who took which, when."""
    record_event(
        action=AuditAction.BOARD_EXPORTED,
        by=by,
        detail={"duty": duty_key, "date": day.isoformat(), "rows": rows, "form": form},
    )
