"""Spans that OpenTelemetry code started, as OpenCensus code sees them."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime, timezone
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry import trace as trace_api

from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.running_spans import parent_handle, set_kind
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import attributes as attributes_module
from opencensus_compat.trace import time_event
from opencensus_compat.trace._bounded import BoundedList
from opencensus_compat.trace._kept import each, is_error, put_links, status_of
from opencensus_compat.trace.span import Span
from opencensus_compat.trace.tracers import base

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OtelSpan


class _OtelAttributes(MutableMapping[Any, Any]):
    """The attributes of an OpenTelemetry span as a dict that writes through. OpenTelemetry cannot remove one: `del` hides nothing."""

    def __init__(self, otel: OtelSpan) -> None:
        self._otel = otel

    def _current(self) -> Mapping[Any, Any]:
        return getattr(self._otel, "attributes", None) or {}

    def __getitem__(self, key: Any) -> Any:
        return self._current()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._otel.set_attributes(oc_to_otel.attributes({key: value}))

    def __delitem__(self, key: Any) -> None:
        report("attribute %r was not removed: OpenTelemetry spans keep their attributes", key)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())


class _Through(BoundedList):
    """What an OpenTelemetry span has of one kind; what is put in is put on the span.

    Args:
        items: Those that the span has.
        put: Puts one more on it.
    """

    def __init__(self, items: Sequence[Any], put: Callable[[Any], object]) -> None:
        super().__init__(max(1, len(items)))
        self._items = deque(items)
        self._put = put

    def append(self, item: Any) -> None:
        """Put one on the span."""
        self._put(item)
        self._dq.append(item)

    def extend(self, seq: Sequence[Any]) -> None:
        """Put several on the span."""
        for item in seq:
            self.append(item)


class ForeignSpan(Span):
    """A span that OpenTelemetry code started, seen through the OpenCensus interface.

    What is set here is set on the OpenTelemetry span at once, and what is read is what that span has. Its owner ends it: `finish()` and the end of a `with` statement do not.

    Limitations: the kind can be read back as set here but reaches OpenTelemetry only where its SDK span allows it.
    """

    _is_foreign = True
    _known: ClassVar[weakref.WeakKeyDictionary[Any, ForeignSpan]] = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, otel: OtelSpan) -> ForeignSpan:
        """Return the facade of an OpenTelemetry span, the current one, the same facade each time."""
        span = cls._known.get(otel)
        if span is None:
            span = cls._known[otel] = cls(otel)
        return span

    def __init__(self, otel: OtelSpan) -> None:
        # The weak key must stay the only way from the table to the OpenTelemetry span, or neither would ever be freed.
        self._ref = weakref.ref(otel)
        context = self._otel_context = otel.get_span_context()
        parent = getattr(otel, "parent", None)
        self._span_id = f"{context.span_id:016x}"
        self._trace_id = f"{context.trace_id:032x}"
        self.parent_span = base.NullContextManager(span_id=f"{parent.span_id:016x}" if parent is not None else None)
        self._status_value: Any = None
        self._stack_trace: Any = None
        self._kind_value: Any = None
        self._tracer: Any = None
        # Its children go where the OpenCensus span around it sends: one resource's telemetry must not reach another's.
        self._handle = parent_handle(None)

    @property
    def _otel(self) -> Any:  # type: ignore[override]  # a view on the weak reference, which is never set
        # A job that was given this span may run when the span has ended and is gone; its identity still parents the job's spans.
        return self._ref() or trace_api.NonRecordingSpan(self._otel_context)

    @property
    def context_tracer(self) -> Any:
        """A tracer of this span's trace."""
        if self._tracer is None:
            from opencensus_compat.trace.tracers.context_tracer import PROVIDER, tracer_of

            self._tracer = tracer_of(otel_to_oc.span_context(self._otel_context), PROVIDER if self._handle is None else self._handle)
        return self._tracer

    @context_tracer.setter
    def context_tracer(self, value: Any) -> None:
        self._tracer = value

    @property
    def name(self) -> Any:
        """The span's name."""
        return getattr(self._otel, "name", None)

    @name.setter
    def name(self, value: Any) -> None:
        self._otel.update_name(str(value))

    @property
    def span_kind(self) -> Any:
        """The kind, in OpenCensus's numbers."""
        if self._kind_value is not None:
            return self._kind_value
        return otel_to_oc.kind(getattr(self._otel, "kind", None))

    @span_kind.setter
    def span_kind(self, value: Any) -> None:
        self._kind_value = value
        kind = oc_to_otel.span_kind(value)
        if self._otel.is_recording() and not set_kind(self._otel, kind):
            report("span kind %s was not set: the span belongs to OpenTelemetry code and its kind is fixed", kind.name)

    @property
    def span_id(self) -> Any:
        """Identifier, 16 hexadecimal digits. It cannot be changed."""
        return self._span_id

    @span_id.setter
    def span_id(self, value: Any) -> None:
        report("span id %r was not set: the span belongs to OpenTelemetry code", value)

    @property
    def start_time(self) -> Any:
        """When the span started. It cannot be changed."""
        start_ns = getattr(self._otel, "start_time", None)
        return None if start_ns is None else otel_to_oc.iso_time(start_ns)

    @start_time.setter
    def start_time(self, value: Any) -> None:
        report("start time %r was not set: the span belongs to OpenTelemetry code", value)

    @property
    def attributes(self) -> Any:
        """The OpenTelemetry span's attributes; what is set here is set there."""
        return _OtelAttributes(self._otel)

    @attributes.setter
    def attributes(self, value: Any) -> None:
        self._otel.set_attributes(oc_to_otel.attributes(value))

    @property
    def status(self) -> Any:
        """The status set here, else the OpenTelemetry span's: UNKNOWN for an error, OK for anything else."""
        return self._status_value if self._status_value is not None else otel_to_oc.status(getattr(self._otel, "status", None))

    @status.setter
    def status(self, value: Any) -> None:
        self._status_value = value
        if value is not None:
            self._otel.set_status(oc_to_otel.status(value.code, value.message))

    @property
    def annotations(self) -> Any:
        """The OpenTelemetry span's events; what is added becomes one."""
        return _Through(otel_to_oc.annotations_of(self._events()), self._put_annotation)

    @annotations.setter
    def annotations(self, value: Any) -> None:
        for item in each(value):
            self._put_annotation(item)

    @property
    def message_events(self) -> Any:
        """Those of its events that OpenCensus code added as messages; what is added becomes one."""
        return _Through(otel_to_oc.message_events_of(self._events()), self.add_message_event)

    @message_events.setter
    def message_events(self, value: Any) -> None:
        for item in each(value):
            self.add_message_event(item)

    @property
    def links(self) -> Any:
        """The OpenTelemetry span's links; what is added becomes one."""
        return _Through(otel_to_oc.links_of(getattr(self._otel, "links", ())), self._put_link)

    @links.setter
    def links(self, value: Any) -> None:
        for item in each(value):
            self._put_link(item)

    def _events(self) -> Any:
        return getattr(self._otel, "events", ())

    def _put_annotation(self, annotation: Any) -> None:
        self._otel.add_event(*oc_to_otel.annotation_event(annotation))

    def _put_link(self, link: Any) -> None:
        put_links(self._otel, (link,))

    @property
    def stack_trace(self) -> Any:
        """The stack trace set here; it becomes an exception event."""
        return self._stack_trace

    @stack_trace.setter
    def stack_trace(self, value: Any) -> None:
        self._stack_trace = value
        if value is not None:
            self._otel.add_event(*oc_to_otel.stack_trace_event(value, self._exception))

    def span(self, name: Any = "child_span") -> Span:
        """Make a child. It is exported when it finishes, since the span it was made from is ended by OpenTelemetry code."""
        child = _OwnEndSpan(name, parent_span=self)
        child._start_under(self._otel, None)
        return child

    def add_attribute(self, attribute_key: Any, attribute_value: Any) -> None:
        """Set an attribute."""
        self._otel.set_attributes(oc_to_otel.attributes({attribute_key: attribute_value}))

    def add_annotation(self, description: Any, **attrs: Any) -> None:
        """Note a described event, now."""
        now = datetime.now(timezone.utc)
        self._put_annotation(time_event.Annotation(now, description, attributes_module.Attributes(attrs)))

    def add_message_event(self, message_event: Any) -> None:
        """Note a message sent or received."""
        self._otel.add_event(*oc_to_otel.message_event(message_event))

    def add_link(self, link: Any) -> None:
        """Link another span.

        Raises:
            TypeError: `link` is no OpenCensus Link.
        """
        super().add_link(link)

    def start(self) -> None:
        """Do nothing: the span runs."""

    def finish(self) -> None:
        """Do nothing: its owner ends the span."""

    @property
    def _has_ended(self) -> bool:  # type: ignore[override]  # its owner ends it
        return not self._otel.is_recording()

    def __exit__(
        self, exception_type: type[BaseException] | None, exception_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exception_value is not None and is_error(exception_value):
            self.status = status_of(exception_value)


class _OwnEndSpan(Span):
    """A child of a foreign span, which exports itself."""

    def finish(self) -> None:
        """Note the end time and export."""
        if self._end_ns is None:
            super().finish()
            self._export(self.parent_span.context_tracer)
