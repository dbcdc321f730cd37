"""The current tracer, span and attributes, as in OpenCensus.

The current span is the OpenTelemetry one: inside a span that OpenTelemetry code opened, `get_current_span` returns a facade on it, and
`set_current_span` makes a span current for both APIs. Whether an exporter runs is what `_bridge.context` knows of it. The other values
are ordinary slots of `RuntimeContext`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from opentelemetry.context import Context

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.context import Exporting
from opencensus_compat._bridge.context import exporting as _exporting
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.handles import CensusSpan, is_own
from opencensus_compat.common.runtime_context import RuntimeContext
from opencensus_compat.trace.tracers import noop_tracer  # noqa: F401 - a name of OpenCensus's module

if TYPE_CHECKING:
    from opencensus_compat.trace.base_span import BaseSpan


class _CurrentSpanSlot:
    """The slot `current_span`: no storage of its own, it is the OpenTelemetry context's current span."""

    name = "current_span"

    def get(self) -> Any:
        return get_current_span()

    def set(self, value: Any) -> None:
        set_current_span(value)

    def clear(self) -> None:
        context = _context.current()
        innermost = _context.active(context)
        if innermost is None:
            return
        if innermost[1] is _context.otel_span(context):
            set_current_span(None)
        else:
            # The current span is OpenTelemetry code's, opened inside or around ours: it is not ours to hide.
            _context.resume(Context({key: value for key, value in context.items() if key != _context.CENSUS_KEY}))


class _ExporterSlot:
    """The slot `is_exporter`: no storage of its own, it shows whose exporter runs here."""

    name = "is_exporter"

    def get(self) -> bool:
        return _exporting.get() is not Exporting.NO

    def set(self, value: Any) -> None:
        # A program cannot end an export of this package's: what that logs would be exported, and so on without end.
        if _exporting.get() is not Exporting.OURS:
            _exporting.set(Exporting.PROGRAM if value else Exporting.NO)

    def clear(self) -> None:
        self.set(False)


class _Facades:
    """How OpenTelemetry code appears to OpenCensus code. These build on this module, so `opencensus.trace` hands them in as it loads."""

    span_of: Callable[[trace_api.Span], BaseSpan]
    """Returns the facade on a span."""
    tracer: Any
    """The tracer where none was made, of the trace around."""


_facades = _Facades()
_attrs_slot = RuntimeContext.register_slot("attrs", dict)
_current_span_slot = RuntimeContext._add_slot(_CurrentSpanSlot())
_exporter_slot = RuntimeContext._add_slot(_ExporterSlot())
_tracer_slot = RuntimeContext.register_slot("tracer", lambda: _facades.tracer)
# Of a slot that is a context variable, without the slot's own call: 2 percent of an unsampled request.
_set_tracer: Callable[[Any], object] = getattr(getattr(_tracer_slot, "contextvar", None), "set", _tracer_slot.set)


def is_exporter() -> bool:
    """Return whether the caller runs inside an exporter, whose own calls must not be traced."""
    return _exporting.get() is not Exporting.NO


def set_is_exporter(is_exporter: bool) -> None:
    """Say whether the code that follows in this context belongs to an exporter of the program's.

    Inside an export of this package's it does nothing: the export goes on.
    """
    _exporter_slot.set(is_exporter)


def get_opencensus_tracer() -> Any:
    """Return the tracer made last in this context; one that does nothing of its own where none was made."""
    return _tracer_slot.get()


def set_opencensus_tracer(tracer: Any) -> None:
    """Make a tracer the one that integrations find in this context."""
    _set_tracer(tracer)


def set_opencensus_attr(attr_key: str, attr_value: Any) -> None:
    """Set one attribute of this context; contexts that share the old attributes keep them."""
    _attrs_slot.set({**_attrs_slot.get(), attr_key: attr_value})


def set_opencensus_attrs(attrs: Mapping[str, Any]) -> None:
    """Replace the attributes of this context."""
    _attrs_slot.set(attrs)


def get_opencensus_attr(attr_key: str) -> Any:
    """Return one attribute of this context, or None."""
    return _attrs_slot.get().get(attr_key)


def get_opencensus_attrs() -> Any:
    """Return the attributes of this context."""
    return _attrs_slot.get()


def get_current_span() -> BaseSpan | Any | None:
    """Return the span that is current for both APIs, or None.

    Inside a span that OpenTelemetry code opened this is a facade on that span: what is set on it is set on the OpenTelemetry span, and
    ending it is left to its owner.
    """
    context = _context.current()
    innermost = _context.active(context)
    otel = _context.otel_span(context)
    if innermost is not None and innermost[1] is otel:
        return innermost[0]
    if otel is None or not otel.get_span_context().is_valid:
        return None
    return _facades.span_of(otel)


def set_current_span(current_span: BaseSpan | Any | None) -> None:
    """Make a span current for both APIs; None leaves no span current.

    An object that no tracer of this package started (a program's own, a wrapper, a mock) is returned by `get_current_span`. It stands for
    the span whose ids it has, if it has any, and else for the one that is current.
    """
    context = _context.current()
    if current_span is None:
        rest = {key: value for key, value in context.items() if key not in (_context.CENSUS_KEY, _context.SPAN_KEY)}
        _context.resume(Context(rest))
        return
    span: Any = current_span
    if is_own(span, CensusSpan) and span._otel is not None:
        _context.enter(context, span, span._otel)
    else:
        _context.enter_foreign(context, span, _otel_of(span, _context.otel_span(context)))


def _otel_of(span: Any, current: trace_api.Span | None) -> trace_api.Span | None:
    """Return the OpenTelemetry span that an object of a program's own stands for: the current one, or one by the ids that it shows."""
    try:
        found = oc_to_otel.span_context(span.context_tracer.trace_id, span.span_id, True)
    except Exception:  # noqa: BLE001 - a program's object may do anything
        return current
    if found is None or (current is not None and current.get_span_context().span_id == found.span_id):
        return current
    return trace_api.NonRecordingSpan(found)


def get_opencensus_full_context() -> tuple[Any, Any, Any]:
    """Return tracer, current span and attributes of this context."""
    return RuntimeContext.tracer, get_current_span(), RuntimeContext.attrs


def set_opencensus_full_context(tracer: Any, span: Any, attrs: Mapping[str, Any] | None) -> None:
    """Set tracer, current span and attributes of this context, as `get_opencensus_full_context` returned them elsewhere."""
    set_opencensus_tracer(tracer)
    set_current_span(span)
    set_opencensus_attrs(attrs or {})


def clean() -> None:
    """Forget attributes, current span and tracer of this context.

    A current span that OpenTelemetry code opened stays: integrations clean up after a request inside its server span.
    """
    _attrs_slot.clear()
    _current_span_slot.clear()
    _tracer_slot.clear()


def clear() -> None:
    """Forget attributes, current span and tracer of this context, as `clean`."""
    clean()
