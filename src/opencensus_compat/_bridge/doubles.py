"""One request, one span: where OpenCensus code and an OpenTelemetry instrumentation trace the same request.

The request is the OpenCensus one's, unless the application exports OpenTelemetry's span to the same resource itself; then it is that. The
two are matched by the request, in either order. This package's integrations hand over its WSGI environ or ASGI scope, in which some
instrumentations keep their span; of the others, it is the span around that has the environ's path, whatever spans are in between. A program's
own middleware hands over nothing: there one span lies directly in the other, in the same thread or task, and as far as both say which path
was requested, it is the same. A request takes the place of one span of each instrumentation: a second one is of a request that the program
sends itself.

What gives way is left out of what this package sends, and what runs inside it belongs to the one that stays. The sampler of the OpenCensus
tracer decides about its requests, whatever OpenTelemetry's has decided about theirs.
"""

from __future__ import annotations

import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanContext, SpanKind

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import doubled_calls as _calls
from opencensus_compat._bridge import frameworks as _frameworks
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import process as _process
from opencensus_compat._bridge.running_spans import be_request
from opencensus_compat._integrations import INTEGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from opencensus_compat._bridge.others import Others

__all__ = [
    "ended",
    "give_way",
    "give_way_to_call",
    "guarded",
    "is_free",
    "is_request",
    "is_same_request",
    "leave_out",
    "may_be_request",
    "report",
    "request_at_hand",
    "scope_of",
    "start_request",
    "started",
    "take_over",
    "take_place",
]

_INSTRUMENTATIONS = "opentelemetry.instrumentation."
_SERVERS = frozenset(name for row in INTEGRATIONS.values() if row.is_server for name in row.instrumentations) | {
    # Of frameworks for which OpenCensus had nothing: programs trace their requests themselves.
    "aiohttp_server",
    "falcon",
    # The integration with gRPC makes calls as well as requests.
    "grpc",
    "tornado",
}
"""OpenTelemetry's instrumentations that make a span for each request that comes in."""
_ONE_EACH = frozenset({"django", "flask", "pyramid", "wsgi"})
"""Those of them that make no other spans, such as one for each message."""
_METHODS = ("http.request.method", "http.method")
_PATHS = ("url.path", "http.target", "http.path", "url.full", "http.url")
_CODES = ("http.response.status_code", "http.status_code")
_OF_REQUESTS = (
    "asgi.",
    "client.",
    "flask.",
    "http.",
    "net.",
    "network.",
    "otel.",
    "rpc.",
    "server.",
    "url.",
    "user_agent.",
    "wsgi.",
    "_MS.",
)
_OF_CALLS = (*_OF_REQUESTS, "db.", "error.type", "peer.")
"""How the attributes begin that an instrumentation sets: OpenCensus's span says the same in its own words."""
_KEYS = "opentelemetry-"
"""How the keys of an environ begin under which instrumentations keep what they need of a request: their span, for one."""
_STEP = "asgi.event.type"
"""Attribute of the spans that an instrumentation makes of each message of a request that comes or goes."""
_STEPS = (" http receive", " http send", " websocket receive", " websocket send")
"""How the names of these spans end; one that is cancelled while it waits for its message has no attribute."""
_MOST_ATTRIBUTES = 32
_MOST_RUNNING = 8
_SERVER = 1
"""The kind of an OpenCensus span that is a request."""

_T = TypeVar("_T")
_Attributes: TypeAlias = "Mapping[str, Any] | None"
_Key = tuple[int, int]
_Reference: TypeAlias = "weakref.ref[trace_api.Span]"
_left_out: dict[_Key, tuple[weakref.ref[_handles.CensusSpan] | None, _Reference]] = {}
"""Trace and span id of a running OpenTelemetry span that is not sent -> the OpenCensus request that it gives way to, or None."""
_moved: dict[_Key, tuple[SpanContext, _Reference]] = {}
"""The same of one that was started in a span which is not sent -> the context of its parent."""
_apart: weakref.WeakSet[trace_api.Span] = weakref.WeakSet()
"""Those in a trace of their own, or below the caller's span, although an OpenCensus request is open around them, and what is inside them.

The request stands in for all of them, since none need arrive where it does.
"""
_taken: weakref.WeakSet[trace_api.Span] = weakref.WeakSet()
"""Spans of OpenTelemetry code that are sent in the place of OpenCensus's request."""
_beginning: ContextVar[Mapping[str, Any] | None] = ContextVar("opencensus-carrier", default=None)
"""The environ or scope of the request whose span is being started."""
_requests: ContextVar[tuple[weakref.ref[Span], ...]] = ContextVar("opencensus-otel-requests", default=())
"""The spans of requests that instrumentations have started in this thread or task and that may run yet, innermost last."""


def start_request(start_span: Callable[[], _T], carrier: Mapping[str, Any] | None) -> _T:
    """Return the span that a function starts, of the request that an integration hands over.

    Args:
        start_span: Starts the span.
        carrier: The WSGI environ or ASGI scope of the request; None where that is not known.
    """
    if carrier is None or not _context.has_instrumentations():
        return start_span()
    token = _beginning.set(carrier)
    try:
        span = start_span()
    finally:
        _beginning.reset(token)
    if _handles.is_own(span, _handles.CensusSpan):
        span._carrier = carrier
    return span


def request_at_hand() -> Span | None:
    """Return the OpenTelemetry span of the request that is beginning, as far as an integration has handed that over."""
    carrier = _beginning.get()
    if carrier is None:
        return None
    found: list[Span] = []
    guarded(lambda: found.extend(_spans_of(carrier)))
    return found[0] if found else None


def _spans_of(carrier: Mapping[str, Any]) -> Iterator[Span]:
    """Yield the spans of OpenTelemetry code that may be those of a request, the likeliest first."""
    for key in list(carrier):
        # "opentelemetry-flask.span_key" and its like.
        if isinstance(key, str) and key.startswith(_KEYS) and is_request(carrier[key]) and is_free(carrier[key]):
            yield carrier[key]
    current = _context.otel_span(_context.read_current())
    if current is None:
        return
    trace_id = current.get_span_context().trace_id
    for reference in reversed(_requests.get()):
        span = reference()
        if span is not None and is_free(span) and span.get_span_context().trace_id == trace_id and _has_path(carrier, span.attributes):
            yield span


def is_free(span: trace_api.Span) -> bool:
    """Return whether a span runs, and no OpenCensus request has taken its place."""
    return span.is_recording() and _key_of(span) not in _left_out and span not in _taken


def take_place(span: trace_api.Span, request: _handles.CensusSpan) -> None:
    """Let a span of OpenTelemetry code be sent in the place of an OpenCensus request."""
    _taken.add(span)
    request._scopes |= {scope_of(span)}
    request._is_elsewhere = True


def scope_of(span: object) -> str:
    """Return the name of the instrumentation that made a span, empty where that is unknown."""
    return str(getattr(getattr(span, "instrumentation_scope", None), "name", "") or "")


def is_request(span: object) -> bool:
    """Return whether an OpenTelemetry span is that of a request which came in, made by an instrumentation or by the framework itself."""
    if _handles.is_own(span, _handles.OtelSpan):
        return False
    kind = getattr(span, "kind", None)
    if kind is not SpanKind.SERVER and kind is not SpanKind.INTERNAL:
        return False
    scope = scope_of(span)
    if scope not in _frameworks.SCOPES and _calls.instrumentation_of(span) not in _SERVERS:
        return False
    # Inside another span, instrumentations make an internal one; before 0.66b0, Pyramid's says only later what it is.
    return (
        kind is SpanKind.SERVER
        or _calls.instrumentation_of(span) in _ONE_EACH
        or any(key in (getattr(span, "attributes", None) or ()) for key in _METHODS)
    )


def may_be_request(span: object) -> bool:
    """Return whether a span that is not recorded may be that of a request: the SDK leaves nothing of it but its ids."""
    return type(span) is trace_api.NonRecordingSpan and not span.get_span_context().is_remote


def is_same_request(census: _Attributes, otel: _Attributes) -> bool:
    """Return whether the attributes of an OpenCensus and an OpenTelemetry span, as far as they show, are those of one request."""
    paths = {path for path in (_path(census), _path(otel)) if path is not None}
    return len(paths) < 2


def _path(attributes: _Attributes) -> str | None:
    for key in _PATHS:
        value = attributes.get(key) if attributes else None
        if isinstance(value, str) and value:
            try:
                return unquote(value.partition("?")[0] if value.startswith("/") else urlsplit(value).path) or "/"
            except ValueError:
                return None
    return None


def _has_path(carrier: Mapping[str, Any], otel: _Attributes) -> bool:
    """Return whether the attributes of an OpenTelemetry span, as far as they show, are those of a request.

    Behind a prefix of its own, a framework may show the path with it or without, as a server may.
    """
    path = _path(otel)
    own, root = (carrier.get(key) or "" for key in (("PATH_INFO", "SCRIPT_NAME") if "PATH_INFO" in carrier else ("path", "root_path")))
    paths = {own, f"{root}{own}", own.removeprefix(root)}
    # WSGI has bytes as text of so many letters.
    paths |= {each.encode("latin-1", "replace").decode("utf-8", "replace") for each in paths}
    return path is None or path in {unquote(each) or "/" for each in paths}


def _may_take_place(request: Any, span: Span) -> bool:
    """Return whether an OpenCensus request that runs may be that of a span of OpenTelemetry code, which has just started inside it."""
    if request._is_elsewhere or scope_of(span) in request._scopes:
        return False
    return (
        is_same_request(request.attributes, span.attributes) if request._carrier is None else _has_path(request._carrier, span.attributes)
    )


def report(scope: str, *, is_census: bool) -> None:
    """Report, once, whose spans of requests are sent."""
    if is_census:
        _process.report("both %s and OpenCensus code trace the same requests: each is sent once, as OpenCensus's", scope)
    else:
        _process.report("both %s and OpenCensus code trace the same requests: each is sent once, as OpenTelemetry's", scope)


def give_way(span: trace_api.Span, request: _handles.CensusSpan, otel: trace_api.Span) -> None:
    """Let an OpenCensus request stand in for a span of OpenTelemetry code.

    Args:
        span: The running span, which will not be sent.
        request: The OpenCensus span.
        otel: Its OpenTelemetry span, or another one inside which the span was started.
    """
    _context.let_stand_in(otel, span)
    _note(_left_out, span, weakref.ref(request))
    request._scopes |= {scope_of(span)}
    request._doubles = (*request._doubles, weakref.ref(span))


def take_over(request: _handles.CensusSpan) -> None:
    """Put what is set on the spans that have given way to a request on it: it ends, and they may end after it."""
    for reference in request._doubles:
        span = reference()
        if span is not None and span.is_recording():
            guarded(_hand_over, span, request)


def give_way_to_call(span: Span, call: _handles.CensusSpan, instead: trace_api.Span) -> None:
    """Let an OpenCensus client span stand in for a span of OpenTelemetry code.

    Args:
        span: The running span, which will not be sent.
        call: The OpenCensus span.
        instead: What is the parent of all that starts inside the span from now on.
    """
    # With its own ids, which it does not show afterwards.
    _note(_left_out, span, weakref.ref(call))
    _calls.stand_in(instead, span)


def leave_out(span: trace_api.Span) -> None:
    """Send neither a running span of OpenTelemetry code nor an OpenCensus request in its place: OpenCensus's sampler decides so."""
    _note(_left_out, span, None)


def _note(notes: dict[_Key, tuple[_T, _Reference]], span: trace_api.Span, what: _T) -> None:
    key = _key_of(span)
    # The reference forgets the note when the span is freed without having ended.
    notes[key] = (what, weakref.ref(span, lambda _: notes.pop(key, None)))


def _key_of(span: trace_api.Span | ReadableSpan) -> _Key:
    context: Any = span.get_span_context()
    return context.trace_id, context.span_id


def started(span: Span, context: Context, others: Others) -> None:
    """Look at a span that OpenTelemetry code has started.

    A span that cannot be matched is left unchanged: it belongs to the application, which would get an error from the SDK.

    Args:
        span: The span, running.
        context: The context that it was started in.
        others: Who else gets the spans of its provider.
    """
    guarded(_match, span, context, others)


def guarded(match: Callable[..., None], *args: object) -> None:
    """Call a function that looks at what programs have put on spans; what it raises is reported."""
    try:
        match(*args)
    except Exception as error:  # noqa: BLE001 - it may raise anything
        _process.report("a request that an OpenTelemetry instrumentation traces, too, could not be matched: %s", type(error).__name__)


def _match(span: Span, context: Context, others: Others) -> None:
    if span.kind is SpanKind.CLIENT:
        call = _calls.started(span, context, others)
        if call is not None:
            give_way_to_call(span, call, call._otel)
            return
    is_of_request = is_request(span)
    if is_of_request:
        before = [reference for reference in _requests.get() if (running := reference()) is not None and running.is_recording()]
        _requests.set((*before[1 - _MOST_RUNNING :], weakref.ref(span)))
    around = _context.stand_in_of(context)
    if around is not None:
        _follow_stand_in(span, around, context)
    elif _left_out and _is_in_left_out(context):
        leave_out(span)
        return
    innermost = _context.active(context)
    if innermost is None or not _handles.is_own(innermost[0], _handles.CensusSpan):
        if innermost is None and around is None and is_of_request:
            _started_apart(span, others)
        return
    # A step of the instrumentation's request: that request is the one around it once more.
    if innermost[0]._is_left_out or (_is_named_as_step(span) and _is_in_request(innermost[0])):
        leave_out(span)
        return
    request: Any = _context.request_around(innermost) if is_of_request else None
    if request is None or request._otel is None or not _may_take_place(request, span):
        return
    current = _context.otel_span(context)
    if request is innermost[0] and innermost[1] is current and around is None:
        _settle(span, request, others)
    elif request._carrier is not None and current is not None and not others.send_for(request.context_tracer.exporter):
        # Spans of the program's own are in between: only by the request itself is it known, and those spans are not below OpenTelemetry's.
        give_way(span, request, current)
        report(scope_of(span), is_census=True)


def _follow_stand_in(span: Span, around: trace_api.Span, context: Context) -> None:
    """Move a span whose parent has a stand-in below the stand-in, or leave it out with that."""
    outer = context.get(_context.SPAN_KEY)
    if outer in _apart:
        _apart.add(span)
        _context.let_stand_in(around, span)
        if around.get_span_context().trace_flags.sampled:
            _note(_moved, span, around.get_span_context())
        else:
            leave_out(span)
    elif around.get_span_context().trace_id == span.get_span_context().trace_id:
        _note(_moved, span, around.get_span_context())


def _settle(span: Span, request: Any, others: Others) -> None:
    """Let one of two spans of a request arrive, of which OpenTelemetry's lies directly in OpenCensus's."""
    if not others.send_for(request.context_tracer.exporter):
        give_way(span, request, request._otel)
        report(scope_of(span), is_census=True)
    elif be_request(span, getattr(request._otel, "parent", None)):
        take_place(span, request)
        report(scope_of(span), is_census=False)


def _is_in_left_out(context: Context) -> bool:
    """Return whether the current OpenTelemetry span of a context is one that OpenCensus's sampler leaves out."""
    outer: Any = context.get(_context.SPAN_KEY)
    found = None if outer is None else _left_out.get(_key_of(outer))
    return found is not None and found[0] is None


def _started_apart(span: Span, others: Others) -> None:
    """Look at a request of OpenTelemetry code for which the framework has made a fresh context, so that it is in no span."""
    found = _context.innermost_open()
    if found is None or found[1] is None or not _handles.is_own(found[0], _handles.CensusSpan):
        return
    request: Any = found[0]
    around = found[1].get_span_context()
    if request._is_left_out or not around.trace_flags.sampled:
        leave_out(span)
        _apart.add(span)
        unsampled = trace_api.SpanContext(around.trace_id, around.span_id, False, trace_api.TraceFlags(0), around.trace_state)
        _context.let_stand_in(trace_api.NonRecordingSpan(unsampled), span)
        return
    if request.span_kind != _SERVER or not _may_take_place(request, span):
        return
    if not others.send_for(request.context_tracer.exporter):
        _apart.add(span)
        give_way(span, request, found[1])
        report(scope_of(span), is_census=True)
    elif be_request(span, span.parent):
        take_place(span, request)
        report(scope_of(span), is_census=False)


def ended(span: ReadableSpan) -> ReadableSpan | None:
    """Return what is sent of a span of OpenTelemetry code that has ended: the span, the same one below another parent, or None."""
    if not (_left_out or _moved):
        return span
    key = _key_of(span)
    moved = _moved.pop(key, None)
    left_out = _left_out.pop(key, None)
    if left_out is not None:
        request = None if left_out[0] is None else left_out[0]()
        if request is not None:
            guarded(_hand_over, span, request)
        return None
    if moved is None:
        parent = span.parent
        outer = None if parent is None else _left_out.get((parent.trace_id, parent.span_id))
        if outer is None:
            return span
        # It has begun before the request that has taken the place of the span around it.
        instead = _context.stand_in_for(outer[1]())
        return None if instead is None or _is_named_as_step(span) else _below(span, instead.get_span_context())
    return None if _STEP in (span.attributes or ()) or _is_named_as_step(span) else _below(span, moved[0])


def _is_named_as_step(span: ReadableSpan) -> bool:
    return span.name.endswith(_STEPS) and scope_of(span).startswith(_INSTRUMENTATIONS)


def _is_in_request(span: object) -> bool:
    """Return whether an OpenCensus span is that of a request, or lies in one of the same tracer."""
    while _handles.is_own(span, _handles.CensusSpan):
        if span.span_kind == _SERVER:
            return True
        span = span.parent_span
    return False


def _below(span: ReadableSpan, parent: trace_api.SpanContext) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan

    own = span.context
    if own is not None and own.trace_id != parent.trace_id:
        own = trace_api.SpanContext(parent.trace_id, own.span_id, False, own.trace_flags, own.trace_state)
    return ReadableSpan(
        name=span.name,
        context=own,
        parent=parent,
        resource=span.resource,
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _hand_over(span: ReadableSpan, request: _handles.CensusSpan) -> None:
    """Put what a program has set on a span that is not sent on the request, as long as that runs, and what went wrong."""
    if request._end_ns is not None:
        return
    given, own = span.attributes or {}, request.attributes
    is_call = request._call is not None
    for key, value in given.items():
        if not key.startswith(_OF_CALLS if is_call else _OF_REQUESTS) and key not in own and len(own) < _MOST_ATTRIBUTES:
            own[key] = value
    code = next((given[key] for key in _CODES if key in given), None)
    if code is not None and not is_call and "http.status_code" not in own:
        own["http.status_code"] = code
    for event in span.events:
        values = event.attributes or {}
        if event.name != "exception":
            request._otel.add_event(event.name, values, event.timestamp)
        elif not is_call and "error.message" not in own:
            own["error.name"] = values.get("exception.type")
            own["error.message"] = values.get("exception.message")
            own["stacktrace"] = values.get("exception.stacktrace")
    for link in span.links:
        request._otel.add_link(link.context, link.attributes)
