"""What the names of a program mean: variables of other files, attributes of objects, functions and their parameters."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.following import calls, classes
from opencensus_compat.rewrite.following.bindings import Slot
from opencensus_compat.rewrite.following.groups import Groups
from opencensus_compat.rewrite.imports import is_of_opencensus
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.following.index import Files

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"

_OF_BUILTINS = frozenset(name for kind in (dict, list, set, str, bytes) for name in dir(kind))
"""Names of methods that other objects have, too."""
_DEPTH = 8
"""Files through which a name is followed."""
_IN_TEXT = frozenset({"trace.span.Span", "trace.tracer.Tracer"})
"""Classes whose objects are followed through `getattr`."""


class Meanings(Groups):
    """The files of a program, and where each name of them is called, read and imported."""

    def __init__(self, files: Files[File], find: Callable[[str, int, str], str | None]) -> None:
        super().__init__()
        self._files = files
        self._find_module = find
        self._file_of: dict[ast.AST, File] = {}
        self._calls: dict[str, list[tuple[File, ast.Call]]] = defaultdict(list)
        self._called: dict[ast.AST, list[tuple[File, ast.Call]]] | None = None
        """Function, or class with a constructor that nobody wrote -> its calls, once that is asked for."""
        self._through: dict[ast.AST, ast.Call] = {}
        """Argument -> the call that another one makes with it."""
        self._reads: dict[str, list[tuple[File, ast.Attribute]]] = defaultdict(list)
        self._places: dict[str, dict[Slot, list[tuple[File, ast.Attribute]]]] = {}
        """Name -> variable -> what reads and sets it as an attribute, once that is asked for."""
        self._in_text: dict[str, list[tuple[File, ast.Call]]] = defaultdict(list)
        """Attribute -> the calls of `getattr` that read it."""
        self._aliases: dict[str, list[tuple[File, ast.alias]]] = defaultdict(list)
        self._methods: dict[str, list[Function]] = defaultdict(list)
        self._attributes: dict[str, Slot] = {}
        self._unbound: dict[str, list[tuple[File, ast.Name]]] = defaultdict(list)
        """Names that nothing in their files binds but an import of all names."""
        self._set: set[str] | None = None
        """Attributes of imported objects that the program sets, by where the objects come from, once that is asked for."""
        self._modules: list[File] | None = None
        """Those that calls get as a whole, once that is asked for."""
        for file in files.values():
            for call in file.kinds[ast.Call]:
                self._calls[strings.tail(call.func)].append((file, call))
                if (name := strings.attribute_in_text(call)) is not None:
                    self._in_text[name].append((file, call))
                if (made := calls.handed_on(call, file)) is not None:
                    self._calls[strings.tail(made.func)].append((file, made))
                    self._through.update(dict.fromkeys([*made.args, *made.keywords], made))
            for read in file.kinds[ast.Attribute]:
                self._reads[read.attr].append((file, read))
            for alias in file.kinds[ast.alias]:
                self._aliases[alias.name].append((file, alias))
            if any(alias.name == "*" for alias in file.kinds[ast.alias]):
                for name in file.kinds[ast.Name]:
                    if file.slot(name) is None:
                        self._unbound[name.id].append((file, name))
            for node in [*file.kinds[ast.FunctionDef], *file.kinds[ast.AsyncFunctionDef], *file.kinds[ast.ClassDef]]:
                self._file_of[node] = file
                if node.__class__ is not ast.ClassDef and isinstance(file.parents.get(node), ast.ClassDef):
                    self._methods[node.name].append(node)

    def _is_import(self, file: File, slot: Slot) -> bool:
        """Return whether a name is an import of OpenCensus, or of what another file imports of it."""
        for store in slot.stores:
            statement = file.parents.get(store) if isinstance(store, ast.alias) else None
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and isinstance(store, ast.alias) and is_of_opencensus(statement, store):
                return True
        return bool(slot.stores) and all(isinstance(store, ast.alias) for store in slot.stores) and self._origin(file, slot) is None

    def _origin(self, file: File, slot: Slot, depth: int = _DEPTH) -> tuple[File, Slot] | None:
        """Return the variable of another file that an import names; None for one that is no object of OpenCensus there."""
        if not depth:
            # Files that import a name from each other.
            return None
        store = slot.stores[0]
        statement = file.parents.get(store)
        if not isinstance(store, ast.alias) or not isinstance(statement, ast.ImportFrom):
            return None
        path = self._find_module(file.path, statement.level, statement.module or "")
        other = self._files.get(path) if path is not None else None
        found = other.variable(store.name) if other is not None else None
        if found is None:
            return None
        return self._origin(*found, depth - 1) if all(isinstance(each, ast.alias) for each in found[1].stores) else found

    def _attribute(self, file: File, node: ast.Attribute | ast.Call) -> Slot | None:
        """Return what keeps an attribute of an object of the program, or a variable of a module of it; None for another.

        Args:
            file: The file.
            node: The attribute, or the call of `getattr` that reads it.
        """
        owner, name = (node.value, node.attr) if isinstance(node, ast.Attribute) else (node.args[0], strings.attribute_in_text(node) or "")
        value = file.value(owner)
        if value.meaning == "module":
            other = self._files.get(value.name)
            found = other.variable(name) if other is not None else None
            return found[1] if found is not None else None
        if isinstance(owner, ast.Name):
            slot = file.slot(owner)
            if slot is not None and slot.stores and isinstance(slot.stores[0], ast.alias) and self._origin(file, slot) is None:
                return self._of_import(file, slot.stores[0], name)
        if node in file.by_node or value.meaning in {"name", "instance"}:
            return None
        return self._attributes.setdefault(name, Slot("", name, None))

    def _places_of(self, slot: Slot) -> list[tuple[File, ast.Attribute]]:
        """Return what reads and sets a variable as an attribute."""
        if slot.name not in self._places:
            found = self._places[slot.name] = defaultdict(list)
            for home, place in self._reads[slot.name]:
                if (meant := self._attribute(home, place)) is not None:
                    found[meant].append((home, place))
        return self._places[slot.name].get(slot, [])

    def _reads_in_text(self, slot: Slot) -> list[tuple[File, ast.Call]]:
        """Return the calls of `getattr` that read an attribute of objects."""
        return [(home, call) for home, call in self._in_text[slot.name] if self._attribute(home, call) is slot]

    def _is_followed_in_text(self, slot: Slot) -> bool:
        """Return whether an attribute only gets spans, tracers and None: rules that take another one away look for no `getattr`."""
        for home, store in self._places_of(slot):
            if isinstance(store.ctx, ast.Load):
                continue
            statement = home.parents.get(store)
            node = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
            value = home.value(node) if node is not None else None
            is_none = isinstance(node, ast.Constant) and node.value is None
            if value is None or not (is_none or (value.meaning == "instance" and value.name in _IN_TEXT)):
                return False
        return True

    def _of_import(self, file: File, alias: ast.alias, name: str) -> Slot | None:
        """Return what keeps an attribute of an imported object; None for one that nothing in the program sets, such as a module's function."""
        if self._set is None:
            stores = [(home, each) for reads in self._reads.values() for home, each in reads if isinstance(each.ctx, ast.Store)]
            imported = [(home, each, home.slot(each.value)) for home, each in stores if isinstance(each.value, ast.Name)]
            self._set = {
                f"{_origin_of(home, slot.stores[0])}.{each.attr}"
                for home, each, slot in imported
                if slot is not None and slot.stores and isinstance(slot.stores[0], ast.alias)
            }
        key = f"{_origin_of(file, alias)}.{name}"
        return self._attributes.setdefault(key, Slot("", name, None)) if key in self._set else None

    def _function(self, file: File, node: ast.expr) -> Function | None:
        """Return the function of the program that an expression names; None for another."""
        if isinstance(node, ast.Name):
            slot = file.slot(node)
            return self._defined(*((file, slot) if slot is not None and slot.stores else file.starred(node.id) or (file, None)))
        if isinstance(node, ast.Attribute) and node not in file.by_node:
            value = file.value(node.value)
            if value.meaning == "module":
                other = self._files.get(value.name)
                found = other.variable(node.attr) if other is not None else None
                return self._defined(*found) if found is not None else None
            if value.meaning in {"object", "class"}:
                path, _, name = value.name.partition("::")
                home = self._files.get(path)
                slot = home.bindings.module.get(name) if home is not None else None
                owner = slot.only_store if slot is not None else None
                return classes.method((home, owner), node.attr) if home is not None and isinstance(owner, ast.ClassDef) else None
            methods = self._methods[node.attr]
            if _is_super(node.value) and classes.around(file, node) is not None:
                return self._method_of(file, node)
            return self._method_of(file, node) or (methods[0] if len(methods) == 1 else None)
        return None

    def _method_of(self, file: File, node: ast.Attribute) -> Function | None:
        """Return the method that `self.name` or `super().name` names, where no class below has one of its own; None for another expression."""
        home, is_super = classes.around(file, node), _is_super(node.value)
        if home is None or not (is_super or classes.is_of_self(file, node)):
            return None
        found = classes.method(home, node.attr, above=is_super)
        others = [each for each in self._methods[node.attr] if each is not found]
        below = [each for each in others if any(parent[1] is home[1] for parent in list(classes.bases(self._class_of(each)))[1:])]
        return found if is_super or not below else None

    def _class_of(self, method: Function) -> classes.Home:
        file = self._file_of[method]
        owner = file.parents[method]
        assert isinstance(owner, ast.ClassDef)
        return file, owner

    def _defined(self, file: File, slot: Slot | None) -> Function | None:
        """Return the function that a name of a module stands for, or what makes the objects of the class; None for another name."""
        if slot is not None and slot.stores and isinstance(slot.stores[0], ast.alias):
            origin = self._origin(file, slot)
            slot = origin[1] if origin is not None else None
        found = slot.only_store if slot is not None else None
        if isinstance(found, ast.ClassDef):
            return classes.method((self._file_of[found], found), "__init__")
        return found if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)) else None

    def _calls_of(self, called: Function | ast.ClassDef) -> list[tuple[File, ast.Call]]:
        """Return the calls of a function, or of a class whose constructor takes its fields, under whichever names."""
        if self._called is None:
            self._called = defaultdict(list)
            for file, call in [each for calls_of in self._calls.values() for each in calls_of]:
                function = self._function(file, call.func)
                made = classes.named(file, call.func) if function is None and isinstance(call.func, (ast.Name, ast.Attribute)) else None
                for each in [function] if function is not None else [found for _, found in classes.bases(made)] if made is not None else ():
                    self._called[each].append((file, call))
        return self._called.get(called, [])

    def _any_of(self, file: File, call: ast.Call) -> list[Function]:
        """Return the methods that a call may mean where the class of its object is not known: all of its name; none for another call."""
        function, methods = call.func, self._methods[strings.tail(call.func)]
        if len(methods) <= 1 or not isinstance(function, ast.Attribute) or function.attr in _OF_BUILTINS or function in file.by_node:
            return []
        is_unknown = file.value(function.value).meaning in {"other", "path"} and self._function(file, function) is None
        return methods if is_unknown and any(self._gives(each) for each in methods) else []

    def _gives(self, function: Function) -> bool:
        return any(each.value is not None for each in self._file_of[function].results(function))

    def _calls_of_others(self, function: Function) -> Iterator[tuple[File, ast.Call]]:
        """Yield the calls that may be of a method as well as of others of its name."""
        for file, call in self._calls[function.name]:
            if call in file.parents and function in self._any_of(file, call):
                yield file, call

    def _names_of(self, function: Function) -> Iterator[Slot]:
        """Yield the variables of modules that a function of a module is bound to: its own, and those of imports of it."""
        own = self._file_of[function]
        slot = own.slot(function) if own.parents.get(function) is own.tree else None
        if slot is not None:
            yield slot
            for home, alias in self._aliases[function.name]:
                origin = home.origin(alias)
                if origin is not None and origin[1] is slot and (other := home.slot(alias)) is not None:
                    yield other

    def _values_of(self, function: Function) -> Iterator[tuple[File, ast.expr]]:
        """Yield what reads a function and does not call it."""
        homes: list[tuple[File, ast.expr]] = list(self._reads[function.name])
        own = self._file_of[function]
        slots = [(own, own.slot(function)), *((home, home.slot(alias)) for home, alias in self._aliases[function.name])]
        homes += [(home, load) for home, slot in slots if slot is not None for load in slot.loads]
        called = {id(call.func) for _, call in self._calls_of(function)}
        for home, node in homes:
            if id(node) not in called and isinstance(getattr(node, "ctx", None), ast.Load) and self._function(home, node) is function:
                yield home, node

    def _field(self, file: File, call: ast.Call, node: ast.AST) -> Slot | None:
        """Return the field of a class of the program that an argument of its constructor fills; None for another argument."""
        home = classes.named(file, call.func) if isinstance(call.func, (ast.Name, ast.Attribute)) else None
        fields = classes.fields(home) if home is not None else []
        if isinstance(node, ast.keyword):
            found = [each for each in fields if strings.tail(each[1].target) == node.arg]
        else:
            at = call.args.index(node)  # type: ignore[arg-type] # an argument is an expression
            found = fields[at : at + 1] if not any(isinstance(each, ast.Starred) for each in call.args) else []
        return next((other.slot(field.target) for other, field in found), None)

    def _handed_modules(self) -> list[File]:
        """Return the modules of the program that calls get as a whole, so that an attribute of a parameter may be a variable of them."""
        if self._modules is None:
            given = [
                home.value(each)
                for home in self._files.values()
                for call in home.kinds[ast.Call]
                for each in [*call.args, *(keyword.value for keyword in call.keywords)]
            ]
            self._modules = [
                self._files[value.name] for value in dict.fromkeys(given) if value.meaning == "module" and value.name in self._files
            ]
        return self._modules

    def _parameter(self, function: Function, call: ast.Call, node: ast.AST) -> ast.arg | None:
        return calls.parameter(function, call, node, self._skipped(function))

    def _skipped(self, function: Function) -> int:
        """Return 1 for a method, which gets its object first."""
        is_method = isinstance(self._file_of[function].parents.get(function), ast.ClassDef)
        return int(is_method and not any(strings.tail(each) == "staticmethod" for each in function.decorator_list))

    def _popped(self, file: File, node: ast.Call) -> tuple[Function, str] | None:
        """Return the function and the name of an argument that it takes out of its ``**kwargs``; None for another call."""
        function, key = file.function(node), node.args[0] if node.args else None
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.args.kwarg is None:
            return None
        is_pop = (
            isinstance(node.func, ast.Attribute)
            and node.func.attr == "pop"
            and file.slot(node.func.value) is file.slot(function.args.kwarg)
        )
        return (function, key.value) if is_pop and isinstance(key, ast.Constant) and isinstance(key.value, str) else None

    def _pops(self, function: Function, name: str | None) -> Iterator[ast.Call]:
        """Yield the calls by which a function takes an argument out of its ``**kwargs``."""
        file = self._file_of[function]
        for _, call in self._calls["pop"]:
            if call in file.parents and self._popped(file, call) == (function, name):
                yield call


def _origin_of(file: File, alias: ast.alias) -> str:
    """Return where an imported name comes from, as a dotted name."""
    statement = file.parents.get(alias)
    return f"{statement.module or ''}.{alias.name}" if isinstance(statement, ast.ImportFrom) else alias.name


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and strings.tail(node.func) == "super"
