"""The sign-off sheet of a visit: made, kept with its SHA-256."""

import hashlib

from django.core.files.base import ContentFile
from django.db import transaction

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.models import User
from dekhang.apps.inspections.documents import minutes_docx
from dekhang.apps.inspections.enums import AuditAction
from dekhang.apps.inspections.models import Minutes, Visit
from dekhang.apps.inspections.policies import check_can_make_minutes


@transaction.atomic
def make_minutes(*, visit: Visit, by: User) -> Minutes:
    """Make the DOCX from what is recorded now; earlier ones stay."""
    check_can_make_minutes(by, visit)
    content = minutes_docx(visit, made_at=clock.now())
    made = Minutes(visit=visit, sha256=hashlib.sha256(content).hexdigest(), made_at=clock.now(), made_by=by)
    made.file.save(f"bien-ban-{visit.pk}.docx", ContentFile(content), save=True)
    record_event(action=AuditAction.MINUTES_MADE, by=by, target=visit, detail={"sha256": made.sha256})
    return made
