"""OpenTelemetry for a program, set up by one call.

Use::

    from appinsights_exporter import configure

    configuration = configure(instrumentations=["flask", "requests"])

Providers, samplers and processors are the SDK's own, and read the SDK's variables (``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER``,
``OTEL_BSP_…``, ``OTEL_METRIC_EXPORT_INTERVAL`` and so on). A provider that was set before is used as it is. What is queued at the end of the
process is sent.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.environment_variables import OTEL_LOGS_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import (
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BLRP_MAX_QUEUE_SIZE,
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_SDK_DISABLED,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from . import _sdk_logs
from .arguments import SIGNALS, Official, batches, check_all, check_sizes, checked, of_official_distro, positive, same
from .children import flush_all, flush_at_end
from .delivery import process_end
from .delivery.bounded_calls import CallThreads, LateError
from .errors import ConfigurationError
from .exporters import ApplicationInsightsSpanExporter
from .foreign import failure
from .log_exporter import ApplicationInsightsLogRecordExporter
from .logging_handlers import ProviderHandler
from .metric_exporter import ApplicationInsightsMetricExporter
from .metric_reader import ForkingReader
from .performance_counters import look_for_tracer_provider, observe
from .program import SendingArguments, program_resource, program_settings
from .rates import SampleRateProcessor
from .sampling import ApplicationInsightsSampler, RateLimitedSampler, from_environment
from .settings import ARGUMENT, Settings
from .sigterm import Sigterm
from .span_processor import ApplicationInsightsSpanProcessor
from .spelling import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoints

    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler

    from .telemetry_processors import TelemetryProcessor

__all__ = ["Configuration", "configure"]

TRACES, LOGS, METRICS = SIGNALS
LOGGER_NAME_VARIABLE = "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME"
LOGGING_FORMAT_VARIABLE = "PYTHON_APPLICATIONINSIGHTS_LOGGING_FORMAT"
_EXPORTER_VARIABLES = {TRACES: OTEL_TRACES_EXPORTER, LOGS: OTEL_LOGS_EXPORTER, METRICS: OTEL_METRICS_EXPORTER}
_GROUP = "opentelemetry_instrumentor"

_COMPARED = (
    "disable_offline_storage",
    "storage_max_size",
    "storage_retention_period",
    "storage_min_retry_interval",
    "timeout",
    "proxies",
)
"""Arguments about sending that a second call has to give as the first one did, in their own form; of the others, what they resolve to."""
_LEFT_OUT = (None, ())
_AT_SIGTERM_MILLIS = 10_000
"""Longest time in which SIGTERM sends what is queued; orchestrators kill after 30 seconds at most."""

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The arguments of one call that say how a signal is sent."""

    sending: SendingArguments
    settings: Settings
    """What `sending` and the environment say."""
    resource: Resource | None
    sampler: Sampler | None
    span_processors: tuple[SpanProcessor, ...]
    log_record_processors: tuple[_sdk_logs.LogRecordProcessor, ...]
    metric_readers: tuple[MetricReader, ...]
    views: tuple[View, ...]
    logger_name: str | None
    logging_formatter: logging.Formatter | None
    export_interval_millis: float | None
    telemetry_processors: tuple[TelemetryProcessor, ...]
    batches: Mapping[str, float | None]
    """Arguments of the SDK's batch processors."""

    def of(self, signal: str) -> dict[str, object]:
        """Return what counts for a signal, comparable, by argument."""
        found: dict[str, object] = {
            "connection_string": (self.settings.instrumentation_key, self.settings.ingestion_endpoint),
            "credential": self.settings.credential,
            "storage_directory": self.settings.storage_folder,
            "resource": self.resource,
            "telemetry_processors": self.telemetry_processors,
            **{name: getattr(self.sending, name) for name in _COMPARED},
        }
        if signal != METRICS:
            found.update(self.batches)
        if signal == TRACES:
            # Samplers of equal description decide alike; the SDK's have no equality.
            found.update(sampler=self.sampler and self.sampler.get_description(), span_processors=self.span_processors)
        elif signal == LOGS:
            found.update(log_record_processors=self.log_record_processors, logger_name=self.logger_name)
            found.update(logging_formatter=self.logging_formatter)
        else:
            found.update(metric_readers=self.metric_readers, views=self.views, export_interval_millis=self.export_interval_millis)
        return found


class Configuration:
    """What :func:`configure` has set up in this process."""

    def __init__(self) -> None:
        self._signals: dict[str, tuple[dict[str, object], str]] = {}
        self._owners: list[Any] = []
        """Providers, and readers that a provider does not end: what is flushed and shut down."""
        self._lock = threading.Lock()
        self._last: object = None
        """The arguments of the last call that succeeded: programs call once for each request."""
        self._counts = False
        """Whether there are performance counters."""
        self._sigterm = Sigterm(lambda: flush_all(_AT_SIGTERM_MILLIS), process_end.has_begun)

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are sent."""
        return tuple(signal for signal in SIGNALS if signal in self._signals)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Export queued telemetry, and return whether that was done in time."""
        end_s = time.monotonic() + timeout_millis / 1000
        done = True
        for owner in self._owners:
            left_millis = max(0, int((end_s - time.monotonic()) * 1000))
            flush = getattr(owner, "force_flush", None)
            try:
                done = (flush is None or flush(left_millis) is not False) and done
            except failure():  # A processor of the program may do anything, and a release of the SDK raises when its time is over.
                done = False
        return done

    def shutdown(self, timeout_millis: float = 30_000) -> bool:
        """Export queued telemetry and stop; return whether that was done in time. The end of the process does it by itself.

        Args:
            timeout_millis: Milliseconds; what takes longer goes on in another thread.
        """
        for owner in self._owners:
            if (shutdown := getattr(owner, "shutdown", None)) is not None:
                atexit.unregister(shutdown)
        try:
            return CallThreads("appinsights-shutdown").run(self._shut_down, timeout_millis / 1000)
        except LateError:
            return False

    def _shut_down(self) -> bool:
        done = True
        for owner in self._owners:
            try:
                owner.shutdown()
            except failure() as error:
                _logger.warning("A provider could not be shut down: %s", type(error).__name__)
                done = False
        return done

    def _set_up(self, signals: list[str], wanted: _Wanted, place: str, *, performance_counters: bool) -> None:
        """Set up signals, and performance counters where they are asked for and metrics are among the signals.

        Args:
            signals: Their names.
            wanted: What the program asks for.
            place: File and line of its call.
            performance_counters: Whether it asks for them.
        """
        with self._lock:
            for signal in signals:
                self._add(signal, wanted, place)
            look_for_tracer_provider()
            if performance_counters and METRICS in signals and not self._counts:
                self._counts = True
                logs: Any = _sdk_logs.global_provider() if LOGS in signals else None
                observe(logger_provider=logs)

    def _add(self, signal: str, wanted: _Wanted, place: str) -> None:
        now, (before, where) = wanted.of(signal), self._signals.get(signal, (None, ""))
        if before is not None:
            # What a call leaves out is as the first one has it.
            other = [name for name, value in now.items() if value not in _LEFT_OUT and not same(value, before[name])]
            if other:
                raise ConfigurationError(
                    other[0],
                    ARGUMENT,
                    expected=f"what the call at {where} gave for {signal}: a process has one pipeline for each signal",
                    came="another value",
                    advice="Configure once, or give both calls the same arguments.",
                )
            return
        made = _SET_UP[signal](wanted)
        self._owners += made
        for owner in made:
            flush_at_end(owner)
        self._signals[signal] = now, place


_configuration = Configuration()


def configure(
    connection_string: str | None = None,
    *,
    signals: Iterable[str] = SIGNALS,
    credential: object | None = None,
    resource: Resource | None = None,
    sampler: Sampler | None = None,
    sampling_ratio: float | None = None,
    traces_per_second: float | None = None,
    span_processors: Iterable[SpanProcessor] = (),
    log_record_processors: Iterable[_sdk_logs.LogRecordProcessor] = (),
    metric_readers: Iterable[MetricReader] = (),
    views: Iterable[View] = (),
    logger_name: str | None = None,
    logging_formatter: logging.Formatter | None = None,
    export_interval_millis: float | None = None,
    telemetry_processors: Iterable[TelemetryProcessor] = (),
    instrumentations: Iterable[str] = (),
    storage_directory: str | os.PathLike[str] | None = None,
    disable_offline_storage: bool | None = None,
    storage_max_size: int | None = None,
    storage_retention_period: float | None = None,
    storage_min_retry_interval: float | None = None,
    timeout: float | None = None,
    proxies: Mapping[str, str] | str | None = None,
    schedule_delay_millis: float | None = None,
    max_queue_size: int | None = None,
    max_export_batch_size: int | None = None,
    flush_on_sigterm: bool = False,
    **official: object,
) -> Configuration:
    """Set up OpenTelemetry for Application Insights in one call, and return what flushes it and shuts it down.

    It makes providers, exporters, processors, a sampler, a logging handler and instrumentations. Called again with the same arguments it
    changes nothing; a signal that no earlier call named is added.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        signals: Of ``"traces"``, ``"logs"`` and ``"metrics"``; all of them by default. The environment may leave one out
            (``OTEL_LOGS_EXPORTER=none``), or all (``OTEL_SDK_DISABLED=true``).
        credential: Object with ``get_token``; None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        resource: OpenTelemetry resource. Without ``service.name`` in it or in the environment the role is the script's name.
        sampler: Any OpenTelemetry sampler; None reads ``OTEL_TRACES_SAMPLER``, and takes all without it.
        sampling_ratio: From 0.0 to 1.0, in place of a sampler: the share of traces that every Application Insights SDK takes alike.
        traces_per_second: Traces per second at most, in place of a sampler.
        span_processors: See every span before it is exported.
        log_record_processors: See every log record before it is exported.
        metric_readers: Further readers of all instruments.
        views: OpenTelemetry views.
        logger_name: Logger that gets a handler; ``""`` is the root logger. None reads ``PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME``.
        logging_formatter: Formatter of that handler; None reads ``PYTHON_APPLICATIONINSIGHTS_LOGGING_FORMAT``.
        export_interval_millis: Milliseconds between exports of metrics; None reads ``OTEL_METRIC_EXPORT_INTERVAL``.
        telemetry_processors: Functions that see every item before it is sent. They may change it; False from one drops it.
        instrumentations: Libraries to instrument, as ``opentelemetry-instrumentation-…`` names them: ``"flask"``.
        storage_directory: Folder for items that cannot be sent now; None reads ``APPINSIGHTS_EXPORTER_STORAGE_FOLDER``.
        disable_offline_storage: True keeps nothing on disk; None reads ``APPINSIGHTS_EXPORTER_STORAGE``.
        storage_max_size: Bytes on disk for the resource at most.
        storage_retention_period: Seconds for which items are kept there, at most 48 hours.
        storage_min_retry_interval: Seconds of the shortest wait after a failure.
        timeout: Seconds for connecting, and as many for the reply.
        proxies: URL scheme to proxy URL, or that as JSON text; None reads ``HTTPS_PROXY`` and its like.
        schedule_delay_millis: Milliseconds between exports of spans and of records; None reads ``OTEL_BSP_SCHEDULE_DELAY`` and
            ``OTEL_BLRP_SCHEDULE_DELAY``.
        max_queue_size: Spans in the queue at most, and as many records; None reads ``OTEL_BSP_MAX_QUEUE_SIZE`` and its like.
        max_export_batch_size: Spans in one export at most, and as many records; None reads ``OTEL_BSP_MAX_EXPORT_BATCH_SIZE`` and its like.
        flush_on_sigterm: Whether SIGTERM sends what is queued before it ends the process, where the program has no handler of its own. Only
            the main thread can set one.
        official: Arguments of the official distro's function that say the same in another form: ``disable_tracing``, ``disable_logging``,
            ``disable_metrics``, ``enable_performance_counters`` and ``instrumentation_options``; and such as switch off what is not here.

    Raises:
        ConfigurationError: A value that cannot work, an unknown argument, an instrumentation that is not installed, or other
            arguments than those of an earlier call for the same signal.
    """
    more = of_official_distro(official, lambda: tuple(configure.__kwdefaults__ or ())) if official else Official()
    signals = tuple(each for each in _listed(signals) if each not in more.without)
    instrumentations = (*_listed(instrumentations), *more.instrumentations)
    span_processors, log_record_processors = tuple(span_processors), tuple(log_record_processors)
    metric_readers, views, telemetry_processors = tuple(metric_readers), tuple(views), tuple(telemetry_processors)
    sending = SendingArguments(
        connection_string=connection_string,
        credential=credential,
        storage_directory=storage_directory,
        disable_offline_storage=disable_offline_storage,
        storage_max_size=storage_max_size,
        storage_retention_period=storage_retention_period,
        storage_min_retry_interval=storage_min_retry_interval,
        timeout=timeout,
        proxies=proxies,
    )
    sizes = {
        "schedule_delay_millis": schedule_delay_millis,
        "max_queue_size": max_queue_size,
        "max_export_batch_size": max_export_batch_size,
    }
    called_with = (
        (sending, resource, sampling_ratio, traces_per_second, sizes),
        (signals, span_processors, log_record_processors, metric_readers, views, telemetry_processors, instrumentations),
        (logger_name, logging_formatter, export_interval_millis, flush_on_sigterm, more.performance_counters),
        getattr(sampler, "get_description", lambda: sampler)(),
    )
    if called_with == _configuration._last:
        return _configuration
    chosen = [signal for signal in _signals(signals) if os.environ.get(_EXPORTER_VARIABLES[signal], "").strip().lower() != "none"]
    if not chosen or os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() == "true":
        # A machine that sends nothing needs no connection string.
        return _configuration
    names = _names(instrumentations)
    check_all("span_processors", span_processors, lambda each: callable(getattr(each, "on_end", None)), "span processors")
    check_all("log_record_processors", log_record_processors, _takes_records, "log record processors")
    check_all("metric_readers", metric_readers, lambda each: isinstance(each, MetricReader), "metric readers")
    check_all("views", views, lambda each: isinstance(each, View), "views")
    check_all("telemetry_processors", telemetry_processors, callable, "functions")
    check_all("resource", () if resource is None else (resource,), lambda each: isinstance(each, Resource), "a Resource")
    check_sizes(sizes)
    wanted = _Wanted(
        sending=sending,
        settings=program_settings(sending),
        resource=resource,
        sampler=_sampler(sampler, sampling_ratio, traces_per_second),
        span_processors=span_processors,
        log_record_processors=log_record_processors,
        metric_readers=metric_readers,
        views=views,
        logger_name=logger_name,
        logging_formatter=logging_formatter,
        export_interval_millis=positive("export_interval_millis", export_interval_millis),
        telemetry_processors=telemetry_processors,
        batches=sizes,
    )
    adds = any(signal not in _configuration._signals for signal in chosen)
    place = "{0.filename}:{0.lineno}".format(traceback.extract_stack(limit=2)[0]) if adds else ""
    _configuration._set_up(chosen, wanted, place, performance_counters=more.performance_counters)
    for name in names:
        _instrument(name)
    if flush_on_sigterm and not _configuration._sigterm.watch():
        _logger.warning(
            "flush_on_sigterm has no effect: configure() is called in another thread than the main one, or SIGTERM has a handler."
        )
    _configuration._last = called_with
    return _configuration


def _sampler(sampler: Sampler | None, sampling_ratio: float | None, traces_per_second: float | None) -> Sampler | None:
    """Return the sampler of the one argument that is given for sampling; None without any.

    Raises:
        ConfigurationError: Two are given, or one cannot work.
    """
    ways = {"sampler": sampler, "sampling_ratio": sampling_ratio, "traces_per_second": traces_per_second}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ConfigurationError(
            given[1], ARGUMENT, expected=f"one way of sampling, and {given[0]} is given", came="both", advice="Leave one of them out."
        )
    if sampling_ratio is not None:
        return ApplicationInsightsSampler(sampling_ratio)
    if traces_per_second is not None:
        return RateLimitedSampler(traces_per_second)
    return checked("sampler", sampler, "should_sample", "an OpenTelemetry sampler")


def _set_up_traces(wanted: _Wanted) -> list[Any]:
    provider: Any = trace.get_tracer_provider()
    # One that only stands in until the program sets its own gives way, as it does to the SDK's.
    if not hasattr(provider, "add_span_processor") or getattr(provider, "gives_way", False):
        provider = TracerProvider(sampler=wanted.sampler or from_environment(), resource=program_resource(wanted.resource))
        provider.is_of_configure = True
        trace.set_tracer_provider(provider)
    else:
        _say_used(TRACES, wanted, ("resource", "sampler"))
    for processor in wanted.span_processors:
        provider.add_span_processor(processor)
    provider.add_span_processor(SampleRateProcessor(getattr(provider, "sampler", None)))
    exporter = _with_processors(ApplicationInsightsSpanExporter(settings=wanted.settings), wanted)
    provider.add_span_processor(
        ApplicationInsightsSpanProcessor(exporter, **batches(wanted.batches, OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_EXPORT_BATCH_SIZE))
    )
    return [provider]


def _set_up_logs(wanted: _Wanted) -> list[Any]:
    provider: Any = _sdk_logs.global_provider()
    if provider is None or not hasattr(provider, "add_log_record_processor"):
        provider = _sdk_logs.new_provider(program_resource(wanted.resource))
        _sdk_logs.set_global_provider(provider)
    else:
        _say_used(LOGS, wanted, ("resource",))
    for processor in wanted.log_record_processors:
        provider.add_log_record_processor(processor)
    exporter = _with_processors(ApplicationInsightsLogRecordExporter(settings=wanted.settings), wanted)
    sizes = batches(wanted.batches, OTEL_BLRP_MAX_QUEUE_SIZE, OTEL_BLRP_MAX_EXPORT_BATCH_SIZE)
    provider.add_log_record_processor(_sdk_logs.BatchLogRecordProcessor(exporter, **sizes))
    handler = ProviderHandler(provider)
    formatter = wanted.logging_formatter
    text = unquoted(os.environ.get(LOGGING_FORMAT_VARIABLE, ""))
    handler.setFormatter(logging.Formatter(text) if formatter is None and text else formatter)
    name = wanted.logger_name
    logging.getLogger(unquoted(os.environ.get(LOGGER_NAME_VARIABLE, "")) if name is None else name).addHandler(handler)
    return [provider]


def _set_up_metrics(wanted: _Wanted) -> list[Any]:
    exporter = _with_processors(ApplicationInsightsMetricExporter(settings=wanted.settings), wanted)
    reader = ForkingReader(exporter, wanted.export_interval_millis)
    readers = [reader, *wanted.metric_readers]
    provider: Any = metrics.get_meter_provider()
    if isinstance(provider, MeterProvider):
        add = getattr(provider, "add_metric_reader", None)
        if add is None:
            reader.shutdown()
            raise ConfigurationError(
                "signals",
                ARGUMENT,
                expected="no meter provider, or one that takes further readers",
                came="one of a release of opentelemetry-sdk that does not",
                advice='Call configure() before the meter provider is set, or pip install --upgrade "opentelemetry-sdk".',
            )
        _say_used(METRICS, wanted, ("resource", "views"))
        for each in readers:
            add(each)
            # The provider's end is not theirs.
            atexit.register(each.shutdown)
        return readers
    provider = MeterProvider(metric_readers=readers, resource=program_resource(wanted.resource), views=wanted.views)
    metrics.set_meter_provider(provider)
    return [provider]


_SET_UP = {TRACES: _set_up_traces, LOGS: _set_up_logs, METRICS: _set_up_metrics}


def _with_processors(exporter: _T, wanted: _Wanted) -> _T:
    exporting: Any = exporter
    for processor in wanted.telemetry_processors:
        exporting.add_telemetry_processor(processor)
    return exporter


def _say_used(signal: str, wanted: _Wanted, without_effect: tuple[str, ...]) -> None:
    given = [name for name in without_effect if getattr(wanted, name)]
    if given:
        _logger.warning("A provider for %s is set already and is used: %s has no effect.", signal, " and ".join(given))


def _listed(names: Iterable[str]) -> tuple[str, ...]:
    """Return names, of which a single one may be a string."""
    return (names,) if isinstance(names, str) else tuple(names)


def _signals(given: tuple[str, ...]) -> list[str]:
    for signal in given:
        if signal not in SIGNALS:
            raise ConfigurationError(
                "signals", ARGUMENT, expected='some of "traces", "logs" and "metrics"', came=repr(signal), advice="Correct the name."
            )
    return [signal for signal in SIGNALS if signal in given]


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, each of which is installed."""
    if names:
        known = {entry.name for entry in _entry_points()}
        for name in names:
            if name not in known:
                raise ConfigurationError(
                    "instrumentations",
                    ARGUMENT,
                    expected=f"names of instrumentations that are installed ({', '.join(sorted(known)) or 'none is'})",
                    came=repr(name),
                    advice=f"pip install opentelemetry-instrumentation-{name}",
                )
    return names


def _entry_points() -> EntryPoints:
    # It loads a parser of mails, which nobody needs who names no library.
    from importlib.metadata import entry_points

    return entry_points(group=_GROUP)


def _instrument(name: str) -> None:
    instrumentor: Any = next(entry for entry in _entry_points() if entry.name == name).load()()
    if not getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
        instrumentor.instrument()


def _takes_records(processor: object) -> bool:
    return callable(getattr(processor, "on_emit", None)) or callable(getattr(processor, "emit", None))
