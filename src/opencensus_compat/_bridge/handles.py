"""Which of the objects that programs hand in are this package's own: typed handles, recognized by their class.

A wrapper that delegates answers to every name of what it wraps, and a mock to every name there is. `isinstance` is no better: a mock with a
specification, like a transparent proxy, shows the specified class as its `__class__`. So `is_own` looks at `type()`, which nobody else
sets, and nothing else tells what is ours from what is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext


__all__ = [
    "CensusSpan",
    "CensusTracer",
    "Handle",
    "LogHandle",
    "MetricHandle",
    "OtelSpan",
    "Pipeline",
    "ProviderOnly",
    "SpanHandle",
    "SpanPipeline",
    "WithoutInstruments",
    "is_own",
    "pipeline_of",
    "span_part_of",
]


class Pipeline(Protocol):
    """What a handle sends through: a part of a destination."""

    settings: Any
    exporter: Any
    is_direct: bool

    def convert(self, telemetry: Any) -> list[Any]:
        """Return the envelopes of what the exporter takes as it would send them, in the form that telemetry processors take."""

    def send(self, envelopes: Sequence[Any]) -> int:
        """Send envelopes at once and return what became of them."""


class SpanPipeline(Pipeline, Protocol):
    """What spans go through."""

    def on_end(self, telemetry: Any) -> None:
        """Queue a span, or what stands for one."""


class Handle:
    """An exporter or log handler on a resource: it sends through the pipeline of a destination."""

    if TYPE_CHECKING:

        @property
        def _pipeline(self) -> Pipeline:
            """The part of the destination."""


class SpanHandle(Handle):
    """An exporter of spans, which its tracers need not call: the pipeline sees their spans end."""

    if TYPE_CHECKING:

        @property
        def _pipeline(self) -> SpanPipeline:
            """Where OpenTelemetry spans inside its spans go."""

        @property
        def _destination(self) -> SpanPipeline | None:
            """The same for its own spans; None when it is to be called with SpanData instead."""

    def _telemetry(self, readable: Any, span: Any, tracer: Any) -> Any:
        """Return what the pipeline exports for an ended span: the OpenTelemetry span, or one that brings its own envelopes.

        Args:
            readable: The SDK's ended span.
            span: The facade span; None for a span that OpenTelemetry code made.
            tracer: The facade span's ContextTracer, which makes its SpanData; None likewise.
        """
        raise NotImplementedError


class LogHandle(Handle):
    """A log handler."""


class MetricHandle(Handle):
    """An exporter of metrics, which the reader of its destination may call in place of a thread."""

    def _task(self, producers: Any, interval: float | None) -> Any:
        """Return the task that exports what producers tell; it is not started."""
        raise NotImplementedError


class ProviderOnly:
    """Stands for an exporter where spans go to the OpenTelemetry provider's processors and to nobody else."""


class WithoutInstruments:
    """A metric producer whose metrics have OpenTelemetry instruments of their own, or are no program's: none are made of what it tells."""


class CensusSpan:
    """A span of the OpenCensus API."""

    context_tracer: Any = None
    """The tracer that ends it."""
    span_kind: Any
    """What it stands for, in OpenCensus's numbers."""
    _otel: Any = None
    """Its OpenTelemetry span, once it has started."""
    _outer: Context | None = None
    """The context that it was started in; None where it was made current by other means."""
    _taken_by: Any = None
    """The exporter whose destination has taken it when it ended."""
    _has_ended = False
    """Whether its tracer has ended it."""
    _place: object | None = None
    """The task or thread that it was started in."""
    _top_before: Any = None
    """The outermost span of its tracer that was open there already."""
    _is_elsewhere = False
    """Whether another span is sent in its place, or none."""
    _is_left_out = False
    """Whether OpenCensus's sampler leaves it out, although the OpenTelemetry span around it is sampled."""


class CensusTracer:
    """A tracer that starts and ends sampled spans."""

    def _end_through(self, span: Any) -> None:
        """End a span, and before it what was opened inside it and left open."""
        raise NotImplementedError


class OtelSpan:
    """An OpenTelemetry span that the facade started in a provider of the SDK's."""

    census_kind: Any
    census_rate: float | None = None
    """The rate that its trace was kept at, percent; None for 100."""
    _census_parent: SpanContext | None
    _census_is_whole = False
    """Whether it has what the SDK's constructor gives a span."""

    def census_fill(self, attributes: dict[str, Any]) -> None:
        """Set attributes, of which each is one that OpenTelemetry accepts; the dict is given away."""
        raise NotImplementedError


def is_own(value: Any, kind: type) -> bool:
    """Return whether a value is an object of a class of this package's, or of a subclass of that."""
    return issubclass(type(value), kind)


def pipeline_of(value: Any) -> Any:
    """Return the part that a handle sends through; None for anything else, and for a subclass that was made without one."""
    return getattr(value, "_pipeline", None) if issubclass(type(value), Handle) else None


def span_part_of(exporter: Any) -> Any:
    """Return the part that takes the spans of an exporter's tracers as they end; None where it is to be called with SpanData."""
    return exporter._destination if issubclass(type(exporter), SpanHandle) else None
