"""Reads folders of Sigma rules into a rule set, quickly: what was read once is kept on disk in parsed form.

book = load_rules([Path("rules"), Path("/srv/sigma")], cache=data / "rules-cache")
detector = Detector(book.ruleset)
for error in book.errors: print(error)      # path:line: a Vietnamese sentence

Lists for rules with placeholders (%Servers%) come from a settings file: placeholders=read_placeholders(path).
"""

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from importlib import metadata, resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec
import yaml

from dekhang.engine import LogsourceMapping, Rule, RuleError, RuleSet, Skipped, compile_rules, default_mapping, serial
from dekhang.engine.rules import Filter

Outcome: TypeAlias = Rule | Filter | RuleError | Skipped
Placeholders: TypeAlias = Mapping[str, Sequence[str]]

RULE_BYTES_MAX = 1 << 20
FILES_MAX = 100_000
PLACEHOLDER_VALUES_MAX = 10_000  # in one list
# the modules whose change changes what a rule file means
MEANING = (
    "expressions.py",
    "guidance.py",
    "predicates.py",
    "rules.py",
    "serial.py",
    "sigma.py",
    "sigma_correlation.py",
    "sigma_modifiers.py",
    "sigma_values.py",
    "text.py",
)


class PlaceholderError(ValueError):
    """The settings file of lists is not as it should be. The message names the file, the list and what to do."""


@dataclass(frozen=True)
class Rulebook:
    """Everything that stands in some rule folders.

    Args:
        ruleset: the rules that can be evaluated here.
        errors: faulty rules; the others are loaded all the same.
        skipped: sound rules that cannot be evaluated here, and why.
        files: rule files read.
        filters: Sigma filters; the rules have them applied already.
        cache_problem: why the cache could not be written; "" = it is fine.
        fingerprint: equal for two rulebooks whose rules mean the same, in the same order; b"" = nobody has taken it.
    """

    ruleset: RuleSet
    errors: tuple[RuleError, ...]
    skipped: tuple[Skipped, ...]
    files: int
    cache_problem: str = ""
    filters: tuple[Filter, ...] = ()
    fingerprint: bytes = b""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that can be evaluated here, in order of their files' paths."""
        return self.ruleset.rules

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    def find(self, rule_id: str) -> Rule | None:
        """Return a rule for showing it to people: title_vi, guidance, description, author, license, references."""
        return self._by_id.get(rule_id)

    def with_rules(self, more: Sequence[Rule]) -> "Rulebook":
        """Return a rulebook of these rules and others; the filters apply to all."""
        ruleset = compile_rules((*self.rules, *more), self.ruleset.mapping, self.filters)
        known = self.fingerprint and blake2b(self.fingerprint + repr(more).encode(), digest_size=20).digest()
        return replace(self, ruleset=ruleset, fingerprint=known)

    def yaml(self, rule: Rule) -> str:
        """Return the text of the file in which a rule stands.

        Raises:
            OSError: the file has gone since.
        """
        return Path(rule.path).read_text("utf-8-sig", errors="replace")


def load_rules(
    folders: Sequence[Path],
    *,
    cache: Path | None,
    mapping: LogsourceMapping | None = None,
    placeholders: Placeholders = MappingProxyType({}),
) -> Rulebook:
    """Read all *.yml below the folders (not *.test.yml); a folder may also be a single file.

    Args:
        cache: a folder for parsed rules; None = parse everything. It may be lost or damaged at any time.
        mapping: which records a logsource means; None = ours, see mappingfile.py for a user's own.
        placeholders: lists for `%name%` in values with the modifier `expand`; see read_placeholders.
    """
    errors: list[RuleError] = []
    with _collector_paused():
        store = _Cache(cache, folders, placeholders)
        outcomes: list[Outcome] = []
        files = 0
        for path in _rule_files(folders, errors):
            files += 1
            outcomes.extend(store.read(path))
        rules = _unique((one for one in outcomes if isinstance(one, Rule)), errors)
        filters = tuple(one for one in outcomes if isinstance(one, Filter))
        ruleset = compile_rules(rules, mapping or default_mapping(), filters)
        fingerprint = blake2b(store.fingerprint() + _said(ruleset), digest_size=20).digest()
        problem = store.write()
    errors.extend(one for one in outcomes if isinstance(one, RuleError))
    errors.sort(key=lambda error: (error.path, error.line))
    skipped = [one for one in outcomes if isinstance(one, Skipped)]
    return Rulebook(ruleset, tuple(errors), (*skipped, *ruleset.skipped), files, problem, filters, fingerprint)


def read_placeholders(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a settings file of lists: YAML, name → list of values, which may have wildcards.

        Servers: ["srv-*", "may-chu-?"]
        Administrators: [quantri]

    Raises:
        PlaceholderError: the file cannot be read or is something else; the message is a Vietnamese sentence.
    """
    try:
        content = path.read_bytes()[: RULE_BYTES_MAX + 1]
    except OSError as error:
        raise PlaceholderError(f"Không đọc được tệp danh sách {path}: {error.strerror}.") from error
    if len(content) > RULE_BYTES_MAX:
        raise PlaceholderError(f"Tệp danh sách {path} lớn hơn {RULE_BYTES_MAX // 1024} KiB; hãy bớt giá trị.")
    try:
        document = yaml.load(content.decode("utf-8-sig"), yaml.CSafeLoader)
    except UnicodeDecodeError as error:
        raise PlaceholderError(f"Tệp danh sách {path} không phải UTF-8; hãy lưu lại với bảng mã UTF-8.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", dòng {mark.line + 1}" if mark is not None else ""
        raise PlaceholderError(f"Tệp danh sách {path}{where}: YAML sai cú pháp.") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise PlaceholderError(f"Tệp danh sách {path} phải gồm các dòng như `Servers: [srv-*, may-chu-1]`.")
    return {_list_name(name, path): _list_values(name, values, path) for name, values in document.items()}


def _list_name(name: object, path: Path) -> str:
    if not isinstance(name, str) or not name or "%" in name or "\\" in name:
        raise PlaceholderError(f"Tệp danh sách {path}: tên `{name}` không dùng được; viết tên trần, không có dấu %.")
    return name


def _list_values(name: object, values: object, path: Path) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    if len(listed) > PLACEHOLDER_VALUES_MAX:
        raise PlaceholderError(f"Tệp danh sách {path}: `{name}` có hơn {PLACEHOLDER_VALUES_MAX} giá trị.")
    for value in listed:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
            raise PlaceholderError(f"Tệp danh sách {path}: `{name}` có giá trị `{value}` không phải là chữ hay số.")
    return tuple(dict.fromkeys(str(value) for value in listed))


def _rule_files(folders: Sequence[Path], errors: list[RuleError]) -> Iterator[Path]:
    count = 0
    for folder in folders:
        if folder.is_file():
            yield folder
            continue
        if not folder.is_dir():
            errors.append(RuleError(str(folder), 1, "Không có thư mục luật này; hãy kiểm tra lại đường dẫn."))
            continue
        for root, below, names in os.walk(folder):
            below.sort()
            for name in sorted(names):
                if name.endswith((".yml", ".yaml")) and not name.endswith((".test.yml", ".test.yaml")):
                    count += 1
                    if count > FILES_MAX:
                        reason = f"Có hơn {FILES_MAX} tệp luật; các tệp từ đây trở đi không được đọc."
                        errors.append(RuleError(str(Path(root, name)), 1, reason))
                        return
                    yield Path(root, name)


def _unique(rules: Iterable[Rule], errors: list[RuleError]) -> list[Rule]:
    """Return the rules with ids of their own; a detection is known by its rule's id, so a second one is an error."""
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in seen:
            first = seen[rule.id]
            reason = f"Mã luật {rule.id} đã được dùng ở {first.path}:{first.line}; hãy đặt mã (id) khác."
            errors.append(RuleError(rule.path, rule.line, reason))
        else:
            seen[rule.id] = rule
    return list(seen.values())


class _Cache:
    """Parsed rule files by the digest of their content.

    Layout: 32 bytes BLAKE2 of the rest, then MessagePack: {digest of file: [serial.dump(outcome), …]}.
    """

    def __init__(self, folder: Path | None, folders: Sequence[Path], placeholders: Placeholders) -> None:
        self._folder = folder
        self._placeholders = placeholders
        self._family = blake2b("\0".join(map(str, folders)).encode(errors="replace"), digest_size=6).hexdigest()
        self._known: dict[bytes, list[Any]] = {}
        self._used: dict[bytes, list[Any]] = {}
        self._changed = False
        version = _version(placeholders)
        self._all_read = blake2b(version.encode(), digest_size=20)
        if folder is not None:
            self._path = folder / f"{self._family}-{version}.msgpack"
            self._known = self._load()

    def _load(self) -> dict[bytes, list[Any]]:
        try:
            content = self._path.read_bytes()
        except OSError:
            return {}
        if blake2b(content[32:], digest_size=32).digest() != content[:32]:
            return {}
        try:
            return msgspec.msgpack.decode(content[32:], type=dict[bytes, list[Any]])
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
            return {}

    def read(self, path: Path) -> list[Outcome]:
        """Return the outcomes of a rule file, from the cache if it is there unchanged."""
        try:
            with path.open("rb") as file:
                content = file.read(RULE_BYTES_MAX + 1)
        except OSError as error:
            return [RuleError(str(path), 1, f"Không đọc được tệp luật: {error.strerror}.")]
        digest = blake2b(content, digest_size=20).digest()
        self._all_read.update(digest)
        saved = self._known.get(digest)
        if saved is not None:
            try:
                outcomes = [serial.load(one, str(path)) for one in saved]
            except ValueError:
                pass
            else:
                self._used[digest] = saved
                return outcomes
        outcomes = _parse(content, str(path), self._placeholders)
        if self._folder is not None:
            self._used[digest] = [serial.dump(one) for one in outcomes]
            self._changed = True
        return outcomes

    def fingerprint(self) -> bytes:
        """Return a digest of all that was read so far, in its order, and of what it was understood by."""
        return self._all_read.digest()

    def write(self) -> str:
        """Write what this load used, if that is news; return why it could not be written, or ""."""
        if self._folder is None or (not self._changed and len(self._used) == len(self._known)):
            return ""
        content = msgspec.msgpack.encode(self._used)
        partial = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(blake2b(content, digest_size=32).digest() + content)
            partial.replace(self._path)
            for old in self._folder.glob(f"{self._family}-*.msgpack"):
                if old != self._path:
                    old.unlink(missing_ok=True)
        except OSError as error:
            return f"Không ghi được bộ đệm luật vào {self._folder}: {error.strerror}. Lần khởi động sau sẽ chậm hơn."
        return ""


def _parse(content: bytes, path: str, placeholders: Placeholders) -> list[Outcome]:
    # imported only now: pySigma takes half a second, and a start from the cache does not need it
    from dekhang.engine.sigma import read_rules

    return list(read_rules(content, path, placeholders))


def _version(placeholders: Placeholders) -> str:
    """Return what must be equal for parsed rules to be worth keeping: our code, pySigma, Python, the lists filled in."""
    digest = blake2b(digest_size=8)
    digest.update(msgspec.json.encode(sorted((name, list(values)) for name, values in placeholders.items())))
    digest.update(f"{sys.version_info[:3]} {metadata.version('pysigma')}".encode())
    package = resources.files("dekhang.engine")
    for name in MEANING:
        digest.update(package.joinpath(name).read_bytes())
    return digest.hexdigest()


def _said(ruleset: RuleSet) -> bytes:
    """Return the rules' order, and which of them the mapping lets read what: not what it says of records."""
    sources = [(source.logsource, source.where, source.aliases) for source in ruleset.mapping.sources]
    return repr((sources, [rule.id for rule in ruleset.rules])).encode()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Building 200,000 small objects triggers hundreds of collections that find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
