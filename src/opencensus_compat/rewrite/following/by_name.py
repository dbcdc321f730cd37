"""Variables of modules that a program reads, sets or replaces by their names as text: `getattr`, `vars`, and what tests patch."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.following.bindings import Slot

_DOUBLES = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "NonCallableMagicMock"})
_BUILTINS = frozenset({"getattr", "setattr", "delattr"})
_PATCHES = frozenset({"patch", "object", "multiple", "setattr", "delattr"})
"""What tests put a stand-in in the place of a variable with."""
_HARMLESS = frozenset({"getLogger", "hasattr"})
_OF_OPENCENSUS = (
    *("span", "end_span", "current_span", "trace_decorator", "finish"),
    *("add_attribute", "add_annotation", "add_message_event", "add_attribute_to_current_span"),
)
"""Methods of tracers and spans that OpenTelemetry's have not."""


class Named:
    """The texts of a program that may be names of variables.

    Args:
        files: The files of the program.
        find: The file of a module that an import statement in another names.
    """

    def __init__(self, files: Mapping[str, File], find: Callable[[str, int, str], str | None]) -> None:
        self._find = find
        self._texts: dict[str, list[tuple[File, ast.Constant]]] = defaultdict(list)
        for file in files.values():
            for node in file.kinds[ast.Constant]:
                if isinstance(node.value, str):
                    self._texts[node.value.rpartition(".")[2]].append((file, node))

    def obstacles(self, slot: Slot) -> Iterator[tuple[ast.AST, str]]:
        """Yield the places that name a variable of a module in text, and why it cannot change for them."""
        for file, node in self._texts[slot.name]:
            module, _, _ = str(node.value).rpartition(".")
            parent = file.parents.get(node)
            above = file.parents.get(parent) if isinstance(parent, (ast.keyword, ast.Subscript)) else parent
            place = parent if isinstance(parent, ast.Subscript) else above
            is_meant = self._find(file.path, 0, module) == slot.path if module else _names_module(place, slot.path, file)
            tail = strings.tail(place.func) if isinstance(place, ast.Call) else ""
            if not is_meant or tail in _HARMLESS:
                continue
            if isinstance(place, ast.Call) and tail in _PATCHES and not (isinstance(place.func, ast.Name) and tail in _BUILTINS):
                if method := _method(file):
                    yield node, f"a test replaces `{slot.name}`, and names `{method}` of OpenCensus"
            elif module or isinstance(place, ast.Subscript) or tail in _BUILTINS:
                yield node, f"`{slot.name}` is named in text"
        if slot.name.startswith("_"):
            yield from self._handed_on(slot)

    def _handed_on(self, slot: Slot) -> Iterator[tuple[ast.AST, str]]:
        """Yield where a module hands a private name to `from module import *`."""
        for file, node in self._texts[slot.name]:
            statement = file.statement(node)
            names = getattr(statement, "targets", [getattr(statement, "target", None)])
            if file.path == slot.path and any(isinstance(each, ast.Name) and each.id == "__all__" for each in names):
                yield node, f"`__all__` names `{slot.name}`"

    def readers(self, name: str) -> Iterator[tuple[ast.AST, str]]:
        """Yield the places that name an attribute of some object in text, beside calls of `getattr`, and why it cannot change for them."""
        for file, node in self._texts[name]:
            call = file.parents.get(node)
            if node.value != name or not isinstance(call, ast.Call) or strings.attribute_in_text(call) is not None:
                continue
            if strings.tail(call.func) in _BUILTINS | {"attrgetter"} or _is_of_holder(call, file):
                yield node, f"`{name}` is named in text"


def _is_of_holder(call: ast.Call, file: File) -> bool:
    """Return whether a call takes an attribute out of an imported object that has some for a time, such as `g` of Flask."""
    holder = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr in {"get", "pop", "setdefault"} else None
    slot = file.slot(holder) if isinstance(holder, ast.Name) else None
    return slot is not None and bool(slot.stores) and isinstance(slot.stores[0], ast.alias)


def _names_module(place: ast.AST | None, path: str, file: File) -> bool:
    """Return whether the call or the subscript around a text has a module."""
    holder = place.value if isinstance(place, ast.Subscript) else None
    if isinstance(holder, ast.Attribute) and holder.attr != "__dict__":
        # A dict of the module, with keys of its own.
        return False
    nodes = [holder] if holder is not None else place.args if isinstance(place, ast.Call) else []
    below = [each for node in nodes for each in ast.walk(node) if isinstance(each, (ast.Name, ast.Attribute))]
    return any(file.value(each).meaning == "module" and file.value(each).name == path for each in below)


def double(file: File, node: ast.expr) -> str | None:
    """Return the method of OpenCensus's tracers and spans that a test names beside a stand-in; empty for none, None where the expression is none.

    A stand-in has any method, so that only what the test itself names can be lacking. A test that makes spans is asked about these.
    """
    value = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    if not isinstance(value, ast.Call) or strings.tail(value.func) not in _DOUBLES or file.symbol(value):
        return None
    is_asked = any(
        use.rule == "T032" and use.symbol.rpartition(".")[2][:1].isupper() and file.call(use.node) is not None for use in file.uses
    )
    stored = {each.attr for each in file.kinds[ast.Attribute] if isinstance(each.ctx, ast.Store)}
    return "" if is_asked else _method(file) or next((name for name in _OF_OPENCENSUS if name in stored), "")


def _method(file: File) -> str:
    """Return the first method that only OpenCensus's tracers and spans have and that a file names; empty for none."""
    functions = {node.name for node in [*file.kinds[ast.FunctionDef], *file.kinds[ast.AsyncFunctionDef]]}
    return next((name for name in _OF_OPENCENSUS if name in functions or file.reads(name)), "")
