"""How integrations put themselves into the libraries that they trace."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from opencensus_compat._bridge import doubled_calls as _calls
from opencensus_compat._bridge.providers.spans import others_send
from opencensus_compat.trace import execution_context

_MARK = "_opencensus_original"


def wrap(owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
    """Put ``wrapper(function)`` in a function's place, unless that has been done, so that what it does is never done twice.

    Args:
        owner: The class that has the function.
        name: The function's name.
        wrapper: Returns the new function for the old one.
    """
    current = getattr(owner, name)
    # What another tool has put around ours tells what it wraps, if it keeps to functools.wraps.
    if _is_marked(inspect.unwrap(current, stop=_is_marked)):
        return
    wrapped = wrapper(current)
    # A test of a program may have put a wrapper of its own in the place, which returns anything.
    with suppress(AttributeError, TypeError):
        setattr(wrapped, _MARK, current)
    setattr(owner, name, wrapped)


def _is_marked(function: Any) -> bool:
    # A mock that stands in the function's place answers to any name.
    return _MARK in getattr(function, "__dict__", ())


def opentelemetry_traces(library: str, tracer: Any = None) -> bool:
    """Return whether an OpenTelemetry instrumentation makes the span of the call at hand; the first time, say so.

    If not, the next span that is started in the current context is that of this call. So an integration asks right before it starts one.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        tracer: What starts the span; None for the current one.
    """
    tracer = tracer or execution_context.get_opencensus_tracer()
    return _calls.ask(library, getattr(tracer, "exporter", None), others_send)
