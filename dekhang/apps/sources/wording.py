"""Sentences about sources that more than one place says."""

from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _


def duration(span: timedelta | float) -> str:
    """A length of time in its largest fitting unit: “15 phút”, “3 giờ”, “2 ngày”."""
    seconds = int(span.total_seconds() if isinstance(span, timedelta) else span)
    for size, text in ((86400, _("%(n)d ngày")), (3600, _("%(n)d giờ")), (60, _("%(n)d phút"))):
        if seconds >= size:
            return text % {"n": seconds // size}
    return _("%(n)d giây") % {"n": max(0, seconds)}


def silence_reason(last: datetime, cadence_seconds: int) -> str:
    return _("Không nhận được log từ %(time)s, quá mức im lặng %(limit)s của nguồn này.") % {
        "time": format_date(timezone.localtime(last), "H:i d/m/Y"),
        "limit": duration(cadence_seconds),
    }


def loss_reason(refused: int, received: int, limit_percent: float) -> str:
    share = refused * 100 / received
    return _(
        "Trong 24 giờ qua %(refused)s trên %(received)s bản ghi bị từ chối (%(share)s %%, giới hạn %(limit)s %%)."
    ) % {
        "refused": number(refused),
        "received": number(received),
        "share": f"{share:.1f}".replace(".", ","),
        "limit": f"{limit_percent:g}".replace(".", ","),
    }


def number(value: int) -> str:
    """12345 → 12.345, as numbers are written in Vietnamese."""
    return f"{value:,}".replace(",", ".")
