"""Which lines must run for a use to have run: those of the smallest statement around it. Pure."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Statements:
    """The statements of one Python file."""

    def __init__(self, source: bytes) -> None:
        """Read them.

        Args:
            source: The file's text, in any encoding that it declares.

        """
        self._spans: dict[int, tuple[int, int]] = {}
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        # Inner statements come after those around them, and take their lines.
        for first, last in _spans(tree.body):
            self._spans.update((line, (first, last)) for line in range(first, last + 1))

    def around(self, line: int) -> range:
        """Return the lines of the statement that a line belongs to; of one with a block, those of its head."""
        first, last = self._spans.get(line, (line, line))
        return range(first, last + 1)


def _spans(body: list[ast.stmt]) -> Iterator[tuple[int, int]]:
    for node in body:
        blocks: list[list[ast.stmt | ast.ExceptHandler | ast.match_case]] = [
            block for name in ("body", "orelse", "finalbody", "handlers", "cases") if (block := getattr(node, name, None))
        ]
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        last = node.end_lineno or node.lineno
        if blocks:
            head = blocks[0][0]
            # The head ends above the block, or on its line: `if ready: work()`
            last = max(first, min(_first(head) - 1, last))
        yield first, last
        for block in blocks:
            for each in block:
                if isinstance(each, ast.stmt):
                    yield from _spans([each])
                else:  # a handler, or a case
                    start = _first(each)
                    yield start, max(start, _first(each.body[0]) - 1)
                    yield from _spans(each.body)


def _first(node: ast.stmt | ast.ExceptHandler | ast.match_case) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    own = node.pattern if isinstance(node, ast.match_case) else node
    return min(own.lineno, *(each.lineno for each in decorators)) if decorators else own.lineno
