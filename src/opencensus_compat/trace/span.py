"""The OpenCensus span as a facade over an OpenTelemetry span.

Limitations:
    OpenCensus lets a program change name, kind, status, links, attributes and stack trace of a span until it ends, and OpenTelemetry does
    not. The facade therefore keeps them and hands them to the OpenTelemetry span when it ends: OpenTelemetry code that reads the span
    before then does not see them yet. `start()` on a span that runs does not move its start; assigning `start_time` does.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime, timezone
from time import time_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind as OtelSpanKind

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers.spans import end_span, parent_handle, replace_span, set_kind, start_span
from opencensus_compat.trace import _grpc_codes, base_span, time_event
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import attributes as attributes_module
from opencensus_compat.trace import link as link_module
from opencensus_compat.trace import span_data as span_data_module
from opencensus_compat.trace import stack_trace as stack_trace_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace.span_context import generate_span_id
from opencensus_compat.trace.tracers import base

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan

__getattr__ = patch_targets(__name__, "opencensus_compat.common.utils", chain="itertools:chain")

MAX_NUM_ATTRIBUTES = 32
MAX_NUM_ANNOTATIONS = 32
MAX_NUM_MESSAGE_EVENTS = 128
MAX_NUM_LINKS = 32

_CensusTracer, _OtelSpan = _handles.CensusTracer, _handles.OtelSpan


class BoundedList(Sequence[Any]):
    """A list that only grows, up to a size; then each new item pushes out the oldest, which is counted in `dropped`."""

    def __init__(self, maxlen: int) -> None:
        self.dropped = 0
        self._dq: deque[Any] = deque(maxlen=maxlen)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._dq)}, maxlen={self._dq.maxlen})"

    def __getitem__(self, index: Any) -> Any:
        return self._dq[index]

    def __len__(self) -> int:
        return len(self._dq)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dq)

    def append(self, item: Any) -> None:
        """Add one item."""
        with self._lock:
            if len(self._dq) == self._dq.maxlen:
                self.dropped += 1
            self._dq.append(item)

    def extend(self, seq: Sequence[Any]) -> None:
        """Add several items."""
        with self._lock:
            self.dropped += max(0, len(seq) + len(self._dq) - cast(int, self._dq.maxlen))
            self._dq.extend(seq)

    @classmethod
    def from_seq(cls, maxlen: int, seq: Iterable[Any]) -> BoundedList:
        """Return a list with the given items.

        Raises:
            ValueError: There are more than `maxlen`.
        """
        items = tuple(seq)
        if len(items) > maxlen:
            raise ValueError(f"expected at most {maxlen} items, got {len(items)}")
        bounded = cls(maxlen)
        bounded._dq.extend(items)
        return bounded


class BoundedDict(MutableMapping[Any, Any]):
    """A dict of at most `maxlen` keys; a further one pushes out the key set longest ago, which is counted in `dropped`."""

    # One lock for all: it is held only while a full dict evicts, and a lock each would be half of the cost of making one.
    _lock = threading.Lock()

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self.dropped = 0
        self._dict: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._dict}, maxlen={self.maxlen})"

    def __getitem__(self, key: Any) -> Any:
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        values = self._dict
        if key not in values and len(values) < self.maxlen:
            values[key] = value
            return
        with self._lock:
            if key in values:
                del values[key]
            elif len(values) >= self.maxlen:
                del values[next(iter(values))]
                self.dropped += 1
            values[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._dict[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    @classmethod
    def from_map(cls, maxlen: int, mapping: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> BoundedDict:
        """Return a dict with the given items.

        Raises:
            ValueError: There are more than `maxlen`.
        """
        values = dict(mapping)
        if len(values) > maxlen:
            raise ValueError(f"expected at most {maxlen} items, got {len(values)}")
        bounded = cls(maxlen)
        bounded._dict = values
        return bounded


class SpanKind:
    """Whether a span stands for a received request, a call to another service, or neither."""

    UNSPECIFIED = 0
    SERVER = 1
    CLIENT = 2


class Span(base_span.BaseSpan, _handles.CensusSpan):
    """One timed operation, with the OpenCensus interface.

    Spans come from a tracer. One that a program builds itself, without a tracer, keeps what is set on it and is not exported, as in
    OpenCensus; a child made with `span()` is exported together with the span it was made from.

    Args are those of OpenCensus; times are text of the shape `2020-01-31T10:20:30.123456Z`, ids hexadecimal text.

    Raises:
        ValueError: More attributes, annotations, message events or links are given than a span may hold.
    """

    _on_create_callbacks: ClassVar[list[Callable[[Any], object]]] = []

    # What few spans have reads as this, without a store per span; containers are made when they are first asked for.
    span_kind: Any = SpanKind.UNSPECIFIED
    stack_trace: Any = None
    same_process_as_parent_span: Any = None
    _attributes: Any = None
    _annotations: Any = None
    _message_events: Any = None
    _links: Any = None
    _status: Any = None
    _status_is_set = False
    _span_id: Any = None
    _id_is_assigned = False
    _start_time: Any = None
    _end_time: Any = None
    _end_ns: int | None = None
    _children_made: list[Any] | None = None
    _exception: tuple[str, str] | None = None
    _otel: OtelSpan | None = None
    _ended: Any = None
    _replace = False
    _parent_context: Context | None = None
    _outer: Context | None = None

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
        if span_kind != SpanKind.UNSPECIFIED:
            self.span_kind = span_kind
        if stack_trace is not None:
            self.stack_trace = stack_trace
        if same_process_as_parent_span is not None:
            self.same_process_as_parent_span = same_process_as_parent_span
        if attributes is not None:
            self._attributes = BoundedDict.from_map(MAX_NUM_ATTRIBUTES, attributes)
        if annotations is not None:
            self._annotations = BoundedList.from_seq(MAX_NUM_LINKS, annotations)
        if message_events is not None:
            self._message_events = BoundedList.from_seq(MAX_NUM_LINKS, message_events)
        if links is not None:
            self._links = BoundedList.from_seq(MAX_NUM_LINKS, links)
        if status is not None:
            self.status = status
        if span_id is not None:
            self._span_id = span_id
            self._id_is_assigned = True
        if start_time is not None:
            self._start_time = start_time
        if end_time is not None:
            self._end_time = end_time
        if Span._on_create_callbacks:
            for callback in Span._on_create_callbacks:
                callback(self)

    @staticmethod
    def on_create(callback: Callable[[Any], object]) -> None:
        """Call `callback` with every span made from now on."""
        Span._on_create_callbacks.append(callback)

    @property
    def children(self) -> Any:
        """The spans made from this one with `span()`; spans of a tracer are not among them, as in OpenCensus."""
        if self._children_made is None:
            self._children_made = []
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
        self._id_is_assigned = True
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
        self._start_time = value
        self._replace = self._otel is not None

    @property
    def end_time(self) -> Any:
        """When the span ended; None before."""
        if self._end_time is None and self._end_ns is not None:
            return otel_to_oc.iso_time(self._end_ns)
        return self._end_time

    @end_time.setter
    def end_time(self, value: Any) -> None:
        self._end_time = value

    @property
    def attributes(self) -> Any:
        """The attributes, at most 32. A program may change them in place or assign a dict of its own."""
        if self._attributes is None:
            self._attributes = BoundedDict(MAX_NUM_ATTRIBUTES)
        return self._attributes

    @attributes.setter
    def attributes(self, value: Any) -> None:
        self._attributes = value

    @property
    def annotations(self) -> Any:
        """The annotations, at most 32."""
        if self._annotations is None:
            self._annotations = BoundedList(MAX_NUM_ANNOTATIONS)
        return self._annotations

    @annotations.setter
    def annotations(self, value: Any) -> None:
        self._annotations = value

    @property
    def message_events(self) -> Any:
        """The message events, at most 128."""
        if self._message_events is None:
            self._message_events = BoundedList(MAX_NUM_MESSAGE_EVENTS)
        return self._message_events

    @message_events.setter
    def message_events(self, value: Any) -> None:
        self._message_events = value

    @property
    def links(self) -> Any:
        """The links, at most 32."""
        if self._links is None:
            self._links = BoundedList(MAX_NUM_LINKS)
        return self._links

    @links.setter
    def links(self, value: Any) -> None:
        self._links = value

    @property
    def status(self) -> Any:
        """The status; OK where none was set."""
        if self._status is None and not self._status_is_set:
            self._status = status_module.Status.as_ok()
        return self._status

    @status.setter
    def status(self, value: Any) -> None:
        self._status = value
        self._status_is_set = True

    def span(self, name: Any = "child_span") -> Span:
        """Make a child that is exported when this span is; it does not become the current span, as in OpenCensus."""
        child = Span(name, parent_span=self)
        self._child_spans.append(child)
        return child

    def add_attribute(self, attribute_key: Any, attribute_value: Any) -> None:
        """Set an attribute."""
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
        self.start()
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exception_value is not None and _is_error(exception_value):
            if traceback is not None:
                self.stack_trace = stack_trace_module.StackTrace.from_traceback(traceback)
            self._exception = (type(exception_value).__name__, oc_to_otel.text(exception_value))
            self.status = _status_of(exception_value)
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

    def _export(self, tracer: Any) -> None:
        """Hand everything kept here to the OpenTelemetry span and end it, on behalf of the ContextTracer that exports it. Called once."""
        if self._otel is None:
            self.start()
        otel = self._otel
        if otel is None or not otel.is_recording():
            return
        if self._replace:
            otel = self._replacement(otel)
        if self.name is not self._otel_name:
            otel.update_name(oc_to_otel.text(self.name))
        if self.span_kind:
            kind = oc_to_otel.span_kind(self.span_kind)
            if not set_kind(otel, kind):
                report("span kind %s was lost: the provider's spans are not the OpenTelemetry SDK's", kind.name)
        # Fields are the program's to assign, and ending a span must not raise whatever it put there; each loses only itself.
        if self._status is not None:
            try:
                self._export_status(otel)
            except _exporter.failure() as error:
                report("status of a span was lost: %s", type(error).__name__)
        if self._attributes:
            try:
                own = self._attributes._dict if type(self._attributes) is BoundedDict else self._attributes
                values = oc_to_otel.attributes(own)
                if not oc_to_otel.RESERVED.isdisjoint(values):
                    values = oc_to_otel.set_aside(values, oc_to_otel.RESERVED)
                if len(values) < len(own):
                    values.update(oc_to_otel.none_of(own))
                # As `is_own`, without the call.
                if issubclass(type(otel), _OtelSpan):
                    cast(Any, otel).census_fill(values)
                else:
                    otel.set_attributes(values)
            except _exporter.failure() as error:
                report("attributes of a span were lost: %s", type(error).__name__)
        if self._links:
            _put_links(otel, self._links)
        if self._annotations or self._message_events or self.stack_trace is not None:
            self._export_events(otel)
        if self._id_is_assigned and oc_to_otel.id_number(self._span_id, 16) is None:
            otel.set_attribute(oc_to_otel.SPAN_ID, oc_to_otel.text(self._span_id))
        parent = self.parent_span
        if issubclass(type(parent), Span) and parent._id_is_assigned:
            otel.set_attribute(oc_to_otel.PARENT_SPAN_ID, oc_to_otel.text(parent.span_id))
        end_ns = self._end_ns if self._end_time is None else oc_to_otel.nanoseconds(self._end_time)
        end_span(otel, self, tracer, end_ns)
        self._parent_context = None

    def _export_status(self, otel: OtelSpan) -> None:
        status = self._status
        if status.code:
            otel.set_attribute(oc_to_otel.STATUS_CODE, status.code)
        if status.code or self._status_is_set:
            otel.set_status(oc_to_otel.status(status.code, status.message))

    def _export_events(self, otel: OtelSpan) -> None:
        made: list[tuple[Callable[[Any], Any], Any]] = [(oc_to_otel.annotation_event, item) for item in _each(self._annotations)]
        made += [(oc_to_otel.message_event, item) for item in _each(self._message_events)]
        for convert, item in made:
            try:
                otel.add_event(*convert(item))
            except _exporter.failure() as error:
                report("an annotation or message event of a span was lost: %s", type(error).__name__)
        if self.stack_trace is not None:
            try:
                otel.add_event(*oc_to_otel.stack_trace_event(self.stack_trace, self._exception), self._end_ns)
            except _exporter.failure() as error:
                report("stack trace of a span was lost: %s", type(error).__name__)

    def _replacement(self, old: OtelSpan) -> OtelSpan:
        """Return a new OpenTelemetry span in place of one whose start or id the program changed; the old one never ends."""
        span_id = oc_to_otel.id_number(self._span_id, 16) if self._id_is_assigned else None
        self._otel = new = replace_span(old, self._parent_context, span_id=span_id, start_ns=oc_to_otel.nanoseconds(self._start_time))
        return new


def _each(items: Any) -> Iterable[Any]:
    """Return the items of what a program may have assigned."""
    return items if isinstance(items, Iterable) else ()


def _put_links(otel: OtelSpan, links: Any) -> None:
    """Put OpenCensus links on an OpenTelemetry span; one that cannot be is reported."""
    for link in _each(links):
        try:
            converted = oc_to_otel.link(link.trace_id, link.span_id, link.type, link.attributes)
        except _exporter.failure() as error:  # A program may have put anything there
            report("a span link was lost: %s", type(error).__name__)
            continue
        if converted is None:
            report("span link dropped: trace id %r and span id %r are not hexadecimal ids", link.trace_id, link.span_id)
        else:
            otel.add_link(converted.context, converted.attributes)


def _is_error(left_by: BaseException) -> bool:
    """Return whether what leaves a span's block is an error: the end of a program, a task, a greenlet or a generator is none."""
    if isinstance(left_by, Exception):
        return True
    if isinstance(left_by, SystemExit):
        # Text goes to standard error, and the process ends with 1.
        return not (left_by.code is None or (isinstance(left_by.code, int) and left_by.code == 0))
    if isinstance(left_by, (GeneratorExit, KeyboardInterrupt)):
        return False
    ends = [getattr(sys.modules.get(module), name, None) for module, name in _ENDS]
    if any(isinstance(left_by, end) for end in ends if isinstance(end, type)):
        return False
    # A group, as task groups raise it, is what its members are.
    members = getattr(left_by, "exceptions", None)
    return not (isinstance(members, tuple) and members) or any(_is_error(member) for member in members)


_ENDS = (("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit"))
"""Module and name of what ends a task or a greenlet: who raises it has loaded the module."""


def _status_of(error: BaseException) -> status_module.Status:
    """Return the status that an error gives its span; the program must see this error, not one about its text."""
    return status_module.Status(_grpc_codes.UNKNOWN, oc_to_otel.text(error))


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
        self._dq = deque(items)
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
    def _otel(self) -> Any:  # type: ignore[override]  # a view on the weak reference, which nobody sets
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
        kind = getattr(self._otel, "kind", None)
        return SpanKind.SERVER if kind is OtelSpanKind.SERVER else SpanKind.CLIENT if kind is OtelSpanKind.CLIENT else SpanKind.UNSPECIFIED

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
        for item in _each(value):
            self._put_annotation(item)

    @property
    def message_events(self) -> Any:
        """Those of its events that OpenCensus code added as messages; what is added becomes one."""
        return _Through(otel_to_oc.message_events_of(self._events()), self.add_message_event)

    @message_events.setter
    def message_events(self, value: Any) -> None:
        for item in _each(value):
            self.add_message_event(item)

    @property
    def links(self) -> Any:
        """The OpenTelemetry span's links; what is added becomes one."""
        return _Through(otel_to_oc.links_of(getattr(self._otel, "links", ())), self._put_link)

    @links.setter
    def links(self, value: Any) -> None:
        for item in _each(value):
            self._put_link(item)

    def _events(self) -> Any:
        return getattr(self._otel, "events", ())

    def _put_annotation(self, annotation: Any) -> None:
        self._otel.add_event(*oc_to_otel.annotation_event(annotation))

    def _put_link(self, link: Any) -> None:
        _put_links(self._otel, (link,))

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
        """Make a child; it is exported when it finishes, since nobody here ends the span it was made from."""
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
        if exception_value is not None and _is_error(exception_value):
            self.status = _status_of(exception_value)


class _OwnEndSpan(Span):
    """A child of a foreign span: nobody exports it but itself."""

    def finish(self) -> None:
        """Note the end time and export."""
        if self._end_ns is None:
            super().finish()
            self._export(self.parent_span.context_tracer)


def format_span_json(span: Any) -> dict[str, Any]:
    """Return a span as the dict that OpenCensus's JSON exporters write."""
    parent_span_id = span.parent_span.span_id if span.parent_span is not None else None
    return span_data_module._format_common_json(span, len(span._child_spans), parent_span_id)
