"""What changes together: objects of OpenCensus are followed from where they are made to all that is done with them, through variables, attributes, arguments, return values and files."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.alone import is_tracer
from opencensus_compat.rewrite.following import callers, calls, classes, kept, loops, made
from opencensus_compat.rewrite.following.bindings import Slot
from opencensus_compat.rewrite.following.by_name import Named
from opencensus_compat.rewrite.following.groups import Key
from opencensus_compat.rewrite.following.sources import Sources
from opencensus_compat.rewrite.rules import replaced
from opencensus_compat.rewrite.rules.exporters import providers, ways
from opencensus_compat.rewrite.rules.frameworks import functions, interceptors, middlewares
from opencensus_compat.rewrite.rules.metrics import exporters, metric_names, readings
from opencensus_compat.rewrite.rules.traces import attributes, by_hand, contexts, outside
from opencensus_compat.scan import strings
from opencensus_compat.scan.values import Value, attribute_of, result_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.following.groups import Obstacle
    from opencensus_compat.rewrite.following.index import Files
    from opencensus_compat.scan.python_uses import Found

Cut: TypeAlias = tuple[str, str]
"""File, and the name under which it imports a tracer."""

_HARMLESS = frozenset(
    {"print", "str", "repr", "bool", "id", "type", "isinstance", "len", "callable", "addHandler", "removeHandler", "basicConfig", "partial"}
    | {"LegacyExporterProcessor"}
)
"""Functions that may get an object of either API."""
_ROBUST = ("ext.azure.log_exporter.", "ext.azure.common.protocol.")
"""Classes whose counterparts have the same methods, so that any code may hold an object of them."""
_IDS = (".trace_id", ".span_id")
"""What is text in a variable, and stays it."""
_PARTS = frozenset({"status", "span_kind", "attributes", "links"})
"""Attributes of spans that programs set."""
_GIVE_OBJECTS = frozenset({"T015", "T040"})
"""Free uses that give a span or a tracer."""
_MAKE_TRACERS = frozenset({"T001", "T002", "T003", "W010", "W011", "W012", "W014", "W018"})
_FOLLOWED = frozenset({"W014"})
"""Rules that follow by themselves where their objects go."""
_ENTERS = frozenset({"__enter__", "__aenter__"})
_BY_PYTHON = frozenset({"__call__", "__get__", "__getattr__", "__getattribute__", "__getitem__", "__iter__", "__next__"})
"""Functions that nothing calls by their names."""
_SETTINGS = frozenset({"N005", "W018"})
_FIRST = (providers, ways, attributes, by_hand, contexts, outside, exporters, metric_names)
"""Modules of rules that say by themselves what changes together; others follow in the loop."""


class Flows(Sources):
    """The groups of uses, and what stands in the way of each."""

    def __init__(
        self,
        files: Files[File],
        find: Callable[[str, int, str], str | None],
        free: frozenset[str],
        cut: frozenset[Cut] = frozenset(),
    ) -> None:
        super().__init__(files, find)
        self._cut = cut
        self.imported: set[Cut] = set()
        """Tracers that files import from others."""
        self._free = free
        self.requires: list[tuple[Key, Key]] = []
        """The first changes only where the second does."""
        self._named: Named | None = None
        """What it names in text, once that is asked for."""
        for file in files.values():
            for use in file.uses:
                if not isinstance(use.node, (ast.alias, ast.ImportFrom)):
                    self._use(file, use)
                elif isinstance(use.node, ast.alias) and (slot := file.slot(use.node)) is not None and (file.path, slot.name) in cut:
                    self._tie(use, slot)
                    self._reach(slot)
        for one, other in [
            each for rule in (*_FIRST, readings, replaced, functions, interceptors, middlewares) for each in rule.together(files.values())
        ]:
            self._tie(one, other)
        # Where nothing makes a tracer any more, the context has none.
        every = [use for file in files.values() for use in file.uses]
        context = [use for use in every if use.rule == "T040"]
        self.requires += [(use, other) for use in every if use.rule in _MAKE_TRACERS for other in context]
        while self._pending:
            each = self._pending.pop()
            if isinstance(each, Slot):
                self._slot(each)
            else:
                self._results(each)

    def obstacles(self) -> dict[Key, list[Obstacle]]:
        """Return group -> why it cannot change; none for a group of objects that any code may hold."""
        symbols: dict[Key, set[bool]] = defaultdict(set)
        for file in self._files.values():
            for use in file.uses:
                symbols[self.group(use)].add(use.symbol.startswith(_ROBUST))
        return {key: found for key, found in super().obstacles().items() if symbols[key] != {True}}

    # Uses.
    def _use(self, file: File, use: Found) -> None:
        node = use.node
        # What a setting is bound to goes nowhere as an object.
        if not isinstance(node, ast.expr) or use.rule in _SETTINGS or (isinstance(node, ast.Name) and use.symbol.endswith(_IDS)):
            return
        if use.rule in self._free and isinstance(node, ast.Attribute) and not contexts.is_of_span(node):
            for source in self._sources(file, node.value):
                self.requires.append((source, use))
        elif isinstance(node, ast.Attribute):
            sources = list(self._sources(file, node.value))
            for source in sources:
                self._tie(use, source)
            if not sources and not self._is_named(file, node.value):
                self._stop(use, node.value, f"what `{node.attr}` is an attribute of is not known")
        elif isinstance(node, ast.Name):
            for source in self._sources(file, node):
                self._tie(use, source)
        self._tie(use, node)
        for other in file.by_node[node]:
            self._tie(use, other)
        self._as_type(file, use, node)
        top: ast.expr = file.call(node) or node
        self._tie(use, top)
        if use.rule not in _FOLLOWED and (use.rule not in self._free or use.rule in _GIVE_OBJECTS) and self._is_object(file, use, top):
            self._flow(file, top, use, use.symbol)

    def _as_type(self, file: File, use: Found, node: ast.expr) -> None:
        """Tie a class in an annotation or check to what has that type."""
        if use.rule in self._free:
            return
        parent = file.parents.get(node)
        if isinstance(parent, ast.Call) and strings.tail(parent.func) == "isinstance" and parent.args[0] is not node:
            # What a check for a handler finds may be made anywhere.
            same = [each for home in self._files.values() for each in home.uses if each.symbol == use.symbol and each.rule[0] not in "IA"]
            for source in same if use.symbol.startswith(_ROBUST) else self._sources(file, parent.args[0]):
                self._tie(use, source)
        if not file.is_annotation(node):
            return
        for home, each in made.typed(file, node) or ():
            if isinstance(each, ast.arg):
                self._bound_to(home, each, use)
            elif isinstance(each, ast.AnnAssign):
                self._bound(home, each.target, use)
            elif isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._tie(use, each)
                self._reach(each)

    @staticmethod
    def _is_object(file: File, use: Found, top: ast.expr) -> bool:
        if isinstance(top, ast.Call):
            return result_of(Value("name", use.symbol)).meaning == "instance"
        owner, _, name = use.symbol.rpartition(".")
        if attribute_of(Value("instance", owner), name).meaning == "instance":
            return True
        if isinstance(top, ast.Attribute) and file.value(top.value).meaning == "instance":
            return False
        # A class or constant as a value.
        return isinstance(top, (ast.Name, ast.Attribute)) and file.value(top).meaning == "name" and isinstance(top.ctx, ast.Load)

    # Where objects go.
    def _flow(self, file: File, node: ast.expr, key: Key, symbol: str = "") -> None:
        """Follow the value of an expression to what it is done with."""
        parent = file.parents.get(node)
        is_robust = symbol.startswith(_ROBUST)
        match parent:
            case ast.Attribute():
                above = next((each for each in calls.chain(file, parent) if each in file.by_node), None)
                if parent in file.by_node:
                    if not all(use.rule in self._free for use in file.by_node[parent]):
                        self._tie(key, parent)
                elif above is not None:
                    self._tie(key, above)
                elif (maker := providers.continued_by(parent, file)) is not None:
                    self._tie(key, maker)
                elif not is_robust:
                    self._stop(key, parent, f"`.{parent.attr}` of an OpenCensus object is no known use")
            case ast.Assign() | ast.AnnAssign() | ast.NamedExpr() if parent.value is node:
                for target in parent.targets if isinstance(parent, ast.Assign) else [parent.target]:
                    self._bound(file, target, key)
                if isinstance(parent, ast.NamedExpr):
                    self._flow(file, parent, key, symbol)
            case ast.withitem():
                if parent.optional_vars is not None and parent.context_expr is node:
                    self._bound(file, parent.optional_vars, key)
            case ast.keyword():
                self._argument(file, parent, key, is_robust=is_robust)
            case ast.Call():
                if parent.func is not node:
                    self._argument(file, node, key, is_robust=is_robust)
                elif isinstance(node, (ast.Name, ast.Attribute)) and node not in file.by_node:
                    self._flow(file, parent, key, symbol)
            case ast.Return() | ast.Yield():
                function = file.function(node)
                if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self._tie(key, function)
                    self._reach(function)
                else:
                    self._stop(key, node, "a lambda returns it")
            case ast.YieldFrom():
                self._stop(key, node, "another function yields it")
            case ast.For() | ast.AsyncFor() | ast.comprehension() if parent.iter is node and not file.symbol(node):
                # What a generator yields.
                self._bound(file, parent.target, key)
            case ast.Match() if any(getattr(each, "name", None) for case in parent.cases for each in ast.walk(case.pattern)):
                self._stop(key, node, "a `match` gives it another name")
            case ast.IfExp() if parent.test is node:
                pass
            case ast.IfExp() | ast.BoolOp() | ast.Await():
                self._flow(file, parent, key, symbol)
            case ast.List() | ast.Tuple() if node in self._through:
                self._argument(file, node, key, is_robust=is_robust)
            case ast.List() | ast.Tuple() if found := loops.through(file, parent):
                for loop in found:
                    self._bound(file, loop.target, key)
            case ast.Dict() if node in parent.values and (reads := kept.lookups(file, parent, node)):
                self._tie(key, parent)
                for home, each in reads:
                    self._flow(home, each, key, symbol)
            case ast.arguments():
                self._bound_to(file, calls.of_default(parent, node), key)
            case (
                ast.List()
                | ast.Tuple()
                | ast.Dict()
                | ast.Set()
                | ast.Starred()
                | ast.Lambda()
                | ast.ListComp()
                | ast.SetComp()
                | ast.GeneratorExp()
                | ast.DictComp()
            ):
                if file.is_annotation(node) and isinstance(node, ast.Call) and (bearers := made.typed(file, node)) is not None:
                    # `Annotated[Tracer, Depends(get_tracer)]`.
                    for home, bearer in bearers:
                        self._bound_to(home, bearer, key)
                elif loops.uses_around(file, parent):
                    for use in loops.uses_around(file, parent):
                        self._tie(key, use)
                elif (
                    not is_robust
                    and isinstance(getattr(parent, "ctx", ast.Load()), ast.Load)
                    and (isinstance(node, ast.Call) or not file.is_annotation(node))
                ):
                    self._stop(key, node, "it is kept in a collection or a lambda")

    def _bound(self, file: File, target: ast.expr, key: Key) -> None:
        if isinstance(target, ast.Name):
            self._bound_to(file, target, key)
        elif isinstance(target, ast.Attribute):
            if target in file.by_node:
                self._tie(key, target)
                return
            slot = self._attribute(file, target)
            if slot is not None and target.attr in _PARTS and not classes.is_of_self(file, target):
                self._stop(key, target, f"what `{target.attr}` is set on is not known")
            elif slot is not None:
                self._tie(key, slot)
                self._reach(slot)
            elif file.value(target.value).meaning == "module":
                self._stop(key, target, f"`{target.attr}` is no variable of that module, so that what reads it is not known")
        elif isinstance(target, ast.Subscript) and (found := kept.dictionary(file, target)) is not None:
            self._tie(key, found.node)
            for home, each in kept.lookups(*found):
                self._flow(home, each, key)
        else:
            self._stop(key, target, "it is kept in a collection")

    def _bound_to(self, file: File, node: ast.AST, key: Key) -> None:
        """Note that a variable, by its name or parameter, holds an object."""
        slot = file.slot(node)
        if slot is not None:
            self._tie(key, slot)
            self._reach(slot)

    def _argument(self, file: File, node: ast.AST, key: Key, *, is_robust: bool) -> None:
        call = self._through.get(node) or file.parents.get(node)
        if isinstance(call, ast.ClassDef):
            return
        assert isinstance(call, ast.Call)
        # What nothing in the program hands over goes nowhere in it; its type is that of what it is handed on to.
        if isinstance(key, Slot) and self._is_of_nobody(file, key):
            function = self._function(file, call.func)
            parameter = self._parameter(function, call, node) if function is not None else None
            if function is not None and parameter is not None and (slot := self._file_of[function].slot(parameter)) is not None:
                self.requires.append((key, slot))
            return
        if call.func in file.by_node:
            if not all(use.rule in self._free for use in file.by_node[call.func]):
                self._tie(key, call.func)
            return
        name = strings.tail(call.func)
        if name == "add_middleware" and call.args and call.args[0] in file.by_node:
            self._tie(key, call.args[0])
            return
        # A class is handed on with what it is made with: `add_middleware(Middleware, exporter=exporter)`.
        classes = [self._function(file, each) for each in call.args if isinstance(node, ast.keyword) and isinstance(each, ast.Name)]
        function = next((each for each in classes if each is not None and each.name == "__init__"), None) or self._function(file, call.func)
        if function is not None:
            parameter = self._parameter(function, call, node)
            slot = self._file_of[function].slot(parameter) if parameter is not None else None
            if slot is not None:
                self._tie(key, slot)
                self._reach(slot)
                return
            taken_out = list(self._pops(function, node.arg)) if isinstance(node, ast.keyword) else []
            for each in taken_out:
                self._flow(self._file_of[function], each, key)
            if taken_out:
                return
        elif (slot := self._field(file, call, node)) is not None:
            self._tie(key, slot)
            self._reach(slot)
            return
        if name in strings.ENTERS:
            self._flow(file, call, key)
        elif name == "partial" and node not in self._through:
            self._stop(key, call, "it is handed on by partial()")
        elif name not in _HARMLESS and not is_robust and not made.is_always_none(call.func, file):
            self._stop(key, call, calls.not_followed(file, call.func))
            if (field := calls.field_in_text(call, node, file)) is not None:
                self._tie(key, self._attributes.setdefault(field, Slot("", field, None)))

    # Variables and functions.
    def _slot(self, slot: Slot) -> None:
        file = self._files.get(slot.path)
        if file is None:
            for node, reason in self._names_in_text().readers(slot.name):
                self._stop(slot, node, reason)
            self._attribute_of_objects(slot)
            return
        if isinstance(slot.owner, ast.ClassDef):
            attribute = self._attributes.setdefault(slot.name, Slot("", slot.name, None))
            self._tie(slot, attribute)
            self._reach(attribute)
        for store in slot.stores:
            self._store(file, store, slot)
        if slot.owner is file.tree:
            self._elsewhere(slot)
        for load in slot.loads:
            self._flow(file, load, slot)
            for use in file.by_node.get(load, ()):
                self._tie(slot, use)

    def _attribute_of_objects(self, slot: Slot) -> None:
        """Follow what objects of the program have under one name."""
        is_set = self._attributes_of(slot)
        for home, call in self._reads_in_text(slot):
            if self._is_followed_in_text(slot):
                self._flow(home, call, slot)
                for default in call.args[2:]:
                    self._from(home, default, slot, f"what `{slot.name}` is without a value is not known")
            else:
                self._stop(slot, call, f"`{slot.name}` is named in text")
        held = [other for _, other in self._files.members(slot.name)]
        held += [other for module in self._handed_modules() if (other := module.bindings.module.get(slot.name)) is not None]
        for each in held:
            self._tie(slot, each)
            self._reach(each)
        is_set |= slot.name == "tracer" and any(use.rule == "W017" for home in self._files.values() for use in home.uses)
        if not is_set and not held:
            reads = [read for _, read in self._places_of(slot)]
            self._stop(slot, reads[0] if reads else ast.Pass(), f"nothing in these files sets `.{slot.name}`")

    def _attributes_of(self, slot: Slot) -> bool:
        """Follow what reads and sets a variable as an attribute, and return whether something sets it."""
        is_set = False
        for home, read in self._places_of(slot):
            if isinstance(read.ctx, ast.Load):
                self._flow(home, read, slot)
            elif isinstance(read.ctx, ast.Store):
                is_set = True
                self._store(home, read, slot)
        return is_set

    def _names_in_text(self) -> Named:
        if self._named is None:
            self._named = Named(self._files, self._find_module)
        return self._named

    def _elsewhere(self, slot: Slot) -> None:
        """Follow a variable of a module into the files that import it, or name it in text."""
        for node, reason in self._names_in_text().obstacles(slot):
            self._stop(slot, node, reason)
        self._attributes_of(slot)
        for home, unbound in self._unbound[slot.name]:
            found = home.starred(slot.name)
            if found is not None and found[1] is slot:
                self._flow(home, unbound, slot)
                for use in home.by_node.get(unbound, ()):
                    self._tie(slot, use)
        for home, alias in self._aliases[slot.name]:
            other = home.slot(alias)
            origin = self._origin(home, other) if other is not None else None
            if other is not None and origin is not None and origin[1] is slot:
                self._reach(other)

    def _store(self, file: File, store: ast.AST, slot: Slot) -> None:
        parent = file.parents.get(store)
        unknown = f"what `{slot.name}` gets here is not known"
        if isinstance(store, ast.arg):
            self._handed(file, store, slot)
        elif isinstance(store, (ast.FunctionDef, ast.AsyncFunctionDef)) and classes.is_property(store):
            self._tie(slot, store)
            self._reach(store)
        elif isinstance(store, ast.alias):
            origin = self._origin(file, slot)
            if origin is None:
                return
            self._reach(origin[1])
            if (file.path, slot.name) in self._cut:
                # The other file may change only once this one does not need the old tracer.
                self.requires.append((origin[1], slot))
                return
            self._tie(slot, origin[1])
            is_alone = isinstance(slot.owner, ast.Module) and is_tracer(file, store) and file.starred(slot.name) is None
            # One of its own would send its spans another way.
            if is_alone and not ways.are_separate(file):
                self.imported.add((file.path, slot.name))
        elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            is_one = parent.target is store if not isinstance(parent, ast.Assign) else store in parent.targets
            if is_one and parent.value is not None:
                self._from(file, parent.value, slot, unknown)
            elif not is_one:
                self._stop(slot, store, "it is taken out of a collection")
            elif isinstance(slot.owner, ast.ClassDef):
                self._constructed(file, slot)
        elif isinstance(parent, ast.withitem) and (entered := self._enter_of(file, parent.context_expr)) is not None:
            self._tie(slot, entered)
            self._reach(entered)
        elif isinstance(parent, ast.withitem):
            self._from(file, parent.context_expr, slot, unknown)
        elif isinstance(parent, ast.For) and parent.target is store and loops.elements(file, parent.iter):
            for each in loops.elements(file, parent.iter):
                self._from(file, each, slot, unknown)
        elif not isinstance(store, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not isinstance(parent, ast.Delete):
            self._stop(slot, store, f"what `{slot.name}` holds is not known")

    def _results(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Follow what a function returns to the calls of it."""
        file = self._file_of[function]
        for result in file.results(function):
            if result.value is not None:
                self._from(file, result.value, function, f"what {function.name}() returns is not known")
        if classes.is_property(function):
            slot = self._attributes.setdefault(function.name, Slot("", function.name, None))
            self._tie(function, slot)
            self._reach(slot)
            return
        if function.name in _BY_PYTHON:
            self._stop(function, function, f"what Python reads by {function.name}() is not known")
        owner = file.parents.get(function)
        if function.name in _ENTERS and isinstance(owner, ast.ClassDef):
            self._entered(function, owner)
        for home, call in self._calls_of(function):
            if call not in home.parents:
                self._stop(function, call, f"what becomes of what {function.name}() returns is not known")
            self._tie(function, call)
            self._flow(home, call, function)
        for home, taken in self._reads[function.name] if isinstance(owner, ast.ClassDef) else ():
            # An object of the program with a method of OpenCensus's may be what is taken for one of these.
            if taken in home.by_node and home.value(taken.value).meaning == "path":
                self._tie(function, taken)
        for home, call in self._calls_of_others(function):
            if not callers.is_dropped(call, home):
                self._tie(function, call)
                self._flow(home, call, function)
                for other in self._any_of(home, call):
                    self._tie(function, other)
                    self._reach(other)
        for slot in self._names_of(function):
            for node, reason in self._names_in_text().obstacles(slot):
                self._stop(function, node, reason)
        for home, read in self._values_of(function):
            above = home.parents.get(read)
            above = home.parents.get(above) if isinstance(above, ast.keyword) else above
            if isinstance(above, ast.Call) and calls.dependency(above) is read:
                self._tie(function, above)
                self._flow(home, above, function)
            elif not isinstance(above, (ast.Expr, ast.Compare)):
                self._stop(function, read, f"{function.name} is a value here, so that what calls it is not known")
        if any(strings.tail(each) == "fixture" for each in function.decorator_list):
            self._stop(function, function, f"which tests get what {function.name}() returns is not known")

    def _entered(self, function: ast.FunctionDef | ast.AsyncFunctionDef, owner: ast.ClassDef) -> None:
        """Follow what an object hands to the `with` statements that may enter it."""
        for home in self._files.values():
            for statement in [*home.kinds[ast.With], *home.kinds[ast.AsyncWith]]:
                for item in statement.items:
                    if item.optional_vars is not None and self._may_be_of(home, item.context_expr, owner):
                        self._bound(home, item.optional_vars, function)

    def _may_be_of(self, file: File, node: ast.expr, owner: ast.ClassDef) -> bool:
        """Return whether an expression may be an object of a class: a call of it or of a function of the program, or a variable."""
        if isinstance(node, ast.Call):
            return strings.tail(node.func) == owner.name or (node.func not in file.by_node and self._function(file, node.func) is not None)
        return node not in file.by_node
