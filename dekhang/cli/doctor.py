"""`dekhang doctor`: what is wrong with this installation, in plain words. Exit code 1 when there is something to do."""

import argparse
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dekhang.cli import place
from dekhang.cli.django import add_data_option, setup_existing
from dekhang.cli.supervisor import answers
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database, heartbeat

PARTS = {  # in the order in which they are told
    "http": "nhận log HTTP",
    "lines": "nhận syslog và tệp",
    "syslog": "nhận syslog",
    "files": "nhận tệp",
    "worker": "phân tích, phát hiện",
    "jobs": "công việc nền",
    "hunts": "săn tìm trong lịch sử",
    "share": "trao đổi với các máy khác",
}
ONE_MACHINE = ("http", "lines", "worker", "jobs")
ABOUT = {  # by the name of the check
    "parts": "các phần",
    "disk": "đĩa",
    "servers": "các máy chủ dùng chung",
    "hosts": "các máy khác",
    "backlog": "log chờ xử lý",
    "certificates": "chứng chỉ TLS",
    "databases": "tệp dữ liệu",
    "tables": "bảng dữ liệu",
    "rules": "luật phát hiện",
    "detection": "việc phát hiện",
    "ledger": "sổ log",
    "lake": "kho sự kiện",
    "messages": "thông báo chờ gửi",
    "reports": "báo cáo định kỳ",
    "audit": "chuỗi nhật ký kiểm toán",
}
FREE_BYTES = 2 * 1024**3
UNWRITTEN_MINUTES = 15  # the lake's keeper writes small batches after two
UNMERGED_FILES = 2_000  # a day at full speed that nobody has merged


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("doctor", help="khám hệ thống, nói rõ chỗ nào chưa ổn")
    add_data_option(parser)
    parser.set_defaults(run=run)


Finding = tuple[bool, str]


def run(args: argparse.Namespace) -> int:
    if not setup_existing(args.data):
        return 2
    faults = 0
    for check in (
        servers,
        parts,
        hosts,
        disk,
        backlog,
        certificates,
        databases,
        tables,
        rules,
        detection,
        ledger,
        lake,
        messages,
        reports,
        audit,
    ):
        for ok, sentence in examined(check, args.data):
            print(("✓ " if ok else "✗ ") + sentence)
            faults += not ok
    print("Mọi thứ ổn." if not faults else f"Có {faults} việc cần làm.")
    return 1 if faults else 0


def examined(check: Callable[[Path], Iterator[Finding]], data: Path) -> Iterator[Finding]:
    """The findings of a check; one that cannot be made on a broken installation is a finding itself."""
    from django.db import Error

    try:
        yield from check(data)
    except (OSError, sqlite3.Error, database.Error, Error) as error:
        yield False, f"không kiểm tra được {ABOUT[check.__name__]}: {error}"


def parts(data: Path) -> Iterator[Finding]:
    beats = heartbeat.read(data)
    up = place.running_up(data)
    if address := str(up.get("address") or ""):
        if answers(address):
            yield True, f"trang web trả lời ở {address}"
        else:
            yield False, f"trang web (web) không trả lời ở {address}. Xem {data / 'logs' / 'web.log'}"
    expected = expected_parts(beats, up)
    alive = [name for name in expected if name in beats and heartbeat.is_alive(beats[name])]
    if not alive:
        yield False, "Hệ thống không chạy trên thư mục này. Chạy ./dk up."
        return
    for name in expected:
        about = PARTS[heartbeat.kind_of(name)]
        if name in alive:
            yield True, f"{about} đang chạy"
        else:
            yield False, f"{about} ({name}) không có dấu hiệu sống. Xem {data / 'logs' / (name + '.log')}"


def expected_parts(beats: dict[str, dict[str, Any]], up: dict[str, object]) -> list[str]:
    """The parts that this folder's `up` has started, in the order of PARTS."""
    started = up.get("parts")
    names = [str(name) for name in started] if isinstance(started, list) else [*ONE_MACHINE, *worker_names(beats, up)]
    kinds = list(PARTS)
    known = [name for name in dict.fromkeys(names) if heartbeat.kind_of(name) in PARTS]
    return sorted(known, key=lambda name: kinds.index(heartbeat.kind_of(name)))


def servers(data: Path) -> Iterator[Finding]:
    """What the hosts of an installation share; nothing on one machine."""
    here = Place.of(data)
    if here.database or here.transport or here.objects:
        from dekhang.cli import reach

        yield from reach.servers(here)


def hosts(data: Path) -> Iterator[Finding]:
    """The parts of the other hosts, by their last signs of life."""
    own = Place.of(data).host
    others: dict[str, list[heartbeat.Beat]] = {}
    for beat in heartbeat.everywhere(data):
        if beat.host != own and heartbeat.kind_of(beat.part) in PARTS:
            others.setdefault(beat.host, []).append(beat)
    for host, beats in others.items():
        dead = [beat.part for beat in beats if not heartbeat.is_alive(beat.facts)]
        told = ", ".join(beat.part for beat in beats if beat.part not in dead)
        if not dead:
            yield True, f"máy {host} đang chạy: {told}"
        else:
            yield (
                False,
                (
                    f"máy {host} không có dấu hiệu sống của {', '.join(dead)}. Xem máy ấy; nếu đã bỏ máy, tên nó tự mất sau "
                    "bảy ngày."
                ),
            )


def worker_names(beats: dict[str, dict[str, Any]], up: dict[str, object]) -> list[str]:
    """The workers that `up` has started, and others that give signs of life."""
    started = up.get("workers")
    names = [heartbeat.worker_name(number) for number in range(1, started + 1)] if isinstance(started, int) else []
    return list(dict.fromkeys([*names, *heartbeat.workers(beats)]))


def disk(data: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(data).free
    sentence = f"đĩa của {data} còn {free / 1024**3:.1f} GB"
    yield (
        free > FREE_BYTES,
        sentence if free > FREE_BYTES else sentence + ". Dọn đĩa trước khi cổng nhận log phải từ chối.",
    )


def backlog(data: Path) -> Iterator[Finding]:
    """What waits for the worker, as the receivers see it."""
    for name in ("lines", "syslog", "files", "http"):
        facts = heartbeat.read(data).get(name, {})
        if not heartbeat.is_alive(facts) or "spool_bytes" not in facts:
            continue
        if problem := facts.get("spool_problem"):
            yield False, str(problem)
        else:
            size, most = (int(facts[key]) / 1024**2 for key in ("spool_bytes", "spool_max_bytes"))
            yield True, f"log chờ xử lý chiếm {size:.0f} MB, được chiếm đến {most:.0f} MB"
        return


def certificates(data: Path) -> Iterator[Finding]:
    """TLS of the receivers, where they use it."""
    beats = heartbeat.read(data)
    using = [beats[name] for name in ("http", "lines", "syslog") if name in beats and beats[name].get("tls")]
    problems = {str(facts["tls_problem"]) for facts in using if facts.get("tls_problem")}
    yield from ((False, problem) for problem in sorted(problems))
    if using and not problems:
        yield True, "chứng chỉ TLS của cổng nhận log còn hạn"


def databases(data: Path) -> Iterator[Finding]:
    if Place.of(data).database:
        return  # `servers` asks it
    for name in ("db.sqlite3", "pipeline.db"):
        if not (data / name).exists():
            yield False, f"thiếu {name}"
            continue
        try:
            with closing(sqlite3.connect(f"file:{quote(str(data / name))}?mode=ro", uri=True)) as connection:
                answer = connection.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            answer = str(error)
        yield (
            answer == "ok",
            f"{name} nguyên vẹn" if answer == "ok" else f"{name} hỏng: {answer}. Khôi phục từ bản sao lưu.",
        )


def tables(data: Path) -> Iterator[Finding]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    yield not waiting, "bảng dữ liệu đúng phiên bản" if not waiting else "bảng dữ liệu cũ. Chạy lại ./dk up để nâng."


def rules(data: Path) -> Iterator[Finding]:
    from django.conf import settings

    from dekhang.pipeline.rulesettings import load_installed_rules
    from dekhang.pipeline.stores.ledger import rule_problems

    book = load_installed_rules(settings.RULE_FOLDERS, data)
    yield bool(book.rules), f"{len(book.rules)} luật phát hiện dùng được"
    faults = [(fault.path, fault.line, fault.reason) for fault in book.errors]
    # what shows only at work: expressions that take too long
    faults += [(one.path, one.line, one.reason) for one in rule_problems(data)]
    for path, line, reason in list(dict.fromkeys(faults))[:20]:
        yield False, f"luật lỗi {path}:{line}: {reason}"


def detection(data: Path) -> Iterator[Finding]:
    """What the workers have not judged or counted since they were started."""
    workers = [beat.facts for beat in heartbeat.everywhere(data) if heartbeat.kind_of(beat.part) == heartbeat.WORKER]
    found = [facts for facts in workers if heartbeat.is_alive(facts)]
    if not found:
        return
    late, forgotten, undetected = (
        sum(int(facts.get(name, 0)) for facts in found)
        for name in ("correlation_late", "correlation_forgotten", "undetected")
    )
    if late:
        yield (
            True,
            f"{late} sự kiện đến quá trễ so với cửa sổ tương quan của mình nên không được đếm vào đó (vẫn được lưu). "
            "Nếu số này tăng đều, xem đồng hồ và đường truyền của máy gửi.",
        )
    if forgotten:
        yield (
            False,
            f"{forgotten} sự kiện bị quên khi đếm tương quan vì vượt giới hạn bộ nhớ. Thu hẹp luật tương quan (group-by, "
            "timespan), hoặc xem có ai đang gửi log dồn dập.",
        )
    if undetected:
        yield (
            False,
            f"{undetected} bản ghi không kiểm tra được bằng luật vì lỗi phần mềm. Xem {data / 'logs'}/worker*.log",
        )
    if not forgotten and not undetected:
        yield True, "mọi bản ghi đã nhận đều được kiểm tra bằng luật"


def ledger(data: Path) -> Iterator[Finding]:
    """What the ledger says was stored against what the lake has."""
    from dekhang.pipeline.stores.ledger import balance

    found = balance(data)
    if found is None:
        return
    counted = f"ghi {found.stored} bản ghi đã lưu, kho có {found.kept}, đã hết hạn lưu {found.expired}"
    if found.stored == found.kept + found.expired:
        yield True, f"sổ log khớp với kho sự kiện: {counted}"
    else:
        yield False, f"sổ log không khớp với kho sự kiện: {counted}. Chạy dekhang lake verify để biết tệp nào thiếu."


def lake(data: Path) -> Iterator[Finding]:
    with database.reading(data) as connection:
        if connection is None:
            return
        rows, oldest_ms = connection.execute("SELECT coalesce(sum(rows), 0), min(created) FROM fresh").fetchone()
        (unmerged,) = connection.execute("SELECT count(*) FROM segments WHERE index_bytes = 0").fetchone()
    minutes = 0 if oldest_ms is None else int(time.time() - oldest_ms / 1000) // 60
    if minutes >= UNWRITTEN_MINUTES or unmerged >= UNMERGED_FILES:
        yield (
            False,
            f"kho sự kiện chưa được dọn: {rows} sự kiện chưa thành tệp (cũ nhất {minutes} phút), {unmerged} tệp chưa gộp; "
            "việc này do phần công việc nền làm, hãy xem nhật ký của phần ấy",
        )
    else:
        yield True, "kho sự kiện được dọn đều"


def messages(data: Path) -> Iterator[Finding]:
    from django.conf import settings

    from dekhang.apps.core.models import OutboundMessage

    waiting = OutboundMessage.objects.filter(sent_at=None, failed_at=None).count()
    failed = OutboundMessage.objects.exclude(failed_at=None).count()
    if waiting and not settings.EMAIL_HOST:
        yield False, f"{waiting} thông báo chờ vì chưa có máy chủ thư. Đặt DK_SMTP_HOST."
    else:
        yield True, f"{waiting} thông báo chờ gửi"
    if failed:
        yield False, f"{failed} thông báo không gửi được sau nhiều lần. Kiểm tra máy chủ thư và địa chỉ người nhận."


def reports(data: Path) -> Iterator[Finding]:
    """What the clock should have made and did not, and the key that signs."""
    from dekhang.apps.reports import jobs
    from dekhang.apps.reports.models import Report
    from dekhang.apps.reports.services.signing import SigningFailed, try_key

    behind = [row for row in jobs.progress() if row.missing and row.frozen]
    missing = sum(row.missing for row in behind)
    if missing:
        why = next((row.refused[0].problem for row in behind if row.refused), "Xem log của công việc nền.")
        yield False, f"{missing} báo cáo định kỳ chưa lập được: {behind[0].period.entry.title}. {why}"
    else:
        yield True, "báo cáo định kỳ đã lập đủ"
    try:
        if ends := try_key():
            yield True, f"khóa ký báo cáo dùng được tới {ends:%d/%m/%Y}"
    except SigningFailed as failed:
        waiting = Report.objects.exclude(signing_problem="").count()
        yield False, f"{failed} {waiting} báo cáo chờ ký."


def audit(data: Path) -> Iterator[Finding]:
    from dekhang.apps.core.audit import verify_chain

    faults = sum(1 for _ in verify_chain())
    yield (
        not faults,
        "chuỗi nhật ký kiểm toán còn nguyên"
        if not faults
        else (f"chuỗi nhật ký kiểm toán có {faults} chỗ sai. Chạy dekhang audit verify."),
    )
