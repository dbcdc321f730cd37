"""OpenCensus's own text format, three entries of any mapping."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TypeVar

from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

_TRACE_ID_KEY = "opencensus-trace-traceid"
_SPAN_ID_KEY = "opencensus-trace-spanid"
_TRACE_OPTIONS_KEY = "opencensus-trace-traceoptions"

DEFAULT_TRACE_OPTIONS = "1"
"""Options of a context that arrives without any: sampled."""

_Carrier = TypeVar("_Carrier", bound=MutableMapping[str, str])


class TextFormatPropagator:
    """Reads the entries in upper or lower case and writes them in lower case."""

    def from_carrier(self, carrier: Mapping[str, str]) -> SpanContext:
        """Return the span context that the mapping holds; what is missing of it is new.

        Loses:
            The value of the options: as in OpenCensus every text but the empty one, even ``0``, means sampled.
            Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/propagation/text_format.py#L51-L52.
        """
        entries = {key.lower(): carrier[key] for key in carrier}
        options = entries.get(_TRACE_OPTIONS_KEY)
        return SpanContext(
            trace_id=entries.get(_TRACE_ID_KEY),
            span_id=entries.get(_SPAN_ID_KEY),
            trace_options=TraceOptions(DEFAULT_TRACE_OPTIONS if options is None else bool(options)),
            from_header=True,
        )

    def to_carrier(self, span_context: SpanContext, carrier: _Carrier) -> _Carrier:
        """Write a span context into a mapping and return the mapping; a missing span is not written."""
        carrier[_TRACE_ID_KEY] = str(span_context.trace_id)
        if span_context.span_id is not None:
            carrier[_SPAN_ID_KEY] = str(span_context.span_id)
        carrier[_TRACE_OPTIONS_KEY] = str(span_context.trace_options.trace_options_byte)
        return carrier
