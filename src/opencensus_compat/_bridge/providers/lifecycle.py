"""What programs call: `configure`, `flush` and `shutdown`; and `reset`, for tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge.pipeline import ending, sigterm
from opencensus_compat._bridge.pipeline.ending import flush_parts, flush_queue, stop
from opencensus_compat._bridge.process import LOGS, METRICS, SPANS, forget_all, process
from opencensus_compat._bridge.providers import logs, metrics, spans
from opencensus_compat._bridge.providers.common import check
from opencensus_compat._bridge.settings import checked_send, chosen

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["configure", "flush", "reset", "shutdown"]

_DEFAULT_TIMEOUT_S = 30.0


def configure(
    *,
    tracer_provider: TracerProvider | None = None,
    logger_provider: Any = None,
    meter_provider: MeterProvider | None = None,
    one_trace_per_tracer: bool | None = None,
    send: str | None = None,
    flush_on_sigterm: bool | None = None,
    adopt_providers: bool | None = None,
) -> None:
    """Choose the providers and settings that the facades use.

    Args:
        tracer_provider: The provider that facade spans go to; without one the global provider is used, or made.
        logger_provider: The same for log records and events; without one the global provider is looked for when the first is logged.
        meter_provider: The provider whose readers see views, gauges and metric producers as OpenTelemetry instruments, from now on; without
            one the global provider is looked for when a view is registered or a metrics exporter made.
        one_trace_per_tracer: True gives all root spans of a tracer one trace id and one sampling decision, as OpenCensus did. Also set
            by the environment variable ``OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER=1``.
        send: Where the exporters and handlers send that are made from now on. ``"direct"``: to their Application Insights resource, as in
            OpenCensus, while the processors of the providers see everything, too. ``"providers"``: nowhere themselves, so that telemetry
            reaches the providers' processors and readers only; no connection string is needed then. Also set by the environment variable
            ``OPENCENSUS_COMPAT_SEND``.
        flush_on_sigterm: True exports what is queued, within one `grace_period`, before SIGTERM ends the process by its default action; what cannot be sent by then is stored. Also set by the environment variable ``OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM=1``, which
            acts when the first exporter is made.
        adopt_providers: True sends what OpenTelemetry code makes with the application's providers (spans outside OpenCensus spans, log
            records, instruments) to Application Insights, too, besides wherever their own exporters send it. False never does. Without
            it, that is done only where a provider has no exporter at all. Also set by the environment variable
            ``OPENCENSUS_COMPAT_ADOPT_PROVIDERS``, ``1`` or ``0``.

    Raises:
        TypeError: A provider has no `get_tracer`, no `get_logger`, or no `get_meter`.
        ValueError: `send` is another text; `flush_on_sigterm` is given in another thread than the main one, or SIGTERM has a handler.
    """
    if flush_on_sigterm is not None and not sigterm.decide(handles=flush_on_sigterm):
        raise ValueError("argument flush_on_sigterm: expected a call in the main thread, and SIGTERM without a handler of the program's.")
    if adopt_providers is not None:
        chosen.adopt_providers, chosen.adopt_is_read = bool(adopt_providers), True
    if send is not None:
        chosen.send = checked_send(send, "argument send")
    if meter_provider is not None:
        check(METRICS, meter_provider, "opentelemetry.sdk.metrics.MeterProvider")
        metrics.configure_provider(meter_provider)
    with process.lock:
        if logger_provider is not None:
            check(LOGS, logger_provider, "opentelemetry.sdk._logs.LoggerProvider")
            logs.configure_provider(logger_provider)
        if tracer_provider is not None:
            check(SPANS, tracer_provider, "opentelemetry.sdk.trace.TracerProvider")
            spans.configure_provider(tracer_provider)
        if one_trace_per_tracer is not None:
            chosen.one_trace_per_tracer = one_trace_per_tracer


def flush(timeout_s: float = _DEFAULT_TIMEOUT_S, signal: str | None = None) -> bool:
    """Export the queued telemetry of all destinations, and return whether the service accepted all of it in time.

    Args:
        timeout_s: Seconds to wait at most.
        signal: Only what batch processors hold of one signal; None for all.
    Returns: True if the service took everything that was waiting, in time. What was stored because the service cannot be reached is
        safe but not delivered: False. What was stored before the call is not waited for.
    """
    return ending.flush(timeout_s, signal)


def shutdown(timeout_s: float = _DEFAULT_TIMEOUT_S) -> bool:
    """Export queued telemetry and stop. This package exports nothing that ends or is logged later, until `configure` names a provider.

    Args:
        timeout_s: Seconds to wait at most; what could not be sent by then is stored.
    Returns: True if the service took everything that was waiting.
    """
    began_s = time.monotonic()
    # A little is kept for storing.
    flushed_by_s = began_s + timeout_s * 0.75
    delivered = flush_queue(flushed_by_s)
    for signal in (SPANS, LOGS):
        delivered &= flush_parts(signal, max(0.0, flushed_by_s - time.monotonic()))
    # Metrics have no queue to flush: they are collected once more, as they stop.
    return stop(max(0.0, began_s + timeout_s - time.monotonic())) and delivered


def reset() -> None:
    """Forget providers and destinations, after stopping them. For tests; global OpenTelemetry providers stay set."""
    with process.lock:
        stop()
        forget_all()
