"""Names of OpenCensus's modules that a program puts something else in the place of, as tests do: rewritten code would not see it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_PATCHES = frozenset({"patch", "object", "setattr", "delattr"})
_PREFIX = "opencensus."


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, what replaces a name of OpenCensus, and what looks it up only then: in the module, or by an import inside a function."""
    files = list(files)
    for file in files:
        for use in file.uses:
            for symbol in _replaced(use, file):
                for home in files:
                    yield from (
                        (use, other)
                        for other in home.uses
                        if (other.symbol == symbol and _is_late(other.node, home))
                        or (symbol.startswith(f"{other.symbol}.") and home.call(other.node))
                    )


def _replaced(use: Found, file: File) -> Iterator[str]:
    """Yield the names that a use puts something else in the place of."""
    node = use.node
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and file.value(node.value).meaning == "name":
        yield use.symbol
    parent = file.parents.get(node)
    if not isinstance(parent, ast.Call) or strings.tail(parent.func) not in _PATCHES or not parent.args or parent.args[0] is not node:
        return
    named = parent.args[1] if len(parent.args) > 1 else None
    if isinstance(node, ast.Constant):
        yield str(node.value).removeprefix(_PREFIX)
    elif isinstance(named, ast.Constant) and isinstance(named.value, str) and file.value(node).meaning == "name":
        yield f"{file.value(node).name}.{named.value}"


def _is_late(node: ast.AST, file: File) -> bool:
    if isinstance(node, ast.Attribute):
        return True
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    return slot is not None and any(isinstance(store, ast.alias) and file.function(store) is not None for store in slot.stores)
