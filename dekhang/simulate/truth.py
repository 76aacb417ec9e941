"""The truth about every claim, in a file beside the product's data: nothing of the product ever opens it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import Size
from dekhang.simulate.tree import SimUnit

FILE = Path("simulate") / "truth.jsonl"


class TruthError(Exception):
    """The file cannot be used; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class ClaimTruth:
    """Of one standing claim. `truth`: true · lapsed · false; `strategy` of a false one; `oddity` of an honest one."""

    unit_id: int
    duty: str
    truth: str
    strategy: str = ""
    oddity: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """Args: at: the simulated present, at which the claims are judged."""

    at: datetime
    facts: dict[str, Any]
    claims: tuple[ClaimTruth, ...]


def write(path: Path, units: list[SimUnit], conducts: dict[int, dict[str, Conduct]], size: Size) -> None:
    """First a line about the whole, then one for every claim."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(orjson.dumps({"at": size.end, "size": {**asdict(size), "until": size.until.isoformat()}}) + b"\n")
        for one in _claims(units, conducts):
            file.write(orjson.dumps(asdict(one)) + b"\n")


def _claims(units: list[SimUnit], conducts: dict[int, dict[str, Conduct]]) -> Iterator[ClaimTruth]:
    for unit in units:
        for one in conducts[unit.id].values():
            if one.claimed_at is not None:
                yield ClaimTruth(unit.id, one.duty, one.truth, one.strategy, one.oddity)


def read(path: Path) -> Truth:
    """
    Raises:
        TruthError: it is not there, or not what `write` wrote.
    """
    try:
        head, *lines = path.read_bytes().splitlines()
        facts = orjson.loads(head)
        claims = tuple(ClaimTruth(**orjson.loads(line)) for line in lines)
        return Truth(datetime.fromisoformat(facts["at"]), facts["size"], claims)
    except OSError as error:
        raise TruthError(
            f"Không đọc được {path}: {error.strerror}. Dựng tỉnh mô phỏng trước: dekhang simulate."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise TruthError(f"{path} không phải tệp sự thật của dekhang simulate.") from None
