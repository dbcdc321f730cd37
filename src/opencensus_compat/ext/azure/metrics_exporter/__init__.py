"""Metrics to Application Insights: views, gauges, cumulatives, and the standard metrics of machine, process and requests.

Exporters of one resource share one reader of the OpenTelemetry SDK. It exports their metrics at each interval, and once more at the end of
the process.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.pipeline import part as _part
from opencensus_compat._bridge.pipeline.destinations import destination
from opencensus_compat._bridge.pipeline.ending import is_worker
from opencensus_compat._bridge.process import METRICS as _METRICS
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers.metrics import watch_meter_providers
from opencensus_compat.common import utils as common_utils
from opencensus_compat.ext.azure.common import Options, utils
from opencensus_compat.ext.azure.common._prepared import prepared
from opencensus_compat.ext.azure.common._steps import Steps
from opencensus_compat.ext.azure.common.processor import ProcessorMixin, check_effect
from opencensus_compat.ext.azure.common.protocol import Data, DataPoint, Envelope, MetricData
from opencensus_compat.ext.azure.common.storage import LocalFileStorage
from opencensus_compat.ext.azure.common.transport import TransportMixin, TransportStatusCode, each_made
from opencensus_compat.ext.azure.metrics_exporter._task import ExportTask
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptorType
from opencensus_compat.stats import stats as stats_module

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.metrics import MetricPart
    from opencensus_compat.metrics.export.metric import Metric
    from opencensus_compat.metrics.export.time_series import TimeSeries
    from opencensus_compat.metrics.label_key import LabelKey

__all__ = ["MetricsExporter", "new_metrics_exporter"]

# Subclasses and tests of programs take these names from here.
_FOR_SUBCLASSES = (Data, DataPoint, Envelope, MetricData, LocalFileStorage, TransportStatusCode, MetricDescriptorType)

_logger = logging.getLogger("opencensus.ext.azure.metrics_exporter")

_INSTANCE = "ai.cloud.roleInstance"


# The package of standard metrics is loaded when it is first used.
__getattr__ = patch_targets(__name__, "atexit", "opencensus_compat.ext.azure.metrics_exporter.standard_metrics")


class MetricsExporter(TransportMixin, ProcessorMixin, _handles.MetricHandle):
    """A handle on an Application Insights resource, for metrics.

    Making one starts no thread and touches neither disk nor network. It exports what `export_metrics` is called with: by
    `new_metrics_exporter`, by `opencensus.metrics.transport.get_exporter_thread`, or by the program.

    Subclasses may override `export_metrics`, `metric_to_envelopes` and its `_create_properties` and `_create_envelope`,
    `apply_telemetry_processors` and `_transmit`.

    Args:
        is_stats: For the old SDK's statistics about itself, which this package does not make.
        options: See `opencensus.ext.azure.common.Options`.

    Raises:
        ValueError: An option that cannot work; the message says what was expected, what came, and from where.
    """

    def __init__(self, is_stats: bool = False, **options: Any) -> None:
        self.options, settings, _ = prepared(Options, options)
        self._is_stats = is_stats
        self.export_interval = self.options["export_interval"]
        self.max_batch_size = self.options["max_batch_size"]
        self._telemetry_processors: list[Callable[[Any], Any]] = []
        self.exporter_thread: Any = None
        self._tasks: list[ExportTask] = []
        self._consecutive_redirects = 0
        self._resource = destination(settings, utils.azure_monitor_context, _METRICS, self.options)
        self._is_direct = self._resource.is_direct
        check_effect(self)
        if not self._is_direct:
            watch_meter_providers()

    @property
    def _pipeline(self) -> MetricPart:
        part: MetricPart = self._resource.part(_METRICS)  # type: ignore[assignment]  # the part of that signal is one
        return part

    @property
    def storage(self) -> None:
        """None: what could not be sent is the pipeline's to keep."""
        return None

    @property
    def _atexit_handler(self) -> Callable[[], None]:
        # Nothing is registered: the reader sends at exit what there is.
        return self.shutdown

    def add_telemetry_processor(self, processor: Callable[[Any], object]) -> None:
        """Call `processor` with every envelope, after the processors added before. Returning False drops the envelope."""
        super().add_telemetry_processor(processor)
        for task in getattr(self, "_tasks", ()):
            self._pipeline.hold(task)

    def export_metrics(self, metrics: Iterable[Metric | None]) -> None:
        """Convert metrics, apply the telemetry processors and send, at once and in batches of `max_batch_size`.

        What cannot be converted is counted and said in the log, and loses nothing else. The steps are those of OpenCensus, which programs
        replace: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/metrics_exporter/__init__.py#L69-L83
        """
        for batch in self._batches(metrics):
            if self._is_changed():
                self._transmit(self.apply_telemetry_processors(batch))
            elif not self._is_direct:
                self._transmit(batch)
            elif self._telemetry_processors:
                self._pipeline.send_each(batch, self)
            else:
                self._pipeline.send(batch, are_finite=True)

    def metric_to_envelopes(self, metric: Metric) -> list[Envelope]:
        """Return an envelope for each point of a metric."""
        if not _STEPS_OF_ENVELOPES.are_replaced(self):
            return [_exporter.owned(item) for item in self._items(metric)]
        keys = metric.descriptor.label_keys
        made = []
        for series in metric.time_series:
            # One by one: which points are left out is the conversion's to say.
            one: Any = SimpleNamespace(descriptor=metric.descriptor, time_series=[series])
            for item in self._items(one):
                base = item["data"]["baseData"]
                time = datetime.fromisoformat(item["time"].removesuffix("Z"))
                made.append(
                    self._create_envelope(_exporter.filled(DataPoint, base["metrics"][0]), time, self._create_properties(series, keys))
                )
        return made

    def _create_properties(self, time_series: TimeSeries, label_keys: Sequence[LabelKey]) -> dict[str, object]:
        """Return the properties of a series: the values of its labels. Subclasses add some."""
        return _exporter.metric_properties(label_keys, time_series.label_values)

    def _create_envelope(self, data_point: DataPoint, timestamp: datetime, properties: dict[str, object]) -> Envelope:
        """Return the envelope of a data point. Subclasses change it.

        Args:
            data_point: The DataPoint.
            timestamp: Its time, in UTC without a zone.
            properties: Its properties.
        """
        item = _exporter.metric_envelope(data_point, timestamp, properties, self.options.instrumentation_key, _context_tags())
        envelope = _exporter.owned(item)
        if self._is_stats:
            envelope.name = "Statsbeat"
        return envelope

    def shutdown(self) -> None:
        """Export once more what `exporter_thread` exports, and then no more.

        As in OpenCensus: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/metrics_exporter/__init__.py#L164-L170
        """
        if self.exporter_thread is None:
            return
        if self._is_stats:
            self.exporter_thread.cancel()
        else:
            self.exporter_thread.close()

    def _batches(self, metrics: Iterable[Metric | None]) -> Iterator[list[Mapping[str, object]]]:
        """Return the envelopes of metrics, batch by batch; each is converted when it is read."""
        size = int(self.max_batch_size) if "max_batch_size" in self.options else _part.DEFAULT_BATCH_SIZE
        return common_utils.window(self._envelopes(metrics), size)

    def _envelopes(self, metrics: Iterable[Metric | None]) -> Iterator[Mapping[str, object]]:
        is_changed = self._is_changed()
        is_own = not (self._telemetry_processors or is_changed)
        for metric in metrics:
            if metric is None:
                continue
            if is_changed and not self._pipeline.exporter.has_time():
                self._pipeline.exporter.no_time(len(metric.time_series))
                continue
            began_s = time.monotonic()
            envelopes: list[Any] = []
            try:
                if is_own:
                    envelopes = self._items(metric)
                else:
                    envelopes.extend(each_made(self.metric_to_envelopes(metric)))
            except _exporter.failure() as error:
                self._lost(f"metric {getattr(getattr(metric, 'descriptor', None), 'name', metric)!r}: {error!r}")
                _logger.debug("%s", _exporter.reasons.METRIC_NOT_CONVERTED.text, exc_info=True)
            if is_changed:
                self._pipeline.exporter.took(time.monotonic() - began_s)
            yield from envelopes

    def _items(self, metric: Metric) -> list[Any]:
        items, problems = _exporter.metric_envelopes(metric, self.options.instrumentation_key, _context_tags())
        for problem in problems:
            self._lost(problem)
        if self._is_stats:
            for item in items:
                item["name"] = "Statsbeat"
        return items

    def _lost(self, problem: str) -> None:
        report("a metric point is skipped on every export: %s", problem)
        self._pipeline.exporter.counts.dropped(_exporter.reasons.METRIC_NOT_CONVERTED, signal=_METRICS)

    def _is_changed(self) -> bool:
        """Return whether a subclass, or a program that patched the class or this object, replaced a step of the export."""
        return _STEPS.are_replaced(self)

    def _task(self, producers: Sequence[Any], interval: float | None) -> ExportTask:
        task = ExportTask(producers, self, interval)
        # The two live as long as a program holds one of them.
        self._tasks.append(task)
        return task


_STEPS_OF_ENVELOPES = Steps(MetricsExporter, "_create_envelope", "_create_properties")
_STEPS = Steps(
    MetricsExporter,
    "export_metrics",
    "metric_to_envelopes",
    "apply_telemetry_processors",
    "_create_envelope",
    "_create_properties",
    "_transmit",
)


def _context_tags() -> dict[str, str]:
    """Return the tags of an envelope. Where several processes have the same series, the instance tells them apart."""
    tags = dict(utils.azure_monitor_context)
    if is_worker() and tags.get(_INSTANCE) == platform.node():
        tags[_INSTANCE] = f"{tags[_INSTANCE]}:{os.getpid()}"
    return tags


def new_metrics_exporter(**options: Any) -> MetricsExporter:
    """Return an exporter that exports all views, and the standard metrics unless `enable_standard_metrics=False`, at each interval.

    Args:
        options: See `opencensus.ext.azure.common.Options`; `export_interval` is in seconds, and at least 0.1.

    Raises:
        ValueError: An option that cannot work.
    """
    exporter = MetricsExporter(**options)
    producers: list[Any] = [stats_module.stats]
    if exporter.options.enable_standard_metrics and exporter._is_direct:
        # Through this module, whose name for them tests of programs patch.
        producer = sys.modules[__name__].standard_metrics.producer
        producer.enable()
        producers.append(producer)
    exporter.exporter_thread = transport.get_exporter_thread(producers, exporter, interval=exporter.options.export_interval)
    return exporter
