"""The B3 headers of Zipkin.

Source: https://github.com/openzipkin/b3-propagation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.trace.span_context import INVALID_SPAN_ID, SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

_SINGLE_HEADER = "b3"
_TRACE_ID_HEADER = "x-b3-traceid"
_SPAN_ID_HEADER = "x-b3-spanid"
_SAMPLED_HEADER = "x-b3-sampled"

# "true" comes from programs older than the format's description, "d" asks for debugging.
_SAMPLED_VALUES = ("1", "d", "true")
_SHORT_TRACE_ID_LENGTH = 16


class B3FormatPropagator:
    """Reads the one-header and the many-headers form, writes the latter. Header names are looked up in lower case."""

    def from_headers(self, headers: Mapping[str, str] | None) -> SpanContext:
        """Return the span context of a request, a new one when it brings none.

        Without a sampling decision in the request the sampler decides. A trace id of 64 bits gets 64 zero bits in front.
        """
        if headers is None:
            return SpanContext(from_header=False)
        trace_id: str | None = None
        span_id: str | None = None
        sampled: str | None = None
        single = headers.get(_SINGLE_HEADER)
        if single:
            fields = single.split("-", 4)
            if len(fields) > 4:
                return SpanContext(from_header=False)
            if len(fields) == 1:
                sampled = fields[0]
            else:
                # A fourth field is the parent of the span; OpenCensus has no use for it.
                trace_id, span_id, sampled, *_ = [*fields, None]
        else:
            trace_id = headers.get(_TRACE_ID_HEADER)
            span_id = headers.get(_SPAN_ID_HEADER)
            sampled = headers.get(_SAMPLED_HEADER)
        trace_options = TraceOptions("1" if sampled is not None and sampled.lower() in _SAMPLED_VALUES else "0")
        if not trace_id or not span_id:
            return SpanContext(trace_options=trace_options)
        if len(trace_id) == _SHORT_TRACE_ID_LENGTH:
            trace_id = trace_id.zfill(2 * _SHORT_TRACE_ID_LENGTH)
        return SpanContext(trace_id=trace_id, span_id=span_id, trace_options=trace_options, from_header=True)

    def to_headers(self, span_context: SpanContext) -> dict[str, str]:
        """Return the headers that hand a span context on; a missing span is written as id 0."""
        return {
            _TRACE_ID_HEADER: span_context.trace_id,
            _SPAN_ID_HEADER: span_context.span_id or INVALID_SPAN_ID,
            _SAMPLED_HEADER: "1" if span_context.trace_options.enabled else "0",
        }
