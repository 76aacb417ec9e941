"""Mails about visits and findings, in the outbox with what causes them, each once for each address."""

from collections.abc import Iterable

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.inspections.models import Finding, Visit
from dekhang.apps.registry.selectors import heads, officers, unit_name


def _send(people: Iterable[User], *, subject: str, template: str, cause: str, unit_id: int, page: str, **context: object) -> int:  # fmt: skip
    body = render_to_string(
        f"inspections/messages/{template}.txt",
        {"unit": unit_name(unit_id), "link": settings.BASE_URL.rstrip("/") + page, **context},
    )
    new = 0
    for person in {person.pk: person for person in people}.values():
        if person.email:
            message = enqueue_message(
                recipient=person.email,
                subject=subject,
                body=body,
                dedupe_key=f"inspection:{cause}:u{person.pk}",
                unit_id=unit_id,
            )
            new += message is not None
    return new


def _of_unit(unit_id: int) -> list[User]:
    return [*heads(unit_id), *officers(unit_id)]


def _about(visit: Visit, *, subject: str, template: str, cause: str) -> int:
    return _send(
        _of_unit(visit.unit_id),
        subject=subject % {"day": f"{visit.day:%d/%m/%Y}"},
        template=template,
        cause=f"visit:{visit.pk}:{cause}",
        unit_id=visit.unit_id,
        page=reverse("inspections:visit", args=[visit.pk]),
        visit=visit,
    )


def _moment() -> str:
    """A visit that was called off may be planned, and called off, again: each time is told."""
    return f"{clock.now():%Y%m%d%H%M%S}"


def planned(visit: Visit) -> int:
    return _about(visit, subject=_("Lịch kiểm tra ngày %(day)s"), template="planned", cause=f"planned:{_moment()}")


def cancelled(visit: Visit) -> int:
    return _about(
        visit, subject=_("Hủy lịch kiểm tra ngày %(day)s"), template="visit_cancelled", cause=f"cancelled:{_moment()}"
    )


def concluded(visit: Visit) -> int:
    assert visit.concluded_at is not None
    cause = f"concluded:{visit.concluded_at:%Y%m%d%H%M%S}"
    return _about(visit, subject=_("Kết luận kiểm tra ngày %(day)s"), template="concluded", cause=cause)


def _about_finding(finding: Finding, people: Iterable[User], *, subject: str, template: str, cause: str, **context: object) -> int:  # fmt: skip
    return _send(
        people,
        subject=subject,
        template=template,
        cause=f"finding:{finding.pk}:{cause}",
        unit_id=finding.unit_id,
        page=reverse("inspections:finding", args=[finding.pk]),
        finding=finding,
        **context,
    )


def filed(finding: Finding) -> int:
    """The lead of the team has something to check."""
    number = finding.follow_ups.count()
    return _about_finding(finding, [finding.visit.lead], subject=_("Có báo cáo khắc phục chờ kiểm tra lại"), template="filed", cause=f"filed:{number}")  # fmt: skip


def judged(finding: Finding, *, note: str) -> int:
    number = finding.follow_ups.count()
    return _about_finding(
        finding,
        _of_unit(finding.unit_id),
        subject=_("Kết quả kiểm tra lại việc khắc phục"),
        template="judged",
        cause=f"judged:{number}",
        note=note,
    )


def deadline_nears(finding: Finding) -> int:
    return _about_finding(
        finding,
        _of_unit(finding.unit_id),
        subject=_("Sắp đến hạn khắc phục sau kiểm tra"),
        template="deadline_nears",
        cause=f"soon:{finding.due_on:%Y%m%d}",
    )


def overdue(finding: Finding) -> int:
    people = [*_of_unit(finding.unit_id), finding.visit.lead]
    return _about_finding(
        finding,
        people,
        subject=_("Quá hạn khắc phục sau kiểm tra"),
        template="overdue",
        cause=f"late:{finding.due_on:%Y%m%d}",
    )
