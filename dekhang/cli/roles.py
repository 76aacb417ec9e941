"""Which parts a host runs: all of them on one machine; with `--role` those of its roles, beside other hosts."""

import argparse
import sys
from pathlib import Path

from dekhang.cli.supervisor import Part
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import heartbeat

ROLES = {
    "receiver": "nhận log qua HTTP và syslog",
    "worker": "phân tích, phát hiện",
    "web": "trang web, tệp tải lên",
    "jobs": "cảnh báo, thời hạn, thư",
}
WITH_PAGES = frozenset({"web", "jobs"})  # need the records of people; the others do without Django
SHARE_ABOUT = "trao đổi với các máy khác"


def part_command(name: str, data: Path) -> list[str]:
    return [sys.executable, "-m", "dekhang", "part", name, "--data", str(data)]


def pipeline_parts(args: argparse.Namespace, data: Path, rule_folders: list[str]) -> list[Part]:
    """Those that know no Django: they receive, keep and match while the pages are still being made ready."""
    for name in heartbeat.read(data):  # of parts that this host has run before and runs no more
        if name != "up":
            heartbeat.clear(data, name)
    parts = [share_part(args, data)] if Place.of(data).database else []
    parts += receivers(args, data)
    if "worker" in args.role:
        rules = [word for rule_folder in rule_folders for word in ("--rules", rule_folder)]
        command = [sys.executable, "-m", "dekhang.pipeline.worker", "--data", str(data), *rules]
        for number in range(1, args.workers + 1):
            name = heartbeat.worker_name(number)
            parts.append(Part(name, ROLES["worker"], [*command, "--share", f"{number}/{args.workers}"], name))
    return parts


def receivers(args: argparse.Namespace, data: Path) -> list[Part]:
    """Syslog and files are one process where both are: uploads and followed files lie beside the pages."""
    receive = [sys.executable, "-m", "dekhang.pipeline.receive"]
    folder, host = ["--data", str(data)], ["--host", args.intake_host]
    folder += ["--spool-max-mb", str(args.spool_max_mb)] if args.spool_max_mb > 0 else []
    ports = ["--udp", str(args.syslog_udp_port), "--tcp", str(args.syslog_tcp_port)]
    parts = []
    if "receiver" in args.role:
        http = [*receive, "http", *folder, *host, "--port", str(args.http_intake_port)]
        http += tls(args, args.https_intake_port)
        ports += tls(args, args.syslog_tls_port)
        parts.append(Part("http", "nhận log HTTP", http, "http"))
    if {"receiver", "web"} <= args.role:
        parts.append(Part("lines", "nhận syslog và tệp", [*receive, "lines", *folder, *host, *ports], "lines"))
    elif "receiver" in args.role:
        parts.append(Part("syslog", "nhận syslog", [*receive, "syslog", *folder, *host, *ports], "syslog"))
    elif "web" in args.role:
        parts.append(Part("files", "nhận tệp", [*receive, "files", *folder], "files"))
    return parts


def tls(args: argparse.Namespace, number: int) -> list[str]:
    """What makes a receiver open its TLS port as well; nothing without a certificate."""
    if args.tls_cert is None:
        return []
    files = {"--tls-cert": args.tls_cert, "--tls-key": args.tls_key, "--tls-ca": args.tls_ca}
    named = [word for option, path in files.items() if path is not None for word in (option, str(path.resolve()))]
    return ["--tls-port", str(number), *named]


def share_part(args: argparse.Namespace, data: Path) -> Part:
    command = [sys.executable, "-m", "dekhang.pipeline.sharing", "--data", str(data)]
    if "jobs" in args.role:  # people change rule settings there
        command.append("--give-settings")
    return Part("share", SHARE_ABOUT, command, "share")


def other_parts(args: argparse.Namespace, data: Path) -> list[Part]:
    """Those that need the records of people."""
    parts = []
    if "web" in args.role:
        web = [*part_command("web", data), "--host", args.host, "--port", str(args.port)]
        parts.append(Part("web", "trang web", web))
        if "jobs" not in args.role:  # hunts lie in the data folder of the pages that asked for them
            parts.append(Part("hunts", "săn tìm trong lịch sử", part_command("hunts", data), "hunts"))
    if "jobs" in args.role:
        parts.append(Part("jobs", ROLES["jobs"], part_command("jobs", data), "jobs"))
    if args.demo:
        replay = ["--replay", str(args.replay.resolve()), "--speed", str(args.speed)] if args.replay else []
        command = [*part_command("traffic", data), *replay]
        parts.append(Part("traffic", "log của tỉnh mẫu", command, "traffic", needed=False))
    return parts
