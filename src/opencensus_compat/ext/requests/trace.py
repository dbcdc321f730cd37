"""The integration with requests."""

from __future__ import annotations

import functools
import logging
from typing import Any

import requests

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext import _client, _patching
from opencensus_compat.trace import attributes_helper, exceptions_status, execution_context, integrations
from opencensus_compat.trace.status import Status

__getattr__ = patch_targets(
    __name__, "opencensus_compat.trace.utils", span_module="opencensus_compat.trace.span", urlparse="urllib.parse:urlparse"
)

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

    There is no span for calls of exporters, for hosts in the context's attribute `excludelist_hostnames`, where the span of an
    OpenTelemetry instrumentation is sent in its place, and for calls without method or URL, which requests itself refuses.

    Args:
        wrapped: The method, bound to its session.
        instance: The session.
        args: Positional arguments of the call.
        kwargs: Its keyword arguments; `headers` becomes a copy of the given ones with the trace's among them.

    Raises:
        Exception: Whatever the call raises; the span's status tells.
    """
    method = kwargs.get("method") or (args[0] if args else None)
    url = kwargs.get("url") or (args[1] if len(args) > 1 else None)
    if not method or not url:
        return wrapped(*args, **kwargs)
    call = _client.start(MODULE_NAME, method, url)
    if call is None:
        return wrapped(*args, **kwargs)
    args, kwargs = _with_trace_headers(call, args, kwargs)
    try:
        response = wrapped(*args, **kwargs)
    except BaseException as error:
        call.failed(error, _status_of)
        raise
    call.answered(response)
    return response


def _status_of(error: BaseException) -> Status | None:
    if isinstance(error, requests.Timeout):
        return exceptions_status.TIMEOUT
    if isinstance(error, requests.URLRequired):
        return exceptions_status.INVALID_URL
    return exceptions_status.unknown(error) if isinstance(error, Exception) else None


def _with_trace_headers(call: _client.Call, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a call's arguments with the trace's headers among its own. The caller's mapping stays as it is: it may be used again."""
    is_positional = len(args) > _HEADERS_POSITION
    given = args[_HEADERS_POSITION] if is_positional else kwargs.get("headers")
    try:
        headers = {**(given or {}), **call.headers()}
    except Exception as error:  # noqa: BLE001 -- headers that requests refuses, in the call itself
        log.debug("No trace headers: %s", error)
        return args, kwargs
    if is_positional:
        return (*args[:_HEADERS_POSITION], headers, *args[_HEADERS_POSITION + 1 :]), kwargs
    # The call's own, in which OpenCensus put them, too: a caller of `wrap_session_request` finds them there.
    kwargs["headers"] = headers
    return args, kwargs
