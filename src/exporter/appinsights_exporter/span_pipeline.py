"""Pipelines of spans beside that of the global tracer provider, with another resource, sampler, role or telemetry processors.

Use, where one process has several::

    billing = SpanPipeline("InstrumentationKey=…", telemetry_processors=[set_role])
    tracer = billing.tracer_provider(ALWAYS_ON).get_tracer(__name__)
    RequestsInstrumentor().instrument(tracer_provider=latest_provider())

Where one is enough, :func:`configure` sets it up.
"""

from __future__ import annotations

import atexit
import os
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_EXPORT_BATCH_SIZE, OTEL_BSP_MAX_QUEUE_SIZE, OTEL_SDK_DISABLED
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from .arguments import Sizes, batches, check_all, check_sizes, checked
from .children import flush_at_end
from .exporters import ApplicationInsightsSpanExporter
from .foreign import failure
from .program import SendingArguments, program_resource, program_settings
from .rates import SampleRateProcessor
from .sampling import from_environment
from .span_processor import ApplicationInsightsSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.sampling import Sampler

    from .settings import Settings
    from .telemetry_processors import TelemetryProcessor

__all__ = ["SpanPipeline", "latest_provider"]

_INCOMING = (trace.SpanKind.SERVER, trace.SpanKind.CONSUMER)


class SpanPipeline:
    """A pipeline of spans to Application Insights beside that of the global tracer provider, with tracer providers of its own.

    Pipelines are cheap: those with equal settings share one queue, which is flushed at the end of the process and of children that fork, so
    that a function may make one for each call. Arguments are those of :func:`configure`, with its defaults.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        credential: Object with ``get_token``; None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        resource: OpenTelemetry resource of the spans; None makes one whose role is the script's name.
        span_processors: See every span before it is exported.
        telemetry_processors: Functions that see every item before it is sent. They may change it; False from one drops it.
        storage_directory: Folder for items that cannot be sent now; None reads ``APPINSIGHTS_EXPORTER_STORAGE_FOLDER``.
        disable_offline_storage: True keeps nothing on disk; None reads ``APPINSIGHTS_EXPORTER_STORAGE``.
        storage_max_size: Bytes on disk for the resource at most.
        storage_retention_period: Seconds for which items are kept there, at most 48 hours.
        storage_min_retry_interval: Seconds of the shortest wait after a failure.
        timeout: Seconds for connecting, and as many for the reply.
        proxies: URL scheme to proxy URL, or that as JSON text; None reads ``HTTPS_PROXY`` and its like.
        schedule_delay_millis: Milliseconds between exports; None reads ``OTEL_BSP_SCHEDULE_DELAY``.
        max_queue_size: Spans in the queue at most; None reads ``OTEL_BSP_MAX_QUEUE_SIZE``.
        max_export_batch_size: Spans in one export at most; None reads ``OTEL_BSP_MAX_EXPORT_BATCH_SIZE``.

    Raises:
        ConfigurationError: A value that cannot work.
    """

    def __init__(
        self,
        connection_string: str | None = None,
        *,
        credential: object | None = None,
        resource: Resource | None = None,
        span_processors: Iterable[SpanProcessor] = (),
        telemetry_processors: Iterable[TelemetryProcessor] = (),
        storage_directory: str | os.PathLike[str] | None = None,
        disable_offline_storage: bool | None = None,
        storage_max_size: int | None = None,
        storage_retention_period: float | None = None,
        storage_min_retry_interval: float | None = None,
        timeout: float | None = None,
        proxies: Mapping[str, str] | str | None = None,
        schedule_delay_millis: float | None = None,
        max_queue_size: int | None = None,
        max_export_batch_size: int | None = None,
    ) -> None:
        self._span_processors, telemetry_processors = _checked(span_processors), tuple(telemetry_processors)
        check_all("telemetry_processors", telemetry_processors, callable, "functions")
        self._resource = _of_spans(resource)
        self._providers: dict[str, TracerProvider] = {}
        self._queue: _Queue | None = None
        self._is_elsewhere = False
        if _is_off():
            # A machine that sends nothing needs no connection string.
            return
        given = {
            "schedule_delay_millis": schedule_delay_millis,
            "max_queue_size": max_queue_size,
            "max_export_batch_size": max_export_batch_size,
        }
        check_sizes(given)
        sending = SendingArguments(
            connection_string=connection_string,
            credential=credential,
            storage_directory=storage_directory,
            disable_offline_storage=disable_offline_storage,
            storage_max_size=storage_max_size,
            storage_retention_period=storage_retention_period,
            storage_min_retry_interval=storage_min_retry_interval,
            timeout=timeout,
            proxies=proxies,
        )
        settings = program_settings(sending)
        self._queue = _queue(settings, batches(given, OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_EXPORT_BATCH_SIZE))
        self._exporter = ApplicationInsightsSpanExporter(settings=settings)
        for each in telemetry_processors:
            self._exporter.add_telemetry_processor(each)

    @classmethod
    def through(cls, *span_processors: SpanProcessor, resource: Resource | None = None) -> SpanPipeline:
        """Return a pipeline whose spans these processors get, and Application Insights does not.

        Use, where a program chooses one of several exporters::

            pipeline = SpanPipeline() if deployed else SpanPipeline.through(SimpleSpanProcessor(ConsoleSpanExporter()))

        The processors are shut down at the end of the process. Without any, spans are sampled and go nowhere.

        Args:
            span_processors: See every span; those that export it send it.
            resource: OpenTelemetry resource of the spans; None makes one whose role is the script's name.

        Raises:
            ConfigurationError: One is no span processor, or the resource none.
        """
        made = cls.__new__(cls)
        made._span_processors, made._resource, made._providers = _checked(span_processors), _of_spans(resource), {}
        made._queue, made._is_elsewhere = None, True
        _elsewhere.end_with_process(made._span_processors)
        return made

    def tracer_provider(self, sampler: Sampler | None = None) -> TracerProvider:
        """Return the provider whose spans go this way; for samplers of equal description it is the same one.

        Args:
            sampler: Any OpenTelemetry sampler; None reads ``OTEL_TRACES_SAMPLER``, and takes all without it.

        Raises:
            ConfigurationError: It is no sampler.
        """
        chosen = checked("sampler", sampler, "should_sample", "an OpenTelemetry sampler") or from_environment()
        key = chosen.get_description() if chosen is not None else ""
        if key not in self._providers:
            # Two threads may make one each, of which one is kept: it holds nothing that must be ended.
            self._providers.setdefault(key, self._made(chosen))
        found = self._providers[key]
        _latest.set(found)
        return found

    def add_telemetry_processor(self, processor: TelemetryProcessor) -> None:
        """Add a function that sees every item before it is sent. It may change the envelope; False from it drops the item."""
        if self._queue is not None:
            self._exporter.add_telemetry_processor(processor)

    def clear_telemetry_processors(self) -> None:
        """Remove all telemetry processors."""
        if self._queue is not None:
            self._exporter.clear_telemetry_processors()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export queued spans, and return whether that was done in time. The end of the process does it by itself."""
        if self._is_elsewhere:
            return _flush(self._span_processors, timeout_millis)
        return self._queue is None or self._queue.force_flush(timeout_millis)

    def _made(self, sampler: Sampler | None) -> TracerProvider:
        found = program_resource(self._resource)
        resource = _ResourceOfPipeline(found.attributes, found.schema_url or None)
        provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        resource.pipeline, resource.provider = self, weakref.ref(provider)
        if self._queue is not None:
            for each in (*self._span_processors, SampleRateProcessor(provider.sampler), _ToQueue(self._queue)):
                provider.add_span_processor(each)
        elif self._is_elsewhere:
            for each in (SampleRateProcessor(provider.sampler), _OfRequests(), *self._span_processors):
                provider.add_span_processor(each)
        return provider

    def _export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export(spans)


def latest_provider() -> trace.TracerProvider:
    """Return the tracer provider for libraries, where a process has several pipelines: their spans go where the latest tracer's go.

    That is the tracer of the provider that :meth:`SpanPipeline.tracer_provider` returned last in the thread or task, as OpenCensus's libraries
    use the tracer that was made last; the span of a request counts, too. A thread that asked for none goes on with the span around, and with the
    process's latest. Within a trace that is not sampled, nothing is. Spans within those of the global provider, and of a process without
    pipelines, are the global provider's.
    """
    return _of_latest


class _ResourceOfPipeline(Resource):
    """A resource that knows the provider that it was made for."""

    pipeline: SpanPipeline
    provider: weakref.ref[TracerProvider]


class _OfRequests(SpanProcessor):
    """Lets libraries follow the requests of a pipeline."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Make the way of a request that of the libraries in it."""
        if span.kind in _INCOMING and isinstance(span.resource, _ResourceOfPipeline) and (provider := span.resource.provider()) is not None:
            _latest.set(provider)


class _ToQueue(_OfRequests):
    """Hands ended spans to the queue that several providers share."""

    def __init__(self, queue: _Queue) -> None:
        self._queue = queue

    def on_end(self, span: ReadableSpan) -> None:
        """Queue it."""
        self._queue.processor.on_end(span)

    def shutdown(self) -> None:
        """Export what is queued: the queue is the other providers', too."""
        self._queue.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is queued."""
        return self._queue.force_flush(timeout_millis)


class _ByPipeline(SpanExporter):
    """Exports each span by the exporter of its pipeline."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export them in the order in which the pipelines come."""
        found: dict[SpanPipeline, list[ReadableSpan]] = {}
        for span in spans:
            resource = span.resource
            assert isinstance(resource, _ResourceOfPipeline)
            found.setdefault(resource.pipeline, []).append(span)
        results = [pipeline._export(own) for pipeline, own in found.items()]
        return SpanExportResult.SUCCESS if all(each is SpanExportResult.SUCCESS for each in results) else SpanExportResult.FAILURE


class _Queue:
    """The queue of all pipelines with the same settings, and its thread."""

    def __init__(self, settings: Settings, sizes: Sizes) -> None:
        self.settings, self.sizes = settings, sizes
        self.processor = ApplicationInsightsSpanProcessor(_ByPipeline(), **sizes)
        atexit.register(self.processor.shutdown)
        flush_at_end(self)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is queued."""
        return self.processor.force_flush(timeout_millis)


_queues: list[_Queue] = []


def _queue(settings: Settings, sizes: Sizes) -> _Queue:
    found = next((each for each in _queues if each.sizes == sizes and each.settings == settings), None)
    if found is None:
        found = _Queue(settings, sizes)
        _queues.append(found)
    return found


class _Elsewhere:
    """The processors of pipelines that do not send to Application Insights, which end with the process."""

    def __init__(self) -> None:
        self._processors: weakref.WeakSet[SpanProcessor] = weakref.WeakSet()

    def end_with_process(self, processors: Iterable[SpanProcessor]) -> None:
        """End some with the process, too, while something else holds them."""
        if not self._processors:
            atexit.register(self.shutdown)
            flush_at_end(self)
        self._processors.update(processors)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what is queued."""
        return _flush(self._processors, timeout_millis)

    def shutdown(self) -> None:
        """End them: those with a queue export it."""
        for each in list(self._processors):
            try:
                each.shutdown()
            except failure():  # processors of the program may do anything
                continue


_elsewhere = _Elsewhere()


def _flush(processors: Iterable[SpanProcessor], timeout_millis: int) -> bool:
    done = [each.force_flush(timeout_millis) for each in processors]
    return all(done)


def _checked(span_processors: Iterable[SpanProcessor]) -> tuple[SpanProcessor, ...]:
    found = tuple(span_processors)
    check_all("span_processors", found, lambda each: callable(getattr(each, "on_end", None)), "span processors")
    return found


def _of_spans(resource: Resource | None) -> Resource | None:
    check_all("resource", () if resource is None else (resource,), lambda each: isinstance(each, Resource), "a Resource")
    return resource


def _is_off() -> bool:
    return (
        os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() == "true"
        or os.environ.get(OTEL_TRACES_EXPORTER, "").strip().lower() == "none"
    )


class _Latest:
    """The provider that was asked for last."""

    def __init__(self) -> None:
        self._here: ContextVar[TracerProvider | None] = ContextVar("appinsights_latest_provider", default=None)
        self._anywhere: TracerProvider | None = None

    def set(self, provider: TracerProvider) -> None:
        """Note one."""
        self._here.set(provider)
        self._anywhere = provider

    def provider_within(self, span: trace.Span) -> trace.TracerProvider:
        """Return the provider of what libraries start within a span."""
        if isinstance(span, ReadableSpan):
            resource = span.resource
            around = resource.provider() if isinstance(resource, _ResourceOfPipeline) else None
            return trace.get_tracer_provider() if around is None else self._here.get() or around
        parent = span.get_span_context()
        if parent.is_valid and not parent.is_remote and not parent.trace_flags.sampled:
            return _nothing
        return self._here.get() or self._anywhere or trace.get_tracer_provider()


class _TracerOfLatest(trace.Tracer):
    """Starts spans by the tracer of the latest provider."""

    def __init__(self, made: Callable[[trace.TracerProvider], trace.Tracer]) -> None:
        self._made = made
        self._known: weakref.WeakKeyDictionary[trace.TracerProvider, trace.Tracer] = weakref.WeakKeyDictionary()

    def start_span(self, name: str, context: Context | None = None, *args: Any, **kwargs: Any) -> trace.Span:
        """Start a span as the tracer of that provider does."""
        return self._tracer(context).start_span(name, context, *args, **kwargs)

    def start_as_current_span(self, name: str, context: Context | None = None, *args: Any, **kwargs: Any) -> Any:
        """Return what starts a span as the tracer of that provider does, and makes it the current one."""
        return self._tracer(context).start_as_current_span(name, context, *args, **kwargs)

    def _tracer(self, context: Context | None) -> trace.Tracer:
        provider = _latest.provider_within(trace.get_current_span(context))
        found = self._known.get(provider)
        if found is None:
            found = self._known[provider] = self._made(provider)
        return found


class _OfLatest(trace.TracerProvider):
    """Makes tracers that ask for the latest provider at each span."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        """Return one; arguments are those of any provider."""
        return _TracerOfLatest(lambda provider: provider.get_tracer(*args, **kwargs))


_latest = _Latest()
_of_latest = _OfLatest()
_nothing = trace.NoOpTracerProvider()
