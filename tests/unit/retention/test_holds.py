"""How long logs are kept, by level; holds: who may, what the pipeline is told; the lake's heads in the audit chain."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.registry.enums import ReorganisationKind
from dekhang.apps.registry.models import Reorganisation, Succession, System
from dekhang.apps.retention import jobs, selectors, services
from dekhang.apps.retention.enums import AuditAction
from dekhang.apps.retention.models import LakeAnchor, LegalHold
from dekhang.pipeline.stores import lakechain, retention
from dekhang.pipeline.stores.retention import Hold
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.retention import LegalHoldFactory
from tests.factories.sources import MORNING, LogSourceFactory

pytestmark = pytest.mark.django_db
THEN, NOW = date(2019, 12, 10), date(2026, 11, 1)


@pytest.fixture(autouse=True)
def in_the_morning():
    with clock.at(MORNING):
        yield


def place(by, **more):
    given = {"unit": None, "source": None, "since": None, "until": None, "document": "", "ends_on": None}
    return services.place_hold(**{**given, "reason": "Công an tỉnh yêu cầu", **more}, by=by)


def source_of_level(level):
    unit = UnitFactory()
    system = System.objects.create(unit=unit, name="Cổng", level=level, valid_from=THEN) if level != "none" else None
    return LogSourceFactory(unit=unit, system=system)


@pytest.mark.parametrize(
    ("level", "days", "basis"),
    [
        (None, 366, ()),  # ours: nobody has decided the level
        (1, 90, ()),  # no figure is known
        (2, 90, ("TCVN11930-2017",)),  # one month; never less than the installation's least
        (3, 92, ("TCVN11930-2017", "TT31-2017/5.3h")),
        (4, 184, ("TCVN11930-2017", "TT31-2017/5.3h")),
        (5, 366, ("TCVN11930-2017", "TT31-2017/5.3h")),
    ],
)
def test_the_level_decides_how_long_and_on_what_ground(level, days, basis):
    for day, ground in ((THEN, basis), (NOW, ("TCVN14423-2026",) if basis else ())):
        with clock.at(datetime(day.year, day.month, day.day, 5, tzinfo=UTC)):
            (term,) = [
                one for one in selectors.terms_seen_by(UserFactory.build(coordinator=True)) if one.level == level
            ]
        assert (selectors.days_of_level(level, day), term.days, term.basis) == (days, days, ground)


def test_the_pipeline_is_told_every_source_s_days_and_every_hold_in_force_once(data):
    three, unknown = source_of_level(3), source_of_level("none")
    retired = LogSourceFactory(retired=True)
    hold = LegalHoldFactory(unit=three.unit, since=MORNING)
    narrow = LegalHoldFactory(unit=unknown.unit, source=unknown, ends_on=clock.today())
    LegalHoldFactory(lifted=True)
    LegalHoldFactory(ends_on=clock.today() - timedelta(days=1))

    assert services.publish() is True and services.publish() is False
    policy = retention.published(data)
    assert {one.source_id: one.days for one in policy.sources} == {three.pk: 92, unknown.pk: 366, retired.pk: 366}
    assert policy.default_days == 366
    assert policy.holds == (
        Hold(hold.pk, three.unit_id, None, int(MORNING.timestamp() * 1000), None),
        Hold(narrow.pk, None, unknown.pk, None, None),
    )


def test_a_hold_over_a_unit_holds_what_came_from_the_units_before_it(data):
    old, new = UnitFactory(), UnitFactory()
    merged = Reorganisation.objects.create(date=THEN, kind=ReorganisationKind.MERGE)
    Succession.objects.create(reorganisation=merged, predecessor=old, successor=new)
    hold = LegalHoldFactory(unit=new)

    assert selectors.policy_in_force(THEN).holds == tuple(Hold(hold.pk, pk) for pk in sorted([old.pk, new.pk]))


def test_a_hold_is_told_at_once_and_its_lifting_too(data, django_capture_on_commit_callbacks):
    coordinator, unit = UserFactory(coordinator=True), UnitFactory()
    with django_capture_on_commit_callbacks(execute=True):
        hold = place(coordinator, unit=unit, document="12/CAT")
    assert [one.hold_id for one in retention.published(data).holds] == [hold.pk]
    with django_capture_on_commit_callbacks(execute=True):
        services.lift_hold(hold=hold, reason="Kết thúc điều tra", by=coordinator)

    assert retention.published(data).holds == ()
    assert (hold.lifted_by, hold.lift_reason) == (coordinator, "Kết thúc điều tra")
    events = AuditEvent.objects.order_by("pk").values_list("action", "unit_id", "actor_id")
    assert list(events) == [
        (AuditAction.HOLD_PLACED, unit.pk, coordinator.pk),
        (AuditAction.HOLD_LIFTED, unit.pk, coordinator.pk),
    ]
    with pytest.raises(ActionDenied, match="đã được gỡ"):
        services.lift_hold(hold=hold, reason="lần nữa", by=coordinator)


@pytest.mark.parametrize("trait", ["leader", "inspector", "administrator"])
def test_only_the_coordinator_holds_and_lifts(trait):
    hold = LegalHoldFactory()
    for person in (UserFactory(**{trait: True}), officer_of(UnitFactory())):
        with pytest.raises(ActionDenied, match="Chỉ cơ quan điều phối"):
            place(person)
        with pytest.raises(ActionDenied, match="Chỉ cơ quan điều phối"):
            services.lift_hold(hold=hold, reason="vì", by=person)
    assert LegalHold.objects.filter(lifted_at=None).count() == 1


def test_a_hold_whose_parts_do_not_fit_is_refused_with_the_reason():
    coordinator, source = UserFactory(coordinator=True), LogSourceFactory()
    for more, said in (
        ({"unit": UnitFactory(), "source": source}, "không thuộc đơn vị"),
        ({"since": MORNING, "until": MORNING}, "trước ngày kết thúc"),
        ({"ends_on": clock.today() - timedelta(days=1)}, "đã qua"),
    ):
        with pytest.raises(ActionDenied, match=said):
            place(coordinator, **more)
    assert place(coordinator, source=source).unit == source.unit


def test_the_page_places_and_lifts_a_hold_and_says_what_is_wrong(client, data):
    client.force_login(UserFactory(coordinator=True))
    source = source_of_level(3)
    page, place_url = reverse("retention:page"), reverse("retention:place")
    wrong = client.post(place_url, {"source": source.pk, "since": "2019-12-05", "until": "2019-12-01", "reason": "vì"})
    assert wrong.status_code == 400 and "Ngày bắt đầu phải trước" in wrong.content.decode()

    done = client.post(
        place_url,
        {"source": source.pk, "since": "2019-12-01", "until": "2019-12-05", "reason": "Vụ thư giả"},
        follow=True,
    )
    said = done.content.decode()
    assert "Vụ thư giả" in said and "sự kiện từ 01/12/2019, đến hết 05/12/2019" in said and source.name in said
    hold = LegalHold.objects.get()
    assert hold.until == datetime(2019, 12, 5, 17, tzinfo=UTC)  # the whole of the last day, in Tây Ninh
    client.post(reverse("retention:lift", args=[hold.pk]), {"reason": ""})
    assert LegalHold.objects.filter(lifted_at=None).exists()
    client.post(reverse("retention:lift", args=[hold.pk]), {"reason": "Đã xong"})
    assert "gỡ: Đã xong" in client.get(page).content.decode()


def test_a_unit_sees_its_terms_and_no_holds(client):
    source = source_of_level(4)
    source_of_level(4)
    LegalHoldFactory(unit=source.unit, reason="Theo dõi cán bộ")
    officer = officer_of(source.unit)
    client.force_login(officer)
    said = client.get(reverse("retention:page")).content.decode()

    assert "184 ngày" in said and "TCVN 11930:2017" in said
    assert "Theo dõi" not in said and "Lệnh giữ" not in said
    assert {term.level: term.sources for term in selectors.terms_seen_by(officer)}[4] == 1
    hold = LegalHold.objects.get()
    assert client.post(reverse("retention:lift", args=[hold.pk]), {"reason": "x"}).status_code == 404
    assert client.post(reverse("retention:place"), {"reason": "x"}).status_code == 403


def test_the_page_asks_few_questions(client, django_assert_max_num_queries):
    client.force_login(UserFactory(coordinator=True))
    for _ in range(8):
        source = source_of_level(3)
        LegalHoldFactory(unit=source.unit, source=source)
        LegalHoldFactory(unit=source.unit, lifted=True)
    with django_assert_max_num_queries(14):
        client.get(reverse("retention:page"))


def test_the_lake_s_heads_are_anchored_once_a_day_when_they_have_moved(data, monkeypatch):
    heads = [lakechain.Head("2019-12-09", 3, "a" * 64), lakechain.Head("2019-12-10", 1, "b" * 64)]
    monkeypatch.setattr(services.lakechain, "heads", lambda _data: heads)
    jobs.tick()
    heads[1] = lakechain.Head("2019-12-10", 2, "c" * 64)
    jobs.tick()
    assert LakeAnchor.objects.get(day="2019-12-10").number == 1  # not before tomorrow
    with clock.at(MORNING + timedelta(days=1)):
        jobs.tick()

    assert list(selectors.anchored_heads()) == [
        ("2019-12-09", 3, "a" * 64), ("2019-12-10", 1, "b" * 64), ("2019-12-10", 2, "c" * 64)
    ]  # fmt: skip
    assert list(verify_chain()) == []
