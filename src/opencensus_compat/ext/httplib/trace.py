"""The integration with the standard library's HTTP client."""

from __future__ import annotations

import functools
import http.client as httplib
import logging
from typing import Any

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext import _client, _patching
from opencensus_compat.trace import attributes_helper, exceptions_status, execution_context, integrations, utils
from opencensus_compat.trace.status import Status

__getattr__ = patch_targets(__name__, "sys", span_module="opencensus_compat.trace.span")

log = logging.getLogger("opencensus.ext.httplib.trace")

MODULE_NAME = "httplib"
HTTPLIB_REQUEST_FUNC = "request"
HTTPLIB_RESPONSE_FUNC = "getresponse"

HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]

PYTHON2 = False

_SPAN_ID_ATTR = "httplib/current_span_id"
"""Attribute of the execution context: id of the span whose response is awaited."""


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of every call of `http.client` from now on, from the request to the response's headers.

    Calling it again changes nothing.

    Args:
        tracer: Not used, as in OpenCensus: the current one makes the spans.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    _patching.wrap(httplib.HTTPConnection, HTTPLIB_REQUEST_FUNC, wrap_httplib_request)
    _patching.wrap(httplib.HTTPConnection, HTTPLIB_RESPONSE_FUNC, wrap_httplib_response)
    integrations.add_integration(integrations._Integrations.HTTP_LIB)


def wrap_httplib_request(request_func: Any) -> Any:
    """Return an `HTTPConnection.request` that starts a client span, which the request's headers tell the other side.

    There is none for calls of exporters, for hosts in the context's attribute `excludelist_hostnames`, and where the span of an
    OpenTelemetry instrumentation is sent in its place. A call that raises ends its span.
    """

    @functools.wraps(request_func)
    def call(self: Any, method: Any, url: Any, body: Any = None, headers: Any = {}, *args: Any, **kwargs: Any) -> Any:  # noqa: B006 -- as in the standard library; it is not changed
        name = f"[httplib]{getattr(request_func, '__name__', HTTPLIB_REQUEST_FUNC)}"
        span = _client.guarded(MODULE_NAME, lambda: _start(self, name, method, url))
        if span is None:
            return request_func(self, method, url, body, headers, *args, **kwargs)
        headers = _with_trace_headers(headers, span.headers())
        try:
            return request_func(self, method, url, body, headers, *args, **kwargs)
        except BaseException as error:
            span.failed(error, _status_of)
            raise

    return call


def _start(connection: Any, name: str, method: Any, url: Any) -> _client.Call | None:
    if execution_context.is_exporter():
        return None
    excluded = execution_context.get_opencensus_attr("excludelist_hostnames")
    if utils.disable_tracing_hostname(f"{connection.host}:{connection.port}", excluded):
        return None
    if _patching.opentelemetry_traces(MODULE_NAME):
        return None
    call = _client.begin(MODULE_NAME, name, {"component": "HTTP", HTTP_URL: url, HTTP_METHOD: method})
    if call is not None:
        execution_context.set_opencensus_attr(_SPAN_ID_ATTR, call.span.span_id)
    return call


def _with_trace_headers(given: Any, trace: dict[str, str]) -> Any:
    """Return a call's headers with those of the trace, in place of what an instrumentation around it has set, in whatever spelling."""
    try:
        own, pairs = {name.lower() for name in trace}, list(given.items())
        if len(dict(pairs)) < len(pairs):
            # A message with several headers of one name.
            return given
        return {**{name: value for name, value in pairs if not (isinstance(name, str) and name.lower() in own)}, **trace}
    except Exception as error:  # noqa: BLE001 -- headers that http.client refuses, in the call itself
        log.debug("No trace headers: %s", error)
        return given


def wrap_httplib_response(response_func: Any) -> Any:
    """Return an `HTTPConnection.getresponse` that ends the span of its request, if there is one."""

    @functools.wraps(response_func)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        span = _client.guarded(MODULE_NAME, _awaited)
        if span is None:
            return response_func(self, *args, **kwargs)
        try:
            response = response_func(self, *args, **kwargs)
        except BaseException as error:
            span.failed(error, _status_of)
            raise
        span.end(lambda: span.add_attribute(HTTP_STATUS_CODE, response.status))
        return response

    return call


def _awaited() -> _client.Call | None:
    """Return the current span, if its response is awaited."""
    if execution_context.is_exporter():
        return None
    tracer = execution_context.get_opencensus_tracer()
    span = None if tracer is None else tracer.current_span()
    if not span or span.span_id != execution_context.get_opencensus_attr(_SPAN_ID_ATTR):
        return None
    return _client.Call(MODULE_NAME, tracer, span)


def _status_of(error: BaseException) -> Status | None:
    if isinstance(error, TimeoutError):
        return exceptions_status.TIMEOUT
    return exceptions_status.unknown(error) if isinstance(error, Exception) else None
