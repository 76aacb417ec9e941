"""The texts of `detect` in the reader's language: Vietnamese is written where it is said, English stands beside it.

    words = Words("en")
    words("Không luật nào khớp.")                 → "No rule matched."
    words("{n} bản ghi", n=words.number(1234))    → "1,234 records"

`tests/unit/cli/test_detect_words.py` holds the table complete: every text said here has its English, none is left over.
What lower rooms say (why a rule is faulty, what is wrong with a file) stays in the language of the house.
"""

from datetime import timedelta
from typing import Literal, TypeAlias

from dekhang.cli.detect.english import ENGLISH
from dekhang.cli.detect.showing import utc
from dekhang.engine.rules import Level

Language: TypeAlias = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")
VIET_NAM = timedelta(hours=7)
DATE, CLOCK = "%d/%m/%Y", "%H:%M:%S"


class Words:
    """Says a text in one language. Values are put in after the choice, so a log's text is never taken for ours."""

    def __init__(self, language: Language = "vi") -> None:
        self.language = language
        self._table: dict[str, str] = {} if language == "vi" else ENGLISH

    def __call__(self, text: str, /, **values: object) -> str:
        said = self._table.get(text, text)
        return said.format(**values) if values else said

    def number(self, number: int) -> str:
        grouped = f"{number:,}"
        return grouped.replace(",", ".") if self.language == "vi" else grouped

    def decimal(self, number: float, digits: int = 1) -> str:
        written = f"{number:,.{digits}f}"
        return written.translate(str.maketrans(",.", ".,")) if self.language == "vi" else written

    def level(self, level: Level) -> str:
        return self(LEVEL_NAMES[level])

    def moment(self, time_ms: int, *, seconds: bool = True) -> str:
        """Return the UTC time, as the log says it; `local` gives Viet Nam's."""
        return utc(time_ms).strftime(DATE + " " + (CLOCK if seconds else "%H:%M"))

    def local(self, time_ms: int, *, seconds: bool = True) -> str:
        """Return the time in Viet Nam (UTC+7, no summer time)."""
        return (utc(time_ms) + VIET_NAM).strftime(DATE + " " + (CLOCK if seconds else "%H:%M"))

    def both(self, first_ms: int | None, last_ms: int | None) -> tuple[str, str]:
        """Return a stretch of time as UTC and as Viet Nam's time; what is the same is said once."""
        if first_ms is None or last_ms is None:
            return self("không rõ giờ"), ""
        here = utc(first_ms), utc(last_ms)
        there = here[0] + VIET_NAM, here[1] + VIET_NAM
        one_day = len({moment.date() for moment in here + there}) == 1
        if first_ms // 1000 == last_ms // 1000:
            return self.moment(first_ms) + " UTC", self(
                "{time} giờ VN", time=there[0].strftime(CLOCK if one_day else DATE + " " + CLOCK)
            )
        if one_day:
            ours, theirs = (f"{a.strftime(CLOCK)}–{b.strftime(CLOCK)}" for a, b in (here, there))
            return f"{here[0].strftime(DATE)} {ours} UTC", self("{time} giờ VN", time=theirs)
        ours, theirs = (
            f"{a.strftime(DATE + ' ' + CLOCK)} – {b.strftime(DATE + ' ' + CLOCK)}" for a, b in (here, there)
        )
        return ours + " UTC", self("{time} giờ VN", time=theirs)


LEVEL_NAMES: dict[Level, str] = {
    "informational": "thông tin",
    "low": "thấp",
    "medium": "vừa",
    "high": "cao",
    "critical": "nghiêm trọng",
}
