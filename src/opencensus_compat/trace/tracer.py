"""The OpenCensus tracer as a facade over OpenTelemetry."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from random import getrandbits
from threading import get_ident
from typing import Any, TypeVar, cast

from opentelemetry.context import Context

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import process as _process
from opencensus_compat._bridge.context import CENSUS_KEY as _CENSUS_KEY
from opencensus_compat._bridge.context import SPAN_KEY as _SPAN_KEY
from opencensus_compat._bridge.context import current, make_current, place, read_current, with_span
from opencensus_compat._bridge.context import modules as _modules
from opencensus_compat._bridge.context import opened as _opened
from opencensus_compat._bridge.context import spans as _spans
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.handles import CensusSpan as _CensusSpan
from opencensus_compat._bridge.handles import OtelSpan as _OtelSpan
from opencensus_compat._bridge.handles import is_own
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.settings import chosen as _chosen
from opencensus_compat._bridge.settings import one_trace_per_tracer, shim_is_used
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import blank_span, execution_context, samplers
from opencensus_compat.trace import span_context as span_context_module
from opencensus_compat.trace._steps import ended_by, is_replaced, on_change, start_by_tracer
from opencensus_compat.trace._steps import steps as _steps
from opencensus_compat.trace._tracer_class import TracerClass
from opencensus_compat.trace._tracer_class import patched as _patched_decisions
from opencensus_compat.trace.propagation import trace_context_http_header_format
from opencensus_compat.trace.samplers import (
    _BY_ID,
    _HIGHEST_AS_FLOAT,
    _HIGHEST_LOWER_LONG,
    _ask,
    _by_id,
    _decision,
    _goes_by_id,
    _is_sampled,
    _rate_by_id,
)
from opencensus_compat.trace.span_context import SpanContext, _follow, _own_span_id
from opencensus_compat.trace.tracers import context_tracer, noop_tracer
from opencensus_compat.trace.tracers._handed import handed_with, note_elsewhere, open_top

__getattr__ = patch_targets(__name__, "opencensus_compat.trace.print_exporter")

_F = TypeVar("_F", bound=Callable[..., Any])
_read_opened, _set_opened = _opened.get, _opened.set
_AlwaysOnSampler, _ProbabilitySampler = samplers.AlwaysOnSampler, samplers.ProbabilitySampler
_W3C = trace_context_http_header_format.TraceContextPropagator()
# Tests of programs put mocks in their places.
_ContextTracer, _NoopTracer = context_tracer.ContextTracer, noop_tracer.NoopTracer
# Without the look into the module for each request: one that has a `__getattr__` takes longer.
_Unsampled, _start_blank, _new = context_tracer.Unsampled, context_tracer.start_blank, object.__new__
_BlankSpan = blank_span.BlankSpan
# Asks `generate_trace_id` while a program has replaced that.
_new_trace_id: Callable[[], int] = functools.partial(getrandbits, 128)
_RANDOM_TRACE_ID = _new_trace_id
_STEPS = frozenset({"add_attribute_to_current_span", "current_span", "end_span", "finish", "span", "start_span"})


class Tracer(metaclass=TracerClass):
    """Starts spans that belong to one flow of work.

    A span continues the current span of either API. Where there is none it continues the remote parent of `span_context`, if that was
    given; else it is the root of a new trace, and the sampler decides about it. (In OpenCensus all roots of a tracer shared one trace
    id and one decision; `opencensus_compat.configure(one_trace_per_tracer=True)` brings that back.)

    Args:
        span_context: Where the trace comes from, as a propagator's `from_headers` returns it.
        sampler: Decides about root spans; default is one in ten thousand, as in OpenCensus.
        exporter: Where spans go; default is to print them, as in OpenCensus.
        propagator: What integrations write outgoing headers with; default is the W3C format.

    Limitations: a span inside a span follows that span's decision, also where the outer one is OpenTelemetry's; the sampler is not asked.
    """

    # Of the trace made last, which is that of the next root until it is taken: its id, and its context once somebody asks for it.
    _trace_id = 0
    _own_context: Any = None
    # That context and the id that it was made with: in one piece, since other threads that share the tracer begin further traces meanwhile.
    _made: tuple[SpanContext, str] | None = None
    _one_trace = False
    _recording: Any = None
    # The tracer of the trace made last, and its class; None for the class where a program has it in hand, and may have put methods into it.
    _inner: Any = None
    _kind: type[Any] | None = None
    # What traces are kept at, None for all; what the sampler said of the one that it was asked about last.
    _rate: Any = None
    _asked: Any = None
    # The sampler by whose rate new traces are judged without a call of it, once that is known.
    _judged_by_id: Any = None
    # For work that it is handed to: the task or thread that it was made in, and the outermost spans that it started last there, and in
    # tasks of that thread.
    _home: object | None = None
    _top: Any = None
    _task_top: Any = None
    # The context in which `_top`, a blank span, is the current one.
    _blank_in: Context | None = None

    def __init__(self, span_context: Any = None, sampler: Any = None, exporter: Any = None, propagator: Any = None) -> None:
        if sampler is None:
            sampler = _default_sampler()
        self.sampler = sampler
        self.exporter = _default_exporter() if exporter is None else exporter
        self.propagator = _W3C if propagator is None else propagator
        self._given: Any = span_context
        # Read by each span, which is quicker than to read the class's.
        self._top = self._task_top = self._blank_in = None
        self._home = place() if _modules.have_tasks or len(_modules.loaded) != _modules.seen else get_ident()
        # The most frequent cases, a tracer for each request, without the calls below `get_tracer`: a tenth of an unsampled request.
        kind = type(sampler)
        own_decision = _BY_ID.get(kind)
        is_quick = (
            own_decision is not None
            and kind.should_sample is own_decision
            and type(self) is Tracer
            and not _patched_decisions
            and "should_sample" not in sampler.__dict__
        )
        if span_context is None:
            # Each root gets a trace of its own.
            self._own_context, self._one_trace = None, False
            trace_id = self._trace_id = _new_trace_id()
            # The call only where nothing is known yet: it took 2 percent of an unsampled request.
            if _chosen.one_trace_per_tracer or (_chosen.one_trace_per_tracer is None and one_trace_per_tracer()):
                self._one_trace = True
            if is_quick:
                if kind is _ProbabilitySampler:
                    rate = self._rate = sampler.rate
                    is_kept = (trace_id & _HIGHEST_LOWER_LONG) <= rate * _HIGHEST_AS_FLOAT
                else:
                    is_kept, self._rate = kind is _AlwaysOnSampler, None
                if is_kept:
                    tracer = self._recording_tracer()
                else:
                    _process.process.has_unsampled = True
                    tracer = noop_tracer.NoopTracer()
                    tracer._of = trace_id
        else:
            # All roots belong to the trace of the context.
            self._own_context, self._one_trace = span_context, True
            _follow(span_context)
            is_quick = is_quick and type(span_context) is SpanContext
            if is_quick:
                options, self._rate = span_context.trace_options, None
                if kind is not _ProbabilitySampler:
                    is_kept = kind is _AlwaysOnSampler
                elif options.get_enabled():
                    # It was sampled elsewhere, at an unknown rate.
                    is_kept = True
                else:
                    rate = self._rate = sampler.rate
                    is_kept = int(span_context.trace_id[16:], 16) <= rate * _HIGHEST_AS_FLOAT
                if is_kept:
                    options.set_enabled(True)
                    tracer = self._recording_tracer()
                else:
                    tracer = self._blank_tracer(span_context)
        if not is_quick:
            tracer = self._asked_tracer()
        self._inner: Any = tracer
        self._kind: type[Any] | None = type(tracer)
        # There is a trace to take, which is that of `tracer`; a process made by fork leaves it to its parent.
        self._decided = [_process.process.mark]
        if is_quick:
            execution_context.set_opencensus_tracer(self)
        else:
            self.store_tracer()

    @property
    def tracer(self) -> Any:
        """A ContextTracer while the trace made last is sampled, else a NoopTracer. A program may assign another, or replace its methods.

        Raises:
            AttributeError: The constructor has not made it yet, or a program deleted it.
        """
        inner, self._kind = self._inner, None
        if inner is None:
            raise AttributeError("tracer")
        if type(inner) is _ContextTracer:
            inner._is_known = True
        return inner

    @tracer.setter
    def tracer(self, value: Any) -> None:
        self._inner, self._kind = value, None
        if type(value) is _ContextTracer:
            value._is_known = True

    @tracer.deleter
    def tracer(self) -> None:
        # A patch of a test ends so, and then sets what was there.
        self._inner = self._kind = None

    def _kind_of_inner(self) -> type[Any]:
        """Return the class of the inner tracer; that of any object where a program has put methods of its own into it, which are called then."""
        kind = type(self._inner)
        is_ours = kind is _ContextTracer or kind is _NoopTracer
        return object if is_ours and not _STEPS.isdisjoint(vars(self._inner)) else kind

    @property
    def _base(self) -> Any:
        """The context of the trace made last or given."""
        own = self._own_context
        if own is None:
            own = self._begin(self._trace_id)
            if type(self._inner) is _ContextTracer:
                own.trace_options.set_enabled(True)
        return own

    def _begin(self, trace_id: int) -> SpanContext:
        """Make the context of a trace, and the tracer's own."""
        text = f"{trace_id:032x}"
        tracer = self._inner
        if type(tracer) is _NoopTracer and tracer._of == trace_id:
            own: SpanContext = tracer.span_context
        else:
            own = SpanContext(trace_id=text)
            _follow(own)
        self._made = (own, text)
        self._own_context = own
        return own

    @property
    def span_context(self) -> Any:
        """The context of the current span; outside any, that of the trace which this tracer made last or was given."""
        parent = context_tracer.current_parent(context := current(), self._given)
        if parent is None:
            handed = handed_with(self, context)
            return self._base if handed is None else otel_to_oc.span_context(handed._otel.get_span_context())
        own, found = self._own_context, parent.get_span_context()
        if own is not None:
            if not is_own(own, SpanContext):
                # The current span is written to it.
                return own
            if own.trace_id == f"{found.trace_id:032x}" and own.trace_options.get_enabled() is found.trace_flags.sampled:
                # It follows the current span.
                return own
        return otel_to_oc.span_context(found)

    @span_context.setter
    def span_context(self, value: Any) -> None:
        self._given = self._own_context = value
        self._one_trace = True
        _follow(value)
        if type(self._inner) is _NoopTracer:
            self._inner.span_context = value

    def should_sample(self) -> Any:
        """Return the sampler's decision about this tracer's context."""
        if self._own_context is None and _goes_by_id(self.sampler):
            self._asked = _rate_by_id(self.sampler)
            return _by_id(self.sampler, self._trace_id)
        decision, self._asked = _ask(self.sampler, self._base)
        return decision

    def get_tracer(self) -> Any:
        """Return a ContextTracer if the sampler decides for this tracer's context, else a NoopTracer."""
        if not self.should_sample():
            return self._blank_tracer(self._trace_id if self._own_context is None else self._own_context)
        if self._own_context is not None:
            self._own_context.trace_options.set_enabled(True)
        return self._recording_tracer()

    def _asked_tracer(self) -> Any:
        """Return what `get_tracer` returns, which may be a program's, and note the rate of the sampler if that was asked."""
        self._asked = None
        tracer = self.get_tracer()
        self._note_rate(self._asked)
        return tracer

    def _note_rate(self, rate: Any) -> None:
        """Note the rate that the sampler keeps traces at from now on: a program may change it, or the sampler."""
        self._rate = rate
        if self._recording is not None:
            self._recording._note_rate(rate)

    def _recording_tracer(self) -> Any:
        tracer = self._recording
        if tracer is None:
            if context_tracer.ContextTracer is not _ContextTracer:
                return context_tracer.ContextTracer(exporter=self.exporter, span_context=self._base)
            tracer = _ContextTracer.__new__(_ContextTracer)
            tracer._share(self)
            # Another thread may have made one meanwhile: all spans are noted in one.
            if self._recording is None:
                self._recording = tracer
            tracer = self._recording
        return tracer

    @property
    def _open(self) -> dict[int, Any]:
        """The spans that are open, by `id`: those of the recording half, which most unsampled requests are without."""
        return {} if self._recording is None else self._recording._open

    def _blank_tracer(self, trace: Any) -> Any:
        _process.process.has_unsampled = True
        tracer = noop_tracer.NoopTracer()
        tracer._of = trace
        return tracer

    def _keeps(self, trace_id: int) -> bool:
        """Return the decision about a trace of which a span of OpenTelemetry code is the first one in this process."""
        if self._given is not None:
            return isinstance(self._inner, context_tracer.ContextTracer)
        return _is_sampled(self.sampler, trace_id)

    def store_tracer(self) -> None:
        """Make this the tracer that integrations find in this context."""
        execution_context.set_opencensus_tracer(self)

    def finish(self) -> None:
        """End every open span, innermost first."""
        if not self._is_ours("finish"):
            self._inner.finish()
            return
        context_tracer.end_all(self._open)

    def span(self, name: str = "span") -> Any:
        """Start a span and return it, for use in a `with` statement."""
        # As `_is_ours`, without the call.
        kind = self._kind or self._kind_of_inner()
        return self._start(name) if kind is _ContextTracer or kind is _NoopTracer else self._inner.span(name)

    def start_span(self, name: str = "span") -> Any:
        """Start a span, make it current for both APIs and return it."""
        kind = self._kind or self._kind_of_inner()
        return self._start(name) if kind is _ContextTracer or kind is _NoopTracer else self._inner.start_span(name)

    def _start(self, name: Any) -> Any:
        context = read_current()
        # Around a root there is mostly nothing.
        parent: Any = context.get(_SPAN_KEY) if context else None
        has_span = parent is not None
        if has_span:
            is_plain = self._given is None and not _modules.have_instrumentations
            # As `current_parent` finds it, without the call.
            if is_plain and issubclass(type(parent), _OtelSpan):
                return (self._recording or self._recording_tracer())._start_child(name, context, parent)
            if not is_plain or type(parent) is not _Unsampled:
                parent = context_tracer.current_parent(context, self._given)
            if parent is not None:
                return self._start_inside(name, context, parent)
        # To look for one that is open though it is not current takes as long as a sixth of an unsampled root.
        opened = _read_opened()
        if has_span or self._top is not None or self._task_top is not None or (opened is not None and opened[0] is not None):
            span, context = self._start_within(name, context)
            if span is not None:
                return span
        tracer, trace = self._next_trace()
        if type(tracer) is _ContextTracer:
            return tracer._start_root(name, context, trace)
        if type(tracer) is not _NoopTracer:
            return tracer.start_span(name)
        # An unsampled root: here, since one more call is 1 percent of an unsampled request.
        otel = _new(_Unsampled)
        otel._trace_id = trace if type(trace) is int else int(trace.trace_id, 16)
        if context:
            span = _start_blank(tracer, name, context, otel)
            inside = read_current()
        else:
            # As that leaves it where nothing is current, without the call.
            span = _new(_BlankSpan)
            span.name = name
            span.context_tracer = tracer
            span._otel = otel
            span._outer = context
            innermost = (span, otel)
            inside = Context({_SPAN_KEY: otel, _CENSUS_KEY: innermost})
            make_current(inside)
            _set_opened([innermost])
            _spans.were_entered = True
        here = place() if _modules.have_tasks or len(_modules.loaded) != _modules.seen else get_ident()
        if here == self._home:
            span._top_before = self._top
            span._holder, self._top, self._blank_in = self, span, inside
        else:
            note_elsewhere(self, span, here)
        return span

    def _start_within(self, name: Any, context: Context) -> tuple[Any, Context]:
        """Start a span inside one that is open here though it is not the current one, or that this tracer was handed over in.

        Returns: The span, None where there is none to be inside of; the current context.
        """
        opened = _read_opened()
        if _SPAN_KEY in context or (opened is not None and opened[0] is not None):
            context = current()
            parent = context_tracer.current_parent(context, self._given)
            if parent is not None:
                return self._start_inside(name, context, parent), context
        top = self._top
        if top is not None and top._has_ended:
            top = open_top(self)
        handed = None if top is None and self._task_top is None else handed_with(self, context)
        if handed is None:
            return None, context
        span = self._start_inside(name, with_span(context, handed, handed._otel), handed._otel)
        span._outer = context
        return span, context

    def _start_inside(self, name: Any, context: Context, parent: Any) -> Any:
        if type(parent) is _Unsampled:
            return _start_blank(self._inner, name, context, parent)
        return self._recording_tracer()._start_child(name, context, parent)

    def _is_assigned(self, own: Any) -> bool:
        """Return whether a program has put other ids into the context of this tracer, to continue what a request's headers say."""
        made = self._made
        if made is None or made[0] is not own or (own.trace_id == made[1] and _own_span_id(own) is None):
            return False
        return oc_to_otel.id_number(own.trace_id, 32) is not None

    def _next_trace(self) -> tuple[Any, Any]:
        """Return the tracer and the trace of the next root: its OpenCensus context, or its trace id as a number. `doctor` watches it."""
        own = self._own_context
        if own is not None and self._given is None and self._is_assigned(own):
            return self._asked_tracer(), own
        if self._one_trace:
            return self._inner, self._trace_id if self._given is None else self._given
        if self._decided:
            # Read first: until one of the threads that share the tracer has taken the trace, which is one atomic step, none begins another.
            tracer, trace = self._inner, self._trace_id
            try:
                if self._decided.pop() is _process.process.mark:
                    return tracer, trace
            except IndexError:
                pass
        return self._begin_trace()

    def _begin_trace(self) -> tuple[Any, Any]:
        """Begin the trace of the next root, and return its tracer and its id as a number."""
        # Threads that share the tracer may overwrite each other's note of the last trace, but each goes on with its own.
        trace_id = _new_trace_id()
        own = None
        try:
            sampler = self.sampler
            if sampler is self._judged_by_id or self._judges_by_id(sampler):
                # As `_by_id` for nearly all, without the call.
                if (
                    (trace_id & _HIGHEST_LOWER_LONG) <= sampler.rate * _HIGHEST_AS_FLOAT
                    if type(sampler) is _ProbabilitySampler
                    else _by_id(sampler, trace_id)
                ):
                    tracer = self._recording or self._recording_tracer()
                    if sampler.rate != self._rate if type(sampler) is _ProbabilitySampler else self._rate is not None:
                        self._note_rate(_rate_by_id(sampler))
                else:
                    tracer = self._inner
                    if type(tracer) is _NoopTracer:
                        tracer._of, tracer._span_context = trace_id, None
                    else:
                        tracer = self._blank_tracer(trace_id)
            elif _decides_itself(self):
                own = self._begin(trace_id)
                tracer = self._asked_tracer()
            else:
                is_kept, rate = _decision(sampler, trace_id)
                tracer = self._recording_tracer() if is_kept else self._blank_tracer(trace_id)
                self._note_rate(rate)
        except _exporter.failure() as error:  # A program's sampler may raise anything
            report("sampler %r failed, the trace is not sampled: %s", self.sampler, error)
            tracer = self._blank_tracer(trace_id)
        self._trace_id, self._own_context = trace_id, own
        if tracer is not self._inner:
            self._inner, self._kind = tracer, type(tracer)
        return tracer, trace_id

    def _judges_by_id(self, sampler: Any) -> bool:
        """Return whether the sampler, and nothing that a program has put into it or this tracer, decides; then remember that."""
        if not _goes_by_id(sampler) or _decides_itself(self):
            return False
        self._judged_by_id = sampler
        return True

    def end_span(self) -> None:
        """End the current span, export it and make its parent current."""
        if not self._is_ours("end_span"):
            self._inner.end_span()
            if type(self._inner) is _NoopTracer:
                # Its blank span, which OpenCensus had made nobody's parent, is the current one of OpenTelemetry code.
                context_tracer.end_innermost()
            return
        if context_tracer.end_innermost() is None and context_tracer.end_last(self._open) is None:
            self._inner.end_span()

    def current_span(self) -> Any:
        """Return the current span of either API; where there is none, None if this tracer's trace is sampled, else a blank span."""
        if not self._is_ours("current_span"):
            return self._inner.current_span()
        span = execution_context.get_current_span()
        if span is None and type(self._inner) is not _ContextTracer:
            return blank_span.BlankSpan()
        return span

    def add_attribute_to_current_span(self, attribute_key: str, attribute_value: Any) -> None:
        """Set an attribute of the current span; where there is none, nothing happens and one line in the log says so."""
        context = read_current()
        if context is self._blank_in and self._kind is _NoopTracer and not _steps.are_replaced:
            # The current span is the blank one that this tracer has started.
            return
        tracer = self._inner
        if not self._is_ours("add_attribute_to_current_span"):
            tracer.add_attribute_to_current_span(attribute_key, attribute_value)
            return
        innermost: Any = context.get(_CENSUS_KEY)
        if innermost is not None and innermost[1] is context.get(_SPAN_KEY):
            innermost[0].add_attribute(attribute_key, attribute_value)
            return
        span = execution_context.get_current_span()
        if span is not None:
            span.add_attribute(attribute_key, attribute_value)
        else:
            self._inner.add_attribute_to_current_span(attribute_key, attribute_value)

    def trace_decorator(self) -> Callable[[_F], _F]:
        """Return a decorator that runs a function, or a coroutine function, inside a span named after it."""

        def decorator(func: _F) -> _F:
            if inspect.iscoroutinefunction(func):

                @functools.wraps(func)
                async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                    with self._around(func):
                        return await func(*args, **kwargs)

                return cast(_F, async_wrapper)

            @functools.wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with self._around(func):
                    return func(*args, **kwargs)

            return cast(_F, wrapper)

        return decorator

    def _is_ours(self, method: str) -> bool:
        """Return whether the inner tracer is one that this package made, with its own method, rather than what a program has put in its place."""
        kind = self._kind or self._kind_of_inner()
        if not _steps.are_replaced:
            return kind is _ContextTracer or kind is _NoopTracer
        return kind is _NoopTracer and not is_replaced(kind, method)

    def _around(self, func: Any) -> Any:
        """Return what a decorated function runs inside."""
        kind = self._kind or self._kind_of_inner()
        if not (kind is _ContextTracer or (kind is _NoopTracer and not _steps.are_replaced)):
            self._inner.start_span(name=func.__name__)
            return ended_by(self._inner)
        span = self._start(func.__name__)
        return span if is_own(span, _CensusSpan) else ended_by(self._inner)


def _default_sampler() -> Any:
    return samplers.AlwaysOnSampler() if shim_is_used() else samplers.ProbabilitySampler()


def _default_exporter() -> Any:
    if shim_is_used():
        return context_tracer.PROVIDER
    from opencensus_compat.trace import print_exporter

    return print_exporter.PrintExporter()


def _generated_trace_id() -> int:
    """Return what a program's function in the place of `generate_trace_id` returns; another one where that is no id."""
    return oc_to_otel.id_number(span_context_module.generate_trace_id(), 32) or getrandbits(128)


@on_change
def _change_trace_ids(are_replaced: bool) -> None:
    global _new_trace_id
    _new_trace_id = _generated_trace_id if are_replaced else _RANDOM_TRACE_ID


def _decides_itself(tracer: Tracer) -> bool:
    """Return whether a subclass, or a program that patched the class or the tracer, decides about sampling in a way of its own."""
    return not (_is_bound(tracer.should_sample, _SHOULD_SAMPLE, tracer) and _is_bound(tracer.get_tracer, _GET_TRACER, tracer))


def _is_bound(method: Any, function: Any, to: Any) -> bool:
    """Return whether a method is this function of this object.

    To look into the object's `__dict__` instead would be quicker, once: Python 3.11 takes longer to read the object's attributes from then on.
    """
    return getattr(method, "__func__", None) is function and method.__self__ is to


_SHOULD_SAMPLE, _GET_TRACER = Tracer.should_sample, Tracer.get_tracer
start_by_tracer(Tracer, _ContextTracer, _NoopTracer, _BlankSpan)
