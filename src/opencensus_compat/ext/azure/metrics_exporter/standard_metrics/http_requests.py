"""Requests that this program answers: how many a second, and how long they take. The exporter counts them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api

from opencensus_compat._bridge.exporter import http_server_requests
from opencensus_compat.metrics.export.gauge import DerivedDoubleGauge
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.span import SpanKind

if TYPE_CHECKING:
    from collections.abc import Callable

_requests = http_server_requests()

ORIGINAL_CONSTRUCTOR = _requests.ORIGINAL_CONSTRUCTOR
"""The constructor of `HTTPServer` without our patch."""
requests_seen = _requests.seen
"""The requests of this process."""
requests_map: dict[str, Any] = requests_seen.totals
"""What was counted: `count`, `duration` (seconds), and both of them at the last reading. Requests still running are not in it."""


def request_patch(func: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a handler's method that counts its calls, also those that raise."""
    counting: Callable[[Any], Any] = _requests.request_patch(func)
    return counting


def server_patch(*args: Any, **kwargs: Any) -> None:
    """Have the methods of a server's handler class count their calls, and construct the server. Stands for `HTTPServer.__init__`."""
    _requests.server_patch(*args, **kwargs)


def setup() -> None:
    """Count the requests of servers that are constructed from now on."""
    _requests.setup()


def teardown() -> None:
    """Leave `http.server` and the handlers' classes as they were, wherever nobody else has patched them since."""
    _requests.teardown()


def _in_server_span() -> bool:
    """Return whether a server span that a processor will be told of is open around the caller.

    OpenTelemetry's span is told its kind when the OpenCensus one ends.
    """
    if not trace_api.get_current_span().is_recording():
        return False
    span = execution_context.get_current_span()
    return getattr(span, "span_kind", None) == SpanKind.SERVER


requests_seen.in_server_span = _in_server_span


def update_request_state(start_time: float, end_time: float) -> None:
    """Count one request.

    Args:
        start_time: When it began, seconds since any moment.
        end_time: When it ended, in the same measure.
    """
    requests_seen.add(end_time - start_time)


def get_average_execution_time() -> float:
    """Return how long the requests since the last reading took on average, milliseconds; the last result when there were none."""
    with requests_seen.lock:
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
    with requests_seen.lock:
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
