"""The uses of OpenCensus in one Python file, found in its syntax tree. The file is neither imported nor run."""

from __future__ import annotations

import ast
import itertools
import warnings
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.scan import flow, query_uses, strings
from opencensus_compat.scan.flow import fixture_name
from opencensus_compat.scan.import_uses import Found, Imports
from opencensus_compat.scan.names import Modules, Scope, Values, attribute_name, subclass_named
from opencensus_compat.scan.rules import BY_ID
from opencensus_compat.scan.values import ENVELOPE, OF_STATS, OTHER, SENDERS, TELLING, Value, guessed, has_member, maker_of, result_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opencensus_compat.scan.flow import Given

__all__ = ["Found", "Module", "parse", "read"]

_HANDLER_METHODS = frozenset({"setFormatter", "setLevel", "addFilter", "removeFilter", "set_name", "name", "level", "formatter", "filters"})
_MOST_READINGS = 5
_TRACER = "trace.tracer.Tracer"
_IDS = frozenset(BY_ID["T019"].names.split())


class Module(NamedTuple):
    """What is read of one file."""

    exports: dict[str, Value]
    """Names of the module that stand for something of OpenCensus."""
    uses: list[Found]
    is_connected: bool
    """It imports OpenCensus, or what another module made of it."""
    processors: set[str]
    """Names of functions that it makes telemetry processors."""
    tree: ast.Module
    handed: Mapping[str, Given]
    """Other file of the program -> what its functions are handed here."""


def parse(source: bytes | str) -> ast.Module:
    """Return the syntax tree of a file in any encoding, or of text, whichever encoding that declares.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: Python cannot parse it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError:
            # Without a declaration of its encoding it may be Latin-1, which reads any bytes.
            if isinstance(source, str) or source.isascii():
                raise
            return ast.parse(source.decode("latin-1"))


def _is_import(node: ast.stmt) -> bool:
    """Return whether a statement is an import, or the text at the head of a file."""
    return isinstance(node, (ast.Import, ast.ImportFrom)) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


class _Reader(Imports):
    """Reads one tree, twice or more: what functions return and get is known only after the first time."""

    def __init__(self, tree: ast.Module, modules: Modules, processors: Iterable[str], has_envelopes: bool, given: Given) -> None:
        self._tree = tree
        super().__init__(tree, modules, given)
        self._processors = set(processors)
        self._has_envelopes = has_envelopes
        self._later: deque[tuple[ast.AST, Scope]] = deque()
        self._in_with: set[ast.AST] = set()
        self._thrown_away: set[ast.AST] = set()
        self._done: set[ast.AST] = set()
        self._attributes: dict[ast.AST, dict[str, Value]] = {}
        self._returned: dict[ast.AST, Value] = {}

    def read(self) -> Module:
        scope = Scope(None)
        state = None
        processors = set(self._processors)
        imports = list(itertools.takewhile(_is_import, self._tree.body))
        for number in range(_MOST_READINGS):
            scope = Scope(None)
            self._uses.clear()
            self._done.clear()
            self._body(imports, scope)
            imported = self.is_connected, self._both_apis
            self._body(self._tree.body[len(imports) :], scope)
            while self._later:
                node, inner = self._later.popleft()
                self._function_body(node, inner)
            before, state = state, (*self._state(), len(self._returned), sum(map(len, self._classes.values())))
            # The first reading found nothing that the second one would begin with.
            is_complete = not any(state) and processors == self._processors
            if state == before or (not number and is_complete and imported == (self.is_connected, self._both_apis)):
                break
        exports = {name: value for name, value in scope.names.items() if value.meaning != "other"}
        for owner, members in self._classes.items():
            exports.update({f"{owner}.{name}": value for name, value in members.items() if value.meaning not in {"other", "path"}})
        return Module(exports, list(self._uses.values()), self.is_connected, self._processors - {""}, self._tree, self.handed)

    # Statements.
    def _body(self, body: list[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self._statement(statement, scope)

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Import():
                self._import(node, scope)
            case ast.ImportFrom():
                self._import_from(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, scope)
            case ast.ClassDef():
                self._class(node, scope)
            case ast.Assign():
                self._expression(node.value, scope)
                for target in node.targets:
                    self._bind(target, self._value(node.value, scope), scope, node.value)
            case ast.AnnAssign():
                self._annotation(node.annotation, scope)
                if node.value is not None:
                    self._expression(node.value, scope)
                value = self._annotated(node.annotation, scope)
                if value is OTHER and node.value is not None:
                    value = self._value(node.value, scope)
                self._bind(node.target, value, scope, node.value)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._in_with.add(item.context_expr)
                    self._expression(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, self._entered(self._value(item.context_expr, scope)), scope, None)
                self._body(node.body, scope)
            case ast.For() | ast.AsyncFor():
                self._expression(node.iter, scope)
                self._bind_each(node.target, node.iter, scope)
                self._body(node.body, scope)
                self._body(node.orelse, scope)
            case ast.If():
                self._expression(node.test, scope)
                for_types = ast.unparse(node.test).endswith("TYPE_CHECKING") if isinstance(node.test, (ast.Name, ast.Attribute)) else False
                self._types_only += for_types
                self._guarded += 1
                tested = list(self._tested(node.test, scope))
                before = {name.id: scope.names.get(name.id) for name, _ in tested}
                scope.names.update({name.id: value for name, value in tested})
                self._body(node.body, scope)
                scope.names.update({name: value if value is not None else Value("path", "") for name, value in before.items()})
                self._types_only -= for_types
                self._body(node.orelse, scope)
                self._guarded -= 1
            case ast.Assert():
                self._expression(node.test, scope)
                scope.names.update({name.id: value for name, value in self._tested(node.test, scope)})
            case ast.Expr():
                self._thrown_away.add(node.value)
                if not isinstance(node.value, ast.Constant):
                    self._expression(node.value, scope)
            case ast.Return():
                if node.value is not None:
                    self._expression(node.value, scope)
                    self._gives(scope, node.value)
            case _:
                is_try = type(node).__name__ in {"Try", "TryStar"}
                self._guarded += is_try
                for child in strings.children(node):
                    self._child(child, scope)
                self._guarded -= is_try

    def _child(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.stmt):
            self._statement(node, scope)
        elif isinstance(node, ast.expr):
            self._expression(node, scope)
        else:
            if isinstance(node, ast.ExceptHandler) and node.name:
                scope.names[node.name] = OTHER
            for child in strings.children(node):
                self._child(child, scope)

    def _gives(self, scope: Scope, node: ast.expr) -> None:
        """Note what the function around returns or yields."""
        value, function = self._value(node, scope), scope.function_around()
        if function is None:
            return
        if value.meaning == "instance" or (value.meaning == "object" and function not in self._returned):
            self._returned[function] = maker_of(value)
        if isinstance(node, ast.Tuple):
            self._tuples[function] = [self._value(part, scope) for part in node.elts]

    # Functions and classes.
    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        for decorator in node.decorator_list:
            self._expression(decorator, scope)
        value = self._returned.get(node, OTHER)
        if node.returns is not None:
            self._annotation(node.returns, scope)
            annotated = self._annotated(node.returns, scope)
            value = maker_of(annotated) if annotated.meaning in {"instance", "object"} else value
        is_read = any(strings.tail(decorator) in {"property", "cached_property"} for decorator in node.decorator_list)
        scope.names[node.name] = value = result_of(value) if is_read else value
        if value.meaning in {"maker", "instance"} and (fixture := fixture_name(node)):
            self._fixtures[fixture] = Value("instance", value.name)
        if scope.is_class and value is not OTHER:
            scope.attributes[node.name] = value
        self._arguments(node, scope)

    def _arguments(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> None:
        inner = Scope(scope, node)
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in every:
            if argument.annotation is not None:
                self._annotation(argument.annotation, scope)
                value = self._annotated(argument.annotation, scope)
                inner.names[argument.arg] = value if value is not OTHER else Value("path", "")
            else:
                told = self._parameter(node, argument.arg, every.index(argument) - scope.is_class, scope)
                inner.names[argument.arg] = told if told is not OTHER else Value("path", "")
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self._expression(default, scope)
        for rest in filter(None, (node.args.vararg, node.args.kwarg)):
            inner.names[rest.arg] = OTHER
        for argument, default in zip(reversed([*node.args.posonlyargs, *node.args.args]), reversed(node.args.defaults), strict=False):
            if inner.names[argument.arg].meaning == "path" and (value := self._value(default, scope)).meaning in {"name", "instance"}:
                inner.names[argument.arg] = value
        first = every[0].arg if every else ""
        # A method that is a processor gets the envelope after itself.
        got = [argument.arg for argument in every[1 if scope.is_class else 0 :]]
        if getattr(node, "name", "") in self._processors and got:
            inner.names[got[0]] = ENVELOPE
        elif (self.is_connected or self._has_envelopes) and "envelope" in inner.names and inner.names["envelope"].meaning == "path":
            inner.names["envelope"] = ENVELOPE
        inner.first = first if scope.is_class else ""
        # A constructor goes first: what it assigns to `self`, the other methods use.
        if getattr(node, "name", "") == "__init__":
            self._later.appendleft((node, inner))
        else:
            self._later.append((node, inner))

    def _function_body(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Lambda):
            self._expression(node.body, scope)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._body(node.body, scope)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        for decorator in node.decorator_list:
            self._expression(decorator, scope)
        own = OTHER
        for base in node.bases:
            value = self._value(base, scope)
            if value.meaning in {"name", "subclass"} and value.name:
                last = value.name.rpartition(".")[2]
                ends = {"Tracer": "B001", "Exporter": "B002", "Handler": "B003"}
                rule = next((rule for end, rule in ends.items() if last.endswith(end)), "B004")
                self._report(base, rule, value.name)
                own = Value("subclass", value.name)
            elif value.meaning == "class":
                own = value
            else:
                self._expression(base, scope)
        for keyword in node.keywords:
            self._expression(keyword.value, scope)
        inner = Scope(scope, node)
        # What the methods assign to `self` is kept for the second time.
        inner.attributes = self._attributes.setdefault(node, {})
        self._classes[node.name] = inner.attributes
        if own is not OTHER:
            inner.attributes[""] = Value("instance" if own.meaning == "subclass" else "object", own.name)
        scope.names[node.name] = own
        self._body(node.body, inner)
        if own.meaning != "subclass" and any(value.meaning not in {"other", "path"} for value in inner.attributes.values()):
            scope.names[node.name] = of_class = Value("class", f"{self._modules.here}::{node.name}")
            inner.attributes.update(dict.fromkeys(flow.fluent(node), of_class))

    # Binding.
    def _bind(self, target: ast.expr, value: Value, scope: Scope, source: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            known = scope.names.get(target.id)
            # `tracer = None` at the head of a module says nothing of it.
            is_empty = isinstance(source, ast.Constant) and source.value is None
            # Nor does the other branch of a guarded import: `except ImportError: Tracer = Any`.
            is_stand_in = self._guarded > 0 and value is OTHER and known is not None and known.meaning == "name"
            if not (is_stand_in or (is_empty and known is not None)):
                is_envelope = target.id == "envelope" and value.meaning in {"other", "path"} and self.is_connected
                value = self._filled.get((scope.function, target.id), OTHER) if value is OTHER else value
                scope.names[target.id] = ENVELOPE if is_envelope else Value("path", "") if is_empty else value
                if scope.is_class and value.meaning == "instance":
                    scope.attributes[target.id] = value
            if target.id == "OPENCENSUS" and isinstance(source, (ast.Dict, ast.Call)):
                self._report(target, "W018", "OPENCENSUS")
        elif isinstance(target, ast.Attribute):
            self._expression(target, scope)
            self._keep_on(target, value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = source.elts if isinstance(source, (ast.Tuple, ast.List)) and len(source.elts) == len(target.elts) else None
            given = self._unpacked(source, len(target.elts))
            for at, part in enumerate(target.elts):
                self._bind(part, self._value(parts[at], scope) if parts else given[at], scope, parts[at] if parts else None)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, OTHER, scope, None)
        else:
            self._expression(target, scope)
            if isinstance(target, ast.Subscript):
                self._fill(target.value, value, scope)
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) and target.slice.value == "OPENCENSUS":
                self._report(target, "W018", "OPENCENSUS")

    def _bind_each(self, target: ast.expr, iterated: ast.expr, scope: Scope) -> None:
        """Bind the names of a loop."""
        known = {name: value for name, value in self._each(target, iterated, scope) if value is not OTHER}
        self._bind(target, OTHER, scope, None)
        scope.names.update(known)

    # Expressions.
    def _annotation(self, node: ast.expr, scope: Scope) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            value = self._annotated(node, scope)
            if value.meaning == "instance":
                self._report_name(node, value.name)
        elif isinstance(node, ast.Subscript):
            self._expression(node.value, scope)
            self._annotation(node.slice, scope)
        elif isinstance(node, (ast.Tuple, ast.List, ast.BinOp)):
            for part in (node.left, node.right) if isinstance(node, ast.BinOp) else node.elts:
                self._annotation(part, scope)
        else:
            self._expression(node, scope)

    def _expression(self, node: ast.expr, scope: Scope) -> None:
        match node:
            case ast.Name():
                value = scope.find(node.id)
                if value is not None and value.meaning == "name" and value.name:
                    self._report_name(node, value.name)
            case ast.Attribute():
                self._expression_attribute(node, scope)
            case ast.Call():
                self._call(node, scope)
            case ast.Lambda():
                self._arguments(node, scope)
            case ast.Yield() | ast.YieldFrom():
                if node.value is not None:
                    self._expression(node.value, scope)
                    self._gives(scope, node.value)
            case ast.NamedExpr():
                self._expression(node.value, scope)
                self._bind(node.target, self._value(node.value, scope), scope, node.value)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inner = Scope(scope)
                inner.first, inner.function = "", None
                for part in node.generators:
                    self._expression(part.iter, inner)
                    self._bind_each(part.target, part.iter, inner)
                    for test in part.ifs:
                        self._expression(test, inner)
                        inner.names.update({name.id: value for name, value in self._tested(test, inner)})
                for name in ("key", "value", "elt"):
                    if isinstance(part_node := getattr(node, name, None), ast.expr):
                        self._expression(part_node, inner)
            case ast.Constant() | ast.JoinedStr():
                self._text(node, None)
                if isinstance(node, ast.JoinedStr):
                    for value_node in node.values:
                        if isinstance(value_node, ast.FormattedValue):
                            self._expression(value_node.value, scope)
            case ast.Dict():
                self._dictionary(node, scope)
            case _:
                for child in strings.children(node):
                    self._child(child, scope)

    def _expression_attribute(self, node: ast.Attribute, scope: Scope) -> None:
        value = self._attribute(node, scope)
        owner = self._value(node.value, scope)
        if owner.meaning == "instance":
            before = node.value
            while isinstance(before, ast.Attribute) and (inner := self._member(before, scope)):
                # One place, one use: that of the last member, or of the member that has the ids.
                if inner in _IDS:
                    self._expression(before, scope)
                    return
                before = before.value
            name = attribute_name(owner, node.attr)
            if owner.name.rpartition(".")[2].endswith("Handler") and node.attr in _HANDLER_METHODS:
                self._report(node, "L003", name)
            else:
                self._report_member(node, name, in_with=node in self._in_with)
            if not isinstance(before, ast.Name):
                self._expression(before, scope)
            return
        if value.meaning in {"name", "instance"} and owner.meaning == "name":
            self._report_name(node, value.name if value.meaning == "name" else attribute_name(owner, node.attr))
            return
        base = scope.attributes.get("", OTHER)
        if isinstance(node.value, ast.Name) and self._is_self(node.value, scope) and base.meaning == "instance":
            if node.attr not in scope.attributes and has_member(base.name, node.attr):
                self._report_name(node, attribute_name(base, node.attr))
            return
        if node.attr in {"custom_dimensions", "custom_measurements"}:
            self._report(node, "L004" if node.attr == "custom_dimensions" else "L005", node.attr)
        elif (owner.meaning == "path" or (owner is OTHER and node.attr in OF_STATS)) and self.is_connected:
            in_text = strings.attribute_in_text(node.value) if isinstance(node.value, ast.Call) else None
            name = guessed(in_text or strings.tail(node.value), node.attr, both_apis=self._both_apis)
            if name:
                self._report_member(node, name, in_with=node in self._in_with)
                if node.attr in TELLING and isinstance(node.value, ast.Name) and node.value.id in scope.names:
                    # What has such a method is of its class in what follows, too.
                    scope.names[node.value.id] = Value("instance", name.rpartition(".")[0])
        self._expression(node.value, scope)

    def _dictionary(self, node: ast.Dict, scope: Scope) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            key_text = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
            if key is not None:
                self._expression(key, scope)
            if key_text in {"class", "()"} and isinstance(value, ast.Constant):
                self._text(value, "N003")
            else:
                self._expression(value, scope)

    def _call(self, node: ast.Call, scope: Scope) -> None:
        function = self._value(node.func, scope)
        if node in self._in_with:
            self._in_with.add(node.func)
        tail = strings.tail(node.func)
        keywords = {keyword.arg for keyword in node.keywords}
        if function == Value("name", _TRACER):
            if "span_context" in keywords:
                self._report(node.func, "T003", _TRACER)
            elif node in self._thrown_away:
                self._report(node.func, "T002", _TRACER)
            else:
                self._report(node.func, "T001", _TRACER)
        elif function.meaning == "subclass" and isinstance(node.func, (ast.Name, ast.Attribute)):
            self._report_name(node.func, function.name)
        else:
            self._expression(node.func, scope)
        self._hand_over(node, scope)
        self._take_in(node, scope)
        if function.name in SENDERS and function.meaning == "name":
            self._sender(node, function.name, keywords)
        if tail == "add_telemetry_processor" and node.args:
            self._processors.add(strings.tail(node.args[0]))
        if tail in strings.ENTERS and node.args:
            self._in_with.add(node.args[0])
        rule = strings.RULE_OF_CALL.get(tail) or ("N002" if strings.is_patch(node.func) else None)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(argument, ast.Constant):
                self._text(argument, rule)
            else:
                self._expression(argument, scope)
        for keyword in node.keywords:
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict) and self.is_connected:
                for key in keyword.value.keys:
                    if isinstance(key, ast.Constant) and key.value in {"traceId", "spanId"}:
                        self._report(key, "L006", str(key.value))
            elif keyword.arg == "OPENCENSUS":
                self._report(keyword.value, "W018", "OPENCENSUS")

    def _sender(self, node: ast.Call, name: str, keywords: set[str | None]) -> None:
        if not node.args and not (keywords & {"connection_string", "instrumentation_key", None}):
            self._report(node, "A005", name)
        for keyword in node.keywords:
            if keyword.arg == "instrumentation_key":
                self._report(keyword, "A004", name)
            elif keyword.arg == "sampler":
                self._report(keyword, "X002", f"{name}(sampler=)")

    def _text(self, node: ast.expr, rule: str | None) -> None:
        found = strings.use_in(node, rule)
        if found is not None:
            self._report(node, *found)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and strings.DOTTED.fullmatch(node.value):
            base = subclass_named(node.value, self._modules)
            if base:
                self._report(node, "I007", base)
        for use in strings.uses_in_lines(node):
            self._report(node, *use)
        self._query(node)

    def _query(self, node: ast.expr) -> None:
        """Report what a query changes in, in the line of the text that has it."""
        text = strings.text_of(node)
        if text is None:
            return
        for number, column, rule, found in query_uses.in_text(text):
            place = ast.copy_location(ast.Constant(found), node)
            is_as_written = getattr(node, "end_lineno", node.lineno) - node.lineno == text.count("\n")
            if number and is_as_written:
                place.lineno, place.col_offset = node.lineno + number, column
            place.end_lineno, place.end_col_offset = place.lineno, place.col_offset + column + 1
            self._report(place, rule, found)


def read(
    tree: ast.Module,
    modules: Modules,
    processors: Iterable[str] = (),
    *,
    has_envelopes: bool = False,
    given: Given | None = None,
    values: Values = None,
) -> Module:
    """Return the uses of a file, and what it hands on.

    Args:
        tree: Its syntax tree.
        modules: The other modules of the program.
        processors: Names of functions that are telemetry processors.
        has_envelopes: A parameter `envelope` is one, also where the file imports nothing of OpenCensus.
        given: What the functions of the file are handed in other files.
        values: Gets what the expressions stand for, as far as it was asked.
    """
    reader = _Reader(tree, modules, processors, has_envelopes, given or {})
    reader.values = values
    return reader.read()
