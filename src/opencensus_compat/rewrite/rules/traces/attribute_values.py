"""Values of attributes that OpenCensus sends as text, and that older releases of OpenTelemetry refuse, or newer ones take as another text."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following import callers, classes, held
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.rewrite.following.bindings import Slot

_CLASSES = {
    "datetime": {"datetime", "date", "time", "timedelta"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"},
    "uuid": {"UUID", "uuid1", "uuid3", "uuid4", "uuid5"},
    "ipaddress": {"ip_address", "ip_network", "IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"},
}
"""Module -> classes, and functions that make objects of them."""
_MAKE_OTHERS = frozenset({"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp", "fromisoformat", "strptime", "cwd", "home"})
"""Methods of these classes that make an object of the class."""
_TEXTS = frozenset({"set", "frozenset", "range", "complex", "slice", "object"})
"""Builtins whose objects are sent as their text."""
_VIEWS = frozenset({"keys", "values", "items"})
"""Methods of dicts, whose results are no lists."""
_BYTES = frozenset({"bytes", "bytearray", "memoryview"})
_MAKE_BYTES = frozenset({"encode", "digest", "to_bytes", "read_bytes"})
"""Methods that return bytes."""
_ENUMS = frozenset({"Enum", "Flag"})
_OBJECTS = frozenset({"object", "ABC", "Protocol", "Generic"}) | {
    name for name, each in vars(builtins).items() if isinstance(each, type) and issubclass(each, BaseException)
}
"""Bases that make no number, text or collection of a class."""
_EMPTY = (ast.Dict, ast.List, ast.Set)
_DEPTH = 3
"""Functions and variables through which a value is followed."""
_CHANGE = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "add", "discard", "sort", "reverse", "popitem"}
)
"""Methods that change a list, dict or set."""


def as_text(node: ast.expr | None, file: File) -> list[Edit]:
    """Return the edits that make a value the text which OpenCensus sends of it; none where its type is not known, or taken as it is.

    Raises:
        Refused: It changes after that, which OpenCensus sends and OpenTelemetry does not.
    """
    if node is None:
        return []
    _check_change(node, file)
    before, after = _around(node, file)
    start, end = file.start(node), file.end(node)
    return [file.splice(start, start, before, node), file.splice(end, end, after, node)] if before else []


def text_maker(node: ast.expr, file: File) -> str:
    """Return the function that makes the text of a value; empty for a value that stays, or has JSON text."""
    kind, _ = _kind(node, file)
    return kind if kind in {"str", "repr"} and kind not in file.bindings.module else ""


def of_key(node: ast.expr | None, file: File) -> list[Edit]:
    """Return the edit that makes the key of an attribute the text which OpenCensus sends of it, where it is a number or the like: OpenTelemetry takes texts alone."""
    value = node.value if isinstance(node, ast.Constant) else ""
    return [] if node is None or isinstance(value, (str, bytes)) else [file.replace(node, f'"{value}"')]


def of_mapping(node: ast.expr, file: File) -> list[Edit]:
    """Return the edits that do so for the keys and values of a dict that is written out."""
    values = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
    return [edit for key, value in values if key is not None for edit in [*of_key(key, file), *as_text(value, file)]]


def _around(node: ast.expr, file: File) -> tuple[str, str]:
    """Return what stands before and after a value to make the text of it; nothing for one that stays."""
    kind, found = _kind(node, file)
    if kind == "json":
        options = ', ensure_ascii=False, separators=(",", ":"))'
        return f"{_dumps(node, file)}(", options if _is_of_constants(found) else f", default=str{options}"
    return (f"{kind}(", ")") if kind and kind not in file.bindings.module else ("", "")


def _kind(node: ast.expr, file: File, depth: int = _DEPTH) -> tuple[str, ast.expr]:
    """Return what makes the text of a value, and the value: `str`, `repr` for bytes, whose `str()` raises below `python -bb`, or `json`."""
    kind, found = _kind_here(node, file)
    if kind or not depth:
        return kind, found
    # What else it may hold is of one kind.
    others = held.alternatives(file, node) if _is_of_program(node, file) else None
    kinds = {_kind(part, home, depth - 1)[0] for home, part in others or ()}
    return (kinds.pop() if len(kinds) == 1 else "", node)


def _is_of_program(node: ast.expr, file: File) -> bool:
    """Return whether an expression is a variable, an attribute of `self`, or a call of a function of the program that always returns something."""
    if isinstance(node, ast.Call):
        functions = callers.named(file, strings.tail(node.func))
        if len(functions) != 1 or not _returns(functions[0][1].body):
            return False
    node = node.func if isinstance(node, ast.Call) else node
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    if isinstance(node, ast.Attribute):
        return classes.is_of_self(file, node)
    return slot is not None and all(not isinstance(store, ast.alias) or file.origin(store) is not None for store in slot.stores)


def _returns(block: list[ast.stmt]) -> bool:
    """Return whether the end of a block is never reached."""
    last = block[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _returns(last.body) and _returns(last.orelse)
    return isinstance(last, (ast.Return, ast.Raise))


def _kind_here(node: ast.expr, file: File) -> tuple[str, ast.expr]:
    found = node
    if isinstance(node, ast.Name):
        slot = file.slot(node)
        if slot is not None and slot.stores and all(isinstance(each, ast.ExceptHandler) for each in slot.stores):
            return "str", node
        value = file.only_value(slot)
        if value is None:
            return (_of_parameter(slot, file) if slot is not None else ""), node
        found = value
    if isinstance(found, (ast.Set, ast.SetComp)) or _is_text_in_the_end(found, file):
        return "str", found
    if _is_bytes(found, file):
        return "repr", found
    if isinstance(found, ast.Dict) or (isinstance(found, (ast.List, ast.Tuple)) and not _is_of_one_type(found)):
        return "json", found
    return "", found


def _is_text_in_the_end(node: ast.expr, file: File) -> bool:
    """Return whether an expression is an object that is sent as its text."""
    if isinstance(node, ast.Attribute):
        home = classes.named(file, node.value) if isinstance(node.value, (ast.Name, ast.Attribute)) else None
        return home is not None and _stands_on(home, _ENUMS) and any(_binds(each, node.attr) for each in home[1].body)
    if not isinstance(node, ast.Call):
        return False
    maker = node.func
    if isinstance(maker, ast.Attribute) and maker.attr in _VIEWS and not node.args and not node.keywords:
        return True
    if isinstance(maker, ast.Name) and (maker.id in _TEXTS or maker.id in _OBJECTS):
        return maker.id not in file.bindings.module
    home = classes.named(file, maker) if isinstance(maker, (ast.Name, ast.Attribute)) else None
    if home is not None:
        return _stands_on(home, _OBJECTS)
    if isinstance(maker, ast.Attribute) and maker.attr in _MAKE_OTHERS:
        maker = maker.value
    return _is_listed(maker, file)


def _is_listed(node: ast.expr, file: File) -> bool:
    module, name = _imported(node, file)
    return name in _CLASSES.get(module, ())


def _of_parameter(slot: Slot, file: File) -> str:
    """Return what makes the text of a parameter whose annotation names its type, and which is always given."""
    parameter = slot.parameter
    function = file.function(parameter) if parameter is not None else None
    if parameter is None or function is None or slot.stores != [parameter] or parameter.annotation is None:
        return ""
    places = [*function.args.posonlyargs, *function.args.args]
    optional = places[len(places) - len(function.args.defaults) :]
    optional += [each for each, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if value is not None]
    if parameter in optional or parameter not in {*places, *function.args.kwonlyargs}:
        return ""
    if isinstance(parameter.annotation, ast.Name) and parameter.annotation.id == "bytes":
        return "repr"
    return "str" if _is_listed(parameter.annotation, file) or strings.tail(parameter.annotation) in _OBJECTS - {"object"} else ""


def _is_bytes(node: ast.expr, file: File) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bytes)
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in _BYTES and node.func.id not in file.bindings.module
    return isinstance(node.func, ast.Attribute) and node.func.attr in _MAKE_BYTES


def _is_of_one_type(node: ast.List | ast.Tuple) -> bool:
    """Return whether a list may be one of texts, numbers or truths only, as far as it is written out."""
    kinds = {type(each.value) for each in node.elts if isinstance(each, ast.Constant)}
    has_others = any(isinstance(each, (ast.List, ast.Tuple, ast.Dict, ast.Set)) for each in node.elts)
    return not has_others and (not kinds or (len(kinds) == 1 and kinds <= {str, int, float, bool}))


def _is_of_constants(node: ast.expr) -> bool:
    return all(isinstance(each, (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.expr_context)) for each in ast.walk(node)) and not any(
        isinstance(each, ast.Constant) and isinstance(each.value, (bytes, complex)) for each in ast.walk(node)
    )


def _dumps(node: ast.expr, file: File) -> str:
    slot = file.bindings.find("json", file.owner(node))
    store = slot.only_store if slot is not None else None
    if isinstance(store, ast.alias) and store.name == "json" and isinstance(file.parents.get(store), ast.Import):
        return "json.dumps"
    return file.need("from json import dumps", node)


def _stands_on(home: classes.Home, names: frozenset[str]) -> bool:
    """Return whether a class stands on these classes alone, and on classes of the program that do."""
    for file, node in classes.bases(home):
        for base in node.bases:
            tail = strings.tail(base.value if isinstance(base, ast.Subscript) else base)
            if tail not in names and (not isinstance(base, (ast.Name, ast.Attribute)) or classes.named(file, base) is None):
                return False
    return names is not _ENUMS or any(strings.tail(base) in names for _, node in classes.bases(home) for base in node.bases)


def _binds(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Assign) and any(isinstance(each, ast.Name) and each.id == name for each in statement.targets)


def _check_change(node: ast.expr, file: File) -> None:
    """Raise where a list, dict or set of a function changes after it was set as an attribute: OpenCensus reads it as the span ends.

    Raises:
        Refused: It does.
    """
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    value = file.only_value(slot)
    makes = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in {"list", "dict", "set", "defaultdict"}
    if slot is None or not (makes or isinstance(value, (*_EMPTY, ast.ListComp, ast.DictComp, ast.SetComp))):
        return
    if any(file.start(load) > file.start(node) and _changes(load, file) for load in slot.loads):
        raise Refused(
            Ask(
                f"`{slot.name}` changes below this line: OpenCensus sends what it holds as the span ends, OpenTelemetry what it holds here. "
                "Which is meant? The line can stand after the changes."
            )
        )


def _changes(load: ast.expr, file: File) -> bool:
    """Return whether an expression changes what a variable holds."""
    above = file.parents.get(load)
    if isinstance(above, ast.Subscript) and above.value is load:
        return not isinstance(above.ctx, ast.Load)
    return isinstance(above, ast.Attribute) and above.attr in _CHANGE and file.call(above) is not None


def _imported(node: ast.expr, file: File) -> tuple[str, str]:
    """Return the module and the name that an expression is of; empty ones for something of the program."""
    first = node.value if isinstance(node, ast.Attribute) else node
    slot = file.slot(first) if isinstance(first, ast.Name) else None
    alias = slot.only_store if slot is not None else None
    if not isinstance(alias, ast.alias):
        return "", ""
    statement = file.parents.get(alias)
    if isinstance(statement, ast.ImportFrom):
        return (statement.module or "", alias.name) if node is first and not statement.level else ("", "")
    return (alias.name, node.attr) if isinstance(node, ast.Attribute) else ("", "")
