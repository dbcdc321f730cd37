"""Groups of what changes together, and what stands in the way of each."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from opencensus_compat.rewrite.context import File

Key: TypeAlias = object
_SHOWN = 4
"""Obstacles that a report names for one use."""


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


def shown(obstacles: Iterable[Obstacle], file: File) -> str:
    """Return what a report says of obstacles: the first ones, and whether there are others."""
    texts: list[str] = []
    for each in obstacles:
        text = each.shown(file)
        if text not in texts:
            texts.append(text)
        if len(texts) > _SHOWN:
            return "; ".join([*texts[:_SHOWN], "and others"])
    return "; ".join(texts)


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
            self._above[key], key = above, self._above[key]
        return above

    def obstacles(self) -> dict[Key, list[Obstacle]]:
        """Return group -> why it cannot change."""
        found: dict[Key, dict[Obstacle, None]] = defaultdict(dict)
        for key, reason in self._obstacles:
            found[self.group(key)][reason] = None
        return {key: list(reasons) for key, reasons in found.items()}

    def _tie(self, one: Key, other: Key) -> None:
        first, second = self.group(one), self.group(other)
        if first is not second:
            self._above[first] = second

    def _stop(self, key: Key, node: ast.AST, reason: str) -> None:
        self._obstacles.append((key, Obstacle(node, reason)))
