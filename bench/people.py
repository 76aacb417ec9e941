"""`./dk bench people [N]`: a workbook of N people (100,000) read, previewed and applied, into a simulated province.

One JSON line for each phase: `seconds` on the clock, `cpu_seconds` of this process. The jobs process of an installation does
the same work; the page shows how many rows are done meanwhile.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PEOPLE = 100_000
SIZES = ("--units", "700", "--people", "0", "--evidence", "100000", "--alerts", "0")
SMALL_SIZES = (
    "--units",
    "10",
    "--people",
    "0",
    "--evidence",
    "1200",
    "--alerts",
    "0",
)  # for a trial of the measurement


def run(args: list[str]) -> Iterator[dict[str, object]]:
    people = int(args[0]) if args else PEOPLE
    with tempfile.TemporaryDirectory(prefix="dekhang-bench-") as folder:
        data = Path(folder) / "data"
        sizes = SIZES if people > 1_000 else SMALL_SIZES
        subprocess.run(
            [sys.executable, "-m", "dekhang", "simulate", "--data", str(data), *sizes],
            cwd=PROJECT,
            check=True,
            stdout=sys.stderr,
        )
        command = [sys.executable, "-m", "bench.people", str(data), str(people)]
        done = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
        yield from map(json.loads, done.stdout.splitlines())


def measure(data: Path, people: int) -> Iterator[dict[str, object]]:
    """In a process of its own: the settings are read for one data folder."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from dekhang.apps.core import clock
    from dekhang.apps.core.enums import Role
    from dekhang.apps.core.models import User
    from dekhang.apps.registry.enums import ImportState
    from dekhang.apps.registry.models import Employment, RosterImport
    from dekhang.apps.registry.people import jobs, services
    from dekhang.apps.registry.selectors import counted_units

    codes = list(counted_units().values_list("code", flat=True))
    file = SimpleUploadedFile("danh-sach.xlsx", workbook(codes, people))
    coordinator = User.objects.get(role=Role.COORDINATOR)
    one = services.begin_import(unit_id=None, file=file, is_complete=True, day=clock.today(), by=coordinator)
    for phase, until in (("read and preview", ImportState.READY), ("apply", ImportState.APPLIED)):
        wall, cpu = time.perf_counter(), time.process_time()
        jobs.work_off()
        one = RosterImport.objects.get(pk=one.pk)
        if one.state != until:
            raise SystemExit(f"{phase}: {one.state} {one.problem} {one.faults[:3]}")
        if until == ImportState.READY:
            services.confirm(one=one, by=coordinator)
        yield {
            "bench": "people",
            "phase": phase,
            "people": Employment.objects.count() if until == ImportState.APPLIED else one.rows,
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
        }


def workbook(units: list[str], people: int) -> bytes:
    """People spread over the units, as a province would send them."""
    from io import BytesIO

    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Cán bộ")
    sheet.append(["Mã cán bộ", "Họ và tên", "Đơn vị", "Chức vụ", "Thư điện tử", "Điện thoại"])
    for n in range(people):
        name = f"Nguyễn Văn Mẫu {chr(65 + n % 26)}"
        sheet.append(
            [f"CB{n:06d}", name, units[n % len(units)], "Chuyên viên", f"cb{n}@example.gov.vn", "0276 000 000"]
        )
    content = BytesIO()
    book.save(content)
    return content.getvalue()


if __name__ == "__main__":
    from dekhang.cli.django import setup

    if not setup(Path(sys.argv[1])):
        sys.exit(2)
    for row in measure(Path(sys.argv[1]), int(sys.argv[2])):
        print(json.dumps(row, ensure_ascii=False), flush=True)
