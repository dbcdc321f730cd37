"""Values of attributes that OpenCensus sends as text, and that older releases of OpenTelemetry refuse, or newer ones take as another text."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit

_CLASSES = {
    "datetime": {"datetime", "date", "time", "timedelta"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"Path", "PurePath"},
    "uuid": {"UUID", "uuid1", "uuid3", "uuid4", "uuid5"},
}
"""Module -> classes, and functions that make objects of them."""
_MAKE_OTHERS = frozenset({"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp", "fromisoformat", "strptime", "cwd", "home"})
"""Methods of these classes that make an object of the class."""
_SETS = frozenset({"set", "frozenset"})


def as_text(node: ast.expr | None, file: File) -> list[Edit]:
    """Return the edits that make a value the text which OpenCensus sends of it; none where its type is not known, or taken as it is."""
    function = text_maker(node, file) if node is not None else ""
    if node is None or not function:
        return []
    start, end = file.start(node), file.end(node)
    return [file.splice(start, start, f"{function}(", node), file.splice(end, end, ")", node)]


def text_maker(node: ast.expr, file: File) -> str:
    """Return what makes the text of a value: `str`, or `repr` for bytes, whose `str()` raises below `python -bb`; empty for nothing."""
    found = node
    if isinstance(node, ast.Name):
        slot = file.slot(node)
        if slot is not None and slot.stores and all(isinstance(each, ast.ExceptHandler) for each in slot.stores):
            return _builtin("str", file)
        if slot is not None and slot.parameter is not None and slot.stores == [slot.parameter] and _is_exception(slot.parameter.annotation):
            return _builtin("str", file)
        value = file.only_value(slot)
        if value is None:
            return ""
        found = value
    if isinstance(found, ast.Constant) and isinstance(found.value, bytes):
        return _builtin("repr", file)
    if isinstance(found, (ast.Set, ast.SetComp)) or (isinstance(found, ast.Call) and _is_text_in_the_end(found.func, file)):
        return _builtin("str", file)
    return ""


def _is_exception(annotation: ast.expr | None) -> bool:
    """Return whether an annotation names an exception of Python's."""
    found = getattr(builtins, annotation.id, None) if isinstance(annotation, ast.Name) else None
    return isinstance(found, type) and issubclass(found, BaseException)


def _is_text_in_the_end(maker: ast.expr, file: File) -> bool:
    """Return whether a call of something makes an object that is sent as its text."""
    if isinstance(maker, ast.Name) and maker.id in _SETS:
        return maker.id not in file.bindings.module
    if isinstance(maker, ast.Attribute) and maker.attr in _MAKE_OTHERS:
        maker = maker.value
    module, name = _imported(maker, file)
    return name in _CLASSES.get(module, ())


def _imported(node: ast.expr, file: File) -> tuple[str, str]:
    """Return the module and the name that an expression is of; empty ones for something of the program."""
    first = node.value if isinstance(node, ast.Attribute) else node
    slot = file.slot(first) if isinstance(first, ast.Name) else None
    alias = slot.stores[0] if slot is not None and len(slot.stores) == 1 else None
    if not isinstance(alias, ast.alias):
        return "", ""
    statement = file.parents.get(alias)
    if isinstance(statement, ast.ImportFrom):
        return (statement.module or "", alias.name) if node is first and not statement.level else ("", "")
    return (alias.name, node.attr) if isinstance(node, ast.Attribute) else ("", "")


def _builtin(name: str, file: File) -> str:
    return name if name not in file.bindings.module else ""
