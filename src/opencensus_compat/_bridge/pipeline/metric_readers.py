"""Readers of the SDK's: the one of a destination, which exports at each interval, and those in meter providers of the application's."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider, MetricsTimeoutError
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import frameworks as _frameworks
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge.context import in_empty_context
from opencensus_compat._bridge.pipeline.ending import ending_process, flush_at_shutdown, is_ending
from opencensus_compat._bridge.process import METRICS
from opencensus_compat._bridge.resource import resource_of_role
from opencensus_compat._bridge.whose import is_ours

if TYPE_CHECKING:
    from opencensus_compat._bridge.others import Others

__all__ = ["TICK", "AdoptedReader", "Reader", "TakesReaders", "new_provider"]

TICK = "opencensus_compat.tick"
"""Scope and name of the instrument without which a reader that has nothing else to read would not export."""


class Exporting(Protocol):
    """What readers hand their collections to: the metric part of a destination."""

    settings: _exporter.Settings
    exporter: Any
    is_shut_down: bool
    is_alone: bool
    """Whether the meter provider of its reader has been shut down, so that only what OpenCensus code measures is sent."""

    def look(self, *, collects_next: bool) -> None:
        """See to it that all that there is has instruments. Not while a collection is made: the SDK holds a lock then, which they need."""

    def export(self, collected: MetricsData, *, last: bool) -> None:
        """Send what its own reader collected, and what OpenCensus code made."""

    def export_points(self, collected: MetricsData) -> None:
        """Send what a meter provider of the application's brought."""


class TakesReaders(Protocol):
    """A meter provider of a release of the SDK's that takes readers after it was made."""

    def add_metric_reader(self, metric_reader: MetricReader) -> None:
        """Collect for a further reader."""

    def remove_metric_reader(self, metric_reader: MetricReader) -> None:
        """Collect for a reader no more."""


class Reader(PeriodicExportingMetricReader):
    """The SDK's reader, whose collections go to a part.

    Args:
        part: The part.
        exporter: Its exporter: what it prefers decides how instruments are read.
        interval_s: Seconds between collections; infinite means at the end only.
    """

    def __init__(self, part: Exporting, exporter: MetricExporter, interval_s: float) -> None:
        self._part = part
        self._is_stopped = False
        self._stopped_in = 0
        self._asked = threading.local()
        self._has_thread = interval_s != math.inf
        self.is_registered = False
        """Whether a meter provider has it: its thread may come to its first interval before."""
        super().__init__(exporter, export_interval_millis=interval_s * 1000)

    def collect(self, timeout_millis: float = 10_000) -> None:  # type: ignore[misc] # final for checkers; there is no hook before it
        """Collect, once there is something to collect from; the SDK would log a warning before."""
        if self.is_registered:
            super().collect(timeout_millis)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> None:
        if self._is_stopped and self._stopped_in != os.getpid():
            # The SDK starts the thread of a reader anew in every child, and one that has been shut down collects once more: the same again.
            return
        # Not as the SDK does it, which holds a lock meanwhile: a child made by fork while something is being sent would wait for ever.
        last = self._is_stopped or getattr(self._asked, "to_flush", False)
        self._part.export(metrics_data, last=last)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect and send now, in the caller's thread, and return whether reading the metrics left time for that."""
        self._part.look(collects_next=True)
        self._asked.to_flush = True
        try:
            return self._collected(timeout_millis)
        finally:
            self._asked.to_flush = False

    def _collected(self, timeout_millis: float) -> bool:
        """Collect and send, unless the SDK gives up because callbacks took longer than that; return whether that was done."""
        try:
            self.collect(timeout_millis=timeout_millis)
        except MetricsTimeoutError:
            return False
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Collect and send for the last time, within what is left of the process's time if it ends, and stop.

        Where the application shuts the provider down, what OpenCensus code measures goes on.
        """
        if self._is_stopped:
            return
        if not (self._part.is_shut_down or is_ending()):
            flush_at_shutdown(METRICS)
            self._part.is_alone = True
            return
        self._part.look(collects_next=True)
        self._stopped_in = os.getpid()
        self._is_stopped = True
        if is_ending():
            timeout_millis = min(timeout_millis, max(0.0, ending_process() - time.monotonic()) * 1000)
        if not self._has_thread:
            self._collected(timeout_millis)
        super().shutdown(timeout_millis, **kwargs)
        # What a telemetry processor of the program has not let go by now.
        self._part.exporter.give_up()


class AdoptedReader(MetricReader):
    """A reader in a meter provider of the application's, which has been made before. The part's own reader has it collect.

    Args:
        part: Where its points go, as long as they are this package's to send.
        provider: The provider.
        others: Its own readers.
    """

    def __init__(self, part: Exporting, provider: TakesReaders, others: Others) -> None:
        self._part = part
        self.provider = provider
        self._others = others
        self._is_over = False
        super().__init__(preferred_temporality=_exporter.metric_temporality())
        provider.add_metric_reader(self)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> None:
        if not self._is_over and is_ours(self._others, self._part.settings, METRICS, is_inside=False):
            # The SDK gives no sign: what came before the application shut its provider down goes with the next collection, the last one.
            self._is_over = _private.is_shut_down(self.provider)
            self._part.export_points(metrics_data)

    def leave(self) -> None:
        """Be in the provider no more."""
        self.provider.remove_metric_reader(self)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Do nothing: what it collects is sent at once."""


def new_provider(role: str, reader: MetricReader) -> MeterProvider:
    """Return a meter provider for a reader, whose first instrument gives the reader something to collect in any case."""
    left_out = [View(meter_name=scope, aggregation=DropAggregation()) for scope in _frameworks.SCOPES]
    provider = in_empty_context(lambda: MeterProvider(metric_readers=[reader], resource=resource_of_role(role), views=left_out))
    provider.get_meter(TICK).create_observable_gauge(TICK, [_tick])
    return provider


def _tick(options: CallbackOptions) -> list[Observation]:
    return [Observation(1)]
