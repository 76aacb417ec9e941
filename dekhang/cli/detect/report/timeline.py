"""The time line as SVG: a lane for each level, a mark for each stretch of time, its size the number of findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from markupsafe import Markup, escape

from dekhang.cli.detect.showing import utc
from dekhang.cli.detect.summary import DAY, HOUR, Timeline
from dekhang.cli.detect.words import VIET_NAM, Words
from dekhang.engine.rules import LEVELS

# level → path in a box of 20 × 20 around 0,0: shape tells the level as well as colour does
SHAPES = (
    "M0-7A7 7 0 1 1 0 7A7 7 0 1 1 0-7ZM0-4A4 4 0 1 0 0 4A4 4 0 1 0 0-4Z",  # ring
    "M-7-7H7V7H-7Z",  # square
    "M0-8A8 8 0 1 1 0 8A8 8 0 1 1 0-8Z",  # disc
    "M0-9L9 7H-9Z",  # triangle
    "M0-10L10 0L0 10L-10 0Z",  # diamond
)
LANE = 34


@dataclass(frozen=True, slots=True)
class Size:
    """How the picture is laid out, in its own units (pixels on a screen of that width)."""

    width: int
    left: int  # room for the lanes' names
    stretches: int  # at most
    labels: int  # at most, below the axis


WIDE = Size(width=1000, left=120, stretches=48, labels=6)
NARROW = Size(width=330, left=104, stretches=14, labels=2)


def picture(timeline: Timeline, size: Size, words: Words) -> Markup:
    """Return the SVG; an empty text when no time is known."""
    width_ms, bins = timeline.for_showing(size.stretches)
    if not bins:
        return Markup("")
    first, last = min(bins), max(bins)
    count = (last - first) // width_ms + 1
    lanes = [level for level in reversed(range(len(LEVELS))) if any(counts[level] for counts in bins.values())]
    step = (size.width - size.left - 16) / count
    height = LANE * len(lanes) + 46
    parts = [
        f'<svg viewBox="0 0 {size.width} {height}" role="img" aria-label="'
        f'{escape(told(timeline, words))}" xmlns="http://www.w3.org/2000/svg">'
    ]
    for lane, level in enumerate(lanes):
        middle = LANE * lane + LANE / 2
        parts.append(
            f'<line x1="{size.left}" x2="{size.width}" y1="{middle}" y2="{middle}" class="lane"/>'
            f'<text x="{size.left - 10}" y="{middle + 4.5}" class="lane-name">{escape(words.level(LEVELS[level]))}</text>'
        )
        for start, counts in sorted(bins.items()):
            if counts[level]:
                x = size.left + 8 + step * ((start - first) // width_ms + 0.5)
                # 1 → 0.75, 1,000 → 1.5: more is larger, and a single grave finding is still seen
                scale = min(0.75 + 0.075 * log2(counts[level]), 1.6)
                parts.append(
                    f'<path d="{SHAPES[level]}" class="level-{level}" fill-rule="evenodd" '
                    f'transform="translate({x:.1f} {middle}) scale({scale:.2f})"><title>'
                    f"{escape(stretch(start, width_ms, words))}: {words.number(counts[level])}</title></path>"
                )
    parts.extend(_axis(first, count, width_ms, size, LANE * len(lanes), step))
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704 - numbers of ours, and texts escaped above


def _axis(first: int, count: int, width_ms: int, size: Size, top: float, step: float) -> list[str]:
    """Two rows of times: UTC as in the log, Viet Nam's below it."""
    every = max(1, -(-count // size.labels))
    parts = [f'<line x1="{size.left}" x2="{size.width}" y1="{top}" y2="{top}" class="axis"/>']
    pattern = "%d/%m/%Y" if width_ms >= DAY else "%H:%M %d/%m/%y"
    rows = (("UTC", 0, top + 18), ("UTC+7", VIET_NAM // (utc(1) - utc(0)), top + 36))
    for name, shift_ms, y in rows if width_ms < DAY else rows[:1]:
        parts.append(f'<text x="{size.left - 10}" y="{y}" class="lane-name">{name}</text>')
        for place in range(0, count, every):
            x = size.left + 8 + step * place
            text = utc(first + place * width_ms + shift_ms).strftime(pattern)
            parts.append(f'<text x="{x:.1f}" y="{y}" class="tick">{text}</text>')
    return parts


def stretch(start: int, width_ms: int, words: Words) -> str:
    """Say which stretch of time begins at `start`, in UTC."""
    if width_ms >= DAY:
        return words("từ {moment}", moment=utc(start).strftime("%d/%m/%Y"))
    end = utc(start + width_ms).strftime("%H:%M")
    return f"{words.moment(start, seconds=False)}–{end}"


def told(timeline: Timeline, words: Words) -> str:
    """Say in words what the picture shows."""
    totals = [sum(counts[level] for counts in timeline.bins.values()) for level in range(len(LEVELS))]
    said = ", ".join(
        f"{words.level(LEVELS[level])} {words.number(totals[level])}"
        for level in reversed(range(len(LEVELS)))
        if totals[level]
    )
    return words("Dòng thời gian: {said}", said=said)


def unit(timeline: Timeline, size: Size, words: Words) -> str:
    """Name the length of time that one mark stands for."""
    width_ms, _ = timeline.for_showing(size.stretches)
    if width_ms < HOUR:
        return words("{n} phút", n=width_ms // 60_000)
    if width_ms < DAY:
        return words("{n} giờ", n=width_ms // HOUR)
    return words("{n} ngày", n=width_ms // DAY)


def rows(timeline: Timeline, size: Size, words: Words) -> Sequence[tuple[str, str, list[int]]]:
    """Return the picture's numbers: (UTC, Viet Nam's time, counts by level)."""
    width_ms, bins = timeline.for_showing(size.stretches)
    return [
        (stretch(start, width_ms, words), words.local(start, seconds=False), counts)
        for start, counts in sorted(bins.items())
    ]
