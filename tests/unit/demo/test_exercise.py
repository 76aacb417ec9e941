import pytest

from dekhang.apps.core import clock
from dekhang.apps.duties import jobs as duty_jobs
from dekhang.apps.duties import selectors as duties
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.incidents import services
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus
from dekhang.apps.incidents.models import Incident
from dekhang.apps.registry.enums import ContactKind
from dekhang.apps.registry.services import add_contact, confirm_contact
from dekhang.demo.exercise import advance
from tests.factories.registry import UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db


def test_the_demos_drill_runs_to_its_end_and_proves_the_procedure(frozen_now):
    unit = UnitFactory()
    officer, head = officer_of(unit), head_of(unit)
    contact = add_contact(unit_id=unit.pk, kind=ContactKind.EMAIL, value="a@example.gov.vn", by=officer)
    confirm_contact(contact=contact, by=officer)
    sop = services.adopt_sop(unit_id=unit.pk, kind=IncidentKind.INTRUSION, by=officer)
    services.approve_sop(sop=sop, by=head)
    for person in (officer, head):
        services.confirm_read(sop=sop, by=person)
    duty_jobs.tick()

    turns = 0
    while advance(unit.pk):
        turns += 1
        assert turns < 60

    assert Incident.objects.get().status == IncidentStatus.CLOSED
    assert duties.assess("sop", [unit.pk], clock.now())[unit.pk].state == ClaimState.PROVEN
