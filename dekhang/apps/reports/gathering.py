"""What a report says, gathered once and frozen: plain JSON of texts and whole numbers, lists where order matters.

Figures come from the scoreboard's boards and from nowhere else, so they are the board's by construction. Systems and
declarations are listed as `duties` has them at the same moment.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from dekhang.apps.core import official
from dekhang.apps.duties import levels
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.selectors import claims_standing
from dekhang.apps.registry import letterhead
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.reports.enums import ReportKind
from dekhang.apps.reports.kinds import KINDS
from dekhang.apps.scoreboard import selectors as scoreboard
from dekhang.apps.scoreboard.definitions import measure_words
from dekhang.apps.scoreboard.figures import Board
from dekhang.law import load
from dekhang.law.periods import last_ended
from dekhang.law.shapes import ReportDate

Inputs = dict[str, Any]
WITH_ALL_UNITS = frozenset({ReportKind.TO_UBND, ReportKind.TO_MINISTRY})
WITH_CHANGES = frozenset({ReportKind.TO_UBND, ReportKind.TO_MINISTRY, ReportKind.BULLETIN})


@dataclass(frozen=True, slots=True)
class Letter:
    """What people may change of what stands around the contents; "" means: as the system knows it."""

    number: str = ""
    signer_title: str = ""
    signer_name: str = ""
    recipients: str = ""  # one a line


@dataclass(frozen=True, slots=True)
class Asked:
    """A report that is wanted. `unit_id` None: of the province. `start` … `day`: the period; `day` is the figures' day.

    `entry`: what the law's calendar says of such reports on that day, whether or not the period is the calendar's.
    """

    kind: str
    unit_id: int | None
    start: date
    day: date
    entry: ReportDate | None = None
    letter: Letter = Letter()
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def calendar_key(self) -> str:
        """The entry whose period this is; "" for days that somebody chose."""
        if self.entry is None:
            return ""
        period = last_ended(self.entry, self.day + timedelta(days=1))
        return self.entry.key if period and (period.start, period.end) == (self.start, self.day) else ""


Boards = dict[str, Board]


def figures(day: date) -> Boards:
    """The boards of the day: every figure of a report. Many reports of one day may share them."""
    return scoreboard.boards(scoreboard.BOARD_DUTIES, day)


def gather(asked: Asked, boards: Boards, *, code: str, made_at: datetime) -> Inputs:
    """Everything that the paper will say, as JSON that is the same after a database kept it."""
    at = scoreboard.moment_of(asked.day)
    made_on = timezone.localtime(made_at).date()
    book = load()
    inputs: Inputs = {
        "kind": str(asked.kind),
        "code": code,
        "made_at": made_at.isoformat(),
        "day": _said(asked.day),
        "at": f"{timezone.localtime(at):%H:%M} ngày {_said(asked.day)}",
        "start": _said(asked.start),
        "year": asked.day.year,
        "half": 1 if asked.day.month <= 6 else 2,
        "provisional": asked.day >= made_on,
        "regime": book.regime_on(asked.day).key,
        "basis": [book.cite(key) for key in (asked.entry.basis if asked.entry else ("CT14-2019", "QD2273-2019"))],
        "calendar_note": asked.entry.note if asked.entry and asked.entry.worded_by_us else "",
        "province": registry_province(asked.day),
        "letter": _letter(asked, made_on),
        "texts": [[key, text] for key, text in asked.texts],
        "duties": [_duty(board) for board in boards.values()],
    }
    if asked.unit_id is not None:
        inputs["unit"] = _unit(asked.unit_id, asked.day, boards)
        if asked.kind == ReportKind.SIGN_OFF:
            inputs["claims"] = _claims(asked.unit_id, at)
    if asked.kind in WITH_ALL_UNITS:
        inputs["units"] = _units(boards)
    if asked.kind in WITH_CHANGES:
        before = figures(asked.start - timedelta(days=1))
        inputs["before"] = {
            "day": _said(asked.start - timedelta(days=1)),
            "duties": [_duty(b) for b in before.values()],
        }
        inputs["changes"] = _changes(before, boards)
    if asked.kind == ReportKind.LEVEL:
        inputs["systems"] = _systems(asked.unit_id, asked.day, at)
    if asked.kind == ReportKind.CERTIFICATE:
        inputs["address"] = settings.BASE_URL.rstrip("/") + reverse("reports:check", args=[code])
    return inputs


def _said(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def registry_province(day: date) -> str:
    """ "tỉnh Tây Ninh", as it stands inside a sentence."""
    name = letterhead.province_name(day).removeprefix("UBND ")
    return name[:1].lower() + name[1:]


def _duty(board: Board) -> dict[str, Any]:
    """One duty's figures. `states`: [key, label, units] of every state, also of those that no unit is in."""
    target = board.duty.target_on(board.day)
    return {
        "key": board.duty.key,
        "title": board.duty.title,
        "short": board.duty.short,
        "units": board.units,
        "declared": board.declared,
        "proven": board.proven,
        "states": [[str(s), str(s.label), board.states.get(s, 0)] for s in ClaimState],
        "target": f"{target.minimum:g}".replace(".", ",") if target else "",
        "measure": measure_words(board),
        "reference": board.reference.label if board.reference else "",
        "frozen": board.snapshot.digest if board.snapshot else "",
        "lost": board.coverage.lost if board.coverage else 0,
        "sent": board.coverage.sent if board.coverage else 0,
        "over_logs": board.coverage is not None,
    }


def _unit(unit_id: int, day: date, boards: Boards) -> dict[str, Any]:
    rows = [(board, row) for board in boards.values() for row in board.rows if row.unit_id == unit_id]
    return {
        "id": unit_id,
        "name": registry.unit_name(unit_id, day),
        "rows": [
            {
                "key": board.duty.key,
                "title": board.duty.title,
                "short": board.duty.short,
                "declares": board.duty.declared,
                "state": str(row.state),
                "label": str(row.state.label),
                "declared": row.declared,
                "proven": row.proven,
                "reason": row.reason,
                "next_step": row.next_step,
                "more": row.more_reasons,
                "since": _said(timezone.localtime(row.since).date()) if row.since else "",
                "until": _said(timezone.localtime(row.proven_until).date()) if row.proven_until else "",
            }
            for board, row in rows
        ],
    }


def _units(boards: Boards) -> list[list[Any]]:
    """A row for each unit: name, kind, and [duty key, state] of every duty that falls on it."""
    found: dict[int, list[Any]] = {}
    for board in boards.values():
        for row in board.rows:
            entry = found.setdefault(row.unit_id, [row.name, row.subtype, row.kind, []])
            entry[3].append([board.duty.key, str(row.state)])
    kinds = list(UnitKind.values)
    return sorted(found.values(), key=lambda e: (kinds.index(e[2]) if e[2] in kinds else len(kinds), e[0]))


def _changes(before: Boards, now: Boards) -> list[list[str]]:
    """[duty's short name, unit, "gained" or "lost", reason], of units that came to or from *proven* in the period."""
    changes = []
    for key, board in now.items():
        earlier = {row.unit_id: row.proven for row in before[key].rows} if key in before else {}
        for row in board.rows:
            was = earlier.get(row.unit_id, False)
            if row.proven and not was:
                changes.append([board.duty.short, row.name, "gained", ""])
            elif was and not row.proven:
                changes.append([board.duty.short, row.name, "lost", row.reason])
    return changes


def _claims(unit_id: int, at: datetime) -> list[list[str]]:
    """[duty key, what the unit declared, when, by whom] of declarations that stood."""
    return [
        [
            claim.duty_key,
            claim.statement,
            _said(timezone.localtime(claim.declared_at).date()),
            str(claim.declared_by or ""),
        ]
        for claim in claims_standing(unit_id, at)
    ]


def _systems(unit_id: int | None, day: date, at: datetime) -> list[dict[str, Any]]:
    units = [unit_id] if unit_id is not None else [v.unit_id for v in registry.counted_units(day)]
    names = registry.unit_names(units, day)
    rows = levels.systems(units, at)
    return [
        {
            "unit": names.get(row.unit_id, ""),
            "name": row.name,
            "level": row.level,
            "approved": row.approved,
            "decision": row.decision,
            "checked": row.checked,
            "checked_on": _said(timezone.localtime(row.checked_at).date()) if row.checked_at else "",
        }
        for row in sorted(rows, key=lambda row: (names.get(row.unit_id, ""), row.name))
    ]


def _letter(asked: Asked, made_on: date) -> dict[str, Any]:
    """Heads, number, place, date, recipients and signature, from the registry unless people wrote something else."""
    of_unit = asked.unit_id is not None and asked.kind != ReportKind.CERTIFICATE
    issuer_id = asked.unit_id if of_unit else coordinator_id(asked.day)
    superior, issuer = (
        letterhead.issuer_lines(issuer_id, asked.day) if issuer_id else ("", registry_province(asked.day))
    )
    head = registry.heads(issuer_id).first() if issuer_id else None
    typed = [line.strip() for line in asked.letter.recipients.splitlines() if line.strip()]
    return {
        "superior": superior,
        "issuer": issuer,
        "number": asked.letter.number,
        "sign": KINDS[str(asked.kind)].sign,
        "place_and_date": f"{letterhead.place(asked.day) or official.BLANK[:8]}, {official.date_line(made_on)}",
        "signer_title": asked.letter.signer_title or "Thủ trưởng đơn vị",
        "signer_name": asked.letter.signer_name or (head.full_name if head else ""),
        "recipients": typed or _recipients(asked),
    }


def coordinator_id(day: date) -> int | None:
    version = registry.versions_in_force(day).filter(is_coordinator=True).first()
    return version.unit_id if version else None


def _recipients(asked: Asked) -> list[str]:
    if asked.entry is None:
        return []
    book, regime = load(), asked.entry.regime
    coordinator = coordinator_id(asked.day)
    names = {
        "specialised_unit": registry.unit_name(coordinator, asked.day) if coordinator else "",
        "owner": f"{letterhead.PEOPLES_COMMITTEE} {registry_province(asked.day)}",
    }
    return [names.get(key) or book.party(key, regime=regime) for key in asked.entry.recipients]
