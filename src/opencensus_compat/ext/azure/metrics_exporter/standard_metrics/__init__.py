"""The standard metrics of the Azure metrics exporter: machine, process, and requests that the program answered.

They are gauges whose names are those of Windows performance counters, by which the portal knows them. Importing this package measures
and patches nothing and does not load psutil; that is for `producer.enable()`, or the first `producer.get_metrics()`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge.exporter import http_server_requests
from opencensus_compat._bridge.handles import WithoutInstruments
from opencensus_compat._bridge.process import on_reset, report
from opencensus_compat._bridge.providers.spans import on_tracer_provider
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics import http_requests
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics.cpu import ProcessorTimeMetric
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics.http_requests import RequestsAvgExecutionMetric, RequestsRateMetric
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics.memory import AvailableMemoryMetric
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics.process import ProcessCPUMetric, ProcessMemoryMetric
from opencensus_compat.metrics.export.gauge import Registry
from opencensus_compat.metrics.export.metric_producer import MetricProducer

if TYPE_CHECKING:
    from opencensus_compat.metrics.export.metric import Metric

STANDARD_METRICS: list[Any] = [
    AvailableMemoryMetric,
    ProcessCPUMetric,
    ProcessMemoryMetric,
    ProcessorTimeMetric,
    RequestsAvgExecutionMetric,
    RequestsRateMetric,
]
"""Their classes. A program may take some out before they are enabled."""


def register_metrics() -> Registry:
    """Return a registry with a gauge for each standard metric, and begin to count requests.

    Loses:
        A metric that this machine does not have (a container without `/proc`); said once in the log.
    """
    registry = Registry()
    for standard_metric in STANDARD_METRICS:
        try:
            registry.add_gauge(standard_metric()())
        except Exception as error:  # noqa: BLE001 -- the program would not start for the sake of a counter
            report("no standard metric %r: %r", standard_metric.NAME, error)
    return registry


class AzureStandardMetricsProducer(MetricProducer, WithoutInstruments):
    """Produces the standard metrics. It measures from `enable` on, and until `disable`.

    They have no instruments: they are Application Insights' own, and each reading begins a new interval, so that a second reader would spoil
    the first one's rates.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # guards enabling
        self._registry: Registry | None = None
        self._is_disabled = False

    @property
    def registry(self) -> Registry:
        """The gauges; asking for them enables the producer."""
        registry = self._registry
        if registry is None:
            with self._lock:
                registry = self._registry = self._registry or register_metrics()
            on_tracer_provider(http_server_requests().watch)
        return registry

    def enable(self) -> None:
        """Begin to measure: load psutil, and count requests. Once is enough."""
        self._is_disabled = False
        _ = self.registry

    def disable(self) -> None:
        """Measure no more until it is enabled again, and leave `http.server` as it was. Exporters get nothing from it then."""
        with self._lock:
            self._is_disabled = True
            self._registry = None
        http_requests.requests_seen.spans_are_told = False
        http_requests.teardown()

    def get_metrics(self) -> set[Metric]:
        """Return the standard metrics of this moment; none after `disable`."""
        return set() if self._is_disabled else self.registry.get_metrics()

    def _forget(self) -> None:
        """Be as before the first `enable`."""
        self.disable()
        self._is_disabled = False
        http_requests.requests_map.clear()


producer = AzureStandardMetricsProducer()
"""The one that the exporter reads."""
on_reset(producer._forget)
