"""Opens the pages of bench/_pages.py through the real WSGI application, in this process, and says how long each takes.

Started by bench/board.py in a process of its own: the settings are read for one data folder.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from dekhang.cli.django import setup

WARM_UP = 2


class Browser:
    """Sends requests of one signed-in person to a WSGI application."""

    def __init__(self, application: Callable[..., Any], cookies: dict[str, str]) -> None:
        self._application = application
        self._cookies = "; ".join(f"{name}={value}" for name, value in cookies.items())

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and whole body."""
        from django.conf import settings

        status: list[str] = []
        path, _mark, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": query,
            "SERVER_NAME": settings.ALLOWED_HOSTS[0].lstrip("."),
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": settings.ALLOWED_HOSTS[0].lstrip("."),
            "HTTP_COOKIE": self._cookies,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        answer = self._application(environ, lambda line, headers, error=None: status.append(line))
        try:
            body = b"".join(answer)
        finally:
            answer.close()
        return int(status[0].split()[0]), body


def browsers(samples: Any) -> Callable[[Any], Browser]:
    """One signed-in browser for each role, with a real session."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from dekhang.config.wsgi import application

    known: dict[Any, Browser] = {}

    def of(role: Any) -> Browser:
        if role not in known:
            user = samples.person(role)
            session = SessionStore()
            session[SESSION_KEY] = str(user.pk)
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.save()
            known[role] = Browser(application, {settings.SESSION_COOKIE_NAME: session.session_key})
        return known[role]

    return of


def measure(data: Path, rounds: int, only: str) -> Iterator[dict[str, object]]:
    """One row a page. Milliseconds on the clock, and of processor time, which other processes do not lengthen."""
    from django.db import connection

    from bench._pages import PAGES, Samples
    from dekhang.apps.core import clock
    from dekhang.simulate import truth

    known = truth.read(data / truth.FILE)
    with clock.at(known.at):
        samples = Samples.find(date.fromisoformat(known.facts["until"]), known.facts["months"])
        browser = browsers(samples)
        for page in PAGES:
            if only and only not in page.name:
                continue
            walls, cpus, queries, size = [], [], 0, 0

            def counting(execute: Callable[..., Any], *args: Any) -> Any:
                nonlocal queries
                queries += 1
                return execute(*args)

            for number in range(rounds + WARM_UP):
                path = page.path(samples, number)
                queries = 0
                wall, cpu = time.perf_counter(), time.process_time()
                with connection.execute_wrapper(counting):
                    status, body = browser(page.role).get(path)
                if number >= WARM_UP:
                    walls.append(1000 * (time.perf_counter() - wall))
                    cpus.append(1000 * (time.process_time() - cpu))
                size = len(body)
                if status != 200:
                    raise SystemExit(f"{page.name}: {path} -> {status}")
            yield {
                "bench": "board",
                "page": page.name,
                "role": str(page.role),
                "p50_ms": round(statistics.median(walls), 1),
                "p95_ms": round(_p95(walls), 1),
                "p95_cpu_ms": round(_p95(cpus), 1),
                "queries": queries,
                "bytes": size,
            }


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    if not setup(given.data):
        sys.exit(2)
    for row in measure(given.data, given.rounds, given.only):
        print(json.dumps(row, ensure_ascii=False), flush=True)
