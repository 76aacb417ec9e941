"""Keeping searches, and noting who took events out of the system."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.search.enums import AuditAction
from dekhang.apps.search.models import SavedSearch
from dekhang.apps.search.policies import check_can_change_saved

SAVED_MOST = 100  # of one person


@transaction.atomic
def save_search(*, name: str, query: str, shared: bool, by: User) -> SavedSearch:
    if SavedSearch.objects.filter(owner=by, removed_at=None).count() >= SAVED_MOST:
        raise ActionDenied(_("Bạn đã lưu %(n)d câu tìm; hãy xóa bớt trước khi lưu thêm.") % {"n": SAVED_MOST})
    saved = SavedSearch.objects.create(
        unit_id=registry.own_unit_id(by), owner=by, name=name, query=query, shared=shared, saved_at=clock.now()
    )
    record_event(action=AuditAction.SEARCH_SAVED, target=saved, by=by, detail={"shared": shared})
    return saved


@transaction.atomic
def rename_search(*, saved: SavedSearch, name: str, shared: bool, by: User) -> SavedSearch:
    check_can_change_saved(by, saved)
    SavedSearch.objects.filter(pk=saved.pk).update(name=name, shared=shared)
    record_event(action=AuditAction.SEARCH_RENAMED, target=saved, by=by, detail={"name": name, "shared": shared})
    saved.refresh_from_db()
    return saved


@transaction.atomic
def remove_search(*, saved: SavedSearch, by: User) -> None:
    check_can_change_saved(by, saved)
    rows = SavedSearch.objects.filter(pk=saved.pk, removed_at=None)
    if rows.update(removed_at=clock.now(), removed_by=by) == 1:
        record_event(action=AuditAction.SEARCH_REMOVED, target=saved, by=by)


@transaction.atomic
def restore_search(*, saved: SavedSearch, by: User) -> None:
    check_can_change_saved(by, saved)
    rows = SavedSearch.objects.filter(pk=saved.pk, removed_at__isnull=False)
    if rows.update(removed_at=None, removed_by=None) == 1:
        record_event(action=AuditAction.SEARCH_RESTORED, target=saved, by=by)


def note_export(*, form: str, rows: int, asked: dict[str, Any], unit_id: int | None, by: User) -> None:
    """Called before the file leaves: without its audit event nothing does."""
    detail = {"form": form, "rows": rows, **asked}
    record_event(action=AuditAction.EVENTS_EXPORTED, by=by, unit_id=unit_id, detail=detail)
