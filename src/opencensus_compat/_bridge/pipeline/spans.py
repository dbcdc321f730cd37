"""From an ended span to its destination.

One `Router` sits in the provider as a span processor. It decides which destination a span is for and hands it to the span part of
that destination.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import doubles as _doubles
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge import others as _other_exporters
from opencensus_compat._bridge.convert.oc_to_otel import SAMPLE_RATE as _WIRE_RATE
from opencensus_compat._bridge.convert.span_data import ended_span
from opencensus_compat._bridge.pipeline.ending import flush_at_shutdown, flush_parts, is_ending, shut_down_parts
from opencensus_compat._bridge.pipeline.part import Batching, Part
from opencensus_compat._bridge.process import SCOPE, SPANS
from opencensus_compat._bridge.running_spans import ending_span, parent_handle
from opencensus_compat._bridge.settings import report_no_effect
from opencensus_compat._bridge.spans import FacadeSpan, SpanFactory, inherited_rate
from opencensus_compat._bridge.whose import is_ours

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler

    from opencensus_compat._bridge.exporter import Envelope, Prepared, Settings

_SpanHandle = _handles.SpanHandle
_MOST_RUNNING = 10_000
"""OpenTelemetry spans that are remembered to have begun inside an OpenCensus span, and have not ended."""


class SpanPart(Part[ReadableSpan]):
    """The spans of a destination."""

    signal = SPANS
    results = (SpanExportResult.SUCCESS, SpanExportResult.FAILURE)

    def __init__(self, settings: Settings, context_tags: Mapping[str, object], batching: Batching) -> None:
        super().__init__(settings, context_tags, batching)
        self.first_handle: _handles.SpanHandle | None = None
        self._entrance: tuple[object, Callable[[Any], object]] = (self, _nothing)
        """A processor, and what puts a sampled span into its queue."""

    def _new_exporter(self) -> _exporter.SpanExporter:
        return _exporter.span_exporter(self.settings, self._context_tags)

    def _new_processor(self, export: object) -> BatchSpanProcessor:
        return BatchSpanProcessor(export, **self.batching.for_sdk())  # type: ignore[arg-type]  # it calls three methods of an exporter's

    def envelopes(self, span_data: object, attributes: Mapping[Any, Any] | None) -> list[Envelope]:
        """Return the envelopes of an OpenCensus SpanData in the legacy shape, in the form that telemetry processors take.

        Args:
            span_data: The SpanData.
            attributes: Its attributes.
        """
        ended: Any = ended_span(span_data, SCOPE, attributes)
        return self.convert(ended)

    def on_end(self, telemetry: ReadableSpan | Prepared) -> None:
        """Queue a span, or what stands for one."""
        if not self.is_direct:
            report_no_effect("items that a program hands to an exporter itself are not exported")
            return
        if type(telemetry) is FacadeSpan:
            # Always sampled. The processor would ask, by way of three calls: 4 percent of a span.
            known, enter = self._entrance
            if known is not self._processor or self.is_shut_down:
                enter = self._found_entrance()
            enter(telemetry)
            self._queue.entered()
            return
        processor = self._processor
        if processor is None or self.is_shut_down:
            processor = self._started()
        processor.on_end(telemetry)
        # Without the property `sampled`, which is a call.
        if telemetry.context.trace_flags & 1:  # type: ignore[union-attr]  # what was started has a context
            self._queue.entered()

    def _found_entrance(self) -> Callable[[Any], object]:
        processor = self._started()
        enter: Callable[[Any], object] = _private.entrance(processor) or processor.on_end
        self._entrance = (processor, enter)
        return enter


class Router(SpanProcessor):
    """Hands each ended span of one provider to the destination it is for.

    A span of the facade goes where its tracer's exporter sends. A span of OpenTelemetry code goes where the OpenCensus span around it
    goes; outside any, to the default destination, the first one made, if it is this package's to send: see `_bridge.whose`. A span whose
    tracer has another vendor's exporter goes to none.

    Args:
        default_part: Returns the part of the default destination, None while there is none.
        on_shutdown: Called when the provider has been shut down while the process goes on.
    """

    def __init__(self, default_part: Callable[[], SpanPart | None], on_shutdown: Callable[[], object]) -> None:
        self._default_part = default_part
        self._on_shutdown = on_shutdown
        self.is_stopped = False
        self._is_alone = False
        self._inherited: dict[tuple[int, int], _handles.SpanHandle] = {}
        self._rates: SpanProcessor = _exporter.sample_rate_processor(None)
        self._spans: SpanFactory | None = None
        self._others = _other_exporters.NO_OTHERS

    def enter(self, provider: trace_api.TracerProvider) -> None:
        """Become a processor of a provider."""
        several = getattr(provider.get_tracer(SCOPE), "span_processor", None)
        provider.add_span_processor(_around(self, several))  # type: ignore[attr-defined]  # `put_router` has looked for that method

    def serve(self, sampler: Sampler | None, spans: SpanFactory) -> None:
        """Serve a provider from now on.

        Args:
            sampler: Its sampler; the rates at which it keeps spans of OpenTelemetry code are noted.
            spans: Starts the facade spans of the provider.
        """
        self._rates = _exporter.sample_rate_processor(sampler)
        self._spans = spans
        self._others = spans.others
        spans.serve(self)
        if self._is_alone:
            spans.go_to(self)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note what a span is sampled at, and where the OpenCensus span around it sends."""
        if type(span) is FacadeSpan:
            return
        self._rates.on_start(span, parent_context)
        # A facade span knows its rate also when it has so many attributes that the one with the rate was pushed out.
        rate = inherited_rate(trace_api.get_current_span(parent_context))
        if rate is not None and _WIRE_RATE not in (span.attributes or ()):
            span.set_attribute(_WIRE_RATE, rate)
        handle: Any = parent_handle(parent_context)
        if _handles.pipeline_of(handle) is not None and (
            self._is_alone or not self._others.are_of_ours or handle is not self._default_handle()
        ):
            context = span.get_span_context()
            key = (context.trace_id, context.span_id)
            self._inherited[key] = handle
            if len(self._inherited) > _MOST_RUNNING:
                # Spans that are freed without having ended leave theirs. Other threads change it meanwhile.
                with contextlib.suppress(RuntimeError, StopIteration):
                    self._inherited.pop(next(iter(self._inherited)), None)
        if _context.has_instrumentations():
            _doubles.started(span, _context.get_current() if parent_context is None else parent_context, self._others)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand an ended span on: the SDK's, or the facade's own, which is made one of those where it is sent."""
        now = ending_span.now
        if now is not None and self.take(span, *now):
            return
        if issubclass(type(span), _handles.OtelSpan):
            span = span.census_ended()  # type: ignore[attr-defined]  # it is one of those
        context = span.get_span_context()
        inherited = self._inherited.pop((context.trace_id, context.span_id), None) if context is not None and self._inherited else None
        kept = _doubles.ended(span)
        if kept is None:
            return
        span = kept
        handle = self._default_handle() if inherited is None else inherited
        destination = handle._pipeline if handle is not None else self._default_part()
        if destination is None or not destination.is_direct or (self._is_alone and inherited is None):
            return
        if is_ours(self._others, destination.settings, SPANS, is_inside=inherited is not None):
            destination.on_end(span if handle is None else handle._telemetry(span, None, None))

    def take(self, span: ReadableSpan, facade: _handles.CensusSpan, tracer: _handles.CensusTracer) -> bool:
        """Hand an ended span to where the exporter of its tracer sends; return False for one that has no such exporter.

        Args:
            span: The SDK's, or the facade's own.
            facade: The span that it is of.
            tracer: The ContextTracer that has ended it.
        """
        if facade._is_elsewhere:
            return True
        handle = tracer.exporter
        is_handle = issubclass(type(handle), _SpanHandle)
        if is_handle and handle._takes_as_they_are() and (pipeline := handle._pipeline).is_direct:
            facade._taken_by = handle
            pipeline.on_end(span)
            return True
        destination = handle._destination if is_handle else None
        if destination is not None:
            facade._taken_by = handle
            if destination.is_direct:
                destination.on_end(handle._telemetry(span, facade, tracer))
            else:
                self._others.report_if_alone(self, SPANS)
            return True
        if _handles.is_own(handle, _handles.ProviderOnly):
            return False
        # A subclass of ours with a way of its own may bring it here after all, as SpanData.
        facade._ended = span
        return True

    def _default_handle(self) -> _handles.SpanHandle | None:
        part = self._default_part()
        return None if part is None else part.first_handle

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is queued, for every destination, and return whether all of it was delivered in time."""
        return self.is_stopped or flush_parts(SPANS, timeout_millis / 1000)

    def stop(self) -> None:
        """Take no more spans: a provider has no method to remove a processor, and one that stayed active would export each span twice."""
        self.is_stopped = True
        self.on_start = self.on_end = self.take = _nothing  # type: ignore[method-assign, assignment] # faster than to ask each time

    def shutdown(self) -> None:
        """Export what is queued, since the provider is shut down. OpenCensus spans go on, without it, unless the process ends."""
        if self.is_stopped:
            return
        if is_ending():
            shut_down_parts(SPANS)
        elif not self._is_alone:
            flush_at_shutdown(SPANS)
            self._is_alone = True
            if self._spans is not None:
                self._spans.go_to(self)
            self._on_shutdown()


class _Beside(SpanProcessor):
    """Stands for a router in a provider that calls its processors in threads of its own, where it would know of no context.

    Args:
        router: The router.
        several: The provider's processors.
    """

    def __init__(self, router: Router, several: ConcurrentMultiSpanProcessor) -> None:
        self._router = router
        setattr(self, _other_exporters.STANDS_FOR, router)
        start, end = several.on_start, several.on_end

        def on_start(span: Span, parent_context: Context | None = None) -> None:
            router.on_start(span, parent_context)
            start(span, parent_context)

        def on_end(span: ReadableSpan) -> None:
            router.on_end(span)
            end(span)

        several.on_start, several.on_end = on_start, on_end  # type: ignore[method-assign] # of this one object

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the router."""
        return self._router.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Shut the router down."""
        self._router.shutdown()


def _around(router: Router, several: object) -> SpanProcessor:
    return _Beside(router, several) if isinstance(several, ConcurrentMultiSpanProcessor) else router


def _nothing(*args: object, **kwargs: object) -> None:
    """Do nothing."""
