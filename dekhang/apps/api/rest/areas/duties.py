"""Duties of units: their states with reasons, declarations, evidence, contests, documents with their review, signs of gaming."""

from datetime import date, datetime
from json import JSONDecodeError, loads
from typing import Annotated, Any

from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, File, Form, Schema
from ninja.files import UploadedFile

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, day_of
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of, page_of_list
from dekhang.apps.api.rest.problems import Invalid, not_found
from dekhang.apps.api.rest.shapes import Person, Row, UnitId, Words, fields
from dekhang.apps.core import clock
from dekhang.apps.duties import policies, selectors, services
from dekhang.apps.duties.contesting import services as contesting
from dekhang.apps.duties.contesting.forms import ContestForm, DecisionForm
from dekhang.apps.duties.contesting.policies import check_can_contest, check_can_decide_contest
from dekhang.apps.duties.contesting.selectors import RETRACTABLE, contests_of, rows_behind
from dekhang.apps.duties.enums import DocumentKind, RevisionState
from dekhang.apps.duties.filing import doings
from dekhang.apps.duties.filing import policies as filing_policies
from dekhang.apps.duties.filing import selectors as filings
from dekhang.apps.duties.filing import services as filing
from dekhang.apps.duties.filing.forms import FilingForm, ReviewForm
from dekhang.apps.duties.filing.kinds import KINDS
from dekhang.apps.duties.filing.views import file as revision_file_of
from dekhang.apps.duties.forms import ClaimForm
from dekhang.apps.duties.models import Claim, Contest, Evidence
from dekhang.apps.duties.states import PROVABLE, states_of
from dekhang.apps.duties.views import document as claim_document_of
from dekhang.apps.registry.selectors import current_version, visible_unit_ids
from dekhang.apps.scoreboard.selectors import moment_of

operations = Operations(Area.DUTIES)


class Reason(Row):
    """Why a unit does not count as proven, and what its people do next."""

    code: str
    text: Words
    next_step: Words


class UnitDuty(Schema):
    """A duty of a unit, with the state of its claim at the end of the day asked about (now, for today)."""

    duty: str
    title: str
    state: str
    since: datetime | None
    proven_until: datetime | None
    reasons: list[Reason]
    provable: bool
    claim: int | None


class ClaimRow(Row):
    id: int
    unit: UnitId
    duty: Annotated[str, Field(alias="duty_key")]
    statement: str
    document_sha256: str
    declared_at: datetime
    declared_by: Person
    withdrawn_at: datetime | None
    withdrawn_by: Person


class EvidenceRow(Row):
    """One observation. `digest`: SHA-256 over the others."""

    id: int
    unit: UnitId
    kind: str
    subject: str
    outcome: str
    observed_at: datetime
    valid_until: datetime | None
    reason: str
    payload: dict[str, Any]
    source: str
    revision: Annotated[int | None, Field(alias="revision_id")]
    digest: str
    recorded_at: datetime


class ContestRow(Row):
    """Giải trình. `state`: open · corrected · refused · withdrawn; `rows`: the evidence that the unit says is wrong."""

    id: int
    unit: UnitId
    duty: Annotated[str, Field(alias="duty_key")]
    day: date
    state_shown: str
    reason_shown: str
    text: str
    opened_at: datetime
    opened_by: Person
    due_at: datetime
    state: str
    correction: str
    answer: str
    answered_at: datetime | None
    answered_by: Person


class Contested(Schema):
    """A contest with the rows behind it; `retractable`: those of them that a decision may withdraw."""

    contest: ContestRow
    rows: list[EvidenceRow]
    retractable: list[int]


class Correction(body_of(DecisionForm, "CorrectionFields")):  # type: ignore[misc]
    """`rows`: observations that were wrong, each withdrawn by a new one."""

    rows: list[int] = Field([], max_length=50)


class RevisionRow(Row):
    id: int
    document: Annotated[int, Field(alias="document_id")]
    number: int
    file_name: str
    size_bytes: int
    sha256: str
    issue_number: str
    issued_on: date
    facts: dict[str, Any]
    state: str
    submitted_at: datetime
    submitted_by: Person
    reviewed_at: datetime | None
    reviewed_by: Person
    review_note: str


class Document(Row):
    id: int
    unit: UnitId
    kind: str
    title: str
    subject: str
    duties: Annotated[list[str], Field(alias="duty_keys")]
    revisions: list[RevisionRow]

    @staticmethod
    def resolve_revisions(one: Any) -> list[Any]:
        return list(one.revisions.all())


class Flag(Row):
    """A sign that a number is being dressed up. `rows`: revisions, or evidence for `after_freeze`."""

    code: str
    text: Words
    units: Annotated[list[int], Field(alias="unit_ids")]
    rows: list[int]


def _visible(request: HttpRequest, unit_id: int) -> int:
    if unit_id not in visible_unit_ids(request.user):
        raise not_found()
    return unit_id


def _duty(request: HttpRequest, unit_id: int, duty_key: str) -> str:
    """The key of a duty that falls on the unit."""
    version = current_version(_visible(request, unit_id))
    if version is None or duty_key not in {one.key for one in selectors.duties_for(version.kind, clock.now())}:
        raise not_found()
    return duty_key


@operations.read("/units/{unit_id}/duties", list[UnitDuty])
def of_unit(request: HttpRequest, unit_id: Id, day: Day = None) -> list[dict[str, Any]]:
    """Mọi nghĩa vụ của một đơn vị, trạng thái và việc phải làm tiếp, vào một ngày bất kỳ."""
    asked = day_of(day)
    version, at = current_version(_visible(request, unit_id), asked), moment_of(asked)
    if version is None:
        raise not_found()
    standing = dict(
        selectors.claims_of(request.user)
        .filter(unit_id=unit_id, declared_at__lte=at)
        .exclude(withdrawn_at__lte=at)
        .values_list("duty_key", "pk")
    )
    found = []
    for duty in selectors.duties_for(version.kind, at):
        assessment = selectors.assess(duty.key, [unit_id], at)[unit_id]
        found.append(
            fields(
                assessment,
                ("state", "since", "proven_until", "reasons"),
                duty=duty.key,
                title=duty.title,
                provable=duty.key in PROVABLE,
                claim=standing.get(duty.key),
            )
        )
    return found


@operations.read("/claims", Page[ClaimRow])
def claims(
    request: HttpRequest, unit: int | None = None, duty: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Khai báo, cả những khai báo đã rút."""
    return page_of(_filtered(selectors.claims_of(request.user), unit, duty_key=duty), limit, cursor)


@operations.create("/units/{unit_id}/duties/{duty_key}/claims", ClaimRow)
def declare(
    request: HttpRequest,
    unit_id: Id,
    duty_key: str,
    body: Form[body_of(ClaimForm)],  # type: ignore[valid-type]
    document: File[UploadedFile | None] = None,
) -> Any:
    """Khai báo đơn vị đã làm một nghĩa vụ, kèm văn bản nếu có."""
    _duty(request, unit_id, duty_key)
    policies.check_can_declare(request.user, unit_id)
    facts = checked(ClaimForm(typed(body), {"document": document} if document else {}))
    return once(
        request,
        lambda: ClaimRow.from_orm(services.declare(unit_id=unit_id, duty_key=duty_key, by=request.user, **facts)),
    )


@operations.do("/claims/{claim_id}/withdraw", ClaimRow)
def withdraw(request: HttpRequest, claim_id: Id) -> Claim:
    """Rút khai báo."""
    return services.withdraw(claim=_claim(request, claim_id), by=request.user)


@operations.do("/claims/{claim_id}/declare-again", ClaimRow)
def declare_again(request: HttpRequest, claim_id: Id) -> Claim:
    """Lấy lại khai báo đã rút."""
    return services.declare_again(claim=_claim(request, claim_id), by=request.user)


@operations.file("/claims/{claim_id}/document")
def claim_document(request: HttpRequest, claim_id: Id) -> FileResponse:
    """Văn bản kèm khai báo."""
    return claim_document_of(request, claim_id)


def _claim(request: HttpRequest, claim_id: int) -> Claim:
    return get_object_or_404(selectors.claims_of(request.user), pk=claim_id)


@operations.read("/evidence", Page[EvidenceRow])
def evidence(
    request: HttpRequest,
    unit: int | None = None,
    duty: str = "",
    kind: str = "",
    subject: str = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Bằng chứng, ghi sau trước; `duty`: những loại mà nghĩa vụ ấy nhìn tới."""
    found = _filtered(selectors.evidence_of(request.user), unit, kind=kind, subject=subject)
    if duty:
        found = found.filter(kind__in=states_of(duty)[1])
    return page_of(found, limit, cursor)


def _filtered(rows: Any, unit: int | None, **wanted: str) -> Any:
    if unit is not None:
        rows = rows.filter(unit_id=unit)
    return rows.filter(**{name: value for name, value in wanted.items() if value})


@operations.read("/contests", Page[ContestRow])
def contests(
    request: HttpRequest,
    unit: int | None = None,
    duty: str = "",
    state: str = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Giải trình của các đơn vị."""
    return page_of(_filtered(contests_of(request.user), unit, duty_key=duty, state=state), limit, cursor)


def _contest(request: HttpRequest, contest_id: int) -> Contest:
    return get_object_or_404(contests_of(request.user), pk=contest_id)


@operations.read("/contests/{contest_id}", Contested)
def contested(request: HttpRequest, contest_id: Id) -> dict[str, Any]:
    """Một giải trình với các dòng bằng chứng sau con số."""
    one = _contest(request, contest_id)
    rows = rows_behind(one)
    return {"contest": one, "rows": rows, "retractable": [row.pk for row in rows if row.kind in RETRACTABLE]}


@operations.create("/units/{unit_id}/duties/{duty_key}/contests", ContestRow)
def contest(request: HttpRequest, unit_id: Id, duty_key: str, body: body_of(ContestForm)) -> Any:  # type: ignore[valid-type]
    """Giải trình về con số của một ngày, nêu những dòng bằng chứng chưa đúng."""
    _duty(request, unit_id, duty_key)
    check_can_contest(request.user, unit_id)
    given = typed(body)
    seen = selectors.evidence_of(request.user).filter(unit_id=unit_id, kind__in=states_of(duty_key)[1])
    rows = {row.pk: row for row in seen.filter(pk__in=[pk for pk in given.get("rows", []) if isinstance(pk, int)])}
    facts = checked(ContestForm(given, known=list(rows)))
    filing.refuse_secrets(unit_id=unit_id, by=request.user, texts={"text": facts["text"]})
    return once(
        request,
        lambda: ContestRow.from_orm(
            contesting.contest(
                unit_id=unit_id,
                duty_key=duty_key,
                text=facts["text"],
                day=facts["day"],
                evidence=[rows[pk] for pk in facts["rows"]],
                by=request.user,
            )
        ),
    )


@operations.do("/contests/{contest_id}/correct", ContestRow)
def correct_contest(request: HttpRequest, contest_id: Id, body: Correction) -> Contest:
    """Đơn vị đúng: rút những quan sát sai bằng quan sát mới, hoặc ghi chú bên cạnh con số."""
    one = _contest(request, contest_id)
    check_can_decide_contest(request.user, one)
    answer = checked(DecisionForm(typed(body)))["answer"]
    rows = list(Evidence.objects.filter(unit_id=one.unit_id, pk__in=body.rows))
    return contesting.correct_contest(contest=one, answer=answer, retract=rows, by=request.user)


@operations.do("/contests/{contest_id}/refuse", ContestRow)
def refuse_contest(request: HttpRequest, contest_id: Id, body: body_of(DecisionForm)) -> Contest:  # type: ignore[valid-type]
    """Từ chối, kèm lý do; lý do đứng bên cạnh con số."""
    one = _contest(request, contest_id)
    check_can_decide_contest(request.user, one)
    answer = checked(DecisionForm(typed(body)))["answer"]
    return contesting.refuse_contest(contest=one, answer=answer, by=request.user)


@operations.do("/contests/{contest_id}/withdraw", ContestRow)
def withdraw_contest(request: HttpRequest, contest_id: Id) -> Contest:
    """Đơn vị rút giải trình."""
    return contesting.withdraw_contest(contest=_contest(request, contest_id), by=request.user)


# --- documents ---


@operations.read("/documents", Page[Document])
def documents(
    request: HttpRequest, unit: int | None = None, kind: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Văn bản minh chứng với mọi bản đã nộp."""
    return page_of(_filtered(filings.documents_of(request.user), unit, kind=kind), limit, cursor)


@operations.read("/revisions", Page[RevisionRow])
def revisions(
    request: HttpRequest, unit: int | None = None, state: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Các bản đã nộp; `state=submitted`: hàng đợi kiểm tra."""
    found = filings.revisions_of(request.user)
    if unit is not None:
        found = found.filter(document__unit_id=unit)
    return page_of(found.filter(state=state) if state in RevisionState.values else found, limit, cursor)


@operations.read("/revisions/{revision_id}", RevisionRow)
def revision(request: HttpRequest, revision_id: Id) -> Any:
    """Một bản của văn bản."""
    return get_object_or_404(filings.revisions_of(request.user), pk=revision_id)


@operations.file("/revisions/{revision_id}/file")
def revision_file(request: HttpRequest, revision_id: Id) -> FileResponse:
    """Tệp đã nộp."""
    return revision_file_of(request, revision_id)


class Filing(Schema):
    """What the page's form asks, as one form: `facts` is what this kind of text has to say, as a JSON object."""

    title: str
    issued_on: date
    issue_number: str = ""
    facts: str = "{}"
    duties: list[str] = []


@operations.create("/units/{unit_id}/documents/{kind}", RevisionRow)
def file_document(request: HttpRequest, unit_id: Id, kind: str, body: Form[Filing], file: File[UploadedFile]) -> Any:
    """Nộp một văn bản, hoặc bản tiếp theo của nó. Có dấu mật thì từ chối và không giữ gì."""
    if kind not in DocumentKind.values:
        raise not_found()
    filing_policies.check_can_submit(request.user, _visible(request, unit_id))
    form = FilingForm(kind, unit_id, _filing(kind, body), {"file": file})
    facts = checked(form)
    texts = {name: value for name, value in facts.items() if isinstance(value, str)}
    filing.refuse_secrets(unit_id=unit_id, by=request.user, texts=texts, file=facts["file"])
    return once(
        request,
        lambda: RevisionRow.from_orm(
            filing.submit(
                unit_id=unit_id,
                kind=kind,
                title=facts["title"],
                issue_number=facts["issue_number"],
                issued_on=facts["issued_on"],
                facts=form.facts(),
                file=facts["file"],
                duty_keys=facts.get("duty_keys"),
                by=request.user,
            )
        ),
    )


def _filing(kind: str, body: Filing) -> dict[str, Any]:
    """The body as the data of the page's form."""
    try:
        given = loads(body.facts)
    except JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Invalid({"facts": [_('Phải là một đối tượng JSON, ví dụ {"year": "2020"}.')]})
    known = {fact.key: given[fact.key] for fact in KINDS[kind].facts if given.get(fact.key) is not None}
    return known | {
        "title": body.title,
        "issue_number": body.issue_number,
        "issued_on": body.issued_on,
        "duty_keys": body.duties,
    }


def _revision(request: HttpRequest, revision_id: int) -> Any:
    return get_object_or_404(filings.revisions_of(request.user), pk=revision_id)


@operations.do("/revisions/{revision_id}/accept", RevisionRow)
def accept_revision(request: HttpRequest, revision_id: Id, body: body_of(ReviewForm)) -> Any:  # type: ignore[valid-type]
    """Chấp nhận một bản: từ đây nó là bằng chứng."""
    facts = checked(ReviewForm(typed(body)))
    return filing.accept(revision=_revision(request, revision_id), by=request.user, note=facts["note"])


@operations.do("/revisions/{revision_id}/send-back", RevisionRow)
def return_revision(request: HttpRequest, revision_id: Id, body: body_of(ReviewForm)) -> Any:  # type: ignore[valid-type]
    """Trả lại kèm lý do."""
    facts = checked(ReviewForm(typed(body)))
    return filing.send_back(revision=_revision(request, revision_id), by=request.user, note=facts["note"])


@operations.do("/revisions/{revision_id}/withdraw", RevisionRow)
def withdraw_revision(request: HttpRequest, revision_id: Id) -> Any:
    """Đơn vị rút bản còn chờ kiểm tra."""
    return filing.withdraw(revision=_revision(request, revision_id), by=request.user)


@operations.do("/revisions/{revision_id}/resubmit", RevisionRow)
def resubmit_revision(request: HttpRequest, revision_id: Id) -> Any:
    """Đưa về chờ kiểm tra."""
    return filing.resubmit(revision=_revision(request, revision_id), by=request.user)


@operations.read("/flags", Page[Flag])
def signs(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Dấu hiệu cần kiểm tra, cho thanh tra và cơ quan điều phối."""
    filing_policies.check_can_see_signs(request.user)
    return page_of_list(doings.flags(), limit, cursor)
