"""`./dk bench [NAME …] [arguments]`: measurements, one JSON line a row, with what they were measured on.

Each module here has `run(args: list[str]) -> Iterator[dict]`. Figures are ratios measured in the same run wherever
a ratio makes sense; none of them is a test.
"""

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def stamp() -> dict[str, object]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True)
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {"commit": commit.stdout.strip(), "cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version()}


def main() -> int:
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    asked = sys.argv[1:2] if sys.argv[1:2] and not sys.argv[1].startswith("-") else []
    unknown = [name for name in asked if name not in names]
    if unknown:
        print(f"./dk bench: không có phép đo {unknown[0]!r}; có: {', '.join(names)}", file=sys.stderr)
        return 2
    about = stamp()
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    for name in asked or names:
        with (results / f"{name}.jsonl").open("a") as file:
            for row in importlib.import_module(f"bench.{name}").run(sys.argv[2:] if asked else []):
                line = json.dumps({**row, **about}, ensure_ascii=False)
                print(line, flush=True)
                file.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
