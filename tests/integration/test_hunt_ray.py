"""A hunt on a real Ray cluster finds what one process finds. Ray is an optional group: requirements-hunts.lock."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

if importlib.util.find_spec("ray") is None:
    pytest.skip(
        "Ray is not installed (requirements-hunts.lock): hunts on many machines are not tested", allow_module_level=True
    )

from tests.raycluster import Killing, RayServer  # isort: skip  - before Ray
from dekhang.pipeline.hunt.executors import Unavailable
from dekhang.pipeline.hunt.raycluster import RayCluster
from tests.cluster import wait_until
from tests.unit.pipeline.test_hunts import RULES, found, go, lake, wanted, whole  # noqa: F401 - fixtures

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # files that Ray leaves to its processes
    pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2", "localhost"]),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = RayServer(tmp_path_factory.mktemp("ray"))

    def is_there() -> bool:
        try:
            with RayCluster(server.address):
                return True
        except Unavailable:
            return False

    try:
        wait_until(is_there, "a Ray cluster", 120)
        yield server.address
    finally:
        server.close()


def test_rules_and_queries_find_on_a_cluster_what_one_process_finds(lake: Path, whole, address: str) -> None:  # noqa: F811
    hunt = wanted(lake, rules=[RULES])
    state = go(lake, hunt, RayCluster(address))

    assert state.status == "done"
    assert found(hunt) == whole
    here, there = (wanted(lake, kind="query", query="root") for _ in range(2))
    go(lake, here)
    go(lake, there, RayCluster(address))
    assert list(there.hits()) == list(here.hits()) != []


def test_a_process_that_dies_costs_nothing(lake: Path, whole, tmp_path: Path, address: str) -> None:  # noqa: F811
    hunt = wanted(lake, rules=[RULES])
    state = go(lake, hunt, Killing(address, tmp_path / "died"))

    assert (tmp_path / "died").exists()
    assert state.status == "done"
    assert found(hunt) == whole


def test_a_cluster_that_is_not_there_is_a_sentence() -> None:
    sentence = re.escape("Không vào được cụm Ray 127.0.0.2:1: ")
    with pytest.raises(Unavailable, match=sentence), RayCluster("127.0.0.2:1"):
        pass
