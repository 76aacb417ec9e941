"""Keeps compiled rules on disk: compiling thousands takes seconds, reading them back a moment.

code = compiled(book, cache=data / "rules-cache", indicators=False)
detector = Detector(book.ruleset, code=code)

A data format, not pickle. What is read back is looked through (engine/sieve/sound.py) before machine code, which checks
no index, runs on it; what is not sound is compiled again.
"""

import logging
import os
import sys
from collections.abc import Iterable
from hashlib import blake2b
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dekhang.engine.sieve.code import Code, compile_code
from dekhang.engine.sieve.deciding import Programs
from dekhang.engine.sieve.kernel import Columns
from dekhang.engine.sieve.literals import Literals
from dekhang.engine.sieve.sound import check
from dekhang.pipeline.rulebook import Rulebook

logger = logging.getLogger(__name__)

FILE_BYTES_MAX = 256 << 20  # × 20 of what 3,700 rules take
FILES_KEPT = 6  # rule sets in turns, with indicators and without; × ~10 MB
DIGEST_BYTES = 32
SUFFIX = ".code"


class _Array(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    kind: str  # numpy's name for the type of a number, with the order of its bytes
    shape: tuple[int, ...]
    content: memoryview


class _Kept(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A Code, its fields in their order."""

    programs: list[_Array]
    columns: list[_Array]
    literals: list[_Array]
    rules: _Array
    readers: _Array
    asked: tuple[_Array, _Array]
    always: _Array
    keywords: _Array
    column_names: dict[str, int]
    atom_count: int
    other_column: int
    indicator_atom: int
    indicator_program: int


def compiled(book: Rulebook, *, cache: Path | None, indicators: bool) -> Code:
    """Return the rules of a rulebook compiled: from the cache, or anew and then kept.

    Args:
        cache: a folder, may be the one of load_rules; None = compile. It may be lost or damaged at any time.
        indicators: also look for indicators.
    """
    if cache is None or not book.fingerprint:
        return compile_code(book.ruleset.rules, book.ruleset.mapping, indicators=indicators)
    path = cache / f"{_key(book.fingerprint, indicators)}{SUFFIX}"
    code = _read(path, book)
    if code is None:
        code = compile_code(book.ruleset.rules, book.ruleset.mapping, indicators=indicators)
        _write(path, code)
    return code


def _key(fingerprint: bytes, indicators: bool) -> str:
    """Return what must be equal for compiled rules to be worth keeping: the rules, our code, Python's and numpy's."""
    digest = blake2b(digest_size=16)
    digest.update(f"{sys.version_info[:3]} {np.__version__} {sys.byteorder} {indicators}".encode() + fingerprint)
    for source in _sources(resources.files("dekhang.engine")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _sources(folder: Traversable) -> Iterable[Traversable]:
    """Return all modules of the engine: which of them decide what comes of a rule is not worth a list to keep up."""
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            yield from _sources(one)
        elif one.name.endswith(".py"):
            yield one


def _read(path: Path, book: Rulebook) -> Code | None:
    """Return what is kept in a file; None = nothing, or nothing that could be used."""
    try:
        with path.open("rb") as file:
            content = memoryview(file.read(FILE_BYTES_MAX + 1))
    except OSError:
        return None
    kept = content[DIGEST_BYTES:]
    if len(content) > FILE_BYTES_MAX or blake2b(kept, digest_size=DIGEST_BYTES).digest() != content[:DIGEST_BYTES]:
        return None
    try:
        code = unpack(kept)
        check(code, book.ruleset.rules, book.ruleset.mapping)
    except ValueError as error:
        logger.warning("compiled rules in %s are not used: %s", path, error)
        return None
    try:
        os.utime(path)  # used last: kept longest
    except OSError:
        pass
    return code


def _write(path: Path, code: Code) -> None:
    """Keep the code; without it the next start is slower, so it stops nothing."""
    content = pack(code)
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(blake2b(content, digest_size=DIGEST_BYTES).digest() + content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        files = sorted(path.parent.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        for old in files[FILES_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("compiled rules cannot be kept in %s: %s", path.parent, error.strerror)


def pack(code: Code) -> bytes:
    """Return the code as MessagePack."""
    return msgspec.msgpack.encode(
        _Kept(
            [_packed(one) for one in code.programs],
            [_packed(one) for one in code.columns],
            [_packed(one) for one in code.literals],
            _packed(code.rules),
            _packed(code.readers),
            (_packed(code.asked[0]), _packed(code.asked[1])),
            _packed(code.always),
            _packed(code.keywords),
            code.column_names,
            code.atom_count,
            code.other_column,
            code.indicator_atom,
            code.indicator_program,
        )
    )


def unpack(content: bytes | memoryview) -> Code:
    """Return what `pack` wrote. It is not checked yet: see sound.check.

    Raises:
        ValueError: these are no arrays.
    """
    try:
        kept = msgspec.msgpack.decode(content, type=_Kept)
        return Code(
            Programs(*map(_array, kept.programs)),
            Columns(*map(_array, kept.columns)),
            Literals(*map(_array, kept.literals)),
            _array(kept.rules),
            _array(kept.readers),
            (_array(kept.asked[0]), _array(kept.asked[1])),
            _array(kept.always),
            _array(kept.keywords),
            kept.column_names,
            kept.atom_count,
            kept.other_column,
            kept.indicator_atom,
            kept.indicator_program,
        )
    except (msgspec.DecodeError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"compiled rules: {error}") from None


def _packed(array: NDArray[Any]) -> _Array:
    return _Array(array.dtype.str, array.shape, memoryview(array.tobytes()))


_KINDS = {np.dtype(kind).str: np.dtype(kind) for kind in (np.uint8, np.int32, np.uint64)}


def _array(packed: _Array) -> NDArray[Any]:
    kind = _KINDS.get(packed.kind)
    if kind is None:
        raise ValueError(f"compiled rules: no array is of {packed.kind[:20]!r}")
    # a copy, because machine code is made for arrays that can be written to
    return np.frombuffer(packed.content, kind).reshape(packed.shape).copy()
