"""Invitations, visits and findings on the first screens of those whom they concern."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.inspections import services as inspections
from dekhang.apps.portal.work import tasks_of_unit
from tests.factories.briefings import briefing_of
from tests.factories.core import UserFactory
from tests.factories.inspections import concluded, finding_of, visit_of
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


def test_a_unit_finds_its_invitation_the_coming_visit_and_what_it_must_put_right(data, frozen_now):
    unit, inspector = UnitFactory(), UserFactory(inspector=True)
    officer = officer_of(unit)
    briefing_of(UserFactory(coordinator=True), unit, title="Hội nghị mẫu")
    visit_of(unit, inspector, begun=False, day=clock.today() + timedelta(days=9))
    visit_of(unit, inspector, begun=False, announced=False)
    visit = visit_of(unit, inspector)
    finding_of(visit, inspector)
    words = ("Giấy mời", "Kiểm tra", "Khắc phục")
    assert {task.word for task in tasks_of_unit(officer, unit.pk)} & {*words} == {"Giấy mời", "Kiểm tra"}
    concluded(visit, inspector)
    mine = [task for task in tasks_of_unit(officer, unit.pk) if task.word in words]
    assert [task.word for task in mine] == ["Khắc phục", "Kiểm tra", "Giấy mời"]
    assert mine[0].title == "Phép thử do máy tự trả lời."


def test_the_inspector_sees_what_is_overdue_what_waits_and_what_comes(data, frozen_now, client):
    unit, inspector = UnitFactory(version__name="Xã Tân Bình"), UserFactory(inspector=True)
    officer = officer_of(unit)
    visit = visit_of(unit, inspector)
    late, filed = finding_of(visit, inspector, days=5), finding_of(visit, inspector, text="Chưa có lịch trực.")
    concluded(visit, inspector)
    visit_of(unit, inspector, begun=False, day=clock.today() + timedelta(days=20))
    filed.refresh_from_db()
    inspections.file_follow_up(finding=filed, text="Đã có.", by=officer)
    client.force_login(inspector)
    with clock.at(frozen_now + timedelta(days=6)):
        page = client.get(reverse("portal:home")).content.decode()
    for expected in ("1 quá hạn khắc phục", late.text, "1 chờ kiểm tra lại", filed.text, "Cuộc kiểm tra sắp tới: 1"):
        assert expected in page, expected
