"""Groups of what changes together, and what stands in the way of each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ast

Key: TypeAlias = object


class Groups:
    """Groups of uses, variables, functions and expressions."""

    def __init__(self) -> None:
        self._above: dict[Key, Key] = {}
        self._obstacles: list[tuple[Key, str]] = []

    def group(self, key: Key) -> Key:
        """Return what stands for the group of a use, variable or expression."""
        above = key
        while (next_one := self._above.get(above, above)) is not above:
            above = next_one
        while key is not above:
            key, self._above[key] = self._above.get(key, above), above
        return above

    def obstacles(self) -> dict[Key, list[str]]:
        """Return group -> why it cannot change."""
        found: dict[Key, list[str]] = defaultdict(list)
        for key, reason in self._obstacles:
            if reason not in found[self.group(key)]:
                found[self.group(key)].append(reason)
        return found

    def _tie(self, one: Key, other: Key) -> None:
        first, second = self.group(one), self.group(other)
        if first is not second:
            self._above[first] = second

    def _stop(self, key: Key, node: ast.AST, reason: str) -> None:
        self._obstacles.append((key, f"line {getattr(node, 'lineno', 1)}: {reason}"))
