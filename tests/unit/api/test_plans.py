"""A plan through the API: drafted, filled, issued, sent; and only by the coordinator."""

import pytest

from dekhang.apps.cascade.models import Assignment, PlanVersion
from tests.factories.api import Caller, token_of
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db

PLAN = {"title": "Kế hoạch thử", "day": "2019-10-18", "basis": ["CT14-2019"]}


def made(answer, status=201):
    assert answer.status_code == status, answer.content.decode()
    return answer.json()


def test_a_plan_is_drafted_filled_issued_and_sent_and_the_unit_reads_its_task(frozen_now):
    unit = UnitFactory()
    coordinator, officer = Caller(token_of(UserFactory(coordinator=True))), Caller(token_of(officer_of(unit)))
    plan = made(coordinator.post("/plans", PLAN))["id"]
    assert made(coordinator.get(f"/plans/{plan}"), 200)["faults"], "an empty draft cannot be issued"
    task = {
        "title": "Sao lưu",
        "deadline": "once",
        "due_on": "2019-12-31",
        "lead_units": [unit.pk],
        "own_proof": True,
        "basis": ["CT14-2019"],
    }
    first = made(coordinator.post(f"/plans/{plan}/tasks", task))["id"]
    second = made(coordinator.post(f"/plans/{plan}/tasks", task | {"title": "Quán triệt"}))["id"]
    moved = made(coordinator.post(f"/plan-tasks/{second}/move", {"direction": "up"}), 200)
    assert [one["id"] for one in moved["tasks"]] == [second, first]
    assert made(coordinator.put(f"/plan-tasks/{second}", task | {"title": "Tập huấn"}), 200)["title"] == "Tập huấn"
    assert coordinator.post(f"/plan-tasks/{first}/delete").status_code == 204
    assert officer.get(f"/plans/{plan}").status_code == 404, "a draft is the coordinator's"
    assert made(coordinator.post(f"/plans/{plan}/issue"), 200)["version"]["state"] == "issued"

    assert made(coordinator.post(f"/plans/{plan}/send/preview", {"tasks": [second]}), 200)["total"] == 1
    assert not Assignment.objects.exists()
    sent = made(coordinator.post(f"/plans/{plan}/send", {"tasks": [second]}))["assignments"]
    rows = made(officer.get("/assignments"), 200)["rows"]
    assert [(row["id"], row["title"], row["sender"]) for row in rows] == [(sent[0], "Tập huấn", None)]


def test_only_the_coordinator_drafts_and_sends():
    officer = Caller(token_of(officer_of(UnitFactory())))
    assert officer.post("/plans", PLAN).status_code == 403
    assert officer.post("/plans/from-template").status_code == 403
    assert not PlanVersion.objects.exists()
