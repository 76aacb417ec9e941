"""The measurement of pages itself: a small province is made by the real command, and pages are opened for real."""

from bench import board
from bench._pages import PAGES
from dekhang.simulate.strategies import HONEST_ODDITIES, STRATEGIES
from tests.conftest import PROJECT


def test_every_page_gets_a_line_with_times_and_queries():
    sizes = {"units": 10, "people": 40, "evidence": 1_200, "alerts": 300, "months": 6, "rounds": 2}
    words = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    rows = list(board.run([*words, "--only", "registry:"]))
    assert [row["page"] for row in rows] == [page.name for page in PAGES if "registry:" in page.name]
    for row in rows:
        assert row["bench"] == "board"
        assert 0 < row["p50_ms"] <= row["p95_ms"]
        assert row["queries"] > 0


def test_the_reference_names_every_way_of_lying():
    text = (PROJECT / "docs" / "reference" / "simulate.md").read_text()
    assert [key for key in (*STRATEGIES, *HONEST_ODDITIES) if f"`{key}`" not in text] == []
