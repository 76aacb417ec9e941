"""What logs show is held against the register; a unit answers for each thing, and until it does that is evidence."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.observed import jobs, selectors
from dekhang.apps.observed.comparing import Seen, outside
from dekhang.apps.observed.enums import Kind
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.registry.enums import NameKind
from dekhang.apps.registry.inventory.services import add_name, add_network
from dekhang.apps.registry.models import System, SystemName
from dekhang.pipeline.stores import database
from tests.factories.core import UserFactory
from tests.factories.inspections import finding_of, visit_of
from tests.factories.registry import SystemFactory, UnitFactory, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, Pipeline

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def pipeline(data, tmp_path, frozen_now):
    (tmp_path / "no-rules").mkdir()
    made = Pipeline(data, [tmp_path / "no-rules"])
    yield made
    made.close()


@pytest.fixture
def commune(frozen_now):
    return UnitFactory()


def line(host, at):
    return f"<13>{at:%b} {at.day:2d} {at:%H:%M:%S} {host} app: xin chao"


def shows(pipeline, source, host, *, days=1):
    """The machine speaks on so many days, the last of them today."""
    for number in range(days):
        at = MORNING - (days - 1 - number) * DAY
        pipeline.receive(source, line(host, at), at=at)
        for one in pipeline._worker._observer._names._counts.values():
            one.written_ms = 0


def seen_at(unit):
    return [one.name for one in selectors.comparison(unit.pk).outside]


def evidence_of(unit):
    rows = Evidence.objects.filter(unit=unit, kind=EvidenceKind.OUTSIDE_REGISTER).order_by("pk")
    return [(row.subject, row.outcome) for row in rows]


# --- pure


def thing(name, kind=Kind.HOST, days=1, records=1):
    return Seen(kind, name, records, days, MORNING, MORNING)


@pytest.mark.parametrize(
    ("registered", "name", "kind", "left"),
    [
        ("may-1", "may-1", Kind.HOST, False),
        ("may-1", "may-1.xa.example.gov.vn", Kind.HOST, False),  # the same machine under its domain
        ("may-1.xa.example.gov.vn", "may-1", Kind.HOST, True),  # a short name says less than what is registered
        ("may-1", "may-10", Kind.HOST, True),
        ("xa.example.gov.vn", "cong.xa.example.gov.vn", Kind.DOMAIN, True),  # domains whole
    ],
)
def test_what_a_registered_name_covers(registered, name, kind, left):
    assert bool(outside([thing(name, kind)], {kind: frozenset({registered})}, ())) is left


def test_what_is_seen_on_most_days_comes_first():
    found = outside([thing("a", records=900), thing("b", days=3), thing("c", days=3, records=5)], {}, ())
    assert [one.name for one in found] == ["c", "b", "a"]


# --- from records to the page


def test_a_machine_nobody_registered_is_listed_registered_and_gone(pipeline, commune, client):
    source = LogSourceFactory(unit=commune)
    system = SystemFactory(unit=commune, name="Một cửa")
    shows(pipeline, source, "may-la")
    officer = officer_of(commune)
    client.force_login(officer)
    address = reverse("observed:of_unit", args=[commune.pk])
    assert "may-la" in client.get(address).content.decode()
    client.post(
        reverse("observed:register", args=[commune.pk]), {"thay": "host:may-la", "system": system.pk, "new_system": ""}
    )
    assert SystemName.objects.get().system == system
    assert seen_at(commune) == []


def test_registering_makes_the_system_too_when_it_is_new(pipeline, commune, client):
    shows(pipeline, LogSourceFactory(unit=commune), "may-la")
    client.force_login(officer_of(commune))
    address = reverse("observed:register", args=[commune.pk])
    client.post(address, {"thay": "host:may-la", "system": "", "new_system": "Máy chủ thư"})
    assert System.objects.get().name == "Máy chủ thư"


def test_only_what_was_really_seen_can_be_registered_here(pipeline, commune, client):
    shows(pipeline, LogSourceFactory(unit=commune), "may-la")
    client.force_login(officer_of(commune))
    address = reverse("observed:register", args=[commune.pk])
    answer = client.post(address, {"thay": "host:bia-ra", "system": "", "new_system": "X"})
    assert answer.status_code == 403
    assert "không còn trong danh sách" in answer.content.decode()
    assert not System.objects.exists()


def test_not_ours_needs_a_reason_and_can_be_taken_back(pipeline, commune, client):
    shows(pipeline, LogSourceFactory(unit=commune), "may-khach")
    client.force_login(officer_of(commune))
    address = reverse("observed:dismiss", args=[commune.pk])
    assert client.post(address, {"thay": "host:may-khach", "reason": " "}).status_code == 403
    client.post(address, {"thay": "host:may-khach", "reason": "Máy của đoàn kiểm tra"})
    assert seen_at(commune) == []
    client.post(reverse("observed:undo", args=[Dismissal.objects.get().pk]))
    assert seen_at(commune) == ["may-khach"]
    assert Dismissal.objects.get().undone_by is not None


def test_a_name_registered_at_a_source_is_registered(pipeline, commune):
    source = LogSourceFactory(unit=commune, hosts=["May-Chinh."])
    shows(pipeline, source, "may-chinh")
    assert seen_at(commune) == []


def test_a_sender_without_token_is_shown_to_the_unit_in_whose_range_it_is(pipeline, commune, client):
    officer = officer_of(commune)
    add_network(unit_id=commune.pk, cidr="198.51.100.0/24", by=officer)
    connection = database.connect(pipeline.data)
    with connection.transaction():
        for hour, peer in ((1, "198.51.100.9:40000"), (2, "203.0.113.9:40000")):
            connection.execute(
                "INSERT INTO refusals VALUES (0, ?, 'unknown_sender', 1, 1, ?, 'x', ?)", (hour, hour, peer)
            )
    connection.close()
    assert seen_at(commune) == ["198.51.100.9"]
    client.force_login(officer)
    page = client.get(reverse("observed:of_unit", args=[commune.pk])).content.decode()
    assert f"{reverse('sources:choose')}?dia-chi=198.51.100.9" in page
    form = client.get(reverse("sources:connect", args=["syslog"]), {"dia-chi": "198.51.100.9"}).content.decode()
    assert "198.51.100.9" in form


def test_what_is_registered_and_never_seen_is_listed_after_two_weeks(pipeline, commune):
    officer = officer_of(commune)
    system = SystemFactory(unit=commune, name="Cổng")
    add_name(system=system, kind=NameKind.DOMAIN, name="cong.example.gov.vn", by=officer)
    SystemFactory(unit=commune, name="Không ai thấy")
    LogSourceFactory(unit=commune, name="Im từ đầu")
    assert selectors.comparison(commune.pk).unseen == 1  # the system that is there since January
    with clock.at(MORNING + 14 * DAY):
        one = selectors.comparison(commune.pk)
    assert [s.name for s in one.unseen_systems] == ["Không ai thấy"]
    assert [n.name for n in one.unseen_names] == ["cong.example.gov.vn"]
    assert [s.name for s in one.unseen_sources] == ["Im từ đầu"]


# --- evidence


def test_a_machine_that_keeps_coming_becomes_evidence_after_the_days_to_answer(pipeline, commune):
    shows(pipeline, LogSourceFactory(unit=commune), "may-la", days=3)
    assert jobs.tick() == 0  # seen for two days only: the unit has a week
    with clock.at(MORNING + 5 * DAY):
        assert jobs.tick() == 1
        assert evidence_of(commune) == [("host:may-la", Outcome.BROKEN)]
        assert jobs.tick() == 0


def test_a_name_of_one_day_is_never_evidence(pipeline, commune):
    shows(pipeline, LogSourceFactory(unit=commune), "thoang-qua")
    with clock.at(MORNING + 30 * DAY):
        assert jobs.tick() == 0


def test_an_answer_resolves_it_at_once_and_taking_it_back_refutes_again(pipeline, commune, client):
    shows(pipeline, LogSourceFactory(unit=commune), "may-la", days=3)
    client.force_login(officer_of(commune))
    with clock.at(MORNING + 7 * DAY):
        jobs.tick()
        client.post(reverse("observed:dismiss", args=[commune.pk]), {"thay": "host:may-la", "reason": "Máy mượn"})
        client.post(reverse("observed:undo", args=[Dismissal.objects.get().pk]))
    assert [outcome for _subject, outcome in evidence_of(commune)] == [Outcome.BROKEN, Outcome.OK, Outcome.BROKEN]


# --- pages


def test_the_province_sees_numbers_of_every_unit_in_few_queries(pipeline, client, django_assert_max_num_queries):
    units = [UnitFactory(version__name=f"Xã Số {number}") for number in range(20)]
    for unit in units:
        shows(pipeline, LogSourceFactory(unit=unit), "may-la")
    client.force_login(UserFactory(coordinator=True))
    with django_assert_max_num_queries(14):
        page = client.get(reverse("observed:overview")).content.decode()
    assert page.count("Xã Số") == 20


def test_a_unit_s_people_are_led_to_their_own(commune, client, data):
    client.force_login(officer_of(commune))
    answer = client.get(reverse("observed:overview"))
    assert answer.url == reverse("observed:of_unit", args=[commune.pk])


def test_what_an_inspector_found_on_the_spot_is_not_lifted_because_no_log_shows_it(pipeline, commune):
    inspector = UserFactory(inspector=True)
    finding = finding_of(visit_of(commune, inspector), inspector, item_key="register", contradicts=True)
    assert (jobs.tick(), evidence_of(commune)) == (0, [(f"finding:{finding.pk}", Outcome.BROKEN)])
