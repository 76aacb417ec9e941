"""What belongs to units goes with them when a reorganisation comes into force: sources, open alerts, incidents."""

from datetime import timedelta

import pytest

from dekhang.apps.alerts.enums import AlertStatus
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.selectors import assess
from dekhang.apps.incidents.enums import IncidentStatus
from dekhang.apps.registry import selectors
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.reorganise import schedule
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.cli.jobs import follow_reorganisations
from dekhang.pipeline.stores.intake import IntakeMap
from tests.factories.alerts import AlertDetectionFactory, AlertFactory
from tests.factories.core import UserFactory
from tests.factories.duties import evidence, proves_recording
from tests.factories.incidents import incident_of
from tests.factories.registry import MERGED_ON, SystemFactory, UnitFactory, commune, merger, officer_of
from tests.factories.sources import LogSourceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def merged(data, frozen_now, django_capture_on_commit_callbacks):
    """Two communes with everything that can move, and the moment when the jobs process has followed their merger."""
    province = UnitFactory(version__name="Tỉnh Thử", version__kind=UnitKind.PROVINCE)
    first, second = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    things = {
        "first": first,
        "second": second,
        "officer": officer_of(first),
        "source": LogSourceFactory(unit=first, state=SourceState.DELIVERING),
        "retired": LogSourceFactory(unit=first, state=SourceState.RETIRED, retired_at=frozen_now),
        "alert": AlertFactory(unit=first, family="brute_force", entity="192.0.2.7"),
        "twin": AlertFactory(unit=second, family="brute_force", entity="192.0.2.7"),
        "closed": AlertFactory(unit=first, resolved=True),
        "incident": incident_of(second, system=SystemFactory(unit=second)),
    }
    AlertDetectionFactory(alert=things["alert"])
    AlertDetectionFactory(alert=things["twin"])
    proves_recording(first, source=things["source"].pk)
    evidence(first, EvidenceKind.SOURCE_LOSS, f"source:{things['source'].pk}")
    schedule(plan=merger(province, first, second), by=UserFactory(coordinator=True))
    with clock.at(frozen_now + timedelta(days=60)):
        with django_capture_on_commit_callbacks(execute=True):
            follow_reorganisations()
        things["new"] = UnitVersion.objects.get(name="Xã Phước Bình").unit_id
        yield things


def test_sources_that_are_used_go_on_under_the_successor_and_receivers_know_it(merged, data):
    assert LogSource.objects.get(pk=merged["source"].pk).unit_id == merged["new"]
    assert LogSource.objects.get(pk=merged["retired"].pk).unit_id == merged["first"].pk
    entry = IntakeMap(data).by_id(merged["source"].pk)
    assert entry is not None and entry.unit_id == merged["new"]


def test_one_attack_on_both_units_is_one_open_alert_of_the_new_one(merged):
    open_ones = Alert.objects.filter(unit_id=merged["new"], status=AlertStatus.NEW)
    [one] = open_ones
    assert (one.detection_count, one.detections.count()) == (2, 2)
    assert Alert.objects.get(pk=merged["closed"].pk).unit_id == merged["first"].pk, "history stays where it was"


def test_incidents_go_on_with_their_system_under_the_successor(merged):
    merged["incident"].refresh_from_db()
    assert (merged["incident"].unit_id, merged["incident"].system.unit_id) == (merged["new"], merged["new"])
    assert merged["incident"].status == IncidentStatus.OPEN


def test_old_numbers_stay_and_the_new_unit_has_to_be_proven_itself(merged):
    before = clock.now() - timedelta(days=45)
    assert assess("record_attacks", [merged["first"].pk], before)[merged["first"].pk].state == ClaimState.PROVEN
    fresh = assess("record_attacks", [merged["new"]], clock.now())[merged["new"]]
    assert fresh.state == ClaimState.EVIDENCED
    assert {reason.code for reason in fresh.reasons} == {"canary_missing"}


def test_officers_see_the_history_of_the_units_that_went_into_theirs(merged):
    seen = selectors.visible_unit_ids(merged["officer"])
    assert seen == {merged["new"], merged["first"].pk, merged["second"].pk}
    assert selectors.visible_unit_ids(merged["officer"], MERGED_ON - timedelta(days=1)) == {merged["first"].pk}


def test_following_twice_moves_nothing_twice(merged):
    before = list(Alert.objects.order_by("pk").values())
    follow_reorganisations()
    assert list(Alert.objects.order_by("pk").values()) == before
