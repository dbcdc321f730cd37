"""The integration with requests."""

from __future__ import annotations

import functools
import logging
from typing import Any
from urllib.parse import ParseResult, urlparse

import requests

from opencensus_compat.ext import _patching
from opencensus_compat.trace import attributes_helper, exceptions_status, execution_context, integrations, utils
from opencensus_compat.trace import span as span_module

log = logging.getLogger("opencensus.ext.requests.trace")

MODULE_NAME = "requests"

HTTP_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]

_HEADERS_POSITION = 4
"""Place of `headers` among the positional arguments of `Session.request`."""


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of every call of requests from now on. Calling it again changes nothing.

    Args:
        tracer: Made the current one of this context, if given.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    if tracer is not None:
        execution_context.set_opencensus_tracer(tracer)
    _patching.wrap(requests.Session, "request", _wrapper)
    integrations.add_integration(integrations._Integrations.REQUESTS)


def _wrapper(request: Any) -> Any:
    @functools.wraps(request)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrap_session_request(functools.partial(request, self), self, args, kwargs)

    return call


def wrap_session_request(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Call `Session.request` inside a client span, which the request's headers tell the other side, and return the response.

    There is no span for calls of exporters, for hosts in the context's attribute `excludelist_hostnames`, where an OpenTelemetry
    instrumentation of requests makes one, and for calls without method or URL, which requests itself refuses.

    Args:
        wrapped: The method, bound to its session.
        instance: The session.
        args: Positional arguments of the call.
        kwargs: Its keyword arguments; the trace headers are put into a copy of the given ones.

    Raises:
        Exception: Whatever the call raises; the span's status tells.
    """
    if execution_context.is_exporter():
        return wrapped(*args, **kwargs)
    method = kwargs.get("method") or (args[0] if args else None)
    url = kwargs.get("url") or (args[1] if len(args) > 1 else None)
    if not method or not url:
        return wrapped(*args, **kwargs)
    parsed, host = _parsed(url)
    if utils.disable_tracing_hostname(host, execution_context.get_opencensus_attr("excludelist_hostnames")):
        return wrapped(*args, **kwargs)
    instrumented = getattr(requests.Session.send, "opentelemetry_instrumentation_requests_applied", False)
    if _patching.opentelemetry_traces(MODULE_NAME, instrumented=instrumented):
        return wrapped(*args, **kwargs)
    path = parsed.path or "/"

    tracer = execution_context.get_opencensus_tracer()
    span = tracer.start_span()
    span.name = path
    span.span_kind = span_module.SpanKind.CLIENT
    args, kwargs = _with_trace_headers(tracer, args, kwargs)
    tracer.add_attribute_to_current_span("component", "HTTP")
    tracer.add_attribute_to_current_span(HTTP_HOST, host)
    tracer.add_attribute_to_current_span(HTTP_METHOD, _text(method).upper())
    tracer.add_attribute_to_current_span(HTTP_PATH, path)
    tracer.add_attribute_to_current_span(HTTP_URL, url)
    try:
        result = wrapped(*args, **kwargs)
    except requests.Timeout:
        span.set_status(exceptions_status.TIMEOUT)
        raise
    except requests.URLRequired:
        span.set_status(exceptions_status.INVALID_URL)
        raise
    except Exception as error:
        span.set_status(exceptions_status.unknown(error))
        raise
    else:
        tracer.add_attribute_to_current_span(HTTP_STATUS_CODE, result.status_code)
        span.set_status(utils.status_from_http_code(result.status_code))
        return result
    finally:
        tracer.end_span()


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _parsed(url: Any) -> tuple[ParseResult, str]:
    """Return the parts of a URL, and its host as ``name`` or ``name:port``; requests is the one to refuse what is no URL."""
    try:
        parsed = urlparse(_text(url))
    except ValueError:
        return ParseResult("", "", "", "", "", ""), ""
    try:
        port = parsed.port
    except ValueError:
        return parsed, parsed.netloc
    return parsed, f"{parsed.hostname}" if port is None else f"{parsed.hostname}:{port}"


def _with_trace_headers(tracer: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a call's arguments with the tracer's headers among its own. The caller's mapping stays as it is: it may be used again."""
    is_positional = len(args) > _HEADERS_POSITION
    given = args[_HEADERS_POSITION] if is_positional else kwargs.get("headers")
    try:
        headers = {**(given or {}), **tracer.propagator.to_headers(tracer.span_context)}
    except Exception as error:  # noqa: BLE001 -- a propagator of the program's own can raise anything, and the call does without
        log.debug("No trace headers: %s", error)
        return args, kwargs
    if is_positional:
        return (*args[:_HEADERS_POSITION], headers, *args[_HEADERS_POSITION + 1 :]), kwargs
    kwargs["headers"] = headers
    return args, kwargs
