"""Where the OpenCensus execution context lives inside the OpenTelemetry context.

There is one truth, the OpenTelemetry context. Beside the current OpenTelemetry span it carries, under one key of ours, the
innermost OpenCensus span together with the OpenTelemetry span it was made current with. The pair tells whether the OpenCensus
span is still the current one, or whether OpenTelemetry code has opened a span inside it since.

Code of others attaches contexts of its own: a framework that extracts the headers of a request attaches what it gets, and that is empty where
there are none. Such a context hides no open OpenCensus span. So each thread and task has the innermost one in a variable of ours, too, and
`current` returns the context with it where the context itself has no valid span.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context as Variables
from contextvars import ContextVar, copy_context
from enum import IntEnum
from threading import get_ident
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet, ref

from opencensus_compat._bridge import environment as _environment  # noqa: F401 - before anything of OpenTelemetry is imported

# isort: split
from opentelemetry import trace as trace_api
from opentelemetry.context import Context, attach, create_key, detach, get_current

from opencensus_compat._bridge.handles import CensusSpan, is_own

_T = TypeVar("_T")

__all__ = [
    "CENSUS_KEY",
    "SPAN_KEY",
    "Active",
    "Exporting",
    "Silenced",
    "active",
    "as_exporter",
    "attach",
    "chain_to",
    "current",
    "enter",
    "enter_foreign",
    "exporting",
    "get_current",
    "has_instrumentations",
    "hide",
    "in_empty_context",
    "innermost_open",
    "is_hidden",
    "leave",
    "let_stand_in",
    "make_current",
    "modules",
    "opened",
    "otel_span",
    "place",
    "read_current",
    "request_around",
    "resume",
    "spans",
    "stand_in_for",
    "stand_in_of",
    "with_span",
]

CENSUS_KEY = create_key("opencensus-span")
"""Context key of the innermost OpenCensus span, as an `Active` pair."""

# The API's own key for the current span is private; the context it builds shows it. Building contexts with both keys in one copy
# halves the cost of entering a span.
SPAN_KEY: str = next(iter(trace_api.set_span_in_context(trace_api.INVALID_SPAN, Context())))


class Exporting(IntEnum):
    """Whose exporter runs in a thread or task."""

    NO = 0
    """None: the application runs."""
    PROGRAM = 1
    """One of the program's: integrations do not trace what it does, and what it logs is the application's."""
    OURS = 2
    """This package's: integrations do not trace what it does, and no handler takes what it logs."""


exporting: ContextVar[Exporting] = ContextVar("opencensus-exporting", default=Exporting.NO)
"""Whose exporter runs here. `opencensus.trace.execution_context` shows it to programs as the slot `is_exporter`."""


class as_exporter:  # noqa: N801 - reads as the function that it is in a `with` statement
    """Mark a block as an exporter's. Inside an export of this package's the mark stays that one's.

    Args:
        by: Whose exporter it is.
    """

    __slots__ = ("_by", "_token")

    def __init__(self, by: Exporting) -> None:
        self._by = by

    def __enter__(self) -> None:
        # A generator would take three times as long, and a synchronous transport exports span by span.
        self._token = exporting.set(max(self._by, exporting.get()))

    def __exit__(self, *error: object) -> None:
        exporting.reset(self._token)


def _reader() -> Callable[[], Context]:
    """Return what reads the current context: the `get` of the variable that the API keeps it in.

    The API does not name that variable. A context made current, for a moment, shows which one it is. This is the one place that looks.

    Saves: 4 percent of the bytecodes of a sampled span, 9 of an unsampled one, and 0.05 microseconds of each log record.
    Costs: 2 microseconds as the module loads.
    Off: with a runtime context that keeps its contexts elsewhere (``OTEL_PYTHON_CONTEXT``), the API's own functions are used. A release of
    OpenTelemetry without such a variable does the same.
    """
    probe = Context()
    token = attach(probe)
    try:
        variable = next((variable for variable, value in copy_context().items() if value is probe), None)
    finally:
        detach(token)
    try:
        return get_current if variable is None or Variables().run(variable.get) != Context() else variable.get
    except LookupError:
        return get_current


read_current = _reader()
"""Returns the current context, as `get_current` does, in a third of the time."""

_variable = getattr(read_current, "__self__", None)
make_current: Callable[[Context], object] = _variable.set if isinstance(_variable, ContextVar) else attach
"""Makes a context current, as `attach` does, in half of the time."""

Active = tuple[Any, ...]
"""An OpenCensus span and the OpenTelemetry span it was made current with; for what a program made current that no tracer started, that
object, the OpenTelemetry span that is current with it or None, and the context from before."""


opened: ContextVar[list[Active | None] | None] = ContextVar("opencensus-open-span", default=None)
"""What was made current last in this thread or task, or what was current before that if it has been left; it may have ended elsewhere.

In a list, since changing that costs less than setting the variable again. A task that has inherited it then sees what is left, too.
"""


_read_opened = opened.get


class _Spans:
    def __init__(self) -> None:
        # Not on the class, where to read it for each log record takes 0.02 us more.
        self.were_entered = False
        """Whether any was made current in this process: log handlers need not look for one before."""


spans = _Spans()
"""What is known of all OpenCensus spans."""


def active(context: Context) -> Active | None:
    """Return the innermost OpenCensus span of a context, whether or not OpenTelemetry has opened another inside it."""
    found: Any = context.get(CENSUS_KEY)
    return found  # type: ignore[no-any-return] # `cast` would double what this costs


def otel_span(context: Context) -> trace_api.Span | None:
    """Return the current OpenTelemetry span of a context, or None when there is none."""
    found: Any = context.get(SPAN_KEY)
    if found is not None and modules.have_instrumentations:
        return _instead_of(found, context)
    return found  # type: ignore[no-any-return] # `cast` would double what this costs


def _instead_of(span: trace_api.Span, context: Context) -> trace_api.Span:
    """Return the span of the OpenCensus request that a span gives way to; where there is none, the span."""
    if type(span) is not trace_api.NonRecordingSpan:
        return _stand_ins.get(span, span)
    innermost = active(context)
    if innermost is None or innermost[1] is None or innermost[1] is span or not is_own(innermost[0], CensusSpan):
        return span
    inner, around = span.get_span_context(), innermost[1].get_span_context()
    if inner.is_remote or inner.trace_flags.sampled or not around.trace_flags.sampled or inner.trace_id != around.trace_id:
        return span
    # A sampler of OpenTelemetry's leaves the span out. OpenCensus's has decided about all of its request.
    return innermost[1] if innermost[0].span_kind == _SERVER else span


_SERVER = 1
"""The kind of an OpenCensus span that is a request."""
_stand_ins: WeakKeyDictionary[trace_api.Span, trace_api.Span] = WeakKeyDictionary()


def let_stand_in(span: trace_api.Span, for_span: trace_api.Span) -> None:
    """Let an OpenCensus request's span be the current one wherever the span of the same request that OpenTelemetry made is."""
    _stand_ins[for_span] = span


def stand_in_of(context: Context) -> trace_api.Span | None:
    """Return the span that stands in for the current OpenTelemetry span of a context, None where there is none."""
    span: Any = context.get(SPAN_KEY)
    return None if span is None else _stand_ins.get(span)


def stand_in_for(span: trace_api.Span | None) -> trace_api.Span | None:
    """Return the span that stands in for a span, None where there is none."""
    return None if span is None else _stand_ins.get(span)


def request_around(innermost: Active | None) -> Any:
    """Return the OpenCensus span of the request that something lies in, None outside any."""
    while innermost is not None and is_own(innermost[0], CensusSpan):
        if innermost[0].span_kind == _SERVER:
            return innermost[0]
        innermost = _around(innermost)
    return None


class Silenced(trace_api.NonRecordingSpan):
    """Stands for the span around, in place of a framework's own that is left out.

    Args:
        around: The span around.
    """

    def __init__(self, around: trace_api.Span) -> None:
        super().__init__(around.get_span_context())
        self.around = around


_hidden: WeakSet[trace_api.Span] = WeakSet()
"""Remote parents that frameworks attached around spans of their own that are left out: the caller is the parent of nothing else here."""


def hide(remote: trace_api.Span) -> None:
    """Let a remote parent be no current span, in whichever context it is: it belongs to a span that is left out."""
    _hidden.add(remote)


def is_hidden(span: trace_api.Span) -> bool:
    """Return whether a span is a remote parent that belongs to a span that is left out."""
    return type(span) is trace_api.NonRecordingSpan and span in _hidden


def current() -> Context:
    """Return the current context; where it has no valid span, with the innermost OpenCensus span that is open in this thread or task."""
    context = read_current()
    otel = otel_span(context)
    if otel is None and opened.get() is None:
        return context
    innermost = active(context)
    if innermost is not None and innermost[1] is otel:
        return context
    if type(otel) is Silenced:
        otel = otel.around
        context = Context({**context, SPAN_KEY: otel})
        if innermost is not None and innermost[1] is otel:
            return context
    hidden = otel is not None and is_hidden(otel)
    if otel is not None and not hidden and otel.get_span_context().is_valid:
        return context
    found = innermost_open()
    if found is not None and found[1] is not None:
        return Context({**context, SPAN_KEY: found[1], CENSUS_KEY: found})
    if found is None and not hidden:
        return context
    rest = Context({key: value for key, value in context.items() if key != SPAN_KEY})
    return rest if found is None else Context({**rest, CENSUS_KEY: found})


def innermost_open() -> Active | None:
    """Return the innermost OpenCensus span that is open in this thread or task, whatever context is current."""
    found = opened.get()
    innermost = None if found is None else found[0]
    while innermost is not None and is_own(innermost[0], CensusSpan) and innermost[0]._has_ended:
        innermost = _around(innermost)
    return innermost


def _around(innermost: Active) -> Active | None:
    """Return what was current before something became it."""
    outer = innermost[2] if len(innermost) > 2 else innermost[0]._outer
    return None if outer is None else active(outer)


def with_span(context: Context, span: object, otel: trace_api.Span) -> Context:
    """Return a context in which both APIs see the given span as current."""
    return Context({**context, SPAN_KEY: otel, CENSUS_KEY: (span, otel)})


def enter(context: Context, span: object, otel: trace_api.Span) -> None:
    """Make a span current for both APIs.

    The API's token is dropped on purpose: OpenCensus programs end spans in other tasks and threads than they started them in, where
    a token cannot be used. `leave` puts the outer context back instead.
    """
    innermost = (span, otel)
    make_current(Context({**context, SPAN_KEY: otel, CENSUS_KEY: innermost}))
    opened.set([innermost])
    spans.were_entered = True


def enter_foreign(context: Context, value: object, otel: trace_api.Span | None) -> None:
    """Make current what no tracer started: a span that a program made or wrapped, or a mock.

    Args:
        context: The current context.
        value: The object.
        otel: The OpenTelemetry span that is current with it; None leaves none current.
    """
    innermost = active(context)
    # One that takes the place of another leads out past it: programs set one for each request, and never take it back.
    outer = innermost[2] if innermost is not None and len(innermost) > 2 else context
    values = {key: value for key, value in context.items() if key != SPAN_KEY}
    resume(Context({**values, **({} if otel is None else {SPAN_KEY: otel}), CENSUS_KEY: (value, otel, outer)}))


def resume(context: Context) -> None:
    """Make a context current, and the OpenCensus span in it the one that is open here; without one, none is."""
    make_current(context)
    opened.set([active(context)])
    spans.were_entered = True


def chain_to(span: object) -> list[CensusSpan] | None:
    """Return the OpenCensus spans opened inside `span` in the current context, innermost first.

    Returns: None when `span` is not open in this context: it was started elsewhere, or has been left.
    """
    inside: list[CensusSpan] = []
    innermost = active(read_current())
    while innermost is not None:
        found = innermost[0]
        if found is span:
            return inside
        inside.append(found)
        innermost = _around(innermost)
    return None


def leave(span: object, outer: Context) -> None:
    """Make `outer`, the context from before `enter`, current again, if `span` is open in the current one."""
    innermost: Any = read_current().get(CENSUS_KEY)
    found: Any = _read_opened()
    if found is not None and innermost is not None and found[0] is innermost and innermost[0] is span:
        # Nothing but this span is open: nearly always.
        make_current(outer)
        found[0] = outer.get(CENSUS_KEY)
        return
    is_current = (innermost is not None and innermost[0] is span) or chain_to(span) is not None
    if is_current:
        make_current(outer)
    if found is not None and found[0] is not None:
        if found[0][0] is span:
            found[0] = active(outer)
        elif is_current:
            # Others inside it were left open.
            opened.set([active(outer)])


class _Modules:
    """What of the loaded modules makes a difference; looked for again when their number has changed, since each span needs it."""

    def __init__(self) -> None:
        self.loaded = sys.modules
        self.seen = 0
        self.have_tasks = False
        self.have_instrumentations = False
        self.running_loop: Callable[[], Any] | None = None
        self.current_task: Callable[[Any], Any] | None = None
        self.current_greenlet: Callable[[], Any] | None = None

    def look(self) -> None:
        """Look at the loaded modules."""
        self.seen = len(self.loaded)
        # What another thread is importing may lack names; there is one more module then.
        asyncio, greenlet = self.loaded.get("asyncio"), self.loaded.get("greenlet")
        self.current_task = getattr(asyncio, "current_task", None)
        self.running_loop = None if self.current_task is None else getattr(asyncio, "_get_running_loop", None)
        self.current_greenlet = getattr(greenlet, "getcurrent", None)
        self.have_tasks = self.running_loop is not None or self.current_greenlet is not None
        self.have_instrumentations = "opentelemetry.instrumentation" in self.loaded or "fastapi.telemetry" in self.loaded


modules = _Modules()


def place() -> object:
    """Return what stands for the task, greenlet or thread that runs: no two that run at the same time have equal ones.

    Returns: None in a callback of an event loop, which is in no task.
    """
    if len(modules.loaded) != modules.seen:
        modules.look()
    return get_ident() if not modules.have_tasks else _place_of_task()


def _place_of_task() -> object:
    loop = None if modules.running_loop is None else modules.running_loop()
    if loop is not None:
        task = None if modules.current_task is None else modules.current_task(loop)
        return None if task is None else ref(task)
    greenlet = None if modules.current_greenlet is None else modules.current_greenlet()
    # The outermost one is the thread.
    return get_ident() if greenlet is None or greenlet.parent is None else ref(greenlet)


def has_instrumentations() -> bool:
    """Return whether anything is loaded that makes OpenTelemetry spans for libraries, as legacy integrations do."""
    if len(modules.loaded) != modules.seen:
        modules.look()
    return modules.have_instrumentations


def in_empty_context(make: Callable[[], _T]) -> _T:
    """Return what `make` returns, called where no tracer and no span is current.

    The SDK starts threads, and instrumented threads open spans of the tracer that is current where they are started: they would wait for
    the provider that is being made, and a batch processor's thread would keep an application's span for ever.
    """
    return Variables().run(make)
