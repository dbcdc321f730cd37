"""Facade spans: the provider that they go to, their start and their end, and the exporters that they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry import trace as trace_api

from opencensus_compat import __version__
from opencensus_compat._bridge.pipeline import children as _children
from opencensus_compat._bridge.pipeline.destinations import destination, make_parts_with
from opencensus_compat._bridge.pipeline.ending import end_of_child, is_ending
from opencensus_compat._bridge.process import SCOPE, SPANS, on_reset, process
from opencensus_compat._bridge.providers.common import Feed, adopt_late_provider, log_created, put_router
from opencensus_compat._bridge.settings import default_role
from opencensus_compat._bridge.whose import is_made, note_made

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from opencensus_compat._bridge.exporter import BaseObject, Settings
    from opencensus_compat._bridge.pipeline.spans import Router, SpanPart
    from opencensus_compat._bridge.providers.made import MadeProvider
    from opencensus_compat._bridge.spans import SpanFactory

__all__ = [
    "configure_provider",
    "default_spans",
    "feed",
    "look_for_tracer_provider",
    "on_tracer_provider",
    "others_send",
    "provide_spans",
    "replace_span",
    "span_part",
    "start_span",
]


class _Feed(Feed["Router", "TracerProvider"]):
    """The provider that facade spans go to, and the functions that are called with it."""

    delegating: Sequence[MadeProvider] = ()
    """Tracer providers of this package's that delegate to another one."""

    def forget(self) -> None:
        """Know of no provider; those of this package's are themselves again."""
        for provider in self.delegating:
            provider.census_delegate_to(None)
        super().forget()
        self.delegating = ()
        self.spans: SpanFactory | None = None
        """What facade spans are started with; None while a provider has to be looked for."""
        self.default: SpanPart | None = None
        """Where spans of OpenTelemetry code go that are outside any OpenCensus span."""
        self.calls: list[Callable[[TracerProvider], object]] = []
        """The functions of `on_tracer_provider`."""


_feed = _Feed()
feed = _feed
"""Has what facade spans are started with. Tracers look here for each span: a call of `start_span` is 2 percent of one."""
on_reset(_feed.forget)


def _load_part() -> type[SpanPart]:
    from opencensus_compat._bridge.pipeline.spans import SpanPart

    return SpanPart


make_parts_with(SPANS, _load_part)


def start_span(
    name: object,
    context: Context,
    parent: OtelSpan | None,
    attributes: dict[str, AttributeValue] | None = None,
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
    return (_feed.spans or provide_spans()).start(name, context, parent, attributes, trace_id, span_id)


def replace_span(old: OtelSpan, context: Context | None, *, span_id: int | None, start_ns: int | None) -> OtelSpan:
    """Start a span that takes the place of `old`, with what one cannot change on a running span; the old one never ends.

    Args:
        old: A running span that `start_span` started.
        context: The context it was started in.
        span_id: The new id; None keeps the old one.
        start_ns: Start in nanoseconds since the epoch; None keeps the old one's.
    """
    spans = _feed.spans or provide_spans()
    return spans.replace(old, context, span_id, start_ns)


def others_send(exporter: object) -> bool:
    """Return whether an exporter of the application's own sends spans of OpenTelemetry code to the resource that a legacy exporter sends to."""
    spans = _feed.spans
    return spans is not None and spans.others.send_for(exporter)


def span_part(settings: Settings, context_tags: Mapping[str, object], options: BaseObject) -> SpanPart:
    """Return the span part of a destination, and see that a provider feeds it; see `destination`."""
    if _is_provided():
        found: SpanPart | None = destination(settings, context_tags, SPANS, options).made(SPANS)  # type: ignore[assignment]  # of that signal
        if found is not None and (_feed.default is not None or not found.is_direct):
            return found
    with process.lock:
        _provide_router()
        part: SpanPart = destination(settings, context_tags, SPANS, options).part(SPANS)  # type: ignore[assignment]  # of that signal
        if part.is_direct and _feed.default is None:
            _feed.default = part
        return part


def default_spans() -> SpanPart | None:
    """Return where spans of OpenTelemetry code go that are outside any OpenCensus span, if they are this package's to send."""
    return _feed.default


def provide_spans() -> SpanFactory:
    """Return what facade spans are started with, finding or making the provider at the first call."""
    with process.lock:
        if _feed.spans is None:
            _provide_router()
        if _feed.spans is None:
            raise RuntimeError("the provider starts no spans")
        return _feed.spans


def _is_provided() -> bool:
    """Return whether `_provide_router` has nothing to do: nearly always, and without the lock."""
    feed = _feed
    if feed.router is None or feed.spans is None:
        return False
    current = trace_api.get_tracer_provider()
    return feed.is_configured or current is feed.found or isinstance(current, trace_api.ProxyTracerProvider)


def _provide_router() -> None:
    """Find or make the provider that facade spans go to, if there is none, or another than before."""
    feed, current = _feed, trace_api.get_tracer_provider()
    is_unset = isinstance(current, trace_api.ProxyTracerProvider)
    # As in notebooks and tests, in place of an earlier one.
    is_another = not (is_unset or feed.is_configured or current is feed.found)
    if feed.router is None and is_unset:
        from opencensus_compat._bridge.providers.made import new_tracer_provider

        made = new_tracer_provider(default_role())
        note_made(made)
        trace_api.set_tracer_provider(made)
        log_created(SPANS)
        feed.found = made
        _use_provider(made)
        _delegate_later(made)
    elif feed.router is None or is_another:
        feed.found = current
        _use_provider(current)
        if is_made(current):
            _delegate_later(current)  # type: ignore[arg-type]  # it is one of those
    elif _feed.spans is None and feed.provider is not None:
        # Shut down by the application, which has set no other: facade spans go on without it.
        _serve(feed.provider, feed.router)


def _delegate_later(made: MadeProvider) -> None:
    """Take over a tracer provider that the application sets while `made`, one of this package's, is the global one."""

    def take(provider: SdkTracerProvider) -> None:
        with process.lock:
            made.census_delegate_to(provider)
            _feed.delegating = (*_feed.delegating, made)
            if not _feed.is_configured:
                _use_provider(provider)

    adopt_late_provider(SPANS, made, trace_api.get_tracer_provider, take)


def configure_provider(provider: TracerProvider) -> None:
    """Use a provider that the program names, whatever the global one is."""
    _feed.is_configured = True
    _use_provider(provider)


def _use_provider(provider: TracerProvider) -> None:
    """Send facade spans to a provider, and its spans to the destinations."""
    from opencensus_compat._bridge.pipeline.spans import Router
    from opencensus_compat._bridge.providers.made import new_tracer_provider

    provider, router = put_router(
        SPANS, _feed, provider, new_router=lambda: Router(default_spans, _provider_was_shut_down), new_provider=new_tracer_provider
    )
    _feed.provider, _feed.router = provider, router
    _serve(provider, router)
    _children.at_end(end_of_child)
    for call in list(_feed.calls):
        call(provider)


def _serve(provider: TracerProvider, router: Router) -> None:
    from opencensus_compat._bridge.spans import SpanFactory

    spans = SpanFactory(provider, SCOPE, __version__, are_of_ours=is_made(provider))
    # Before a span is started with it.
    router.serve(getattr(provider, "sampler", None), spans)
    _feed.spans = spans


def _provider_was_shut_down() -> None:
    """Look for a provider again when the next span starts: the present one was shut down."""
    if not is_ending():
        _feed.spans = None


def on_tracer_provider(call: Callable[[TracerProvider], object]) -> None:
    """Call a function with each tracer provider that spans go to: now if there is one, and whenever there is another one later.

    This makes no provider for a program without spans; see also `look_for_tracer_provider`.
    """
    # Not under the lock: an exporter's thread, which may be the caller, is waited for under it.
    if call not in _feed.calls:
        _feed.calls.append(call)
    if _feed.provider is not None:
        call(_feed.provider)
    look_for_tracer_provider()


def look_for_tracer_provider() -> None:
    """Make the calls of `on_tracer_provider` for the application's provider, which may have been set after them."""
    current = trace_api.get_tracer_provider()
    if not isinstance(current, trace_api.ProxyTracerProvider):
        for call in list(_feed.calls):
            call(current)
