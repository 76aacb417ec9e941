"""What went wrong while reading a file: sentences for a person, bounded in number."""

from dekhang.pipeline.formats.limits import PROBLEMS_KEPT

WHOLE_FILE = -1


class Problems(list[tuple[int, str]]):
    """(position, Vietnamese sentence) pairs; position = number of the record that was due, or WHOLE_FILE.

    At most PROBLEMS_KEPT are kept; `left_out` counts the rest, `total` counts all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left_out = 0

    @property
    def total(self) -> int:
        return len(self) + self.left_out

    def note(self, position: int, sentence: str) -> None:
        if len(self) < PROBLEMS_KEPT:
            self.append((position, sentence))
        else:
            self.left_out += 1
