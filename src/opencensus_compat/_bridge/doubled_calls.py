"""One call, one span: where a legacy integration and an OpenTelemetry instrumentation trace the same call to another service.

The span is the integration's, unless the application exports OpenTelemetry's span to the same resource itself; then it is that. The two are
matched by the call, in either order:

* The next span that is started where an integration has asked (`ask`) is that of its call.
* An OpenTelemetry span that starts directly inside it, made by an instrumentation of the same library, or of one that this is built on, is of
  the same call. So is one that is running there as the integration asks.

OpenTelemetry's span that gives way is left out of what this package sends. What runs inside it, and what is called, belong to the one that
stays: headers name that one.

Integrations of other distributions run unmodified, and what they hand to a tracer is no more than a name. Which one calls shows in the frames
of the caller alone, so they are read here and nowhere else. This package's own integrations ask.

Cost: 1 microsecond for a span inside another, 2.5 for one of an integration, where OpenTelemetry's instrumentations are loaded; nothing in
other programs.

Off: with None in place of `frame_at`, as in an interpreter without `sys._getframe`. Both spans of a call of a legacy distribution's arrive then.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge.process import report
from opencensus_compat._integrations import INTEGRATIONS

if TYPE_CHECKING:
    from opentelemetry import trace as trace_api
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from opencensus_compat._bridge.others import Others

__all__ = ["Call", "ask", "frame_at", "instrumentation_of", "is_traced", "next_call", "started"]

frame_at: Callable[[int], FrameType] | None = getattr(sys, "_getframe", None)
"""Returns the frame so many calls up; None switches the reading of frames off."""

_OURS = f"{__name__.partition('.')[0]}."
_INSTRUMENTATIONS = "opentelemetry.instrumentation."
_PEERS = {row.name: row.instrumentations for row in INTEGRATIONS.values() if row.instrumentations and not row.is_server}
"""Integration -> OpenTelemetry's instrumentations of the same library, of one that it is built on, or that is built on it."""
# The middleware makes those of queries, too.
_PEERS["django"] = _PEERS["dbapi"]
_ALL_PEERS = frozenset(peer for peers in _PEERS.values() for peer in peers)
_LISTENERS = frozenset({"pymongo", "sqlalchemy"})
"""Those that listen to events: their span is not the current one while the call runs."""
_CLIENT = 2
"""The kind of an OpenCensus span that is a call."""
_MOST_RUNNING = 8

_asked: ContextVar[tuple[str, Context] | None] = ContextVar("opencensus-asked", default=None)
"""The integration that has asked last, and the context that was current."""
_running: ContextVar[tuple[weakref.ref[Span], ...]] = ContextVar("opencensus-otel-calls", default=())
"""The client spans of instrumentations that were started in this thread or task and may run yet, innermost last."""


class Call:
    """A call that an integration is about to start a span for.

    Args:
        library: The integration's name.
        found: OpenTelemetry's spans of the same call that are running, innermost first.
        is_elsewhere: They, or those that an instrumentation will make, are sent in place of the integration's.
    """

    __slots__ = ("found", "is_elsewhere", "library", "parent")

    def __init__(self, library: str, found: list[Span], *, is_elsewhere: bool) -> None:
        self.library = library
        self.found = found
        self.is_elsewhere = is_elsewhere
        self.parent: trace_api.SpanContext | None = found[-1].parent if found else None
        """The parent of the outermost of them, which is that of the call."""


def is_traced(exporter: object) -> bool:
    """Return whether this package sends the spans of an exporter: another vendor's gets none of OpenTelemetry's, so that each is made."""
    return _handles.span_part_of(exporter) is not None or _handles.is_own(exporter, _handles.ProviderOnly)


def ask(library: str, exporter: object, are_sent: Callable[[object], bool]) -> bool:
    """Return whether an OpenTelemetry instrumentation makes the span of the call at hand; if not, the next span is that of this call.

    The first time, report that both trace it. Where OpenTelemetry's instrumentations are suppressed, none makes one.

    Args:
        library: The integration's name.
        exporter: That of the tracer which would make the span.
        are_sent: Returns whether an exporter of the application's own sends OpenTelemetry's spans where a legacy exporter sends.
    """
    if _is_suppressed():
        return True
    if not _context.has_instrumentations():
        return False
    if is_traced(exporter) and _call(library, exporter, are_sent).is_elsewhere:
        return True
    _asked.set((library, _context.read_current()))
    return False


def next_call(exporter: object, are_sent: Callable[[object], bool]) -> Call | None:
    """Return the call whose span is being started; None for any other span.

    Args:
        exporter: As for `ask`.
        are_sent: As for `ask`.
    """
    asked = _asked.get()
    if asked is not None:
        _asked.set(None)
    library = asked[0] if asked is not None and asked[1] is _context.read_current() else _of_caller()
    if library is not None and _is_suppressed():
        return Call(library, [], is_elsewhere=True)
    return None if library is None or not is_traced(exporter) else _call(library, exporter, are_sent)


_SUPPRESSED = "suppress_instrumentation"
"""How the keys of a context begin under which the SDK, or a program, switches instrumentations off, as around an exporter."""


def _is_suppressed() -> bool:
    context = _context.read_current()
    return any(key.startswith(_SUPPRESSED) and context[key] for key in context)


def _of_caller() -> str | None:
    """Return the legacy integration of another distribution that is asking for a span, as the frames show it."""
    if frame_at is None:
        return None
    frame = frame_at(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
    caller = str(frame.f_globals.get("__name__")).split(".")
    if caller[:2] != ["opencensus", "ext"] or len(caller) < 3:
        return None
    is_query = caller[2] != "django" or frame.f_code.co_name == "_trace_db_call"
    return caller[2] if caller[2] in _PEERS and is_query else None


def _call(library: str, exporter: object, are_sent: Callable[[object], bool]) -> Call:
    peers = _PEERS.get(library, (library,))
    found = _at_hand(peers)
    # Its spans go to all of the provider's exporters, OpenTelemetry's with them.
    is_provider_only = _handles.is_own(exporter, _handles.ProviderOnly)
    if found:
        is_elsewhere = is_provider_only or are_sent(exporter)
        _report(instrumentation_of(found[0]), library, is_census=not is_elsewhere)
        return Call(library, found, is_elsewhere=is_elsewhere)
    instrumented = next((peer for peer in peers if is_provider_only and _is_instrumented(f"{_INSTRUMENTATIONS}{peer}")), None)
    if instrumented is not None:
        _report(instrumented, library, is_census=False)
    return Call(library, found, is_elsewhere=instrumented is not None)


def _at_hand(peers: tuple[str, ...]) -> list[Span]:
    """Return the spans of instrumentations that run around the call at hand, innermost first."""
    running = _running.get()
    if not running:
        return []
    current: Any = _context.read_current().get(_context.SPAN_KEY)
    inside = None if current is None else getattr(current, "context", None) or current.get_span_context()
    found = []
    for reference in reversed(running):
        span = reference()
        if span is None or not span.is_recording() or (name := instrumentation_of(span)) not in peers:
            continue
        own, parent = span.context, span.parent
        if own == inside or (name in _LISTENERS and (parent is None) == (inside is None) and (parent is None or parent == inside)):
            found.append(span)
            inside = parent
    return found


def instrumentation_of(span: object) -> str:
    """Return the name of the instrumentation that made a span, empty where none did."""
    scope = str(getattr(getattr(span, "instrumentation_scope", None), "name", "") or "")
    return scope[len(_INSTRUMENTATIONS) :].partition(".")[0] if scope.startswith(_INSTRUMENTATIONS) else ""


def started(span: Span, context: Context, others: Others) -> _handles.CensusSpan | None:
    """Look at a client span that OpenTelemetry code has started; return the OpenCensus span of the same call, which it gives way to.

    Args:
        span: The span, running.
        context: The context that it was started in.
        others: Who else gets the spans of its provider.
    """
    name = instrumentation_of(span)
    if name not in _ALL_PEERS:
        return None
    before = [reference for reference in _running.get() if (running := reference()) is not None and running.is_recording()]
    _running.set((*before[1 - _MOST_RUNNING :], weakref.ref(span)))
    innermost = _context.active(context)
    if innermost is None or not _handles.is_own(innermost[0], _handles.CensusSpan):
        return None
    call = innermost[0]
    if call._call is None or call.span_kind != _CLIENT or name not in _PEERS.get(call._call, (call._call,)):
        return None
    exporter = call.context_tracer.exporter
    if innermost[1] is not _context.otel_span(context) or not is_traced(exporter):
        return None
    if not others.send_for(exporter):
        _report(name, call._call, is_census=True)
        return call
    otel = call._otel
    if _private.set_parent(span, getattr(otel, "parent", None)):
        call._is_elsewhere = True
        _report(name, call._call, is_census=False)
    return None


def stand_in(span: trace_api.Span, for_span: Span) -> None:
    """Let a span be the parent of what starts inside another one, and the one that this tells other services of.

    Args:
        span: The span that arrives.
        for_span: OpenTelemetry's, which is left out. Its own ids stay what the application's exporters see.
    """
    _context.let_stand_in(span, for_span)
    for_span.get_span_context = span.get_span_context  # type: ignore[method-assign] # of this one object


def _report(name: str, library: str, *, is_census: bool) -> None:
    names = f"both {_INSTRUMENTATIONS}{name} and opencensus.ext.{library} trace the same calls"
    report(f"{names}: each is sent once, as {'OpenCensus' if is_census else 'OpenTelemetry'}'s")


def _is_instrumented(module: str) -> bool:
    for kind in list(vars(sys.modules.get(module, _NotLoaded)).values()):
        is_own = (
            isinstance(kind, type) and kind.__module__ == module and not kind.__name__.startswith("_") and "Server" not in kind.__name__
        )
        # The one instance that there is. To call its class would start it anew, without the hooks of the program.
        if is_own and hasattr(kind, "is_instrumented_by_opentelemetry") and kind.__new__(kind).is_instrumented_by_opentelemetry:
            return True
    return False


class _NotLoaded:
    """Stands for a module that is not loaded."""
