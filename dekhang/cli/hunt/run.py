"""The command at work: the request made or found again, the hunt carried on, its findings written."""

import argparse
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

from dekhang.cli.detect.output import opened
from dekhang.cli.django import setup_existing
from dekhang.cli.hunt.output import WRITERS, Progress, listed
from dekhang.pipeline.hunt import run as hunting
from dekhang.pipeline.hunt.executors import Executor, Here, Processes, Unavailable
from dekhang.pipeline.hunt.handover import NotFindings, hand_over
from dekhang.pipeline.hunt.target import NothingToHunt
from dekhang.pipeline.stores import hunts
from dekhang.pipeline.stores.hunts import Hunt, Request, State
from dekhang.pipeline.stores.search import Names, QueryError, parse, resolve
from dekhang.pipeline.stores.search.nodes import Ids, Named

SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
USUAL = timedelta(days=30)
_AHEAD = timedelta(days=2)


class Refused(Exception):
    """The command cannot do what is asked; the message is a sentence for the person who typed it. Exit code 2."""


def run(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    try:
        if args.list:
            print(listed(hunts.listing(args.data)))
            return 0
        if args.cancel:
            return _cancel(_known(args.data, args.cancel))
        executor = _executor(args)
        return _work(args, _known(args.data, args.resume) if args.resume else _new(args), executor)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2


def _executor(args: argparse.Namespace) -> Executor:
    if args.ray is None:
        return Processes(args.workers) if args.workers > 1 else Here()
    try:
        from dekhang.pipeline.hunt.raycluster import RayCluster  # of the `hunts` extra: 560 MB, for those who want it
    except ImportError:
        raise Refused(
            "Thiếu thư viện Ray. Hãy chạy qua ./dk hunt --ray để tự cài, hoặc cài từ requirements-hunts.lock."
        ) from None
    return RayCluster(args.ray)


def _known(data: Path, hunt_id: str) -> Hunt:
    hunt = hunts.get(data, hunt_id)
    if hunt is None:
        raise Refused(f"Không có lần lùng {hunt_id}; xem các lần lùng bằng: dekhang hunt --list")
    return hunt


def _cancel(hunt: Hunt) -> int:
    state = hunt.state
    if state.status in hunts.ENDED:
        raise Refused("Lần lùng này đã kết thúc, không còn gì để dừng.")
    hunt.cancel()
    if not hunt.is_running:
        state.status = "cancelled"
        hunt.save(state)
    print(f"Đã cho dừng lần lùng {hunt.id}.")
    return 0


def _new(args: argparse.Namespace) -> Hunt:
    from django.conf import settings

    from dekhang.apps.core import clock
    from dekhang.apps.registry.models import Unit
    from dekhang.apps.registry.selectors import unit_names
    from dekhang.apps.sources.models import LogSource

    if sum((bool(args.query), bool(args.rule), bool(args.indicators))) != 1:
        raise Refused("Hãy nêu đúng một thứ để lùng: câu tìm, --rule hoặc --indicators. Xem thêm: dekhang hunt --help")
    now = clock.now()
    files = [Path(one) for one in args.rule if Path(one).exists()]
    rule_ids = tuple(one for one in args.rule if not Path(one).exists())
    for one in rule_ids:
        if "/" in one or one.endswith((".yml", ".yaml")):
            raise Refused(f"Không có tệp luật {one}; hãy kiểm tra lại đường dẫn.")
    for path in args.indicators:
        if not path.exists():
            raise Refused(f"Không có tệp chỉ dấu {path}; hãy kiểm tra lại đường dẫn.")
    since = _moment(args.since) if args.since else now - USUAL
    until = _moment(args.until) if args.until else now + _AHEAD
    if since >= until:
        raise Refused("--since phải trước --until.")
    every = unit_names(list(Unit.objects.values_list("pk", flat=True)))
    kind: hunts.Kind = "query" if args.query else "rules" if args.rule else "indicators"
    request = Request(
        kind=kind,
        title=args.query or ", ".join(Path(str(one)).name for one in (*args.rule, *args.indicators))[:300],
        unit_ids=_units(args.unit, every),
        since_ms=_ms(since),
        until_ms=_ms(until),
        # what is received from now on is for the next hunt
        snapshot_ms=_ms(now),
        by="lệnh hunt",
        query=_checked(args.query) if args.query else "",
        rule_ids=rule_ids,
        min_level=args.min_level,
        unit_names=every if args.query else {},
        source_names=dict(LogSource.objects.values_list("pk", "name")) if args.query else {},
    )
    try:
        hunt = hunts.create(args.data, request, now_ms=_ms(now), rules=files, indicators=args.indicators)
    except ValueError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Refused(f"Không ghi được vào {settings.DATA}: {error.strerror or error}.") from None
    return hunt


def _checked(query: str) -> str:
    try:
        parse(query)
    except QueryError as fault:
        mark = f"  {query}\n  {' ' * fault.position}^"
        raise Refused(f"{fault.reason} (ký tự {fault.position + 1})\n{mark}") from None
    return query


def _units(asked: list[str], every: dict[int, str]) -> tuple[int, ...]:
    """Numbers of the units that were named; without a name all."""
    if not asked:
        return tuple(sorted(every))
    found: set[int] = set()
    for one in asked:
        resolved = resolve(Named("unit", (one,)), Names(every, {}))
        assert isinstance(resolved, Ids)
        if not resolved.ids:
            raise Refused(f"Không có đơn vị nào có tên chứa “{one}”.")
        found |= resolved.ids
    return tuple(sorted(found))


def _moment(text: str) -> datetime:
    from django.utils import timezone

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"“{text[:40]}” không phải là ngày giờ; hãy ghi như 2019-12-10 hoặc 2019-12-10T08:00+07:00"
        ) from None
    return moment if moment.tzinfo is not None else timezone.make_aware(moment)


def _work(args: argparse.Namespace, hunt: Hunt, executor: Executor) -> int:
    from django.conf import settings

    from dekhang.apps.core import clock

    if args.resume:
        (hunt.folder / "cancel").unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    progress = Progress(wanted=not args.quiet)
    try:
        with progress:
            state = hunting.run(
                args.data,
                hunt,
                rule_folders=settings.RULE_FOLDERS,
                executor=executor,
                now_ms=lambda: _ms(clock.now()),
                progress=progress,
            )
        if state.status == "done":
            _write(args, hunt, state)
            if args.to_alerts:
                _hand_over(args, hunt, _ms(clock.now()))
            return 0
    except hunting.Busy:
        raise Refused("Một tiến trình khác đang làm lần lùng này; xem tiến độ bằng: dekhang hunt --list") from None
    except (NothingToHunt, Unavailable) as reason:
        raise Refused(str(reason)) from None
    except KeyboardInterrupt:  # also between the last slice and the last line of the results
        progress.stop()
        state = hunt.state
    if state.status == "cancelled":
        print(
            f"Lần lùng này đã bị hủy sau {state.done}/{state.slices} phần, {state.hits} kết quả. "
            "Muốn làm tiếp: bấm Làm tiếp ở trang của nó.",
            file=sys.stderr,
        )
        return 1
    print(
        f"Đã dừng sau {state.done}/{state.slices} phần, {state.hits} kết quả. "
        f"Làm tiếp: dekhang hunt --resume {hunt.id}",
        file=sys.stderr,
    )
    return 1


def _write(args: argparse.Namespace, hunt: Hunt, state: State) -> None:
    form = args.format or (SUFFIXES.get(args.output.suffix.lower(), "table") if args.output else "table")
    try:
        with opened(args.output) as out:
            WRITERS[form](hunt, out, with_mark=args.output is not None)
    except BrokenPipeError:
        raise
    except OSError as error:
        if args.output is None:
            raise
        raise Refused(f"Không ghi được {args.output}: {error.strerror or error}.") from None
    if args.quiet:
        return
    print(f"{state.hits} kết quả trong {state.records} bản ghi; lần lùng {hunt.id}.", file=sys.stderr)
    if state.groups > state.groups_read:
        print(
            f"Chỉ phải đọc {state.groups_read}/{state.groups} nhóm dòng của kho: phần còn lại không thể có.",
            file=sys.stderr,
        )
    if state.left_out:
        print(f"{state.left_out} chỗ khớp nữa quá nhiều để giữ; hãy thu hẹp.", file=sys.stderr)
    if state.problem:
        print(state.problem, file=sys.stderr)


def _hand_over(args: argparse.Namespace, hunt: Hunt, now_ms: int) -> None:
    try:
        written = hand_over(args.data, hunt, now_ms=now_ms)
    except NotFindings as error:
        raise Refused(str(error)) from None
    if not args.quiet:
        print(f"{written} phát hiện mới được chuyển thành cảnh báo; những gì đã có thì không lặp lại.", file=sys.stderr)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
