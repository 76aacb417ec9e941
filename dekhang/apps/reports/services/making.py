"""Making a report: frozen numbers, gathered inputs, bytes in every form, all archived in one transaction."""

import secrets
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.reports import archive
from dekhang.apps.reports.documents import templates
from dekhang.apps.reports.documents.paper import Paper
from dekhang.apps.reports.documents.rendering import render, tools
from dekhang.apps.reports.enums import STANDING, AuditAction, ReportKind, ReportState
from dekhang.apps.reports.gathering import Asked, Boards, Inputs, Letter, coordinator_id, figures, gather
from dekhang.apps.reports.kinds import KINDS
from dekhang.apps.reports.models import CODE_ALPHABET, CODE_LETTERS, Report, code_as_written
from dekhang.apps.reports.policies import check_can_make, check_can_word_letter
from dekhang.apps.reports.services.signing import sign
from dekhang.apps.scoreboard import selectors as scoreboard
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.scoreboard.services import freeze_day

LONGEST_PERIOD_DAYS = 5 * 366


def new_code() -> str:
    return code_as_written("".join(secrets.choice(CODE_ALPHABET) for _place in range(CODE_LETTERS)))


def preview(*, asked: Asked, by: User) -> Paper:
    """What the paper would say now. Nothing is kept."""
    _check(asked, by)
    check_days(asked)
    inputs = gather(asked, figures(asked.day), code="(xem trước)", made_at=clock.now())
    return templates.build(_checked(asked, inputs), templates.CURRENT)


def make(
    *, asked: Asked, by: User | None, schedule_key: str | None = None, boards: Boards | None = None
) -> Report | None:
    """Archive a report. None, for the clock only: the period has one already.

    Args:
        by: the person; None for the clock, which gives `schedule_key`.
        boards: the day's frozen figures, when many reports share them.
    Raises:
        ActionDenied: may not, a day whose figures are not to be had, a confirmed report of the period stands, a mark of
            secrecy in a text.
    """
    if by is not None:
        _check(asked, by)
    made_at = clock.now()  # before figures are frozen: a day that ends meanwhile stays provisional
    freeze_figures(asked)
    inputs = _checked(asked, gather(asked, boards or figures(asked.day), code=new_code(), made_at=made_at))
    files = render(templates.build(inputs, templates.CURRENT))
    report = Report(
        kind=asked.kind,
        unit_id=asked.unit_id,
        day=asked.day,
        provisional=inputs["provisional"],
        # a draft stands for no period: the clock still makes the period's own when the day is over
        calendar_key="" if inputs["provisional"] else asked.calendar_key,
        period_start=asked.start,
        period_end=asked.day,
        schedule_key=schedule_key,
        code=inputs["code"],
        template_version=templates.CURRENT,
        tools=tools(),
        inputs=inputs,
        inputs_sha256=archive.digest_of(inputs),
        made_at=made_at,
        made_by=by,
    )
    try:
        with transaction.atomic():
            if by is None and _of_period(report).exists():  # somebody made it since the clock looked: their words stay
                return None
            _replace_earlier(report)
            report.save(force_insert=True)
            for form, content in files.items():
                archive.keep(report, form, content)
            record_event(
                action=AuditAction.REPORT_ARCHIVED,
                by=by,
                target=report,
                actor_label="" if by else "lịch báo cáo",
                detail={"kind": report.kind, "day": report.day.isoformat(), "inputs_sha256": report.inputs_sha256},
            )
    except IntegrityError:
        if schedule_key is not None and Report.objects.filter(schedule_key=schedule_key).exists():
            return None
        raise
    if not KINDS[report.kind].confirmed and not report.provisional:
        sign(report=report)
    return report


def freeze_figures(asked: Asked) -> None:
    """See that the board of the day will say tomorrow what it says now: frozen, unless the day is not over.

    Raises:
        ActionDenied: the day is to come, or is over but waits for its freezing.
    """
    check_days(asked)
    if asked.day >= clock.today() or Snapshot.objects.filter(date=asked.day).exists():
        return
    if not Snapshot.objects.filter(date__gt=asked.day).exists():
        raise ActionDenied(
            _(
                "Số liệu ngày %(day)s chưa được chốt. Hệ thống chốt ít phút sau nửa đêm; lập lại sau, hoặc chọn ngày khác."
            )
            % {"day": f"{asked.day:%d/%m/%Y}"}
        )
    freeze_day(asked.day)  # a gap


def check_days(asked: Asked) -> None:
    """Raises:
    ActionDenied: a day to come, a period upside down or endless, or a day before the first known one.
    """
    if asked.day > clock.today():
        raise ActionDenied(_("Ngày số liệu chưa tới. Chọn hôm nay hoặc một ngày đã qua."))
    if asked.start > asked.day:
        raise ActionDenied(_("Kỳ báo cáo phải bắt đầu trước khi kết thúc."))
    if (asked.day - asked.start).days > LONGEST_PERIOD_DAYS:
        raise ActionDenied(_("Kỳ báo cáo dài quá 5 năm. Chọn ngày bắt đầu gần hơn."))
    if asked.day < clock.today() and not Snapshot.objects.filter(date=asked.day).exists():
        first = scoreboard.first_known_day()
        if first is None or asked.day < first:  # nobody may freeze zeros of a time that the system did not see
            raise ActionDenied(
                _("Hệ thống chưa ghi nhận gì vào ngày %(day)s hay trước đó. Chọn ngày muộn hơn.")
                % {"day": f"{asked.day:%d/%m/%Y}"}
            )


def _check(asked: Asked, by: User) -> None:
    check_can_make(by, str(asked.kind), asked.unit_id)
    letter = asked.letter
    if letter != Letter():
        check_can_word_letter(by, str(asked.kind))
    texts = {
        **dict(asked.texts),
        "number": letter.number,
        "signer_title": letter.signer_title,
        "signer_name": letter.signer_name,
        "recipients": letter.recipients,
    }
    refuse_secrets(unit_id=asked.unit_id or coordinator_id(asked.day) or 0, by=by, texts=texts)


def _checked(asked: Asked, inputs: Inputs) -> Inputs:
    if asked.unit_id is not None and not inputs["unit"]["rows"]:
        raise ActionDenied(_("Đơn vị này không có nghĩa vụ nào vào ngày đã chọn, nên không có gì để báo cáo."))
    if asked.kind == ReportKind.CERTIFICATE and not any(row["proven"] for row in inputs["unit"]["rows"]):
        raise ActionDenied(
            _("Vào ngày đã chọn đơn vị chưa chứng minh được nghĩa vụ nào, nên chưa cấp giấy xác nhận được.")
        )
    # what a database keeps is what the bytes come from: lists for tuples, text for enums
    plain: dict[str, Any] = orjson.loads(orjson.dumps(inputs))
    return plain


def _of_period(report: Report) -> QuerySet[Report]:
    return Report.objects.select_for_update().filter(
        kind=report.kind, unit_id=report.unit_id, calendar_key=report.calendar_key, period_end=report.period_end
    )


def _replace_earlier(report: Report) -> None:
    """One standing report a period: an unconfirmed one is replaced, a confirmed one must be returned first."""
    if not KINDS[report.kind].confirmed or not report.calendar_key:
        return
    same = _of_period(report)
    if same.filter(state__in=STANDING).exists():
        raise ActionDenied(
            _(
                "Kỳ này đã có báo cáo được xác nhận. Muốn lập lại, gửi báo cáo đó đi rồi đề nghị cơ quan điều phối trả lại."
            )
        )
    same.filter(state=ReportState.MADE).update(state=ReportState.REPLACED)
