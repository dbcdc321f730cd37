"""A span processor that tells dependencies which request they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.trace import SpanKind

from .convert import incoming
from .processor_base import ProcessorWithoutQueue

if TYPE_CHECKING:
    from opentelemetry.context import Context

ATTRIBUTE = "ai.operation.name"
"""Attribute in which the name is noted; the exporter turns it into the tag of the same name."""

_INCOMING = (SpanKind.SERVER, SpanKind.CONSUMER)


class OperationNameProcessor(ProcessorWithoutQueue):
    """Sets the operation name of the request that a span belongs to, when the span starts.

    Application Insights groups dependencies by ``ai.operation.name``, which belongs to the request at the local root. An exporter sees
    spans one by one and cannot know it, so without this processor the tag is left out for dependencies::

        provider.add_span_processor(OperationNameProcessor())
        provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))

    Limits: the name is the request's as far as it is known when its first child starts; a route that is found later does not reach
    children that have begun. Spans that OpenCensus code made learn their kind late and count as requests only then.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Copy the name from the parent, or make it if the parent is the request."""
        if span.kind in _INCOMING:
            return
        parent = trace.get_current_span(parent_context)
        if not isinstance(parent, ReadableSpan):
            return
        name = operation_name_below(parent)
        if name is not None:
            span.set_attribute(ATTRIBUTE, name)


def operation_name_below(span: ReadableSpan) -> str | None:
    """Return the operation name of what is done within a span: the one noted on it, or its own if it is a request; else None."""
    attributes = span.attributes or {}
    name = attributes.get(ATTRIBUTE)
    if name is None and span.kind in _INCOMING:
        name = incoming.operation_name(attributes, span.name)
    return name if isinstance(name, str) else None
