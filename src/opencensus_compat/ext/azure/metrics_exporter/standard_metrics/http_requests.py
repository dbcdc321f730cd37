"""Requests that this program answers: how many a second, and how long they take.

Two things are requests: a call of a `do_GET`, `do_POST` … method of an `http.server` handler, and a server span of either API, which a span
processor reports by `requests_seen.span_ended`. A server span in a handler's method is the same request as the method's call, and
counts once; so does a handler's method called by another one.

Limits: only recorded spans are reported, so requests that a sampler left out are not counted unless a handler counts them. A span that
ends in a thread to which its handler's context was not carried counts beside the handler.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import time
import weakref
from http.server import HTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api

from opencensus_compat._bridge.process import hold_while_forking
from opencensus_compat.metrics.export.gauge import DerivedDoubleGauge
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.span import SpanKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

ORIGINAL_CONSTRUCTOR = HTTPServer.__init__
"""The constructor of `HTTPServer` without our patch."""

requests_map: dict[str, Any] = {}
"""What was counted: `count`, `duration` (seconds), and both of them at the last reading. Requests still running are not in it."""

_METHODS = ("do_DELETE", "do_GET", "do_HEAD", "do_OPTIONS", "do_POST", "do_PUT")

_lock = threading.RLock()
"""Guards the counts and the list of patched classes."""

_patched: weakref.WeakSet[type] = weakref.WeakSet()
"""Handler classes that have methods of ours."""

_handling: contextvars.ContextVar[bool] = contextvars.ContextVar("opencensus_compat_handling", default=False)
"""Whether a handler's method, which counts as the request, is running."""


hold_while_forking(_lock)


class RequestsSeen:
    """Counts requests for both metrics.

    Attributes:
        spans_are_told: Whether somebody calls `span_ended`. A handler's method that runs inside a server span then leaves counting to the
            span.
    """

    def __init__(self) -> None:
        self.spans_are_told = False

    def add(self, duration_s: float) -> None:
        """Count one request.

        Args:
            duration_s: How long it took, seconds.
        """
        with _lock:
            requests_map["count"] = requests_map.get("count", 0) + 1
            requests_map["duration"] = requests_map.get("duration", 0) + duration_s

    def span_ended(self, span: ReadableSpan) -> None:
        """Count a span, if it is a server span that is no handler's request. For a span processor's `on_end`.

        Args:
            span: The ended span. Call this where it ends: in the context of the code that ended it.
        """
        if span.kind is trace_api.SpanKind.SERVER and not _handling.get():
            self.add(((span.end_time or 0) - (span.start_time or 0)) / 1e9)


requests_seen = RequestsSeen()
"""The requests of this process."""


def request_patch(func: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a handler's method that counts its calls, also those that raise."""

    @functools.wraps(func)
    def wrapper(self: Any = None) -> Any:
        if _handling.get():
            return func(self)
        token = _handling.set(True)
        started = time.monotonic()
        try:
            return func(self)
        finally:
            took_s = time.monotonic() - started
            _handling.reset(token)
            if not (requests_seen.spans_are_told and _in_server_span()):
                requests_seen.add(took_s)

    wrapper._census_counts = True  # type: ignore[attr-defined]  # marks it
    return wrapper


def _in_server_span() -> bool:
    """Return whether a server span that a processor will be told of is open around the caller."""
    if not trace_api.get_current_span().is_recording():
        return False
    span = execution_context.get_current_span()
    return getattr(span, "span_kind", None) == SpanKind.SERVER


def update_request_state(start_time: float, end_time: float) -> None:
    """Count one request.

    Args:
        start_time: When it began, seconds since any moment.
        end_time: When it ended, in the same measure.
    """
    requests_seen.add(end_time - start_time)


def server_patch(*args: Any, **kwargs: Any) -> None:
    """Have the methods of a server's handler class count their calls, and construct the server. Stands for `HTTPServer.__init__`."""
    handler = args[2] if len(args) > 2 else kwargs.get("RequestHandlerClass")
    while isinstance(handler, functools.partial):
        handler = handler.func
    if isinstance(handler, type):
        _patch(handler)
    ORIGINAL_CONSTRUCTOR(*args, **kwargs)


def _patch(handler: type) -> None:
    with _lock:
        for name in _METHODS:
            method = getattr(handler, name, None)
            # It may have been patched for another server, or in a base class.
            if callable(method) and "_census_counts" not in getattr(method, "__dict__", ()):
                wrapper = request_patch(method)
                wrapper._census_inherited = name not in vars(handler)  # type: ignore[attr-defined] # a mark on a function
                setattr(handler, name, wrapper)
                _patched.add(handler)


def setup() -> None:
    """Count the requests of servers that are constructed from now on."""
    HTTPServer.__init__ = server_patch  # type: ignore[method-assign] # the patch


def teardown() -> None:
    """Leave `http.server` and the handlers' classes as they were, wherever nobody else has patched them since."""
    if HTTPServer.__init__ is server_patch:
        HTTPServer.__init__ = ORIGINAL_CONSTRUCTOR  # type: ignore[method-assign] # the patch taken back
    with _lock:
        for handler in list(_patched):
            for name in _METHODS:
                method = vars(handler).get(name)
                if "_census_counts" not in getattr(method, "__dict__", ()):
                    continue
                if method._census_inherited:  # type: ignore[union-attr] # it has the mark
                    delattr(handler, name)
                else:
                    setattr(handler, name, method.__wrapped__)  # type: ignore[union-attr] # it has the mark
        _patched.clear()


def get_average_execution_time() -> float:
    """Return how long the requests since the last reading took on average, milliseconds; the last result when there were none."""
    with _lock:
        count, duration_s = requests_map.get("count", 0), requests_map.get("duration", 0)
        # A count of its own: OpenCensus divided by that of the last reading of the rate, which another exporter may have made since.
        new = count - requests_map.get("last_duration_count", 0)
        if new:
            requests_map["last_average_duration"] = (duration_s - requests_map.get("last_duration", 0)) / new
            requests_map.update(last_duration=duration_s, last_duration_count=count)
        return float(requests_map.get("last_average_duration", 0) * 1000.0)


def get_requests_rate() -> float:
    """Return requests per second since the last reading; 0 at the first, the last result when no time has passed."""
    now_s = time.monotonic()
    with _lock:
        count, last_s = requests_map.get("count", 0), requests_map.get("last_time")
        if last_s == now_s:
            return requests_map.get("last_rate", 0)  # type: ignore[no-any-return] # the public dict holds anything
        rate: float = 0 if last_s is None else (count - requests_map.get("last_count", 0)) / (now_s - last_s)
        requests_map.update(last_time=now_s, last_count=count, last_rate=rate)
        return rate


class RequestsAvgExecutionMetric:
    """How long requests take, milliseconds. Constructing it begins to count the requests of `http.server`."""

    NAME = "\\ASP.NET Applications(??APP_W3SVC_PROC??)\\Request Execution Time"

    def __init__(self) -> None:
        setup()

    @staticmethod
    def get_value() -> float:
        """Return the average of the requests since the last reading."""
        return get_average_execution_time()

    def __call__(self) -> DerivedDoubleGauge:
        """Return a gauge of it."""
        gauge = DerivedDoubleGauge(self.NAME, "Incoming Requests Average Execution Rate", "milliseconds", [])
        gauge.create_default_time_series(self.get_value)
        return gauge


class RequestsRateMetric:
    """Requests per second. Constructing it begins to count the requests of `http.server`."""

    NAME = "\\ASP.NET Applications(??APP_W3SVC_PROC??)\\Requests/Sec"

    def __init__(self) -> None:
        setup()

    @staticmethod
    def get_value() -> float:
        """Return the rate since the last reading."""
        return get_requests_rate()

    def __call__(self) -> DerivedDoubleGauge:
        """Return a gauge of it."""
        gauge = DerivedDoubleGauge(self.NAME, "Incoming Requests per second", "rps", [])
        gauge.create_default_time_series(self.get_value)
        return gauge
