"""What the expressions of a Python file stand for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Protocol, TypeAlias

from opencensus_compat.scan import strings
from opencensus_compat.scan.values import OTHER, Value, attribute_of, dotted, element_of, guessed, has_member, result_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Values: TypeAlias = "dict[ast.expr, Value] | None"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


_SAME = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "deque"})
_ONE = frozenset({"next", "min", "max"})
_SAME_METHODS = frozenset({"values", "copy"})
_GIVES = frozenset({"pop", "popleft", "get", "get_nowait", "setdefault"})


class Modules(Protocol):
    """The other modules of the program, as the file imports them."""

    here: str
    """The file."""

    def find(self, level: int, name: str) -> str | None:
        """Return the file of a module that an import statement names; None for one that is not of the program."""

    def exports(self, path: str) -> Mapping[str, Value]:
        """Return the names of a file that stand for something of OpenCensus."""


class Scope:
    """Names of a module, class or function."""

    def __init__(self, parent: Scope | None, owner: ast.AST | None = None) -> None:
        self.names: dict[str, Value] = {}
        self.parent = parent
        self.is_class = isinstance(owner, ast.ClassDef)
        self.attributes: dict[str, Value] = parent.attributes if parent is not None and not self.is_class else {}
        """What methods assign to `self`."""
        self.function: ast.AST | None = owner if isinstance(owner, _FUNCTIONS) else None
        self.first = ""

    def function_around(self) -> ast.AST | None:
        """Return the function that this place is in; None for one outside of functions."""
        scope: Scope | None = self
        while scope is not None and scope.function is None:
            scope = scope.parent
        return scope.function if scope is not None else None

    def find(self, name: str) -> Value | None:
        """Return what a name stands for in this place; None for one that nothing was seen to bind."""
        scope: Scope | None = self
        is_inner = True
        while scope is not None:
            if name in scope.names and (is_inner or not scope.is_class):
                return scope.names[name]
            scope, is_inner = scope.parent, False
        return None


class Names:
    """The names of a file."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self.is_connected = False
        """The file imports OpenCensus, or what another module made of it."""
        self._both_apis = False
        self.values: Values = None
        """Names and attributes -> what they stand for; kept only where somebody asks."""
        self._classes: dict[str, dict[str, Value]] = {}
        """Class of the file -> what its members stand for; the member without a name is its base."""

    def _is_self(self, node: ast.Name, scope: Scope) -> bool:
        inner: Scope | None = scope
        while inner is not None:
            if inner.first:
                return inner.first == node.id
            inner = inner.parent
        return False

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        """Return what an expression stands for."""
        value = self._worked_out(node, scope)
        if self.values is not None:
            self.values[node] = value
        return value

    def _worked_out(self, node: ast.expr, scope: Scope) -> Value:
        if node.__class__ is ast.Constant:
            return OTHER
        match node:
            case ast.Name():
                return scope.find(node.id) or OTHER
            case ast.Attribute():
                return self._attribute(node, scope)
            case ast.Call():
                return self._called(node, scope)
            case ast.Await() | ast.NamedExpr():
                return self._value(node.value, scope)
            case ast.IfExp():
                value = self._value(node.body, scope)
                return value if value.meaning != "other" else self._value(node.orelse, scope)
            case ast.Tuple() | ast.List() | ast.Set():
                # What loops over classes does, is done with each.
                each = (self._value(part.value if isinstance(part, ast.Starred) else part, scope) for part in node.elts)
                return _collected(next((value for value in each if value.meaning in {"name", "instance", "many"}), OTHER))
            case ast.Dict():
                each = (self._value(part, scope) for part in node.values)
                return _collected(next((value for value in each if value.meaning == "instance"), OTHER))
            case ast.Subscript():
                value = self._value(node.value, scope)
                return value if isinstance(node.slice, ast.Slice) else element_of(value)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                inner = Scope(scope)
                for part in node.generators:
                    for target, value in self._each(part.target, part.iter, inner):
                        inner.names[target] = value
                return _collected(self._value(node.elt, inner))
            case ast.BoolOp():
                return next((value for part in node.values if (value := self._value(part, scope)).meaning not in {"other", "path"}), OTHER)
        return OTHER

    def _called(self, node: ast.Call, scope: Scope) -> Value:
        name = strings.tail(node.func)
        if name == "super" and isinstance(node.func, ast.Name):
            return scope.attributes.get("", OTHER)
        if name in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
            text = node.args[0].value
            if isinstance(text, str) and (text == "opencensus" or text.startswith("opencensus.")):
                return Value("name", text.partition(".")[2] if name == "import_module" else "")
            module = self._modules.find(0, text) if isinstance(text, str) and (name == "import_module" or "." not in text) else None
            if module is not None and self._modules.exports(module):
                self.is_connected = True
                return Value("module", module)
        if name in strings.ENTERS and node.args:
            return self._value(node.args[0], scope)
        if (attribute := strings.attribute_in_text(node)) is not None and self._value(node.args[0], scope).meaning in {"path", "object"}:
            value = self._attribute(ast.Attribute(node.args[0], attribute, ast.Load()), scope)
            return value if value.meaning in {"path", "instance"} else OTHER
        if isinstance(node.func, ast.Name) and node.args and scope.find(name) is None:
            if name in _SAME:
                return _collected(self._value(node.args[0], scope))
            if name in _ONE:
                return element_of(self._value(node.args[0], scope))
            if name in {"map", "filter"} and len(node.args) == 2:
                called = result_of(self._value(node.args[0], scope)) if name == "map" else self._value(node.args[1], scope)
                return _collected(called) if called.meaning in {"instance", "many"} else OTHER
        if isinstance(node.func, ast.Attribute) and node.func.attr in _GIVES | _SAME_METHODS:
            held = self._value(node.func.value, scope)
            if held.meaning == "many":
                return held if node.func.attr in _SAME_METHODS else element_of(held)
        return result_of(self._value(node.func, scope))

    def _each(self, target: ast.expr, iterated: ast.expr, scope: Scope) -> Iterator[tuple[str, Value]]:
        """Yield the names that a loop binds, each with what it stands for in every round."""
        names = [target] if isinstance(target, ast.Name) else target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
        values = [OTHER] * len(names)
        if isinstance(target, ast.Name):
            value = self._value(iterated, scope)
            values = [value if value.meaning == "name" and isinstance(iterated, (ast.Tuple, ast.List)) else element_of(value)]
            if value is OTHER and isinstance(iterated, (ast.Tuple, ast.List)):
                # Objects of the program, and classes that make them.
                parts = (self._value(part, scope) for part in iterated.elts)
                values = [next((part for part in parts if part.meaning in {"object", "class"}), OTHER)]
        elif isinstance(iterated, ast.Call):
            call = strings.tail(iterated.func)
            if call == "zip":
                values = [element_of(self._value(part, scope)) for part in iterated.args]
            elif call == "enumerate" and iterated.args:
                values = [OTHER, element_of(self._value(iterated.args[0], scope))]
            elif call == "items" and isinstance(iterated.func, ast.Attribute):
                values = [OTHER, element_of(self._value(iterated.func.value, scope))]
        for name, value in zip(names, [*values, *[OTHER] * len(names)], strict=False):
            if isinstance(name, ast.Name):
                yield name.id, value

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        if isinstance(node.value, ast.Name) and self._is_self(node.value, scope):
            found = scope.attributes.get(node.attr)
            if found is not None:
                return found
            base = scope.attributes.get("", OTHER)
            if base.meaning == "object":
                return self._of_class(base.name, node.attr)
            if "" in scope.attributes and has_member(scope.attributes[""].name, node.attr):
                return attribute_of(scope.attributes[""], node.attr)
            return Value("path", "")
        value = self._value(node.value, scope)
        if value.meaning in {"name", "instance"}:
            return attribute_of(value, node.attr)
        if value.meaning in {"class", "object"}:
            return self._of_class(value.name, node.attr)
        if value.meaning == "module":
            return self._modules.exports(value.name).get(node.attr, OTHER)
        if value.meaning == "path" and value.name:
            module = self._modules.find(0, f"{value.name}.{node.attr}")
            return Value("module", module) if module is not None else Value("path", f"{value.name}.{node.attr}")
        if value.meaning == "path":
            name = guessed(strings.tail(node.value), node.attr, both_apis=self._both_apis) if self.is_connected else ""
            return Value("name", name) if name else Value("path", "")
        return OTHER

    def _annotated(self, node: ast.expr, scope: Scope) -> Value:
        """Return what a variable with this annotation holds."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                return self._annotated(ast.parse(node.value, mode="eval").body, scope)
            except (SyntaxError, ValueError):
                return OTHER
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                value = self._annotated(part, scope)
                if value is not OTHER:
                    return value
            elif isinstance(part, (ast.Name, ast.Attribute)):
                value = self._value(part, scope)
                if value.meaning == "class":
                    return Value("object", value.name)
                if value.meaning in {"name", "subclass"} and value.name.rpartition(".")[2][:1].isupper():
                    return Value("instance", value.name)
        return OTHER

    def _of_class(self, key: str, name: str, depth: int = 8) -> Value:
        """Return what a member of a class of the program stands for."""
        path, _, owner = key.partition("::")
        if path == self._modules.here:
            members = self._classes.get(owner, {})
            found, base = members.get(name), members.get("", OTHER)
        else:
            exports = self._modules.exports(path)
            found, base = exports.get(f"{owner}.{name}"), exports.get(f"{owner}.", OTHER)
        if found is not None:
            return found
        if base.meaning == "object" and depth:
            return self._of_class(base.name, name, depth - 1)
        return attribute_of(base, name) if base.meaning == "instance" and has_member(base.name, name) else OTHER

    def _entered(self, value: Value) -> Value:
        """Return what a `with` statement gets of a value."""
        members = [self._of_class(value.name, name) for name in ("__enter__", "__aenter__")] if value.meaning == "object" else []
        return next((result_of(member) for member in members if member.meaning == "maker"), value)

    def _member(self, node: ast.Attribute, scope: Scope) -> str:
        """Return the dotted name of a member of an instance; empty for another expression."""
        owner = self._value(node.value, scope)
        return attribute_name(owner, node.attr) if owner.meaning == "instance" else ""


def subclass_named(text: str, modules: Modules) -> str:
    """Return which class of OpenCensus a class of the program, by its dotted name in text, stands on; empty for another text."""
    module, _, name = text.rpartition(".")
    path = modules.find(0, module)
    value = modules.exports(path).get(name, OTHER) if path is not None else OTHER
    return value.name if value.meaning == "subclass" else ""


def _collected(value: Value) -> Value:
    """Return what a container of a value is."""
    return Value("many", value.name) if value.meaning == "instance" else value


def attribute_name(owner: Value, attribute: str) -> str:
    """Return the dotted name of a member."""
    return dotted(f"{owner.name}.{attribute}") if owner.name else attribute
