"""`dekhang part prepare|web|jobs|hunts|traffic`: what `up` starts beside the pipeline's own parts."""

import argparse
import os
from pathlib import Path
from typing import Any

from dekhang.cli.roles import ROLES


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("part")
    parts = parser.add_subparsers(dest="part", required=True)

    prepare = parts.add_parser("prepare")
    prepare.add_argument("--data", type=Path, required=True)
    prepare.add_argument("--demo", action="store_true")
    prepare.add_argument("--role", action="append", default=[])
    prepare.add_argument("--report-to", type=int, metavar="FD")
    prepare.set_defaults(run=run_prepare)

    for name in ("jobs", "hunts"):
        jobs = parts.add_parser(name)
        jobs.add_argument("--data", type=Path, required=True)
        jobs.set_defaults(run=run_jobs)

    web = parts.add_parser("web")
    web.add_argument("--data", type=Path, required=True)
    web.add_argument("--host", default="127.0.0.1")
    web.add_argument("--port", type=int, default=8014)
    web.set_defaults(run=run_web)

    traffic = parts.add_parser("traffic")
    traffic.add_argument("--data", type=Path, required=True)
    traffic.add_argument("--replay", type=Path)
    traffic.add_argument("--speed", type=float, default=20.0)
    traffic.set_defaults(run=run_traffic)


def run_prepare(args: argparse.Namespace) -> int:
    from dekhang.cli import prepare

    roles = frozenset(args.role or ROLES)
    return prepare.run(args.data, roles=roles, demo=args.demo, report=prepare.report_to(args.report_to))


def run_jobs(args: argparse.Namespace) -> int:
    forget_first_password()
    from dekhang.cli.django import setup

    if not setup(args.data):
        return 2
    from dekhang.cli.jobs import run_until_stopped

    return run_until_stopped(args.data, args.part)


def run_web(args: argparse.Namespace) -> int:
    forget_first_password()
    os.environ["DK_DATA"] = str(args.data.resolve())
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    Granian(
        "dekhang.cli.web:application",
        address=args.host,
        port=args.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,  # pages wait for SQLite and DuckDB, not for the processor
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=4,
    ).serve()
    return 0


def run_traffic(args: argparse.Namespace) -> int:
    forget_first_password()
    from dekhang.cli.django import setup

    if not setup(args.data):
        return 2
    from dekhang.demo.traffic import run_until_stopped

    return run_until_stopped(args.data, replay=args.replay, speed=args.speed)


def forget_first_password() -> None:
    """The first administrator's password is for `prepare` alone."""
    os.environ.pop("DK_ADMIN_PASSWORD", None)
