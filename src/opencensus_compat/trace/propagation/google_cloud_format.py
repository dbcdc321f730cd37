"""The header of Google Cloud Trace: ``X-Cloud-Trace-Context: <trace id>/<span id, decimal>;o=<options>``."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRACE_CONTEXT_HEADER_NAME = "X-Cloud-Trace-Context"
# Searched for anywhere in the header, so that what stands before and behind does not matter. The options end after so many digits,
# which are no byte anyway: OpenCensus raised into the request for a header with more of them than Python makes a number of.
_TRACE_CONTEXT_HEADER_RE = re.compile(r"(?P<trace_id>[0-9a-f]{32})(?:/(?P<span_id>\d{0,20}))?(?:;o=(?P<options>\d{1,99}))?")

_logger = logging.getLogger("opencensus.trace.propagation.google_cloud_format")


class GoogleCloudFormatPropagator:
    """Reads and writes the header. A context that arrives without options is sampled."""

    def from_header(self, header: str | None) -> SpanContext:
        """Return the span context of a header's value, a new one when it holds none.

        Raises:
            TypeError: The value is no text.
        """
        if header is None:
            return SpanContext()
        try:
            found = _TRACE_CONTEXT_HEADER_RE.search(header)
        except TypeError:
            _logger.warning("%s must be a text, got %s", _TRACE_CONTEXT_HEADER_NAME, type(header).__name__)
            raise
        if not found:
            _logger.warning("%s must hold 32 hex digits, got %r; a new trace begins", _TRACE_CONTEXT_HEADER_NAME, header[:100])
            return SpanContext()
        span_id = found["span_id"]
        options = found["options"]
        # A header without a decision means sampled, as in OpenCensus:
        # https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/propagation/google_cloud_format.py#L60-L63
        return SpanContext(
            trace_id=found["trace_id"],
            span_id=f"{int(span_id):016x}" if span_id else span_id,
            trace_options=TraceOptions(1 if options is None else options),
            from_header=True,
        )

    def from_headers(self, headers: Mapping[str, str] | None) -> SpanContext:
        """Return the span context of a request, a new one when it brings none."""
        return self.from_header(None if headers is None else headers.get(_TRACE_CONTEXT_HEADER_NAME))

    def to_header(self, span_context: SpanContext) -> str:
        """Return the header's value that hands a span context on; a missing span is written as id 0."""
        span_id = int(span_context.span_id, 16) if span_context.span_id else 0
        return f"{span_context.trace_id}/{span_id};o={int(span_context.trace_options.trace_options_byte)}"

    def to_headers(self, span_context: SpanContext) -> dict[str, str]:
        """Return the headers that hand a span context on."""
        return {_TRACE_CONTEXT_HEADER_NAME: self.to_header(span_context)}
