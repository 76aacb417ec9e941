"""How a source is listened to, in words: its own measure of silence, the silences it had, what it never sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.sources.cadence import HOURS_A_DAY, Cadence, overdue_at
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.limits import learn_days
from dekhang.apps.sources.models import LogSource, Silence
from dekhang.apps.sources.selectors import moment
from dekhang.apps.sources.watch import cadence_of
from dekhang.apps.sources.wording import duration, number
from dekhang.pipeline.stores import arrivals, ledger, sequences

SHOWN = 8
GAP_DAYS = 30


@dataclass(frozen=True, slots=True)
class Listened:
    sentence: str
    due_at: datetime | None
    running: Silence | None
    silences: list[Silence]
    gaps: list[str]
    more_gaps: int
    picked: list[str]


def of_source(source: LogSource, account: ledger.SourceLedger) -> Listened:
    cadence, now = cadence_of(source), clock.now()
    live = arrivals.last_heard(settings.DATA, [source.pk]).get(source.pk)
    last_ms = live.at_ms if live is not None else account.last_received_ms
    due_at = None
    if source.state == SourceState.DELIVERING and last_ms is not None:
        due_at = overdue_at(cadence, moment(last_ms), timezone.get_current_timezone())
    now_ms = int(now.timestamp() * 1000)
    gaps = sequences.gaps(settings.DATA, [source.pk], now_ms=now_ms, since=now - timedelta(days=GAP_DAYS))
    silences = list(source.silences.all()[:SHOWN])
    return Listened(
        sentence=_sentence(source, cadence),
        due_at=due_at,
        running=next((silence for silence in silences if silence.ended_at is None), None),
        silences=silences,
        gaps=[gap_sentence(gap) for gap in gaps[:SHOWN]],
        more_gaps=max(0, len(gaps) - SHOWN),
        picked=[_log_name(one.host, one.log) for one in sequences.streams(settings.DATA, [source.pk]) if one.picked][
            :SHOWN
        ],
    )


def gap_sentence(gap: sequences.Gap) -> str:
    """ "Thiếu 132 sự kiện của kênh Security, máy X, từ 10:02 đến 10:07 10/12/2019"."""
    begin, end = timezone.localtime(moment(gap.after_ms)), timezone.localtime(moment(gap.before_ms))
    return _("Thiếu %(n)s sự kiện của %(log)s, từ %(begin)s đến %(end)s.") % {
        "n": number(gap.missing),
        "log": _log_name(gap.host, gap.log),
        "begin": format_date(begin, "H:i" if begin.date() == end.date() else "H:i d/m/Y"),
        "end": format_date(end, "H:i d/m/Y"),
    }


def _log_name(host: str, log: str) -> str:
    if log:
        return _("kênh %(log)s, máy %(host)s") % {"log": log, "host": host or "?"}
    return _("syslog của máy %(host)s") % {"host": host or "?"}


def _sentence(source: LogSource, cadence: Cadence) -> str:
    if source.cadence_fixed:
        return _("Đơn vị đã đặt: im lặng quá %(span)s là quá hạn, bất kể ngày đêm.") % {
            "span": duration(source.cadence_seconds)
        }
    if not cadence.days:
        return _(
            "Đang dùng mức chung của loại nguồn này: im lặng quá %(span)s là quá hạn. Sau %(days)d ngày hệ thống biết nhịp "
            "riêng của nguồn."
        ) % {"span": duration(source.cadence_seconds), "days": learn_days()}
    by_day, by_night = cadence.limits[9:17], (*cadence.limits[:5], *cadence.limits[22:HOURS_A_DAY])
    off = cadence.limits[HOURS_A_DAY:]
    if cadence.always_on:
        return _(
            "Gửi cả ngày lẫn đêm, học từ %(days)d ngày: im lặng quá %(span)s là quá hạn (lúc thưa nhất %(most)s)."
        ) % {
            "days": cadence.days,
            "span": duration(min(by_day)),
            "most": duration(max(cadence.limits)),
        }
    return _(
        "Học từ %(days)d ngày của chính nguồn này: giờ làm việc quá %(day)s là quá hạn; ban đêm (%(night)s) và cuối tuần "
        "(%(off)s) được im lặng lâu hơn."
    ) % {
        "days": cadence.days,
        "day": duration(min(by_day)),
        "night": duration(max(by_night)),
        "off": duration(max(off)),
    }
