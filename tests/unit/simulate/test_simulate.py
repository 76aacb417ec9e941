"""A simulated province is what was asked for, the same each time, and only where nothing was."""

import re
from collections import Counter
from datetime import date

import pytest

from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.duties import timelines
from dekhang.apps.duties.models import Claim, Evidence, Revision, StaleTimeline
from dekhang.apps.duties.services import digest_of
from dekhang.apps.registry.models import Person
from dekhang.apps.registry.selectors import counted_units
from dekhang.cli import main
from dekhang.simulate.size import Size, SizeError
from dekhang.simulate.strategies import STRATEGIES
from tests.conftest import PROJECT
from tests.factories.simulate import SMALL

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("simulated")
def test_there_are_as_many_rows_as_were_asked_for():
    with clock.at(SMALL.end):
        assert counted_units().count() == SMALL.units
    assert (Evidence.objects.count(), Alert.objects.count()) == (SMALL.evidence, SMALL.alerts)
    ghosts = Person.objects.filter(code__startswith="MPX").count()
    assert Person.objects.count() - ghosts == SMALL.people


@pytest.mark.usefixtures("simulated")
def test_rows_are_those_that_the_services_would_write():
    for row in Evidence.objects.order_by("?")[:50]:
        assert row.digest == digest_of(row)
        assert row.recorded_at >= row.observed_at
    assert Evidence.objects.filter(recorded_at__gt=SMALL.end).count() == 0
    revision = Revision.objects.filter(state="accepted").first()
    assert revision.evidence.get(outcome="ok").payload["sha256"] == revision.sha256
    with revision.file.open("rb") as file:
        assert file.read().startswith(b"%PDF-")


@pytest.mark.usefixtures("simulated")
def test_states_are_computed_before_anybody_looks():
    assert StaleTimeline.objects.count() == 0
    units = list(Claim.objects.filter(duty_key="record_attacks").values_list("unit_id", flat=True)[:10])
    assert timelines.assessments("record_attacks", units, SMALL.end) == timelines.walked(
        "record_attacks", units, SMALL.end
    )


def test_every_published_way_of_lying_is_used(simulated):
    provincial = {key for key, one in STRATEGIES.items() if one.duties == ("four_layers",)}
    used = Counter(one.strategy for one in simulated.claims if one.strategy)
    assert used.keys() >= STRATEGIES.keys() - provincial  # one province alone cannot use these


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"units": 3}, "ít nhất 4 đơn vị"),
        ({"units": 100, "evidence": 100}, "--evidence 12000"),
        ({"lies": 1.5}, "từ 0 đến 1"),
        ({"months": 2}, "từ 6 đến 120"),
        ({"alerts": -1}, "không được âm"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused_with_a_sentence(sizes, words):
    with pytest.raises(SizeError, match=words):
        Size(**sizes, until=date(2026, 11, 30))


def test_a_folder_with_anything_in_it_is_refused(tmp_path, capsys):
    (tmp_path / "db.sqlite3").touch()
    assert main(["simulate", "--data", str(tmp_path)]) == 2
    assert "không trống" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["db.sqlite3"]


def test_nothing_of_the_product_knows_the_file_of_the_truth():
    ours = {PROJECT / "dekhang" / "cli" / "simulate.py", *(PROJECT / "dekhang" / "simulate").glob("*.py")}
    others = [path for path in (PROJECT / "dekhang").rglob("*.py") if path not in ours]
    assert [path for path in others if re.search(r"truth\.jsonl|dekhang\.simulate", path.read_text())] == []
