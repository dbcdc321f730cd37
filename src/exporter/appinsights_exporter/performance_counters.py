r"""Performance counters of this machine and process, for those who ask for them.

Use::

    performance_counters.observe(meter_provider, tracer_provider)    # None: the global ones

What a metric exporter of this package sends, every number under the name that Windows gives it, into the table ``performanceCounters``:

| name                                                                 | value                                                           |
|----------------------------------------------------------------------|-----------------------------------------------------------------|
| ``\Memory\Available Bytes``                                          | bytes that can be had without swapping                          |
| ``\Processor(_Total)\% Processor Time``                              | of all processors, what was not idle, 0 to 100                  |
| ``\Process(??APP_WIN32_PROC??)\% Processor Time``                    | of one processor, over 100 for several                          |
| ``\Process(??APP_WIN32_PROC??)\% Processor Time Normalized``         | of all processors, 0 to 100                                     |
| ``\Process(??APP_WIN32_PROC??)\Private Bytes``                       | resident set size, bytes                                        |
| ``\Process(??APP_WIN32_PROC??)\IO Data Bytes/sec``                   | bytes read and written per second, where the system counts them |
| ``\ASP.NET Applications(??APP_W3SVC_PROC??)\Requests/Sec``           | spans of kind SERVER and CONSUMER that ended, per second        |
| ``\ASP.NET Applications(??APP_W3SVC_PROC??)\Request Execution Time`` | their mean duration, milliseconds                               |
| ``\.NET CLR Exceptions(??APP_CLR_PROC??)\# of Exceps Thrown / sec``  | exceptions recorded on them, and in log records, per second     |

Rates are over the time between two collections of one reader, so any number of readers get right ones; other exporters receive the totals
behind them, under names that begin with ``appinsights.``. The first interval begins with the call of :func:`observe`, or with the fork
that made the process.

Sampling: a span that was kept at 25 % counts for four. Where the sampler records what it does not keep
(:class:`~appinsights_exporter.RecordOnlySampler`), say ``all_recorded=True``, and each counts for itself.

Programs that come from OpenCensus keep its standard metrics by another function::

    performance_counters.observe_legacy()

These are six of the counters above, by the same names, and three of them hold other numbers: ``% Processor Time`` is a share of all
processors; ``Requests/Sec`` counts spans of kind SERVER, and what ``http.server`` handlers answer, each as one; ``Request Execution Time``
is that of these, and stays as it was in an interval without requests.

Limits: what the system does not tell is left out, which is said once in the log.
Source: specification section 6.5.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.trace import ReadableSpan

from ._version import __version__
from .convert import counters
from .convert.standard import is_request, kept_percent
from .counts import RateLimit
from .forks import restart_in_child
from .processor_base import ProcessorWithoutQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ._sdk_logs import LoggerProvider
    from .convert.records import LogData

_logger = logging.getLogger(__name__)


def observe(
    meter_provider: MeterProvider | None = None,
    tracer_provider: TracerProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    *,
    all_recorded: bool = False,
) -> None:
    """Make the instruments in a meter provider; call it once for each.

    Args:
        meter_provider: None means the global one.
        tracer_provider: Whose requests are counted; None means the global one. One that takes no span processors, as there is before an
            SDK is set up, leaves the three counters of requests and exceptions out.
        logger_provider: Whose log records with an exception are counted as well; None counts those of spans alone.
        all_recorded: Whether the sampler records what it does not keep.
    """
    meters = metrics.get_meter_provider() if meter_provider is None else meter_provider
    meter = meters.get_meter(counters.SCOPE, __version__)
    _state.restart()
    _observe_system(meter, _OF_OBSERVE)
    spans = trace.get_tracer_provider() if tracer_provider is None else tracer_provider
    add_span_processor = getattr(spans, "add_span_processor", None)
    if add_span_processor is None:
        _logger.info("Requests are not counted for performance counters: the tracer provider takes no span processors.")
        return
    requests = RequestCounter(meter.create_histogram(counters.REQUEST_DURATION, unit="ms"), all_recorded=all_recorded)
    meter.create_observable_counter(counters.REQUESTS, [_observed(counters.REQUESTS, requests.requests)], unit="{request}")
    meter.create_observable_counter(counters.EXCEPTIONS, [_observed(counters.EXCEPTIONS, requests.exceptions)], unit="{exception}")
    add_span_processor(requests)
    if logger_provider is not None:
        logger_provider.add_log_record_processor(_LoggedExceptions(requests))  # type: ignore[arg-type]  # it has their methods


def observe_legacy(meter_provider: MeterProvider | None = None, tracer_provider: TracerProvider | None = None) -> None:
    """Make the instruments of OpenCensus's standard metrics: what ``new_metrics_exporter(enable_standard_metrics=True)`` sent, counted as there.

    It stands in the place of :func:`observe`, not beside it. Called again for a meter provider it does nothing.

    Args:
        meter_provider: None means the global one.
        tracer_provider: Whose requests are counted, beside those of ``http.server``; None means the global one, which may be set later.
    """
    # It loads `http.server`.
    from . import http_server_requests

    meters = metrics.get_meter_provider() if meter_provider is None else meter_provider
    if meters in _legacy:
        return
    _legacy.add(meters)
    meter = meters.get_meter(counters.SCOPE, __version__)
    _state.restart()
    _observe_system(
        meter, frozenset({counters.PROCESSOR, counters.OPENCENSUS_PROCESS_CPU, counters.AVAILABLE_MEMORY, counters.PRIVATE_BYTES})
    )
    http_server_requests.setup()
    seen = http_server_requests.seen
    if tracer_provider is None:
        _state.watch = http_server_requests.watch
        look_for_tracer_provider()
    else:
        http_server_requests.watch(tracer_provider)
    read = (0.0, 0.0)

    def count() -> float:
        nonlocal read
        look_for_tracer_provider()
        read = seen.read()
        return read[0]

    for name, unit, total in (
        (counters.OPENCENSUS_REQUESTS, "{request}", count),
        # Of the same moment: the one is divided by the other.
        (counters.OPENCENSUS_REQUESTS_TIME, "ms", lambda: read[1] * 1000),
    ):
        meter.create_observable_counter(name, [_observed(name, total)], unit=unit)


def look_for_tracer_provider() -> None:
    """Have the requests of the global tracer provider counted, which may have been set after :func:`observe_legacy` was called."""
    if _state.watch is not None:
        _state.watch(trace.get_tracer_provider())


_OF_OBSERVE = frozenset(
    {
        counters.PROCESSOR,
        counters.PROCESS_CPU,
        counters.PROCESS_CPU_NORMALIZED,
        counters.PROCESS_IO,
        counters.AVAILABLE_MEMORY,
        counters.PRIVATE_BYTES,
    }
)


def _observe_system(meter: metrics.Meter, wanted: frozenset[str]) -> None:
    try:
        system = _System()
    except Exception as error:  # noqa: BLE001 - psutil is missing, does not know the platform, or may not look.
        _logger.warning("Performance counters of this machine and process are not available: %s: %s", type(error).__name__, error)
        return
    for name, unit, read in (
        (counters.PROCESSOR, "s", system.busy_s),
        (counters.PROCESS_CPU, "s", system.cpu_s),
        (counters.PROCESS_CPU_NORMALIZED, "s", system.cpu_normalized_s),
        (counters.OPENCENSUS_PROCESS_CPU, "s", system.cpu_normalized_s),
        (counters.PROCESS_IO, "By", system.io_bytes),
    ):
        if name in wanted and _can(name, read):
            meter.create_observable_counter(name, [_observed(name, _Total(read, of_process=name != counters.PROCESSOR))], unit=unit)
    for name, read in ((counters.AVAILABLE_MEMORY, system.available_bytes), (counters.PRIVATE_BYTES, system.private_bytes)):
        if name in wanted and _can(name, read):
            meter.create_observable_gauge(name, [_observed(name, read)], unit="By")


def counting_since_ns() -> int:
    """Return when the totals began to count in this process: nanoseconds since the epoch."""
    return _state.since_ns


class RequestCounter(ProcessorWithoutQueue):
    """Counts the requests that end, and the exceptions that were recorded on them.

    Args:
        durations: Histogram in milliseconds.
        all_recorded: Whether the sampler records what it does not keep.
    """

    def __init__(self, durations: metrics.Histogram, *, all_recorded: bool = False) -> None:
        self._durations = durations
        self._all_recorded = all_recorded
        self._log_limit = RateLimit()
        self._requests = self._exceptions = 0.0
        self._reported_requests = self._reported_exceptions = 0.0
        # Guards the two totals: spans end in any thread.
        self._lock = threading.Lock()
        restart_in_child(self)

    def restart(self) -> None:
        """Continue in a forked child from the last reported totals: the parent reports what came since then."""
        self._lock = threading.Lock()
        self._requests, self._exceptions = self._reported_requests, self._reported_exceptions

    def on_end(self, span: ReadableSpan) -> None:
        """Count the span if it is a request. Never raises."""
        try:
            if not is_request(span):
                return
            weight = 1.0
            if not self._all_recorded:
                context = span.context
                if context is None or not context.trace_flags.sampled:
                    return
                weight = 100.0 / kept_percent(span)
            thrown = sum(event.name == "exception" for event in span.events)
            with self._lock:
                self._requests += weight
                self._exceptions += weight * thrown
            if span.start_time is not None and span.end_time is not None:
                self._durations.record(max(0, span.end_time - span.start_time) / 1e6)
        except Exception:  # What is wrong with one span must not reach the code that ends it.
            if self._log_limit.due("requests"):
                _logger.warning("A request could not be counted for performance counters.", exc_info=True)

    def logged(self) -> None:
        """Count an exception that was logged."""
        with self._lock:
            self._exceptions += 1

    def requests(self) -> float:
        """Return how many requests have ended."""
        self._reported_requests = self._requests
        return self._reported_requests

    def exceptions(self) -> float:
        """Return how many exceptions were recorded."""
        self._reported_exceptions = self._exceptions
        return self._reported_exceptions


class _LoggedExceptions:
    """A log record processor, by the names of all SDK releases."""

    def __init__(self, counter: RequestCounter) -> None:
        self._counter = counter

    def on_emit(self, log_record: LogData) -> None:
        """Count a record that carries an exception."""
        attributes = getattr(log_record.log_record, "attributes", None) or {}
        if "exception.type" in attributes or "exception.message" in attributes:
            self._counter.logged()

    emit = on_emit

    def shutdown(self) -> None:
        """Do nothing: nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing is held."""
        return True


class _System:
    """What the operating system tells of this machine and process. Loads psutil."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil
        self._cpus = psutil.cpu_count() or 1
        self._process = psutil.Process()

    def busy_s(self) -> float:
        """Return the time for which processors were not idle, divided by their number, seconds."""
        times = self._psutil.cpu_times()
        # On Linux, the time of virtual machines is in that of users already.
        return float(sum(times) - sum(getattr(times, name, 0.0) for name in ("idle", "guest", "guest_nice"))) / self._cpus

    def cpu_s(self) -> float:
        """Return the processor time of this process, seconds."""
        times = self._this().cpu_times()
        return float(times.user + times.system)

    def cpu_normalized_s(self) -> float:
        """Return the same divided by the number of processors, seconds."""
        return self.cpu_s() / self._cpus

    def io_bytes(self) -> float:
        """Return what this process has read and written, bytes."""
        counted = self._this().io_counters()
        return float(counted.read_bytes + counted.write_bytes)

    def available_bytes(self) -> float:
        """Return the memory that can be had without swapping, bytes."""
        return int(self._psutil.virtual_memory().available)

    def private_bytes(self) -> float:
        """Return the resident set size, bytes: what the counter has always held in Python's SDKs."""
        return int(self._this().memory_info().rss)

    def _this(self) -> Any:
        if self._process.pid != os.getpid():
            self._process = self._psutil.Process()
        return self._process


class _Total:
    """A total that begins at zero and only grows. A forked child continues it from the last reported value.

    Args:
        read: Returns a number that grows.
        of_process: Whether the system counts it for each process, from zero.
    """

    def __init__(self, read: Callable[[], float], *, of_process: bool) -> None:
        self._read = read
        self._of_process = of_process
        self._zero = read()
        self._reported = self._before = 0.0
        restart_in_child(self)

    def __call__(self) -> float:
        """Return the total. Never less than the last time."""
        self._reported = max(self._reported, self._before + self._read() - self._zero)
        return self._reported

    def restart(self) -> None:
        """Go on in a child made by fork."""
        if self._of_process:
            self._before, self._zero = self._reported, 0.0


def _can(name: str, read: Callable[[], float]) -> bool:
    """Return whether a number can be had here, and say so if not."""
    try:
        read()
    except Exception as error:  # noqa: BLE001 - psutil's errors, and whatever else a platform raises where it does not count.
        _logger.info("%s is not available on this machine and is skipped: %s", counters.COUNTERS[name].name, type(error).__name__)
        return False
    return True


def _observed(name: str, read: Callable[[], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    failed = False

    def observations(options: CallbackOptions) -> Iterable[Observation]:
        nonlocal failed
        try:
            return (Observation(read()),)
        except Exception:
            if not failed:
                failed = True
                _logger.warning("%s cannot be read and is skipped.", counters.COUNTERS[name].name, exc_info=True)
            return ()

    return observations


class _State:
    """When counting began in this process, and what is counted of tracer providers that are set later."""

    def __init__(self) -> None:
        self.since_ns = 0
        self.watch: Callable[[object], None] | None = None
        """Counts the requests of a tracer provider; None while nobody asks for those of the global one."""

    def restart(self) -> None:
        """Begin now."""
        self.since_ns = time.time_ns()


_legacy: weakref.WeakSet[object] = weakref.WeakSet()
"""The meter providers with the standard metrics of OpenCensus."""
_state = _State()
restart_in_child(_state)
