"""An official paper as a value: what it says, in the order in which it says it. Knows no format."""

from dataclasses import dataclass, field
from datetime import datetime

from dekhang.apps.core.templatetags.dk import percent

Cell = str | int


@dataclass(frozen=True, slots=True)
class Heading:
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A body paragraph; line breaks make further ones. `slanted`: citations and remarks."""

    text: str
    slanted: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Table:
    """`widths_mm` add up to 165 at most. Numbers are cells of type int: centred on paper, numbers in the workbook."""

    name: str  # of its sheet, ≤ 31 characters, unique in the paper
    heads: tuple[str, ...]
    widths_mm: tuple[int, ...]
    rows: tuple[tuple[Cell, ...], ...]
    small: bool = False  # many narrow columns


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code for `address`, with words beside it."""

    address: str
    words: str


Block = Heading | Text | Field | Table | Code


@dataclass(frozen=True, slots=True)
class Paper:
    superior: str
    issuer: str
    number: str
    place_and_date: str
    title: str
    subject: str
    recipients: tuple[str, ...]
    blocks: tuple[Block, ...]
    signer_title: str
    signer_name: str
    copies: tuple[str, ...]
    made_at: datetime  # aware; the only time that the files carry
    code: str
    appendix: tuple[Block, ...] = ()  # on a page of its own after the signature
    warning: str = ""  # above everything: a draft that may not be sent
    notes: tuple[str, ...] = field(default=())  # small, at the end: where figures and layout come from

    @property
    def tables(self) -> list[Table]:
        return [block for block in (*self.blocks, *self.appendix) if isinstance(block, Table)]


def share(part: int, whole: int) -> str:
    """ "35,7 %" as the board's pages write it; "–" for a share of nothing, which is not 0 %."""
    return percent(part / whole if whole else None)
