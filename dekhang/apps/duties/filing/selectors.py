"""Reads of documents, starting from the units that a person may see."""

from datetime import datetime

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome, RevisionState
from dekhang.apps.duties.models import Document, Evidence, Revision
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


def checked(user: User, at: datetime) -> QuerySet[Evidence]:
    """The newest word at `at` about every document of the units that `user` may see: accepted (also what has run out), or
    found wrong since. One row for each (unit, subject), with its revision and document.
    """
    newest = Window(
        RowNumber(), partition_by=[F("unit_id"), F("subject")], order_by=[F("observed_at").desc(), F("pk").desc()]
    )
    rows = Evidence.objects.filter(
        unit_id__in=visible_unit_ids(user), kind=EvidenceKind.DOCUMENT_CHECKED, observed_at__lte=at
    )
    return rows.annotate(turn=newest).filter(turn=1).select_related("revision__document")


def in_force(user: User, at: datetime) -> QuerySet[Evidence]:
    """Those of `checked` that speak for their unit at `at`: accepted, not over."""
    return checked(user, at).filter(Q(valid_until=None) | Q(valid_until__gt=at), outcome=Outcome.OK)
