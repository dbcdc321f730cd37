"""Where the objects that a rule asks for were made: through variables, attributes of `self`, imports of other modules of the program and loops."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following import calls
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import rule_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.following.bindings import Slot
    from opencensus_compat.scan.python_uses import Found

EXPORTER = "ext.azure.trace_exporter.AzureExporter"
_IDLE = frozenset({"abs", "bool", "float", "int", "len", "max", "min", "round", "str", "sum"})
"""Functions of Python that give a value, and do nothing else."""
_CLOCKS = frozenset({"time.time", "time.monotonic", "time.perf_counter", "datetime.datetime.now", "datetime.datetime.utcnow"})
_OTHER_APIS = ("appinsights_exporter", "azure.monitor", "opencensus_compat", "opentelemetry")
"""Packages whose exporters are no exporters of OpenCensus."""
_DEPTH = 8
_STAY = frozenset({"T070", "T072", "V001", "V002", "V004", "V005", "X003"})
"""Rules of exporters that stay."""


def is_azure(file: File, node: ast.AST | None) -> bool:
    """Return whether an expression makes an AzureExporter, and no object of a class of the program that stands on it."""
    return isinstance(node, ast.Call) and file.symbol(node) == EXPORTER and file.value(node.func).meaning != "subclass"


def stays(call: ast.Call, file: File) -> bool:
    """Return whether a call makes an exporter that stays: of another maker, of OpenCensus's own that do not send, or of the program."""
    symbol = file.symbol(call)
    if symbol == EXPORTER:
        return not is_azure(file, call)
    rule = rule_of(symbol) if symbol else None
    return rule.id in _STAY if rule is not None else not symbol and _is_exporter(call.func, file)


def _is_exporter(function: ast.expr, file: File) -> bool:
    """Return whether a function is a class of the program that has the method of an exporter, or one of a package of elsewhere that is called so."""
    slot = file.slot(function) if isinstance(function, ast.Name) else None
    store = slot.only_store if slot is not None else None
    origin = file.origin(store) if isinstance(store, ast.alias) else None
    if isinstance(store, ast.alias) and origin is None:
        statement = file.parents.get(store)
        module = (statement.module or "") if isinstance(statement, ast.ImportFrom) and not statement.level else ""
        is_known = module == "" or file.is_own(module) or module.startswith(_OTHER_APIS)
        return store.name.endswith("Exporter") and not is_known
    if origin is not None:
        store = origin[1].only_store
    return isinstance(store, ast.ClassDef) and any(isinstance(each, ast.FunctionDef) and each.name == "export" for each in store.body)


def made(file: File, node: ast.expr | None, depth: int = _DEPTH) -> tuple[File, ast.Call] | None:
    """Return the one call that makes what an expression holds, and its file; None where that is not one call of these files."""
    if node is None or not depth:
        return None
    if isinstance(node, ast.Call):
        return file, node
    value = stored(file, node)
    return made(*value, depth - 1) if value is not None else None


def stored(file: File, node: ast.expr) -> tuple[File, ast.expr] | None:
    """Return the one expression that a variable or attribute is bound to, and its file; None for another expression."""
    if isinstance(node, ast.Name):
        slot = file.slot(node)
        return _of_slot(file, slot) if slot is not None else None
    if not isinstance(node, ast.Attribute):
        return None
    if (other := module_of(file, node.value)) is not None:
        found = other.variable(node.attr)
        return _of_slot(*found) if found is not None else None
    stores = [each for each in attributes(file, node) if isinstance(each.ctx, ast.Store)]
    parent = file.parents.get(stores[0]) if len(stores) == 1 else None
    if isinstance(parent, ast.Assign) and stores[0] in parent.targets:
        return file, parent.value
    return (file, parent.value) if isinstance(parent, ast.AnnAssign) and parent.value is not None else None


def module_of(file: File, node: ast.expr) -> File | None:
    """Return the file of the run whose module an expression is; None for another expression."""
    value = file.value(node)
    return file.files.get(value.name) if value.meaning == "module" else None


def _of_slot(file: File, slot: Slot, depth: int = _DEPTH) -> tuple[File, ast.expr] | None:
    store = slot.only_store
    if isinstance(store, ast.alias) and depth:
        origin = file.origin(store)
        return _of_slot(*origin, depth - 1) if origin is not None else None
    value = file.only_value(slot)
    return (file, value) if value is not None else None


def attributes(file: File, node: ast.Attribute) -> list[ast.Attribute]:
    """Return the places of a file with an attribute of the same name, on something of the same text; of `self`, those of its class."""
    text = ast.unparse(node.value)
    found = [each for each in file.attributes(node.attr) if ast.unparse(each.value) == text]
    owner = file.class_around(node) if text == "self" else None
    return [each for each in found if file.class_around(each) is owner] if owner is not None and _stands_alone(owner, file) else found


def _stands_alone(owner: ast.ClassDef, file: File) -> bool:
    """Return whether a class has no base in its file, and is the base of no other class there."""
    every = {each.name: each for each in file.kinds[ast.ClassDef]}
    names = {strings.tail(base) for each in every.values() for base in each.bases}
    return owner.name not in names and not any(strings.tail(base) in every for base in owner.bases)


def returned_by(node: ast.Call, file: File) -> tuple[File, ast.expr] | None:
    """Return the one expression that a function of the program returns, and its file."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
    found = file.files.functions(name)
    if len(found) != 1:
        return None
    home, function = found[0]
    results = [each for each in home.kinds[ast.Return] if home.function(each) is function]
    is_last = len(results) == 1 and results[0] is function.body[-1]
    return (home, results[0].value) if is_last and results[0].value is not None else None


def type_of(parameter: ast.arg, file: File) -> tuple[File, ast.expr] | None:
    """Return the annotation of a parameter, and its file; what it stands for where it is the name of `Annotated[...]`; None for a parameter without one."""
    annotation = parameter.annotation
    found = stored(file, annotation) if isinstance(annotation, (ast.Name, ast.Attribute)) else None
    if found is not None and isinstance(found[1], ast.Subscript) and strings.tail(found[1].value) == "Annotated":
        return found
    return (file, annotation) if annotation is not None else None


def typed(file: File, node: ast.expr) -> list[tuple[File, ast.AST]] | None:
    """Return the parameters, variables and functions whose annotation an expression is a part of, also by a name of `Annotated[...]`.

    Args:
        file: The file.
        node: The expression.

    Returns: them, with their files; None where the name is used in other ways.
    """
    above = next(each for each in file.up(node) if isinstance(each, (ast.arg, ast.stmt)))
    place = above.targets[0] if isinstance(above, ast.Assign) and len(above.targets) == 1 else getattr(above, "target", None)
    is_value = isinstance(above, (ast.Assign, ast.AnnAssign)) and above.value is not None and node in ast.walk(above.value)
    if not is_value:
        return [(file, above)]
    if not isinstance(place, ast.Name):
        return None
    found: list[tuple[File, ast.AST]] = []
    for home, load in readers(file, place):
        if not home.is_annotation(load):
            return None
        found += typed(home, load) or []
    return found


def loads(file: File, target: ast.expr) -> list[ast.expr]:
    """Return the places of its file that read what an assignment binds."""
    if isinstance(target, ast.Name):
        slot = file.slot(target)
        return list(slot.loads) if slot is not None else []
    if isinstance(target, ast.Attribute):
        return [each for each in attributes(file, target) if isinstance(each.ctx, ast.Load)]
    return []


def readers(file: File, place: ast.expr) -> list[tuple[File, ast.expr]]:
    """Return what reads a variable or attribute, in all files of a program."""
    if isinstance(place, ast.Attribute):
        return [
            (home, each) for home, each in file.files.attributes(place.attr) if isinstance(each.ctx, ast.Load) and each not in home.by_node
        ]
    slot = file.slot(place)
    if slot is None:
        return []
    found: list[tuple[File, ast.expr]] = [(file, load) for load in slot.loads]
    for home, alias in file.files.aliases(slot.name):
        origin = home.origin(alias) if home is not file else None
        other: Slot | None = home.slot(alias) if origin is not None and origin[1] is slot else None
        found += [(home, load) for load in other.loads] if other is not None else []
    for home, each in file.files.attributes(slot.name):
        value = home.value(each.value)
        if value.meaning == "module" and value.name == file.path:
            found.append((home, each))
    return found


def target(file: File, node: ast.AST) -> ast.expr | None:
    """Return the one variable or attribute that an expression is assigned to; None for one that has no such place."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.Assign) and parent.value is node and len(parent.targets) == 1:
        found = parent.targets[0]
    elif isinstance(parent, ast.AnnAssign) and parent.value is node:
        found = parent.target
    else:
        return None
    return found if isinstance(found, (ast.Name, ast.Attribute)) else None


def maker(node: ast.expr, file: File) -> tuple[File, ast.Call] | None:
    """Return the call that makes an exporter which comes from elsewhere, and its file; None for one that is made beside its tracer."""
    found = made(file, node)
    if isinstance(node, ast.Call):
        # What a function of the program returns.
        returned = returned_by(node, file)
        found = made(*returned) if returned is not None else None
    elif isinstance(node, ast.Name) and found is not None and found[0] is file and _is_beside(node, found[1], file):
        return None
    return found if found is not None and is_azure(*found) else None


def _is_beside(node: ast.Name, call: ast.Call, file: File) -> bool:
    """Return whether an exporter is a variable of the function or module whose tracers have it, and nothing else reads it."""
    slot, place = file.slot(node), target(file, call)
    if file.only_value(slot) is not call or slot is None or place is None:
        return False
    return all(home is file and file.owner(load) is slot.owner for home, load in readers(file, place))


def called(file: File, symbol: str) -> Iterator[ast.Call]:
    """Yield the calls of a name of OpenCensus in a file."""
    for use in file.by_symbol.get(symbol, ()):
        call = file.call(use.node)
        if call is not None:
            yield call


def elements(file: File, node: ast.expr) -> list[tuple[File, ast.expr]]:
    """Return what an expression may hold: itself, or each element where it is what a loop goes through."""
    if isinstance(node, ast.Name):
        slot = file.slot(node)
        store = slot.only_store if slot is not None else None
        parent = file.parents.get(store) if store is not None else None
        if isinstance(parent, (ast.For, ast.comprehension)) and parent.target is store:
            found: tuple[File, ast.expr] | None = (file, parent.iter)
            if not isinstance(parent.iter, (ast.List, ast.Tuple, ast.Set)):
                found = stored(file, parent.iter)
            if found is not None and isinstance(found[1], (ast.List, ast.Tuple, ast.Set)):
                return [(found[0], each) for each in found[1].elts]
            return []
    return [(file, node)]


def is_simple(node: ast.AST) -> bool:
    """Return whether reading an expression later, or not at all, changes nothing: no call, no assignment, no wait."""
    return not any(isinstance(each, (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)) for each in ast.walk(node))


def is_idle(node: ast.AST, file: File) -> bool:
    """Return whether an expression does nothing but give a value: it is simple, but for calls of functions that are known to do nothing else."""
    others = [each for each in ast.walk(node) if isinstance(each, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr))]
    calls = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return not others and all(
        (isinstance(each, ast.Name) and each.id in _IDLE and file.slot(each) is None) or ast.unparse(each) in _CLOCKS for each in calls
    )


def is_subclass(use: Found, file: File) -> bool:
    """Return whether a use names a class of the program that stands on one of OpenCensus, or is in the bases of one."""
    if isinstance(file.parents.get(use.node), ast.ClassDef):
        return True
    return isinstance(use.node, ast.expr) and file.value(use.node).meaning in {"subclass", "class"}


def is_exporter_class(owner: ast.ClassDef, file: File) -> bool:
    """Return whether a class of the program stands on an exporter of OpenCensus."""
    return any(use.rule == "B002" for base in owner.bases for use in file.by_node.get(base, ()))


def is_of_nobody(slot: Slot | None, file: File, words: Collection[str] | None = None) -> bool:
    """Return whether a variable is a parameter of a function that nothing in the program names, so that what it gets is nothing of the program.

    Args:
        slot: The variable.
        file: Its file.
        words: What the program names, where that is known already.
    """
    function = file.function(slot.parameter) if slot is not None and slot.parameter is not None else None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.name.startswith("__"):
        return False
    if any(strings.tail(each) not in {"staticmethod", "classmethod"} for each in function.decorator_list):
        return False
    return function.name not in (words_of(file.files.values()) if words is None else words)


def words_of(files: Iterable[File]) -> set[str]:
    """Return what the files of a program name: variables, attributes, imports and texts."""
    found: set[str] = set()
    for file in files:
        found.update(node.id for node in file.kinds[ast.Name])
        found.update(node.attr for node in file.kinds[ast.Attribute])
        found.update(node.name for node in file.kinds[ast.alias])
        found.update(node.value for node in file.kinds[ast.Constant] if isinstance(node.value, str))
    return found


def is_always_none(node: ast.expr | None, file: File, depth: int = _DEPTH) -> bool:
    """Return whether an expression is None whenever the program runs, as a hook that nothing gives."""
    if isinstance(node, ast.Constant):
        return node.value is None
    if not depth:
        return False
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        stores = [(home, each) for home, each in file.files.attributes(node.attr) if isinstance(each.ctx, ast.Store)]
        values = [(home, home.parents.get(each)) for home, each in stores]
        return bool(values) and all(
            isinstance(statement, ast.Assign) and is_always_none(statement.value, home, depth - 1) for home, statement in values
        )
    if isinstance(node, ast.Call):
        is_pop = isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and len(node.args) == 2 and not node.keywords
        key = node.args[0] if is_pop else None
        function = file.function(node)
        if not isinstance(key, ast.Constant) or not isinstance(function, ast.FunctionDef) or function.args.kwarg is None:
            return False
        return is_always_none(node.args[1], file) and _is_never_given(function, str(key.value), -1, file, depth)
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    if slot is not None and slot.parameter is None:
        return is_always_none(file.only_value(slot), file, depth - 1)
    function = file.function(slot.parameter) if slot is not None and slot.parameter is not None and len(slot.stores) == 1 else None
    if slot is None or slot.parameter is None or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    places = [*function.args.posonlyargs, *function.args.args]
    defaults = dict(zip(reversed(places), reversed(function.args.defaults), strict=False))
    at = places.index(slot.parameter) if slot.parameter in places else -1
    return is_always_none(defaults.get(slot.parameter), file) and _is_never_given(function, slot.name, at, file, depth)


def _is_never_given(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, at: int, file: File, depth: int) -> bool:
    """Return whether all calls of a function leave a parameter out, or give None for it.

    Args:
        function: The function.
        name: The parameter.
        at: Its place; -1 where it is given by name alone.
        file: The file of the function.
        depth: How many functions may be asked further.
    """
    owner = file.parents.get(function)
    called_as = owner.name if isinstance(owner, ast.ClassDef) and function.name == "__init__" else function.name
    for home in file.files.values():
        for node in home.reads(called_as):
            if home.is_annotation(node):
                continue
            call = home.parents.get(node)
            if not isinstance(call, ast.Call):
                return False
            if call.func is not node:
                if strings.tail(call.func) in {"cast", "isinstance"}:
                    continue
                made = calls.handed_on(call, home)
                if made is None or made.func is not node:
                    return False
                call = made
            given = next((each.value for each in call.keywords if each.arg == name), None)
            place = at - isinstance(owner, ast.ClassDef) if at >= 0 else len(call.args)
            if place < len(call.args):
                given = call.args[place]
            if home.has_stars(call) or (given is not None and not is_always_none(given, home, depth - 1)):
                return False
    return True
