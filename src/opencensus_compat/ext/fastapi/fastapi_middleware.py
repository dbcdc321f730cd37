"""The middleware for FastAPI and Starlette."""

from __future__ import annotations

import logging
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.status import HTTP_500_INTERNAL_SERVER_ERROR
from starlette.types import ASGIApp

from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.pipeline import ending
from opencensus_compat._bridge.providers import made
from opencensus_compat.ext import _server
from opencensus_compat.trace import attributes_helper, exceptions_status, execution_context, integrations, samplers
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace.blank_span import BlankSpan
from opencensus_compat.trace.span import Span

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__getattr__ = patch_targets(
    __name__,
    "traceback",
    "opencensus_compat.trace.print_exporter",
    "opencensus_compat.trace.propagation.trace_context_http_header_format",
    "opencensus_compat.trace.utils",
    tracer_module="opencensus_compat.trace.tracer",
)

HTTP_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES["ERROR_MESSAGE"]
ERROR_NAME = attributes_helper.COMMON_ATTRIBUTES["ERROR_NAME"]
STACKTRACE = attributes_helper.COMMON_ATTRIBUTES["STACKTRACE"]

module_logger = logging.getLogger("opencensus.ext.fastapi.fastapi_middleware")

_LIBRARY = "fastapi"


class FastAPIMiddleware(BaseHTTPMiddleware):
    """Makes a server span of each HTTP request of an ASGI application, and its tracer the current one for what the request does.

    The span begins with the request and ends with its answer: with the last part of a body that is streamed, and before tasks in the
    background, which belong to the request all the same. An exception that no handler of the application's takes goes on; the request
    has the status code 500 and the exception's stack. Websockets go by, and the lifespan, at whose end what is queued is exported.

    It is a plain ASGI application, which runs nothing in a task of its own. A subclass that overrides `dispatch` runs as
    Starlette's `BaseHTTPMiddleware`, in which the span ends where the answer begins.

    Args:
        app: The application.
        excludelist_paths: Beginnings of paths that are not traced, without the first slash; ``_ah/health`` when None.
        excludelist_hostnames: Hosts, as ``name:port``, calls to which the integrations with HTTP clients do not trace.
        sampler: Decides about each request; None keeps all.
        exporter: Where the spans go; None prints them.
        propagator: Reads the caller's span from the headers; None reads W3C Trace Context.
    """

    def __init__(
        self,
        app: ASGIApp,
        excludelist_paths: Any = None,
        excludelist_hostnames: Any = None,
        sampler: Any = None,
        exporter: Any = None,
        propagator: Any = None,
    ) -> None:
        super().__init__(app)
        where = f"{type(self).__name__}(...)"
        self.excludelist_paths = _server.excludelist(excludelist_paths, "excludelist_paths", where)
        self.excludelist_hostnames = _server.excludelist(excludelist_hostnames, "excludelist_hostnames", where)
        self.sampler = _server.sampler(sampler, where, samplers.AlwaysOnSampler)
        self.exporter = _server.exporter(exporter, where)
        self.propagator = _server.propagator(propagator, where)
        integrations.add_integration(integrations._Integrations.FASTAPI)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, a websocket's or the lifespan's as the application does."""
        if scope["type"] != "http":
            _server.forget_ended()
            await self.app(scope, receive, _flushing(send) if scope["type"] == "lifespan" else send)
            return
        # A program may have put one on the object, too.
        if getattr(self.dispatch_func, "__func__", None) is not _DISPATCH:
            await super().__call__(scope, receive, send)
            return
        _spare(scope.get("app"))
        if self._is_excluded(scope):
            await self.app(scope, receive, send)
            return
        asked = Request(scope, receive, send)
        traced = _server.begin(_LIBRARY, lambda: self._prepare_tracer(asked), lambda span: self._before_request(span, asked), scope)
        if traced is None:
            await self.app(scope, receive, send)
            return
        answer = _Answer(self, traced, send)
        try:
            await self.app(scope, receive, answer.send)
        except BaseException as error:
            answer.fail(error)
            raise
        else:
            answer.end()
        finally:
            _server.forget_ended()

    def _is_excluded(self, scope: Scope) -> bool:
        """Return whether a request is not traced. Here, without the URL: that takes longer to make than all the rest."""
        path = scope.get("path") or "/"
        if _ROOT_IS_APART:
            path = f"{scope.get('root_path', '')}{path}"
        query = scope.get("query_string")
        if query:
            path = f"{path}?{query.decode('latin-1')}"
        if not _server.is_excluded(path, self.excludelist_paths):
            return False
        _server.forget_ended()
        return True

    def _prepare_tracer(self, request: Request) -> Any:
        """Return the tracer of a request, which continues what its headers say."""
        return _server.new_tracer(request.headers, sampler=self.sampler, exporter=self.exporter, propagator=self.propagator)

    def _before_request(self, span: Span | BlankSpan, request: Request) -> None:
        """Say on a span what is asked for, as the request begins."""
        execution_context.set_opencensus_attr("excludelist_hostnames", self.excludelist_hostnames)
        if not _server.is_recorded(span):
            return
        method = request.method
        # In the order that OpenCensus sets them in, which tests of programs with a mock of the span ask for.
        try:
            url = request.url
            path, text = url.path, str(url)
            found = {HTTP_HOST: url.hostname, HTTP_METHOD: method, HTTP_PATH: path, HTTP_URL: text, HTTP_ROUTE: path}
        except ValueError:
            # A host or a query that a client has made up. The request has what can be read.
            text = path = request.scope["path"]
            found = {HTTP_METHOD: method, HTTP_PATH: path, HTTP_ROUTE: path}
        span.name = f"[{method}]{text}"
        _server.set_attributes(span, found)
        # After the attributes, by which it is matched with the span that an OpenTelemetry instrumentation made of the same request.
        span.span_kind = span_module.SpanKind.SERVER

    def _after_request(self, span: Span | BlankSpan, response: Response) -> None:
        """Say on a span what is answered, as the answer begins."""
        span.add_attribute(HTTP_STATUS_CODE, response.status_code)

    def _handle_exception(self, span: Span | BlankSpan, exception: Exception) -> None:
        """Say on a span which exception has left the application."""
        span.add_attribute(ERROR_NAME, type(exception).__name__)
        span.add_attribute(ERROR_MESSAGE, oc_to_otel.text(exception))
        span.add_attribute(STACKTRACE, "\n".join(_server.note_exception(span, exception).format()))
        span.add_attribute(HTTP_STATUS_CODE, HTTP_500_INTERNAL_SERVER_ERROR)

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Return the response to a request, inside its span: for subclasses that do more around it.

        Args:
            request: The request.
            call_next: Returns the application's response to it.

        Raises:
            Exception: Whatever the application raises.
        """
        if self._is_excluded(request.scope):
            return await call_next(request)
        traced = _server.begin(
            _LIBRARY, lambda: self._prepare_tracer(request), lambda span: self._before_request(span, request), request.scope
        )
        if traced is None:
            return await call_next(request)
        try:
            response = await call_next(request)
        except BaseException as error:
            _fail(self, traced, error)
            raise
        else:
            with _server.guarded(_LIBRARY):
                self._after_request(traced.span, response)
            return response
        finally:
            traced.end()
            _server.forget_ended()


_DISPATCH = FastAPIMiddleware.dispatch
_NO_SPANS = trace_api.NoOpTracerProvider()


def _spare(app: Any) -> None:
    """Spare FastAPI the spans that it makes by itself, as its option `telemetry` does, as long as the provider leaves them out anyway.

    It makes seven of each request as soon as there is a provider, from 0.165 at the latest: 110 us, twice as long as the request.
    """
    options = getattr(app, "_telemetry", None)
    if type(options) is not dict:
        return
    given = options.get("tracer_provider", app)
    if given is None:
        if made.leaves_frameworks_out(trace_api.get_tracer_provider()) and not options.get("auto_configure"):
            options["tracer_provider"] = _NO_SPANS
    elif given is _NO_SPANS and not made.leaves_frameworks_out(trace_api.get_tracer_provider()):
        options["tracer_provider"] = None


def _flushing(send: Send) -> Send:
    """Return what sends an application's messages about its lifespan, and exports what is queued before the one that ends it.

    Uvicorn ends its process by SIGTERM, for which Python runs no exit hooks.
    """

    async def flush_and_send(message: Message) -> None:
        # A server's loop runs in the main thread. That of a test client does not, whose tests are not to wait for an endpoint.
        if message["type"].startswith("lifespan.shutdown.") and threading.current_thread() is threading.main_thread():
            with _server.guarded(_LIBRARY):
                await run_in_threadpool(ending.flush, ending.grace_period_s())
        await send(message)

    return flush_and_send


class _Answer:
    """What an application sends: the request's span gets its status code, and ends with its last part.

    Args:
        middleware: What describes the answer.
        traced: The request.
        send: Sends to the client.
    """

    __slots__ = ("_has_begun", "_is_refused", "_middleware", "_send", "_traced")

    def __init__(self, middleware: FastAPIMiddleware, traced: _server.Request, send: Send) -> None:
        self._middleware = middleware
        self._traced = traced
        self._send = send
        self._has_begun = False
        self._is_refused = False
        """Whether the client has gone: what the application then raises is no failure of its own."""

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        kind = message["type"]
        if kind == "http.response.start":
            self._has_begun = True
            with _server.guarded(_LIBRARY):
                self._begin(message)
        elif kind == "http.response.pathsend" or (kind in _BODIES and not message.get("more_body", False)):
            # Before it is sent: a server takes the next request of the connection as soon as it has the last part, in a context of here.
            # In a copy of the context, so that what the application does afterwards, tasks in the background, is in the request still.
            copy_context().run(self._traced.end)
        try:
            await self._send(message)
        except Exception:
            self._is_refused = self._has_begun
            raise

    def _begin(self, message: Message) -> None:
        span = self._traced.span
        if _server.is_recorded(span):
            response = Response(status_code=message["status"])
            response.raw_headers = list(message.get("headers", ()))
            self._middleware._after_request(span, response)

    def fail(self, error: BaseException) -> None:
        """Note what the application has raised, unless the answer was complete, and end the request."""
        if not self._traced.has_ended and not self._is_refused:
            _fail(self._middleware, self._traced, error)
        self._traced.end()

    def end(self) -> None:
        """End the request, if its answer has no end; one that has no beginning the server answers by itself."""
        if not self._has_begun:
            self._traced.set_status_code(HTTP_500_INTERNAL_SERVER_ERROR)
        self._traced.end()


_BODIES = ("http.response.body", "http.response.zerocopysend")


def _fail(middleware: FastAPIMiddleware, traced: _server.Request, error: BaseException) -> None:
    with _server.guarded(_LIBRARY):
        if isinstance(error, Exception):
            middleware._handle_exception(traced.span, error)
        else:
            # The task was cancelled, or the server ends.
            traced.span.set_status(exceptions_status.CANCELLED)


def _root_is_apart() -> bool:
    """Return whether a request's path lacks the prefix under which the application is mounted: in releases of Starlette before 0.33."""
    scope: Scope = {"type": "http", "path": "/p", "root_path": "/r", "query_string": b"", "headers": [], "server": None}
    return Request(scope).url.path == "/r/p"


_ROOT_IS_APART = _root_is_apart()
