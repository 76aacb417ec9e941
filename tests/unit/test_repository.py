"""Tests that look after the repository itself: nothing unused, nothing unnamed, nothing of this machine."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.loader import get_template
from django.urls import URLResolver, get_resolver

from dekhang.apps.core.selectors import audit_sentences
from dekhang.apps.core.templatetags.dk import icon
from dekhang.config.env import KNOWN
from tests.conftest import PROJECT

APPS = PROJECT / "dekhang" / "apps"
TEMPLATES = sorted(path for path in APPS.glob("*/templates/**/*") if path.is_file())
PAGES = [path for path in TEMPLATES if path.suffix == ".html"]
PYTHON = sorted((PROJECT / "dekhang").rglob("*.py"))


def name_of(template: Path) -> str:
    return template.as_posix().split("/templates/", 1)[1]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git checkout: what is ours cannot be told from what was installed")
    return [PROJECT / name for name in done.stdout.split("\0") if name and (PROJECT / name).is_file()]


def texts(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def where(path: Path, text: str, position: int) -> str:
    return f"{path.relative_to(PROJECT)}:{text.count(chr(10), 0, position) + 1}"


def test_every_template_has_a_user():
    everything = "\n".join(text for _path, text in texts([*PYTHON, *TEMPLATES]))
    unused = []
    for path in TEMPLATES:
        # `messages/alert_raised.txt` may be named by its stem alone: render(f"messages/{name}.txt")
        whole_name, stem = name_of(path), re.compile(rf"""["'/]{re.escape(path.stem)}["'.]""")
        if whole_name not in everything and not (path.suffix == ".txt" and stem.search(everything)):
            unused.append(whole_name)
    assert unused == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_template_compiles(path):
    get_template(name_of(path))


@pytest.mark.parametrize(
    ("about", "pattern"),
    [
        ("a style attribute", r"\sstyle\s*="),
        ("a style element", r"<style\b"),
        ("a script of its own", r"<script\b(?![^>]*\bsrc=)"),
        ("an event attribute", r"""\son[a-z]+\s*=\s*["']"""),
        ("an htmx script attribute", r"\bhx-on\b|\bhx-vals\s*=\s*[\"']js:"),
        ("a javascript address", r"javascript:"),
        ("somebody else's server", r"""(?:src|href)\s*=\s*["']https?://"""),
        ("switched-off escaping", r"\|\s*safe\b|{%\s*autoescape\s+off"),
    ],
)
def test_no_page_carries_what_the_security_policy_forbids(about, pattern):
    found = [
        where(path, text, match.start()) for path, text in texts(PAGES) for match in re.finditer(pattern, text, re.I)
    ]
    assert found == [], f"pages with {about}"


def icons_in_use() -> dict[str, str]:
    """Icon name → a place that uses it."""
    patterns = [
        r"""{%\s*icon\s+["']([^"']+)["']""",
        r"""{%\s*badge\s+\S+\s+(?:"[^"]*"|'[^']*'|\S+)\s+["']([^"']+)["']""",
        r"""\bicon_name\s*[:=]\s*["']([^"']+)["']""",
        r"""\bicon\(\s*["']([^"']+)["']""",
    ]
    return {
        match[1]: where(path, text, match.start())
        for path, text in texts([*PAGES, *PYTHON])
        for pattern in patterns
        for match in re.finditer(pattern, text)
        if "{" not in match[1]
    }


def test_every_icon_exists():
    missing = []
    for name, place in icons_in_use().items():
        try:
            assert "<svg" in icon(name)
        except Exception:
            missing.append(f"{name} ({place})")
    assert len(icons_in_use()) > 20
    assert missing == []


def url_names() -> set[str]:
    found = set()

    def walk(patterns, namespace: str) -> None:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
            else:
                found.add(f"{namespace}{pattern.name}")

    walk(get_resolver().url_patterns, "")
    return found


def test_every_address_that_is_named_exists():
    names = url_names()
    spaces = "|".join({name.split(":")[0] for name in names if ":" in name})
    literal = re.compile(rf"""["']((?:{spaces}):[a-z_]+)["']""")
    missing = [
        f"{match[1]} ({where(path, text, match.start())})"
        for path, text in texts([*PAGES, *PYTHON])
        for match in literal.finditer(text)
        if match[1] not in names
    ]
    assert missing == []


def recorded_actions() -> Iterator[tuple[str, ast.expr | None]]:
    """Every call of `record_event` in the apps, with what it gives as its action."""
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "record_event"
            ):
                given = [word.value for word in node.keywords if word.arg == "action"]
                yield f"{path.relative_to(PROJECT)}:{node.lineno}", given[0] if given else None


def members(action: ast.expr | None) -> list[str] | None:
    """Names of the AuditAction members that the expression can be; None when it can be something else."""
    if isinstance(action, ast.Attribute) and isinstance(action.value, ast.Name) and action.value.id == "AuditAction":
        return [action.attr]
    if isinstance(action, ast.IfExp):
        both = members(action.body), members(action.orelse)
        return None if None in both else [*(both[0] or []), *(both[1] or [])]
    return None


def is_of_the_enum(action: ast.expr | None, tree: ast.Module) -> bool:
    """Members of AuditAction, or a name that the file gives nothing else to (`action = …`, `action: AuditAction`)."""
    if not isinstance(action, ast.Name):
        return members(action) is not None
    given = [
        members(node.value) is not None
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == [action.id]
    ]
    given += [
        ast.unparse(node.annotation or ast.Constant("")) == "AuditAction"
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and node.arg == action.id
    ]
    return bool(given) and all(given)


def test_every_audit_event_has_a_sentence():
    faults, seen = [], 0
    for place, action in recorded_actions():
        seen += 1
        tree = ast.parse((PROJECT / place.rsplit(":", 1)[0]).read_text())
        if not is_of_the_enum(action, tree):
            faults.append(f"{place}: {ast.unparse(action) if action else 'no action'}")
    assert seen > 20
    assert faults == []


def test_audit_actions_of_different_apps_do_not_share_a_word():
    seen: dict[str, str] = {}
    for path in sorted(APPS.glob("*/enums.py")):
        actions = getattr(importlib.import_module(f"dekhang.apps.{path.parent.name}.enums"), "AuditAction", None)
        for action in actions or ():
            assert action.value not in seen, f"{action.value}: both {seen[action.value]} and {path.parent.name}"
            seen[action.value] = path.parent.name
            assert str(action.label)[0].isupper()
            assert str(action.label).replace(" ", "_").lower() != action.value, "a sentence, not the code word"
    assert set(seen) == set(audit_sentences())


def test_every_setting_is_read_by_a_reader_that_says_what_it_is_for():
    importlib.import_module("dekhang.cli.prepare").administrator_settings()
    for_developers = {"DK_VENV", "DK_PYTHON", "DK_TEST_WORKERS", "DK_NICE", "DK_CHROMIUM", "DK_SYSLOG_NG", "DK_THU"}
    documents = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    used = {
        (match[0].removesuffix("_FILE"), str(path.relative_to(PROJECT)))
        for path, text in texts([*PYTHON, *documents, PROJECT / "dk"])
        for match in re.finditer(r"\bDK_[A-Z][A-Z_]*[A-Z]\b", text)
    }
    assert {(name, place) for name, place in used if name not in KNOWN and name not in for_developers} == set()
    assert [name for name, setting in KNOWN.items() if name.startswith("DK_") and not setting.about] == []


def test_no_file_of_ours_is_too_long_to_read():
    code = [
        path for path in tracked() if path.suffix in {".py", ".html", ".css", ".js"} and "migrations" not in path.parts
    ]
    long = [
        f"{path.relative_to(PROJECT)}: {text.count(chr(10))}" for path, text in texts(code) if text.count("\n") > 800
    ]
    assert long == []


# put together here, so that this file does not contain what it looks for
FOREIGN = {
    "a path of a developer's machine": "|".join(
        ["/" + "work/", "/" + "home/[a-z]+/", "/" + r"root/(?!\.ssh/authorized)"]
    ),
    "a package registry": "|".join(
        ["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(?:org|com)", "crates" + r"\.io"]
    ),
}


@pytest.mark.parametrize("about", FOREIGN)
def test_nothing_names_the_place_where_it_was_written(about):
    pattern = re.compile(FOREIGN[about])
    found = [
        f"{where(path, text, match.start())}: {match[0]}"
        for path, text in texts(tracked())
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_no_address_of_a_person_stands_in_the_tree():
    address = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
    ours = re.compile(
        r"@(?:[\w-]+\.)*example(?:\.(?:gov\.vn|com|org|net))?$|@(?:192\.0\.2|127\.0\.0)\.\d+$|@(?:localhost|.*\.invalid)$|@[a-z]+\.service$"
    )
    found = {
        f"{path.relative_to(PROJECT)}: {match[0]}"
        for path, text in texts(tracked())
        for match in address.finditer(text)
        if not ours.search(match[0]) and "dk@32473" not in match[0]  # a structured-data id of syslog, RFC 5424
    }
    assert found == set()


def test_the_launcher_offers_only_commands_that_exist():
    from dekhang.cli import COMMANDS

    script = (PROJECT / "dk").read_text()
    offered = re.search(r"^  (up\|[a-z|]+)\)", script, re.M)
    assert offered is not None
    assert set(offered[1].split("|")) == set(COMMANDS) - {"part"}
