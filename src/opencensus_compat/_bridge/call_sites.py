"""Which lines of a program call which public names of OpenCensus: what a recording of `census-compat local` keeps of them.

While one is made, the modules of OpenCensus's tree are compiled with one more statement at the head of each function, which notes the line
of its caller; plain attributes become descriptors that do the same. No profiler and no trace function is involved: those of the program go
on working, and so does this, in threads, greenlets, coroutines and children made by fork. Constants of modules, and members of enumerations,
are not seen.
"""

from __future__ import annotations

import atexit
import itertools
import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, FrameType, ModuleType

_PACKAGE = __name__.partition(".")[0]
_TREE = frozenset({"common", "ext", "extension", "log", "metrics", "stats", "tags", "trace"})
_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_NOT_CALLED_BY_PROGRAMS = ("appinsights_exporter", "opentelemetry", _PACKAGE)
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_NAME = "__census_compat_call__"
"""Of the function that notes a call, in the modules that are compiled so. One that ends in underscores is not changed inside classes."""
_MOST_SITES = 50_000
"""A program that makes code as it runs has no end of them."""
_ours, _library, _program = "ours", "library", "program"


class _Seen(NamedTuple):
    """One place, as often as it was reached."""

    calls: itertools.count[int]
    """Counts in one step, so that threads need no lock."""
    site: tuple[str, int, str, str]
    """File, line, dotted name below ``opencensus``, and the module of the standard library in between."""
    code: CodeType | None
    """Held, since its identity is part of the key."""


class _Sites(dict[tuple[object, ...], "_Seen | None"]):
    """The places that this process has reached; None for one that is not noted."""

    is_registered = False

    def restart(self) -> None:
        """Begin anew in a child made by fork: what the parent has seen is the parent's."""
        self.clear()


_seen = _Sites()
_whose: dict[str, str] = {}
_note: list[Callable[[list[list[object]]], object]] = []


def begin(note: Callable[[list[list[object]]], object]) -> None:
    """Have the modules of OpenCensus's tree note who calls them, from now on.

    Args:
        note: Takes places as lists: file, line, name, module in between, calls. Numbers of calls of the same place add up.
    """
    _note[:] = [note]
    sys.meta_path.insert(0, _Finder())
    atexit.register(_rest)


def _rest() -> None:
    """Note the calls since each place was noted last."""
    rest = []
    for seen in list(_seen.values()):
        if seen is not None:
            calls = next(seen.calls) - 1
            noted = 1 << (calls.bit_length() - 1)
            if calls > noted:
                rest.append([*seen.site, calls - noted])
    for start in range(0, len(rest), 200):
        _note[0](rest[start : start + 200])


def _called(name: str, owner: object = None, record: Any = None) -> None:
    """Note a call.

    Args:
        name: Dotted name of the function below this package, with its class where it has one.
        owner: What it is a method of: an object or a class.
        record: A log record on its way to a handler: its own place counts, not that of the logger's code.
    """
    try:
        via = ""
        frame: FrameType | None = None
        if record is not None:
            via = "logging"
            where: tuple[object, ...] = (record.pathname, record.lineno)
        else:
            frame = sys._getframe(2)
            while frame is not None:
                whose = _whose.get(frame.f_code.co_filename) or _whose_is(frame)
                if whose is not _library:
                    break
                via = via or frame.f_globals.get("__name__", "")
                frame = frame.f_back
            if frame is None or whose is _ours:
                return
            where = (id(frame.f_code), frame.f_lasti)
        kind = owner if isinstance(owner, type) else type(owner)
        key = (*where, name, kind, via)
        try:
            seen = _seen[key]
        except KeyError:
            if not _seen.is_registered:
                from opencensus_compat._bridge.process import restart_in_child

                restart_in_child(_seen)
                _seen.is_registered = True
            if len(_seen) >= _MOST_SITES:
                return
            seen = _seen.setdefault(key, _site(name, kind, via, record if frame is None else frame))
        if seen is not None:
            calls = next(seen.calls)
            # At once, and then each time the number has doubled: a process may end without its exit hooks.
            if not calls & (calls - 1):
                _note[0]([[*seen.site, calls - calls // 2]])
    except Exception:  # noqa: BLE001, S110 -- what looks on must not be what fails
        pass


def _site(name: str, kind: type, via: str, place: Any) -> _Seen | None:
    """Return the place of a frame or a log record; None for one that is not noted."""
    public = _public(name, kind)
    code = getattr(place, "f_code", None)
    file, line = (place.pathname, place.lineno) if code is None else (code.co_filename, place.f_lineno)
    if not public or file.startswith("<"):
        return None
    return _Seen(itertools.count(1), (os.path.abspath(file), line, public, via), code)


def _whose_is(frame: FrameType) -> str:
    file = frame.f_code.co_filename
    module = str(frame.f_globals.get("__name__", ""))
    if file.startswith(_FOLDER) or module.partition(".")[0] in _NOT_CALLED_BY_PROGRAMS:
        found = _ours
    elif file.startswith("<frozen") or (file.startswith(_LIBRARY) and not any(part in file for part in _INSTALLED)):
        found = _library
    else:
        found = _program
    _whose[file] = found
    return found


def _public(name: str, kind: type) -> str:
    """Return the public dotted name of a function or attribute; empty where it has none."""
    module, _, member = name.partition(":")
    owner, _, method = member.rpartition(".")
    if not owner:
        return _public_path(module, method)
    is_made = method in {"__init__", "__new__"}
    for base in kind.__mro__:
        root, _, path = base.__module__.partition(".")
        if root == _PACKAGE and (is_made or hasattr(base, method) or base.__qualname__ == owner):
            found = _public_path(path, base.__qualname__) or ("" if is_made else _public_object(base))
            if found:
                return found if is_made else f"{found}.{method}"
    # A static method knows no class.
    found = _public_path(module, owner)
    return f"{found}.{method}" if found else ""


def _public_object(kind: type) -> str:
    """Return the dotted name of a module's object of a private class."""
    module = sys.modules.get(kind.__module__)
    names = (name for name, value in vars(module).items() if type(value) is kind and not name.startswith("_")) if module else ()
    return next((_public_path(kind.__module__.partition(".")[2], name) for name in names), "")


def _public_path(module: str, member: str) -> str:
    """Return the dotted name under which a member of a module can be imported."""
    parts = module.split(".")
    if member.startswith("_") or ".<locals>." in member:
        return ""
    if not any(part.startswith("_") for part in parts):
        return f"{module}.{member}"
    public = list(itertools.takewhile(lambda part: not part.startswith("_"), parts))
    face = sys.modules.get(".".join([_PACKAGE, *public]))
    return ".".join([*public, member]) if public and hasattr(face, member) else ""


class _Finder:
    """Finds the modules of OpenCensus's tree, to be compiled with the notes."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how to load a module of ours; None for any other."""
        root, _, rest = fullname.partition(".")
        if root != _PACKAGE or rest.partition(".")[0] not in _TREE:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or type(spec.loader) is not SourceFileLoader or not spec.loader.path.startswith(_FOLDER):
            return None
        spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Compiles a module with the notes, and leaves nothing of that on disk."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the module's code."""
        import ast

        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        _add_notes(tree.body, f"{fullname.partition('.')[2]}:")
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Run a module."""
        vars(module)[_NAME] = _called
        super().exec_module(module)
        for made in list(vars(module).values()):
            if isinstance(made, type) and made.__module__ == module.__name__ and not issubclass(made, BaseException):
                _watch(made)


def _watch(made: Any) -> None:
    """Have a class note the uses of what no function of its module stands behind: its plain attributes, and the constructor it inherits."""
    name = f"{made.__module__.partition('.')[2]}:{made.__qualname__}"
    if made.__init__ is object.__init__ and made.__new__ is object.__new__:

        def __init__(self: Any, *args: Any, **options: Any) -> None:  # noqa: N807 -- becomes that of the class
            _called(f"{name}.__init__", self)
            following = super(made, self).__init__
            # What the constructor of `object` says of arguments depends on who else has one.
            made_by: Any = type(self).__new__
            if made_by is object.__new__ or getattr(following, "__objclass__", None) is not object:
                following(*args, **options)

        made.__init__ = __init__
        return
    constructor = getattr(vars(made).get("__init__"), "__code__", None)
    if constructor is None or made.__dictoffset__ == 0 or _reads_its_own_way(made):
        return
    for attribute in _assigned(constructor):
        if not any(hasattr(type(vars(base)[attribute]), "__get__") for base in made.__mro__ if attribute in vars(base)):
            setattr(made, attribute, _Attribute(made, attribute, f"{name}.{attribute}"))


def _reads_its_own_way(made: Any) -> bool:
    own = ("__getattr__", "__getattribute__", "__setattr__", "__slots__")
    return any(name in vars(base) for base in made.__mro__ if base is not object for name in own)


def _assigned(constructor: CodeType) -> set[str]:
    """Return the names of the public attributes that a constructor sets."""
    import dis

    steps = dis.get_instructions(constructor)
    return {step.argval for step in steps if step.opname == "STORE_ATTR" and not step.argval.startswith("_")}


class _Attribute:
    """A plain attribute that notes who reads or sets it."""

    def __init__(self, owner: type, attribute: str, name: str) -> None:
        self._owner = owner
        self._attribute = attribute
        self._name = name
        self._default = vars(owner).get(attribute, self)

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            if _whose.get(sys._getframe(1).f_code.co_filename) is not _ours:
                _called(self._name, instance)
            if self._attribute in instance.__dict__:
                return instance.__dict__[self._attribute]
        if self._default is self:
            raise AttributeError(f"{owner.__name__!r} object has no attribute {self._attribute!r}")
        return self._default

    def __set__(self, instance: Any, value: Any) -> None:
        if _whose.get(sys._getframe(1).f_code.co_filename) is not _ours:
            _called(self._name, instance)
        instance.__dict__[self._attribute] = value

    def __delete__(self, instance: Any) -> None:
        try:
            del instance.__dict__[self._attribute]
        except KeyError:
            raise AttributeError(self._attribute) from None


def _add_notes(body: Iterable[ast.stmt], prefix: str) -> None:
    import ast

    for function, owner in _functions(body, prefix):
        arguments = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        decorators = {decorator.id for decorator in function.decorator_list if isinstance(decorator, ast.Name)}
        passed: list[ast.expr] = [ast.Constant(f"{owner}{function.name}")]
        has_owner = bool(arguments) and not owner.endswith(":") and "staticmethod" not in decorators
        if has_owner:
            passed.append(ast.Name(arguments[0], ast.Load()))
        if has_owner and function.name == "handle" and arguments[1:] == ["record"]:
            passed.append(ast.Name("record", ast.Load()))
        head = function.body[0]
        statement = ast.copy_location(ast.Expr(ast.Call(ast.Name(_NAME, ast.Load()), passed, [])), head)
        has_docstring = isinstance(head, ast.Expr) and isinstance(head.value, ast.Constant) and isinstance(head.value.value, str)
        function.body.insert(1 if has_docstring else 0, ast.fix_missing_locations(statement))


def _functions(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Yield the functions that programs may call, each with what stands before its name in the dotted name."""
    import ast

    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not node.name.startswith("_") or node.name in {"__init__", "__new__", "__call__"}:
                yield node, prefix
        else:
            for part in ("body", "orelse", "finalbody"):
                yield from _functions(getattr(node, part, ()), prefix)
