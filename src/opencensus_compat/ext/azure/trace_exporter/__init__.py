"""Spans to Application Insights, through the OpenTelemetry pipeline of the exporter's destination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.providers.spans import span_part
from opencensus_compat.common.schedule import QueueExitEvent
from opencensus_compat.ext.azure.common import Options, settings_of, utils
from opencensus_compat.ext.azure.common._prepared import prepared
from opencensus_compat.ext.azure.common._steps import Steps
from opencensus_compat.ext.azure.common.exporter import BaseExporter
from opencensus_compat.ext.azure.common.processor import ProcessorMixin, check_effect
from opencensus_compat.ext.azure.common.protocol import Data, Envelope, ExceptionData, RemoteDependency, Request
from opencensus_compat.ext.azure.common.storage import LocalFileStorage
from opencensus_compat.ext.azure.common.transport import TransportMixin, TransportStatusCode, collected, each_made
from opencensus_compat.trace import attributes_helper
from opencensus_compat.trace._bounded import BoundedDict
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.span_context import SpanContext

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from opencensus_compat._bridge.exporter import Settings
    from opencensus_compat._bridge.pipeline.spans import SpanPart
    from opencensus_compat.common.schedule import QueueEvent
    from opencensus_compat.trace.span_data import SpanData

logger = logging.getLogger("opencensus.ext.azure.trace_exporter")

__all__ = ["AzureExporter"]

# Subclasses that build envelopes themselves take these names from here.
_FOR_SUBCLASSES = (Data, ExceptionData, RemoteDependency, Request, LocalFileStorage, QueueExitEvent, TransportStatusCode, SpanKind, utils)

__getattr__ = patch_targets(__name__, "atexit", "json", "opencensus_compat.ext.azure.statsbeat.statsbeat", urlparse="urllib.parse:urlparse")

HTTP_METHOD = attributes_helper.COMMON_ATTRIBUTES["HTTP_METHOD"]
HTTP_PATH = attributes_helper.COMMON_ATTRIBUTES["HTTP_PATH"]
HTTP_ROUTE = attributes_helper.COMMON_ATTRIBUTES["HTTP_ROUTE"]
HTTP_URL = attributes_helper.COMMON_ATTRIBUTES["HTTP_URL"]
HTTP_STATUS_CODE = attributes_helper.COMMON_ATTRIBUTES["HTTP_STATUS_CODE"]
ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES["ERROR_MESSAGE"]
ERROR_NAME = attributes_helper.COMMON_ATTRIBUTES["ERROR_NAME"]
STACKTRACE = attributes_helper.COMMON_ATTRIBUTES["STACKTRACE"]


_FAILED = "Exception occurred while exporting the data."
_SCALARS = frozenset({str, int, float, bool})


class AzureExporter(BaseExporter, TransportMixin, ProcessorMixin, _handles.SpanHandle):
    """A handle on an Application Insights resource, for a tracer.

    Making one starts no thread and touches neither disk nor network; all handles of one resource share one pipeline.

    Subclasses may override `span_data_to_envelope`, `emit`, `export`, `apply_telemetry_processors` and `_transmit`; they are called with
    the OpenCensus objects, on the pipeline's thread.

    Args:
        options: See `opencensus.ext.azure.common.Options`.

    Raises:
        ValueError: An option that cannot work; the message says what was expected, what came, and from where.
    """

    def __init__(self, **options: Any) -> None:
        self.options, settings, _ = prepared(Options, options)
        self._prepare(self.options)
        # What could not be sent is the pipeline's to keep.
        self.storage = None
        self._telemetry_processors: list[Callable[[Any], Any]] = []
        self._consecutive_redirects = 0
        # Now, so that options that cannot work raise here.
        self._pipeline = self._found_pipeline(settings)
        check_effect(self)

    @cached_property
    def _pipeline(self) -> SpanPart:
        # At its first use: a subclass may leave `__init__` out, and set the options itself.
        return self._found_pipeline(settings_of(self.options))

    def _found_pipeline(self, settings: Settings) -> SpanPart:
        pipeline = span_part(settings, utils.azure_monitor_context, self.options)
        if pipeline.first_handle is None:
            pipeline.first_handle = self
        return pipeline

    @property
    def _is_direct(self) -> bool:
        return bool(self._pipeline.is_direct)

    @property
    def _destination(self) -> SpanPart | None:
        """The pipeline, for spans as they end; None where `export` was overridden or replaced, which is then called with SpanData."""
        return self._pipeline if type(self).export is _EXPORT and "export" not in self.__dict__ else None

    @property
    def _queue(self) -> _PipelineQueue:
        return _PipelineQueue(self._pipeline)

    @property
    def _worker(self) -> _PipelineQueue:
        return _PipelineQueue(self._pipeline)

    def span_data_to_envelope(self, sd: SpanData) -> Iterator[Envelope]:
        """Yield the envelopes of one SpanData: an exception before its request, else one."""
        attributes: Any = sd.attributes
        yield from self._pipeline.envelopes(sd, attributes._dict if type(attributes) is BoundedDict else attributes)

    def emit(self, batch: Sequence[SpanData], event: QueueEvent | None = None) -> None:
        """Convert SpanData, apply the telemetry processors and send. `event` is set when that is done.

        Source:
            https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L208-L230
        """
        try:
            if batch:
                envelopes = [envelope for sd in batch for envelope in each_made(self.span_data_to_envelope(sd))]
                self._transmit(self.apply_telemetry_processors(envelopes))
        except Exception:
            logger.exception(_FAILED)
        if event is not None:
            event.set()

    def _take(self, items: Iterable[SpanData]) -> None:
        # `export` is the base class's, where tests of programs patch it, too.
        for span_data in items:
            self._pipeline.on_end(self._prepared(span_data, None))

    def _takes_as_they_are(self) -> bool:
        """Return whether nothing of the export is replaced, and no telemetry processor is there; see `SpanHandle`.

        As `_destination` and `_is_changed`, for each span, without the calls and the loop: 3 percent of a span.
        """
        kind, own = type(self), self.__dict__
        return not (
            kind.export is not _EXPORT
            or kind.emit is not _EMIT
            or kind.span_data_to_envelope is not _TO_ENVELOPE
            or kind.apply_telemetry_processors is not _APPLY
            or kind._transmit is not _TRANSMIT
            or not _REPLACEABLE.isdisjoint(own)
            or self._telemetry_processors
        )

    def _telemetry(self, readable: ReadableSpan, span: _handles.CensusSpan | None, tracer: Any) -> ReadableSpan | _exporter.Prepared:
        """Return what the pipeline exports for an ended span; see `SpanHandle`."""
        if span is not None and self._is_changed():
            return self._prepared(tracer._span_data(span), readable)
        if not self._telemetry_processors:
            return readable
        if span is not None and not _SCALARS.issuperset(map(type, span.attributes.values())):
            # Processors see values as the program set them; an OpenTelemetry span has texts and tuples in their places.
            return self._prepared(tracer._span_data(span), readable)
        return _exporter.Prepared(lambda: self.apply_telemetry_processors(self._pipeline.convert(readable)), readable)

    def _is_changed(self) -> bool:
        """Return whether a subclass, or a program that patched the class or this object, replaced a step of the export."""
        return _STEPS.are_replaced(self)

    def _prepared(self, span_data: SpanData, readable: ReadableSpan | None) -> _Converted:
        # A context of the program's own says nothing of these.
        context: Any = span_data.context if issubclass(type(span_data.context), SpanContext) else None
        ended = getattr(context, "_ended", None) if readable is None else readable
        rate = getattr(context, "_sample_rate", None)
        return _Converted(self, span_data, ended, rate)

    def _takes_batches(self) -> bool:
        """Return whether a step that is called with all of a batch was replaced."""
        return _STEPS_OF_BATCHES.are_replaced(self)

    def _envelopes(self, span_datas: list[SpanData]) -> list[Any]:
        with collected() as envelopes:
            self.emit(span_datas)
        return envelopes

    def _stop(self, timeout: float | None = None) -> None:
        self._pipeline.force_flush(30_000 if timeout is None else int(timeout * 1000))


class _Converted(_exporter.Prepared):
    """A span of which a step of the export that the program has replaced makes the envelopes.

    Args:
        exporter: The exporter.
        span_data: The span.
        ended: The OpenTelemetry span; None where there is none.
        sample_rate_percent: For envelopes that have no `sampleRate`.
    """

    __slots__ = ("_handle", "_span_data")

    def __init__(self, exporter: AzureExporter, span_data: SpanData, ended: ReadableSpan | None, sample_rate_percent: float | None) -> None:
        super().__init__(_nothing, ended, sample_rate_percent)
        if not _exporter.are_spans_counted():
            # Nobody needs it. While thousands wait, the garbage collector would look at it and its dict.
            self.span = None
        self._handle = exporter
        self._span_data = span_data
        if not _exporter.Joinable.exist:
            _exporter.Joinable.exist = True

    def join(self, groups: dict[object, Any]) -> _exporter.Prepared | None:
        """Join the spans of the same exporter, if a step was replaced that takes all of a batch; see `Joinable.join`."""
        exporter = self._handle
        takes_batches = groups.get(id(exporter))
        if takes_batches is None:
            takes_batches = groups[id(exporter)] = exporter._takes_batches()
        if not takes_batches:
            return self
        return _exporter.Prepared(exporter._envelopes, self.span, self._sample_rate, [self._span_data]).join(groups)

    def to_envelopes(self) -> list[Any]:
        """Return the envelopes as `AzureExporter.emit` would send them, without the calls of its steps."""
        exporter = self._handle
        with collected() as envelopes:
            try:
                envelopes.extend(exporter.apply_telemetry_processors(each_made(exporter.span_data_to_envelope(self._span_data))))
            except Exception:
                logger.exception(_FAILED)
        return envelopes if self._sample_rate is None else _exporter.sampled(envelopes, self._sample_rate)


def _nothing() -> list[Any]:
    """Stand for what makes envelopes: a method would refer to the object that it is of."""
    return []


class _PipelineQueue:
    """An exporter's queue and its thread, as programs use them: the pipeline does their work."""

    def __init__(self, pipeline: SpanPart) -> None:
        self._pipeline = pipeline

    def flush(self, timeout: float | None = None) -> None:
        """Export the queued spans."""
        self._pipeline.force_flush(30_000 if timeout is None else int(timeout * 1000))

    stop = flush

    def is_alive(self) -> bool:
        """Return True."""
        return True


_EXPORT, _EMIT, _TO_ENVELOPE = AzureExporter.export, AzureExporter.emit, AzureExporter.span_data_to_envelope
_APPLY, _TRANSMIT = AzureExporter.apply_telemetry_processors, AzureExporter._transmit
_REPLACEABLE = frozenset({"export", "emit", "span_data_to_envelope", "apply_telemetry_processors", "_transmit"})
_STEPS_OF_BATCHES = Steps(AzureExporter, "emit", "apply_telemetry_processors", "_transmit")
_STEPS = Steps(AzureExporter, "span_data_to_envelope", "emit", "apply_telemetry_processors", "_transmit")
