"""Partitions: the units of an installation in sixteen parts, each worked off by one worker at a time (decision 8)."""

PARTITIONS = 16  # for ever: positions and correlation state are kept by it
ALL = frozenset(range(PARTITIONS))


def partition_of(unit_id: int) -> int:
    return unit_id % PARTITIONS


def share(number: int, of: int) -> frozenset[int]:
    """The partitions of worker `number` (from 1) when there are `of` of them."""
    return frozenset(partition for partition in ALL if partition % of == number - 1)
