"""The work list of a unit: all that is missing, first things first, each with its very place."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.duties.enums import EvidenceKind, ReasonCode
from dekhang.apps.duties.filing.services import submit
from dekhang.apps.duties.states import Reason
from dekhang.apps.registry.selectors import current_version
from dekhang.apps.scoreboard.todo.places import place_of
from dekhang.apps.scoreboard.todo.selectors import work_list
from tests.factories.duties import evidence, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit(frozen_now, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return UnitFactory()


def list_of(unit, user=None):
    return work_list(user or officer_of(unit), current_version(unit.pk))


def test_every_duty_that_falls_on_the_unit_is_there_and_every_reason_is_a_job(unit):
    found = list_of(unit)
    assert [duty.key for duty, _a in found.states] == [
        *("awareness", "officer", "level", "regulation", "record_attacks", "sop", "respond", "four_layers"),
        *("budget", "secrets"),
    ]
    assert {duty.key for todo in found.todos for duty in todo.duties} == {duty.key for duty, _a in found.states}
    codes = {reason.code for _duty, one in found.states for reason in one.reasons}
    assert codes == {todo.job.reason.code for todo in found.todos}


def test_the_list_is_in_the_order_of_what_an_hour_brings(unit):
    worth = [todo.job.worth for todo in list_of(unit).todos]
    assert worth == sorted(worth, reverse=True) and worth[0] > worth[-1]


def test_one_call_that_serves_two_duties_stands_once(unit):
    found = [todo for todo in list_of(unit).todos if todo.job.reason.code == "contact_missing"]
    assert [[duty.key for duty in todo.duties] for todo in found] == [["officer", "sop"]]


def test_each_missing_text_leads_to_filing_that_very_kind(unit):
    urls = {todo.url for todo in list_of(unit).todos}
    for kind in ("regulation", "own_force", "monitoring", "independent_check", "national_link", "budget"):
        assert reverse("duties:new_document", args=[unit.pk, kind]) in urls


def test_a_silent_source_leads_to_that_source(unit):
    proves_recording(unit, source=77)
    evidence(unit, EvidenceKind.SOURCE_DELIVERING, "source:77", ok=False, reason="Im lặng.")
    silent = next(todo for todo in list_of(unit).todos if todo.job.reason.code == "silent")
    assert silent.url == reverse("sources:detail", args=[77])


def test_what_lies_with_the_reviewer_is_not_work_of_the_unit(unit):
    officer = officer_of(unit)
    submit(
        unit_id=unit.pk,
        kind="regulation",
        title="Quy chế",
        issued_on=date(2019, 11, 1),
        facts={},
        file=SimpleUploadedFile("quy-che.pdf", b"%PDF-1.7 quy che"),
        by=officer,
    )
    found = list_of(unit, officer)
    assert [todo.job.reason.subject for todo in found.waiting] == ["regulation"]
    assert "regulation" not in {todo.job.reason.subject for todo in found.todos}


def test_another_unit_s_list_is_empty(unit):
    found = list_of(unit, officer_of(UnitFactory()))
    assert (found.todos, found.waiting, found.states, found.placed) == ((), (), (), None)


@pytest.mark.parametrize("code", ReasonCode.values)
@pytest.mark.parametrize("subject", ["", "source:1", "sop:malware", "windows", "layer:2", "level:3", "rác:/../x"])
def test_every_reason_leads_to_a_page_that_exists(code, subject):
    url, action = place_of(5, "sop", Reason(code, "vì", "làm", None, subject))
    assert url.startswith("/") and action
    assert "rác" not in url


def test_the_list_asks_a_fixed_number_of_questions(unit, django_assert_num_queries):
    officer, version = officer_of(unit), current_version(unit.pk)
    with django_assert_num_queries(7):
        work_list(officer, version)
    for number in range(5):
        evidence(unit, EvidenceKind.SOURCE_EXPECTED, f"source:{number}", kind="linux", name=f"Máy {number}")
    with django_assert_num_queries(9):  # two for the duty whose spans are stale
        work_list(officer, version)
