"""The binary format of OpenCensus, as gRPC metadata carries it.

Source: https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md
"""

from __future__ import annotations

import binascii
import logging
import struct
from typing import NamedTuple

from opencensus_compat.trace import span_context as span_context_module
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

UTF8 = "utf-8"

VERSION_ID = 0
TRACE_ID_FIELD_ID = 0
SPAN_ID_FIELD_ID = 1
TRACE_OPTION_FIELD_ID = 2

# Sizes in bytes.
ID_SIZE = 1
TRACE_ID_SIZE = 16
SPAN_ID_SIZE = 8
TRACE_OPTION_SIZE = 1
FORMAT_LENGTH = 4 * ID_SIZE + TRACE_ID_SIZE + SPAN_ID_SIZE + TRACE_OPTION_SIZE
"""Bytes of a whole span context: the version, then each field after its id."""

# Letters of the struct module. Big-endian order also keeps it from aligning the fields.
BIG_ENDIAN = ">"
CHAR_ARRAY_FORMAT = "s"
UNSIGNED_CHAR = "B"
UNSIGNED_LONG_LONG = "Q"
BINARY_FORMAT = f"{BIG_ENDIAN}BB{TRACE_ID_SIZE}{CHAR_ARRAY_FORMAT}B{SPAN_ID_SIZE}{CHAR_ARRAY_FORMAT}BB"

_logger = logging.getLogger("opencensus.trace.propagation.binary_format")


class Header(NamedTuple):
    """The fields in the order in which they are written."""

    version_id: int
    trace_id_field_id: int
    trace_id: bytes
    span_id_field_id: int
    span_id: bytes
    trace_option_field_id: int
    trace_option: int


class BinaryFormatPropagator:
    """Reads and writes 29 bytes. Version and field ids are written but, as in OpenCensus, not looked at.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/propagation/binary_format.py#L113-L128.
    """

    def from_header(self, binary: bytes | None) -> SpanContext:
        """Return the span context that the bytes hold, a new one when there are none or not 29 of them."""
        if binary is None:
            return SpanContext(from_header=False)
        try:
            header = Header._make(struct.unpack(BINARY_FORMAT, binary))
        except struct.error:
            _logger.warning("A binary trace context must have %d bytes, got %r; a new trace begins", FORMAT_LENGTH, binary[:100])
            return SpanContext(from_header=False)
        return SpanContext(
            trace_id=header.trace_id.hex(),
            span_id=header.span_id.hex(),
            trace_options=TraceOptions(header.trace_option),
            from_header=True,
        )

    def to_header(self, span_context: SpanContext) -> bytes:
        """Return the bytes that hand a span context on; a missing span is written as id 0.

        Raises:
            ValueError: A program has put something into the context that is no hex digits, or an odd number of them.
        """
        span_id = span_context_module.INVALID_SPAN_ID if span_context.span_id is None else span_context.span_id
        return struct.pack(
            BINARY_FORMAT,
            VERSION_ID,
            TRACE_ID_FIELD_ID,
            binascii.unhexlify(span_context.trace_id),
            SPAN_ID_FIELD_ID,
            binascii.unhexlify(span_id),
            TRACE_OPTION_FIELD_ID,
            int(span_context.trace_options.trace_options_byte),
        )
