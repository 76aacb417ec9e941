"""Who issues an official letter, and from where: the names that stand at its head, as the registry knew them on a day."""

from datetime import date

from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import current_version, unit_name, versions_in_force

RANKS = ("UBND ", "Ủy ban nhân dân ", "Tỉnh ", "tỉnh ", "Thành phố ", "thành phố ")
PEOPLES_COMMITTEE = "Ủy ban nhân dân"


def province_name(day: date | None = None) -> str:
    version = versions_in_force(day).filter(kind=UnitKind.PROVINCE).first()
    return version.name if version else ""


def place(day: date | None = None) -> str:
    """ "UBND tỉnh Tây Ninh" → "Tây Ninh": a letter's date line names the place without its rank."""
    name = province_name(day)
    for rank in RANKS:
        name = name.removeprefix(rank)
    return name


def issuer_lines(unit_id: int, day: date | None = None) -> tuple[str, str]:
    """(superior, issuer) as a letter-head writes them: a department stands under the province, a place under itself."""
    version = current_version(unit_id, day)
    if version is None:
        return "", unit_name(unit_id)
    name = version.name.removeprefix("UBND ").removeprefix("Ủy ban nhân dân ")
    if version.kind in (UnitKind.DISTRICT, UnitKind.COMMUNE, UnitKind.PROVINCE):
        return PEOPLES_COMMITTEE, name
    province = province_name(day).removeprefix("UBND ")
    return (f"{PEOPLES_COMMITTEE} {province}" if province else ""), name
