"""Facade spans: the provider that they go to, their start and their end, and the exporters that they have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api

from opencensus_compat import __version__
from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.convert.oc_to_otel import SAMPLE_RATE
from opencensus_compat._bridge.others import tell_of_others
from opencensus_compat._bridge.pipeline import children as _children
from opencensus_compat._bridge.pipeline.destinations import destination
from opencensus_compat._bridge.pipeline.ending import end_of_child, is_ending
from opencensus_compat._bridge.process import SCOPE, SPANS, process, wired
from opencensus_compat._bridge.providers import common as providers
from opencensus_compat._bridge.settings import default_role
from opencensus_compat._bridge.whose import is_made

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import SpanContext, SpanKind

    from opencensus_compat._bridge.others import Others
    from opencensus_compat._bridge.pipeline.spans import Router, SpanPart
    from opencensus_compat._bridge.spans import SpanFactory

__all__ = [
    "be_request",
    "default_spans",
    "end_span",
    "ending_span",
    "ends_in_pipeline",
    "look_for_tracer_provider",
    "on_tracer_provider",
    "others_send",
    "parent_handle",
    "provider_is_gone",
    "rate_of",
    "replace_span",
    "sample_rate",
    "set_kind",
    "span_part",
    "start_span",
    "use_provider",
]


class _Ending(threading.local):
    """The facade span that is ending on this thread and its ContextTracer, for the router, which the SDK calls from `Span.end`."""

    now: tuple[Any, Any] | None = None


ending_span = _Ending()


def start_span(
    name: Any,
    context: Context,
    parent: OtelSpan | None,
    attributes: dict[str, Any] | None = None,
    *,
    trace_id: int | None = None,
    span_id: int | None = None,
) -> OtelSpan:
    """Start a sampled OpenTelemetry span; the decision has been made.

    Args:
        name: Its name; the text of anything else than text.
        context: The context it is started in, for the provider's span processors.
        parent: The parent span; None starts a root.
        attributes: Attributes from the start on.
        trace_id: For a root span; random without.
        span_id: Random without.
    """
    spans = wired.spans or _provide_spans()
    return spans.start(name if type(name) is str else oc_to_otel.text(name), context, parent, attributes, trace_id, span_id)


def replace_span(old: Any, context: Context | None, *, span_id: int | None, start_ns: int | None) -> OtelSpan:
    """Start a span that takes the place of `old`, with what one cannot change on a running span; the old one never ends.

    Args:
        old: A running span that `start_span` started.
        context: The context it was started in.
        span_id: The new id; None keeps the old one.
        start_ns: Start in nanoseconds since the epoch; None keeps the old one's.
    """
    spans = wired.spans or _provide_spans()
    return spans.replace(old, context, span_id, start_ns)


def set_kind(span: Any, kind: SpanKind) -> bool:
    """Set the kind of a running span and return whether that worked.

    OpenTelemetry has no way to do that, and OpenCensus integrations all set the kind after the start. The facade's own spans can; the
    kind of others is a private attribute of the SDK, written only where reading it back shows that it counts.
    """
    try:
        if _handles.is_own(span, _handles.OtelSpan):
            span.census_kind = kind
        else:
            span._kind = kind
        return span.kind is kind
    except AttributeError:
        return False


def be_request(span: Any, parent: SpanContext | None) -> bool:
    """Make a running OpenTelemetry span that of a request with the given parent, and return whether that worked.

    An instrumentation makes an inner span of a request where another span is current. As `set_kind`, this writes a private attribute of the
    SDK, and only where reading it back shows that it counts.
    """
    if not set_kind(span, trace_api.SpanKind.SERVER):
        return False
    try:
        span._parent = parent
        return span.parent is parent
    except AttributeError:
        return False


def others_send(exporter: Any) -> bool:
    """Return whether an exporter of the application's own sends spans of OpenTelemetry code to the resource that a legacy exporter sends to."""
    part, spans = _handles.span_part_of(exporter), wired.spans
    if part is None or not part.is_direct or spans is None:
        return False
    return spans.others.keys().get(part.settings.instrumentation_key) is not None


def end_span(otel: OtelSpan, span: Any, tracer: Any, end_ns: int | None) -> None:
    """End an OpenTelemetry span, letting the router know which facade span and tracer it is from.

    Args:
        otel: The SDK span.
        span: The facade span, complete.
        tracer: The ContextTracer that exports it.
        end_ns: End in nanoseconds since the epoch; None means now.
    """
    ending_span.now = (span, tracer)
    try:
        otel.end(end_ns)
    finally:
        ending_span.now = None


def ends_in_pipeline(others: Others) -> bool:
    """Return whether the facade span that is ending on this thread goes to a destination by way of its tracer's exporter.

    Args:
        others: Who else sends to Application Insights from its provider.
    """
    now = ending_span.now
    part = None if now is None else _handles.span_part_of(now[1].exporter)
    if part is None or not part.is_direct:
        return False
    tell_of_others(others, part.settings, SPANS)
    return True


def sample_rate(rate: Any) -> dict[str, float] | None:
    """Return the attributes that tell a sampling rate (0.0 to 1.0) to the exporter, None for the rate 1."""
    if not isinstance(rate, (int, float)) or not 0 < rate < 1:
        return None
    return {SAMPLE_RATE: rate * 100.0}


def rate_of(span: Any) -> float:
    """Return the share of traces that a span's trace was kept at, above 0.0 and at most 1.0."""
    rate = span.census_rate if _handles.is_own(span, _handles.OtelSpan) else None
    if rate is None:
        attributes = getattr(span, "attributes", None)
        rate = attributes.get(SAMPLE_RATE) if attributes else None
    return rate / 100.0 if isinstance(rate, (int, float)) and 0 < rate < 100 else 1.0


def parent_handle(context: Context | None) -> Any:
    """Return the exporter of the OpenCensus span that a context lies in, None outside any."""
    innermost = _context.active(_context.current() if context is None else context)
    if innermost is None:
        return None
    span = innermost[0]
    if not _handles.is_own(span, _handles.CensusSpan) or span._is_left_out:
        return None
    return getattr(span.context_tracer, "exporter", None)


def span_part(settings: Any, context_tags: Mapping[str, Any], options: Any) -> SpanPart:
    """Return the span part of a destination, and see that a provider feeds it; see `destination`."""
    with process.lock:
        _provide_router()
        part: SpanPart = destination(settings, context_tags, SPANS, options).part(SPANS)
        if part.is_direct and wired.default_spans is None:
            wired.default_spans = part
        return part


def default_spans() -> SpanPart | None:
    """Return where spans of OpenTelemetry code go that are outside any OpenCensus span, if they are this package's to send."""
    return wired.default_spans


def _provide_spans() -> SpanFactory:
    """Return what facade spans are started with, finding or making the provider at the first call."""
    with process.lock:
        if wired.spans is None:
            _provide_router()
        if wired.spans is None:
            raise RuntimeError("the provider starts no spans")
        return wired.spans


def _provide_router() -> None:
    """Find or make the provider that facade spans go to, if there is none, or another than before."""
    feed, current = wired.traces, trace_api.get_tracer_provider()
    is_unset = isinstance(current, trace_api.ProxyTracerProvider)
    # As in notebooks and tests, in place of an earlier one.
    is_another = not (is_unset or feed.is_configured or current is feed.found)
    if feed.router is None and is_unset:
        from opencensus_compat._bridge.pipeline.spans import new_provider

        made = new_provider(default_role())
        wired.made_providers.add(made)
        trace_api.set_tracer_provider(made)
        providers.tell_made(SPANS)
        feed.found = made
        use_provider(made)
        _give_way_later(made)
    elif feed.router is None or is_another:
        feed.found = current
        use_provider(current)
        if is_made(current):
            _give_way_later(current)
    elif wired.spans is None and feed.provider is not None:
        # Shut down by the application, which has set no other: facade spans go on without it.
        _serve(feed.provider, feed.router)


def _give_way_later(made: Any) -> None:
    """Take over a tracer provider that the application sets while `made`, one of this package's, is the global one."""

    def take(provider: Any) -> None:
        with process.lock:
            made.census_give_way(provider)
            wired.gave_way.append(made)
            if not wired.traces.is_configured:
                use_provider(provider)

    providers.take_later(SPANS, made, trace_api.get_tracer_provider, take)


def use_provider(provider: Any) -> None:
    """Send facade spans to a provider, and its spans to the destinations."""
    from opencensus_compat._bridge.pipeline.spans import Router, new_provider

    provider, router = providers.put_router(SPANS, wired.traces, provider, new_router=Router, new_provider=new_provider)
    wired.traces.provider, wired.traces.router = provider, router
    _serve(provider, router)
    _children.at_end(end_of_child)
    for call in list(wired.tracer_provider_calls):
        call(provider)


def _serve(provider: Any, router: Router) -> None:
    from opencensus_compat._bridge.spans import SpanFactory

    spans = SpanFactory(provider, SCOPE, __version__, are_of_ours=is_made(provider))
    # Before a span is started with it.
    router.serve(getattr(provider, "sampler", None), spans)
    wired.spans = spans


def provider_is_gone() -> None:
    """Look for a provider anew when the next span starts: the present one has been shut down."""
    if not is_ending():
        wired.spans = None


def on_tracer_provider(call: Callable[[Any], object]) -> None:
    """Call something with each tracer provider that spans go to: now if there is one, and whenever there is another one later.

    A program without spans makes no provider for that; see also `look_for_tracer_provider`.
    """
    # Not under the lock: an exporter's thread, which may be the caller, is waited for under it.
    if call not in wired.tracer_provider_calls:
        wired.tracer_provider_calls.append(call)
    if wired.traces.provider is not None:
        call(wired.traces.provider)
    look_for_tracer_provider()


def look_for_tracer_provider() -> None:
    """Make the calls of `on_tracer_provider` for the application's provider, which may have been set after them."""
    current = trace_api.get_tracer_provider()
    if not isinstance(current, trace_api.ProxyTracerProvider):
        for call in list(wired.tracer_provider_calls):
            call(current)
