"""The conformance table of docs/reference/detection.md: every test it names exists, every modifier stands in it."""

import ast
import re
from pathlib import Path

from tests.conftest import PROJECT

PAGE = PROJECT / "docs" / "reference" / "detection.md"
CONDITIONS = PROJECT / "tests" / "spec" / "test_sigma_conditions.py"
FILES = {
    "filters": "tests/spec/test_sigma_filters.py",
    "correlations": "tests/spec/test_sigma_correlations.py",
    "reading": "tests/unit/engine/test_sigma_reading.py",
    "bounds": "tests/unit/engine/test_correlation_bounds.py",
    "budget": "tests/unit/engine/test_regex_budget.py",
    "view": "tests/unit/engine/test_reference_view.py",
    "lists": "tests/unit/pipeline/test_rulebook_filters_placeholders.py",
    "property": "tests/property/test_correlations_equal_reference.py",
}


def table() -> list[tuple[str, list[str]]]:
    """(construct, named tests) of each row."""
    text = PAGE.read_text(encoding="utf-8").split("## Bảng đối chiếu với tiêu chuẩn")[1]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    return [(construct.strip(), re.findall(r"`([^`]+)`", named)) for construct, _how, named in rows]


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def condition_rows() -> set[str]:
    """The names of the rows in tables that test_sigma_conditions.py runs."""
    tables = [
        node.value for node in ast.parse(CONDITIONS.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)
    ]
    rows = [row for table in tables if isinstance(table, ast.List) for row in table.elts]
    return {row.elts[0].value for row in rows if isinstance(row, ast.Tuple) and isinstance(row.elts[0], ast.Constant)}


def test_every_test_that_the_table_names_exists() -> None:
    known = {f"conditions/{name}" for name in condition_rows()}
    for short, path in FILES.items():
        known |= {f"{short}/{name}" for name in functions_of(PROJECT / path)}
    rows = table()
    assert len(rows) > 60
    assert [construct for construct, named in rows if not named] == []
    assert [name for _, named in rows for name in named if name not in known] == []


def test_every_modifier_of_the_appendix_stands_in_the_table(shared: Path) -> None:
    appendix = (shared / "sigma/spec/specification/sigma-appendix-modifiers.md").read_text(encoding="utf-8")
    modifiers = set(re.findall(r"^\s*- `([a-z0-9]+)`:", appendix, re.M))
    assert len(modifiers) > 25
    named = {name for construct, _ in table() for name in re.findall(r"`([^`]+)`", construct)}
    assert modifiers - named == set()


def test_every_correlation_type_of_the_schema_stands_on_the_page(shared: Path) -> None:
    schema = (shared / "sigma/spec/json-schema/sigma-correlation-rules-schema.json").read_text(encoding="utf-8")
    kinds = set(re.findall(r'"const": "((?:event|value|temporal)[a-z_]*)"', schema))
    assert len(kinds) == 7
    page = PAGE.read_text(encoding="utf-8")
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []
