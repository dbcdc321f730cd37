"""The OpenTelemetry spans of the facade, and what starts them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from random import getrandbits
from time import time_ns
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanLimits, SpanProcessor, SynchronousMultiSpanProcessor, Tracer
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import DEFAULT_TRACE_STATE, SpanContext, SpanKind, TraceFlags

from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge import others as _other_exporters
from opencensus_compat._bridge.convert.oc_to_otel import SAMPLE_RATE as _WIRE_RATE
from opencensus_compat._bridge.convert.oc_to_otel import text as _text
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.running_spans import ends_in_pipeline

if TYPE_CHECKING:
    from opentelemetry.util.types import Attributes, AttributeValue

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_INTERNAL = SpanKind.INTERNAL
_UNSET_CODE = trace_api.StatusCode.UNSET
_UNSET = trace_api.Status(_UNSET_CODE)
_new = object.__new__
_valid_context, _child_context = _private.valid_context, _private.child_context
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

    class _Router(_SeesEnd, Protocol):
        """What takes the facade's spans to where their tracers' exporters send."""

        def take(self, span: ReadableSpan, facade: _handles.CensusSpan, tracer: _handles.CensusTracer) -> bool:
            """Take a span that has ended, of a facade span and its tracer; return False for one that goes the way of all others."""


class _Source:
    """What the spans of one provider have in common."""

    def __init__(self, resource: Resource, scope: InstrumentationScope, processors: SpanProcessor, others: _other_exporters.Others) -> None:
        self.resource = resource
        self.scope = scope
        self.limits = _LIMITS
        self.processors = processors
        self.others = others
        self.router: _Router | None = None
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
    lists and containers, which take two thirds of the time of making a span. As soon as code does more with one, it becomes what the SDK's
    own constructor makes. One that has not when it ends is what this package's exporter reads: to make the SDK's `ReadableSpan` of it is for
    the processors of others.
    """

    # In slots, which take half of the time of fields in a `__dict__` to set, and a third of that of the SDK's properties to read.
    __slots__ = (
        "_census_attributes",
        "_census_events",
        "_census_is_whole",
        "_census_links",
        "_census_source",
        "_census_status",
        "census_rate",
        "context",
        "end_time",
        "kind",
        "name",
        "parent",
        "start_time",
    )

    name: str
    """The name set last."""
    context: SpanContext
    """Its own."""
    parent: SpanContext | None
    """Its parent's."""
    kind: SpanKind
    """The kind set last."""
    start_time: int | None
    """In nanoseconds since the epoch."""
    end_time: int | None
    """In nanoseconds since the epoch; None while it runs."""
    census_rate: float | None
    _census_is_whole: bool
    _census_source: _Source
    _census_attributes: dict[str, AttributeValue] | None
    _census_events: list[Event] | None
    _census_links: list[trace_api.Link] | None
    _census_status: trace_api.Status | None

    @staticmethod
    def begin(
        source: _Source,
        name: str,
        own: SpanContext,
        parent: SpanContext | None,
        context: Context | None,
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
        span = _new(FacadeSpan)
        span._census_source = source
        span.name = name
        span.context = own
        span.parent = parent
        span.kind = _INTERNAL
        span._census_attributes = attributes
        span.census_rate = rate
        span._census_events = span._census_links = span._census_status = span.end_time = None
        span._census_is_whole = False
        span.start_time = time_ns() if start_ns is None else start_ns
        others = source.others
        # The router alone takes no note of our own spans: not to call it, by way of the SDK, saves 2 percent of a span.
        if others.only is None or others.only is not source.router or others.processors() is not others.seen:
            source.processors.on_start(span, parent_context=context)
        return span

    def _make_whole(self) -> None:
        """Become what the SDK's constructor makes."""
        with _making_whole:
            if self._census_is_whole:
                return
            source = self._census_source
            end_ns = self.end_time
            # Made aside, and handed over in one step: other threads that use the span meanwhile find all of it or nothing.
            made = _new(FacadeSpan)
            made._census_is_whole = True
            made.name, made.context, made.parent, made.kind = self.name, self.context, self.parent, self.kind
            made.start_time, made.end_time = self.start_time, None
            Span.__init__(
                made,
                self.name,
                self.context,
                self.parent,
                resource=source.resource,
                attributes=self._census_attributes,
                events=self._census_events,
                links=self._census_links or (),
                # They have seen it start, and may have seen it end.
                span_processor=_OnlyEnd(source) if end_ns is None else SpanProcessor(),
                limits=source.limits,
                instrumentation_scope=source.scope,
            )
            Span.start(made, self.start_time)
            if self._census_status is not None:
                Span.set_status(made, self._census_status)
            if end_ns is not None:
                Span.end(made, end_ns)
            self.__dict__.update(made.__dict__)
            self._census_is_whole = True

    @property
    def resource(self) -> Resource:
        """The provider's."""
        return self._census_source.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope | None:
        """This package's."""
        return self._census_source.scope

    @property
    def attributes(self) -> Attributes:
        """The attributes, which nobody changes by way of this."""
        if self._census_is_whole or self.end_time is None:
            return super().attributes
        attributes = self._census_attributes
        return _NO_ATTRIBUTES if attributes is None else MappingProxyType(attributes)

    @property
    def events(self) -> Sequence[Event]:
        """What happened in it."""
        if self._census_is_whole:
            return super().events
        return tuple(self._census_events or ())

    @property
    def links(self) -> Sequence[trace_api.Link]:
        """Other spans that belong to it."""
        if self._census_is_whole:
            return super().links
        return tuple(self._census_links or ())

    @property
    def status(self) -> trace_api.Status:
        """How it went."""
        if self._census_is_whole:
            return super().status
        return self._census_status or _UNSET

    def get_span_context(self) -> SpanContext:
        """Return the span's own context."""
        return self.context

    def is_recording(self) -> bool:
        """Return whether the span has not ended."""
        return super().is_recording() if self._census_is_whole else self.end_time is None

    def update_name(self, name: str) -> None:
        """Set the name. Integrations with web frameworks do it for each request, so that it is no reason to become whole."""
        with _making_whole:
            if not self._census_is_whole and self.end_time is None:
                self.name = name
                return
        super().update_name(name)
        self.name = super().name

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
            if not self._census_is_whole and self.end_time is None and len(attributes) <= _MOST and "" not in attributes:
                if self._census_events is None:
                    self._census_events = []
                if len(self._census_events) < _MOST:
                    self._census_events.append(Event(name, MappingProxyType(attributes), time))
                    return
        self.add_event(name, attributes, time)

    def census_add_link(self, context: SpanContext, attributes: dict[str, AttributeValue]) -> None:
        """Add a link to a valid context, with attributes of which each is one that OpenTelemetry accepts; the dict is given away."""
        with _making_whole:
            if not self._census_is_whole and self.end_time is None and len(attributes) <= _MOST and "" not in attributes:
                if self._census_links is None:
                    self._census_links = []
                if len(self._census_links) < _MOST:
                    self._census_links.append(trace_api.Link(context, MappingProxyType(attributes)))
                    return
        self.add_link(context, attributes)

    def census_set_status(self, status: trace_api.Status) -> None:
        """Set the status. Integrations do it for each call of another service, so that it is no reason to become whole: 15 of 24 microseconds that such a span took."""
        with _making_whole:
            if not self._census_is_whole and self.end_time is None:
                self._census_status = status
                return
        self.set_status(status)

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it to the provider's processors.

        Args:
            end_time: Nanoseconds since the epoch; None means now.
        """
        if self._census_is_whole or self.end_time is not None:
            if not self._census_is_whole:
                self._make_whole()
            super().end(end_time)
            self.end_time = super().end_time
            return
        self.end_time = time_ns() if end_time is None else end_time
        source = self._census_source
        receivers = source.receivers()
        if receivers is source.router:
            receivers.on_end(self)
            return
        if source.on_ending is not None:
            source.on_ending(self)
        receivers.on_end(self.census_ended())

    def census_end(self, facade: _handles.CensusSpan, tracer: _handles.CensusTracer, end_ns: int | None) -> bool:
        """End the span by handing it to the router, where that is all that sees it, and return whether it is.

        As `end`, without the questions whose answers are known then, and without a note of which facade span it is of: a tenth of a span.
        """
        source = self._census_source
        others, router = source.others, source.router
        if (
            router is None
            or others.only is not router
            or others.processors() is not others.seen
            or self._census_is_whole
            or self.end_time is not None
        ):
            return False
        self.end_time = time_ns() if end_ns is None else end_ns
        if not router.take(self, facade, tracer):
            router.on_end(self)
        return True

    def ended_fields(self) -> tuple[Any, ...]:
        """Return the values that the exporter reads of an ended span, in its order: each by its property would take three times as long."""
        source = self._census_source
        if self._census_is_whole:
            status = super().status
            code, description, events, links = status.status_code, status.description, super().events, super().links
            attributes: Mapping[str, Any] = {**(super().attributes or {})}
        else:
            own = self._census_status
            code, description = (_UNSET_CODE, None) if own is None else (own.status_code, own.description)
            events, links, attributes = self._census_events or (), self._census_links or (), self._census_attributes or {}
        return (
            source.resource,
            source.scope,
            self.name,
            self.context,
            self.parent,
            self.kind,
            self.start_time,
            self.end_time,
            code,
            description,
            attributes,
            events,
            links,
        )

    def census_ended(self) -> ReadableSpan:
        """Return what processors get of a span that has ended."""
        source, attributes = self._census_source, self._census_attributes
        return ReadableSpan(
            name=self.name,
            context=self.context,
            parent=self.parent,
            resource=source.resource,
            attributes=_NO_ATTRIBUTES if attributes is None else MappingProxyType(attributes),
            events=self._census_events or (),
            links=self._census_links or (),
            kind=self.kind,
            start_time=self.start_time,
            end_time=self.end_time,
            status=self._census_status or _UNSET,
            instrumentation_scope=source.scope,
        )


class _SdkField:
    """A field that the SDK's constructor gives a span; to read it makes a facade span whole, which has it itself from then on.

    A `__getattr__` would do, too, but Python does not remember where the attributes of a class with one are: each read takes three times as long.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, span: FacadeSpan | None, owner: type) -> Any:
        if span is None:
            raise AttributeError(f"type object {owner.__name__!r} has no attribute {self._name!r}")
        span._make_whole()
        return span.__dict__[self._name]


def _find_fields() -> None:
    """Put an `_SdkField` into the class for each field that the installed release gives a span."""
    span = _new(FacadeSpan)
    span._census_is_whole = True
    Span.__init__(span, "", trace_api.INVALID_SPAN_CONTEXT, resource=Resource.get_empty(), limits=_LIMITS)
    Span.start(span)
    for name in vars(span):
        setattr(FacadeSpan, name, _SdkField(name))


_find_fields()
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

    def serve(self, router: _Router) -> None:
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
        name: object,
        context: Context,
        parent: trace_api.Span | None,
        attributes: dict[str, AttributeValue] | None,
        trace_id: int | None,
        span_id: int | None,
    ) -> trace_api.Span:
        """Start a span; see `start_span`."""
        if type(name) is not str:
            name = _text(name)
        source = self._source
        if source is None:
            return self._start_elsewhere(name, context, parent, attributes, trace_id, span_id)
        rate: Any = attributes.get(_WIRE_RATE) if attributes else None
        if parent is None:
            own = _valid_context(trace_id or getrandbits(128) or 1, span_id or getrandbits(64) or 1, _SAMPLED, DEFAULT_TRACE_STATE)
            return FacadeSpan.begin(source, name, own, None, context, attributes, rate)
        if type(parent) is FacadeSpan:
            # Always sampled.
            around = parent.context
            own = _child_context(around, span_id or getrandbits(64) or 1)
            inherited = parent.census_rate
        else:
            around = parent.get_span_context()
            own = _valid_context(around.trace_id, span_id or getrandbits(64) or 1, _sampled(around.trace_flags), around.trace_state)
            inherited = inherited_rate(parent)
        if rate is None and inherited is not None:
            rate = inherited
            attributes = {**(attributes or {}), _WIRE_RATE: rate}
        return FacadeSpan.begin(source, name, own, around, context, attributes, rate)

    def _start_elsewhere(
        self,
        name: str,
        context: Context,
        parent: trace_api.Span | None,
        attributes: dict[str, AttributeValue] | None,
        trace_id: int | None,
        span_id: int | None,
    ) -> trace_api.Span:
        """Start a span in a provider that is not the SDK's."""
        started = self._tracer.start_span(name, context, attributes=attributes)
        made, around = started.get_span_context(), None if parent is None else parent.get_span_context()
        # A provider may be a mock.
        if issubclass(type(made), SpanContext) and made.is_valid and (around is None or made.span_id != around.span_id):
            return started
        span_id = span_id or getrandbits(64)
        if around is None:
            return Unrecorded(SpanContext(trace_id or getrandbits(128), span_id, False, _SAMPLED))
        return Unrecorded(SpanContext(around.trace_id, span_id, False, _sampled(around.trace_flags), around.trace_state))

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
        new.kind = old.kind
        for event in old.events:
            new.add_event(event.name, event.attributes, event.timestamp)
        for link in old.links:
            new.add_link(link.context, link.attributes)
        if not old.status.is_unset:
            new.set_status(old.status)
        return new


def _sampled(flags: TraceFlags) -> TraceFlags:
    return flags if flags & TraceFlags.SAMPLED else TraceFlags(flags | TraceFlags.SAMPLED)


def inherited_rate(parent: object) -> float | None:
    """Return the sample rate in percent that a child of `parent` is kept at, None when it is not sampled by rate."""
    if type(parent) is FacadeSpan:
        return parent.census_rate
    attributes: Any = getattr(parent, "attributes", None)
    return attributes.get(_WIRE_RATE) if issubclass(type(attributes), Mapping) else None
