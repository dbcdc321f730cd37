"""From an ended span to its destination: the parts of the wiring that need the OpenTelemetry SDK.

One `Router` sits in the provider as a span processor. It decides which destination a span is for and hands it to that destination's
own batch processor, which is the SDK's.
"""

from __future__ import annotations

import contextvars
import os
import platform
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import getrandbits
from time import time_ns
from typing import Any, TypeVar, cast

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from opencensus_compat import _exporter, _wiring
from opencensus_compat._convert.oc_to_otel import SAMPLE_RATE as _WIRE_RATE
from opencensus_compat._convert.span_data import readable_span

_T = TypeVar("_T")

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

MIN_EXPORT_INTERVAL_S = 0.1
"""Floor of the legacy `export_interval`: an interval of 0 kept a processor core busy."""
UNLIMITED_CAPACITY = 1_000_000
"""What the legacy `queue_capacity=0`, which meant no limit, means now."""
DEFAULT_BATCH_SIZE = 512
"""Spans per request where `max_batch_size` was left alone: five times the legacy default, since a request costs what 50 spans cost."""


QUEUE_FULL = "queue full: the oldest dropped"
"""Reason for which spans are counted as lost that came while `queue_capacity` others were waiting."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How a destination batches, from the legacy options."""

    export_interval_s: float
    """Seconds between exports while batches are not full."""
    max_batch_size: int
    """Spans per export."""
    queue_capacity: int
    """Spans that wait at most; the oldest is dropped when one more comes."""
    grace_period_s: float
    """Seconds that the end of the process may take."""

    @classmethod
    def of(cls, options: Any) -> Batching:
        """Return what the legacy options say."""
        return cls(
            export_interval_s=max(MIN_EXPORT_INTERVAL_S, options.export_interval),
            max_batch_size=int(options.max_batch_size) if "max_batch_size" in options else DEFAULT_BATCH_SIZE,
            queue_capacity=int(options.queue_capacity) or UNLIMITED_CAPACITY,
            grace_period_s=options.grace_period,
        )


class Destination:
    """One Application Insights resource: an exporter, and the SDK's batch processor in front of it once there is a span."""

    def __init__(self, settings: Any, context_tags: Mapping[str, Any], batching: Batching) -> None:
        self.settings = settings
        self.batching = batching
        self.exporter = _exporter.span_exporter(settings, context_tags)
        self.first_handle: Any = None
        self._queue = _Queue(batching.queue_capacity, self.exporter.counts)
        self._export = _Export(self.exporter, self._queue)
        self._processor: BatchSpanProcessor | None = None
        self._lock = threading.Lock()

    def convert(self, span: Any) -> list[Any]:
        """Return a span's envelopes as the exporter would send them, in the form that telemetry processors take."""
        return [_exporter.from_wire(envelope) for envelope in self.exporter.envelopes(span)]

    def envelopes(self, span_data: Any) -> list[Any]:
        """Return the envelopes of an OpenCensus SpanData in the legacy shape, in the form that telemetry processors take."""
        return self.convert(readable_span(span_data, _wiring.SCOPE))

    def send(self, envelopes: Sequence[Any]) -> int:
        """Send envelopes at once and return what became of them; see `_exporter.delivered` and `_exporter.stored`."""
        return self._export.deliver([cast("Any", _exporter.Prepared(lambda: envelopes, None))])

    def on_end(self, telemetry: Any) -> None:
        """Queue a span, or what stands for one."""
        processor = self._processor
        if processor is None:
            with self._lock:
                processor = self._processor = self._processor or _outside(self._new_processor)
        processor.on_end(telemetry)
        if telemetry.context.trace_flags.sampled:
            self._queue.entered()

    def _new_processor(self) -> BatchSpanProcessor:
        batching = self.batching
        return BatchSpanProcessor(
            self._export,
            max_queue_size=batching.queue_capacity,
            schedule_delay_millis=batching.export_interval_s * 1000,
            max_export_batch_size=min(batching.max_batch_size, batching.queue_capacity),
        )

    def force_flush(self, timeout_millis: int) -> bool:
        """Export what waits in the queue and return whether all of it was delivered in time: what was stored was not."""
        processor = self._processor
        if processor is None:
            return True
        before = self._export.undelivered
        # The SDK's own force_flush takes as long as an export takes.
        finished = _exporter.within(timeout_millis / 1000, lambda: processor.force_flush(timeout_millis))
        return finished and self._export.undelivered == before

    def shutdown(self) -> None:
        """Export what waits and stop."""
        if self._processor is not None:
            shutdown: Callable[[], None] = self._processor.shutdown
            shutdown()
            self._queue.emptied()
        else:
            self.exporter.shutdown()


class _Queue:
    """Counts what the batch processor's queue loses: the SDK drops the oldest when it is full, and tells nobody how many.

    Args:
        capacity: Spans that wait at most.
        counts: Where losses are counted.
    """

    def __init__(self, capacity: int, counts: Any) -> None:
        self._capacity = capacity
        self._counts = counts
        self.restart()
        _queues.add(self)

    def restart(self) -> None:
        """Know of nothing: for a child made by fork, whose queue the SDK has emptied."""
        # Taking the next number is one step, and so needs no lock in a thread that ends a span.
        self._entered = count()
        self._looks = 0
        self._left = 0
        self._lost = 0

    def entered(self) -> None:
        """Count one that was put in."""
        next(self._entered)

    def left(self, items: int) -> None:
        """Count those that are taken out to be exported, and whatever more is missing than can be waiting."""
        self._left += items
        self._count(self._capacity)

    def emptied(self) -> None:
        """Count all that are missing: nothing waits any more."""
        self._count(0)

    def _count(self, waiting: int) -> None:
        entered = next(self._entered) - self._looks
        self._looks += 1
        lost = entered - self._left - waiting - self._lost
        if lost > 0:
            self._lost += lost
            self._counts.dropped(QUEUE_FULL, lost)


_queues: weakref.WeakSet[_Queue] = weakref.WeakSet()


def _restart_queues() -> None:
    for queue in list(_queues):
        queue.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_queues)


class _Export(SpanExporter):
    """The exporter as the batch processor sees it: legacy code that runs inside knows that it runs in an exporter."""

    def __init__(self, exporter: Any, queue: _Queue) -> None:
        self._exporter = exporter
        self._queue = queue
        self.undelivered = 0
        """How many exports ended with something not delivered."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._queue.left(len(spans))
        return SpanExportResult.SUCCESS if _exporter.stored(self.deliver(spans)) else SpanExportResult.FAILURE

    def deliver(self, spans: Sequence[ReadableSpan]) -> int:
        from opencensus_compat.trace import execution_context

        before = execution_context.is_exporter()
        execution_context.set_is_exporter(True)
        try:
            result: int = self._exporter.deliver(spans)
        finally:
            execution_context.set_is_exporter(before)
        if not _exporter.delivered(result):
            self.undelivered += 1
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class Router(SpanProcessor):
    """Hands each ended span to the destination it is for.

    A span of the facade goes where its tracer's exporter sends. A span of OpenTelemetry code goes where the OpenCensus span around it
    goes; outside any, to the default destination, the first one made. A span whose tracer has another vendor's exporter goes to none.
    """

    def __init__(self) -> None:
        self._destinations: dict[Any, Destination] = {}
        self._default: Destination | None = None
        self._lock = threading.Lock()
        self._inherited: dict[tuple[int, int], tuple[Any, weakref.ref[Span]]] = {}
        self._rates: SpanProcessor = _exporter.sample_rate_processor(None)

    def watch(self, sampler: Any) -> None:
        """Note from now on the rates at which the provider's sampler keeps spans of OpenTelemetry code."""
        self._rates = _exporter.sample_rate_processor(sampler)

    def destination(self, settings: Any, context_tags: Mapping[str, Any], options: Any) -> Destination:
        """Return the destination of the given settings, making it at the first call."""
        batching = Batching.of(options)
        key = (settings.instrumentation_key, settings.ingestion_endpoint, None if settings.credential is None else id(settings.credential))
        with self._lock:
            found = self._destinations.get(key)
            if found is None:
                found = self._destinations[key] = Destination(settings, context_tags, batching)
                if self._default is None:
                    self._default = found
            elif batching != found.batching:
                _wiring.report("a further exporter for the same resource asks for %s; the first one's %s stays", batching, found.batching)
            return found

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
        until_s = time.monotonic() + timeout_millis / 1000
        # All of them are flushed, whatever the first one says, and with no time left beside us.
        delivered = [
            destination.force_flush(max(0, int((until_s - time.monotonic()) * 1000))) for destination in list(self._destinations.values())
        ]
        return all(delivered)

    def shutdown(self, timeout_s: float | None = None) -> None:
        """Export what waits and stop, within one `grace_period` for all destinations together; what has no time is stored.

        Args:
            timeout_s: A shorter time than that, seconds.
        """
        # A provider cannot be asked to drop a processor; one that stayed active would export each span beside its successor.
        self.on_start = self.on_end = _nothing  # type: ignore[method-assign]
        destinations = list(self._destinations.values())
        for destination in destinations:
            grace_s = destination.batching.grace_period_s
            destination.exporter.set_deadline(grace_s if timeout_s is None else min(grace_s, timeout_s))
        for destination in destinations:
            destination.shutdown()


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
    """Return a provider for programs that have none, with the role that their OpenCensus telemetry carries."""
    named = {"service.name": role, "service.instance.id": platform.node()}
    # Merged last, so that they stand in for the SDK's own defaults; what the environment says about them stays.
    ours = {key: value for key, value in named.items() if not _wiring._resource_attribute(key)}
    resource = _outside(Resource.create).merge(Resource(ours))
    try:
        sampler = _exporter.sampler_from_environment()
    except ValueError as error:
        _wiring.report("OTEL_TRACES_SAMPLER is left to the OpenTelemetry SDK: %s", error)
        sampler = None
    return TracerProvider(sampler=sampler, resource=resource)


def _outside(make: Callable[[], _T]) -> _T:
    """Return what `make` returns, called where no tracer and no span is current.

    The SDK starts threads, and instrumented threads open spans of the tracer that is current where they are started: they would wait for
    the provider that is being made, and a batch processor's thread would keep an application's span for ever.
    """
    return contextvars.Context().run(make)
