"""Reads files of indicators into a set, and keeps the set on disk as it lies in memory.

book = load_indicators([Path("feeds"), Path("/srv/misp")], cache=data / "rules-cache")
detector = Detector(ruleset, indicators=book.set)
for error in book.errors: print(error)      # path:line: a Vietnamese sentence
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import yaml

from dekhang.engine import serial
from dekhang.engine.indicators import Indicator, IndicatorSet, Problem, Source, Suppressed
from dekhang.engine.indicators.columns import Columns
from dekhang.engine.indicators.intake import Intake
from dekhang.engine.indicators.reading import read_indicators
from dekhang.engine.indicators.warninglists import (
    WarningList,
    WarningListProblem,
    WarningLists,
    own_lists,
    read_warning_lists,
)
from dekhang.engine.rules import Rule

FILE_BYTES_MAX = 512 << 20
WARNING_LIST_BYTES_MAX = 32 << 20
FILES_MAX = 10_000
ENDINGS = (".json", ".stix", ".csv", ".tsv", ".txt", ".list", ".ioc")  # of the files that are read in a folder
DIGEST_BYTES = 32


@dataclass(frozen=True)
class IndicatorBook:
    """Everything that stands in some files of indicators.

    Args:
        set: the indicators that can be matched.
        errors: faulty lines and files; at most 1,000 of one file are named, `counts["errors"]` has all.
        skipped: sound indicators that cannot be used here, and why.
        suppressed: indicators that a warning list knows, left out or lowered.
        files: files read.
        counts: indicators by kind ("DOMAIN", …), and "errors", "skipped", "suppressed", "lowered".
        cache_problem: why the cache could not be written; "" = it is fine.
    """

    set: IndicatorSet
    errors: tuple[Problem, ...]
    skipped: tuple[Problem, ...]
    suppressed: tuple[Suppressed, ...]
    files: int
    counts: Mapping[str, int]
    cache_problem: str = ""


def load_indicators(
    paths: Sequence[Path], *, warning_lists: Sequence[Path] = (), cache: Path | None = None
) -> IndicatorBook:
    """Read files of indicators; of a folder, all files below it that end like lists (.json .csv .txt …).

    Args:
        warning_lists: YAML or JSON files of false friends besides our own (warninglists.yml).
        cache: a folder for the finished set; None = read everything. It may be lost or damaged at any time.
    """
    missing: list[Problem] = []
    files = list(_files(paths, missing))
    place = cache / f"{_family(paths)}.indicators" if cache is not None else None
    inputs = _digest_of_inputs([*files, *warning_lists]) if place is not None else b""
    book = _load(place, inputs) if place is not None else None
    if book is None:
        book = _read(files, warning_lists)
        if place is not None:
            book = replace(book, cache_problem=_write(place, inputs, book))
    counts = {**book.counts, "errors": book.counts.get("errors", 0) + len(missing)}
    return replace(book, errors=(*missing, *book.errors), counts=counts)


def _read(files: Sequence[Path], warning_lists: Sequence[Path]) -> IndicatorBook:
    errors: list[Problem] = []
    lists: list[WarningList] = []
    for path in warning_lists:
        lists.extend(_warning_lists(path, errors))
    intake = Intake(WarningLists((*lists, *own_lists())))
    read = 0
    for path in files:
        content = _content(path, FILE_BYTES_MAX, errors)
        if content is not None:
            read += 1
            read_indicators(content, str(path), intake)
    counts = {**intake.counts, "errors": intake.counts["errors"] + len(errors)}
    return IndicatorBook(
        intake.built(), (*errors, *intake.errors), tuple(intake.skipped), tuple(intake.suppressed), read, counts
    )


def _files(paths: Sequence[Path], errors: list[Problem]) -> Iterator[Path]:
    count = 0
    for path in paths:
        if path.is_file():
            yield path
            continue
        if not path.is_dir():
            errors.append(Problem(str(path), 0, "Không có tệp hay thư mục này; hãy kiểm tra lại đường dẫn."))
            continue
        for root, below, names in os.walk(path):
            below.sort()
            for name in sorted(names):
                if name.lower().endswith(ENDINGS) and not name.startswith("."):
                    count += 1
                    if count > FILES_MAX:
                        reason = f"Có hơn {FILES_MAX} tệp chỉ dấu; các tệp từ đây trở đi không được đọc."
                        errors.append(Problem(str(Path(root, name)), 0, reason))
                        return
                    yield Path(root, name)


def _content(path: Path, most: int, errors: list[Problem]) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        errors.append(Problem(str(path), 0, f"Không đọc được tệp: {error.strerror}."))
        return None
    if len(content) > most:
        errors.append(Problem(str(path), 0, f"Tệp lớn hơn {most >> 20} MB nên không được đọc; hãy chia nhỏ."))
        return None
    return content


def _warning_lists(path: Path, errors: list[Problem]) -> tuple[WarningList, ...]:
    content = _content(path, WARNING_LIST_BYTES_MAX, errors)
    if content is None:
        return ()
    try:
        document: Any = orjson.loads(content) if content.lstrip()[:1] == b"{" else yaml.load(content, yaml.CSafeLoader)
        return read_warning_lists(document)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        errors.append(Problem(str(path), line, f"YAML hỏng: {error.problem}."))
    except orjson.JSONDecodeError as error:
        errors.append(Problem(str(path), error.lineno, f"JSON hỏng ở cột {error.colno}: {error.msg}."))
    except (yaml.YAMLError, RecursionError) as error:
        errors.append(Problem(str(path), 1, f"Không đọc được danh sách cảnh báo: {str(error)[:200]}"))
    except WarningListProblem as problem:
        errors.append(Problem(str(path), 1, str(problem)))
    return ()


# -- the cache ---------------------------------------------------------------------------------------------------
#
# 32 bytes BLAKE2 of the rest · 8 bytes length of the head · head (MessagePack) · the arrays of Columns, each beginning
# at a multiple of 64. The head carries the digest of all inputs and of our code, so another list or version reads anew.


class _Head(msgspec.Struct, array_like=True):
    inputs: bytes
    arrays: list[tuple[str, str, int, int]]  # name, type, entries, place
    sources: list[Source]
    patterns: list[tuple[Indicator, Any]]
    errors: list[Problem]
    skipped: list[Problem]
    suppressed: list[Suppressed]
    files: int
    counts: dict[str, int]


def _family(paths: Sequence[Path]) -> str:
    return blake2b("\0".join(map(str, paths)).encode(errors="replace"), digest_size=6).hexdigest()


def _digest_of_inputs(files: Sequence[Path]) -> bytes:
    """Return what must be equal for a finished set to be right: our code, the files' names and contents."""
    digest = blake2b(_version(), digest_size=32)
    for path in files:
        digest.update(f"\0{path}\0".encode(errors="replace"))
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        except OSError as error:
            digest.update(str(error.errno).encode())
    return digest.digest()


def _version() -> bytes:
    digest = blake2b(np.__version__.encode(), digest_size=16)
    engine = resources.files("dekhang.engine")
    for name in ("expressions.py", "predicates.py", "rules.py", "serial.py", "text.py"):
        digest.update(engine.joinpath(name).read_bytes())
    for part in sorted(engine.joinpath("indicators").iterdir(), key=lambda part: part.name):
        if part.name.endswith((".py", ".yml")):
            digest.update(part.read_bytes())
    return digest.digest()


def _load(place: Path, inputs: bytes) -> IndicatorBook | None:
    try:
        with place.open("rb") as file:
            buffer = bytearray(os.fstat(file.fileno()).st_size)
            file.readinto(buffer)
    except OSError:
        return None
    view = memoryview(buffer)
    if blake2b(view[DIGEST_BYTES:], digest_size=DIGEST_BYTES).digest() != view[:DIGEST_BYTES]:
        return None
    size = int.from_bytes(view[DIGEST_BYTES : DIGEST_BYTES + 8], "little")
    begin = DIGEST_BYTES + 8
    try:
        head = msgspec.msgpack.decode(view[begin : begin + size], type=_Head)
        if head.inputs != inputs:
            return None
        arrays = {name: np.frombuffer(buffer, np.dtype(kind), entries, at) for name, kind, entries, at in head.arrays}
        rules = [(indicator, serial.load(rule, indicator.source.path)) for indicator, rule in head.patterns]
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError, TypeError, RecursionError):
        return None
    patterns = tuple((indicator, rule) for indicator, rule in rules if isinstance(rule, Rule))
    return IndicatorBook(
        IndicatorSet(Columns(**arrays), tuple(head.sources), patterns),
        tuple(head.errors),
        tuple(head.skipped),
        tuple(head.suppressed),
        head.files,
        head.counts,
    )


def _write(place: Path, inputs: bytes, book: IndicatorBook) -> str:
    """Write the set; return why it could not be written, or ""."""
    columns = book.set.columns
    arrays = {field.name: getattr(columns, field.name) for field in fields(Columns)}
    places = [(name, array.dtype.str, int(array.size), 0) for name, array in arrays.items()]
    head = _Head(
        inputs,
        places,
        list(book.set.sources),
        [(indicator, serial.dump(rule)) for indicator, rule in book.set.patterns],
        list(book.errors),
        list(book.skipped),
        list(book.suppressed),
        book.files,
        dict(book.counts),
    )
    # numbers have different lengths in MessagePack: room for the head first, then the places behind it
    at = _aligned(DIGEST_BYTES + 8 + len(msgspec.msgpack.encode(head)) + 16 * len(arrays))
    for which, (name, kind, entries, _) in enumerate(places):
        head.arrays[which] = (name, kind, entries, at)
        at = _aligned(at + arrays[name].nbytes)
    encoded = msgspec.msgpack.encode(head)
    content = bytearray(at)
    content[DIGEST_BYTES : DIGEST_BYTES + 8] = len(encoded).to_bytes(8, "little")
    content[DIGEST_BYTES + 8 : DIGEST_BYTES + 8 + len(encoded)] = encoded
    for name, _, _, begin in head.arrays:
        content[begin : begin + arrays[name].nbytes] = arrays[name].tobytes()
    content[:DIGEST_BYTES] = blake2b(memoryview(content)[DIGEST_BYTES:], digest_size=DIGEST_BYTES).digest()
    partial = place.with_suffix(f".{os.getpid()}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(place)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        return f"Không ghi được bộ đệm chỉ dấu vào {place.parent}: {error.strerror}. Lần khởi động sau sẽ chậm hơn."
    return ""


def _aligned(at: int) -> int:
    return (at + 63) // 64 * 64
