"""The span that OpenCensus code starts right inside that of an OpenTelemetry instrumentation: it may be the same request once more.

Programs say what a span is after they have started it, so it is an ordinary span until it is made a server span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import doubles as _doubles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers.spans import others_send
from opencensus_compat._bridge.running_spans import be_request
from opencensus_compat.trace._kept import each, put_links
from opencensus_compat.trace.span import Span, SpanKind
from opencensus_compat.trace.tracers import base

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan


class InServerSpan(Span):
    """A span whose parent is, or may be, the span that OpenTelemetry code made of the same request.

    Args:
        name: The span's name.
        parent_span: As for any span.
        context_tracer: The tracer that started it.
        around: The OpenTelemetry span.
        current: The OpenTelemetry span that is current, which is another one where the program has opened spans in between.
    """

    _kind: Any = SpanKind.UNSPECIFIED
    _around: OtelSpan | None = None
    _current: OtelSpan | None = None
    _shared: OtelSpan | None = None
    """OpenTelemetry's span, which is sent in place of this one."""

    def __init__(self, name: Any, parent_span: Any, context_tracer: Any, around: OtelSpan, current: OtelSpan) -> None:
        super().__init__(name, parent_span, context_tracer=context_tracer)
        self._around = around
        self._current = current

    @property
    def span_kind(self) -> Any:
        """Whether the span stands for a received request, a call to another service, or neither."""
        return self._kind

    @span_kind.setter
    def span_kind(self, value: Any) -> None:
        self._kind = value
        around = self._around
        if around is not None and value == SpanKind.SERVER:
            self._around = None
            innermost = _context.active(_context.get_current())
            # With another span inside it, it is too late to be another one's child.
            if innermost is not None and innermost[0] is self and self._outer is not None:
                _doubles.guarded(self._be_request, around, self._outer)

    def _be_request(self, around: OtelSpan, outer: Context) -> None:
        """Settle whether this span is sent, or the one around it, or none."""
        tracer: Any = self.context_tracer
        attributes = getattr(around, "attributes", None) or {}
        is_recorded = around.is_recording()
        # What has been handed over is the request's own.
        if self._carrier is None and not _doubles.is_same_request(self.attributes, attributes):
            return
        current = self._current or around
        if is_recorded and others_send(tracer.exporter):
            # One of a request that the program sends itself was an inner span.
            be_request(around, getattr(around, "parent", None))
            _doubles.report(_doubles.scope_of(around), is_census=False)
            self._shared = self._otel = around
            _doubles.take_place(around, self)
            if oc_to_otel.SAMPLE_RATE in attributes:
                # Requests that OpenTelemetry's sampler leaves out are sent as OpenCensus's, so this one counts for itself alone.
                around.set_attribute(oc_to_otel.SAMPLE_RATE, 100.0)
            _context.enter(outer, self, current)
        elif tracer._keeps(around.get_span_context().trace_id):
            parent = getattr(around, "parent", None) if is_recorded else tracer._remote_parent()
            self._otel = otel = tracer._start_request(self.name, outer, around, parent)
            self._is_elsewhere = False
            self.parent_span = base.NullContextManager(None if parent is None else f"{parent.span_id:016x}")
            _context.enter(outer, self, otel)
            if is_recorded:
                _doubles.report(_doubles.scope_of(around), is_census=True)
                _doubles.give_way(around, self, otel)
        else:
            self._is_left_out, self._is_elsewhere = is_recorded, True
            self._otel = current
            if is_recorded:
                _doubles.leave_out(around)
            _context.enter(outer, self, current)

    def _export(self, tracer: Any) -> None:
        if self._shared is not None:
            self._add_to(self._shared)
        elif not self._is_elsewhere:
            super()._export(tracer)

    def _add_to(self, shared: Any) -> None:
        """Set on OpenTelemetry's span what was set here, as far as it has nothing under the same name; name and kind are made already."""
        try:
            given = getattr(shared, "attributes", None) or {}
            shared.set_attributes({key: value for key, value in oc_to_otel.attributes(self.attributes).items() if key not in given})
            for annotation in each(self._annotations):
                shared.add_event(*oc_to_otel.annotation_event(annotation))
        except Exception as error:  # noqa: BLE001 - a program may have put anything there
            report("a span is exported without its attributes: %s", type(error).__name__)
        put_links(shared, self._links)
        if self._status_is_set and self._status is not None and self._status.code:
            shared.set_status(oc_to_otel.status(self._status.code, self._status.message))
