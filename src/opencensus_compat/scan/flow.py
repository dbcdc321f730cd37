"""How things of OpenCensus travel inside a program: through arguments, containers, tests of their class, and fixtures."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.scan import strings
from opencensus_compat.scan.names import Names, Scope
from opencensus_compat.scan.values import OTHER, Value, element_of, handed_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opencensus_compat.scan.names import Modules

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
Given: TypeAlias = "dict[tuple[str, int | str], Value]"
"""Function and parameter, by its place or name -> what callers hand over."""

_ADDS = {"append": 0, "add": 0, "appendleft": 0, "put": 0, "put_nowait": 0, "insert": 1, "setdefault": 1}
"""Method of a container -> place of the argument that it takes in."""
_HANDED_ON = {"submit": 0, "partial": 0, "call_soon": 0, "run_in_executor": 1, "to_thread": 0, "map": 0}
"""Function that calls another -> place of that one; its arguments follow."""


class Flow(Names):
    """What the functions of a file are handed, and what its containers hold. Both are known only after a first reading."""

    def __init__(self, tree: ast.Module, modules: Modules, given: Mapping[tuple[str, int | str], Value]) -> None:
        super().__init__(modules)
        self._functions: dict[str, list[tuple[Function, bool]]] = defaultdict(list)
        self._constructors: dict[str, Function] = {}
        self._given: dict[ast.AST, dict[str, Value]] = defaultdict(dict)
        self._filled: dict[tuple[ast.AST | None, str], Value] = {}
        self._kept_on: dict[tuple[str, str], Value] = {}
        """Object of a library or the module, by its name, and attribute -> what the file sets that to: `g.tracer = Tracer(...)`."""
        self._imported: dict[str, str] = {}
        self._starred: list[str] = []
        """Files of the program of which all names are imported."""
        self._fixtures: dict[str, Value] = {}
        self._tuples: dict[ast.AST, list[Value]] = {}
        """Function -> what the parts of the tuple are that it returns or yields."""
        self.handed: dict[str, Given] = defaultdict(dict)
        """File of the program -> what its functions are handed here."""
        self.is_connected = bool(given)
        self._index(tree, in_class="")
        for (name, parameter), value in given.items():
            for function, is_method in self._called_functions(name):
                self._give(function, is_method, parameter, value)

    def _index(self, node: ast.AST, in_class: str) -> None:
        for child in strings.children(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if in_class and child.name == "__init__":
                    self._constructors[in_class] = child
                else:
                    self._functions[child.name].append((child, bool(in_class) and not _is_static(child)))
                self._index(child, "")
            elif isinstance(child, (ast.ClassDef, ast.stmt, ast.ExceptHandler)):
                self._index(child, child.name if isinstance(child, ast.ClassDef) else in_class)

    def _called_functions(self, name: str) -> list[tuple[Function, bool]]:
        """Return the function, or constructor of a class, that a name stands for in this file, and whether it has a `self`."""
        if name in self._constructors:
            return [(self._constructors[name], True)]
        # Of several with one name nothing is known.
        return self._functions[name] if len(self._functions.get(name, ())) == 1 else []

    def _state(self) -> tuple[int, int, int]:
        """Return what grows as long as another reading finds more."""
        return sum(map(len, self._given.values())), len(self._filled) + len(self._kept_on), len(self._fixtures) + len(self._tuples)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        value = super()._attribute(node, scope)
        if value is OTHER and self._kept_on and isinstance(node.value, ast.Name) and scope.find(node.value.id) is OTHER:
            return self._kept_on.get((node.value.id, node.attr), OTHER)
        return value

    def _keep_on(self, target: ast.Attribute, value: Value, scope: Scope) -> None:
        """Note what an attribute gets, of `self` or of an object of which nothing is known."""
        if isinstance(target.value, ast.Name) and self._is_self(target.value, scope) and value is not OTHER:
            scope.attributes[target.attr] = value
        if value.meaning == "instance" and isinstance(target.value, ast.Name) and scope.find(target.value.id) is OTHER:
            self._kept_on.setdefault((target.value.id, target.attr), value)

    # Arguments.
    def _hand_over(self, node: ast.Call, scope: Scope) -> None:
        """Note what a call hands to a function of the program."""
        self._hand(node.func, list(node.args), node.keywords, scope)
        tail = strings.tail(node.func)
        at = _HANDED_ON.get(tail)
        if at is not None and (len(node.args) > at + 1 or (node.keywords and len(node.args) > at)):
            arguments = list(node.args[at + 1 :])
            each = [self._value(argument, scope) for argument in arguments]
            named = {keyword.arg: self._value(keyword.value, scope) for keyword in node.keywords if keyword.arg}
            self._hand_values(node.args[at], [element_of(value) for value in each] if tail == "map" else each, named, scope)
        target = next((keyword.value for keyword in node.keywords if keyword.arg == "target"), None)
        given = next((keyword.value for keyword in node.keywords if keyword.arg == "args"), None)
        if target is not None and isinstance(given, (ast.Tuple, ast.List)):
            self._hand(target, given.elts, [], scope)

    def _hand(self, function: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword], scope: Scope) -> None:
        if any(isinstance(argument, ast.Starred) for argument in arguments):
            return
        named = {keyword.arg: self._value(keyword.value, scope) for keyword in keywords if keyword.arg}
        self._hand_values(function, [self._value(argument, scope) for argument in arguments], named, scope)

    def _hand_values(self, function: ast.expr, values: list[Value], named: dict[str, Value], scope: Scope) -> None:
        every: dict[int | str, Value] = dict(enumerate(values))
        every.update(named)
        told = {key: value for key, value in every.items() if value.meaning in {"instance", "many"}}
        name = strings.tail(function)
        if not told or not name or isinstance(function, ast.Call):
            return
        homes = self._homes(function, scope)
        for home in homes:
            self.handed[home].update({(name, key): value for key, value in told.items()})
        if homes:
            return
        for callee, is_method in self._called_functions(name):
            for key, value in told.items():
                self._give(callee, is_method, key, value)

    def _homes(self, function: ast.expr, scope: Scope) -> list[str]:
        """Return the other files of the program that a function may be imported from; none for one of this file."""
        home = ""
        if isinstance(function, ast.Name):
            if function.id not in self._imported and scope.find(function.id) is None and not self._called_functions(function.id):
                return self._starred
            home = self._imported.get(function.id, "")
        elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            value = scope.find(function.value.id)
            home = value.name if value is not None and value.meaning == "module" else self._imported.get(function.value.id, "")
        return [home] if home else []

    def _give(self, function: Function, is_method: bool, key: int | str, value: Value) -> None:
        parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)][1 if is_method else 0 :]
        if isinstance(key, int):
            key = parameters[key] if key < len(parameters) else ""
        if key:
            self._given[function].setdefault(key, value)

    def _parameter(self, node: ast.AST, name: str, place: int, scope: Scope) -> Value:
        """Return what a parameter without an annotation holds, as far as callers, fixtures and the class around say."""
        if name in self._given.get(node, ()):
            return self._given[node][name]
        base = scope.attributes.get("", OTHER) if scope.is_class else OTHER
        if base.meaning == "instance":
            return handed_to(base.name, getattr(node, "name", ""), place)
        if getattr(node, "name", "").startswith("test") or _is_fixture(node):
            return self._fixture(name)
        return OTHER

    def _fixture(self, name: str) -> Value:
        if name in self._fixtures:
            return self._fixtures[name]
        for level in (1, 2, 3):
            path = self._modules.find(level, "conftest")
            value = self._modules.exports(path).get(name) if path is not None else None
            if value is not None and value.meaning == "maker":
                return Value("instance", value.name)
        return OTHER

    def _unpacked(self, source: ast.expr | None, count: int) -> list[Value]:
        """Return what the parts of a tuple are that a call returns."""
        if not isinstance(source, ast.Call):
            return [OTHER] * count
        for function, _ in self._called_functions(strings.tail(source.func)):
            values = self._tuples.get(function, ())
            if len(values) == count:
                return list(values)
        # Names may tell what they are.
        return [Value("path", "")] * count

    # Containers.
    def _fill(self, container: ast.expr, value: Value, scope: Scope) -> None:
        """Note what a container gets."""
        if value.meaning != "instance":
            return
        many = Value("many", value.name)
        if isinstance(container, ast.Attribute) and isinstance(container.value, ast.Name) and self._is_self(container.value, scope):
            if scope.attributes.get(container.attr, OTHER).meaning in {"other", "path"}:
                scope.attributes[container.attr] = many
        elif isinstance(container, ast.Name):
            inner: Scope | None = scope
            while inner is not None and container.id not in inner.names:
                inner = inner.parent
            if inner is not None and inner.names[container.id].meaning in {"other", "path"}:
                inner.names[container.id] = many
                self._filled[inner.function, container.id] = many

    def _take_in(self, node: ast.Call, scope: Scope) -> None:
        place = _ADDS.get(node.func.attr, -1) if isinstance(node.func, ast.Attribute) else -1
        if isinstance(node.func, ast.Attribute) and 0 <= place < len(node.args):
            self._fill(node.func.value, self._value(node.args[place], scope), scope)

    # Tests of a class.
    def _tested(self, test: ast.expr, scope: Scope) -> Iterator[tuple[ast.Name, Value]]:
        """Yield the names that are of a class of OpenCensus where a test is true."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            for part in test.values:
                yield from self._tested(part, scope)
        elif isinstance(test, ast.Call) and strings.tail(test.func) == "isinstance" and len(test.args) == 2:
            name, kinds = test.args
            value = self._value(kinds, scope)
            if isinstance(name, ast.Name) and value.meaning in {"name", "subclass"} and value.name.rpartition(".")[2][:1].isupper():
                known = scope.find(name.id)
                if known is None or known.meaning in {"other", "path"}:
                    yield name, Value("instance", value.name)


def _is_static(function: Function) -> bool:
    return any(isinstance(decorator, ast.Name) and decorator.id == "staticmethod" for decorator in function.decorator_list)


def _is_fixture(node: ast.AST) -> bool:
    return any(strings.tail(decorator) == "fixture" for decorator in getattr(node, "decorator_list", ()))


def fixture_name(node: Function) -> str:
    """Return the name under which tests get what a function makes; empty for one that is no fixture."""
    for decorator in node.decorator_list:
        if strings.tail(decorator) == "fixture":
            named = [keyword.value for keyword in getattr(decorator, "keywords", ()) if keyword.arg == "name"]
            return str(named[0].value) if named and isinstance(named[0], ast.Constant) else node.name
    return ""


def fluent(node: ast.ClassDef) -> list[str]:
    """Return the methods of a class that give back its object: `return self`, or `return cls()`."""
    found = []
    for method in node.body:
        first = next(iter(method.args.args), None) if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
        last = method.body[-1] if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
        value = last.value if isinstance(last, ast.Return) else None
        if first is not None and ast.unparse(value or ast.Constant(None)) in {first.arg, "cls()"}:
            found.append(method.name)  # type: ignore[attr-defined] # a function, since it has a first parameter
    return found
