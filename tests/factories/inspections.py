"""Inspection visits made by the services that people use."""

from datetime import timedelta

from dekhang.apps.core import clock
from dekhang.apps.inspections import services
from dekhang.apps.inspections.models import Finding, Visit


def visit_of(unit, lead, *, begun=True, **facts) -> Visit:
    visit = services.plan_visit(
        unit_id=unit.pk, **{"checklist_key": "recording", "day": clock.today(), "lead": lead, **facts}, by=lead
    )
    return services.move(visit=visit, to="under_way", by=lead) if begun else visit


def finding_of(visit, by, *, item_key="canary", days=30, **facts) -> Finding:
    return services.raise_finding(
        visit=visit,
        item=visit.items.get(key=item_key) if item_key else None,
        **{
            "severity": "high",
            "text": "Phép thử do máy tự trả lời.",
            "required": "Người trực tiếp nhận từng phép thử.",
            "due_on": clock.today() + timedelta(days=days),
            **facts,
        },
        by=by,
    )


def concluded(visit, by) -> Visit:
    """Every item answered as met, and the visit concluded."""
    for item in visit.items.filter(result="").select_related("visit"):
        services.answer_item(item=item, result="met", by=by)
    return services.move(visit=visit, to="concluded", note="Đơn vị cơ bản đạt.", by=by)
