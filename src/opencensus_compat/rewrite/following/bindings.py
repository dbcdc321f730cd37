"""Which variable each name of a file means: by the scopes of Python, without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DECLARING = frozenset(
    {
        *_FUNCTIONS,
        *_COMPREHENSIONS,
        ast.ClassDef,
        ast.Assign,
        ast.AnnAssign,
        ast.Global,
        ast.Nonlocal,
        ast.Import,
        ast.ImportFrom,
        ast.ExceptHandler,
        ast.MatchAs,
        ast.MatchStar,
        ast.MatchMapping,
    }
)
"""Classes of nodes that bind names, or have names of their own."""


@dataclass(slots=True, eq=False)
class Slot:
    """A variable of a module, class or function, or what `self` keeps under one name."""

    path: str
    name: str
    owner: ast.AST | None
    """The module, class or function; None for attributes of objects."""
    stores: list[ast.AST] = field(default_factory=list)
    """What binds it: names, parameters, import aliases, definitions."""
    loads: list[ast.expr] = field(default_factory=list)

    @property
    def within_file(self) -> str:
        """The name behind that of the function or class which has it; it stays when the text around it changes, and may be that of several."""
        return f"{getattr(self.owner, 'name', '')}.{self.name}"

    @property
    def only_store(self) -> ast.AST | None:
        """What binds it, where one place does; None where several do, or nothing."""
        return self.stores[0] if len(self.stores) == 1 else None

    @property
    def parameter(self) -> ast.arg | None:
        """The parameter that it is; None for another variable."""
        return next((store for store in self.stores if isinstance(store, ast.arg)), None)


class _Scope:
    def __init__(self, owner: ast.AST, parent: _Scope | None) -> None:
        self.owner = owner
        self.parent = parent
        self.slots: dict[str, Slot] = {}
        self.elsewhere: dict[str, _Scope] = {}
        """Names that `global` or `nonlocal` give to another scope."""

    def find(self, name: str) -> Slot | None:
        scope: _Scope | None = self
        is_inner = True
        while scope is not None:
            if name in scope.elsewhere:
                return scope.elsewhere[name].slots.get(name)
            if name in scope.slots and (is_inner or not isinstance(scope.owner, ast.ClassDef)):
                return scope.slots[name]
            scope, is_inner = scope.parent, False
        return None


class Bindings:
    """The variables of one file."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self._path = path
        self._names: list[tuple[ast.Name, _Scope]] = []
        self.slots: dict[ast.AST, Slot] = {}
        """Name, parameter, alias or definition -> its variable."""
        self.attributes: dict[tuple[str, str], Slot] = {}
        """Class and attribute of `self` -> what it keeps."""
        self._scopes: dict[ast.AST, _Scope] = {}
        module = _Scope(tree, None)
        self._scopes[tree] = module
        self.module = module.slots
        for statement in tree.body:
            self._declare(statement, module)
        for node, scope in self._names:
            slot = scope.find(node.id)
            if slot is not None:
                self.slots[node] = slot
                if isinstance(node.ctx, ast.Load):
                    slot.loads.append(node)

    def find(self, name: str, owner: ast.AST) -> Slot | None:
        """Return what a name means inside a module, class or function; None for a builtin or what nobody binds."""
        return self._scopes[owner].find(name)

    def own(self, owner: ast.AST, name: str) -> Slot | None:
        """Return the variable that a module, class or function binds under a name; None for one that it does not bind."""
        scope = self._scopes.get(owner)
        return scope.slots.get(name) if scope is not None else None

    def of_classes(self) -> Iterator[Slot]:
        """Yield the variables that the bodies of classes bind."""
        for owner, scope in self._scopes.items():
            if isinstance(owner, ast.ClassDef):
                yield from scope.slots.values()

    def unused(self) -> set[str]:
        """Return the variables that nothing reads, as `Slot.within_file` names them."""
        return {slot.within_file for scope in self._scopes.values() for slot in scope.slots.values() if not slot.loads}

    @staticmethod
    def _read_in(scope: _Scope, name: str) -> _Scope:
        """Return the scope in which a name is looked for: a class has those alone that its body has bound so far."""
        while isinstance(scope.owner, ast.ClassDef) and name not in scope.slots and scope.parent is not None:
            scope = scope.parent
            while isinstance(scope.owner, ast.ClassDef) and scope.parent is not None:
                scope = scope.parent
        return scope

    def _bind(self, name: str, node: ast.AST, scope: _Scope) -> None:
        while isinstance(scope.owner, _COMPREHENSIONS) and isinstance(node, ast.Name) and scope.parent and name not in scope.slots:
            scope = scope.parent
        home = scope.elsewhere.get(name, scope)
        slot = home.slots.get(name)
        if slot is None:
            slot = home.slots[name] = Slot(self._path, name, home.owner)
        slot.stores.append(node)
        self.slots[node] = slot

    def _declare(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, ast.Constant):
            return
        # Most nodes are names, or of classes that bind nothing: to compare these with each case takes half of the time.
        if isinstance(node, ast.Name):
            if node.ctx.__class__ is ast.Load:
                self._names.append((node, self._read_in(scope, node.id) if isinstance(scope.owner, ast.ClassDef) else scope))
            else:
                self._bind(node.id, node, scope)
        elif node.__class__ not in _DECLARING or not self._is_declared(node, scope):
            for each in strings.children(node):
                self._declare(each, scope)

    def _is_declared(self, node: ast.AST, scope: _Scope) -> bool:
        """Declare what a node binds, and return whether what stands in it is declared, too."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, scope)
                return True
            case ast.ClassDef():
                self._bind(node.name, node, scope)
                for part in [*node.decorator_list, *node.bases, *node.keywords]:
                    self._declare(part, scope)
                self._inside(node, node.body, scope)
                return True
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node, scope)
                return True
            case ast.Assign() | ast.AnnAssign() if node.value is not None and isinstance(scope.owner, ast.ClassDef):
                # What is assigned is read before the name is bound: `tracer = tracer`.
                self._declare(node.value, scope)
                for part in node.targets if isinstance(node, ast.Assign) else [node.annotation, node.target]:
                    self._declare(part, scope)
                return True
            case ast.Global() | ast.Nonlocal():
                self._elsewhere(node, scope)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    self._bind(
                        alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]), alias, scope
                    )
                return True
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
                if node.name:
                    self._bind(node.name, node, scope)
            case ast.MatchMapping():
                if node.rest:
                    self._bind(node.rest, node, scope)
        return False

    def _inside(self, owner: ast.AST, body: list[ast.stmt], scope: _Scope) -> _Scope:
        inner = self._scopes[owner] = _Scope(owner, scope)
        for statement in body:
            if isinstance(statement, (ast.Global, ast.Nonlocal)):
                self._elsewhere(statement, inner)
        for statement in body:
            self._declare(statement, inner)
        return inner

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> None:
        if not isinstance(node, ast.Lambda):
            self._bind(node.name, node, scope)
            for part in [*node.decorator_list, *filter(None, [node.returns])]:
                self._declare(part, scope)
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *filter(None, [arguments.vararg, arguments.kwarg])]
        for part in [*arguments.defaults, *filter(None, arguments.kw_defaults), *(each.annotation for each in every if each.annotation)]:
            self._declare(part, scope)
        inner = self._scopes[node] = _Scope(node, scope)
        for argument in every:
            self._bind(argument.arg, argument, inner)
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        for statement in body:
            for found in _declarations(statement):
                self._elsewhere(found, inner)
        for statement in body:
            self._declare(statement, inner)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: _Scope) -> None:
        inner = self._scopes[node] = _Scope(node, scope)
        for target in [each for part in node.generators for each in ast.walk(part.target)]:
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store) and target.id not in inner.slots:
                inner.slots[target.id] = Slot(self._path, target.id, node)
        for at, part in enumerate(node.generators):
            self._declare(part.iter, inner if at else scope)
            self._declare(part.target, inner)
            for test in part.ifs:
                self._declare(test, inner)
        for name in ("key", "value", "elt"):
            child = getattr(node, name, None)
            if isinstance(child, ast.expr):
                self._declare(child, inner)

    def _elsewhere(self, node: ast.Global | ast.Nonlocal, scope: _Scope) -> None:
        for name in node.names:
            if isinstance(node, ast.Global):
                home = scope
                while home.parent is not None:
                    home = home.parent
                if home is not scope:
                    scope.elsewhere[name] = home
                continue
            outer = scope.parent
            while outer is not None and not (isinstance(outer.owner, _FUNCTIONS) and name in outer.slots):
                outer = outer.parent
            if outer is not None:
                scope.elsewhere[name] = outer


def _declarations(node: ast.AST) -> list[ast.Global | ast.Nonlocal]:
    """Return the `global` and `nonlocal` statements of a function that are not of an inner one."""
    found: list[ast.Global | ast.Nonlocal] = []
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, (ast.Global, ast.Nonlocal)):
            found.append(each)
        elif isinstance(each, ast.stmt) and not isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            pending += [child for child in ast.iter_child_nodes(each) if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))]
        elif isinstance(each, (ast.ExceptHandler, ast.match_case)):
            pending += each.body
    return found


def parents(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    """Return what each node stands in; contexts and operators, which are one object for all places, are left out."""
    above: dict[ast.AST, ast.AST] = {}
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        found = strings.children(node)
        above.update(dict.fromkeys(found, node))
        pending += found
    return above
