"""What a verified program's interpreters run first: modules come from the copy, and the lines of edited files that run are noted.

The file is copied into a folder that is first on ``PYTHONPATH``, under the name ``sitecustomize``, so that it also works in environments
without this package. It imports nothing but the standard library, and lets another ``sitecustomize`` have its turn.

What it notes, a JSON list per line: ``["start", version]``, ``["line", path, line]``, ``["read", path]``; paths as the program has them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, FrameType, ModuleType

VARIABLE = "CENSUS_COMPAT_VERIFY"
"""Names the file with what to do: ``root`` and ``copy``, folders; ``watched``, paths below them; ``notes``, a file, or null; or, alone,
``hidden``, names of packages that are as if they were not installed."""

_LIBRARIES = ("site-packages", "dist-packages")


class _Moved:
    """Which paths of the original have a counterpart in the copy."""

    def __init__(self, root: str, copy: str) -> None:
        self._root = root + os.sep
        self._copy = copy
        self._prefix = os.path.join(sys.prefix, "")

    def path(self, path: str | None) -> str | None:
        """Return the path in the copy; None where the path is not the program's, or not in the copy."""
        if not path or not os.path.join(path, "").startswith(self._root):
            return None
        if path.startswith(self._prefix) or any(part in _LIBRARIES for part in path.split(os.sep)):
            return None
        counterpart = os.path.join(self._copy, path[len(self._root) :])
        return counterpart if os.path.exists(counterpart) else None


class _Finder:
    """Loads from the copy what other finders would load from the original: an editable install points there."""

    def __init__(self, moved: _Moved) -> None:
        self._moved = moved

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how to load a module of the program from the copy; what others find, where it is none."""
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                return self._in_copy(spec)
        return None

    def _in_copy(self, spec: ModuleSpec) -> ModuleSpec:
        folders = spec.submodule_search_locations
        moved = None if folders is None else [self._moved.path(folder) or folder for folder in folders]
        origin = self._moved.path(spec.origin)
        if origin is not None:
            return spec_from_file_location(spec.name, origin, submodule_search_locations=moved) or spec
        if spec.origin is None and folders is not None and moved != list(folders):
            namespace = ModuleSpec(spec.name, None, is_package=True)
            namespace.submodule_search_locations = moved
            return namespace
        return spec


class _Hidden:
    """Lets some packages be as if they were not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        for name in [name for name in sys.modules if name.partition(".")[0] in self._names]:
            del sys.modules[name]

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Raise ModuleNotFoundError for what is hidden."""
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class _Notes:
    """Writes each fact once for each process, at once: a process may end in any way."""

    def __init__(self, path: str, watched: Sequence[str]) -> None:
        self._path = path
        self._watched = frozenset(watched)
        self._files: dict[str, bool] = {}
        self._done: set[tuple[object, ...]] = set()

    def watches(self, file: str) -> bool:
        """Return whether a file is one that is edited, here or in the original."""
        found = self._files.get(file)
        if found is None:
            found = self._files[file] = not file.startswith("<") and os.path.abspath(file) in self._watched
        return found

    def note(self, *fact: object) -> None:
        """Write a fact."""
        if fact in self._done:
            return
        self._done.add(fact)
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(handle, (json.dumps(fact) + "\n").encode())
            finally:
                os.close(handle)
        except OSError:
            pass

    def line(self, file: str, line: int) -> None:
        """Write that a line ran."""
        self.note("line", os.path.abspath(file), line)

    def opened(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Write that a file was read: what `sys.addaudithook` calls."""
        if event == "open" and isinstance(arguments[0], str) and self.watches(arguments[0]):
            self.note("read", os.path.abspath(arguments[0]))


def _monitor(notes: _Notes) -> bool:
    """Note lines by `sys.monitoring`, which costs only the files that are watched; return whether there is a free number for that."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return False
    for number in (4, 3, 5):
        try:
            monitoring.use_tool_id(number, "census-compat")
            break
        except ValueError:
            continue
    else:
        return False

    def started(code: CodeType, _offset: int) -> object:
        if notes.watches(code.co_filename):
            monitoring.set_local_events(number, code, monitoring.events.LINE)
        return monitoring.DISABLE

    def ran(code: CodeType, line: int) -> object:
        notes.line(code.co_filename, line)
        return monitoring.DISABLE

    monitoring.register_callback(number, monitoring.events.PY_START, started)
    monitoring.register_callback(number, monitoring.events.LINE, ran)
    monitoring.set_events(number, monitoring.events.PY_START)
    return True


def _trace(notes: _Notes) -> None:
    """Note lines by a trace function: before Python 3.12 there is nothing else."""

    def inside(frame: FrameType, event: str, _argument: object) -> Callable[..., object]:
        if event == "line":
            notes.line(frame.f_code.co_filename, frame.f_lineno)
        return inside

    def called(frame: FrameType, _event: str, _argument: object) -> Callable[..., object] | None:
        return inside if notes.watches(frame.f_code.co_filename) else None

    sys.settrace(called)  # type: ignore[arg-type]  # its second argument is some text
    threading.settrace(called)  # type: ignore[arg-type]  # the same


def begin(told: str) -> None:
    """Do what a file says."""
    with open(told, encoding="utf-8") as file:
        orders = json.load(file)
    if "hidden" in orders:
        sys.meta_path.insert(0, _Hidden(orders["hidden"]))
        return
    moved = _Moved(orders["root"], orders["copy"])
    sys.path[:] = [moved.path(entry) or entry for entry in sys.path]
    sys.meta_path.insert(0, _Finder(moved))
    if orders["notes"]:
        watched = [os.path.join(folder, path) for path in orders["watched"] for folder in (orders["root"], orders["copy"])]
        notes = _Notes(orders["notes"], watched)
        notes.note("start", sys.version.split()[0])
        if not all(path.endswith(".py") for path in orders["watched"]):
            sys.addaudithook(notes.opened)
        if not _monitor(notes):
            _trace(notes)


def _let_others_begin() -> None:
    """Import the next ``sitecustomize`` on the path, if there is one. `doctor/inside.py`, which is copied alone, too, has the same text."""
    here = os.path.dirname(os.path.abspath(__file__))
    # A Python that this one starts finds the folder on PYTHONPATH again.
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.abspath(entry) != here]
    ourselves = sys.modules.pop("sitecustomize")
    try:
        import_module("sitecustomize")  # the next one
    except ModuleNotFoundError as missing:
        if missing.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ourselves


if __name__ == "sitecustomize":
    if os.environ.get(VARIABLE):
        begin(os.environ[VARIABLE])
    _let_others_begin()
