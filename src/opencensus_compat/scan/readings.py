"""What files were read as, for those who need them again."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.python_uses import Module
    from opencensus_compat.scan.values import Value


@dataclass(slots=True)
class Reading:
    """What a file was read as, and what was known of the program then."""

    source: bytes
    tree: ast.Module
    module: Module | None = None
    values: dict[ast.expr, Value] = field(default_factory=dict)
    """What its expressions stand for."""
    asked: dict[str, Mapping[str, Value]] = field(default_factory=dict)
    """File -> what it handed on."""
    processors: frozenset[str] = frozenset()
    given: Given = field(default_factory=dict)
    has_envelopes: bool = False

    def holds(self, processors: set[str], given: Given, exports: Mapping[str, Mapping[str, Value]]) -> bool:
        """Return whether another reading would find the same, by what is known of the program now."""
        is_same = self.module is not None and not self.has_envelopes and self.processors == processors and self.given == given
        return is_same and all(exports.get(path, {}) == found for path, found in self.asked.items())
