"""Counts the server spans of both APIs for the standard metrics, where there is a tracer provider."""

from __future__ import annotations

import weakref
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from opencensus_compat.ext.azure.metrics_exporter.standard_metrics.http_requests import requests_seen

__all__ = ["RequestCounter", "watch"]

_watched: weakref.WeakSet[Any] = weakref.WeakSet()
"""Providers that have a processor of ours: one cannot be taken out again."""


class RequestCounter(SpanProcessor):
    """Counts server spans as they end, while the standard metrics are enabled."""

    def on_end(self, span: ReadableSpan) -> None:
        """Count a span, if it is a request."""
        if requests_seen.spans_are_told:
            requests_seen.span_ended(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing is held. The first releases of the SDK return None, and flush no processor that comes after."""
        return True

    def shutdown(self) -> None:
        """Leave counting to the handlers of `http.server` again."""
        requests_seen.spans_are_told = False


def watch(provider: Any) -> None:
    """Have the spans of a tracer provider counted, if it takes span processors."""
    add_span_processor = getattr(provider, "add_span_processor", None)
    if add_span_processor is None:
        return
    requests_seen.spans_are_told = True
    if provider not in _watched:
        _watched.add(provider)
        add_span_processor(RequestCounter())
