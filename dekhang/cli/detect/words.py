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

    def percent(self, share: float) -> str:
        """0 and 100 % only when it is exactly so; 0.99998 must not become a comforting 100 %."""
        percent = share * 100
        if 0 < percent < 0.1:
            return self("dưới {percent} %", percent=self.decimal(0.1))
        return f"{self.decimal(min(percent, 99.9) if share < 1 else percent, 0 if percent in (0, 100) else 1)} %"

    def level(self, level: Level) -> str:
        return self(LEVEL_NAMES[level])

    def moment(self, time_ms: int, *, seconds: bool = True) -> str:
        """Return the UTC time, as the log says it; `local` gives Viet Nam's."""
        return utc(time_ms).strftime("%d/%m/%Y %H:%M" + (":%S" if seconds else ""))

    def local(self, time_ms: int, *, seconds: bool = True) -> str:
        """Return the time in Viet Nam (UTC+7, no summer time)."""
        return (utc(time_ms) + VIET_NAM).strftime("%d/%m/%Y %H:%M" + (":%S" if seconds else ""))


LEVEL_NAMES: dict[Level, str] = {
    "informational": "thông tin",
    "low": "thấp",
    "medium": "vừa",
    "high": "cao",
    "critical": "nghiêm trọng",
}
