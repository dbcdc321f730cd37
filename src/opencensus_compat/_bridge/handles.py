"""Which of the objects that programs hand in are this package's own: typed handles, recognized by their class.

A wrapper that delegates answers to every name of what it wraps, and a mock to every name there is. `isinstance` is no better: a mock with a
specification, like a transparent proxy, shows the specified class as its `__class__`. So `is_own` looks at `type()`, which no program
sets, and no other test decides what is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeGuard

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status
    from opentelemetry.util.types import AttributeValue

    from opencensus_compat._bridge.exporter import Counts, Envelope, Prepared, Settings, WireItem

__all__ = [
    "CensusSpan",
    "CensusTracer",
    "Handle",
    "LogHandle",
    "MetricHandle",
    "OtelSpan",
    "ProviderOnly",
    "SpanHandle",
    "WithoutInstruments",
    "is_own",
    "pipeline_of",
    "span_part_of",
]


_T = TypeVar("_T")


if TYPE_CHECKING:

    class CountsLosses(Protocol):
        """The exporter of a pipeline, as handles see it."""

        @property
        def counts(self) -> Counts:
            """What was sent and lost."""

        def no_time(self, number: int) -> None:
            """Count telemetry as lost for which there was no time."""

    class Owner(Protocol):
        """The destination that a pipeline belongs to."""

        @property
        def settings(self) -> Settings:
            """The exporter's."""

        @property
        def is_direct(self) -> bool:
            """Whether telemetry is sent there."""

        @property
        def has_log_handlers(self) -> bool:
            """Whether log handlers have been made that send to it."""

        def part(self, signal: str) -> Pipeline:
            """Return the pipeline of a signal."""

    class Pipeline(Protocol):
        """What a handle sends through: a part of a destination."""

        @property
        def settings(self) -> Settings:
            """The exporter's."""

        @property
        def exporter(self) -> CountsLosses:
            """The exporter."""

        @property
        def is_direct(self) -> bool:
            """Whether it sends what it is given, or nothing."""

        @property
        def destination(self) -> Owner:
            """What it is a part of."""

        def send(self, envelopes: Sequence[WireItem]) -> int:
            """Send envelopes at once and return what became of them."""

    class SpanPipeline(Pipeline, Protocol):
        """What spans go through."""

        def convert(self, telemetry: ReadableSpan) -> list[Envelope]:
            """Return the envelopes of a span as the exporter would send them, in the form that telemetry processors take."""

        def on_end(self, telemetry: ReadableSpan | Prepared) -> None:
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

    def _takes_as_they_are(self) -> bool:
        """Return whether its own spans go through the pipeline as they are, as nearly always; see `_telemetry`."""
        raise NotImplementedError

    def _is_changed(self) -> bool:
        """Return whether a program has replaced a step of the export, which then gets SpanData."""
        return False

    def _telemetry(self, readable: ReadableSpan, span: CensusSpan | None, tracer: CensusTracer | None) -> ReadableSpan | Prepared:
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

    def _task(self, producers: Sequence[object], interval: float | None) -> Any:
        """Return the task that exports what producers have; it is not started."""
        raise NotImplementedError


class ProviderOnly:
    """Stands for an exporter where spans go to the OpenTelemetry provider's processors alone."""


class WithoutInstruments:
    """A metric producer whose metrics have OpenTelemetry instruments of their own, or are no program's: its metrics get none."""


class CensusSpan:
    """A span of the OpenCensus API."""

    context_tracer: Any = None
    """The tracer that ends it."""
    span_kind: Any
    """What it stands for, in OpenCensus's numbers."""
    attributes: Any
    parent_span: Any
    _ended: ReadableSpan | None
    """What the SDK made of its OpenTelemetry span at the end, where it may yet be exported as SpanData."""
    _end_ns: int | None
    """End in nanoseconds since the epoch; None while it runs."""
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
    _holder: Any = None
    """The tracer that has noted it for work that it is handed to, while it is open."""
    _top_before: Any = None
    """The outermost span of its tracer that was open there already."""
    _is_elsewhere = False
    """Whether another span is sent in its place, or none."""
    _is_left_out = False
    """Whether OpenCensus's sampler leaves it out, although the OpenTelemetry span around it is sampled."""
    _call: str | None = None
    """The integration that makes it of a call to another service, where OpenTelemetry's instrumentations are loaded."""
    _carrier: Any = None
    """The WSGI environ or ASGI scope of the request that it is, where an integration has said so and instrumentations are loaded."""
    _scopes: frozenset[str] = frozenset()
    """The instrumentations whose span of the same request has been found."""
    _doubles: tuple[Callable[[], Any], ...] = ()
    """References to those of these spans that have given way to it."""


class CensusTracer:
    """A tracer that starts and ends sampled spans."""

    exporter: Any
    """Its exporter, which is a program's."""

    def _end_through(self, span: CensusSpan) -> None:
        """End a span, and before it what was opened inside it and left open."""
        raise NotImplementedError


class OtelSpan:
    """An OpenTelemetry span that the facade started in a provider of the SDK's."""

    if TYPE_CHECKING:
        # Of the SDK's span, which it is, too.
        name: str
        """What it was called last."""
        context: SpanContext
        """Its own."""
        parent: SpanContext | None
        """Its parent's."""
        end_time: int | None
        """In nanoseconds since the epoch; None while it runs."""
        kind: SpanKind
        """What it stands for."""

        @property
        def events(self) -> Sequence[Event]:
            """What happened in it."""

        @property
        def links(self) -> Sequence[Link]:
            """Other spans that belong to it."""

        @property
        def status(self) -> Status:
            """How it went."""

    census_rate: float | None
    """The rate that its trace was kept at, percent; None for 100."""
    _census_is_whole: bool
    """Whether it has what the SDK's constructor gives a span. Code other than the facade's has put nothing on one that has not."""

    def census_end(self, facade: CensusSpan, tracer: CensusTracer, end_ns: int | None) -> bool:
        """End the span where only the router sees it, and return whether it is."""
        raise NotImplementedError

    def census_ended(self) -> ReadableSpan:
        """Return what processors get of a span that has ended."""
        raise NotImplementedError

    def census_fill(self, attributes: dict[str, AttributeValue]) -> None:
        """Set attributes, of which each is one that OpenTelemetry accepts; the dict is given away."""
        raise NotImplementedError

    def census_set_status(self, status: Status) -> None:
        """Set the status."""
        raise NotImplementedError


def is_own(value: object, kind: type[_T]) -> TypeGuard[_T]:
    """Return whether a value is an object of a class of this package's, or of a subclass of that."""
    return issubclass(type(value), kind)


def pipeline_of(value: object) -> Pipeline | None:
    """Return the part that a handle sends through; None for anything else, and for a subclass that was made without one."""
    found: Pipeline | None = getattr(value, "_pipeline", None) if issubclass(type(value), Handle) else None
    return found


def span_part_of(exporter: object) -> SpanPipeline | None:
    """Return the part that takes the spans of an exporter's tracers as they end; None where it is to be called with SpanData."""
    # Each span calls it, and `is_own` is one more call.
    return exporter._destination if issubclass(type(exporter), SpanHandle) else None  # type: ignore[attr-defined]  # it is one of that class
