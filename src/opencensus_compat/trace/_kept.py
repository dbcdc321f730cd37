"""What programs set on a span, kept until the span ends and then put on its OpenTelemetry span.

A program may assign any object to a field, and ending the span must not raise. A value that cannot be converted is left out and reported; the
others are exported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers.spans import replace_span
from opencensus_compat._bridge.running_spans import end_span, set_kind
from opencensus_compat.trace import _grpc_codes
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace._bounded import BoundedDict

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan

_OtelSpan, _RESERVED = _handles.OtelSpan, oc_to_otel.RESERVED


class KeptSpan(_handles.CensusSpan):
    """A span whose fields reach OpenTelemetry when it ends."""

    name: Any
    parent_span: Any
    _otel_name: Any
    """The name that the OpenTelemetry span has."""

    # What few spans have reads as this, without a store per span; containers are made when they are first asked for.
    _has_more = False
    """Whether there may be more than name, kind and attributes. What is set below is noted here."""
    _values: dict[Any, Any] | None = None
    """The attributes, as long as the program has assigned no others."""
    _attributes: Any = None
    """Their container, once the program has asked for it; or what it has assigned."""
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
    _stack_trace: Any = None
    _exception: oc_to_otel.Raised | None = None
    _has_left = False
    """Whether the exception left what the span is of, although it has no stack trace: it becomes an event all the same."""
    _otel: OtelSpan | None = None
    _replace = False
    """Whether its start or its id was changed after the OpenTelemetry span had started."""
    _parent_context: Context | None = None

    if TYPE_CHECKING:

        @property
        def stack_trace(self) -> Any:
            """The stack trace of what went wrong."""

        def start(self) -> None:
            """Start the OpenTelemetry span."""

    def _export(self, tracer: Any) -> None:
        """Hand everything kept here to the OpenTelemetry span and end it, on behalf of the ContextTracer that exports it. Called once."""
        if self._is_elsewhere and (part := _handles.span_part_of(tracer.exporter)) is not None and not part.is_direct:
            # The provider's exporters are all that sends, and they have the span that is sent in this one's place.
            return
        if self._otel is None:
            self.start()
        otel: Any = self._otel
        # As `is_own`, without the call.
        is_facades = issubclass(type(otel), _OtelSpan)
        if otel is None or (otel.end_time is not None if is_facades else not otel.is_recording()):
            return
        end_ns = self._end_ns
        if self._has_more and self._replace:
            otel = self._replacement(otel)
        if self.name is not self._otel_name:
            otel.update_name(oc_to_otel.text(self.name))
        if self.span_kind:
            kind = oc_to_otel.span_kind(self.span_kind)
            if is_facades:
                otel.kind = kind
            elif not set_kind(otel, kind):
                report("a span is exported without its kind %s: the provider's spans are not the OpenTelemetry SDK's", kind.name)
        own = self._attributes if self._values is None else self._values
        if own:
            if type(own) is BoundedDict:
                own = own._dict
            try:
                values = oc_to_otel.attributes(own)
                if not _RESERVED.isdisjoint(values):
                    values = oc_to_otel.set_aside(values, _RESERVED)
                if len(values) < len(own):
                    values.update(oc_to_otel.none_of(own))
                if is_facades:
                    otel.census_fill(values)
                else:
                    otel.set_attributes(values)
            except _exporter.failure() as error:
                report("a span is exported without its attributes: %s", type(error).__name__)
        if self._has_more:
            self._export_more(otel)
            if self._end_time is not None:
                end_ns = oc_to_otel.nanoseconds(self._end_time)
        parent = self.parent_span
        if issubclass(type(parent), KeptSpan) and parent._id_is_assigned:
            otel.set_attribute(oc_to_otel.PARENT_SPAN_ID, oc_to_otel.text(parent.span_id))
        if not (is_facades and otel.census_end(self, tracer, end_ns)):
            end_span(otel, self, tracer, end_ns)
        self._parent_context = None

    def _export_more(self, otel: OtelSpan) -> None:
        if self._status is not None:
            try:
                self._export_status(otel)
            except _exporter.failure() as error:
                report("a span is exported without its status: %s", type(error).__name__)
        if self._links:
            put_links(otel, self._links)
        if self._annotations or self._message_events or self.stack_trace is not None or self._has_left:
            self._export_events(otel)
        if self._id_is_assigned and oc_to_otel.id_number(self._span_id, 16) is None:
            otel.set_attribute(oc_to_otel.SPAN_ID, oc_to_otel.text(self._span_id))

    def _export_status(self, otel: OtelSpan) -> None:
        status = self._status
        # As `is_own`, without the call.
        facades: Any = otel if issubclass(type(otel), _OtelSpan) else None
        kept = oc_to_otel.status_code(status.code)
        if kept != 0:
            if facades is not None:
                facades.census_fill({oc_to_otel.STATUS_CODE: kept})
            else:
                otel.set_attribute(oc_to_otel.STATUS_CODE, kept)
        if status.code or self._status_is_set:
            message, left_by = status.message, self._exception
            if left_by is not None and message == left_by.message:
                # As OpenTelemetry describes the status that an exception gives its span.
                message = f"{left_by.class_name}: {message}"
            set_status = otel.set_status if facades is None else facades.census_set_status
            set_status(oc_to_otel.status(status.code, message))

    def _export_events(self, otel: OtelSpan) -> None:
        # As `is_own`, without the call.
        add_event: Callable[..., object] = cast(Any, otel).census_add_event if issubclass(type(otel), _OtelSpan) else otel.add_event
        made: list[tuple[Callable[[Any], Any], Any]] = [(oc_to_otel.annotation_event, item) for item in each(self._annotations)]
        made += [(oc_to_otel.message_event, item) for item in each(self._message_events)]
        for convert, item in made:
            try:
                add_event(*convert(item))
            except _exporter.failure() as error:
                report("a span is exported without an annotation or message event: %s", type(error).__name__)
        if self.stack_trace is not None or self._has_left:
            try:
                add_event(*oc_to_otel.stack_trace_event(self.stack_trace, self._exception, self.attributes), self._end_ns)
            except _exporter.failure() as error:
                report("a span is exported without its stack trace: %s", type(error).__name__)

    def _replacement(self, old: OtelSpan) -> OtelSpan:
        """Return a new OpenTelemetry span in place of one whose start or id the program changed; the old one never ends."""
        span_id = oc_to_otel.id_number(self._span_id, 16) if self._id_is_assigned else None
        self._otel = new = replace_span(old, self._parent_context, span_id=span_id, start_ns=oc_to_otel.nanoseconds(self._start_time))
        return new


def each(items: Any) -> Iterable[Any]:
    """Return the items of what a program may have assigned."""
    return items if isinstance(items, Iterable) else ()


def put_links(otel: OtelSpan, links: Any) -> None:
    """Put OpenCensus links on an OpenTelemetry span; one that cannot be is reported."""
    add_link: Callable[..., object] = cast(Any, otel).census_add_link if issubclass(type(otel), _OtelSpan) else otel.add_link
    for link in each(links):
        try:
            converted = oc_to_otel.link(link.trace_id, link.span_id, link.type, link.attributes)
        except _exporter.failure() as error:  # A program may have put anything there
            report("a span is exported without a link: %s", type(error).__name__)
            continue
        if converted is None:
            report(
                "a span is exported without a link: expected hexadecimal ids, got trace id %r and span id %r", link.trace_id, link.span_id
            )
        else:
            add_link(converted.context, converted.attributes)


def is_error(left_by: BaseException) -> bool:
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
    return not (isinstance(members, tuple) and members) or any(is_error(member) for member in members)


_ENDS = (("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit"))
"""Module and name of what ends a task or a greenlet: who raises it has loaded the module."""


def status_of(error: BaseException) -> status_module.Status:
    """Return the status that an error gives its span; the program must see this error, not one about its text."""
    return status_module.Status(_grpc_codes.UNKNOWN, oc_to_otel.text(error))
