"""The queue of spans in front of an exporter: the SDK's, with less in it.

A span of the SDK's has three locks, two lists and a container of its attributes. What waits in the queue is a small object with the public names
of a span, made of what :func:`.ended.plain` reads of it; where that reads nothing, the span itself waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from . import counted_spans
from .convert.ended import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status
    from opentelemetry.util.types import Attributes

    from .convert.ended import Ended

_new = object.__new__


class ApplicationInsightsSpanProcessor(BatchSpanProcessor):
    """The SDK's ``BatchSpanProcessor``, which keeps of each span no more than what exporters read.

    A span of the SDK's has three locks, two lists and a container of its attributes; with thousands of them in the queue, the garbage collector
    looks at each again and again. Here they are freed as the span ends: a tenth less CPU time from the program to the accepted item.
    All else is the SDK's: arguments and variables, flush, shutdown, forks, and what happens when the queue is full::

        provider.add_span_processor(ApplicationInsightsSpanProcessor(ApplicationInsightsSpanExporter()))
    """

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that has ended."""
        # Standard metrics know the span itself.
        super().on_end(span if counted_spans.are_counted() else compact(span))


class CompactSpan(ReadableSpan):
    """An ended span without what the SDK needs to make it: what the public names of spans say, in fields of its own."""

    __slots__ = ("attributes", "context", "end_time", "instrumentation_scope", "kind", "name", "parent", "resource", "start_time", "status")

    name: str
    context: SpanContext | None
    parent: SpanContext | None
    kind: SpanKind
    resource: Resource
    instrumentation_scope: InstrumentationScope | None
    start_time: int | None
    end_time: int | None
    status: Status
    attributes: Attributes
    events: Sequence[Event] = ()
    links: Sequence[Link] = ()
    dropped_attributes = dropped_events = dropped_links = 0
    instrumentation_info = None

    def get_span_context(self) -> SpanContext | None:
        """Return its context."""
        return self.context

    def ended_fields(self) -> Ended:
        """Return what the exporter reads, in its order; see :data:`.ended.OWN_FIELDS`."""
        status = self.status
        return (
            self.resource,
            self.instrumentation_scope,
            self.name,
            self.context,
            self.parent,
            self.kind,
            self.start_time,
            self.end_time,
            status.status_code,
            status.description,
            self.attributes,
            (),
            (),
        )

    def to_json(self, indent: int | None = 4) -> str:
        """Return its text, as the SDK's spans do."""
        whole = ReadableSpan(
            name=self.name,
            context=self.context,
            parent=self.parent,
            resource=self.resource,
            attributes=self.attributes,
            kind=self.kind,
            status=self.status,
            start_time=self.start_time,
            end_time=self.end_time,
            instrumentation_scope=self.instrumentation_scope,
        )
        text: str = whole.to_json(indent)
        return text


def compact(span: ReadableSpan) -> ReadableSpan:
    """Return an ended span of the SDK's as a :class:`CompactSpan`; itself where it has events or links, or is of another class."""
    found = plain(span)
    if found is None:
        return span
    # Half of the time of a constructor.
    made = _new(CompactSpan)
    (
        made.resource,
        made.instrumentation_scope,
        made.name,
        made.context,
        made.parent,
        made.kind,
        made.start_time,
        made.end_time,
        made.status,
        made.attributes,
    ) = found
    return made
