"""The OpenCensus span as a facade over an OpenTelemetry span.

Limitations:
    OpenCensus lets a program change name, kind, status, links, attributes and stack trace of a span until it ends, and OpenTelemetry does
    not. The facade therefore keeps them and hands them to the OpenTelemetry span when it ends: OpenTelemetry code that reads the span
    before then does not see them yet. `start()` on a span that runs does not move its start; assigning `start_time` does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.providers.spans import start_span
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import attributes as attributes_module
from opencensus_compat.trace import base_span, time_event
from opencensus_compat.trace import link as link_module
from opencensus_compat.trace import stack_trace as stack_trace_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace._bounded import BoundedDict, BoundedList
from opencensus_compat.trace._kept import KeptSpan, is_error, status_of
from opencensus_compat.trace._steps import Watched, is_replaced, swap, watch, watch_module
from opencensus_compat.trace.span_context import generate_span_id
from opencensus_compat.trace.tracers import base  # noqa: F401 - a name of OpenCensus's module

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan

__getattr__ = patch_targets(__name__, "threading", "opencensus_compat.common.utils", chain="itertools:chain", deque="collections:deque")

MAX_NUM_ATTRIBUTES = 32
MAX_NUM_ANNOTATIONS = 32
MAX_NUM_MESSAGE_EVENTS = 128
MAX_NUM_LINKS = 32

_CensusTracer = _handles.CensusTracer

# Where OpenCensus has them, for text and pickles.
BoundedDict.__module__ = BoundedList.__module__ = __name__


class SpanKind:
    """Whether a span stands for a received request, a call to another service, or neither."""

    UNSPECIFIED = 0
    SERVER = 1
    CLIENT = 2


class Span(base_span.BaseSpan, KeptSpan, metaclass=Watched):
    """One timed operation, with the OpenCensus interface.

    Spans come from a tracer. One that a program builds itself, without a tracer, keeps what is set on it and is not exported, as in
    OpenCensus; a child made with `span()` is exported together with the span it was made from.

    Args are those of OpenCensus; times are text of the shape `2020-01-31T10:20:30.123456Z`, ids hexadecimal text.

    Raises:
        ValueError: More attributes, annotations, message events or links are given than a span may hold.
    """

    _on_create_callbacks: ClassVar[list[Callable[[Any], object]]] = []

    # What few spans have reads as this, without a store per span.
    span_kind: Any = SpanKind.UNSPECIFIED
    same_process_as_parent_span: Any = None
    _children_made: list[Any] | None = None
    _ended: Any = None
    _outer: Context | None = None
    _is_foreign = False
    """Whether OpenTelemetry code started it, and ends it."""

    def __init__(
        self,
        name: Any,
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
        span_kind: Any = SpanKind.UNSPECIFIED,
    ) -> None:
        self.name = self._otel_name = name
        self.parent_span = parent_span
        self.context_tracer = context_tracer
        self._values = {}
        if span_kind != SpanKind.UNSPECIFIED:
            self.span_kind = span_kind
        if stack_trace is not None:
            self.stack_trace = stack_trace
        if same_process_as_parent_span is not None:
            self.same_process_as_parent_span = same_process_as_parent_span
        if attributes is not None:
            self.attributes = BoundedDict.from_map(MAX_NUM_ATTRIBUTES, attributes)
        # Of what is given, OpenCensus takes as many of each kind as of links:
        # https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/span.py#L249-L263
        if annotations is not None:
            self.annotations = BoundedList.from_seq(MAX_NUM_LINKS, annotations)
        if message_events is not None:
            self.message_events = BoundedList.from_seq(MAX_NUM_LINKS, message_events)
        if links is not None:
            self.links = BoundedList.from_seq(MAX_NUM_LINKS, links)
        if status is not None:
            self.status = status
        if span_id is None and is_replaced(_MODULE, "generate_span_id"):
            span_id = generate_span_id()
        if span_id is not None:
            self._span_id = span_id
            self._id_is_assigned = self._has_more = True
        if start_time is not None:
            self._start_time = start_time
        if end_time is not None:
            self.end_time = end_time
        if Span._on_create_callbacks:
            for callback in Span._on_create_callbacks:
                callback(self)

    @staticmethod
    def on_create(callback: Callable[[Any], object]) -> None:
        """Call `callback` with every span made from now on."""
        Span._on_create_callbacks.append(callback)

    @property
    def children(self) -> Any:
        """The spans made from this one with `span()`; spans of a tracer are not among them, as in OpenCensus.

        Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/span.py#L290-L302.
        """
        if self._children_made is None:
            self._children_made, self._has_more = [], True
        return self._children_made

    @property
    def _child_spans(self) -> Any:
        return self.children

    @property
    def span_id(self) -> Any:
        """Identifier, 16 hexadecimal digits. A program may assign another; it arrives as the item's id."""
        if self._span_id is None:
            otel = self._otel.get_span_context() if self._otel is not None else None
            self._span_id = f"{otel.span_id:016x}" if otel is not None and otel.is_valid else generate_span_id()
        return self._span_id

    @span_id.setter
    def span_id(self, value: Any) -> None:
        self._span_id = value
        self._id_is_assigned = self._has_more = True
        self._replace = self._otel is not None

    @property
    def start_time(self) -> Any:
        """When the span started; None before."""
        if self._start_time is None:
            start_ns = getattr(self._otel, "start_time", None)
            if start_ns is not None:
                return otel_to_oc.iso_time(start_ns)
        return self._start_time

    @start_time.setter
    def start_time(self, value: Any) -> None:
        self._start_time, self._has_more = value, True
        self._replace = self._otel is not None

    @property
    def end_time(self) -> Any:
        """When the span ended; None before."""
        if self._end_time is None and self._end_ns is not None:
            return otel_to_oc.iso_time(self._end_ns)
        return self._end_time

    @end_time.setter
    def end_time(self, value: Any) -> None:
        self._end_time, self._has_more = value, True

    @property
    def attributes(self) -> Any:
        """The attributes, at most 32. A program may change them in place or assign a dict of its own."""
        if self._attributes is None:
            self._attributes = BoundedDict._over({} if self._values is None else self._values, MAX_NUM_ATTRIBUTES)
        return self._attributes

    @attributes.setter
    def attributes(self, value: Any) -> None:
        self._attributes, self._values = value, None

    @property
    def annotations(self) -> Any:
        """The annotations, at most 32."""
        if self._annotations is None:
            self._annotations, self._has_more = BoundedList(MAX_NUM_ANNOTATIONS), True
        return self._annotations

    @annotations.setter
    def annotations(self, value: Any) -> None:
        self._annotations, self._has_more = value, True

    @property
    def message_events(self) -> Any:
        """The message events, at most 128."""
        if self._message_events is None:
            self._message_events, self._has_more = BoundedList(MAX_NUM_MESSAGE_EVENTS), True
        return self._message_events

    @message_events.setter
    def message_events(self, value: Any) -> None:
        self._message_events, self._has_more = value, True

    @property
    def links(self) -> Any:
        """The links, at most 32."""
        if self._links is None:
            self._links, self._has_more = BoundedList(MAX_NUM_LINKS), True
        return self._links

    @links.setter
    def links(self, value: Any) -> None:
        self._links, self._has_more = value, True

    @property
    def status(self) -> Any:
        """The status; OK where none was set."""
        if self._status is None and not self._status_is_set:
            self._status, self._has_more = status_module.Status.as_ok(), True
        return self._status

    @status.setter
    def status(self, value: Any) -> None:
        self._status = value
        self._status_is_set = self._has_more = True

    @property
    def stack_trace(self) -> Any:
        """The stack trace of what went wrong; None where nothing did."""
        return self._stack_trace

    @stack_trace.setter
    def stack_trace(self, value: Any) -> None:
        self._stack_trace, self._has_more = value, True

    def span(self, name: Any = "child_span") -> Span:
        """Make a child that is exported when this span is; it does not become the current span, as in OpenCensus.

        Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/span.py#L290-L302.
        """
        child = Span(name, parent_span=self)
        self._child_spans.append(child)
        return child

    def add_attribute(self, attribute_key: Any, attribute_value: Any) -> None:
        """Set an attribute."""
        values = self._values
        if values is not None and attribute_key not in values and len(values) < MAX_NUM_ATTRIBUTES:
            # As the container does it, without the call: half of what ten attributes take.
            values[attribute_key] = attribute_value
        else:
            self.attributes[attribute_key] = attribute_value

    def add_annotation(self, description: Any, **attrs: Any) -> None:
        """Note a described event, now."""
        now = datetime.now(timezone.utc)
        self.annotations.append(time_event.Annotation(now, description, attributes_module.Attributes(attrs)))

    def add_message_event(self, message_event: Any) -> None:
        """Note a message sent or received."""
        self.message_events.append(message_event)

    def add_link(self, link: Any) -> None:
        """Link another span.

        Raises:
            TypeError: `link` is no OpenCensus Link.
        """
        if not isinstance(link, link_module.Link):
            raise TypeError(f"Type Error: received {type(link).__name__}, but requires Link.")
        self.links.append(link)

    def set_status(self, status: Any) -> None:
        """Set the status.

        Raises:
            TypeError: `status` is no OpenCensus Status.
        """
        if not isinstance(status, status_module.Status):
            raise TypeError(f"Type Error: received {type(status).__name__}, but requires Status.")
        self.status = status

    def start(self) -> None:
        """Start the span's time, unless it runs already."""
        if self._otel is not None:
            return
        parent = self.parent_span
        if _handles.is_own(parent, Span) and parent._otel is not None:
            self._start_under(parent._otel, parent._outer)
        else:
            self._start_time = otel_to_oc.iso_time(time_ns())

    def finish(self) -> None:
        """Note the end time. The tracer, or the span this one was made from, exports it."""
        if self._end_time is not None:
            self._end_time = None
        self._end_ns = time_ns()

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the spans made from this one, innermost first, and then itself."""
        for child in self.children:
            yield from child
        yield self

    def __enter__(self) -> Any:
        # Without the call for what a tracer has started.
        if self._otel is None or type(self) is not Span:
            self.start()
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exception_value is not None and is_error(exception_value):
            self._exception, frames = oc_to_otel.raised_with_frames(exception_value)
            if traceback is not None:
                is_whole = traceback is exception_value.__traceback__
                self.stack_trace = stack_trace_module._of_traceback(traceback, frames if is_whole else None)
            self.status = status_of(exception_value)
        tracer = self.context_tracer
        if tracer is not None:
            if issubclass(type(tracer), _CensusTracer):
                tracer._end_through(self)
            else:
                tracer.end_span()
            return
        self.finish()

    def _start_under(self, parent: OtelSpan, outer: Context | None) -> None:
        """Start the OpenTelemetry span of a child made with `span()`."""
        self._parent_context = _context.with_span(outer if outer is not None else _context.get_current(), self.parent_span, parent)
        self._otel = start_span(self.name, self._parent_context, parent, span_id=oc_to_otel.id_number(self._span_id, 16))


def _enter_by_steps(self: Any) -> Any:
    """Enter a span as `__enter__` of OpenCensus does: by `start`, which a program has replaced."""
    self.start()
    return self


watch(Span, "__init__", "_on_create_callbacks", "start")
_MODULE = sys.modules[__name__]
watch_module(__name__, "Span", "generate_span_id")


swap(Span, __enter__=_enter_by_steps)


def format_span_json(span: Any) -> dict[str, Any]:
    """Return a span as the dict that OpenCensus's JSON exporters write."""
    from opencensus_compat.trace import span_data

    parent_span_id = span.parent_span.span_id if span.parent_span is not None else None
    return span_data._format_common_json(span, len(span._child_spans), parent_span_id)


ForeignSpan: type[Span]
"""The facade on a span that OpenTelemetry code started; it builds on this module, and `opencensus.trace` puts it here."""
