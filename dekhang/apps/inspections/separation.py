"""Who operates or reviews may not appraise: what stands between a person and the appraisal of a unit, from what they did.

Law: dekhang/law/data/roles.yml; how far back is looked is our choice.
"""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import AuditAction as Cascade
from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.core.selectors import audit_sentences
from dekhang.apps.duties.enums import RevisionState
from dekhang.apps.duties.models import Revision
from dekhang.apps.incidents.enums import AuditAction as Incidents
from dekhang.apps.registry.enums import AuditAction as Registry
from dekhang.apps.registry.models import PostHolding
from dekhang.apps.registry.selectors import unit_name, with_predecessors
from dekhang.apps.sources.enums import AuditAction as Sources

LOOKED_BACK_DAYS = 730  # as often as a whole organisation is checked (ND85-2016/20.2c)
OPERATING = frozenset(
    {
        *(action for action in Sources.values if action != Sources.MAP_EXPORTED),  # looking is not operating
        *(Registry.SYSTEM_REGISTERED, Registry.SYSTEM_RETIRED),
        *(Incidents.STEP_DONE, Incidents.STEP_SKIPPED, Incidents.INCIDENT_HANDLED, Incidents.SOP_APPROVED),
        *(Cascade.TASK_REPORT_ACCEPTED, Cascade.TASK_REPORT_RETURNED),
    }
)


def conflict(user: User, unit_id: int) -> str | None:
    """Why this person may not appraise the unit, as a sentence; None: nothing stands in the way."""
    unit_ids = with_predecessors([unit_id])
    since = clock.now() - timedelta(days=LOOKED_BACK_DAYS)
    name = unit_name(unit_id)
    holding = (
        PostHolding.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=since.date()), user=user)
        .filter(unit_id__in=unit_ids)
        .order_by("-valid_from")
        .first()
    )
    if holding is not None:
        return _("%(who)s giữ hoặc vừa thôi giữ vị trí “%(post)s” ở %(unit)s, nên người khác phải kiểm tra đơn vị này.") % {
            "who": user,
            "post": holding.get_kind_display(),
            "unit": name,
        }  # fmt: skip
    revision = (
        Revision.objects.filter(
            reviewed_by=user,
            reviewed_at__gt=since,
            state__in=[RevisionState.ACCEPTED, RevisionState.RETURNED],
            document__unit_id__in=unit_ids,
        )
        .select_related("document")
        .order_by("-reviewed_at")
        .first()
    )
    if revision is not None and revision.reviewed_at is not None:
        return _("%(who)s đã duyệt văn bản “%(title)s” của %(unit)s ngày %(day)s, nên người khác phải kiểm tra đơn vị này.") % {
            "who": user,
            "title": revision.document.title,
            "unit": name,
            "day": f"{timezone.localtime(revision.reviewed_at):%d/%m/%Y}",
        }  # fmt: skip
    event = (
        AuditEvent.objects.filter(actor=user, unit_id__in=unit_ids, action__in=OPERATING, at__gt=since)
        .order_by("-pk")
        .first()
    )
    if event is not None:
        return _("%(who)s đã vận hành hoặc duyệt việc của %(unit)s (%(what)s, ngày %(day)s), nên người khác phải kiểm tra đơn vị này.") % {
            "who": user,
            "unit": name,
            "what": audit_sentences().get(event.action, event.action).lower(),
            "day": f"{timezone.localtime(event.at):%d/%m/%Y}",
        }  # fmt: skip
    return None
