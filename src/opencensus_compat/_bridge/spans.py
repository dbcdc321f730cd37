"""The OpenTelemetry spans of the facade, and what starts them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from random import getrandbits
from time import time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor, Tracer
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge import others as _other_exporters
from opencensus_compat._bridge.convert.oc_to_otel import SAMPLE_RATE as _WIRE_RATE
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.running_spans import ends_in_pipeline

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_MOST = 1024
"""Most attributes, events and links of a facade span: more than OpenCensus's own limits let through, and OpenTelemetry's added to that."""
_LIMITS = SpanLimits(
    max_attributes=_MOST,
    max_events=_MOST,
    max_links=_MOST,
    max_span_attributes=_MOST,
    max_event_attributes=_MOST,
    max_link_attributes=_MOST,
    max_attribute_length=SpanLimits.UNSET,
    max_span_attribute_length=SpanLimits.UNSET,
)
"""Limits of facade spans, whatever the environment or the provider says: OpenCensus has its own, and text that is cut would be no JSON."""


class Unrecorded(trace_api.NonRecordingSpan):
    """Stands for a sampled span where OpenTelemetry is switched off: OpenCensus goes on, with ids, parents and times as ever."""

    def __init__(self, context: SpanContext) -> None:
        super().__init__(context)
        self.start_time = time_ns()


if TYPE_CHECKING:

    class _SeesEnd(Protocol):
        """A span processor, or what takes the place of several."""

        def on_end(self, span: ReadableSpan) -> None:
            """See a span that has ended."""


class _Source:
    """What the spans of one provider have in common."""

    def __init__(self, resource: Resource, scope: InstrumentationScope, processors: SpanProcessor, others: _other_exporters.Others) -> None:
        self.resource = resource
        self.scope = scope
        self.limits = _LIMITS
        self.processors = processors
        self.others = others
        self.router: SpanProcessor | None = None
        """What takes the provider's spans for us: where it is the only processor, spans are shown to it alone."""
        self.on_ending = _private.on_ending(processors)
        """Newer SDKs call it before `on_end`."""

    def receivers(self) -> _SeesEnd:
        """Return what gets the facade span that is ending on this thread.

        One that goes to an Application Insights resource of its tracer's goes to no other, and to this one once.
        """
        others = self.others
        if others.keys() and ends_in_pipeline(others):
            return others
        router = self.router
        return self.processors if router is None or others.only is not router else router

    def go_to(self, router: SpanProcessor) -> None:
        """Show spans to one processor alone from now on, those that run included: their provider has been shut down."""
        self.others = _other_exporters.NO_OTHERS
        self.processors = router


class FacadeSpan(Span, _handles.OtelSpan):
    """The SDK's span with a kind that can be set while it runs, and the sample rate it was kept at.

    Most facade spans are given all they have when they end, and are read by no code before. They are made without the SDK's locks,
    lists and containers, which take two thirds of the time of making a span; a `ReadableSpan` is made of what they have when they end.
    As soon as code reads more, it becomes what the SDK's own constructor makes.
    """

    census_kind: SpanKind = SpanKind.INTERNAL
    census_rate: float | None = None
    _census_is_whole = False
    _census_attributes: dict[str, AttributeValue] | None = None
    _census_events: list[Event] | None = None
    _census_end_ns: int | None = None

    _census_source: _Source
    _census_name: str
    _census_context: SpanContext
    _census_parent: SpanContext | None
    _census_start_ns: int

    @staticmethod
    def begin(
        source: _Source,
        name: str,
        own: SpanContext,
        parent: SpanContext | None,
        context: Context | None,
        *,
        attributes: dict[str, AttributeValue] | None = None,
        rate: float | None = None,
        start_ns: int | None = None,
    ) -> FacadeSpan:
        """Return a span that has started.

        Args:
            source: The provider's.
            name: Of the span.
            own: Its context.
            parent: Its parent's.
            context: The context it is started in, for the provider's span processors.
            attributes: Valid ones; the dict is given away.
            rate: What it was kept at, percent.
            start_ns: Start in nanoseconds since the epoch; None means now.
        """
        # The SDK's constructor is for `_make_whole`.
        span = object.__new__(FacadeSpan)
        span._census_source = source
        span._census_name = name
        span._census_context = own
        span._census_parent = parent
        if attributes:
            span._census_attributes = attributes
        if rate is not None:
            span.census_rate = rate
        span._census_start_ns = time_ns() if start_ns is None else start_ns
        others = source.others
        # The router alone takes no note of our own spans: not to call it, by way of the SDK, saves 2 percent of a span.
        if others.only is None or others.only is not source.router or others.processors() is not others.seen:
            source.processors.on_start(span, parent_context=context)
        return span

    def __getattr__(self, name: str) -> Any:
        # The name is of a field that the SDK's constructor sets, or of none.
        if self._census_is_whole or name.startswith(("__", "_census")):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._make_whole()
        return getattr(self, name)

    def _make_whole(self) -> None:
        with _making_whole:
            if self._census_is_whole:
                return
            source = self._census_source
            end_ns = self._census_end_ns
            # Made aside, and handed over in one step: other threads that use the span meanwhile find all of it or nothing.
            made = object.__new__(FacadeSpan)
            made._census_is_whole = True
            Span.__init__(
                made,
                self._census_name,
                self._census_context,
                self._census_parent,
                resource=source.resource,
                attributes=self._census_attributes,
                events=self._census_events,
                # They have seen it start, and may have seen it end.
                span_processor=_OnlyEnd(source) if end_ns is None else SpanProcessor(),
                limits=source.limits,
                instrumentation_scope=source.scope,
            )
            Span.start(made, self._census_start_ns)
            if end_ns is not None:
                Span.end(made, end_ns)
            self.__dict__.update(made.__dict__)

    @property
    def kind(self) -> SpanKind:
        """The kind set last."""
        return self.census_kind

    @property
    def context(self) -> SpanContext:
        """The span's own context."""
        return self._census_context

    @property
    def name(self) -> str:
        """The name set last."""
        return super().name if self._census_is_whole else self._census_name

    @property
    def start_time(self) -> int | None:
        """Start in nanoseconds since the epoch."""
        return self._census_start_ns

    def get_span_context(self) -> SpanContext:
        """Return the span's own context."""
        return self._census_context

    def is_recording(self) -> bool:
        """Return whether the span has not ended."""
        return super().is_recording() if self._census_is_whole else self._census_end_ns is None

    def update_name(self, name: str) -> None:
        """Set the name. Integrations with web frameworks do it for each request, so that it is no reason to become whole."""
        with _making_whole:
            if not self._census_is_whole and self._census_end_ns is None:
                self._census_name = name
                return
        super().update_name(name)

    def census_fill(self, attributes: dict[str, AttributeValue]) -> None:
        """Set attributes, of which each is one that OpenTelemetry accepts; the dict is given away."""
        before = self._census_attributes
        if before:
            attributes = {**before, **attributes}
        if self._census_is_whole or len(attributes) > _MOST or "" in attributes:
            self.set_attributes(attributes)
        else:
            self._census_attributes = attributes

    def census_add_event(self, name: str, attributes: dict[str, AttributeValue], time: int | None) -> None:
        """Add an event with attributes of which each is one that OpenTelemetry accepts; the dict is given away.

        A call of gRPC has one for each message, so that it is no reason to become whole: 70 of 110 microseconds that such a span took.
        """
        with _making_whole:
            if not self._census_is_whole and self._census_end_ns is None:
                if self._census_events is None:
                    self._census_events = []
                self._census_events.append(Event(name, MappingProxyType(attributes), time))
                return
        self.add_event(name, attributes, time)

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it to the provider's processors.

        Args:
            end_time: Nanoseconds since the epoch; None means now.
        """
        if self._census_is_whole or self._census_end_ns is not None:
            if not self._census_is_whole:
                self._make_whole()
            super().end(end_time)
            return
        self._census_end_ns = time_ns() if end_time is None else end_time
        source = self._census_source
        receivers = source.receivers()
        if receivers is source.router:
            # It needs what is made below only where this package sends the span: a tenth of the cost of one for a program's own exporter.
            receivers.on_end(self)
            return
        if source.on_ending is not None:
            source.on_ending(self)
        receivers.on_end(self.census_ended())

    def census_ended(self) -> ReadableSpan:
        """Return what processors get of a span that has ended."""
        source, attributes = self._census_source, self._census_attributes
        return ReadableSpan(
            name=self._census_name,
            context=self._census_context,
            parent=self._census_parent,
            resource=source.resource,
            attributes=_NO_ATTRIBUTES if attributes is None else MappingProxyType(attributes),
            events=self._census_events or (),
            kind=self.census_kind,
            start_time=self._census_start_ns,
            end_time=self._census_end_ns,
            instrumentation_scope=source.scope,
        )


_NO_ATTRIBUTES: MappingProxyType[str, AttributeValue] = MappingProxyType({})
_making_whole = threading.RLock()
"""Held while a span becomes what the SDK's constructor makes: several threads may read it."""


class _OnlyEnd(_private.SeesEnding, SpanProcessor):
    """A provider's processors, for a span that they have seen start."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def ending(self, span: Span) -> None:
        on_ending = self._source.on_ending
        if on_ending is not None:
            on_ending(span)

    def on_end(self, span: ReadableSpan) -> None:
        self._source.receivers().on_end(span)


class SpanFactory:
    """Starts the facade's spans in a provider.

    OpenCensus decides about sampling and ids before a span starts, so the SDK tracer's sampler and id generator are not called; the
    spans are built as the SDK's tracer builds them, with the tracer's resource and processors, all through public names. A provider
    that is not the SDK's, or is switched off (`OTEL_SDK_DISABLED`), starts them itself, with what it can do.
    """

    def __init__(self, provider: trace_api.TracerProvider, scope: str, version: str, *, are_of_ours: bool = False) -> None:
        self._tracer = provider.get_tracer(scope, version)
        self._source: _Source | None = None
        self.others = _other_exporters.of_tracer(provider, self._tracer, are_of_ours=are_of_ours)
        """Who else gets the spans of the provider."""
        if isinstance(self._tracer, Tracer):
            self._source = _Source(
                self._tracer.resource,
                InstrumentationScope(scope, version),
                self._tracer.span_processor,
                self.others,
            )

    def serve(self, router: SpanProcessor) -> None:
        """Know the provider's processor that takes its spans for us."""
        source = self._source
        # Another class of several processors may do more than to call each.
        if source is not None and type(source.processors) is SynchronousMultiSpanProcessor:
            source.router = router

    def go_to(self, router: SpanProcessor) -> None:
        """Show spans to one processor alone; see `_Source`. A provider that is not the SDK's goes on as it can."""
        if self._source is not None:
            self._source.go_to(router)

    def start(
        self,
        name: str,
        context: Context,
        parent: trace_api.Span | None,
        attributes: dict[str, AttributeValue] | None,
        trace_id: int | None,
        span_id: int | None,
    ) -> trace_api.Span:
        """Start a span; see `start_span`."""
        source = self._source
        if source is None:
            started = self._tracer.start_span(name, context, attributes=attributes)
            made = started.get_span_context()
            # A provider may be a mock.
            if (
                issubclass(type(made), SpanContext)
                and made.is_valid
                and (parent is None or made.span_id != parent.get_span_context().span_id)
            ):
                return started
        parent_context = None if parent is None else parent.get_span_context()
        rate: Any = attributes.get(_WIRE_RATE) if attributes else None
        if parent_context is None:
            own = SpanContext(trace_id or getrandbits(128), span_id or getrandbits(64), False, _SAMPLED)
        else:
            flags = parent_context.trace_flags
            own = SpanContext(
                parent_context.trace_id,
                span_id or getrandbits(64),
                False,
                flags if flags & TraceFlags.SAMPLED else TraceFlags(flags | TraceFlags.SAMPLED),
                parent_context.trace_state,
            )
            if rate is None:
                rate = inherited_rate(parent)
                if rate is not None:
                    attributes = {**(attributes or {}), _WIRE_RATE: rate}
        if source is None:
            return Unrecorded(own)
        return FacadeSpan.begin(source, name, own, parent_context, context, attributes=attributes, rate=rate)

    def replace(self, old: trace_api.Span, context: Context | None, span_id: int | None, start_ns: int | None) -> trace_api.Span:
        """Start a span in place of another; see `replace_span`."""
        if self._source is None or not isinstance(old, FacadeSpan):
            report("start time or id of a span was not changed: the provider's spans are not the OpenTelemetry SDK's")
            return old
        context_of_old = old.get_span_context()
        own = SpanContext(
            context_of_old.trace_id,
            span_id or context_of_old.span_id,
            False,
            context_of_old.trace_flags,
            context_of_old.trace_state,
        )
        new = FacadeSpan.begin(
            self._source,
            old.name,
            own,
            old.parent,
            context,
            attributes=dict(old.attributes or {}),
            rate=old.census_rate,
            start_ns=old.start_time if start_ns is None else start_ns,
        )
        new.census_kind = old.census_kind
        for event in old.events:
            new.add_event(event.name, event.attributes, event.timestamp)
        for link in old.links:
            new.add_link(link.context, link.attributes)
        if not old.status.is_unset:
            new.set_status(old.status)
        return new


def inherited_rate(parent: object) -> float | None:
    """Return the sample rate in percent that a child of `parent` is kept at, None when it is not sampled by rate."""
    if type(parent) is FacadeSpan:
        return parent.census_rate
    attributes: Any = getattr(parent, "attributes", None)
    return attributes.get(_WIRE_RATE) if issubclass(type(attributes), Mapping) else None
