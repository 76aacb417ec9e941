"""`dekhang up`: every part of the system on this machine, started, watched, restarted and stopped together."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from dekhang.pipeline.stores import heartbeat

STOP_SECONDS = 5.0
LOG_BYTES = 5_000_000  # a part's log is turned over at start when larger


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("up", help="chạy mọi phần của hệ thống trên máy này")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DK_DATA", "var")), metavar="DIR")
    parser.add_argument("--host", default="127.0.0.1", help="địa chỉ trang web nghe (mặc định 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8014, help="cổng trang web (mặc định 8014)")
    parser.add_argument("--intake-host", default="127.0.0.1", help="địa chỉ các cổng nhận log nghe")
    parser.add_argument("--http-intake-port", type=int, default=8020, help="cổng nhận log HTTP (mặc định 8020)")
    parser.add_argument("--syslog-udp-port", type=int, default=5514, help="cổng nhận syslog UDP (mặc định 5514)")
    parser.add_argument("--syslog-tcp-port", type=int, default=5514, help="cổng nhận syslog TCP (mặc định 5514)")
    parser.add_argument(
        "--rules", type=Path, action="append", default=[], metavar="DIR", help="thêm thư mục luật Sigma"
    )
    parser.add_argument("--demo", action="store_true", help="tỉnh mẫu ngày 10/12/2019 với log thật chảy vào")
    parser.add_argument("--replay", type=Path, metavar="PATH", help="(cùng --demo) gửi thư mục log thật này")
    parser.add_argument("--speed", type=float, default=20.0, help="bản ghi mỗi giây khi gửi --replay (mặc định 20)")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class Part:
    """One child process: how to start it and how to know that it is ready."""

    name: str
    about: str
    command: Sequence[str]
    beat: str = ""  # name of its heartbeat; "" for web, which is asked over HTTP
    needed: bool = True
    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    failures: int = 0
    start_again_at: float = 0.0
    started_at: float = 0.0
    log: IO[bytes] | None = field(default=None, repr=False)


def say(text: str) -> None:
    print(text, flush=True)


def run(args: argparse.Namespace) -> int:
    data = args.data.resolve()
    if args.replay is not None and not args.replay.exists():
        print(f"Không thấy {args.replay}: --replay cần một tệp hoặc thư mục log.", file=sys.stderr)
        return 2
    missing = [str(folder) for folder in args.rules if not folder.is_dir()]
    if missing:
        print(f"Không thấy thư mục luật {', '.join(missing)}. Kiểm tra lại --rules.", file=sys.stderr)
        return 2
    busy = busy_ports(args)
    if busy:
        for sentence in busy:
            print(sentence, file=sys.stderr)
        return 2
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / "logs").mkdir(exist_ok=True)
        lock = take_lock(data)
    except OSError as error:
        print(f"Không dùng được thư mục dữ liệu {data}: {error.strerror or error}.", file=sys.stderr)
        return 2
    if lock is None:
        print(
            f"Đã có một Đề Kháng đang chạy trên thư mục {data}. Dừng nó trước, hoặc chọn --data khác.", file=sys.stderr
        )
        return 2

    started = time.monotonic()
    set_environment(args, data)
    from dekhang.cli.prepare import PrepareError, prepare

    say("Đề Kháng đang chuẩn bị…")
    try:
        accounts = prepare(data, demo=args.demo, say=say)
    except PrepareError as error:
        print(str(error), file=sys.stderr)
        return 2
    group = Group(parts_of(args, data), data, web_address(args))
    return group.run(started, accounts)


def set_environment(args: argparse.Namespace, data: Path) -> None:
    """What the parts need to know about each other, as the settings they already read."""
    os.environ["DK_DATA"] = str(data)
    os.environ.setdefault("DK_BASE_URL", web_address(args))
    os.environ.setdefault("DK_INTAKE_HOST", args.intake_host if args.intake_host != "0.0.0.0" else socket.gethostname())  # noqa: S104
    os.environ["DK_HTTP_INTAKE_PORT"] = str(args.http_intake_port)
    os.environ["DK_SYSLOG_UDP_PORT"] = str(args.syslog_udp_port)
    os.environ["DK_SYSLOG_TCP_PORT"] = str(args.syslog_tcp_port)
    if args.rules:
        more = [*filter(None, os.environ.get("DK_RULES", "").split(",")), *(str(p.resolve()) for p in args.rules)]
        os.environ["DK_RULES"] = ",".join(more)
    if args.demo:
        os.environ["DK_DEMO"] = "1"
        from dekhang.demo.clock import shift_seconds

        os.environ.setdefault("DK_CLOCK_SHIFT_SECONDS", str(shift_seconds(data)))


def web_address(args: argparse.Namespace) -> str:
    host = "127.0.0.1" if args.host in {"0.0.0.0", "::"} else args.host  # noqa: S104
    return f"http://{host}:{args.port}"


def busy_ports(args: argparse.Namespace) -> list[str]:
    """One sentence for each port that somebody else already uses."""
    wanted = [
        (args.host, args.port, socket.SOCK_STREAM, "trang web", "--port"),
        (args.intake_host, args.http_intake_port, socket.SOCK_STREAM, "nhận log HTTP", "--http-intake-port"),
        (args.intake_host, args.syslog_tcp_port, socket.SOCK_STREAM, "nhận syslog TCP", "--syslog-tcp-port"),
        (args.intake_host, args.syslog_udp_port, socket.SOCK_DGRAM, "nhận syslog UDP", "--syslog-udp-port"),
    ]
    sentences = []
    for host, port, kind, about, option in wanted:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                sentences.append(
                    f"Cổng {port} ({about}) trên {host} không dùng được: {error.strerror}. "
                    f"Dừng chương trình đang giữ cổng, hoặc chọn cổng khác bằng {option}."
                )
    return sentences


def take_lock(data: Path) -> IO[str] | None:
    """Hold `data`/run/up.lock while we live; None when another `up` holds it."""
    import fcntl

    (data / "run").mkdir(exist_ok=True)
    file = (data / "run" / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def parts_of(args: argparse.Namespace, data: Path) -> list[Part]:
    from django.conf import settings

    python, folder = sys.executable, ["--data", str(data)]
    rules = [word for rule_folder in settings.RULE_FOLDERS for word in ("--rules", str(rule_folder))]
    lines = ["--host", args.intake_host, "--udp", str(args.syslog_udp_port), "--tcp", str(args.syslog_tcp_port)]
    http = ["--host", args.intake_host, "--port", str(args.http_intake_port)]
    web = ["--host", args.host, "--port", str(args.port)]
    parts = [
        Part("web", "trang web", [python, "-m", "dekhang", "part", "web", *folder, *web]),
        Part("http", "nhận log HTTP", [python, "-m", "dekhang.pipeline.receive", "http", *folder, *http], "http"),
        Part(
            "lines", "nhận syslog và tệp", [python, "-m", "dekhang.pipeline.receive", "lines", *folder, *lines], "lines"
        ),
        Part("worker", "phân tích, phát hiện", [python, "-m", "dekhang.pipeline.worker", *folder, *rules], "worker"),
        Part("jobs", "cảnh báo, thời hạn, thư", [python, "-m", "dekhang", "part", "jobs", *folder], "jobs"),
    ]
    if args.demo:
        replay = ["--replay", str(args.replay.resolve()), "--speed", str(args.speed)] if args.replay else []
        command = [python, "-m", "dekhang", "part", "traffic", *folder, *replay]
        parts.append(Part("traffic", "log của tỉnh mẫu", command, "traffic", needed=False))
    return parts


class Group:
    """The parts as one: start, watch, restart with growing pauses, stop within five seconds."""

    def __init__(self, parts: list[Part], data: Path, address: str) -> None:
        self.parts = parts
        self.data = data
        self.address = address
        self.stopping = False

    def run(self, started: float, accounts: list[str]) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stopping", True))
        for part in self.parts:
            heartbeat.clear(self.data, part.beat or part.name)
            self._start(part)
        announced = False
        while not self.stopping:
            for part in self.parts:
                self._watch(part, started)
            if not announced and all(part.ready for part in self.parts if part.needed):
                announced = True
                say(f"\nĐề Kháng sẵn sàng sau {time.monotonic() - started:.1f} giây: {self.address}")
                for line in accounts:
                    say(line)
                say("Dừng bằng Ctrl-C.\n")
            time.sleep(0.2)
        return self._stop()

    def _start(self, part: Part) -> None:
        path = self.data / "logs" / f"{part.name}.log"
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        part.log = path.open("ab")
        part.process = subprocess.Popen(part.command, stdout=part.log, stderr=part.log, stdin=subprocess.DEVNULL)
        part.started_at = time.monotonic()
        part.ready = False

    def _watch(self, part: Part, started: float) -> None:
        now = time.monotonic()
        if part.process is None:
            if now >= part.start_again_at:
                self._start(part)
            return
        code = part.process.poll()
        if code is not None:
            if part.log:
                part.log.close()
            part.process = None
            if now - part.started_at > 60:
                part.failures = 0
            pause = min(2**part.failures, 30)
            part.failures += 1
            part.start_again_at = now + pause
            say(
                f"! {part.name} ({part.about}) dừng bất ngờ, mã {code}; chạy lại sau {pause} giây. "
                f"Chi tiết: {self.data / 'logs' / (part.name + '.log')}"
            )
            return
        if not part.ready and self._is_ready(part):
            part.ready = True
            say(f"  ✓ {part.name:<8} {part.about} ({now - started:.1f} giây)")

    def _is_ready(self, part: Part) -> bool:
        if part.beat:
            facts = heartbeat.read(self.data).get(part.beat, {})
            return bool(facts.get("ready")) and heartbeat.is_alive(facts)
        import urllib.request

        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=2) as answer:  # noqa: S310 - our own address
                return answer.status == 200
        except OSError:
            return False

    def _stop(self) -> int:
        say("Đang dừng…")
        # those who receive stop first; what they acknowledged is on disk and waits for the next start
        running = [part for part in self.parts if part.process is not None and part.process.poll() is None]
        for part in running:
            if part.process is not None:
                part.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS - 0.5
        for part in running:
            if part.process is None:
                continue
            try:
                part.process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"! {part.name} chưa dừng, buộc dừng (dữ liệu đã nhận vẫn nguyên).")
                part.process.kill()
                part.process.wait()
        say("Đã dừng.")
        return 0
