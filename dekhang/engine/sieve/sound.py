"""Whether compiled rules that were kept somewhere may be run: machine code checks no index (native.py).

Whoever can change what was kept can at worst have rules say nothing, as with the rule files themselves; they cannot have
anything read or written beside its place, nor a loop without end. For every array this file says which numbers may stand
in it, and why the kernel needs that.
"""

from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.logsources import LogsourceMapping
from dekhang.engine.rules import Rule
from dekhang.engine.sieve.code import Code, Ragged
from dekhang.engine.sieve.deciding import NO, Programs
from dekhang.engine.sieve.kernel import Columns
from dekhang.engine.sieve.literals import GRAM, LETTER, Literals
from dekhang.engine.sieve.machine import PADDING
from dekhang.engine.sieve.packing import STRIDE_MAX

Array = NDArray[Any]


def check(code: Code, rules: Sequence[Rule], mapping: LogsourceMapping) -> None:
    """Return when the code may be run for these rules and this mapping.

    Raises:
        ValueError: it may not; the message names the array and what is wrong with it.
    """
    _check_kinds(code)
    programs, columns = len(code.programs.starts), len(code.columns.whole)
    _check_programs(code.programs, code.atom_count)
    _check_columns(code.columns, code.atom_count)
    _check_literals(code.literals, columns, code.atom_count)
    _within("rules", code.rules, -1, len(rules))
    _is("rules", len(code.rules) == programs, "one of each program")
    decided = np.array([rule.condition is not None for rule in rules] + [True])  # the last one: -1, an indicator
    _is("rules", bool(decided[code.rules].all()), "rules with a condition")
    _is("readers", code.readers.shape == (programs, max(1, len(mapping.sources))), "programs × log sources")
    _within("readers", code.readers, 0, 2)
    _check_ragged("asked", code.asked, programs, columns)
    # a line has room for each program once (`hits` in kernel.py)
    _within("always", code.always, 0, programs)
    _is("always", bool((np.diff(code.always) > 0).all()), "each program once")
    _is("always", not np.isin(code.always, code.programs.triggered).any(), "programs without triggers")
    _is("keywords", len(code.keywords) == programs, "one of each program")
    _within("keywords", code.keywords, -1, columns)
    for name, number in code.column_names.items():
        _is("column_names", 0 <= number < columns, f"a column for {name[:80]!r}")
    _is("other_column", 0 <= code.other_column < columns, "a column")
    looked_for = int(code.columns.indicators.any())  # without indicators the numbers behind the last ones stand there
    _is("indicator_atom", 0 <= code.indicator_atom <= code.atom_count - looked_for, "an atom")
    _is("indicator_program", 0 <= code.indicator_program <= programs - looked_for, "a program")


def arrays(code: Code) -> dict[str, tuple[Array, Any]]:
    """Return all arrays of the code by name, each with the type of its numbers."""
    found: dict[str, tuple[Array, Any]] = {}
    for part in (code.programs, code.columns, code.literals):
        hints = get_type_hints(type(part))
        for name, array in part._asdict().items():
            found[f"{type(part).__name__}.{name}"] = array, get_args(get_args(hints[name])[1])[0]
    for name, array in (("rules", code.rules), ("always", code.always), ("keywords", code.keywords)):
        found[name] = array, np.int32
    found["asked.starts"], found["asked.members"] = ((array, np.int32) for array in code.asked)
    found["readers"] = code.readers, np.uint8
    return found


def _check_kinds(code: Code) -> None:
    for name, (array, kind) in arrays(code).items():
        _is(name, array.dtype == kind, f"of {np.dtype(kind)}, not {array.dtype}")
        _is(name, array.ndim == (2 if name == "readers" else 1), "a table" if name == "readers" else "a row")
        # machine code is made for such arrays; for others numba would compile it again
        _is(name, array.flags.c_contiguous and array.flags.aligned and array.flags.writeable, "one piece of memory")


def _check_programs(programs: Programs, atoms: int) -> None:
    questions = len(programs.atoms)
    _is("Programs.holds", len(programs.holds) == len(programs.fails) == questions, "one of each question")
    _within("Programs.starts", programs.starts, NO, questions)
    _within("Programs.atoms", programs.atoms, 0, atoms)
    for name, following in (("Programs.holds", programs.holds), ("Programs.fails", programs.fails)):
        _within(name, following, NO, questions)
        # the compiler writes the last question of a rule first; so every way through a rule ends
        _is(name, bool((following < np.arange(questions)).all()), "questions written earlier")
    _check_ragged("Programs.triggered", (programs.trigger_starts, programs.triggered), atoms, len(programs.starts))


def _check_columns(columns: Columns, atoms: int) -> None:
    count = len(columns.whole)
    _is("Columns.indicators", len(columns.indicators) == count, "one of each column")
    _is("Columns.raw", len(columns.raw) == count, "one of each column")
    _within("Columns.raw", columns.raw, -1, count)
    _within("Columns.whole", columns.whole, 0, 2)
    _within("Columns.indicators", columns.indicators, 0, 2)
    _check_ragged("Columns.present", (columns.present_starts, columns.present), count, atoms)
    _check_ragged("Columns.valued", (columns.valued_starts, columns.valued), count, atoms)
    _check_ragged("Columns.unsure", (columns.unsure_starts, columns.unsure), count, atoms)
    _check_ragged("Columns.lettered", (columns.lettered_starts, columns.lettered), count, atoms)


def _check_literals(literals: Literals, columns: int, atoms: int) -> None:
    count = len(literals.starts)
    _is("Literals.lengths", len(literals.lengths) == len(literals.flags) == count, "one of each literal")
    _within("Literals.starts", literals.starts, 0, len(literals.texts))
    _within("Literals.lengths", literals.lengths, 0, len(literals.texts))
    ends = literals.starts.astype(np.int64) + literals.lengths
    _is("Literals.texts", len(literals.texts) >= PADDING, "a text with padding behind")
    _within("Literals.lengths", ends, 0, len(literals.texts) - PADDING + 1)
    _check_ragged("Literals.atoms", (literals.atom_starts, literals.atoms), count, atoms)
    _check_ragged("Literals.edges", (literals.edge_starts, literals.edges), columns, count)
    # -- bitmaps
    for name, array in (
        ("Literals.bit_starts", literals.bit_starts),
        ("Literals.bit_masks", literals.bit_masks),
        ("Literals.strides", literals.strides),
        ("Literals.shorts", literals.shorts),
    ):
        _is(name, len(array) == columns, "one of each column")
        _within(name, array, 0, 1 << 31)
    masks = literals.bit_masks.astype(np.int64)
    _is("Literals.bit_masks", not (masks & (masks + 1)).any(), "powers of two less one")
    _within("Literals.bit_masks", literals.bit_starts + (masks >> 3), 0, len(literals.bits))
    _within("Literals.strides", literals.strides, 0, STRIDE_MAX + 1)
    _is("Literals.shorts", bool(np.isin(literals.shorts, _sets_of_sizes()).all()), "sets of lengths below a gram")
    # -- hash tables
    slots, entries = len(literals.gram_keys), len(literals.gram_literals)
    _is("Literals.gram_keys", len(literals.gram_firsts) == len(literals.gram_counts) == slots, "as long as its values")
    _is("Literals.gram_offsets", len(literals.gram_offsets) == entries, "one of each entry")
    counts = literals.gram_counts.astype(np.int64)
    _within("Literals.gram_counts", counts, 0, entries + 1)
    _is("Literals.gram_counts", int(counts.sum()) == entries, "entries that belong to one gram each")
    _within("Literals.gram_firsts", literals.gram_firsts, 0, entries + 1)
    _within("Literals.gram_firsts", literals.gram_firsts + counts, 0, entries + 1)
    _check_table("Literals.gram_counts", counts != 0)
    _within("Literals.gram_literals", literals.gram_literals, 0, count)
    _within("Literals.gram_offsets", literals.gram_offsets, 0, 1 << 31)
    within = literals.gram_offsets < literals.lengths[literals.gram_literals]
    _is("Literals.gram_offsets", bool(within.all()), "places within their literals")
    _is("Literals.whole_keys", len(literals.whole_keys) == len(literals.whole_literals), "as long as its values")
    _within("Literals.whole_literals", literals.whole_literals, -1, count)
    _check_table("Literals.whole_literals", literals.whole_literals >= 0)


def _sets_of_sizes() -> list[int]:
    """Return the sets of lengths that Literals.shorts can hold: bit n stands for length n, LETTER for a letter."""
    sizes = [*(1 << size for size in range(2, GRAM)), LETTER]
    return [sum(size for place, size in enumerate(sizes) if chosen >> place & 1) for chosen in range(1 << len(sizes))]


def _check_ragged(name: str, lists: Ragged, count: int, behind: int) -> None:
    """Check lists back to back: one for each of `count`, their members below `behind`."""
    starts, members = lists
    _is(f"{name} (starts)", len(starts) == count + 1, f"{count + 1} long, not {len(starts)}")
    _is(f"{name} (starts)", int(starts[0]) == 0 and int(starts[-1]) == len(members), "from 0 to the end")
    _is(f"{name} (starts)", bool((starts[1:] >= starts[:-1]).all()), "ascending")
    _within(name, members, 0, behind)


def _check_table(name: str, taken: Array) -> None:
    """Check a hash table: a walk from any slot comes to a free one."""
    size = len(taken)
    _is(name, size > 0 and size & (size - 1) == 0, "a table whose size is a power of two")
    _is(name, 2 * int(taken.sum()) <= size, "a table that is at least half free")


def _within(name: str, numbers: Array, least: int, behind: int) -> None:
    if numbers.size and not (least <= int(numbers.min()) and int(numbers.max()) < behind):
        raise ValueError(f"compiled rules: {name} holds numbers outside of {least} … {behind - 1}")


def _is(name: str, sound: bool, what: str) -> None:
    if not sound:
        raise ValueError(f"compiled rules: {name} is not {what}")
