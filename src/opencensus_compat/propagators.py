"""OpenTelemetry propagators for the formats that OpenCensus programs send, and an OpenCensus propagator for those of OpenTelemetry.

Each class but the last is an entry point of the group ``opentelemetry_propagator``, so that an environment variable is enough::

    OTEL_PROPAGATORS=tracecontext,baggage,opencensus_binary python app.py

| name                       | class                            | what it reads and writes                                     |
|----------------------------|----------------------------------|--------------------------------------------------------------|
| ``opencensus_binary``      | `OpenCensusBinaryPropagator`     | ``grpc-trace-bin``, 29 bytes                                 |
| ``opencensus_b3``          | `OpenCensusB3Propagator`         | reads ``b3`` and ``x-b3-…``, writes ``x-b3-…``               |
| ``opencensus_cloud_trace`` | `OpenCensusCloudTracePropagator` | ``X-Cloud-Trace-Context``                                    |
| ``opencensus_text``        | `OpenCensusTextPropagator`       | ``opencensus-trace-…``, OpenCensus's own text form           |
| ``opencensus_tags``        | `OpenCensusTagsPropagator`       | ``grpc-tags-bin``: OpenCensus tags, as OpenTelemetry baggage |

The names leave those of the packages of OpenTelemetry (``b3``, ``b3multi``, ``gcp_trace``) to these. W3C's ``traceparent``, which
OpenCensus writes by default, needs none of them.

Warnings: of several propagators that find a parent in the same request, the last one named wins, as OpenTelemetry has it.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, ClassVar

from opentelemetry import baggage as baggage_api
from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import CarrierT, Getter, Setter, TextMapPropagator, default_getter, default_setter

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator
from opencensus_compat.trace.propagation.binary_format import FORMAT_LENGTH, BinaryFormatPropagator
from opencensus_compat.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus_compat.trace.propagation.text_format import DEFAULT_TRACE_OPTIONS, TextFormatPropagator
from opencensus_compat.trace.propagation.tracestate_string_format import _MOST_CHARS
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

__all__ = [
    "OpenCensusB3Propagator",
    "OpenCensusBinaryPropagator",
    "OpenCensusCloudTracePropagator",
    "OpenCensusTagsPropagator",
    "OpenCensusTextPropagator",
    "OpenTelemetryPropagator",
]


class _HeadersPropagator(TextMapPropagator):
    """Reads and writes headers by an OpenCensus format. What the format cannot read leaves the context as it is.

    Limitations: a request that names no decision counts as unsampled, except where the format says otherwise; OpenTelemetry has no word
    for "decide yourself".
    """

    _names: ClassVar[tuple[str, ...]]
    """The headers that are read, as the format looks for them."""

    def _from_headers(self, headers: dict[str, str]) -> SpanContext:
        raise NotImplementedError

    def _to_headers(self, span_context: SpanContext) -> Mapping[str, str]:
        raise NotImplementedError

    def extract(self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter) -> Context:
        """Return the context with the span that a carrier names as the remote parent, or the context as it was."""
        before = _context.get_current() if context is None else context
        headers = {name: value for name in self._names if (value := _text(carrier, name, getter)) is not None}
        if not headers:
            return before
        try:
            found = self._from_headers(headers)
        except ValueError:
            return before
        return _with_remote(found, before)

    def inject(self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter) -> None:
        """Write the current span into a carrier; without one, nothing."""
        span_context = trace_api.get_current_span(context).get_span_context()
        if span_context.is_valid:
            for name, value in self._to_headers(otel_to_oc.span_context(span_context)).items():
                setter.set(carrier, name, value)

    @property
    def fields(self) -> set[str]:
        """The headers that are written."""
        return set(self._to_headers(SpanContext(trace_id="1" * 32, span_id="1" * 16)))


class OpenCensusB3Propagator(_HeadersPropagator):
    """B3 as OpenCensus has it: both forms are read, and the one with several headers is written, in lower case.

    ``d`` (debug) counts as sampled.
    """

    _names = ("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled")

    def _from_headers(self, headers: dict[str, str]) -> SpanContext:
        return B3FormatPropagator().from_headers(headers)

    def _to_headers(self, span_context: SpanContext) -> Mapping[str, str]:
        return B3FormatPropagator().to_headers(span_context)


class OpenCensusCloudTracePropagator(_HeadersPropagator):
    """The header of Google Cloud Trace. A request that names no decision is sampled, as in OpenCensus."""

    _names = ("X-Cloud-Trace-Context",)

    def _from_headers(self, headers: dict[str, str]) -> SpanContext:
        return GoogleCloudFormatPropagator().from_headers(headers)

    def _to_headers(self, span_context: SpanContext) -> Mapping[str, str]:
        return GoogleCloudFormatPropagator().to_headers(span_context)


class OpenCensusTextPropagator(_HeadersPropagator):
    """OpenCensus's own text form. Options that are even mean unsampled, which OpenCensus itself does not see."""

    _names = ("opencensus-trace-traceid", "opencensus-trace-spanid", "opencensus-trace-traceoptions")

    def _from_headers(self, headers: dict[str, str]) -> SpanContext:
        trace_id, span_id, options = (headers.get(name) for name in self._names)
        if trace_id is None or span_id is None:
            raise ValueError("a span context needs both ids")
        return SpanContext(trace_id, span_id, TraceOptions(options or DEFAULT_TRACE_OPTIONS), from_header=True)

    def _to_headers(self, span_context: SpanContext) -> Mapping[str, str]:
        return TextFormatPropagator().to_carrier(span_context, {})


class _BinaryPropagator(TextMapPropagator):
    """One header of bytes. gRPC carries them as they are in its metadata; where headers are texts they are base64, as gRPC has it there.

    Args:
        as_text: Write base64 text; False writes bytes. None, the default, decides by the carrier: bytes for the metadata of gRPC,
            which is recognized by the module of carrier or setter, text for all others.
    """

    _name: ClassVar[str]

    def __init__(self, as_text: bool | None = None) -> None:
        self._as_text = as_text

    @property
    def fields(self) -> set[str]:
        """The header that is written."""
        return {self._name}

    def _read(self, carrier: CarrierT, getter: Getter[CarrierT]) -> bytes | None:
        values: Any = getter.get(carrier, self._name)
        if not values:
            return None
        if isinstance(values[0], int):
            # The API's own getter takes bytes for a list of values.
            return bytes(values)
        value = values[0]
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        try:
            # Senders leave the padding off.
            return b64decode(value + "=" * (-len(value) % 4), validate=True)
        except (TypeError, ValueError, binascii.Error):
            return None

    def _write(self, carrier: CarrierT, setter: Setter[CarrierT], binary: bytes) -> None:
        as_text = self._as_text if self._as_text is not None else not (_is_of_grpc(setter) or _is_of_grpc(carrier))
        value: Any = b64encode(binary).decode("ascii").rstrip("=") if as_text else binary
        setter.set(carrier, self._name, value)


class OpenCensusBinaryPropagator(_BinaryPropagator):
    """The binary form, in which OpenCensus passes traces on over gRPC.

    Args:
        as_text: True writes base64 text, False bytes. None decides by the carrier: bytes for gRPC's metadata, else text.
    Loses: the trace state, for which the form has no room.
    """

    _name = "grpc-trace-bin"

    def extract(self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter) -> Context:
        """Return the context with the span that a carrier names as the remote parent, or the context as it was."""
        before = _context.get_current() if context is None else context
        binary = self._read(carrier, getter)
        if binary is None or len(binary) != FORMAT_LENGTH:
            return before
        return _with_remote(BinaryFormatPropagator().from_header(binary), before)

    def inject(self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter) -> None:
        """Write the current span into a carrier; without one, nothing."""
        span_context = trace_api.get_current_span(context).get_span_context()
        if span_context.is_valid:
            self._write(carrier, setter, BinaryFormatPropagator().to_header(otel_to_oc.span_context(span_context)))


class OpenCensusTagsPropagator(_BinaryPropagator):
    """Reads OpenCensus tags into OpenTelemetry baggage, and writes baggage as tags.

    Entries of the context's baggage stay, unless a tag of the same key has come.

    Args:
        as_text: As of `OpenCensusBinaryPropagator`.
    Loses: baggage that cannot be a tag: keys and values that are not printable ASCII of at most 255 characters; all of it beyond 8,192
    characters, with a warning.
    """

    _name = "grpc-tags-bin"

    def extract(self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter) -> Context:
        """Return the context with the tags that a carrier names in its baggage."""
        from opencensus_compat.tags.propagation.binary_serializer import BinarySerializer

        made = _context.get_current() if context is None else context
        binary = self._read(carrier, getter)
        if not binary:
            return made
        try:
            tags = BinarySerializer().from_byte_array(binary)
        except ValueError:
            return made
        for key, value in tags:
            made = baggage_api.set_baggage(str(key), str(value), made)
        return made

    def inject(self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter) -> None:
        """Write the baggage into a carrier as tags; without any, nothing."""
        from opencensus_compat.tags.propagation.binary_serializer import BinarySerializer
        from opencensus_compat.tags_and_baggage import tags_of

        tags = list(tags_of(baggage_api.get_all(context)))
        binary = BinarySerializer().to_byte_array(tags) if tags else None
        if binary is not None:
            self._write(carrier, setter, binary)


class OpenTelemetryPropagator:
    """An OpenCensus propagator by whatever OpenTelemetry is configured with (``OTEL_PROPAGATORS``, `propagate.set_global_textmap`).

    For code whose headers are to be those of the OpenTelemetry code beside it::

        Tracer(propagator=OpenTelemetryPropagator(), exporter=..., sampler=...)

    What OpenTelemetry hands on beside the span, such as baggage, is written as well; it is read by OpenTelemetry code only.
    """

    def from_headers(self, headers: Mapping[str, str] | None) -> SpanContext:
        """Return the span context of a request, a new one when it brings none. Names are looked up as OpenTelemetry's getter does."""
        from opentelemetry import propagate

        context = propagate.extract(_without_blanks(headers or {}), context=Context())
        found = trace_api.get_current_span(context).get_span_context()
        if not found.is_valid:
            return SpanContext()
        made = otel_to_oc.span_context(found)
        made.from_header = True
        return made

    def to_headers(self, span_context: SpanContext) -> dict[str, str]:
        """Return the headers that hand a span context on; none of a trace when it has no span."""
        from opentelemetry import propagate

        remote = None
        if span_context.span_id is not None:
            sampled = span_context.trace_options.get_enabled()
            remote = oc_to_otel.span_context(span_context.trace_id, span_context.span_id, sampled, span_context.tracestate)
        # Whatever span is current, the headers are those of the context that was given.
        span = trace_api.NonRecordingSpan(trace_api.INVALID_SPAN_CONTEXT if remote is None else remote)
        headers: dict[str, str] = {}
        propagate.inject(headers, context=trace_api.set_span_in_context(span))
        return headers


def _without_blanks(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers whose trace state has no long rows of blanks: older releases of OpenTelemetry take the square of their number."""
    state = headers.get("tracestate")
    if not isinstance(state, str) or (" " not in state and "\t" not in state):
        return headers
    return {**headers, "tracestate": ",".join(member.strip(" \t")[:_MOST_CHARS] for member in state.split(","))}


def _text(carrier: CarrierT, name: str, getter: Getter[CarrierT]) -> str | None:
    """Return a header's first value. Not all getters pass over the case of names, and senders differ in it."""
    values = getter.get(carrier, name)
    if not values:
        folded = name.lower()
        values = next((getter.get(carrier, key) for key in getter.keys(carrier) if key.lower() == folded), None)
    return values[0] if values and isinstance(values[0], str) else None


def _with_remote(found: SpanContext, context: Context) -> Context:
    """Return a context whose current span is the one read, or the context as it was when none was."""
    # What had to be made up or replaced did not come from the header.
    if not found.from_header:
        return context
    remote = oc_to_otel.span_context(found.trace_id, found.span_id or "", found.trace_options.get_enabled())
    if remote is None:
        return context
    return trace_api.set_span_in_context(trace_api.NonRecordingSpan(remote), context)


def _is_of_grpc(holder: Any) -> bool:
    return "grpc" in type(holder).__module__.split(".")
