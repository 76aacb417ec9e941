"""Keeping searches, and noting who took events out of the system."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.search.enums import AuditAction
from dekhang.apps.search.models import SavedSearch
from dekhang.apps.search.policies import check_can_change_saved, check_can_hunt
from dekhang.apps.search.selectors import Sight
from dekhang.pipeline.stores import hunts
from dekhang.pipeline.stores.hunts import Hunt, Request

SAVED_MOST = 100  # of one person
QUERY_CHARS = SavedSearch._meta.get_field("query").max_length or 0


@transaction.atomic
def save_search(*, name: str, query: str, shared: bool, by: User) -> SavedSearch:
    if SavedSearch.objects.filter(owner=by, removed_at=None).count() >= SAVED_MOST:
        raise ActionDenied(_("Bạn đã lưu %(n)d câu tìm; hãy xóa bớt trước khi lưu thêm.") % {"n": SAVED_MOST})
    if len(query) > QUERY_CHARS:
        raise ActionDenied(_("Câu tìm này quá dài nên không lưu được; hãy rút gọn."))
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


def start_hunt(
    *,
    sight: Sight,
    since: datetime,
    until: datetime,
    by: User,
    query: str = "",
    rule_id: str = "",
    rule_file: UploadedFile | None = None,
    indicators: str = "",
    indicator_file: UploadedFile | None = None,
    unit: int | None = None,
) -> Hunt:
    """Have the jobs process begin a hunt for the one thing that is given, within what `sight` allows.

    Raises:
        ActionDenied: `by` may not hunt.
        OSError: the data folder cannot be written.
    """
    check_can_hunt(by)
    now = clock.now()
    file = rule_file or indicator_file
    title = query or rule_id or (file.name if file is not None else _("%(n)d chỉ dấu") % {"n": len(indicators.split())})
    request = Request(
        kind="query" if query else "rules" if rule_id or rule_file else "indicators",
        title=str(title)[:300],
        unit_ids=tuple(sorted(sight.unit_ids if unit is None else sight.unit_ids & {unit})),
        since_ms=_ms(since),
        until_ms=_ms(until),
        snapshot_ms=_ms(now),
        by=str(by),
        query=query,
        rule_ids=(rule_id,) if rule_id else (),
        unit_names=dict(sight.names.units) if query else {},
        source_names=dict(sight.names.sources) if query else {},
    )
    with tempfile.TemporaryDirectory(dir=settings.DATA) as folder:
        rules = [_kept(rule_file, Path(folder), "luat.yml")] if rule_file else []
        lists = [_kept(indicator_file, Path(folder), _ending(indicator_file))] if indicator_file else []
        if indicators:
            path = Path(folder) / "chi-dau.txt"
            path.write_text(indicators)
            lists.append(path)
        with transaction.atomic():
            hunt = hunts.create(settings.DATA, request, now_ms=_ms(now), rules=rules, indicators=lists)
            record_event(
                action=AuditAction.HUNT_STARTED, by=by, unit_id=unit, detail={"hunt": hunt.id, "title": request.title}
            )
    return hunt


def _kept(file: UploadedFile, folder: Path, name: str) -> Path:
    path = folder / name
    with path.open("wb") as target:
        for chunk in file.chunks():
            target.write(chunk)
    return path


def _ending(file: UploadedFile) -> str:
    """A name of our own that ends as the file's does: readers of indicators go by it."""
    ending = Path(file.name or "").suffix.lower()
    return "chi-dau" + (ending if ending in (".json", ".stix", ".csv", ".tsv", ".txt", ".list", ".ioc") else ".txt")


@transaction.atomic
def cancel_hunt(*, hunt: Hunt, by: User) -> None:
    check_can_hunt(by)
    state = hunt.state
    if state.status in hunts.ENDED:
        raise ActionDenied(_("Lần lùng này đã kết thúc, không còn gì để dừng."))
    record_event(action=AuditAction.HUNT_CANCELLED, by=by, detail={"hunt": hunt.id})
    hunt.cancel()
    if not hunt.is_running:
        state.status = "cancelled"
        hunt.save(state)


@transaction.atomic
def resume_hunt(*, hunt: Hunt, by: User) -> None:
    check_can_hunt(by)
    if hunt.state.status not in ("stopped", "cancelled", "failed"):
        raise ActionDenied(_("Lần lùng này đang làm hoặc đã xong, không cần làm tiếp."))
    record_event(action=AuditAction.HUNT_RESUMED, by=by, detail={"hunt": hunt.id})
    hunt.wait()


@transaction.atomic
def hand_over(*, hunt: Hunt, by: User) -> None:
    """Have the jobs process make detections of the findings."""
    check_can_hunt(by)
    if hunt.request.kind == "query":
        raise ActionDenied(_("Chỉ kết quả của luật hoặc chỉ dấu mới thành cảnh báo được; câu tìm thì không."))
    if hunt.state.status != "done":
        raise ActionDenied(_("Chờ lùng xong rồi hãy chuyển kết quả thành cảnh báo."))
    if hunt.state.told is not None or hunt.wants_alerts:
        raise ActionDenied(_("Kết quả của lần lùng này đã được chuyển thành cảnh báo."))
    record_event(action=AuditAction.HUNT_TO_ALERTS, by=by, detail={"hunt": hunt.id, "hits": hunt.state.hits})
    hunt.want_alerts()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
