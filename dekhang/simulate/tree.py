"""Units as a tree of blocks, with accounts in their posts, and systems."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import PostKind, UnitKind
from dekhang.apps.registry.models import PostHolding, System, Unit, UnitVersion
from dekhang.simulate.size import Size
from dekhang.simulate.writing import first_free, insert

SINCE = date(2019, 1, 1)  # before the directive: its duties fall on every unit from their first day
SYLLABLES = (
    "An",
    "Bình",
    "Cẩm",
    "Đông",
    "Gia",
    "Hòa",
    "Khánh",
    "Long",
    "Mỹ",
    "Ninh",
    "Phú",
    "Phước",
    "Tân",
    "Thạnh",
    "Vĩnh",
    "Xuân",
)
SUBJECTS = (
    "Nội vụ",
    "Tài chính",
    "Y tế",
    "Giáo dục và Đào tạo",
    "Tư pháp",
    "Công Thương",
    "Xây dựng",
    "Giao thông",
    "Nông nghiệp",
    "Lao động",
    "Văn hóa",
    "Kế hoạch",
)
PROVINCIAL = {
    "lanh-dao": ("Lãnh đạo tỉnh mô phỏng", Role.PROVINCE_LEADER),
    "dieu-phoi": ("Điều phối viên mô phỏng", Role.COORDINATOR),
    "thanh-tra": ("Thanh tra mô phỏng", Role.INSPECTOR),
    "quan-tri": ("Quản trị mô phỏng", Role.ADMINISTRATOR),
}
COORDINATOR = 1  # the place in the tree of the body that coordinates: the first department of the first province
RENAMED_EVERY = 40  # so many units have one that was renamed half way: boards of the past show its old name


@dataclass(frozen=True, slots=True)
class SimSystem:
    id: int
    name: str
    level: int


@dataclass(slots=True)
class SimUnit:
    """A unit as the rest of the simulation needs it; ids are those of the rows."""

    id: int
    key: str
    name: str
    kind: str
    parent_id: int | None
    head_id: int
    officer_id: int
    dice: random.Random
    contact_id: int = 0
    systems: list[SimSystem] = field(default_factory=list)
    sources: list[tuple[int, str]] = field(default_factory=list)  # (id, kind)
    people: int = 0


@dataclass(frozen=True, slots=True)
class Tree:
    units: list[SimUnit]  # provinces first, then by block
    reviewer_id: int  # the account that reviews documents


def plant(size: Size, password: str) -> Tree:
    """Write the units and what hangs on them.

    Args:
        password: a hashed password for every account.
    """
    units = list(_units(size))
    _write_versions(units, size)
    accounts = first_free(User)
    insert(
        User,
        ("id", "username", "full_name", "role", "password", "is_active", "created_at", "email"),
        (
            (accounts + n, name, title, role, password, True, size.start, f"{name}@mo-phong.example.gov.vn")
            for n, (name, (title, role)) in enumerate(PROVINCIAL.items())
        ),
    )
    _write_posts(units, size, password, accounts + len(PROVINCIAL))
    _write_systems(units)
    return Tree(units, accounts + list(PROVINCIAL).index("dieu-phoi"))


def _units(size: Size) -> Iterator[SimUnit]:
    """Provinces, then for each its bodies, districts and communes: about 4 · 6 · 90 in a hundred, as provinces are."""
    number, unit_id = 0, first_free(Unit)
    share, left_over = divmod(size.units, size.provinces)

    def unit(kind: str, name: str, parent: SimUnit | None) -> SimUnit:
        nonlocal number
        one = SimUnit(
            unit_id + number,
            f"mo-phong-{number:05d}",
            name,
            kind,
            parent.id if parent else None,
            0,
            0,
            random.Random(f"{size.seed}/{number}"),  # noqa: S311 - made-up data
        )
        number += 1
        return one

    for n in range(size.provinces):
        count = share + (n < left_over)
        province = unit(UnitKind.PROVINCE, f"Tỉnh Mô phỏng {n + 1}", None)
        yield province
        bodies = max(1, min(22, count // 8))
        districts = max(1, min(15, count // 12))
        for one in range(bodies):
            again = one // len(SUBJECTS)
            title = f"Sở {SUBJECTS[one % len(SUBJECTS)]}{f' {again + 1}' if again else ''}"
            yield unit(UnitKind.DEPARTMENT, f"{title} mô phỏng", province)
        above = [unit(UnitKind.DISTRICT, f"Huyện {_name(one)}", province) for one in range(districts)]
        yield from above
        for one in range(count - bodies - districts):
            yield unit(UnitKind.COMMUNE, f"Xã {_name(one + districts)}", above[one % districts])


def _name(number: int) -> str:
    first, second = SYLLABLES[number % len(SYLLABLES)], SYLLABLES[number // len(SYLLABLES) % len(SYLLABLES)]
    again = number // len(SYLLABLES) ** 2
    return f"{first} {second}{f' {again + 1}' if again else ''}"


def _write_versions(units: list[SimUnit], size: Size) -> None:
    insert(Unit, ("id", "key"), ((unit.id, unit.key) for unit in units))
    half_way = (size.end - timedelta(days=15 * size.months)).date()

    def versions() -> Iterator[tuple[Any, ...]]:
        for number, unit in enumerate(units):
            place = (number % 32, number // 32) if unit.kind != UnitKind.PROVINCE else (None, None)
            facts = (unit.kind, unit.parent_id, f"MP{number:05d}", *place, number == COORDINATOR)
            if number % RENAMED_EVERY == RENAMED_EVERY - 1:
                yield (unit.id, f"{unit.name} (tên cũ)", SINCE, half_way, *facts)
                yield (unit.id, unit.name, half_way, None, *facts)
            else:
                yield (unit.id, unit.name, SINCE, None, *facts)

    insert(
        UnitVersion,
        (
            "unit_id",
            "name",
            "valid_from",
            "valid_to",
            "kind",
            "parent_id",
            "code",
            "tile_column",
            "tile_row",
            "is_coordinator",
        ),
        versions(),
    )


def _write_posts(units: list[SimUnit], size: Size, password: str, next_account: int) -> None:
    """Head and officer of each unit."""
    accounts, holdings = [], []
    for number, unit in enumerate(units):
        unit.head_id, unit.officer_id = next_account + 2 * number, next_account + 2 * number + 1
        for pk, post, role, prefix, title in (
            (unit.head_id, PostKind.HEAD, Role.HEAD, "thu-truong", "Thủ trưởng"),
            (unit.officer_id, PostKind.OFFICER, Role.OFFICER, "can-bo", "Cán bộ CNTT"),
        ):
            name = f"{prefix}.{unit.key}"
            mail = f"{name}@mo-phong.example.gov.vn"
            accounts.append((pk, name, f"{title} {unit.name}", role, password, True, size.start, mail))
            holdings.append((unit.id, post, pk, SINCE))
    insert(User, ("id", "username", "full_name", "role", "password", "is_active", "created_at", "email"), accounts)
    insert(PostHolding, ("unit_id", "kind", "user_id", "valid_from"), holdings)


def _write_systems(units: list[SimUnit]) -> None:
    names = ("Cổng thông tin điện tử", "Một cửa điện tử", "Mạng nội bộ", "Quản lý văn bản")
    number = first_free(System)
    rows = []
    for unit in units:
        for name in names[: 1 if unit.kind == UnitKind.COMMUNE else unit.dice.randint(2, 4)]:
            system = SimSystem(number, f"{name} {unit.name}"[:200], unit.dice.choice((1, 2, 2, 3)))
            unit.systems.append(system)
            rows.append((system.id, unit.id, system.name, system.level, SINCE))
            number += 1
    insert(System, ("id", "unit_id", "name", "level", "valid_from"), rows)
