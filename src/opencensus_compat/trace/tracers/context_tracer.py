"""The tracer of one sampled trace."""

from __future__ import annotations

import logging
from functools import cache
from random import getrandbits
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import ref

from opentelemetry import trace as trace_api
from opentelemetry.context import Context

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import doubled_calls as _calls
from opencensus_compat._bridge import doubles as _doubles
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers.spans import feed as _feed
from opencensus_compat._bridge.providers.spans import others_send, provide_spans, start_span
from opencensus_compat._bridge.running_spans import parent_handle, sample_rate
from opencensus_compat.trace import base_exporter, blank_span, execution_context
from opencensus_compat.trace import span as trace_span
from opencensus_compat.trace._steps import Watched, end_by_steps, ends_by_method, on_change, start_by_steps, watch
from opencensus_compat.trace.span_context import SpanContext, _follow, _own_span_id
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracers import base
from opencensus_compat.trace.tracers._handed import handed_with, note_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span as OtelSpan
    from opentelemetry.util.types import AttributeValue

    from opencensus_compat.trace.span_data import SpanData

__getattr__ = patch_targets(
    __name__, "threading", "opencensus_compat.trace.print_exporter", span_data_module="opencensus_compat.trace.span_data"
)


class _ProviderExporter(base_exporter.Exporter, _handles.ProviderOnly):
    """Stands for "the OpenTelemetry provider's processors and nothing else" where a tracer needs an exporter."""

    def export(self, span_datas: Any) -> None:
        """Do nothing: the OpenTelemetry span has gone to the provider already."""


PROVIDER = _ProviderExporter()


def exporter_around() -> Any:
    """Return the exporter of the OpenCensus span that the current context lies in; outside any, the provider dressed as one."""
    around = parent_handle(None)
    return PROVIDER if around is None else around


def tracer_of(span_context: Any, exporter: Any) -> ContextTracer:
    """Return a tracer of the given trace for code that has made none: its spans go where those around it go."""
    return ContextTracer(exporter=exporter, span_context=span_context)


def _tracer_of(span: Any) -> Any:
    return span.context_tracer if _handles.is_own(span, _handles.CensusSpan) else None


# None while a program, such as a test of it, has replaced it, one of its methods, or one of a tracer's.
_Span: Any = trace_span.Span
_OwnSpan, _on_create = trace_span.Span, trace_span.Span._on_create_callbacks
# Without the look into the module at each span.
_CENSUS_KEY, _SPAN_KEY, _modules, _read_current = _context.CENSUS_KEY, _context.SPAN_KEY, _context.modules, _context.read_current
_make_current, _spans = _context.make_current, _context.spans
_read_opened, _set_opened = _context.opened.get, _context.opened.set
_OtelSpan, _BlankSpan, _new = _handles.OtelSpan, blank_span.BlankSpan, object.__new__


class ContextTracer(base.Tracer, _handles.CensusTracer, metaclass=Watched):
    """Starts and ends sampled spans.

    A span continues the current span of either API; where there is none, the remote parent of `span_context`; else it is the root of
    that context's trace.

    Args:
        exporter: Receives lists of SpanData as spans end; default is to print them, as in OpenCensus. Spans also go to the
            OpenTelemetry provider.
        span_context: Trace id, and the remote parent's span id if there is one.
    """

    def __init__(self, exporter: Any = None, span_context: Any = None) -> None:
        if exporter is None:
            from opencensus_compat.trace import print_exporter

            exporter = print_exporter.PrintExporter()
        self.exporter = exporter
        self._span_context = SpanContext() if span_context is None else span_context
        _follow(self._span_context)
        self._to_update = _context_to_update(self._span_context)
        self._sample_rate: dict[str, AttributeValue] | None = None
        self._open: dict[int, Any] = {}
        self._home = _context.place()

    # As of a Tracer, which has them where this is one's recording half.
    _home: object | None = None
    _top: Any = None
    _task_top: Any = None
    _owner_ref: Callable[[], Any] | None = None
    _is_known = False
    """Whether a program has it in hand, and may have put methods of its own into it."""
    _given: Any = None

    @property
    def _owner(self) -> Any:
        """The Tracer that this is the recording half of; None where it is none, or outlives it.

        A weak reference: two objects that refer to each other are left to the garbage collector, which was a tenth of what a tracer for each
        request costs. The Tracer is alive for as long as a program uses it, or is in its context.
        """
        ref = self._owner_ref
        return None if ref is None else ref()

    def _share(self, owner: Any) -> None:
        """Be the recording half of a Tracer: with its exporter and the trace it made last."""
        self.exporter = owner.exporter
        self._span_context = None
        self._owner_ref = ref(owner)
        self._given = owner._given
        self._note_rate(owner._rate)
        self._to_update = None if owner._given is None else _context_to_update(owner._given)
        self._open = {}

    def _note_rate(self, rate: Any) -> None:
        """Say on root spans, from now on, at which rate they were kept; None where that is not known."""
        self._sample_rate = None if rate is None else sample_rate(rate)

    @property
    def span_context(self) -> Any:
        """The context of the current span; outside any, the one that this tracer was made with, or that of its Tracer."""
        owner = self._owner
        return self._base if owner is None else owner.span_context

    @span_context.setter
    def span_context(self, value: Any) -> None:
        owner = self._owner
        if owner is not None:
            self._home = owner._home
        self._span_context, self._owner_ref = value, None
        self._to_update = _context_to_update(value)
        _follow(value)

    @property
    def _base(self) -> Any:
        """The context that this tracer was made with; for the recording half of a Tracer, that of the trace made last."""
        owner = self._owner
        if owner is not None:
            return owner._base
        if self._owner_ref is not None and self._span_context is None:
            # Its Tracer is gone.
            self._span_context = SpanContext(trace_options=TraceOptions("1")) if self._given is None else self._given
        return self._span_context

    @property
    def root_span_id(self) -> Any:
        """The remote parent's span id, or None."""
        return _own_span_id(self._base)

    @property
    def trace_id(self) -> Any:
        """Trace id, 32 hexadecimal digits: the current span's where it is of this tracer, else that of `span_context`."""
        innermost = _context.active(_context.current())
        if innermost is not None and innermost[1] is not None and _tracer_of(innermost[0]) is self:
            return f"{innermost[1].get_span_context().trace_id:032x}"
        return self._base.trace_id

    @trace_id.setter
    def trace_id(self, value: Any) -> None:
        self._base.trace_id = value

    @property
    def _spans_list(self) -> list[Any]:
        return list(self._open.values())

    def finish(self) -> None:
        """End every open span, innermost first."""
        if ends_by_method(self, _END_SPAN):
            end_by_steps(self)
        end_all(self._open)

    def span(self, name: str = "span") -> Any:
        """Start a span and return it, for use in a `with` statement."""
        return self.start_span(name=name)

    def start_span(self, name: str = "span") -> Any:
        """Start a span, make it current for both APIs and return it."""
        context = _context.current()
        trace = self._base
        parent = current_parent(context, trace)
        if parent is not None:
            return self._start_child(name, context, parent)
        handed = handed_with(self if (owner := self._owner) is None else owner, context)
        if handed is None:
            return self._start_root(name, context, trace)
        span = self._start_child(name, _context.with_span(context, handed, handed._otel), handed._otel)
        span._outer = context
        return span

    def _start_child(self, name: Any, context: Context, parent: OtelSpan) -> Any:
        """Start a span inside `parent`, the current span of `context`."""
        innermost: Any = context.get(_CENSUS_KEY)
        if _modules.have_instrumentations if len(_modules.loaded) == _modules.seen else _context.has_instrumentations():
            made = self._start_beside_others(name, context, parent, innermost)
            if made is not None:
                return made
        # One of the facade's own is always sampled.
        if not issubclass(type(parent), _OtelSpan) and not parent.get_span_context().trace_flags & 1:
            return start_blank(self, name, context, parent)
        if innermost is not None and innermost[1] is parent and not issubclass(type(innermost[0]), _BlankSpan):
            parent_span: Any = innermost[0]
        else:
            parent_span = base.NullContextManager(f"{parent.get_span_context().span_id:016x}")
        otel = (_feed.spans or provide_spans()).start(name, context, parent, None, None, None)
        return self._start(name, context, context, parent_span, otel)

    def _start_beside_others(self, name: Any, context: Context, parent: OtelSpan, innermost: Any) -> Any:
        """Start a span that an OpenTelemetry instrumentation may have made, too; return None for any other."""
        if innermost is not None and _is_left_out_with(innermost, parent):
            blank = start_blank(self, name, context, parent)
            blank._is_left_out = True
            return blank
        is_sampled = parent.get_span_context().trace_flags & 1
        if is_sampled:
            call = _calls.next_call(self.exporter, others_send)
            if call is not None:
                return self._start_call(call, name, context, parent, innermost)
        found = _doubles.request_at_hand() if is_sampled else None
        if found is None:
            if not (_doubles.is_request(parent) and _doubles.is_free(parent) if is_sampled else _doubles.may_be_request(parent)):
                return None
            if innermost is not None and innermost[1] is not None and _has_begun(innermost, parent, is_sampled=bool(is_sampled)):
                return None
        from opencensus_compat.trace import _server_span

        parent_span = base.NullContextManager(f"{parent.get_span_context().span_id:016x}")
        span = _server_span.InServerSpan(name, parent_span, self, parent if found is None else found, parent)
        span._is_elsewhere = not is_sampled
        return self._start(name, context, context, parent_span, start_span(name, context, parent) if is_sampled else parent, span)

    def _start_call(self, call: _calls.Call, name: Any, context: Context, parent: OtelSpan, innermost: Any) -> Any:
        """Start the span of a call to another service inside `parent`, or beside OpenTelemetry's span of the same call."""
        if call.is_elsewhere:
            return start_blank(self, name, context, parent)
        around: Any = parent
        if call.found:
            outer = call.parent
            if outer is None:
                around = None
            elif innermost is not None and innermost[1] is not None and innermost[1].get_span_context() == outer:
                around = innermost[1]
            elif parent.get_span_context() != outer:
                around = trace_api.NonRecordingSpan(outer)
        if around is None:
            parent_span = base._no_parent()
            otel = self._start_request(name, context, parent, None)
        else:
            if innermost is not None and innermost[1] is around and not issubclass(type(innermost[0]), blank_span.BlankSpan):
                parent_span = innermost[0]
            else:
                parent_span = base.NullContextManager(f"{around.get_span_context().span_id:016x}")
            otel = start_span(name, Context({**context, _SPAN_KEY: around}), around)
        span = self._start(name, context, context, parent_span, otel)
        span._call = call.library
        for found in call.found:
            _doubles.give_way_to_call(found, span, otel if around is None else around)
        return span

    def _keeps(self, trace_id: int) -> bool:
        """Return whether the sampler of this tracer keeps a trace of which a span of OpenTelemetry code is the first one here."""
        owner = self._owner
        return owner is None or owner._keeps(trace_id)

    def _remote_parent(self) -> trace_api.SpanContext | None:
        """Return the caller's span, as the context that this tracer was made with has it."""
        trace = self._base
        remote_id = _own_span_id(trace)
        return None if remote_id is None else oc_to_otel.span_context(trace.trace_id, remote_id, True, trace.tracestate)

    def _start_request(self, name: Any, context: Context, around: OtelSpan, parent: trace_api.SpanContext | None) -> OtelSpan:
        """Start the OpenTelemetry span of a request in the trace of `around`, which another one stands for, below that one's parent."""
        outer = None if parent is None else trace_api.NonRecordingSpan(parent)
        values = {key: value for key, value in context.items() if key != _context.SPAN_KEY}
        start_context = Context(values if outer is None else {**values, _context.SPAN_KEY: outer})
        return start_span(name, start_context, outer, self._sample_rate, trace_id=around.get_span_context().trace_id)

    def _start_root(self, name: Any, context: Context, trace: Any) -> Any:
        """Start the first span of a trace in this process; `trace` is its OpenCensus context, or its trace id as a number."""
        remote = None
        parent_span: Any
        if type(trace) is int:
            trace_id: int | None = trace
            parent_span = base._no_parent()
        else:
            remote_id = _own_span_id(trace)
            parent_span = base.NullContextManager(remote_id)
            if remote_id is not None:
                remote = oc_to_otel.span_context(trace.trace_id, remote_id, True, trace.tracestate)
            trace_id = remote.trace_id if remote is not None else oc_to_otel.id_number(trace.trace_id, 32)
        innermost: Any = context.get(_CENSUS_KEY)
        if innermost is not None and len(innermost) > 2:
            # A program's own object is current, which does not say of which trace it is.
            parent_span = innermost[0]
            around_id = getattr(parent_span, "span_id", None)
            remote = oc_to_otel.span_context(f"{trace_id or getrandbits(128):032x}", around_id, sampled=True) or remote
        if remote is not None:
            parent: OtelSpan | None = trace_api.NonRecordingSpan(remote)
            start_context = Context({**context, _context.SPAN_KEY: parent})
        else:
            parent = None
            start_context = context
            if _SPAN_KEY in context:
                start_context = Context({key: value for key, value in context.items() if key != _context.SPAN_KEY})
        otel = (_feed.spans or provide_spans()).start(name, start_context, parent, self._sample_rate, trace_id, None)
        # Before the span becomes the current one.
        call = _calls.next_call(self.exporter, others_send) if _modules.have_instrumentations else None
        span = self._start(name, context, start_context, parent_span, otel)
        if call is not None:
            span._call, span._is_elsewhere = call.library, call.is_elsewhere
            for found in call.found:
                _doubles.give_way_to_call(found, span, otel)
        return span

    def _start(self, name: Any, context: Context, parent_context: Context, parent_span: Any, otel: OtelSpan, made: Any = None) -> Any:
        """Start a span and make it current.

        Args:
            name: Its name.
            context: The context that it leads back to.
            parent_context: The context with its parent.
            parent_span: Its parent for OpenCensus code.
            otel: Its OpenTelemetry span.
            made: The span, where it is of a class of its own.
        """
        if made is not None:
            span = made
        elif _Span is not None and not _on_create:
            # As its constructor leaves it, in a third of the time.
            span = _new(_Span)
            span.name = span._otel_name = name
            span.parent_span = parent_span
            span.context_tracer = self
            span._values = {}
            # What each span is asked for: to read a class's value by way of an object takes four times as long as this.
            span.span_kind = 0
            span._holder = None
            span._has_more = span._id_is_assigned = span._is_elsewhere = False
            span._doubles = ()
        else:
            span = made = trace_span.Span(name, parent_span=parent_span, context_tracer=self)
            if _handles.is_own(span, _OwnSpan) and span._id_is_assigned:
                # By a program's `generate_span_id`.
                span._parent_context = parent_context
                otel = span._replacement(otel)
        span._otel = otel
        span._outer = context
        span._parent_context = parent_context
        # As `enter`, without the call.
        innermost = (span, otel)
        _make_current(Context({**context, _SPAN_KEY: otel, _CENSUS_KEY: innermost}))
        _set_opened([innermost])
        _spans.were_entered = True
        self._open[id(span)] = span
        if self._to_update is not None:
            self._to_update.span_id = span.span_id
        here = _context.place() if _modules.have_tasks or len(_modules.loaded) != _modules.seen else get_ident()
        span._place = here
        if type(parent_span) is not _OwnSpan or parent_span.context_tracer is not self:
            # As `_owner`, without the call.
            owner = None if self._owner_ref is None else self._owner_ref()
            holder = self if owner is None else owner
            if here == holder._home:
                if holder._top is not None:
                    span._top_before = holder._top
                span._holder, holder._top = holder, span
            else:
                note_elsewhere(holder, span, here)
        if made is not None and _Span is None:
            span.start()
        return span

    def end_span(self, *args: Any, **kwargs: Any) -> Any:
        """End the current span, make its parent current and return it.

        Where no OpenCensus span is current, the one of this tracer that was started last ends: it was started in another context.
        """
        span = end_innermost() or end_last(self._open)
        if span is None:
            # On the root logger, as OpenCensus: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/tracers/context_tracer.py#L106-L108
            logging.warning("No active span, cannot do end_span.")  # noqa: LOG015 - programs filter it there
        return span

    def _end_through(self, span: Any) -> None:
        """End `span`, and before it what was opened inside it and left open."""
        # As `ends_by_method`, mostly without the call.
        if type(self).end_span is not _END_SPAN or (self._is_known and ends_by_method(self, _END_SPAN)):
            self.end_span()
            return
        opened: Any = _read_opened()
        innermost = None if opened is None else opened[0]
        outer = span._outer
        if innermost is None or innermost[0] is not span or _read_current().get(_CENSUS_KEY) is not innermost or outer is None:
            for inner in _context.chain_to(span) or ():
                end(inner)
            self._close(span)
            return
        # As `_close`, where nothing but this span is open, as nearly always: `leave` has nothing to ask.
        if span._doubles:
            _doubles.take_over(span)
        span.finish()
        _make_current(outer)
        opened[0] = outer.get(_CENSUS_KEY)
        self._send(span)

    def _close(self, span: Any) -> None:
        """Take the end time, leave the context and export."""
        if span._doubles:
            _doubles.take_over(span)
        span.finish()
        if span._outer is not None:
            _context.leave(span, span._outer)
        self._send(span)

    def _send(self, span: Any) -> None:
        """Export a span that has ended, and forget it."""
        if self._to_update is not None:
            self._to_update.span_id = span.parent_span.span_id if span.parent_span else None
        span._has_ended = True
        holder = span._holder
        if holder is not None:
            span._holder = None
            if holder._top is span:
                holder._top = span._top_before
        if self._open.pop(id(span), None) is None:
            return
        if span._has_more and span._children_made:
            for part in span:
                part._export(self)
        else:
            span._export(self)
        exporter = self.exporter
        # Of nearly every span the router knows already: to ask the exporter again would cost 2 percent of a span.
        if span._taken_by is exporter or span._is_elsewhere:
            return
        if exporter is not PROVIDER and _handles.span_part_of(exporter) is None:
            exporter.export(self.get_span_datas(span))

    def current_span(self) -> Any:
        """Return the current span of either API, or None."""
        return execution_context.get_current_span()

    def list_collected_spans(self) -> Any:
        """Return the spans that are open."""
        return self._spans_list

    def add_attribute_to_current_span(self, attribute_key: str, attribute_value: Any) -> None:
        """Set an attribute of the current span."""
        span = self.current_span()
        if span is None:
            report("attribute %r was not set: no span is current", attribute_key)
        else:
            span.add_attribute(attribute_key, attribute_value)

    def get_span_datas(self, span: Any) -> list[SpanData]:
        """Return a span and those made from it as SpanData, as exporters receive them."""
        # Mostly itself alone, without the generator, and the call that a comprehension is: 0.9 of 25 us.
        return [self._span_data(span)] if type(span) is _Span and not span._children_made else [self._span_data(part) for part in span]

    def _span_data(self, span: Any) -> SpanData:
        return _span_data_of()(span, self)


@cache
def _span_data_of() -> Callable[[Any, ContextTracer], SpanData]:
    """Return what makes SpanData, which few programs need: their exporters are no handles."""
    from opencensus_compat.trace._as_span_data import span_data_of

    return span_data_of


def _context_to_update(span_context: Any) -> Any:
    """Return a context of a program's own, which each span that becomes current is written to; None for one that follows by itself."""
    return None if span_context is None or _handles.is_own(span_context, SpanContext) else span_context


_END_SPAN = ContextTracer.end_span
start_by_steps(ContextTracer, "_start_child", "_start_root")
watch(ContextTracer, "__init__", "add_attribute_to_current_span", "current_span", "end_span", "finish", "span", "start_span")


@on_change
def _change_class(are_replaced: bool) -> None:
    global _Span
    _Span = None if are_replaced else _OwnSpan


class Unsampled(trace_api.NonRecordingSpan):
    """The OpenTelemetry span of an unsampled trace; its context is made when it is first read, which in most requests does not happen."""

    _made: trace_api.SpanContext | None = None

    def __init__(self, trace_id: int) -> None:
        self._trace_id = trace_id

    def get_span_context(self) -> trace_api.SpanContext:
        """Return the context, with the sampled flag off."""
        if self._made is None:
            self._made = trace_api.SpanContext(self._trace_id, getrandbits(64) or 1, False)
        return self._made

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.get_span_context()!r})"


def current_parent(context: Context, span_context: Any) -> OtelSpan | None:
    """Return the current span of `context` if a new span continues it, of the given trace or (None) of any.

    A remote parent of another trace comes before the current span: a request's headers say where it belongs.
    """
    found: Any = context.get(_SPAN_KEY)
    if found is None:
        return None
    otel: OtelSpan | None = _context.otel_span(context) if _modules.have_instrumentations else found
    if otel is None:
        return None
    kind = type(otel)
    # Of ours, which have valid ids: nothing to ask, which is the case of nearly every child.
    if span_context is None and (kind is Unsampled or issubclass(kind, _OtelSpan)):
        return otel
    if kind is _context.Silenced or (kind is trace_api.NonRecordingSpan and _context.is_hidden(otel)):
        return None
    current = otel.get_span_context()
    if not current.is_valid:
        return None
    if span_context is not None and _own_span_id(span_context) is not None and f"{current.trace_id:032x}" != span_context.trace_id:
        # What is no id, as of a mock, says nothing of where the request belongs.
        return otel if oc_to_otel.id_number(span_context.trace_id, 32) is None else None
    return otel


def _is_left_out_with(innermost: Any, parent: OtelSpan) -> bool:
    """Return whether an OpenCensus sampler has left out the request that `parent` belongs to."""
    is_left_out = _handles.is_own(innermost[0], _handles.CensusSpan) and innermost[0]._is_left_out
    return bool(is_left_out and innermost[1].get_span_context().trace_id == parent.get_span_context().trace_id)


def _has_begun(innermost: Any, parent: OtelSpan, *, is_sampled: bool) -> bool:
    """Return whether an OpenCensus span outside `parent`, a request of OpenTelemetry code, is that request, or its sampling decides.

    Otherwise it is another request, which the program has sent itself, or a span around all of them.
    """
    around = innermost[0]
    if (_handles.is_own(around, trace_span.Span) and around._is_foreign) or innermost[
        1
    ].get_span_context().trace_id != parent.get_span_context().trace_id:
        return False
    if not is_sampled:
        return True
    is_request = getattr(around, "span_kind", None) == trace_span.SpanKind.SERVER and _doubles.scope_of(parent) not in around._scopes
    return is_request and _doubles.is_same_request(getattr(around, "attributes", None), getattr(parent, "attributes", None))


def start_blank(tracer: base.Tracer, name: Any, context: Context, otel: OtelSpan) -> blank_span.BlankSpan:
    """Start a span that is not sent, current for both APIs as `otel`."""
    # As the constructor leaves it, in half of the time.
    span = _new(_BlankSpan)
    span.name = name
    span.context_tracer = tracer
    span._otel = otel
    innermost: Any = context.get(_CENSUS_KEY)
    span._outer = context
    if innermost is not None:
        # One that ended elsewhere leads out past it: a thread whose spans all end elsewhere would otherwise keep every one of them.
        around = innermost[0]
        if issubclass(type(around), _BlankSpan) and around._has_ended:
            span._outer = around._outer
    # As `enter`, without the call.
    innermost = (span, otel)
    _make_current(Context({**context, _SPAN_KEY: otel, _CENSUS_KEY: innermost}))
    _set_opened([innermost])
    _spans.were_entered = True
    return span


def end(span: Any) -> Any:
    """End one span, whichever tracer it is of, and return it."""
    if _handles.is_own(span, trace_span.Span) and span.context_tracer is not None:
        span.context_tracer._close(span)
    elif _handles.is_own(span, blank_span.BlankSpan):
        span._leave()
    else:
        _leave_other(span)
    return span


def end_innermost() -> Any:
    """End the innermost OpenCensus span of this context and return it; None where there is none."""
    span = _innermost()
    return None if span is None else end(span)


def end_last(open_spans: dict[int, Any]) -> Any:
    """End the span that was started last among those given and return it; None where there is none."""
    try:
        return end(open_spans[next(reversed(open_spans))])
    except (KeyError, RuntimeError, StopIteration):
        # Empty, or another thread ended that span meanwhile.
        return None


def end_all(open_spans: dict[int, Any]) -> None:
    """End the given spans, the last one first."""
    for key, span in reversed(list(open_spans.items())):
        if key in open_spans:
            end(span)
            # A span whose tracer a program replaced is not among those of the tracer that ended it.
            open_spans.pop(key, None)


def _innermost() -> Any:
    """Return the innermost OpenCensus span of this context that OpenCensus may end."""
    innermost = _context.active(_context.current())
    if innermost is None or (_handles.is_own(innermost[0], trace_span.Span) and innermost[0]._is_foreign):
        return None
    return innermost[0]


def _leave_other(span: Any) -> None:
    """End a span that no tracer made but a program made current, as OpenCensus did: finish it and go to its parent.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/tracers/context_tracer.py#L110-L117.
    """
    if hasattr(span, "finish"):
        span.finish()
    parent = getattr(span, "parent_span", None)
    execution_context.set_current_span(parent if isinstance(parent, trace_span.Span) else None)
