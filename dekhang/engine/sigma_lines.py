"""Where things stand in a rule file, so that a fault can name its line."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from dekhang.engine.expressions import DEPTH_MAX

NODES_SEARCHED = 10_000  # of one level, when a fault is located


def quoted(message: str) -> str:
    """Return what a fault puts between quotation marks: the modifier, value or key at fault; "" = nothing."""
    parts = message.split("'")
    return parts[1].strip() if len(parts) >= 3 else ""


class Lines:
    """Finds lines in a YAML text; composes it only when a fault has to be located."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._documents: list[Any] | None = None

    def of(self, number: int, key: str = "") -> int:
        """Return the line (from 1) of a document, or of the first mapping key called `key` in it; 0 = no such key."""
        if not key and number == 0 and self._documents is None and "\n---" not in self.source:
            return 1  # the usual case costs nothing
        root = self._root(number)
        if root is None:
            return 1
        if not key:
            return int(root.start_mark.line) + 1
        found = _find_key(root, lambda name: name == key)
        return int(found.start_mark.line) + 1 if found is not None else 0

    def naming(self, number: int, text: str) -> int:
        """Return the line of the modifier or value that a fault quotes; 0 = it is nowhere as such."""
        root = self._root(number)
        if root is None or not text:
            return 0
        found = _find_key(root, lambda name: text in name.split("|")[1:]) or _find_value(root, text)
        return int(found.start_mark.line) + 1 if found is not None else 0

    def of_double_key(self, problem: str) -> int:
        """Return the line where a key that stands twice in one mapping stands for the second time."""
        name = quoted(problem)
        found = [n for n, line in enumerate(self.source.splitlines(), 1) if line.strip().startswith(f"{name}:")]
        return found[1] if len(found) > 1 else 1

    def _root(self, number: int) -> Any:
        if self._documents is None:
            try:
                self._documents = list(yaml.compose_all(self.source, yaml.CSafeLoader))
            except (yaml.YAMLError, RecursionError):
                self._documents = []
        return self._documents[number] if number < len(self._documents) else None


def _find_key(root: Any, wanted: Callable[[str], bool]) -> Any:
    """Return the first key node that is wanted, level by level."""
    for node in _nodes(root):
        if isinstance(node, yaml.MappingNode):
            for name, _ in node.value:
                if wanted(str(name.value)):
                    return name
    return None


def _find_value(root: Any, text: str) -> Any:
    """Return the first value node that is this text."""
    return next((node for node in _nodes(root) if isinstance(node, yaml.ScalarNode) and node.value == text), None)


def _nodes(root: Any) -> Iterator[Any]:
    """Yield a document's nodes but its keys, level by level, so far as a fault is worth looking for."""
    level = [root]
    for _ in range(DEPTH_MAX):
        yield from level
        level = [
            below
            for node in level
            if isinstance(node, (yaml.MappingNode, yaml.SequenceNode))
            for below in ([value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value)
        ][:NODES_SEARCHED]
        if not level:
            return
