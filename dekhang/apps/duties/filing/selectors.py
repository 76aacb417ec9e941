"""Reads of documents, starting from the units that a person may see."""

from django.db.models import QuerySet

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import RevisionState
from dekhang.apps.duties.models import Document, Revision
from dekhang.apps.registry.selectors import visible_unit_ids


def documents_of(user: User) -> QuerySet[Document]:
    return Document.objects.filter(unit_id__in=visible_unit_ids(user)).prefetch_related("revisions")


def revisions_of(user: User) -> QuerySet[Revision]:
    return Revision.objects.filter(document__unit_id__in=visible_unit_ids(user)).select_related(
        "document", "submitted_by", "reviewed_by"
    )


def waiting(user: User) -> QuerySet[Revision]:
    """What waits for a review, the longest first."""
    return revisions_of(user).filter(state=RevisionState.SUBMITTED).order_by("submitted_at", "pk")
