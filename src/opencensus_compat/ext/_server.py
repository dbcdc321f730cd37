"""What the integrations with web frameworks share: components from settings, and one request from its headers to its end.

A request keeps its span as an object. "The current span" at a request's end may be a child that was left open, or of another thread.

What a program sees after a request, it saw in OpenCensus: the request's tracer stays the one of its thread or task, so that log lines which
follow (a server's access log) have its trace id. The next request there, traced or not, takes that back.
"""

from __future__ import annotations

import atexit
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import doubles as _doubles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.exporter import ConfigurationError
from opencensus_compat._bridge.handles import CensusSpan, is_own, span_part_of
from opencensus_compat._bridge.pipeline import ending  # noqa: F401 - its exit hook, registered before, runs after the one below
from opencensus_compat._bridge.process import report, restart_in_child
from opencensus_compat.common import configuration
from opencensus_compat.trace import _grpc_codes, attributes_helper, execution_context, print_exporter, samplers, utils
from opencensus_compat.trace import stack_trace as stack_trace_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace import tracer as tracer_module
from opencensus_compat.trace.blank_span import BlankSpan
from opencensus_compat.trace.propagation import trace_context_http_header_format
from opencensus_compat.trace.span import Span, SpanKind
from opencensus_compat.trace.tracers import context_tracer, noop_tracer

if TYPE_CHECKING:
    from traceback import StackSummary
    from types import TracebackType

    from opentelemetry.context import Context as OtelContext

HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES["ERROR_MESSAGE"]
ERROR_NAME = attributes_helper.COMMON_ATTRIBUTES["ERROR_NAME"]
STACKTRACE = attributes_helper.COMMON_ATTRIBUTES["STACKTRACE"]

_MAKERS = (AttributeError, NameError, SyntaxError, TypeError)
"""What a text that makes no component raises. Anything else is the component's own: it says by itself what is wrong."""


def trace_settings(given: Any, where: str, known: Iterable[str] = ()) -> Mapping[str, Any]:
    """Return the part ``TRACE`` of a framework's setting ``OPENCENSUS``; an empty one where there is none.

    Args:
        given: The setting: a mapping, an expression in text that makes one (an .ini file has no other values), or None.
        where: Where it stands, for messages, such as ``app.config``.
        known: The keys of ``TRACE`` that have an effect; others are reported, once each.

    Raises:
        ConfigurationError: It is neither, or its ``TRACE`` is not.
    """
    found = given
    for name in ("OPENCENSUS", "OPENCENSUS['TRACE']"):
        if isinstance(found, str) and found.strip():
            found = _evaluated(found.strip(), name, where, "a dictionary")
        if not found:
            return {}
        # A mock of a test answers to anything.
        if not hasattr(found, "get"):
            advice = "Write OPENCENSUS = {'TRACE': {'EXPORTER': ...}}."
            raise ConfigurationError(name, where, expected="a dictionary", came=f"{type(found).__name__}", advice=advice)
        if name == "OPENCENSUS":
            found = found.get("TRACE")
    known = set(known)
    for key in found if known and isinstance(found, Mapping) else ():
        if key not in known:
            report(f"OPENCENSUS['TRACE'][{key!r}] (from {where}) has no effect; known are {', '.join(sorted(known))}")
    settings: Mapping[str, Any] = found
    return settings


def sampler(given: Any, where: str, default: Callable[[], Any] = samplers.ProbabilitySampler) -> Any:
    """Return the sampler that settings name; see `component`."""
    return component(given, default, "SAMPLER", where, "should_sample")


def exporter(given: Any, where: str, default: Callable[[], Any] | None = None) -> Any:
    """Return the exporter that settings name; see `component`."""
    return component(given, default or print_exporter.PrintExporter, "EXPORTER", where, "export")


def propagator(given: Any, where: str, default: Callable[[], Any] | None = None) -> Any:
    """Return the propagator that settings name; see `component`."""
    default = default or trace_context_http_header_format.TraceContextPropagator
    return component(given, default, "PROPAGATOR", where, "from_headers")


def component(given: Any, default: Callable[[], Any], name: str, where: str, method: str) -> Any:
    """Return a component that settings name.

    Args:
        given: The component, its class, an expression in text that makes it, or text with the dotted name of its class; nothing gives the
            default.
        default: Returns the default.
        name: The setting's name, for messages.
        where: Where it stands, for messages, such as ``app.config``.
        method: What a component of this kind can do. One that cannot is reported, and used.

    Raises:
        ConfigurationError: The text makes no component.
        Exception: Whatever the component's constructor raises.
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return default()
    found = _evaluated(given.strip(), name, where, "a component") if isinstance(given, str) else given
    if isinstance(found, type):
        found = found()
    if not hasattr(found, method):
        report(f"{name} (from {where}): expected an object with the method {method}; got {type(found).__name__}. It has no effect")
    return found


def _evaluated(text: str, name: str, where: str, expected: str) -> Any:
    """Return the value of an expression of settings. What the text says stays out of messages: it may hold a connection string."""
    try:
        value = configuration.load(text)
        # A dotted name alone means nothing until it is called.
        return value() if isinstance(value, configuration.Namespace) else value
    except _MAKERS as error:
        came = f"text that raises {type(error).__name__}"
        if isinstance(error, NameError) and error.name:
            came = f"{came} for the name {error.name!r}"
    raise ConfigurationError(
        name,
        where,
        expected=f"text that makes {expected}",
        came=came,
        advice="It is a Python expression in which `opencensus` is the only name, such as opencensus.trace.samplers.AlwaysOnSampler().",
    )


def excludelist_of(settings: Mapping[str, Any], name: str, where: str, default: Any = None) -> Any:
    """Return a list of what is not traced from settings, under its name or the one that it had before 2020; see `excludelist`.

    Args:
        settings: As `trace_settings` returns them.
        name: ``EXCLUDELIST_PATHS`` or ``EXCLUDELIST_HOSTNAMES``.
        where: Where they stand, for messages.
        default: What is returned where they have neither.
    """
    older = older_name(name)
    if isinstance(settings, Mapping) and name not in settings and older in settings:
        name = older
    return excludelist(settings.get(name, default), name, where)


def older_name(name: str) -> str:
    """Return what a setting or argument was called in releases before 0.7.4: ``BLACKLIST_PATHS`` for ``EXCLUDELIST_PATHS``."""
    return name.replace("EXCLUDE", "BLACK").replace("exclude", "black")


def older_attribute(name: str, until: str) -> property:
    """Return a property that gives and sets an attribute, for the name that it had before.

    Args:
        name: The attribute, ``excludelist_paths`` or ``excludelist_hostnames``.
        until: The first release of the legacy distribution that calls it so.
    """

    def give(middleware: Any) -> Any:
        return getattr(middleware, name)

    def change(middleware: Any, value: Any) -> None:
        setattr(middleware, name, value)

    return property(give, change, doc=f"What releases before {until} called `{name}`.")


def excludelist(given: Any, name: str, where: str) -> Any:
    """Return a list of what is not traced. One text is a list of that text, not of its letters.

    Args:
        given: The list, or None.
        name: The setting's name, for messages.
        where: Where it stands, for messages.
    """
    if isinstance(given, str):
        report(f"{name} (from {where}): expected a list of texts; got one text, which is used as a list with this one member")
        return [given]
    return given


def is_excluded(url: str, excludelist_paths: Iterable[str] | None) -> bool:
    """Return whether requests to a URL, or to a path, are not traced; see `utils.disable_tracing_url`."""
    try:
        return utils.disable_tracing_url(url, excludelist_paths)
    except Exception as error:  # noqa: BLE001 - a list of a program's own may hold anything
        report("a list of paths that are not traced has no effect: %s", type(error).__name__)
        return False


class guarded:  # noqa: N801 - reads as the function that it is in a `with` statement
    """Report, once, what code of ours, or of a program's component, raises while a request is traced; it never reaches the application.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
    """

    __slots__ = ("_library",)

    def __init__(self, library: str) -> None:
        self._library = library

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        report_raised(self._library, error)
        return True


def report_raised(library: str, error: Exception) -> None:
    """Report what `guarded` does. What each request does costs a quarter less with `try` than with that."""
    # Once for each class: what a client has made up is not to hide that an exporter fails.
    report(f"opencensus.ext.{library}: a request is traced in part, or not at all: {type(error).__name__}: %s", _text(error))


def _text(error: BaseException) -> str:
    return oc_to_otel.text(error)[:200]


_last: ContextVar[Request | None] = ContextVar("opencensus-server-request", default=None)
"""The request that began last in this thread or task; one that has ended until the next one begins there."""


def forget_ended() -> None:
    """Take back what a request that has ended left here. Call it for each request that is not traced: `begin` does it for the others."""
    if _unsent.freed:
        _end_freed()
    last = _last.get()
    while last is not None and last.has_ended:
        last._take_back()
        last = last._around
        _last.set(last)


def new_tracer(headers: Any, *, sampler: Any, exporter: Any, propagator: Any) -> Any:
    """Return the tracer of a request, which continues what its headers say.

    Args:
        headers: What has a ``get`` for names of headers.
        sampler: Of the middleware, as the next two.
        exporter: Where spans go.
        propagator: What reads the headers.

    Raises:
        Exception: Whatever a component of a program's own raises.
    """
    span_context = propagator.from_headers(headers)
    return tracer_module.Tracer(span_context=span_context, sampler=sampler, exporter=exporter, propagator=propagator)


def begin(
    library: str, make_tracer: Callable[[], Any], describe: Callable[[Any], object], carrier: Mapping[str, Any] | None = None
) -> Request | None:
    """Begin a request and return it; None where that cannot be done, which is reported.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        make_tracer: Returns the request's tracer, as `new_tracer`.
        describe: Sets name and attributes of the span it is called with. What it raises is reported, and the span has what was set before.
            It is also called with a blank span; `is_recorded` tells.
        carrier: The WSGI environ or ASGI scope of the request, by which it is matched with OpenTelemetry's span of it.
    """
    forget_ended()
    before = execution_context.get_opencensus_tracer(), execution_context.get_opencensus_attrs()
    try:
        tracer = make_tracer()
        request = Request(library, tracer, _doubles.start_request(tracer.start_span, carrier), before, _last.get())
    except Exception as error:  # noqa: BLE001 - as `guarded`
        report_raised(library, error)
        with guarded(library):
            execution_context.set_opencensus_tracer(before[0])
        return None
    _last.set(request)
    span = request.span
    try:
        describe(span)
    except Exception as error:  # noqa: BLE001 - the same
        report_raised(library, error)
    try:
        # After the attributes, by which it is matched with the span that an OpenTelemetry instrumentation made of the same request.
        if span.span_kind != SpanKind.SERVER:
            span.span_kind = SpanKind.SERVER
    except Exception as error:  # noqa: BLE001 - the same
        report_raised(library, error)
    return request


def adopt(library: str, tracer: Any, span: Any) -> Request:
    """Return a request that a program's own code has begun, as the integration of OpenCensus did, so that it is ended as those of `begin`.

    Args:
        library: As in `begin`.
        tracer: Its tracer, which is the current one.
        span: Its span, which is the current one.
    """
    request = Request(library, tracer, span, (noop_tracer.NoopTracer(), {}), _last.get())
    _last.set(request)
    return request


def is_recorded(span: Any) -> bool:
    """Return whether what is set on a span has an effect: an unsampled request need not work out its attributes."""
    return type(span) is not BlankSpan


def set_attributes(span: Any, attributes: Mapping[str, Any]) -> None:
    """Set attributes of a span; none of a blank one."""
    if type(span) is Span:
        # As `add_attribute`, without a call for each.
        given = span.attributes
        for key, value in attributes.items():
            given[key] = value
    elif is_recorded(span):
        for key, value in attributes.items():
            span.add_attribute(key, value)


def note_exception(span: Any, error: BaseException) -> StackSummary:
    """Note the exception that left the application, and return the frames of its traceback.

    It is for OpenTelemetry's envelopes: there it is an event, in OpenCensus's the attributes tell.
    """
    raised, frames = oc_to_otel.raised_with_frames(error)
    if is_own(span, Span):
        span._exception, span._has_left, span._has_more = raised, True, True
    return traceback.extract_tb(error.__traceback__) if frames is None else frames


class Request:
    """A request that is traced, from `begin` to `end`, which may be called in any thread, task or context.

    Args:
        library: Name of the integration.
        tracer: The request's tracer.
        span: Its span, started.
        before: The tracer and the attributes of the context from before.
        around: The request inside which it began in the same thread or task (a test client in a view), or None.
    """

    def __init__(self, library: str, tracer: Any, span: Any, before: tuple[Any, Any], around: Request | None) -> None:
        self.library = library
        self.tracer = tracer
        self.span = span
        self.has_ended = False
        """Whether its span has ended, and whatever was open in it."""
        self._before = before
        self._around = around
        self._unclaimed = [True]
        self._held: _Current | None = None
        self._body: object = None

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes of the request's span."""
        try:
            set_attributes(self.span, attributes)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            report_raised(self.library, error)

    def set_status_code(self, code: Any) -> None:
        """Set the status code of the response, ``http.status_code``."""
        self.set_attributes({HTTP_STATUS_CODE: code})

    def fail(self, error: BaseException, *, sets_status: bool = True) -> None:
        """Note the exception that left the application; the request is sent with one ExceptionData that has its stack.

        Args:
            error: The exception.
            sets_status: Whether the span gets the status UNKNOWN and a stack trace too.
        """
        with guarded(self.library):
            span, message = self.span, oc_to_otel.text(error)
            if not is_recorded(span):
                return
            span.add_attribute(ERROR_NAME, type(error).__name__)
            span.add_attribute(ERROR_MESSAGE, message)
            if sets_status:
                span.status = status_module.Status(_grpc_codes.UNKNOWN, message=message)
            trace = error.__traceback__
            if trace is not None:
                frames = note_exception(span, error)
                if sets_status:
                    span.stack_trace = stack_trace_module._of_traceback(trace, frames)
                span.add_attribute(STACKTRACE, "\n".join(frames.format()))

    def end(self, *, is_here: bool = True) -> None:
        """End the span, and before it what was left open in it, innermost first. Further calls have no effect.

        Args:
            is_here: Whether the response ends in this thread or task.
        """
        try:
            self._unclaimed.pop()
        except IndexError:
            return
        held = self._held
        outside = None if held is None else _now()
        if held is not None:
            _put(held)
        self._end_spans()
        self.has_ended = True
        if outside is not None:
            self._held = None
            _unsent.suspended.discard(self)
            _put(outside)
            if is_here and outside.last is self._around:
                self._before = outside.tracer, outside.attributes
                execution_context.set_opencensus_tracer(self.tracer)
                _last.set(self)
        if self._around is not None and not self._around.has_ended and _last.get() is self:
            # The request around goes on, with its own tracer.
            self._take_back()
            _last.set(self._around)

    def end_or_suspend(self) -> None:
        """End the request, or suspend it where its `Body` is still to be sent: then that ends it."""
        if self._body is None:
            self.end()
        else:
            self.suspend()

    def forget_body(self) -> None:
        """End with the request, rather than with a `Body` that was made for it."""
        self._body = None

    def _end_spans(self) -> None:
        span, tracer, library = self.span, self.tracer, self.library
        try:
            if is_recorded(span) and _is_otel_shape(tracer):
                self._add_conventions()
        except Exception as error:  # noqa: BLE001 - as `guarded`
            report_raised(library, error)
        if not is_own(span, CensusSpan):
            # Of a tracer that a program's test has put there.
            with guarded(library):
                tracer.end_span()
                tracer.finish()
            return
        inside: list[Any] = list(_context.chain_to(span) or ())
        if is_own(tracer, tracer_module.Tracer):
            # What it has opened in other threads.
            inside += reversed(list(tracer._open.values()))
        for child in inside:
            if child is not span and not getattr(child, "_has_ended", False) and not getattr(child, "_is_foreign", False):
                with guarded(library):
                    context_tracer.end(child)
        try:
            context_tracer.end(span)
        except Exception as error:  # noqa: BLE001 - the same
            report_raised(library, error)

    def _add_conventions(self) -> None:
        """Set what OpenTelemetry's semantic conventions call the attributes that the span has."""
        given = self.span.attributes
        url = given.get(HTTP_URL)
        parts = urlsplit(url if isinstance(url, str) else "")
        port = None
        with suppress(ValueError):  # a host that a client has made up
            port = parts.port
        found = {
            "http.request.method": given.get(HTTP_METHOD),
            "http.response.status_code": given.get(HTTP_STATUS_CODE),
            "url.scheme": parts.scheme,
            "url.path": parts.path,
            "url.query": parts.query,
            "server.address": parts.hostname,
            "server.port": port,
            "error.type": given.get(ERROR_NAME),
        }
        for key, value in found.items():
            if value and key not in given:
                self.span.add_attribute(key, value)

    def _take_back(self) -> None:
        """Make current again what was before the request, as far as it is the request's that is current."""
        try:
            span = self.span
            if is_own(span, CensusSpan) and span._outer is not None:
                _context.leave(span, span._outer)
            tracer, attributes = self._before
            if execution_context.get_opencensus_tracer() is self.tracer:
                execution_context.set_opencensus_tracer(tracer)
            execution_context.set_opencensus_attrs(attributes)
        except Exception as error:  # noqa: BLE001 - as `guarded`
            report_raised(self.library, error)

    def suspend(self) -> None:
        """Leave the request for a while: its span stays open, and `resumed` goes on inside it, in whichever thread or task."""
        self._held = _now()
        _unsent.suspended.add(self)
        self._take_back()
        if _last.get() is self:
            _last.set(self._around)

    def resumed(self) -> _Resumed:
        """Return a context manager that goes on inside a suspended request, and suspends it again."""
        return _Resumed(self)


class _Current(NamedTuple):
    """What is current in a thread or task."""

    context: OtelContext
    tracer: Any
    attributes: Any
    last: Request | None


def _now() -> _Current:
    return _Current(
        _context.read_current(), execution_context.get_opencensus_tracer(), execution_context.get_opencensus_attrs(), _last.get()
    )


def _put(current: _Current) -> None:
    _context.resume(current.context)
    execution_context.set_opencensus_tracer(current.tracer)
    execution_context.set_opencensus_attrs(current.attributes)
    _last.set(current.last)


class _Resumed:
    """Inside a suspended request; nothing where the request is not suspended."""

    __slots__ = ("_outside", "_request")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._outside: _Current | None = None

    def __enter__(self) -> None:
        held = self._request._held
        if held is not None:
            self._outside = _now()
            _put(held)

    def __exit__(self, *error: object) -> None:
        if self._outside is not None:
            self._request._held = _now()
            _put(self._outside)


class Body:
    """The parts of a response that is made while it is sent: each inside its request, which ends with the last one.

    A server closes it, whether or not it has read all of it. One that was freed instead ends its request before the next one begins.

    Args:
        parts: What the application returned.
        request: The request. A further body takes this one's place.
    """

    def __init__(self, parts: Iterable[Any], request: Request) -> None:
        self._parts = parts
        self._iterator: Iterator[Any] | None = None
        self._request = request
        # No reference to this object: it is to be freed as soon as nobody reads it.
        self._mark = request._body = object()

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> Any:
        try:
            with self._request.resumed():
                if self._iterator is None:
                    self._iterator = iter(self._parts)
                return next(self._iterator)
        except StopIteration:
            self._end()
            raise
        except BaseException as error:
            self._request.fail(error)
            self._end()
            raise

    def close(self) -> None:
        """Close what the application returned, and end the request."""
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                with self._request.resumed():
                    close()
        finally:
            self._end()

    def __del__(self) -> None:
        # As the interpreter ends, a module has lost its names.
        if self._request._body is self._mark and _unsent is not None:
            # Nothing more here: it may be freed while this thread holds a lock of the exporter's, or changes a context variable, and a
            # context variable that is changed meanwhile is what CPython's context does not survive.
            _unsent.freed.append(self._request)

    def _end(self) -> None:
        """End the request; one that still runs ends when it has run."""
        request = self._request
        if request._body is self._mark:
            request._body = None
            if request._held is not None:
                request.end()


class _Unsent:
    """Requests whose response is still to be sent; a child made by fork leaves them to its parent."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin with none."""
        self.suspended: set[Request] = set()
        self.freed: list[Request] = []
        """Those whose body was freed before it was closed."""


_unsent = _Unsent()
restart_in_child(_unsent)


def _end_freed() -> None:
    """End the requests whose body was freed, in a context of their own: the current one is of another request, or of none."""
    while _unsent.freed:
        with suppress(IndexError):  # another thread takes the last one
            Context().run(_unsent.freed.pop().end, is_here=False)


@atexit.register
def _end_suspended() -> None:
    """End what a process that ends leaves open: a client that stays connected, a test's that did not read its response."""
    _end_freed()
    for request in list(_unsent.suspended):
        Context().run(request.end, is_here=False)


def _is_otel_shape(tracer: Any) -> bool:
    """Return whether the spans of a tracer are sent in OpenTelemetry's shape."""
    part = span_part_of(getattr(tracer, "exporter", None))
    shape = os.environ.get("OPENCENSUS_COMPAT_ENVELOPES") if part is None else part.settings.envelope_shape
    return shape == "otel"
