"""The uses of OpenCensus in import statements, and what the imported names stand for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.scan.flow import Flow
from opencensus_compat.scan.rules import rule_of
from opencensus_compat.scan.values import OTHER, Value, attribute_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opencensus_compat.scan.names import Modules, Scope

_TRACER = "trace.tracer.Tracer"
_STARTS = frozenset({f"{_TRACER}.span", f"{_TRACER}.start_span"})


class Found(NamedTuple):
    """A use, by its place in the tree."""

    node: ast.AST
    rule: str
    symbol: str


class Imports(Flow):
    """The uses that have been found, with those in imports."""

    def __init__(self, tree: ast.Module, modules: Modules, given: Mapping[tuple[str, int | str], Value]) -> None:
        super().__init__(tree, modules, given)
        self._uses: dict[tuple[int, int, str], Found] = {}
        self._guarded = 0
        """Depth of conditions and `try` statements."""
        self._types_only = 0

    def _report(self, node: ast.AST, rule: str, symbol: str) -> None:
        if symbol.rpartition(".")[2] in {"__doc__", "__name__", "__file__", "__version__", "__path__"}:
            return
        place = (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0), rule)
        self._uses.setdefault(place, Found(node, rule, symbol))

    def _report_name(self, node: ast.AST, name: str) -> None:
        rule = rule_of(name)
        self._report(node, rule.id if rule else "X002", name)

    def _report_member(self, node: ast.AST, name: str, *, in_with: bool) -> None:
        """Report a member of an object: what starts a span by whether a `with` statement ends that."""
        if in_with and name in _STARTS:
            self._report(node, "T010", name)
        elif name == f"{_TRACER}.span":
            self._report(node, "T011", name)
        else:
            self._report_name(node, name)

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            root, _, below = alias.name.partition(".")
            self._both_apis |= root == "opentelemetry"
            if root == "opencensus":
                self.is_connected = True
                self._import_found(node, alias, below, "I003", scope)
                scope.names[alias.asname or root] = Value("name", below if alias.asname else "")
                continue
            module = self._modules.find(0, alias.name)
            self.is_connected |= module is not None and bool(self._modules.exports(module))
            if module is None:
                scope.names[alias.asname or root] = OTHER
            elif alias.asname or "." not in alias.name:
                scope.names[alias.asname or alias.name] = Value("module", module)
            else:
                scope.names[root] = Value("path", root)

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        name = node.module or ""
        root, _, below = name.partition(".")
        self._both_apis |= root == "opentelemetry"
        if root == "opencensus" and not node.level:
            self.is_connected = True
            for alias in node.names:
                if alias.name == "*":
                    self._report(node, "I005", below)
                    continue
                value = attribute_of(Value("name", below), alias.name)
                self._import_found(node, alias, value.name if value.meaning == "name" else f"{below}.{alias.name}", "I001", scope)
                scope.names[alias.asname or alias.name] = value
            return
        module = self._modules.find(node.level, name)
        exports = self._modules.exports(module) if module is not None else {}
        for alias in node.names:
            if alias.name == "*":
                self._starred += [module] if module is not None else []
                if exports:
                    self.is_connected = True
                    self._report(node, "I008", name)
                    scope.names.update({key: value for key, value in exports.items() if not key.startswith("_")})
                continue
            value = exports.get(alias.name, OTHER)
            if value is OTHER:
                inner = self._modules.find(node.level, f"{name}.{alias.name}" if name else alias.name)
                value = Value("module", inner) if inner is not None and self._modules.exports(inner) else OTHER
            elif value.meaning not in {"module", "class", "object"}:
                self._report(alias, "I007", value.name or alias.name)
            self.is_connected |= value is not OTHER
            if module is not None and value is OTHER:
                self._imported[alias.asname or alias.name] = (
                    self._modules.find(node.level, f"{name}.{alias.name}" if name else alias.name) or module
                )
            scope.names[alias.asname or alias.name] = value

    def _import_found(self, node: ast.stmt, alias: ast.alias, name: str, plain: str, scope: Scope) -> None:
        rule = rule_of(name) if name else None
        if name and (rule is None or rule.id in {"X001", "X002"}):
            self._report(alias, rule.id if rule else "X002", name)
        elif self._types_only:
            self._report(alias, "I009", name)
        elif self._guarded or scope.parent is not None:
            self._report(alias, "I004", name)
        else:
            self._report(alias, "I002" if alias.asname else plain, name)
