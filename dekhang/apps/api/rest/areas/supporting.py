"""Help that is asked of providers: the request, the provider's answer, and whether it worked."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import day_of
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.duties.models import SupportRequest
from dekhang.apps.duties.selectors import moment_of
from dekhang.apps.duties.supporting import policies, selectors, services
from dekhang.apps.duties.supporting.forms import AskForm, SupportAnswerForm, VerdictForm
from dekhang.apps.registry.selectors import counted_units

operations = Operations(Area.DUTIES)


class SupportRow(Row):
    """`unit`: for whom help is asked; None: the province. `works` is None until they have said it."""

    id: int
    provider: Annotated[int, Field(alias="provider_id")]
    unit: Annotated[int | None, Field(alias="unit_id")]
    text: str
    is_exercise: bool
    asked_at: datetime
    asked_by: Person
    due_at: datetime
    late_at: datetime | None
    answered_at: datetime | None
    answer: str
    verified_at: datetime | None
    verified_by: Person
    works: bool | None
    verdict: str


class Verified(body_of(VerdictForm, "VerifiedFields")):  # type: ignore[misc]
    works: bool


def _request(request: HttpRequest, support_id: int) -> SupportRequest:
    return get_object_or_404(selectors.requests_of(request.user), pk=support_id)


@operations.read("/support-requests", Page[SupportRow])
def supports(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Yêu cầu hỗ trợ tới các doanh nghiệp."""
    return page_of(selectors.requests_of(request.user), limit, cursor)


@operations.read("/support-requests/{support_id}", SupportRow)
def support(request: HttpRequest, support_id: Id) -> SupportRequest:
    """Một yêu cầu hỗ trợ."""
    return _request(request, support_id)


@operations.create("/support-requests", SupportRow)
def ask_support(request: HttpRequest, body: body_of(AskForm)) -> Any:  # type: ignore[valid-type]
    """Nhờ một doanh nghiệp hỗ trợ."""
    policies.check_can_ask_providers(request.user)
    today = day_of(None)
    known = [(line.version.unit_id, line.version.name) for line in selectors.providers(today, moment_of(today))]
    facts = checked(AskForm(typed(body), providers=known, units=list(counted_units().values_list("unit_id", "name"))))
    refuse_secrets(unit_id=facts["provider"], by=request.user, texts={"text": facts["text"]})
    return once(
        request,
        lambda: SupportRow.from_orm(
            services.ask(
                provider_id=facts["provider"],
                unit_id=facts["for_unit"],
                text=facts["text"],
                is_exercise=facts["is_exercise"],
                by=request.user,
            )
        ),
    )


@operations.do("/support-requests/{support_id}/answer", SupportRow)
def answer_support(request: HttpRequest, support_id: Id, body: body_of(SupportAnswerForm)) -> SupportRequest:  # type: ignore[valid-type]
    """Ghi câu trả lời của doanh nghiệp."""
    one = _request(request, support_id)
    policies.check_can_record_answer(request.user, one)
    facts = checked(SupportAnswerForm(typed(body)))
    refuse_secrets(unit_id=one.provider_id, by=request.user, texts={"answer": facts["answer"]})
    return services.record_answer(request=one, by=request.user, **facts)


@operations.do("/support-requests/{support_id}/verify", SupportRow)
def verify_support(request: HttpRequest, support_id: Id, body: Verified) -> SupportRequest:
    """Bên được giúp xác nhận kết quả."""
    one = _request(request, support_id)
    policies.check_can_verify(request.user, one)
    note = checked(VerdictForm(typed(body)))["note"]
    refuse_secrets(unit_id=one.provider_id, by=request.user, texts={"note": note})
    return services.verify(request=one, works=body.works, note=note, by=request.user)
