"""Mails about reports, in the outbox with the change that causes them."""

from collections.abc import Iterable

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.registry import selectors as registry
from dekhang.apps.reports.models import Report
from dekhang.law.periods import Period


def returned(report: Report) -> None:
    """To the unit's head and to who sent it."""
    if report.unit_id is None:
        return
    people = [*registry.heads(report.unit_id), *([report.submitted_by] if report.submitted_by else [])]
    subject = _("Báo cáo bị trả lại: %(kind)s") % {"kind": report.get_kind_display()}
    _send("returned", report.unit_id, people, subject, f"report:{report.pk}:returned", reverse("reports:detail", args=[report.pk]), report=report)  # fmt: skip


def due_soon(period: Period, unit_id: int, report: Report | None) -> int:
    """To the unit's head, once for a period; returns how many mails were written."""
    path = reverse("reports:detail", args=[report.pk]) if report else reverse("reports:list")
    subject = _("Sắp đến hạn: %(title)s") % {"title": period.entry.title}
    key = f"report-due:{period.entry.key}:{period.end.isoformat()}:{unit_id}"
    return _send("due_soon", unit_id, registry.heads(unit_id), subject, key, path, report=report, period=period)


def _send(
    template: str, unit_id: int, people: Iterable[User], subject: str, key: str, path: str, **context: object
) -> int:
    body = render_to_string(
        f"reports/messages/{template}.txt",
        {"unit": registry.unit_name(unit_id), "link": settings.BASE_URL.rstrip("/") + path, **context},
    )
    written = [
        enqueue_message(
            recipient=person.email, subject=subject, body=body, dedupe_key=f"{key}:{person.pk}", unit_id=unit_id
        )
        for person in {one.pk: one for one in people if one.email and one.is_active}.values()
    ]
    return sum(message is not None for message in written)
