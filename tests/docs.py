"""`./dk docs`: writes the reference pages that come from the code. `--check`: they are up to date, links lead somewhere."""

import importlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.docs_api import api_page

PROJECT = Path(__file__).resolve().parents[1]
REFERENCE = PROJECT / "docs" / "reference"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def settings_page() -> str:
    from dekhang.config.env import KNOWN

    rows = [
        f"| `{s.name}` | {s.kind} | `{s.default}` | {s.about} |" for s in sorted(KNOWN.values(), key=lambda s: s.name)
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Made by `./dk docs` from `dekhang/config/settings.py`. Every setting is an environment variable; a secret may",
            "come from a file instead: `NAME_FILE=/path`. A wrong value stops the start with a sentence that names it.",
            "",
            "| name | kind | default | about |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Files in the data folder",
            "",
            "Both may be missing. The worker reads them again within 10 seconds of a change, like the rule folders. A faulty one is",
            "named by `./dk doctor` with its line and what to do; the last good one since the start of the worker stays in force.",
            "",
            "| file | holds | described in |",
            "|---|---|---|",
            "| `DIR/settings/placeholders.yml` | lists for `%name%` in rules (`expand`) | [detection.md](detection.md) |",
            "| `DIR/settings/logsources.yml` | log sources of one's own | [logsources.md](logsources.md) |",
            "",
        ]
    )


MOVING = ("alerts", "incidents", "briefings", "inspections", "reports")  # apps with a table MOVES


def states_page() -> str:
    parts = [
        "# States and allowed moves",
        "",
        "Made by `./dk docs` from the tables of moves in each app's `enums.py`. States of duties are not moved but computed: [shares](shares.md).",
        "",
    ]
    tables = {app: importlib.import_module(f"dekhang.apps.{app}.enums").MOVES for app in MOVING}
    duties = importlib.import_module("dekhang.apps.duties.enums")
    tables |= {"duties: documents": duties.REVISION_MOVES, "duties: contests": duties.CONTEST_MOVES}
    for name, moves in tables.items():
        parts += [f"## {name}", "", "```mermaid", "stateDiagram-v2"]
        parts += [f"  {state.value} : {state.label}" for state in moves]
        parts += [f"  {start.value} --> {end.value}" for start, ends in moves.items() for end in sorted(ends)]
        parts += ["```", ""]
    return "\n".join(parts)


def rules_page() -> str:
    from dekhang.pipeline.rulebook import load_rules

    folder = PROJECT / "rules"
    book = load_rules([folder], cache=None)
    spoken = [rule for place, rule in enumerate(book.rules) if place not in book.ruleset.silent]
    parts = [
        "# Our rules",
        "",
        f"Made by `./dk docs` from `rules/`: {len(spoken)} rules. How they are written: [rules/README.md](../../rules/README.md).",
        "*Counts* says how many events within what time make one alert; rules without it speak at every event.",
        "",
    ]
    for group in sorted({Path(rule.path).parent for rule in spoken}):
        parts += [
            f"## {group.name}",
            "",
            "| rule | level | family | about | counts | ATT&CK |",
            "|---|---|---|---|---|---|",
        ]
        for rule in spoken:
            if Path(rule.path).parent != group:
                continue
            path = Path(rule.path).relative_to(folder)
            techniques = sorted(
                {t.split(".", 1)[1].upper() for t in rule.tags if t.startswith("attack.t") and t[8].isdigit()}
            )
            counted = "" if rule.correlation is None else _counted(rule.correlation)
            parts.append(
                f"| [{rule.title_vi}](../../rules/{path}) | {rule.level} | {rule.family} | {', '.join(rule.entity)} "
                f"| {counted} | {', '.join(techniques)} |"
            )
        parts.append("")
    return "\n".join(parts)


def _counted(correlation: Any) -> str:
    seconds = correlation.window_ms // 1000
    window = f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"
    if correlation.kind == "temporal_ordered":
        return f"a sequence within {window}"
    what = f"different {', '.join(correlation.fields)}" if correlation.fields else "events"
    signs = {"gte": "", "gt": "more than ", "lte": "at most ", "lt": "fewer than ", "eq": "exactly ", "neq": "not "}
    counts = " and ".join(f"{signs[limit.how]}{limit.number}" for limit in correlation.limits)
    return f"{counts} {what} in {window}"


PAGES = {"settings.md": settings_page, "states.md": states_page, "rules.md": rules_page, "api.md": api_page}


def broken_links() -> Iterator[str]:
    for page in [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]:
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists():
                yield f"{page.relative_to(PROJECT)}: the link to {target} leads nowhere"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dekhang.config.settings")
    with tempfile.TemporaryDirectory() as data:
        os.environ["DK_DATA"] = data
        for name in [n for n in os.environ if n.startswith("DK_") and n != "DK_DATA"]:
            del os.environ[name]
        import django

        django.setup()
        importlib.import_module("dekhang.cli.prepare").administrator_settings()  # read at the first start only
        faults = list(broken_links())
        for name, make in PAGES.items():
            path, text = REFERENCE / name, make().replace(str(PROJECT), ".")
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
            elif not path.exists() or path.read_text(encoding="utf-8") != text:
                faults.append(f"docs/reference/{name} is not what the code says; run ./dk docs")
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
