"""The integration with Django: a span for each request, and one for each query of it.

Use::

    MIDDLEWARE = ["opencensus.ext.django.middleware.OpencensusMiddleware", ...]
    OPENCENSUS = {"TRACE": {"SAMPLER": ..., "EXPORTER": ..., "PROPAGATOR": ..., "EXCLUDELIST_PATHS": [...], "EXCLUDELIST_HOSTNAMES": [...]}}
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import django.conf
import django.db
from asgiref.sync import sync_to_async
from django.core.exceptions import DisallowedHost
from django.db import connection  # noqa: F401 - a name of OpenCensus's module
from django.db.backends import signals
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from opencensus_compat._bridge.handles import CensusSpan, is_own
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat.common import configuration  # noqa: F401 - a name of OpenCensus's module
from opencensus_compat.ext import _patching, _server, _spans
from opencensus_compat.ext.dbapi._statements import of_framework as _of_framework
from opencensus_compat.trace import _grpc_codes, attributes_helper, execution_context, integrations, print_exporter, samplers, utils
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace import tracer as tracer_module  # noqa: F401 - a name of OpenCensus's module
from opencensus_compat.trace._kept import is_error
from opencensus_compat.trace.propagation import trace_context_http_header_format

__getattr__ = patch_targets(__name__, "sys", "traceback")

HTTP_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES["ERROR_MESSAGE"]
ERROR_NAME = attributes_helper.COMMON_ATTRIBUTES["ERROR_NAME"]
STACKTRACE = attributes_helper.COMMON_ATTRIBUTES["STACKTRACE"]

REQUEST_THREAD_LOCAL_KEY = "django_request"
SPAN_THREAD_LOCAL_KEY = "django_span"

EXCLUDELIST_PATHS = "EXCLUDELIST_PATHS"
EXCLUDELIST_HOSTNAMES = "EXCLUDELIST_HOSTNAMES"
BLACKLIST_PATHS = _server.older_name(EXCLUDELIST_PATHS)
BLACKLIST_HOSTNAMES = _server.older_name(EXCLUDELIST_HOSTNAMES)

log = logging.getLogger("opencensus.ext.django.middleware")

_LIBRARY = "django"
_WHERE = "Django's settings"
_KNOWN = ("SAMPLER", "EXPORTER", "PROPAGATOR", EXCLUDELIST_PATHS, EXCLUDELIST_HOSTNAMES, BLACKLIST_PATHS, BLACKLIST_HOSTNAMES)
_OLDER_SETTINGS = ("OPENCENSUS_TRACE", "OPENCENSUS_TRACE_PARAMS")
"""Settings of releases before 0.3, which later ones do not read."""
_SYSTEMS = {"oracle": "oracle.db"}
"""What OpenTelemetry's conventions call a database, where Django has another name for it."""
_TRACED = "_opencensus_request"
"""Attribute of a Django request: what is traced of it, and the middleware that does so."""


class _DjangoMetaWrapper:
    """Gives propagators the headers of a request by their names, from `request.META`.

    Args:
        meta: The request's `META`; that of the context's request where it is empty.
    """

    def __init__(self, meta: Any = None) -> None:
        self.meta = meta or _get_django_request().META

    def get(self, key: str) -> Any:
        """Return a header's value, or None."""
        return self.meta.get("HTTP_" + key.upper().replace("-", "_"))


def _get_django_request() -> Any:
    """Return the Django request of this context, or None."""
    return execution_context.get_opencensus_attr(REQUEST_THREAD_LOCAL_KEY)


def _get_django_span() -> Any:
    """Return the span of the Django request of this context, or None."""
    return execution_context.get_opencensus_attr(SPAN_THREAD_LOCAL_KEY)


def _get_current_tracer() -> Any:
    """Return the tracer of this context."""
    return execution_context.get_opencensus_tracer()


def _set_django_attributes(span: Any, request: Any) -> None:
    """Set id and name of the request's user on a span; one without a user gets none."""
    user = getattr(request, "user", None)
    if user is None:
        return
    user_id, user_name = user.pk, user.get_username()
    if user_id is not None:
        span.add_attribute("django.user.id", str(user_id))
    if user_name is not None:
        span.add_attribute("django.user.name", str(user_name))


def _trace_db_call(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
    """Run a query inside a client span of the current tracer: a wrapper for `connection.execute_wrappers`.

    Args:
        execute: Runs the query.
        sql: The statement, with placeholders.
        params: Its values, which the span does not have.
        many: Whether `params` are those of several runs.
        context: Has the connection under `connection`.

    Returns: What `execute` returns.
    Raises:
        Exception: Whatever `execute` raises; the span's status is "DB error".
    """
    tracer = _get_current_tracer()
    running = _of_framework.get()
    # Programs that knew of one connection alone have put this on others themselves, and may have done so on those that have it already.
    if not tracer or (running is not None and running[0] is sql and running[1] is params):
        return execute(sql, params, many, context)
    span = None
    try:
        span = _start_query(tracer, sql, context)
    except Exception as error:  # noqa: BLE001 - of a tracer of the program's own; the query runs without
        _report_query(error)
    token = _of_framework.set(None if span is None else (sql, params))
    try:
        return execute(sql, params, many, context)
    except Exception:
        if span is not None:
            with _server.guarded(_LIBRARY):
                span.set_status(status_module.Status(_grpc_codes.UNKNOWN, "DB error"))
        raise
    finally:
        _of_framework.reset(token)
        if span is not None:
            with _server.guarded(_LIBRARY):
                _end_query(tracer, span)


def _start_query(tracer: Any, sql: Any, context: Any) -> Any:
    """Start the span of a query; return None where that of an OpenTelemetry instrumentation is sent in its place."""
    if _patching.opentelemetry_traces(_LIBRARY, tracer):
        return None
    span = tracer.start_span()
    try:
        vendor = context["connection"].vendor
        span.name = f"{vendor}.query"
        span.span_kind = span_module.SpanKind.CLIENT
        add = _spans.adder(tracer, span)
        add("component", vendor)
        add("db.instance", context["connection"].alias)
        add("db.statement", sql)
        add("db.type", "sql")
        if _server._is_otel_shape(tracer):
            add("db.system.name", _SYSTEMS.get(vendor, vendor))
            add("db.query.text", sql)
    except Exception as error:  # noqa: BLE001 - of a span of the program's own
        _report_query(error)
    return span


def _end_query(tracer: Any, span: Any) -> None:
    is_ours = is_own(span, CensusSpan)
    if is_ours:
        # With what was left open in it.
        span.__exit__(None, None, None)
    else:
        tracer.end_span()


def _report_query(error: Exception) -> None:
    report("a query of Django's is traced in part, or not at all: %s", type(error).__name__)


def _trace_connection(**sent: Any) -> None:
    """Trace the queries of a connection, once however often it is asked for; a receiver of the signal `connection_created`."""
    wrappers = sent["connection"].execute_wrappers
    if _trace_db_call not in wrappers:
        # Before those that a program has put there for a while: it takes the last one back.
        wrappers.insert(0, _trace_db_call)


def _trace_connections() -> None:
    """Trace the queries of all connections: of those that this thread has, and of each that is opened from now on, in any thread."""
    signals.connection_created.connect(_trace_connection)
    try:
        existing = django.db.connections.all(initialized_only=True)
    except TypeError:  # before Django 4.1
        existing = django.db.connections.all()
    for each in existing:
        _trace_connection(connection=each)


class OpencensusMiddleware(MiddlewareMixin):  # type: ignore[misc] # Django has no types
    """Makes a span of each request, named after its view, and traces its queries.

    The span ends with the response; that of a streaming response ends with its last part. Components are those of the setting
    ``OPENCENSUS["TRACE"]``, as objects, as classes, or as expressions in text.

    Args:
        get_response: What Django gives to a middleware.

    Raises:
        ConfigurationError: A setting makes no component.
    """

    sampler: Any
    exporter: Any
    propagator: Any
    excludelist_paths: Any = None
    excludelist_hostnames: Any = None

    def __new__(cls, get_response: Any = None, *_args: Any, **_options: Any) -> Any:
        """Return a middleware that Django can call, also where a subclass calls no constructor."""
        made = super().__new__(cls)
        if get_response is not None:
            # Django before 4.1 did without, and so do programs' subclasses that make their components by themselves.
            MiddlewareMixin.__init__(made, get_response)
        return made

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        settings = _server.trace_settings(getattr(django.conf.settings, "OPENCENSUS", None), _WHERE, _KNOWN)
        _report_older_settings(settings)
        self.sampler = _server.sampler(settings.get("SAMPLER"), _WHERE, samplers.ProbabilitySampler)
        self.exporter = _server.exporter(settings.get("EXPORTER"), _WHERE, print_exporter.PrintExporter)
        self.propagator = _server.propagator(settings.get("PROPAGATOR"), _WHERE, trace_context_http_header_format.TraceContextPropagator)
        self.excludelist_paths = _server.excludelist_of(settings, EXCLUDELIST_PATHS, _WHERE)
        self.excludelist_hostnames = _server.excludelist_of(settings, EXCLUDELIST_HOSTNAMES, _WHERE)
        with _server.guarded(_LIBRARY):
            _trace_connections()
        integrations.add_integration(integrations._Integrations.DJANGO)

    blacklist_paths = _server.older_attribute("excludelist_paths", "0.7.3")
    blacklist_hostnames = _server.older_attribute("excludelist_hostnames", "0.7.3")

    def __call__(self, request: Any) -> Any:
        """Return the response to a request; in async mode, what is awaited for it."""
        try:
            return super().__call__(request)
        except BaseException as error:
            self._end_without_response(request, error)
            raise

    async def __acall__(self, request: Any) -> Any:
        response = None
        try:
            if type(self).process_request is _PROCESS_REQUEST:
                # Nothing in it waits, so that it needs no thread.
                self.process_request(request)
            else:
                response = await sync_to_async(self.process_request, thread_sensitive=True)(request)
            response = response or await self.get_response(request)
            # Who the user is may be a query.
            return await sync_to_async(self.process_response, thread_sensitive=True)(request, response)
        except BaseException as error:
            # Also where the client has gone, which cancels the task.
            self._end_without_response(request, error)
            raise

    def process_request(self, request: Any) -> Any:
        """Start the span of a request, unless its path is left out."""
        try:
            if _is_traced(request):
                # The settings list the middleware twice: the outer one traces.
                return
            if _server.is_excluded(request.path, self.excludelist_paths):
                _server.forget_ended()
                return
            traced = _server.begin(_LIBRARY, lambda: self._tracer(request), lambda span: _describe(span, request), request.META)
            if traced is not None:
                execution_context.set_opencensus_attr(SPAN_THREAD_LOCAL_KEY, traced.span)
                setattr(request, _TRACED, (traced, self))
        except Exception as error:  # noqa: BLE001 - as `_server.guarded`
            _server.report_raised(_LIBRARY, error)

    def _tracer(self, request: Any) -> Any:
        attributes = {REQUEST_THREAD_LOCAL_KEY: request, "excludelist_hostnames": self.excludelist_hostnames}
        execution_context.set_opencensus_attrs({**execution_context.get_opencensus_attrs(), **attributes})
        headers = _DjangoMetaWrapper(request.META)
        return _server.new_tracer(headers, sampler=self.sampler, exporter=self.exporter, propagator=self.propagator)

    def process_view(self, request: Any, view_func: Any, *args: Any, **kwargs: Any) -> Any:
        """Name the request's span after its view."""
        traced = self._traced(request)
        if traced is not None:
            try:
                traced.span.name = utils.get_func_name(view_func)
            except Exception as error:  # noqa: BLE001 - as `_server.guarded`
                _server.report_raised(_LIBRARY, error)

    def process_response(self, request: Any, response: Any) -> Any:
        """End the request's span, or hand it to a streaming response, and return the response."""
        traced = self._traced(request)
        if traced is None:
            return response
        try:
            traced.set_status_code(response.status_code)
            if _server.is_recorded(traced.span):
                with _server.guarded(_LIBRARY):
                    _set_django_attributes(traced.span, request)
            if getattr(response, "streaming", False) is True and getattr(response, "file_to_stream", None) is None:
                _hand_over(traced, response)
                return response
        except Exception as error:  # noqa: BLE001 - as `_server.guarded`
            _server.report_raised(_LIBRARY, error)
        traced.end()
        return response

    def process_exception(self, request: Any, exception: Any) -> Any:
        """Note the exception that left a view on its request's span."""
        traced = self._traced(request)
        if traced is not None:
            traced.fail(exception, sets_status=False)
            if _server.is_recorded(traced.span):
                with _server.guarded(_LIBRARY):
                    _set_django_attributes(traced.span, request)

    def _traced(self, request: Any) -> Any:
        """Return what this middleware traces of a Django request; None of one that is left out."""
        found = getattr(request, "__dict__", {}).get(_TRACED)
        if found is not None:
            return found[0] if found[1] is self else None
        if type(self).process_request is _PROCESS_REQUEST or _get_django_request() is not request:
            return None
        # A subclass has begun the request by itself, as OpenCensus did.
        span = _get_django_span()
        if span is None:
            return None
        traced = _server.adopt(_LIBRARY, _get_current_tracer(), span)
        setattr(request, _TRACED, (traced, self))
        return traced

    def _end_without_response(self, request: Any, error: BaseException) -> None:
        """End the span of a request that an exception leaves; what the server answers then is the status 500."""
        traced = self._traced(request)
        if traced is None or traced.has_ended:
            return
        if is_error(error):
            traced.set_status_code(500)
            traced.fail(error, sets_status=False)
        traced.end()


_BUILD = HttpRequest.build_absolute_uri
_PROCESS_REQUEST = OpencensusMiddleware.process_request


def _report_older_settings(settings: Any) -> None:
    for name in _OLDER_SETTINGS if not settings else ():
        if hasattr(django.conf.settings, name):
            report(
                f"{name} (from {_WHERE}) has no effect, as in opencensus-ext-django 0.3 and later: write OPENCENSUS = {{'TRACE': {{...}}}}"
            )


def _is_traced(request: Any) -> bool:
    """Return whether a middleware traces a Django request at the moment."""
    found = getattr(request, "__dict__", {}).get(_TRACED)
    return found is not None and not found[0].has_ended


def _describe(span: Any, request: Any) -> None:
    if not _server.is_recorded(span):
        return
    path = str(request.path)
    found = {HTTP_METHOD: request.method, HTTP_PATH: path, HTTP_ROUTE: path}
    try:
        host, whole = request.get_host(), request.get_full_path()
        if "/." in path or getattr(type(request), "build_absolute_uri", None) is not _BUILD:
            # A path that has to be resolved, or a request of the program's own.
            url = request.build_absolute_uri()
        else:
            # As Django does, which asks for the host once more, and quotes what is quoted.
            url = f"{request.scheme}://{host}{whole}"
        found[HTTP_HOST], found[HTTP_URL] = host, str(url)
    except DisallowedHost:
        # Who has made up a host gets an error from whatever in Django asks for it.
        pass
    finally:
        _server.set_attributes(span, found)


def _hand_over(traced: _server.Request, response: Any) -> None:
    """Let a streaming response end its request."""
    is_async = getattr(response, "is_async", False)
    traced.suspend()
    response.streaming_content = (_AsyncBody if is_async else _server.Body)(response.streaming_content, traced)


class _AsyncBody(_server.Body):
    """The same of a response whose parts are awaited."""

    __iter__ = None  # type: ignore[assignment] # Django tells the two apart by whether this works

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        parts: Any = self._parts
        try:
            with self._request.resumed():
                return await anext(parts)
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:
            # A client that goes away cancels the task.
            if is_error(error):
                self._request.fail(error)
            self._end()
            raise
