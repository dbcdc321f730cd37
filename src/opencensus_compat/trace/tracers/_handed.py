"""Tracers that are handed to other threads and tasks: which open span the work there belongs to."""

from __future__ import annotations

import sys
import threading
from threading import get_ident
from typing import Any

from opentelemetry.context import Context

from opencensus_compat._bridge import context as _context


def open_top(holder: Any) -> Any:
    """Return the span that was noted last of those that are open; None where none is."""
    top = holder._top
    while top is not None and top._has_ended:
        top = top._top_before
    holder._top = top
    return top


def note_elsewhere(holder: Any, span: Any, place: object) -> None:
    """Note a span that no other one of its tracer is around, and that has just started elsewhere than where the tracer was made.

    Args:
        holder: The tracer.
        span: The span.
        place: Where.
    """
    home = holder._home
    if home is None or place is None:
        return
    span._place = place
    if get_ident() == home:
        holder._task_top = span
    elif home != _MAIN and open_top(holder) is None:
        # One of several requests that share it has made it, when it was first needed.
        holder._home = holder._top = None


_MAIN = threading.main_thread().ident


def handed_with(holder: Any, context: Context) -> Any:
    """Return the span that work belongs to: the work got the tracer from the task or thread that made it.

    That is the tracer's innermost open span there. Other work that the tracer was handed to may run beside, and is not what this work
    belongs to.

    Args:
        holder: The tracer.
        context: The current context.
    Returns: None where a span is current already, where the tracer has none open there, and where tasks have several, so that none is meant for certain.
    """
    otel = _context.otel_span(context)
    if otel is not None and otel.get_span_context().is_valid:
        return None
    top = open_top(holder)
    if top is not None:
        several = _context.place() == holder._home and not _UNKNOWN_TASKS.isdisjoint(sys.modules)
        return None if several else _innermost_at(holder, holder._home) or top
    top = holder._task_top
    if top is None or get_ident() == holder._home:
        return None
    # Made outside all tasks, as a module's tracer is, and used in a task of that thread.
    tasks = {span._place for span in list(holder._open.values()) if not isinstance(span._place, int)}
    if not top._has_ended:
        tasks.add(top._place)
    elif not tasks:
        holder._task_top = None
    if len(tasks) != 1:
        return None
    return _innermost_at(holder, tasks.pop()) or (None if top._has_ended else top)


def _innermost_at(holder: Any, place: object) -> Any:
    """Return the span that a tracer has started last, of those that are open in a place; None for one of an unsampled trace."""
    return next((span for span in reversed(list(holder._open.values())) if span._place == place and not span._has_ended), None)


_UNKNOWN_TASKS = frozenset({"curio", "trio", "twisted.internet"})
"""What runs several requests on one thread, in tasks that `_context.place` does not tell apart."""
