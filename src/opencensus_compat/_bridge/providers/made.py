"""The tracer and logger providers that this package makes for programs that have none. `pipeline/metrics.py` makes those of meters."""

from __future__ import annotations

import weakref
from typing import Any

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.sampling import Sampler

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import frameworks as _frameworks
from opencensus_compat._bridge.pipeline.ending import is_ending
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.resource import resource_of_role

__all__ = ["MadeProvider", "leaves_frameworks_out", "new_logger_provider", "new_tracer_provider"]


class _MadeTracer(Tracer):
    """A tracer of a provider that we made: a context without a span, as frameworks attach it, hides no open OpenCensus span."""

    def start_span(self, name: str, context: Context | None = None, *args: Any, **options: Any) -> trace_api.Span:
        """Start a span; see the SDK's."""
        return super().start_span(name, _context.current() if context is None else context, *args, **options)


class MadeProvider(TracerProvider):
    """The provider of programs that have none; it gives way to one that the application sets later."""

    def __init__(self, sampler: Sampler | None, resource: Resource | None) -> None:
        super().__init__(sampler=sampler, resource=resource)
        self._census_successor: TracerProvider | None = None
        self._census_tracers: weakref.WeakKeyDictionary[Any, tuple[tuple[Any, ...], dict[str, Any]]] = weakref.WeakKeyDictionary()

    def census_delegate_to(self, provider: TracerProvider | None) -> None:
        """Delegate to another provider from now on, as do the tracers that were made before; None takes that back for new ones."""
        self._census_successor = provider
        if provider is None:
            return
        for tracer, (args, options) in list(self._census_tracers.items()):
            theirs = provider.get_tracer(*args, **options)
            if isinstance(theirs, Tracer):
                # What the SDK's tracer reads when it starts a span.
                tracer.sampler, tracer.resource = theirs.sampler, theirs.resource
                tracer.span_processor, tracer.id_generator = theirs.span_processor, theirs.id_generator

    @property
    def gives_way(self) -> bool:
        """Whether it only stands in until the program sets a provider of its own; `appinsights_exporter.configure` asks."""
        return self._census_successor is None

    @property
    def resource(self) -> Resource:
        """The resource of its spans."""
        return super().resource if self._census_successor is None else self._census_successor.resource

    def get_tracer(self, *args: Any, **options: Any) -> trace_api.Tracer:
        """Return a tracer; see the SDK's."""
        if self._census_successor is not None:
            return self._census_successor.get_tracer(*args, **options)
        if _frameworks.leave_out(str(args[0] if args else options.get("instrumenting_module_name"))):
            return _frameworks.SilentTracer(
                lambda: None if self._census_successor is None else self._census_successor.get_tracer(*args, **options)
            )
        made = super().get_tracer(*args, **options)
        if isinstance(made, Tracer):
            made.__class__ = _MadeTracer
            self._census_tracers[made] = (args, options)
        return made

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Show the spans to a processor, too."""
        if self._census_successor is None:
            super().add_span_processor(span_processor)
        else:
            self._census_successor.add_span_processor(span_processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is queued and return whether that was done in time."""
        if self._census_successor is None:
            return super().force_flush(timeout_millis)
        return self._census_successor.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Export what is queued and stop."""
        if self._census_successor is None or is_ending():
            # At the end of the process each provider has its own exit hook, or was made without one.
            super().shutdown()
        else:
            self._census_successor.shutdown()


def leaves_frameworks_out(provider: object) -> bool:
    """Return whether a tracer provider leaves out what frameworks make by themselves: it was made here, and the application has set none."""
    return isinstance(provider, MadeProvider) and provider._census_successor is None


def new_tracer_provider(role: str) -> MadeProvider:
    """Return a tracer provider for programs that have none."""
    try:
        sampler = _exporter.sampler_from_environment()
    except ValueError as error:
        report("OTEL_TRACES_SAMPLER is left to the OpenTelemetry SDK: %s", error)
        sampler = None
    return MadeProvider(sampler, resource_of_role(role))


def new_logger_provider(role: str) -> _exporter.LoggerProvider:
    """Return a logger provider for programs that have none."""
    provider: Any = _exporter.sdk_logs().new_provider(resource_of_role(role))
    every = provider.get_logger

    def get_logger(name: str, *args: object, **options: object) -> object:
        return _frameworks.SilentLogger() if _frameworks.leave_out(name) else every(name, *args, **options)

    provider.get_logger = get_logger
    made: _exporter.LoggerProvider = provider
    return made
