"""Officials on the roster with their employments: who joined, moved and left over the months."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import cycle
from typing import Any

from dekhang.apps.registry.models import Employment, Person
from dekhang.apps.registry.search import fold
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import Size
from dekhang.simulate.tree import SimUnit
from dekhang.simulate.writing import first_free, insert

FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý")
MIDDLE = ("Văn", "Thị", "Minh", "Ngọc", "Thanh", "Quốc", "Hữu", "Đức", "Thu", "Kim")
GIVEN = (
    "An",
    "Bình",
    "Chi",
    "Dũng",
    "Giang",
    "Hà",
    "Hùng",
    "Lan",
    "Mai",
    "Nam",
    "Oanh",
    "Phúc",
    "Quân",
    "Sơn",
    "Tâm",
    "Uyên",
    "Vinh",
    "Yến",
)
TITLES = ("Chuyên viên", "Công chức văn phòng", "Kế toán", "Trưởng phòng", "Phó trưởng phòng", "Công chức địa chính")
CHANGED = 0.12  # of the people: one of joined, moved or left within the months
SWUNG = 0.3  # of a roster that swings


def employ(units: list[SimUnit], conducts: dict[int, dict[str, Conduct]], size: Size) -> None:
    """Write people and employments, and count `unit.people` of the last day."""
    dice = random.Random(f"{size.seed}/people")  # noqa: S311 - made-up data
    counted = [unit for unit in units if unit.parent_id is not None]
    homes = [unit for unit, _n in zip(cycle(counted), range(size.people), strict=False)]
    first = first_free(Person)
    last = size.end.date()
    days = 30 * size.months
    people: list[tuple[Any, ...]] = []
    swings = {unit.id: conducts[unit.id]["awareness"].strategy for unit in counted}
    left: dict[int, int] = {}  # how many left for the count, by unit

    def employments() -> Iterator[tuple[Any, ...]]:
        for number, unit in enumerate(homes):
            pk = first + number
            name = f"{dice.choice(FAMILY)} {dice.choice(MIDDLE)} {dice.choice(GIVEN)}"
            code = f"MP{number:07d}"
            people.append((pk, code, name, fold(f"{name} {code}")))
            title, since = dice.choice(TITLES), date(2019, 1, 1)
            chance = dice.random()
            turn = last - timedelta(days=dice.randint(1, days))
            if swings[unit.id] == "roster_swing" and left.get(unit.id, 0) < SWUNG * size.people / len(counted):
                left[unit.id] = left.get(unit.id, 0) + 1
                away = last - timedelta(days=dice.randint(40, 50))  # gone before the count, back a fortnight later
                yield (pk, unit.id, title, since, away)
                yield (pk, unit.id, title, away + timedelta(days=14), None)
            elif chance < CHANGED / 3:
                yield (pk, unit.id, title, turn, None)
            elif chance < 2 * CHANGED / 3:
                yield (pk, unit.id, title, since, turn)
                continue
            elif chance < CHANGED:
                other = dice.choice(counted)
                yield (pk, unit.id, title, since, turn)
                yield (pk, other.id, title, turn, None)
                other.people += 1
                continue
            else:
                yield (pk, unit.id, title, since, None)
            unit.people += 1

    rows = list(employments())
    rows += _ghosts(
        [unit for unit in counted if swings[unit.id] == "roster_padding"], first + size.people, people, last
    )
    insert(Person, ("id", "code", "name", "search_text"), people)
    insert(Employment, ("person_id", "unit_id", "title", "valid_from", "valid_to"), rows)


def _ghosts(units: list[SimUnit], first: int, people: list[tuple[Any, ...]], last: date) -> Iterator[tuple[Any, ...]]:
    """People who are on a roster for a few weeks around the count, and nowhere before or after."""
    number = first
    for unit in units:
        for n in range(max(6, unit.people // 3)):
            code = f"MPX{number:07d}"
            people.append((number, code, f"Nguyễn Văn Mới {n + 1}", fold(f"Nguyễn Văn Mới {n + 1} {code}")))
            yield (number, unit.id, TITLES[0], last - timedelta(days=45), last - timedelta(days=20))
            number += 1
