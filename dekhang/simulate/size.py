"""How big a simulated province is, and when its present is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
UNITS_LEAST = 4  # a province's body, a district and a commune of it beside the province itself
EVIDENCE_LEAST = 120  # rows a unit; fewer cannot tell the story of every duty


class SizeError(ValueError):
    """The sizes do not go together; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Size:
    """The same sizes, seed and `until` give the same rows.

    Args:
        units: units that are counted, over all provinces.
        evidence, alerts, people: rows (people: on the roster).
        months: how far the record goes back, 30 days each.
        until: the first day that is not over any more: the record ends as it begins.
        lies: share of the units that do not do a duty and say that they do.
        ledger_days: days of hourly counters of every source in `pipeline.db`.
    """

    units: int = 120
    people: int = 2_000
    evidence: int = 30_000
    alerts: int = 10_000
    provinces: int = 1
    months: int = 24
    seed: int = 1
    lies: float = 0.5
    ledger_days: int = 14
    until: date = date(2026, 11, 30)

    def __post_init__(self) -> None:
        if not 1 <= self.provinces <= 100:
            raise SizeError("Số tỉnh cần từ 1 đến 100.")
        if self.units < UNITS_LEAST * self.provinces:
            raise SizeError(
                f"Cần ít nhất {UNITS_LEAST} đơn vị mỗi tỉnh; đang là {self.units} đơn vị cho {self.provinces} tỉnh."
            )
        if self.evidence < EVIDENCE_LEAST * self.units:
            raise SizeError(
                f"Cần ít nhất {EVIDENCE_LEAST} bằng chứng mỗi đơn vị: --evidence {EVIDENCE_LEAST * self.units} trở lên."
            )
        if not 6 <= self.months <= 120:
            raise SizeError("Số tháng cần từ 6 đến 120.")
        if not 0 <= self.lies <= 1:
            raise SizeError("Tỷ lệ khai sai cần từ 0 đến 1.")
        if min(self.people, self.alerts, self.ledger_days) < 0:
            raise SizeError("Số người, cảnh báo và số ngày không được âm.")

    @property
    def end(self) -> datetime:
        """The simulated present: midnight before `until`, aware UTC."""
        return datetime.combine(self.until, time.min, tzinfo=ZONE).astimezone(UTC)

    @property
    def start(self) -> datetime:
        return self.end - timedelta(days=30 * self.months)
