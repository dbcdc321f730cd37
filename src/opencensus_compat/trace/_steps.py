"""Which methods of spans and tracers a program has replaced.

OpenCensus makes, starts and ends a span by a dozen calls of public methods. Here it takes fewer, since nobody notices: until a program, such as
a test of it, puts a method of its own into one of the classes. From then on, until it takes it out again, these methods are called.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


class _Steps:
    are_replaced = False
    """Whether one of the methods is a program's now."""


steps = _Steps()
_on_change: list[Callable[[bool], object]] = []
_own: dict[tuple[type, str], Any] = {}
_replaced: set[tuple[type, str]] = set()


class Watched(ABCMeta):
    """The class of a class whose methods are watched; a program's subclass of that may be an abstract one, too."""

    # Those of `ABCMeta` take five times as long.
    __instancecheck__ = type.__instancecheck__
    __subclasscheck__ = type.__subclasscheck__

    def __setattr__(cls, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        own = _own.get((cls, name))
        if own is not None:
            (_replaced.discard if value is own else _replaced.add)((cls, name))
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


def start_by_steps(cls: type, *names: str) -> None:
    """Let these methods of a tracer start a span by its `start_span` while one is replaced; what that does is done as ever."""
    own = {name: vars(cls)[name] for name in names}
    stepping = {name: _by_steps(method) for name, method in own.items()}

    def changed(are_replaced: bool) -> None:
        for name, method in (stepping if are_replaced else own).items():
            setattr(cls, name, method)

    on_change(changed)


_is_stepping: ContextVar[bool] = ContextVar("stepping", default=False)


def _by_steps(start: Callable[..., Any]) -> Callable[..., Any]:
    def start_by_steps(self: Any, name: Any, *args: Any) -> Any:
        if _is_stepping.get():
            return start(self, name, *args)
        token = _is_stepping.set(True)
        try:
            return self.start_span(name=name)
        finally:
            _is_stepping.reset(token)

    return start_by_steps


def end_by_steps(tracer: Any) -> None:
    """End each open span of a tracer by its `end_span`; that of a mock ends none, and is called once."""
    opened, before = tracer._open, -1
    while opened and len(opened) != before:
        before = len(opened)
        tracer.end_span()
