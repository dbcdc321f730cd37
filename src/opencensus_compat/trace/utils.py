"""What integrations of web frameworks and HTTP clients share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opencensus_compat.trace import _grpc_codes, execution_context
from opencensus_compat.trace.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

DEFAULT_EXCLUDELIST_PATHS = ["_ah/health"]
"""Beginnings of paths that are not traced, without the first slash: App Engine's health check."""

URL_PATTERN = "^(https?|ftp):\\/\\/"
"""Regular expression of the beginning of a URL, up to the host."""
_PATTERN, _SCHEMES = URL_PATTERN, ("http://", "https://", "ftp://")
_ABSENT = object()

_CODE_BY_HTTP_STATUS = {
    400: _grpc_codes.INVALID_ARGUMENT,
    401: _grpc_codes.UNAUTHENTICATED,
    403: _grpc_codes.PERMISSION_DENIED,
    404: _grpc_codes.NOT_FOUND,
    429: _grpc_codes.RESOURCE_EXHAUSTED,
    501: _grpc_codes.UNIMPLEMENTED,
    503: _grpc_codes.UNAVAILABLE,
    504: _grpc_codes.DEADLINE_EXCEEDED,
}


def get_func_name(func: Callable[..., Any]) -> str:
    """Return a callable's name with its module's name before it; an object without a name goes by its class."""
    name: str = getattr(func, "__name__", type(func).__name__)
    return name if func.__module__ is None else f"{func.__module__}.{name}"


def disable_tracing_url(url: str, excludelist_paths: Iterable[str] | None = None) -> bool:
    """Return whether requests to a URL are not to be traced.

    Args:
        url: The URL, or its path alone.
        excludelist_paths: Beginnings of paths not to trace, without the first slash; `DEFAULT_EXCLUDELIST_PATHS` when None.
    """
    if URL_PATTERN is _PATTERN and type(url) is str:
        # Each request costs this: to search for the same by the regular expression takes three times as long.
        _, _, path = url[url.index("/") + 2 if url.startswith(_SCHEMES) else 0 :].partition("/")
    else:
        path = re.sub(URL_PATTERN, "", url).partition("/")[2]
    for beginning in DEFAULT_EXCLUDELIST_PATHS if excludelist_paths is None else excludelist_paths:  # noqa: SIM110 - `any` takes longer
        if path.startswith(beginning):
            return True
    return False


def disable_tracing_hostname(url: str, excludelist_hostnames: Container[str] | None = None) -> bool:
    """Return whether requests to a host are not to be traced.

    Args:
        url: The host as ``name:port``.
        excludelist_hostnames: Hosts not to trace, in the same form; that of the current tracer's exporter when None.
    """
    if excludelist_hostnames is None:
        exporter: Any = getattr(execution_context.get_opencensus_tracer(), "exporter", None)
        host, port = getattr(exporter, "host_name", _ABSENT), getattr(exporter, "port", _ABSENT)
        if host is _ABSENT or port is _ABSENT:
            # An exporter without a host of its own, or none.
            return False
        return url == f"{host}:{port}"
    return url in excludelist_hostnames


def status_from_http_code(http_code: int) -> Status:
    """Return the status that OpenCensus gives to an HTTP status code: OK from 200 to 399, UNKNOWN for a code not in its table.

    Source: https://github.com/census-instrumentation/opencensus-specs/blob/master/trace/HTTP.md#mapping-from-http-status-codes-to-trace-status-codes
    """
    if 199 < http_code <= 399:
        return Status(_grpc_codes.OK)
    return Status(_CODE_BY_HTTP_STATUS.get(http_code, _grpc_codes.UNKNOWN))
