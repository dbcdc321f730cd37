"""Groups of what changes together, and what stands in the way of each."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import ast

    from opencensus_compat.rewrite.context import File

Key: TypeAlias = object


class Obstacle(NamedTuple):
    """What keeps a group from changing."""

    node: ast.AST
    """Where it is, in any file of the program."""
    reason: str

    def shown(self, file: File) -> str:
        """Return the reason with its line, and with its file where that is not a given one."""
        home = next(
            (each for each in file.files.values() if self.node in each.parents or getattr(self.node, "func", None) in each.parents), file
        )
        line = getattr(self.node, "lineno", 1)
        return f"line {line}: {self.reason}" if home is file else f"{os.path.relpath(home.path)}:{line}: {self.reason}"


class Groups:
    """Groups of uses, variables, functions and expressions."""

    def __init__(self) -> None:
        self._above: dict[Key, Key] = {}
        self._obstacles: list[tuple[Key, Obstacle]] = []

    def group(self, key: Key) -> Key:
        """Return what stands for the group of a use, variable or expression."""
        above = key
        while (next_one := self._above.get(above, above)) is not above:
            above = next_one
        while key is not above:
            key, self._above[key] = self._above.get(key, above), above
        return above

    def obstacles(self) -> dict[Key, list[Obstacle]]:
        """Return group -> why it cannot change."""
        found: dict[Key, list[Obstacle]] = defaultdict(list)
        for key, reason in self._obstacles:
            if reason not in found[self.group(key)]:
                found[self.group(key)].append(reason)
        return found

    def _tie(self, one: Key, other: Key) -> None:
        first, second = self.group(one), self.group(other)
        if first is not second:
            self._above[first] = second

    def _stop(self, key: Key, node: ast.AST, reason: str) -> None:
        self._obstacles.append((key, Obstacle(node, reason)))
