"""OSCAL files: what compliance-trestle reads, what the board says, the same again, and nothing of others."""

from datetime import timedelta

import pytest
from django.urls import reverse
from trestle.oscal.assessment_results import AssessmentResults
from trestle.oscal.catalog import Catalog

from dekhang.apps.api import oscal
from dekhang.apps.core import clock
from dekhang.apps.duties import services as duties
from dekhang.apps.scoreboard import selectors as board
from tests.factories.api import Caller, token_of
from tests.factories.core import UserFactory
from tests.factories.duties import proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@pytest.fixture
def two_units(frozen_now):
    proven, silent = UnitFactory(), UnitFactory()
    proves_recording(proven, at=frozen_now - timedelta(hours=1))
    duties.declare(unit_id=proven.pk, duty_key="sop", statement="có", by=officer_of(proven))
    return proven, silent


def findings(document):
    return [
        (result.title, finding.target.target_id, finding.target.status.state.value)
        for result in document.results
        for finding in result.findings
    ]


def test_the_catalog_is_read_by_trestle_and_has_every_duty_in_force(frozen_now):
    catalog = Catalog.model_validate(oscal.catalog(clock.today())["catalog"])
    controls = [control.id for control in catalog.groups[0].controls]
    assert controls == [duty.key for duty in oscal.load().duties_on(clock.today())]


def test_a_unit_s_file_is_read_by_trestle_and_every_finding_leads_to_its_evidence(two_units):
    proven, _silent = two_units
    found = oscal.results_of_unit(UserFactory(leader=True), proven.pk, clock.today())
    document = AssessmentResults.model_validate(found["assessment-results"])
    (result,) = document.results
    known = {observation.uuid for observation in result.observations}
    finding = next(one for one in result.findings if one.target.target_id == "record_attacks_obj")
    assert finding.target.status.state.value == "satisfied"
    assert {one.observation_uuid for one in finding.related_observations} <= known
    assert len(known) == 3


def test_the_province_s_file_says_what_the_board_says(two_units):
    found = oscal.results(UserFactory(inspector=True), clock.today())
    document = AssessmentResults.model_validate(found["assessment-results"])
    satisfied = sum(
        state == "satisfied" for _unit, target, state in findings(document) if target == "record_attacks_obj"
    )
    assert satisfied == board.board("record_attacks", clock.today()).proven == 1
    assert len(document.results) == 2


def test_the_same_day_gives_the_same_bytes_and_another_day_the_same_names_of_things(two_units):
    proven, _silent = two_units
    leader, today = UserFactory(leader=True), clock.today()
    first = oscal.results_of_unit(leader, proven.pk, today)
    with clock.at(clock.now() + timedelta(days=1)):
        again = oscal.results_of_unit(leader, proven.pk, today)
        other = oscal.results_of_unit(leader, proven.pk, clock.today())
    ids = [
        {one["uuid"] for one in document["assessment-results"]["results"][0]["observations"]}
        for document in (first, again, other)
    ]
    assert ids[0] == ids[1] == ids[2]
    assert again["assessment-results"]["uuid"] == first["assessment-results"]["uuid"]
    assert other["assessment-results"]["uuid"] != first["assessment-results"]["uuid"]


def test_a_unit_s_account_gets_its_own_unit_only_by_page_and_by_token(client, two_units):
    proven, silent = two_units
    officer = officer_of(silent)
    client.force_login(officer)
    page = client.get(reverse("api:oscal", args=["results"])).json()
    assert [one["name"] for one in page["assessment-results"]["metadata"]["parties"]] == [silent.versions.get().name]
    caller = Caller(token_of(officer, "oscal:read"))
    assert caller.get(f"/oscal/units/{proven.pk}/results.json").status_code == 404
    assert len(caller.get("/oscal/results.json").json()["assessment-results"]["results"]) == 1
    assert client.get(reverse("api:oscal", args=["khac"])).status_code == 404
