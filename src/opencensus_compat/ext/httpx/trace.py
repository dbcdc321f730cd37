"""The integration with httpx."""

from __future__ import annotations

import functools
import logging
from typing import Any

import httpx

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext import _client, _patching
from opencensus_compat.trace import attributes_helper, exceptions_status, execution_context, integrations
from opencensus_compat.trace.status import Status

__getattr__ = patch_targets(
    __name__, "opencensus_compat.trace.utils", span_module="opencensus_compat.trace.span", urlparse="urllib.parse:urlparse"
)

log = logging.getLogger("opencensus.ext.httpx.trace")

MODULE_NAME = "httpx"

HTTP_HOST = attributes_helper.COMMON_ATTRIBUTES["HTTP_HOST"]
HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of every call of httpx's clients, of threads and of tasks, from now on. Calling it again changes nothing.

    A call is one of `request`, of a method that is named after an HTTP method, or of httpx's functions of those names. As in OpenCensus,
    `send` and `stream` make no span.

    Args:
        tracer: Made the current one of this context, if given.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    if tracer is not None:
        execution_context.set_opencensus_tracer(tracer)
    _patching.wrap(httpx.Client, "request", _wrapper)
    _patching.wrap(httpx.AsyncClient, "request", _async_wrapper)
    integrations.add_integration(integrations._Integrations.HTTPX)


def _wrapper(request: Any) -> Any:
    @functools.wraps(request)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return wrap_client_request(functools.partial(request, self), self, args, kwargs)

    return call


def _async_wrapper(request: Any) -> Any:
    @functools.wraps(request)
    async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        span, kwargs = _start(self, args, kwargs)
        if span is None:
            return await request(self, *args, **kwargs)
        try:
            response = await request(self, *args, **kwargs)
        except BaseException as error:
            span.failed(error, _status_of_task)
            raise
        span.answered(response)
        return response

    return call


def wrap_client_request(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Call `Client.request` inside a client span, which the request's headers tell the other side, and return the response.

    There is no span for calls of exporters, for hosts in the context's attribute `excludelist_hostnames`, where the span of an
    OpenTelemetry instrumentation is sent in its place, and for calls without method or URL, which httpx itself refuses.

    Args:
        wrapped: The method, bound to its client.
        instance: The client.
        args: Positional arguments of the call.
        kwargs: Its keyword arguments; `headers` becomes a copy of the given ones with the trace's among them.

    Raises:
        Exception: Whatever the call raises; the span's status tells.
    """
    span, kwargs = _start(instance, args, kwargs)
    if span is None:
        return wrapped(*args, **kwargs)
    try:
        response = wrapped(*args, **kwargs)
    except BaseException as error:
        span.failed(error, _status_of)
        raise
    span.answered(response)
    return response


def _start(client: Any, args: Any, kwargs: dict[str, Any]) -> tuple[_client.Call | None, dict[str, Any]]:
    """Start the span of a call, if it has one, and return it with the call's keyword arguments, the trace's headers among them."""
    method = args[0] if args else kwargs.get("method")
    url = args[1] if len(args) > 1 else kwargs.get("url")
    if method is None or url is None:
        return None, kwargs
    span = _client.start(MODULE_NAME, method, _absolute(client, url))
    if span is None:
        return None, kwargs
    try:
        given = kwargs.get("headers")
        headers: Any = span.headers()
        if given is not None:
            # Of the mappings and lists that httpx takes; the caller's own stays as it is: it may be used again.
            merged = httpx.Headers(given)
            merged.update(headers)
            headers = merged
    except Exception as error:  # noqa: BLE001 -- headers that httpx refuses, in the call itself
        log.debug("No trace headers: %s", error)
        return span, kwargs
    # The call's own, in which OpenCensus put them, too: a caller of `wrap_client_request` finds them there.
    kwargs["headers"] = headers
    return span, kwargs


def _absolute(client: Any, url: Any) -> str:
    """Return a call's URL in text, below the client's own if it is relative."""
    try:
        address, own = _client.text(url), getattr(client, "base_url", None)
        # Of a mock in the client's place, it is none.
        base = str(own) if isinstance(own, httpx.URL) else ""
    except Exception as error:  # noqa: BLE001 -- objects of the program's own can raise anything, and httpx is the one to refuse them
        log.debug("No URL: %s", error)
        return ""
    scheme, colon, _ = address.partition("://")
    return address if not base or (colon and "/" not in scheme) else f"{base.rstrip('/')}/{address.lstrip('/')}"


def _status_of(error: BaseException) -> Status | None:
    if isinstance(error, httpx.TimeoutException):
        return exceptions_status.TIMEOUT
    if isinstance(error, httpx.InvalidURL):
        return exceptions_status.INVALID_URL
    return exceptions_status.unknown(error) if isinstance(error, Exception) else None


def _status_of_task(error: BaseException) -> Status:
    # What is no Exception here has ended the task: a call that was given up has not succeeded.
    return _status_of(error) or exceptions_status.CANCELLED
