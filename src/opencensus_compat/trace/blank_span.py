"""The span of an unsampled trace: it takes every call and keeps nothing for export.

It is nevertheless the current span of both APIs, through an OpenTelemetry span that does not record, so that spans started inside it
by either API are unsampled too and outgoing headers say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import handles as _handles
from opencensus_compat.trace import base_span
from opencensus_compat.trace.span_context import generate_span_id
from opencensus_compat.trace.tracers import base

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan


_CENSUS_KEY, _make_current = _context.CENSUS_KEY, _context.make_current
_read_current, _read_opened = _context.read_current, _context.opened.get
_NOTHING_GIVEN = (None,) * 8
# Tests of programs put a function of their own in the place of the other name.
_generate_span_id = generate_span_id


class BlankSpan(base_span.BaseSpan, _handles.CensusSpan):
    """A span on which nothing has an effect. Arguments are those of OpenCensus."""

    # What was not given reads as this, without a store per span.
    start_time: Any = None
    end_time: Any = None
    stack_trace: Any = None
    annotations: Any = None
    message_events: Any = None
    status: Any = None
    same_process_as_parent_span: Any = None
    context_tracer: Any = None
    span_kind: Any = None
    _made: dict[str, Any] | None = None
    _otel: OtelSpan | None = None
    # Stays when the span has ended: it may have ended elsewhere, and the context that it was started in is left later.
    _outer: Context | None = None

    def __init__(
        self,
        name: Any = None,
        parent_span: Any = None,
        attributes: Any = None,
        start_time: Any = None,
        end_time: Any = None,
        span_id: Any = None,
        stack_trace: Any = None,
        annotations: Any = None,
        message_events: Any = None,
        links: Any = None,
        status: Any = None,
        same_process_as_parent_span: Any = None,
        context_tracer: Any = None,
        span_kind: Any = None,
    ) -> None:
        self.name = name
        given = (start_time, end_time, stack_trace, annotations, message_events, status, same_process_as_parent_span, span_kind)
        if context_tracer is not None:
            self.context_tracer = context_tracer
        if given != _NOTHING_GIVEN:
            self.start_time, self.end_time, self.stack_trace, self.annotations = given[:4]
            self.message_events, self.status, self.same_process_as_parent_span, self.span_kind = given[4:]

    @property
    def _values(self) -> dict[str, Any]:
        if self._made is None:
            self._made = {}
        return self._made

    def _made_once(self, key: str, make: Any) -> Any:
        value = self._values.get(key)
        if value is None:
            value = self._values[key] = make()
        return value

    @property
    def span_id(self) -> Any:
        """Identifier, 16 hexadecimal digits; that of the OpenTelemetry span where the span is current."""
        return self._made_once("span_id", self._new_span_id)

    @span_id.setter
    def span_id(self, value: Any) -> None:
        self._values["span_id"] = value

    def _new_span_id(self) -> str:
        if self._otel is None or generate_span_id is not _generate_span_id:
            return generate_span_id()
        return f"{self._otel.get_span_context().span_id:016x}"

    @property
    def parent_span(self) -> Any:
        """A stand-in, as in OpenCensus."""
        return self._made_once("parent_span", base.NullContextManager)

    @parent_span.setter
    def parent_span(self, value: Any) -> None:
        self._values["parent_span"] = value

    @property
    def attributes(self) -> Any:
        """A dict that is not exported."""
        return self._made_once("attributes", dict)

    @attributes.setter
    def attributes(self, value: Any) -> None:
        self._values["attributes"] = value

    @property
    def links(self) -> Any:
        """A list that is not exported."""
        return self._made_once("links", list)

    @links.setter
    def links(self, value: Any) -> None:
        self._values["links"] = value

    @property
    def _child_spans(self) -> Any:
        return self._made_once("child_spans", list)

    @staticmethod
    def on_create(callback: Any) -> None:
        """Do nothing."""

    @property
    def children(self) -> Any:
        """An empty list."""
        return []

    def span(self, name: Any = "child_span") -> BlankSpan:
        """Return another blank span."""
        child = BlankSpan(name, parent_span=self)
        self._child_spans.append(child)
        return child

    def add_attribute(self, attribute_key: Any, attribute_value: Any) -> None:
        """Do nothing."""

    def add_annotation(self, description: Any, **attrs: Any) -> None:
        """Do nothing."""

    def add_message_event(self, message_event: Any) -> None:
        """Do nothing."""

    def add_link(self, link: Any) -> None:
        """Do nothing."""

    def set_status(self, status: Any) -> None:
        """Do nothing."""

    def start(self) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def __iter__(self) -> Iterator[Any]:
        yield self

    def __enter__(self) -> BlankSpan:
        return self

    def __exit__(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
        outer = self._outer
        if outer is None:
            return
        opened: Any = _read_opened()
        innermost = None if opened is None else opened[0]
        if innermost is not None and innermost[0] is self and _read_current().get(_CENSUS_KEY) is innermost:
            # As `leave`, without the call: nothing but this span is open.
            _make_current(outer)
            opened[0] = outer.get(_CENSUS_KEY) if outer else None
        else:
            _context.leave(self, outer)
        self._has_ended = True
        holder = self._holder
        if holder is not None:
            self._holder = None
            if holder._top is self:
                holder._top, holder._blank_in = self._top_before, None

    def _leave(self) -> None:
        """Make the span current that was before this one, where this one or one inside it is current."""
        BlankSpan.__exit__(self, None, None, None)
