"""Private names of OpenTelemetry's SDK, and of the official exporter: one function each, which works without the name, too.

The SDK has no public way to ask a provider for its processors, a processor for its exporter, or to change a running span. Each function says
which releases have the name, and what becomes of telemetry where it is gone. No other file of the facade has such a name, which
`tests/test_architecture.py` holds; `tests/opencensus_compat/bridge/test_otel_private.py` finds each in the installed release, and takes it away.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import DEFAULT_TRACE_STATE, SpanContext, TraceFlags, TraceState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace import Span
    from opentelemetry.trace import SpanKind

__all__ = [
    "SeesEnding",
    "batch_processor",
    "child_context",
    "entrance",
    "exporter_of",
    "has_thread",
    "histogram_with_values",
    "instrumentation_key",
    "is_shut_down",
    "log_processor",
    "log_processors",
    "metric_readers",
    "on_ending",
    "set_kind",
    "set_parent",
    "span_processor",
    "span_processors",
    "valid_context",
]


class BatchProcessor(Protocol):
    """What the SDK's batch processors of spans and of log records have in common."""

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Export what is queued and stop."""


def span_processor(provider: object) -> object | None:
    """Return the processor that a tracer provider shows its spans to: `_active_span_processor`, in all releases since 1.28.

    Gone: None. It is read only where a provider's tracers have no `span_processor`; such a provider counts as one that has an exporter, so
    that OpenTelemetry code's spans are left to it.
    """
    return getattr(provider, "_active_span_processor", None)


def span_processors(several: object) -> Callable[[], object]:
    """Return what reads the processors that the SDK's processor for several calls: `_span_processors`, in all releases since 1.28.

    Each span asks twice, so that no Python function is called for it.

    Gone: it reads None. The provider counts as one that has an exporter, and an exporter for the same resource is not recognized: what it sends is
    sent twice.
    """
    return partial(getattr, several, "_span_processors", None)


def log_processor(provider: object) -> object | None:
    """Return the processor that a logger provider shows its records to: `_multi_log_record_processor`, in all releases since 1.28.

    Gone: None; see `span_processors`.
    """
    return getattr(provider, "_multi_log_record_processor", None)


def log_processors(several: object) -> Callable[[], object]:
    """Return what reads the processors that the SDK's processor for several calls: `_log_record_processors`, in all releases since 1.28.

    Gone: it reads None; see `span_processors`.
    """
    return lambda: getattr(several, "_log_record_processors", None)


def metric_readers(provider: object) -> Sequence[object] | None:
    """Return a meter provider's readers: `_metric_readers` since 1.43, and before `metric_readers` of its `_sdk_config`.

    Gone: None. The provider counts as one that has an exporter, so that OpenTelemetry code's metrics are left to it; an exporter for the
    same resource is not recognized.
    """
    readers = _sequence(provider, "_metric_readers")
    return _sequence(getattr(provider, "_sdk_config", None), "metric_readers") if readers is None else readers


_EXPORTERS = ("span_exporter", "_exporter", "exporter", "_batch_processor")


def exporter_of(holder: object) -> object | None:
    """Return the exporter of a processor or reader, or what has it: `_exporter` in all releases since 1.28, `_batch_processor` since 1.34.

    Gone: None. `others` then finds an exporter among the fields of the processor, under any name. Where it is in none of them, the processor
    counts as one without an exporter, unless it is of a program's own class.
    """
    return next((found for name in _EXPORTERS if (found := getattr(holder, name, None)) is not None), None)


def instrumentation_key(exporter: object) -> object | None:
    """Return the key that azure-monitor-opentelemetry-exporter sends to: its `_instrumentation_key`, in all releases since 1.0.

    Gone: None. The exporter is not recognized as one for the same resource: what it sends is sent twice.
    """
    return getattr(exporter, "_instrumentation_key", None)


def batch_processor(processor: object) -> BatchProcessor | None:
    """Return what is inside a batch processor, whose `shutdown` takes a time: `_batch_processor`, since 1.34.

    Gone: None. The end of the process waits for a slow conversion for as long as the SDK does, half a minute.
    """
    return getattr(processor, "_batch_processor", None)


def has_thread(processor: object) -> bool:
    """Return whether the thread of a batch processor has been started: `_worker_thread` of its `_batch_processor`, since 1.34.

    Gone: True. Where tests of a program replace `threading.Thread` while telemetry comes for the first time, it is lost until they end.
    """
    thread = getattr(batch_processor(processor), "_worker_thread", None)
    return thread is None or type(getattr(thread, "ident", None)) is int


def entrance(processor: object) -> Callable[[object], None] | None:
    """Return what puts telemetry into the queue of a batch processor as it is: `emit` of its `_batch_processor`, since 1.34.

    Gone: None. What stands for a log record goes through the processor, which makes two objects more of it: 2 us; a span, too, for 0.2.
    """
    return getattr(batch_processor(processor), "emit", None)


def on_ending(processor: object) -> Callable[[Span], None] | None:
    """Return what is called with a span right before it ends: `_on_ending`, since 1.40.

    Gone: None, as before 1.40. Processors see spans of the facade at their start and when they have ended, not in between.
    """
    return getattr(processor, "_on_ending", None)


class SeesEnding:
    """Base of span processors that see a span right before it ends; see `on_ending`.

    Gone: `ending` is not called.
    """

    def _on_ending(self, span: Span) -> None:
        self.ending(span)

    def ending(self, span: Span) -> None:
        """See a span right before it ends.

        Args:
            span: The span, which still takes attributes.
        """
        raise NotImplementedError


def set_kind(span: object, kind: SpanKind) -> bool:
    """Set the kind of a running span of the SDK's, which has no way to do that, and return whether it counts: `_kind`, in all releases.

    Gone: False. The span keeps the kind that it was started with.
    """
    return _set(span, "kind", kind)


def set_parent(span: object, parent: SpanContext | None) -> bool:
    """Set the parent of a running span of the SDK's, which has no way to do that, and return whether it counts: `_parent`, in all releases.

    Gone: False. The span keeps its parent.
    """
    return _set(span, "parent", parent)


class TakesValues(Protocol):
    """What adds up the values of one series."""

    def add(self, number: float) -> None:
        """Add a value."""


def histogram_with_values(make: Callable[[Sequence[float]], TakesValues]) -> Aggregation:
    """Return the SDK's aggregation of histograms, whose points have besides, in `values`, what added up their values in another way.

    It is made by `_create_aggregation` of the aggregation, with `_boundaries`, in all releases since 1.28.

    Gone: the points have no `values`.

    Args:
        make: Makes, of boundaries, what takes the values of a series.
    """
    from dataclasses import dataclass, fields

    from opentelemetry.sdk.metrics.export import HistogramDataPoint
    from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation

    @dataclass(frozen=True)
    class WithValues(HistogramDataPoint):
        values: TakesValues | None = None

    class Watched(ExplicitBucketHistogramAggregation):
        def _create_aggregation(self, *args: Any, **kwargs: Any) -> Any:
            made: Any = super()._create_aggregation(*args, **kwargs)
            bounds = _sequence(made, "_boundaries")
            if bounds is None:
                return made
            values, aggregate, collect = make(bounds), made.aggregate, made.collect

            def watch(measurement: Any, *args: Any, **kwargs: Any) -> None:
                values.add(measurement.value)
                aggregate(measurement, *args, **kwargs)

            def read(*args: Any, **kwargs: Any) -> Any:
                point = collect(*args, **kwargs)
                return point and WithValues(**{each.name: getattr(point, each.name) for each in fields(point)}, values=values)

            made.aggregate, made.collect = watch, read
            return made

    return Watched()


def is_shut_down(meter_provider: object) -> bool:
    """Return whether a meter provider was shut down: `_shutdown`, in all releases since 1.28.

    Gone: False. Instruments of a provider that was shut down are collected once more at each interval, with their last values.
    """
    return getattr(meter_provider, "_shutdown", False) is True


def _are_contexts_tuples() -> bool:
    """Return whether a context is the tuple of ids, flags, state and validity that it is in all releases since 1.28."""
    flags = TraceFlags(1)
    found: object = SpanContext(0xA, 0xB, True, flags, DEFAULT_TRACE_STATE)
    return isinstance(found, tuple) and tuple(found) == (0xA, 0xB, True, flags, DEFAULT_TRACE_STATE, True)


_are_tuples = _are_contexts_tuples()
_filled_in = tuple.__new__


def valid_context(trace_id: int, span_id: int, flags: TraceFlags, state: TraceState) -> SpanContext:
    """Return the context of a span of this process, whose ids are valid: the constructor's look at them is half of what it takes.

    Gone: the constructor makes it.
    """
    if _are_tuples:
        return _filled_in(SpanContext, (trace_id, span_id, False, flags, state, True))
    return SpanContext(trace_id, span_id, False, flags, state)


def child_context(parent: SpanContext, span_id: int) -> SpanContext:
    """Return the context of a span of this process below one of this process, with a valid id: three properties less, 2 percent of a span.

    Gone: as `valid_context`.
    """
    if _are_tuples:
        trace_id, _, _, flags, state, _ = parent
        return _filled_in(SpanContext, (trace_id, span_id, False, flags, state, True))
    return SpanContext(parent.trace_id, span_id, False, parent.trace_flags, parent.trace_state)


def _sequence(holder: object, name: str) -> Sequence[Any] | None:
    found = getattr(holder, name, None)
    return found if isinstance(found, (list, tuple)) else None


def _set(span: object, name: str, value: object) -> bool:
    """Set a private field, and return whether the public property of the same name shows that it counts."""
    try:
        setattr(span, f"_{name}", value)
        return getattr(span, name) is value
    except AttributeError:
        return False
