"""Which methods of spans and tracers, and which functions that make their ids, a program has replaced.

OpenCensus makes, starts and ends a span by a dozen calls of public methods and functions. Here it takes fewer, since nobody notices: until a
program, such as a test of it, puts one of its own into a class or module. From then on, until it takes it out again, these are called.
"""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import ModuleType
from typing import Any


class _Steps:
    are_replaced = False
    """Whether one of the methods is a program's now."""


steps = _Steps()
_on_change: list[Callable[[bool], object]] = []
_own: dict[tuple[object, str], Any] = {}
_replaced: set[tuple[object, str]] = set()


class Watched(ABCMeta):
    """The class of a class whose methods are watched; a program's subclass of that may be an abstract one, too."""

    # Those of `ABCMeta` take five times as long.
    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _note(cls, name, value)


class _WatchedModule(ModuleType):
    """The class of a module whose names are watched. Reading them takes a little longer: hot code has imported them."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _note(self, name, value)


def _note(home: object, name: str, value: Any) -> None:
    own = _own.get((home, name))
    if own is None:
        return
    (_replaced.discard if value is own else _replaced.add)((home, name))
    if steps.are_replaced is not bool(_replaced):
        steps.are_replaced = bool(_replaced)
        for changed in _on_change:
            changed(steps.are_replaced)


def on_change(call: Callable[[bool], object]) -> None:
    """Call a function with `steps.are_replaced` when that changes.

    It puts the methods that ask in the places of those that do not: to ask at each span was 2.5 percent of one.
    """
    _on_change.append(call)


def watch(cls: type, *names: str) -> None:
    """Know from now on whether the methods of these names are those that the class has now."""
    for name in names:
        _own[cls, name] = vars(cls)[name]


def watch_module(module: str, *names: str) -> None:
    """Know from now on whether what a module has under these names is what it has now."""
    watched = sys.modules[module]
    for name in names:
        _own[watched, name] = vars(watched)[name]
    watched.__class__ = _WatchedModule


def is_replaced(home: object, name: str) -> bool:
    """Return whether a program has replaced what a class or module has under a name."""
    return (home, name) in _replaced


def swap(cls: type, **stepping: Callable[..., Any]) -> None:
    """Have these methods in the places of a class's own while one is replaced; what a program has put there meanwhile stays."""
    methods = {name: (vars(cls)[name], method) for name, method in stepping.items()}

    def changed(are_replaced: bool) -> None:
        for name, pair in methods.items():
            if vars(cls)[name] in pair:
                setattr(cls, name, pair[are_replaced])

    on_change(changed)


def start_by_steps(cls: type, *names: str) -> None:
    """Let these methods of a tracer start a span by a public one while one is replaced; what that does is done as ever."""
    swap(cls, **{name: _by_steps(vars(cls)[name]) for name in names})


def start_by_tracer(cls: type, recording: type, noop: type, blank: Any) -> None:
    """Let `span` and `start_span` of the class Tracer start a span by the same method of its `tracer` while one is replaced.

    Args:
        cls: The class.
        recording: The class of `tracer`, when that is none of a program's own, for sampled traces.
        noop: That for others.
        blank: The class of spans of those; they are current for OpenTelemetry code.
    """
    swap(cls, **{name: _by_tracer(vars(cls)[name], recording, noop, blank) for name in ("span", "start_span")})


def _by_tracer(own: Callable[..., Any], recording: type, noop: type, blank: Any) -> Callable[..., Any]:
    def step(tracer: Any, name: Any) -> Any:
        return getattr(tracer, own.__name__)(name)

    @wraps(own)
    def start(self: Any, name: str = "span") -> Any:
        if type(self._inner) not in (recording, noop):
            return own(self, name)
        with _starting_by(step):
            span = self._start(name)
        if type(span) is not blank or type(span.context_tracer) is not noop:
            return span
        made = step(span.context_tracer, name)
        if type(made) is blank:
            return span
        span._leave()
        return made

    return start


_step: ContextVar[Callable[[Any, Any], Any] | None] = ContextVar("step", default=lambda tracer, name: tracer.start_span(name=name))
"""The call of a tracer's method that starts the next span; None inside it."""


def _by_steps(start: Callable[..., Any]) -> Callable[..., Any]:
    def start_by_steps(self: Any, name: Any, *args: Any) -> Any:
        step = _step.get()
        if step is None:
            return start(self, name, *args)
        with _starting_by(None):
            return step(self, name)

    return start_by_steps


@contextmanager
def _starting_by(step: Callable[[Any, Any], Any] | None) -> Iterator[None]:
    """Start the next span by this call of a method of its tracer."""
    token = _step.set(step)
    try:
        yield
    finally:
        _step.reset(token)


def ends_by_method(tracer: Any, own: Callable[..., Any]) -> bool:
    """Return whether spans of a tracer end by a method of a subclass, or by what a program has put in the place of the class's or the object's."""
    return type(tracer).end_span is not own or "end_span" in vars(tracer)


def end_by_steps(tracer: Any) -> None:
    """End each open span of a tracer by its `end_span`; that of a mock ends none, and is called once."""
    opened, before = tracer._open, -1
    while opened and len(opened) != before:
        before = len(opened)
        tracer.end_span()


@contextmanager
def ended_by(tracer: Any) -> Iterator[None]:
    """End, by its method, the span that a program's tracer, or a program's method of ours, has started."""
    try:
        yield
    finally:
        tracer.end_span()
