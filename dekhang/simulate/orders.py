"""The province's plan, sent to every unit a year ago, and how far each unit has come with each task."""

import random
from datetime import timedelta
from typing import Any

from dekhang.apps.cascade.enums import DueCause, ReceiptKind, Verdict
from dekhang.apps.cascade.models import Assignment, Due, Receipt, Report, TaskVersion
from dekhang.apps.cascade.services.plans import draft_from_template, issue
from dekhang.apps.cascade.services.sending import parties_of
from dekhang.apps.cascade.templates_of_plans import template
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry.selectors import counted_units
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import Size
from dekhang.simulate.tree import Tree
from dekhang.simulate.writing import first_free, insert

RECEIVED, READ, ACCEPTED = 0.9, 0.8, 0.7  # of the assignments
REPORTED, JUDGED = 0.5, 0.8  # of those that were accepted; of the reports


def send_down(tree: Tree, conducts: dict[int, dict[str, Conduct]], size: Size) -> int:
    """Write plan, assignments, receipts and reports; returns how many assignments."""
    dice = random.Random(f"{size.seed}/orders")  # noqa: S311 - made-up data
    coordinator = User.objects.get(pk=tree.reviewer_id)
    sent_at = size.end - timedelta(days=min(365, 30 * size.months - 20))
    with clock.at(sent_at - timedelta(days=3)):
        version = issue(version=draft_from_template(template=template(), by=coordinator), by=coordinator)
    kinds = dict(counted_units().values_list("unit_id", "kind"))
    officers = {unit.id: unit.officer_id for unit in tree.units}
    number = first_free(Assignment)
    assignments: list[tuple[Any, ...]] = []
    dues: list[tuple[Any, ...]] = []
    receipts: list[tuple[Any, ...]] = []
    reports: list[tuple[Any, ...]] = []
    for task in TaskVersion.objects.filter(version=version).prefetch_related("parties").order_by("order"):
        for unit_id, part in parties_of(task, kinds).items():
            if unit_id not in kinds:
                continue
            officer, at = officers[unit_id], sent_at
            assignments.append((number, task.task_id, unit_id, part, sent_at, tree.reviewer_id))
            dues.append((number, task.due_on, DueCause.SENT, sent_at, tree.reviewer_id))
            reached = dice.random()
            for kind, share in (
                (ReceiptKind.RECEIVED, RECEIVED),
                (ReceiptKind.READ, READ),
                (ReceiptKind.ACCEPTED, ACCEPTED),
            ):
                at += timedelta(hours=dice.uniform(1, 90))
                if reached < share:
                    receipts.append((number, kind, at, officer))
            done = conducts[unit_id].get(task.duty_key)
            if reached < ACCEPTED * REPORTED or (done is not None and done.truth == "true"):
                verdict = (
                    (Verdict.ACCEPTED if dice.random() < 0.9 else Verdict.RETURNED) if dice.random() < JUDGED else ""
                )
                reported = min(at + timedelta(days=dice.uniform(5, 200)), size.end - timedelta(hours=1))
                reports.append((number, "Đơn vị đã thực hiện xong.", reported, officer, verdict))
            number += 1
    insert(Assignment, ("id", "task_id", "unit_id", "role", "sent_at", "sent_by_id"), assignments)
    insert(Due, ("assignment_id", "day", "cause", "set_at", "set_by_id"), dues)
    insert(Receipt, ("assignment_id", "kind", "at", "by_id"), receipts)
    insert(Report, ("assignment_id", "text", "reported_at", "reported_by_id", "verdict"), reports)
    return len(assignments)
