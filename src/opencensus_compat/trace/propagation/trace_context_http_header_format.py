"""The W3C headers `traceparent` and `tracestate`.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opencensus_compat.trace.propagation.tracestate_string_format import TracestateStringFormatter
from opencensus_compat.trace.span_context import SpanContext, _checked
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracestate import _MAX_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opencensus_compat.trace.tracestate import Tracestate

_TRACEPARENT_HEADER_NAME = "traceparent"
_TRACESTATE_HEADER_NAME = "tracestate"
_TRACEPARENT_RE = re.compile(
    r"[ \t]*(?P<version>[0-9a-f]{2})-(?P<trace_id>[0-9a-f]{32})-(?P<span_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?[ \t]*$"
)

_MOST_CHARS = 512
"""What is looked at of `traceparent`: more than any version has. A pattern takes the square of the blanks in the rest of it."""
_FIRST_VERSION = "00"
_FORBIDDEN_VERSION = "ff"
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


class TraceContextPropagator:
    """Reads every version of `traceparent` as W3C asks, and writes version 0. Header names are looked up in lower case."""

    def from_headers(self, headers: Mapping[str, str] | None) -> SpanContext:
        """Return the span context of a request, a new one when it brings none that is valid."""
        if headers is None:
            return SpanContext()
        traceparent = headers.get(_TRACEPARENT_HEADER_NAME)
        found = None if traceparent is None else _TRACEPARENT_RE.match(traceparent[:_MOST_CHARS])
        if not found:
            return SpanContext()
        version, trace_id, span_id, flags, rest = found.groups()
        if trace_id == _NO_TRACE or span_id == _NO_SPAN or version == _FORBIDDEN_VERSION or (version == _FIRST_VERSION and rest):
            return SpanContext()
        tracestate = headers.get(_TRACESTATE_HEADER_NAME)
        return _checked(
            trace_id,
            span_id,
            TraceOptions(_options(flags)),
            None if tracestate is None else _valid_tracestate(tracestate),
            from_header=True,
        )

    def to_headers(self, span_context: SpanContext) -> dict[str, str]:
        """Return the headers that hand a span context on.

        A missing span is written as the word ``None``, as in OpenCensus; the receiver then begins a trace of its own.
        Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/propagation/trace_context_http_header_format.py#L97-L109.
        """
        flags = "01" if span_context.trace_options.enabled else "00"
        headers = {_TRACEPARENT_HEADER_NAME: f"{_FIRST_VERSION}-{span_context.trace_id}-{span_context.span_id}-{flags}"}
        if span_context.tracestate:
            headers[_TRACESTATE_HEADER_NAME] = TracestateStringFormatter().to_string(span_context.tracestate)
        return headers


def _options(flags: str) -> str:
    """Return the two hex digits of the flags as options, which are decimal.

    Digits below a mean the same sampling bit in both, and are kept as OpenCensus keeps them.
    """
    return flags if flags.isdigit() else str(int(flags, 16))


def _valid_tracestate(header: str) -> Tracestate | None:
    """Return the trace state, or None when one of its members is malformed or there are too many."""
    # What is no text is refused by the formatter.
    if isinstance(header, str) and header.count(",") >= _MAX_MEMBERS:
        return None
    try:
        tracestate = TracestateStringFormatter().from_string(header)
    except ValueError:
        return None
    return tracestate if tracestate.is_valid() else None
