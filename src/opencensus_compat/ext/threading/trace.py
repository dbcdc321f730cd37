"""The integration with threads and pools."""

from __future__ import annotations

import functools
import logging
import pickle
import threading
from concurrent import futures
from multiprocessing import pool
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _patching
from opencensus_compat.trace import execution_context, tracer
from opencensus_compat.trace.propagation import binary_format
from opencensus_compat.trace.tracers import noop_tracer
from opencensus_compat.trace.tracers.context_tracer import exporter_around

if TYPE_CHECKING:
    from types import TracebackType

log = logging.getLogger("opencensus.ext.threading.trace")

MODULE_NAME = "threading"

_MACHINERY = ("appinsights_exporter.", "opencensus_compat.", "opentelemetry.exporter.", "opentelemetry.sdk.")
"""Beginnings of the modules whose threads and jobs serve the whole process, whichever request they happen to be started in."""


def trace_integration(tracer: Any = None) -> None:
    """Hand the current tracer, span and attributes on to threads, timers and jobs of pools that are started from now on.

    A job of a pool gets a span of its own, named after the worker thread, as in OpenCensus. Calling it again changes nothing.
    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/contrib/opencensus-ext-threading/opencensus/ext/threading/trace.py#L150.

    Args:
        tracer: Not used, as in OpenCensus: each thread gets what is current where it is started.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    _patching.wrap(threading.Thread, "start", wrap_threading_start)
    _patching.wrap(threading.Thread, "run", wrap_threading_run)
    _patching.wrap(threading.Timer, "run", wrap_threading_run)
    _patching.wrap(pool.Pool, "apply_async", wrap_apply_async)
    _patching.wrap(futures.ThreadPoolExecutor, "submit", wrap_submit)


def wrap_threading_start(start_func: Any) -> Any:
    """Return a `Thread.start` that notes the context it is called in on the thread."""

    @functools.wraps(start_func)
    def call(self: Any) -> Any:
        with _guarded():
            if not _is_machinery(getattr(self, "_target", None) or self):
                self._opencensus_context = execution_context.get_opencensus_full_context()
                self._opencensus_otel_context = _context.current()
        return start_func(self)

    return call


def wrap_threading_run(run_func: Any) -> Any:
    """Return a `Thread.run` that runs in the context noted on the thread, if one is: it may have been started before."""

    @functools.wraps(run_func)
    def call(self: Any) -> Any:
        with _guarded():
            noted = getattr(self, "_opencensus_context", None)
            if noted is not None:
                otel_context = getattr(self, "_opencensus_otel_context", None)
                if otel_context is None:
                    execution_context.set_opencensus_full_context(*noted)
                else:
                    # The same with what OpenCensus does not know: OpenTelemetry's baggage, and which API made the current span.
                    tracer, _, attrs = noted
                    execution_context.set_opencensus_tracer(tracer)
                    execution_context.set_opencensus_attrs(attrs or {})
                    _context.resume(otel_context)
        return run_func(self)

    return call


def wrap_apply_async(apply_async_func: Any) -> Any:
    """Return a `Pool.apply_async` whose jobs run in the caller's trace."""

    @functools.wraps(apply_async_func)
    def call(self: Any, func: Any, args: Any = (), kwds: Any = {}, **kwargs: Any) -> Any:  # noqa: B006 -- as in the standard library; it is not changed
        if _is_machinery(func):
            return apply_async_func(self, func, args=args, kwds=kwds, **kwargs)
        job, wrapped_kwargs = _handed_over(
            func, dict(kwds), in_process=isinstance(self, pool.ThreadPool) or not isinstance(self, pool.Pool)
        )
        return apply_async_func(self, job, args=args, kwds=wrapped_kwargs, **kwargs)

    return call


def wrap_submit(submit_func: Any) -> Any:
    """Return a `ThreadPoolExecutor.submit` whose jobs run in the caller's trace."""

    @functools.wraps(submit_func)
    def call(self: Any, func: Any, /, *args: Any, **kwargs: Any) -> Any:
        if _is_machinery(func):
            return submit_func(self, func, *args, **kwargs)
        job, wrapped_kwargs = _handed_over(func, kwargs, in_process=True)
        return submit_func(self, job, *args, **wrapped_kwargs)

    return call


def _is_machinery(work: Any) -> bool:
    return execution_context.is_exporter() or str(getattr(work, "__module__", "")).startswith(_MACHINERY)


class _guarded:  # noqa: N801 -- reads as the function that it is in a `with` statement
    """Report, once, what is raised while work is handed a trace: the work goes on."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        report("opencensus.ext.threading: work is traced in part, or not at all: %s", type(error).__name__)
        return True


def _handed_over(func: Any, kwds: dict[str, Any], *, in_process: bool) -> tuple[Any, dict[str, Any]]:
    """Return a job for a pool and its keyword arguments; what was given, where a program's own tracer fails.

    Args:
        func: What the program wants to be called.
        kwds: With which keyword arguments.
        in_process: The job is not pickled.
    """
    with _guarded():
        return _job(func, kwds, in_process=in_process)
    return func, kwds


def _job(func: Any, kwds: dict[str, Any], *, in_process: bool) -> tuple[wrap_task_func, dict[str, Any]]:
    current = execution_context.get_opencensus_tracer()
    span_context: Any = getattr(current, "span_context", None)
    has_span = getattr(span_context, "span_id", None) is not None
    job = wrap_task_func(func)
    if in_process:
        job._otel_context = _context.current()
        job._attrs = execution_context.get_opencensus_attrs()
    # A program that has no tracer has set None.
    job._has_span = has_span or not (current is None or isinstance(current, noop_tracer.NoopTracer))
    exporter = getattr(current, "exporter", None)
    return job, {
        # Without a span there is nothing to continue: the job is the root of a trace of its own.
        "span_context_binary": binary_format.BinaryFormatPropagator().to_header(span_context) if has_span else None,
        "kwds": kwds,
        "sampler": getattr(current, "sampler", None),
        "exporter": exporter if in_process or _can_be_pickled(exporter) else None,
        "propagator": getattr(current, "propagator", None),
    }


def _can_be_pickled(exporter: Any) -> bool:
    try:
        pickle.dumps(exporter)
    except Exception:  # noqa: BLE001 -- whatever pickling it runs into
        return False
    return True


class wrap_task_func:  # noqa: N801 -- the name is OpenCensus's
    """A job that makes the tracer it is handed current, runs inside a span of it, and leaves its worker without a context.

    Args:
        func: What the job calls.
    """

    _otel_context: Context | None = None
    _attrs: Any = None
    _has_span = True

    def __init__(self, func: Any) -> None:
        self.func = func

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process can use: a context holds spans that only this process can end."""
        return {"func": self.func, "_has_span": self._has_span}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with `args` and the keyword arguments in `kwds`; the other ones are those of `Tracer`, or tell its context."""
        kwds = kwargs.pop("kwds")
        binary = kwargs.pop("span_context_binary")
        try:
            with _guarded():
                if self._otel_context is not None:
                    _context.resume(self._otel_context)
                    execution_context.set_opencensus_attrs(self._attrs)
            if not self._has_span:
                return self.func(*args, **kwds)
            with _JobSpan(binary, kwargs):
                return self.func(*args, **kwds)
        finally:
            # Also after an error: the next job of this worker belongs to somebody else.
            execution_context.clean()
            _context.resume(Context())


class _JobSpan:
    """The span of a job, without which it runs where the span cannot be started.

    Args:
        binary: The context of the trace that it continues, in the binary format; None begins one.
        arguments: The other arguments of its tracer.
    """

    def __init__(self, binary: bytes | None, arguments: dict[str, Any]) -> None:
        self._binary = binary
        self._arguments = arguments
        self._span: Any = None

    def __enter__(self) -> None:
        with _guarded():
            arguments = self._arguments
            if arguments.get("exporter") is None:
                # That of the process it has come to.
                arguments["exporter"] = getattr(execution_context.get_opencensus_tracer(), "exporter", None) or exporter_around()
            span_context = None if self._binary is None else binary_format.BinaryFormatPropagator().from_header(self._binary)
            made = tracer.Tracer(span_context=span_context, **arguments)
            self._span = made.span(name=threading.current_thread().name)

    def __exit__(self, *error: Any) -> None:
        if self._span is not None:
            with _guarded():
                self._span.__exit__(*error)
