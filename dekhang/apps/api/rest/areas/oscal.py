"""Duties as an OSCAL catalog, states with their evidence as OSCAL assessment results, as of any date."""

from django.http import HttpRequest, HttpResponse

from dekhang.apps.api import oscal
from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, day_of
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.problems import not_found

operations = Operations(Area.OSCAL)


def _answer(document: oscal.Json | None) -> HttpResponse:
    if document is None:
        raise not_found()
    return HttpResponse(oscal.written(document), content_type="application/json")


@operations.file("/oscal/catalog.json")
def catalog(request: HttpRequest, day: Day = None) -> HttpResponse:
    """Danh mục nghĩa vụ (OSCAL catalog)."""
    return _answer(oscal.catalog(day_of(day)))


@operations.file("/oscal/units/{unit_id}/results.json")
def results_of_unit(request: HttpRequest, unit_id: Id, day: Day = None) -> HttpResponse:
    """Trạng thái và bằng chứng của một đơn vị (OSCAL assessment results)."""
    return _answer(oscal.results_of_unit(request.user, unit_id, day_of(day)))


@operations.file("/oscal/results.json")
def results(request: HttpRequest, day: Day = None) -> HttpResponse:
    """Trạng thái của mọi đơn vị mà tài khoản xem được (OSCAL assessment results)."""
    return _answer(oscal.results(request.user, day_of(day)))
