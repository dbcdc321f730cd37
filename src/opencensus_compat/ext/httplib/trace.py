"""The integration with the standard library's HTTP client."""

from __future__ import annotations

import functools
import http.client as httplib
import logging
from typing import Any

from opencensus_compat.ext import _patching
from opencensus_compat.trace import attributes_helper, exceptions_status, execution_context, integrations, utils
from opencensus_compat.trace import span as span_module

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

    There is none for calls of exporters, for hosts in the context's attribute `excludelist_hostnames`, and inside the client span of an
    OpenTelemetry instrumentation. A call that raises ends its span.
    """

    @functools.wraps(request_func)
    def call(self: Any, method: Any, url: Any, body: Any = None, headers: Any = {}, *args: Any, **kwargs: Any) -> Any:  # noqa: B006 -- as in the standard library; it is not changed
        if execution_context.is_exporter():
            return request_func(self, method, url, body, headers, *args, **kwargs)
        tracer = execution_context.get_opencensus_tracer()
        excluded = execution_context.get_opencensus_attr("excludelist_hostnames")
        if utils.disable_tracing_hostname(f"{self.host}:{self.port}", excluded):
            return request_func(self, method, url, body, headers, *args, **kwargs)
        if _patching.opentelemetry_traces(MODULE_NAME):
            return request_func(self, method, url, body, headers, *args, **kwargs)
        span = tracer.start_span()
        span.span_kind = span_module.SpanKind.CLIENT
        span.name = f"[httplib]{request_func.__name__}"
        tracer.add_attribute_to_current_span("component", "HTTP")
        tracer.add_attribute_to_current_span(HTTP_URL, url)
        tracer.add_attribute_to_current_span(HTTP_METHOD, method)
        execution_context.set_opencensus_attr(_SPAN_ID_ATTR, span.span_id)
        try:
            headers = {**headers, **tracer.propagator.to_headers(tracer.span_context)}
        except Exception as error:  # noqa: BLE001 -- a propagator of the program's own can raise anything, and the call does without
            log.debug("No trace headers: %s", error)
        try:
            return request_func(self, method, url, body, headers, *args, **kwargs)
        except Exception as error:
            _fail(tracer, span, error)
            raise

    return call


def wrap_httplib_response(response_func: Any) -> Any:
    """Return an `HTTPConnection.getresponse` that ends the span of its request, if there is one."""

    @functools.wraps(response_func)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if execution_context.is_exporter():
            return response_func(self, *args, **kwargs)
        tracer = execution_context.get_opencensus_tracer()
        awaited = execution_context.get_opencensus_attr(_SPAN_ID_ATTR)
        span = tracer.current_span()
        if not span or span.span_id != awaited:
            return response_func(self, *args, **kwargs)
        try:
            result = response_func(self, *args, **kwargs)
        except Exception as error:
            _fail(tracer, span, error)
            raise
        tracer.add_attribute_to_current_span(HTTP_STATUS_CODE, result.status)
        tracer.end_span()
        return result

    return call


def _fail(tracer: Any, span: Any, error: Exception) -> None:
    """End a span with the error that its call raised."""
    span.set_status(exceptions_status.TIMEOUT if isinstance(error, TimeoutError) else exceptions_status.unknown(error))
    tracer.end_span()
