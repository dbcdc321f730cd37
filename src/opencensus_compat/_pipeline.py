"""From an ended span to its destination: the parts of the wiring that need the OpenTelemetry SDK.

One `Router` sits in the provider as a span processor. It decides which destination a span is for and hands it to the span part of
that destination.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from random import getrandbits
from time import time_ns
from typing import Any, cast

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from opencensus_compat import _exporter, _wiring
from opencensus_compat._convert.oc_to_otel import SAMPLE_RATE as _WIRE_RATE
from opencensus_compat._convert.span_data import readable_span
from opencensus_compat._destination import Batching, Part, resource_of_role
from opencensus_compat._wiring import SPANS

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class SpanPart(Part):
    """The spans of a destination."""

    signal = SPANS
    results = (SpanExportResult.SUCCESS, SpanExportResult.FAILURE)

    def __init__(self, settings: Any, context_tags: Mapping[str, Any], batching: Batching) -> None:
        super().__init__(settings, context_tags, batching)
        self.first_handle: Any = None

    def _new_exporter(self) -> Any:
        return _exporter.span_exporter(self.settings, self._context_tags)

    def _new_processor(self, export: Any) -> BatchSpanProcessor:
        batching = self.batching
        return BatchSpanProcessor(
            export,
            max_queue_size=batching.queue_capacity,
            schedule_delay_millis=batching.export_interval_s * 1000,
            max_export_batch_size=min(batching.max_batch_size, batching.queue_capacity),
        )

    def convert(self, span: Any) -> list[Any]:
        """Return a span's envelopes as the exporter would send them, in the form that telemetry processors take."""
        return [_exporter.from_wire(envelope) for envelope in self.exporter.envelopes(span)]

    def envelopes(self, span_data: Any) -> list[Any]:
        """Return the envelopes of an OpenCensus SpanData in the legacy shape, in the form that telemetry processors take."""
        return self.convert(readable_span(span_data, _wiring.SCOPE))

    def on_end(self, telemetry: Any) -> None:
        """Queue a span, or what stands for one."""
        self._started().on_end(telemetry)
        if telemetry.context.trace_flags.sampled:
            self._queue.entered()


class Router(SpanProcessor):
    """Hands each ended span to the destination it is for.

    A span of the facade goes where its tracer's exporter sends. A span of OpenTelemetry code goes where the OpenCensus span around it
    goes; outside any, to the default destination, the first one made. A span whose tracer has another vendor's exporter goes to none.
    """

    def __init__(self) -> None:
        self._default: SpanPart | None = None
        self._is_stopped = False
        self._inherited: dict[tuple[int, int], tuple[Any, weakref.ref[Span]]] = {}
        self._rates: SpanProcessor = _exporter.sample_rate_processor(None)

    def watch(self, sampler: Any) -> None:
        """Note from now on the rates at which the provider's sampler keeps spans of OpenTelemetry code."""
        self._rates = _exporter.sample_rate_processor(sampler)

    def add(self, part: SpanPart) -> None:
        """Take a part for the default one, if there is none yet."""
        self._default = self._default or part

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note what a span is sampled at, and where the OpenCensus span around it sends."""
        if type(span) is FacadeSpan:
            return
        self._rates.on_start(span, parent_context)
        # A facade span knows its rate also when it has so many attributes that the one with the rate was pushed out.
        rate = inherited_rate(trace_api.get_current_span(parent_context))
        if rate is not None and _WIRE_RATE not in (span.attributes or ()):
            span.set_attribute(_WIRE_RATE, rate)
        handle = _wiring.parent_handle(parent_context)
        if handle is not None and handle is not self._default_handle() and getattr(handle, "_pipeline", None) is not None:
            context = span.get_span_context()
            key = (context.trace_id, context.span_id)
            # The reference forgets the note when the span is freed without having ended.
            self._inherited[key] = (handle, weakref.ref(span, lambda _: self._inherited.pop(key, None)))

    def _default_handle(self) -> Any:
        return None if self._default is None else self._default.first_handle

    def on_end(self, span: ReadableSpan) -> None:
        """Hand an ended span on."""
        now = _wiring.ending.now
        if now is not None:
            facade, tracer = now
            handle = tracer.exporter
            destination = getattr(handle, "_destination", None)
            if destination is not None:
                destination.on_end(handle._telemetry(span, facade, tracer))
                return
            if not _wiring.is_provider_exporter(handle):
                return
        context = span.get_span_context()
        inherited = self._inherited.pop((context.trace_id, context.span_id), None) if context is not None and self._inherited else None
        handle = inherited[0] if inherited is not None else self._default_handle()
        destination = handle._pipeline if handle is not None else self._default
        if destination is not None:
            destination.on_end(span if handle is None else handle._telemetry(span, None, None))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits, for every destination, and return whether all of it was delivered in time."""
        return self._is_stopped or _wiring.flush_parts(SPANS, timeout_millis / 1000)

    def stop(self) -> None:
        """Take no more spans: a provider cannot be asked to drop a processor, and one that stayed active would export each span twice."""
        self._is_stopped = True
        self.on_start = self.on_end = _nothing  # type: ignore[method-assign]

    def shutdown(self) -> None:
        """Export what waits and stop; see `_wiring.shut_down_parts`."""
        if not self._is_stopped:
            self.stop()
            _wiring.shut_down_parts(SPANS)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


class Unrecorded(trace_api.NonRecordingSpan):
    """Stands for a sampled span where OpenTelemetry is switched off: OpenCensus goes on, with ids, parents and times as ever."""

    def __init__(self, context: SpanContext) -> None:
        super().__init__(context)
        self.start_time = time_ns()


class FacadeSpan(Span):
    """The SDK's span with a kind that can be set while it runs, and the sample rate it was kept at."""

    census_kind: SpanKind = SpanKind.INTERNAL
    census_rate: float | None = None

    @property
    def kind(self) -> SpanKind:
        """The kind set last."""
        return self.census_kind


class SpanFactory:
    """Starts the facade's spans in a provider.

    OpenCensus decides about sampling and ids before a span starts, so the SDK tracer's sampler and id generator are not asked; the
    spans are built as the SDK's tracer builds them, with the tracer's resource and processors, all through public names. A provider
    that is not the SDK's, or is switched off (`OTEL_SDK_DISABLED`), starts them itself, with what it can do.
    """

    def __init__(self, provider: Any, scope: str, version: str) -> None:
        self._tracer = provider.get_tracer(scope, version)
        self._is_sdk = isinstance(self._tracer, Tracer)
        self._scope = InstrumentationScope(scope, version)
        # The limits that the application gave its provider are not public; without them the SDK's environment variables decide.
        limits = getattr(provider, "_span_limits", None)
        self._limits = limits if isinstance(limits, SpanLimits) else SpanLimits()

    def start(
        self,
        name: str,
        context: Context,
        parent: trace_api.Span | None,
        attributes: dict[str, Any] | None,
        trace_id: int | None,
        span_id: int | None,
    ) -> trace_api.Span:
        """Start a span; see `_wiring.start_span`."""
        if not self._is_sdk:
            started = cast("trace_api.Span", self._tracer.start_span(name, context, attributes=attributes))
            made = started.get_span_context()
            if made.is_valid and (parent is None or made.span_id != parent.get_span_context().span_id):
                return started
        parent_context = None if parent is None else parent.get_span_context()
        rate = attributes.get(_WIRE_RATE) if attributes else None
        if parent_context is None:
            own = SpanContext(trace_id or getrandbits(128), span_id or getrandbits(64), False, _SAMPLED)
        else:
            own = SpanContext(
                parent_context.trace_id,
                span_id or getrandbits(64),
                False,
                TraceFlags(parent_context.trace_flags | TraceFlags.SAMPLED),
                parent_context.trace_state,
            )
            if rate is None:
                rate = inherited_rate(parent)
                if rate is not None:
                    attributes = {**(attributes or {}), _WIRE_RATE: rate}
        if not self._is_sdk:
            return Unrecorded(own)
        span = FacadeSpan(
            name,
            own,
            parent_context,
            resource=self._tracer.resource,
            attributes=attributes,
            span_processor=self._tracer.span_processor,
            limits=self._limits,
            instrumentation_scope=self._scope,
        )
        if rate is not None:
            span.census_rate = rate
        span.start(parent_context=context)
        return span

    def replace(self, old: Any, context: Context | None, span_id: int | None, start_ns: int | None) -> trace_api.Span:
        """Start a span in place of another; see `_wiring.replace_span`."""
        if not isinstance(old, FacadeSpan):
            _wiring.report("start time or id of a span was not changed: the provider's spans are not the OpenTelemetry SDK's")
            return cast("trace_api.Span", old)
        context_of_old = old.get_span_context()
        own = SpanContext(
            context_of_old.trace_id,
            span_id or context_of_old.span_id,
            False,
            context_of_old.trace_flags,
            context_of_old.trace_state,
        )
        new = FacadeSpan(
            old.name,
            own,
            old.parent,
            resource=old.resource,
            attributes=dict(old.attributes or {}),
            events=list(old.events),
            links=list(old.links),
            span_processor=self._tracer.span_processor,
            limits=self._limits,
            instrumentation_scope=self._scope,
        )
        new.census_kind, new.census_rate = old.census_kind, old.census_rate
        new.start(old.start_time if start_ns is None else start_ns, context)
        if not old.status.is_unset:
            new.set_status(old.status)
        return new


def inherited_rate(parent: Any) -> Any:
    """Return the sample rate in percent that a child of `parent` is kept at, None when it is not sampled by rate."""
    if type(parent) is FacadeSpan:
        return parent.census_rate
    attributes = getattr(parent, "attributes", None)
    return attributes.get(_WIRE_RATE) if attributes else None


def new_provider(role: str) -> TracerProvider:
    """Return a provider for programs that have none."""
    try:
        sampler = _exporter.sampler_from_environment()
    except ValueError as error:
        _wiring.report("OTEL_TRACES_SAMPLER is left to the OpenTelemetry SDK: %s", error)
        sampler = None
    return TracerProvider(sampler=sampler, resource=resource_of_role(role))
