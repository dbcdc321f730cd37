"""What can be known of a program only while it runs: who set levels, which records filters refuse, which traces and measurements go nowhere.

`inside` loads this file by its path as an interpreter starts, under a name of its own and perhaps where this package is not installed: it
imports nothing but the standard library. Functions are replaced in `logging` and in modules of this package as they are loaded; each
replacement calls the original with what it was given, and notes what it sees. Numbers may be a little short where threads note at once.

Cost: half a microsecond for a record, one for a trace, three for a measurement; with `inside`, 70 ms for a process.
"""

from __future__ import annotations

import functools
import os
import sys
import weakref
from _thread import get_ident
from collections import Counter
from contextlib import suppress
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType, ModuleType

_UNSAMPLED = ("NonRecordingSpan", "Unsampled")
"""Classes of spans that are not sampled."""
_MOST = 200
"""Most places, paths or messages that are kept of one kind."""
_OURS = ("appinsights_exporter", "opencensus", "opencensus_compat")
"""Loggers that this package's messages go to, with those below them."""
_WARNING = 30


class Watched:
    """What was seen."""

    def __init__(self) -> None:
        self.levels: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        """Logger or handler -> where its level was set last."""
        self.collects_in = 0
        """The thread that collects facts; 0 while none does."""
        self.disabled_from = ""
        """Where `logging.disable` was called last."""
        self.without_sampler: list[str] = []
        """Places; so are the next ones."""
        self.without_exporter: list[str] = []
        self.exported: Counter[tuple[Any, ...]] = Counter()
        """Class of an exporter of metrics, seconds between two exports, and modules of its producers -> how often one was started."""
        self.producers: weakref.WeakSet[Any] = weakref.WeakSet()
        """What these read."""
        self.forget()

    def forget(self) -> None:
        """Count anew: in a child made by fork, what the parent has seen is the parent's."""
        self.passed: Counter[tuple[int, int]] = Counter()
        """Identity of a logger or handler, and level -> records that its filters let pass."""
        self.refused: Counter[tuple[int, int]] = Counter()
        """The same -> records that its filters refused."""
        self.said: dict[tuple[str, int, str], tuple[str, int]] = {}
        """Logger, level and text before its arguments -> text, and how often."""
        self.roots: Counter[tuple[Any, ...]] = Counter()
        """Class of the sampler, its rate, the headers' decision, class of the exporter, whether it is sampled -> traces."""
        self.inside_unsampled = 0
        self.excluded: Counter[str] = Counter()
        self.without_tracer: Counter[str] = Counter()
        self.measured: dict[tuple[str, str], Counter[str]] = {}
        """Name and class of a measure -> what became of its measurements."""
        self.astray: dict[tuple[str, str], str] = {}
        """The same -> where the first one went astray."""


watched = Watched()
began_s = 0.0
"""When the interpreter began, on the monotonic clock."""


def place(frame: FrameType | None, *over: str) -> str:
    """Return where a call comes from, past the frames of some packages.

    Args:
        frame: The innermost one.
        over: Names of packages.
    """
    via = ""
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in over:
        if frame.f_code.co_name in ("dictConfig", "fileConfig", "basicConfig"):
            via = f" by {frame.f_code.co_name}"
        frame = frame.f_back
    if frame is None:
        return ""
    return f"{_shown(frame.f_code.co_filename)}:{frame.f_lineno}{via}"


def _shown(path: str) -> str:
    for part in ("site-packages", "dist-packages"):
        _, found, rest = path.partition(f"{os.sep}{part}{os.sep}")
        if found:
            return rest
    try:
        near = os.path.relpath(path)
    except (OSError, ValueError):
        return path
    return path if near.startswith("..") else near


def _keep(places: list[str], found: str) -> None:
    if len(places) < _MOST and found not in places:
        places.append(found)


def _logging(module: Any) -> None:
    """Watch the standard library's logging."""

    def set_level(owner: Any) -> None:
        original = owner.setLevel

        @functools.wraps(original)
        def setLevel(self: Any, *args: Any, **options: Any) -> Any:  # noqa: N802 -- the standard library's name
            found = original(self, *args, **options)
            with suppress(Exception):  # a handler of anyone's; what looks on must not be what fails
                watched.levels[self] = place(sys._getframe(1), "logging")
            return found

        owner.setLevel = setLevel

    set_level(module.Logger)
    set_level(module.Handler)
    disable_original = module.disable

    @functools.wraps(disable_original)
    def disable(*args: Any, **options: Any) -> Any:
        watched.disabled_from = place(sys._getframe(1), "logging")
        return disable_original(*args, **options)

    module.disable = disable
    filter_original, logger_class = module.Filterer.filter, module.Logger

    @functools.wraps(filter_original)
    def filter(self: Any, record: Any) -> Any:
        if watched.collects_in and watched.collects_in == get_ident() and record.name.partition(".")[0] in _OURS:
            # What modules of this package log as facts are collected: the program would not have loaded them.
            return False
        found = filter_original(self, record)
        try:
            if found:
                watched.passed[id(self), record.levelno] += 1
                if record.levelno >= _WARNING and isinstance(self, logger_class) and record.name.partition(".")[0] in _OURS:
                    _say(record)
            else:
                watched.refused[id(self), record.levelno] += 1
        except Exception:  # noqa: BLE001, S110 -- a record of anyone's
            pass
        return found

    module.Filterer.filter = filter


def _say(record: Any) -> None:
    key = (record.name, record.levelno, str(record.msg))
    text, times = watched.said.get(key, ("", 0))
    if times or len(watched.said) < _MOST:
        watched.said[key] = (text or record.getMessage(), times + 1)


def _tracer(module: Any) -> None:
    """Watch tracers of OpenCensus's."""
    sampler, exporter = module._default_sampler, module._default_exporter

    def _default_sampler() -> Any:
        _keep(watched.without_sampler, place(sys._getframe(1), "opencensus", "opencensus_compat"))
        return sampler()

    def _default_exporter() -> Any:
        _keep(watched.without_exporter, place(sys._getframe(1), "opencensus", "opencensus_compat"))
        return exporter()

    module._default_sampler, module._default_exporter = _default_sampler, _default_exporter
    next_trace, start_inside, unsampled = module.Tracer._next_trace, module.Tracer._start_inside, module._NoopTracer

    @functools.wraps(next_trace)
    def _next_trace(self: Any) -> Any:
        found = next_trace(self)
        try:
            used, given = self.sampler, self._given
            remote = None if given is None else bool(given.trace_options.get_enabled())
            key = (type(used), getattr(used, "rate", None), remote, type(self.exporter), type(found[0]) is not unsampled)
            watched.roots[key] += 1
        except Exception:  # noqa: BLE001, S110 -- a sampler of anyone's
            pass
        return found

    @functools.wraps(start_inside)
    def _start_inside(self: Any, name: Any, context: Any, parent: Any) -> Any:
        if type(parent).__name__ in _UNSAMPLED:
            watched.inside_unsampled += 1
        return start_inside(self, name, context, parent)

    module.Tracer._next_trace, module.Tracer._start_inside = _next_trace, _start_inside


def _default_tracer(module: Any) -> None:
    """Watch the spans of code that has made no tracer."""
    original = module.DefaultTracer.start_span

    @functools.wraps(original)
    def start_span(self: Any, *args: Any, **options: Any) -> Any:
        span = original(self, *args, **options)
        if type(span).__name__ == "BlankSpan":
            found = place(sys._getframe(1), "opencensus", "opencensus_compat")
            if found in watched.without_tracer or len(watched.without_tracer) < _MOST:
                watched.without_tracer[found] += 1
        return span

    module.DefaultTracer.start_span = start_span


def _server(module: Any) -> None:
    """Watch which requests integrations leave out."""
    original = module.is_excluded

    @functools.wraps(original)
    def is_excluded(url: str, paths: Any) -> bool:
        found: bool = original(url, paths)
        if found:
            _exclude(url)
        return found

    module.is_excluded = is_excluded


def _flask(module: Any) -> None:
    """Watch the same of the integration that mostly decides by itself."""
    original = module.FlaskMiddleware._is_excluded

    @functools.wraps(original)
    def _is_excluded(self: Any, request: Any) -> bool:
        before = watched.excluded.total()
        found: bool = original(self, request)
        if found and watched.excluded.total() == before:
            _exclude(request.path)
        return found

    module.FlaskMiddleware._is_excluded = _is_excluded


def _exclude(url: str) -> None:
    # A query may hold secrets.
    path = str(url).partition("?")[0]
    if path in watched.excluded or len(watched.excluded) < _MOST:
        watched.excluded[path] += 1


def _measurements(module: Any) -> None:
    """Watch what is measured."""
    original = module.MeasurementMap.record

    @functools.wraps(original)
    def record(self: Any, *args: Any, **options: Any) -> Any:
        with suppress(Exception):  # a measure of anyone's
            _measure(self, sys._getframe(1))
        return original(self, *args, **options)

    module.MeasurementMap.record = record


def _measure(measurements: Any, frame: FrameType) -> None:
    values = measurements.measurement_map
    is_dropped = measurements._invalid or any(not value >= 0 for value in values.values())
    registered = measurements.measure_to_view_map._registered_measures
    for measure in values:
        fate = "negative" if is_dropped else "recorded"
        known = registered.get(measure.name)
        if not is_dropped and known is not measure:
            fate = "unviewed" if known is None else "other"
        key = (measure.name, type(measure).__name__)
        if fate != "recorded" and key not in watched.astray:
            watched.astray[key] = place(frame, "opencensus_compat")
        watched.measured.setdefault(key, Counter())[fate] += 1


def _transport(module: Any) -> None:
    """Watch what exports metrics at intervals."""
    original = module.get_exporter_thread

    @functools.wraps(original)
    def get_exporter_thread(metric_producers: Any, exporter: Any, interval: Any = None) -> Any:
        producers = list(metric_producers)
        try:
            modules = tuple(sorted({type(producer).__module__ for producer in producers}))
            watched.exported[type(exporter), module.DEFAULT_INTERVAL if interval is None else float(interval), modules] += 1
            watched.producers.update(producers)
        except Exception:  # noqa: BLE001, S110 -- a producer of anyone's
            pass
        return original(producers, exporter, interval)

    module.get_exporter_thread = get_exporter_thread


_HOOKS: dict[str, Callable[[Any], None]] = {
    "logging": _logging,
    "opencensus_compat.ext._server": _server,
    "opencensus_compat.ext.flask.flask_middleware": _flask,
    "opencensus_compat.metrics.transport": _transport,
    "opencensus_compat.stats.measurement_map": _measurements,
    "opencensus_compat.trace.tracer": _tracer,
    "opencensus_compat.trace.tracers._default_tracer": _default_tracer,
}
"""Module -> what is done with it as soon as it is loaded."""


class _Finder:
    """Finds the modules that are watched, as others find them, and has them watched once they are loaded."""

    def __init__(self, hooks: dict[str, Callable[[Any], None]]) -> None:
        self._hooks = hooks

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return how to load a module that is to be watched; None for any other."""
        if name not in self._hooks:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader, name, self)  # type: ignore[assignment]  # it loads as one
                return spec
        return None

    def loaded(self, name: str, module: ModuleType) -> None:
        """Do with a module what is to be done, once, unless a release of it lacks what that needs."""
        hook = self._hooks.pop(name, None)
        if hook is not None:
            with suppress(AttributeError):
                hook(module)


class _Loader:
    """Loads a module as its loader does, and then has it watched."""

    def __init__(self, loader: Any, name: str, finder: _Finder) -> None:
        self._loader = loader
        self._name = name
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what the loader makes."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, which sees nothing of this."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._finder.loaded(self._name, module)


def begin(more: dict[str, Callable[[Any], None]]) -> None:
    """Watch what is loaded by now, and what is loaded later.

    Args:
        more: Further modules, and what is done with them.
    """
    hooks = {**_HOOKS, **more}
    finder = _Finder(hooks)
    for name in list(hooks):
        if name in sys.modules:
            finder.loaded(name, sys.modules[name])
    sys.meta_path.insert(0, finder)
