"""The board: both shares of a duty on any date, the rows behind them as far as the account sees them, trend, snapshots."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Schema

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, Text, day_of
from dekhang.apps.api.rest.building import Operations
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.registry.selectors import unit_names
from dekhang.apps.scoreboard import selectors
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.scoreboard.rows import pick

operations = Operations(Area.BOARD)


class Coverage(Schema):
    """Records that the senders numbered and that never came: a share over lost logs shows it."""

    sent: int | None
    lost: int | None


class Share(Schema):
    """Both shares of a duty on a day; None where no unit is in force: a percentage of nothing is not 0 %."""

    duty: str
    title: str
    day: date
    at: datetime
    units: int
    declared: int
    proven: int
    declared_share: float | None
    proven_share: float | None
    frozen: bool
    intact: bool
    coverage: Coverage | None


class BoardRow(Schema):
    unit: int
    name: str
    kind: str
    parent: int | None
    parent_name: str
    state: str
    reason_code: str
    reason: str
    next_step: str
    more_reasons: int
    since: datetime | None


class TrendPoint(Schema):
    day: date
    units: int
    declared: int
    proven: int
    frozen: bool


class FrozenShare(Schema):
    """A day's numbers, frozen; `intact` is false when they no longer fit their digest."""

    id: int
    duty: str
    day: date
    units: int
    declared: int
    proven: int
    digest: str
    intact: bool
    frozen_at: datetime


def _board(duty_key: str, day: date | None) -> selectors.Board:
    if duty_key not in selectors.BOARD_DUTIES:
        raise not_found()
    return selectors.board(duty_key, day_of(day))


def _share(board: selectors.Board) -> dict[str, Any]:
    return {
        **{name: getattr(board, name) for name in ("day", "at", "units", "declared", "proven", "intact")},
        "duty": board.duty.key,
        "title": board.duty.title,
        "declared_share": board.declared_share,
        "proven_share": board.proven_share,
        "frozen": board.snapshot is not None,
        "coverage": board.coverage,
    }


@operations.read("/board", list[Share])
def shares(request: HttpRequest, day: Day = None) -> list[dict[str, Any]]:
    """Tỷ lệ khai báo và tỷ lệ chứng minh của mọi nghĩa vụ trên bảng điểm, vào một ngày bất kỳ."""
    return [_share(board) for board in selectors.boards(selectors.BOARD_DUTIES, day_of(day)).values()]


@operations.read("/board/{duty_key}", Share)
def share(request: HttpRequest, duty_key: str, day: Day = None) -> dict[str, Any]:
    """Hai tỷ lệ của một nghĩa vụ."""
    return _share(_board(duty_key, day))


@operations.read("/board/{duty_key}/rows", Page[BoardRow])
def rows(
    request: HttpRequest,
    duty_key: str,
    day: Day = None,
    state: Annotated[str, Query("", description="trạng thái, hoặc da-khai, chua-chung-minh")] = "",
    kind: str = "",
    district: Annotated[int | None, Query(None, ge=1)] = None,
    reason: str = "",
    q: Text = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Các đơn vị sau con số, việc gấp trước; chỉ những đơn vị mà tài khoản xem được."""
    board = _board(duty_key, day)
    seen = selectors.visible_rows(board, request.user)
    kept = pick(seen, state=state, kind=kind, district=str(district or ""), reason=reason, text=q)
    page = page_of_list(kept, limit, cursor)
    names = unit_names({row.parent_id for row in page["rows"] if row.parent_id}, board.day)
    return page | {
        "rows": [
            {
                **{
                    name: getattr(row, name)
                    for name in ("name", "kind", "reason", "next_step", "more_reasons", "since")
                },
                "unit": row.unit_id,
                "parent": row.parent_id,
                "parent_name": names.get(row.parent_id or 0, ""),
                "state": row.state,
                "reason_code": row.code,
            }
            for row in page["rows"]
        ]
    }


@operations.read("/board/{duty_key}/trend", list[TrendPoint])
def trend(request: HttpRequest, duty_key: str, day: Day = None) -> list[Any]:
    """Các ngày đã chốt trước ngày được hỏi, và chính ngày ấy."""
    return selectors.trend(_board(duty_key, day))


@operations.read("/snapshots", Page[FrozenShare])
def snapshots(request: HttpRequest, duty: str = "", limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Số liệu đã chốt, mới nhất trước."""
    found = Snapshot.objects.all()
    if duty:
        found = found.filter(duty_key=duty)
    return page_of(found, limit, cursor, _snapshot)


def _snapshot(one: Snapshot) -> dict[str, Any]:
    return {
        "id": one.pk,
        "duty": one.duty_key,
        "day": one.date,
        "units": one.units_in_force,
        "declared": one.declared,
        "proven": one.proven,
        "digest": one.digest,
        "intact": selectors.snapshot_digest(one) == one.digest,
        "frozen_at": one.frozen_at,
    }
