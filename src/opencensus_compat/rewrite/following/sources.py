"""Where objects of OpenCensus come from: what makes them, what holds them, and who hands them over."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following import by_name, calls, classes, kept, made
from opencensus_compat.rewrite.following.bindings import Slot
from opencensus_compat.rewrite.following.meanings import Function, Meanings
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.following.groups import Key
    from opencensus_compat.rewrite.following.index import Files


class Sources(Meanings):
    """Ties uses, and what holds objects, to what these come from; where nothing says that, they cannot change."""

    def __init__(self, files: Files[File], find: Callable[[str, int, str], str | None]) -> None:
        super().__init__(files, find)
        self._seen: set[Key] = set()
        self._words: set[str] | None = None
        """What the program names, once that is asked for."""
        self._by_place: dict[ast.ClassDef, list[ast.expr]] | None = None
        """Named tuple -> what reads its fields by their places, once that is asked for."""
        self._pending: list[Slot | Function] = []

    def _sources(self, file: File, node: ast.expr) -> Iterator[Key]:
        """Yield the variables and expressions that an object may come from."""
        match node:
            case ast.Name():
                slot = file.slot(node)
                if slot is None and (found := file.starred(node.id)) is not None:
                    slot = found[1]
                if slot is not None and not self._is_import(file, slot):
                    self._reach(slot)
                    yield slot
            case ast.Attribute():
                slot = self._attribute(file, node)
                if slot is not None:
                    self._reach(slot)
                    yield slot
                elif node in file.by_node:
                    yield node
                elif file.value(node.value).meaning == "instance":
                    # The use is that of the last member.
                    yield from self._sources(file, node.value)
            case ast.Call():
                function = self._function(file, node.func)
                if strings.attribute_in_text(node) is not None and (slot := self._attribute(file, node)) is not None:
                    self._reach(slot)
                    yield slot
                elif function is not None and function.name != "__init__":
                    self._reach(function)
                    yield function
                elif node.func in file.by_node:
                    yield node.func
                elif several := self._any_of(file, node):
                    for method in several:
                        self._reach(method)
                        yield method
                elif keeps := kept.given(file, node):
                    yield from self._kept(keeps)
                elif (dependency := calls.dependency(node)) is not None and (given := self._function(file, dependency)) is not None:
                    self._reach(given)
                    yield given
                elif strings.tail(node.func) in strings.ENTERS and node.args:
                    yield from self._sources(file, node.args[0])
                elif (popped := self._popped(file, node)) is not None:
                    yield from self._given_by_name(*popped)
                self._tie(node, node)
            case ast.Subscript() if keeps := kept.given(file, node):
                yield from self._kept(keeps)
            case ast.Await():
                yield from self._sources(file, node.value)
            case ast.NamedExpr():
                yield from self._sources(file, node.value)
                yield from self._sources(file, node.target)
            case ast.IfExp():
                yield from self._sources(file, node.body)
                yield from self._sources(file, node.orelse)
            case ast.BoolOp():
                for each in node.values:
                    yield from self._sources(file, each)

    def _kept(self, found: list[tuple[kept.Kept, kept.Places]]) -> Iterator[Key]:
        """Yield dictionaries, whose values are tied to what they come from."""
        for keeps, values in found:
            yield keeps.node
            for home, each in values:
                self._from(home, each, keeps.node, "what this dictionary holds is not known")

    def _enter_of(self, file: File, node: ast.expr) -> Function | None:
        """Return what gives a `with` statement the object for its `as`, where it enters an object of a class of the program."""
        home = classes.named(file, node.func) if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)) else None
        return (classes.method(home, "__enter__") or classes.method(home, "__aenter__")) if home is not None else None

    def _given_by_name(self, function: Function, name: str) -> Iterator[Key]:
        """Yield what the calls of a function give for a keyword that it takes out of its ``**kwargs``."""
        for home, call in self._calls_of(function):
            for keyword in call.keywords:
                if keyword.arg == name:
                    yield from self._sources(home, keyword.value)

    def _reach(self, each: Slot | Function) -> None:
        if each not in self._seen:
            self._seen.add(each)
            self._pending.append(each)

    def _from(self, file: File, node: ast.expr, key: Key, reason: str) -> None:
        """Tie what holds an object to where its value comes from.

        Args:
            file: The file.
            node: The value.
            key: What holds it.
            reason: Why that cannot change where nothing says what the value is.
        """
        if isinstance(node, ast.Constant):
            return
        parts = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
        for part in parts:
            if isinstance(part, ast.Name) and self._is_of_nobody(file, file.slot(part)):
                continue
            if (double := by_name.double(file, part)) is not None:
                if double:
                    self._stop(key, part, f"a test's stand-in is here, and the test names `{double}` of OpenCensus")
                continue
            sources = list(self._sources(file, part))
            for source in sources:
                self._tie(key, source)
            if (not sources and not isinstance(part, ast.Constant)) or self._is_defined(file, part):
                self._stop(key, part, reason)

    def _is_defined(self, file: File, node: ast.expr) -> bool:
        """Return whether a name is that of a class of the program, which may have any method."""
        slot = file.slot(node) if isinstance(node, ast.Name) else None
        origin = self._origin(file, slot) if slot is not None and slot.stores else None
        stores = origin[1].stores if origin is not None else slot.stores if slot is not None else []
        return any(isinstance(each, ast.ClassDef) for each in stores)

    def _is_of_nobody(self, file: File, slot: Slot | None) -> bool:
        if slot is None or slot.parameter is None or slot.path not in self._files:
            return False
        if self._words is None:
            self._words = made.words_of(self._files.values())
        return made.is_of_nobody(slot, self._files[slot.path], self._words)

    @staticmethod
    def _is_named(file: File, node: ast.expr) -> bool:
        """Return whether an expression begins with a name of OpenCensus's."""
        while isinstance(node, (ast.Attribute, ast.Call)) and node not in file.by_node:
            node = node.func if isinstance(node, ast.Call) else node.value
        return file.value(node).meaning == "name"

    def _handed(self, file: File, parameter: ast.arg, slot: Slot) -> None:
        """Follow a parameter to the calls of its function."""
        unknown = f"what `{slot.name}` gets here is not known"
        function = file.function(parameter)
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._stop(slot, parameter, f"what `{slot.name}` gets is not known")
            return
        places = [*function.args.posonlyargs, *function.args.args]
        defaults = dict(zip(reversed(places), reversed(function.args.defaults), strict=False))
        defaults |= {each: value for each, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if value}
        home_of_type, annotation = made.type_of(parameter, file) or (file, parameter)
        handed = next((each for each in ast.walk(annotation) if isinstance(each, ast.Call) and calls.dependency(each)), None)
        if handed is not None:
            defaults[parameter] = handed
        if parameter in defaults:
            self._from(home_of_type if handed is not None else file, defaults[parameter], slot, unknown)
        owner = file.parents.get(function)
        name = owner.name if function.name == "__init__" and isinstance(owner, ast.ClassDef) else function.name
        callers = self._calls_of(function)
        if self._calls[name] and not callers:
            self._stop(slot, parameter, f"which calls of {name}() mean this one is not known")
        if not callers and parameter not in defaults and not (self._is_of_nobody(file, slot) and _is_handed_on(file, slot)):
            self._stop(slot, parameter, f"who calls {name}(), and with what, is not in these files")
        for home, call in callers:
            if home.has_stars(call):
                self._stop(slot, call, f"{name}() gets `*` or `**`")
                continue
            every: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
            given = [each for each in every if self._parameter(function, call, each) is parameter]
            for each in given:
                self._from(home, each.value if isinstance(each, ast.keyword) else each, slot, unknown)
            if not given and parameter not in defaults:
                self._stop(slot, call, f"what {name}() gets for `{slot.name}` is not known: something around it hands that over")

    def _constructed(self, file: File, slot: Slot) -> None:
        """Follow a field to the calls that make objects of its class."""
        assert isinstance(slot.owner, ast.ClassDef)
        if self._by_place is None:
            self._by_place = classes.reads_by_place(self._files.values())
        for node in self._by_place.get(slot.owner, ()):
            self._stop(slot, node, f"what `{slot.name}` keeps is read by its place")
        for home, call in self._calls_of(slot.owner):
            given: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
            for each in given:
                if self._field(home, call, each) is slot:
                    self._from(
                        home, each.value if isinstance(each, ast.keyword) else each, slot, f"what `{slot.name}` gets here is not known"
                    )
            if home.has_stars(call):
                self._stop(slot, call, f"{slot.owner.name}() gets `*` or `**`")


def _is_handed_on(file: File, slot: Slot) -> bool:
    """Return whether a parameter is only handed on, so that it is no more than its type."""
    above = [file.parents.get(load) for load in slot.loads]
    return all(isinstance(each, ast.keyword) or (isinstance(each, ast.Call) and each.func not in slot.loads) for each in above)
