"""The metric producers that are exported, and their listeners."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opencensus_compat._bridge.process import on_reset, report
from opencensus_compat.metrics._lock import recording

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol

    from opencensus_compat.metrics.export.metric import Metric
    from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptor
    from opencensus_compat.metrics.export.metric_producer import MetricProducer

    # For the type checker only: making a Protocol takes as long as importing a small module.
    class Gauge(Protocol):
        """A gauge or cumulative, as far as it can be read alone."""

        descriptor: MetricDescriptor

        def get_metric(self, timestamp: datetime) -> Metric | None:
            """Return the numbers of this moment; None when there are no time series."""

    class Listener(Protocol):
        """Mirrors producers."""

        def producer_added(self, producer: MetricProducer) -> None:
            """Mirror a producer: each that is there already, then each that comes; maybe more than once."""

        def gauge_added(self, registry: MetricProducer, gauge: Gauge) -> None:
            """Mirror a gauge that came into a registry among the producers."""

        def metrics_read(self, producer: MetricProducer, metrics: Sequence[Metric]) -> None:
            """Mirror metrics that an exporter has read from a producer."""

        def look(self, producer: MetricProducer, collecting: object) -> None:
            """Mirror what a producer that no exporter reads has by now and did not have before; see `Producers.look`."""

        def has_metric(self, producer: MetricProducer, name: str) -> bool:
            """Return whether a metric of a producer is mirrored."""


__all__ = ["ALL", "producers"]

ALL = object()
"""In the place of a meter provider: each that there is."""


class Producers:
    """The metric producers that are exported, and their listeners. Without listeners, reading a producer costs nothing more."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Return to the initial state."""
        self._known: weakref.WeakSet[MetricProducer] = weakref.WeakSet()
        self._listeners: tuple[Listener, ...] = ()
        """Replaced as a whole under the recording lock, so that it can be read without."""

    def add(self, producer: MetricProducer) -> None:
        """Have a producer mirrored from now on."""
        try:
            self._known.add(producer)
        except TypeError:
            report("OpenTelemetry's readers do not see metric producers that cannot be weakly referenced, such as %r", type(producer))
            return
        for listener in self._listeners:
            listener.producer_added(producer)

    def gauge_added(self, registry: MetricProducer, gauge: Gauge) -> None:
        """Have a gauge mirrored that came into a registry, if that is."""
        if self._listeners and registry in self._known:
            for listener in self._listeners:
                listener.gauge_added(registry, gauge)

    def metrics_read(self, producer: MetricProducer, metrics: Sequence[Metric]) -> None:
        """Have metrics mirrored that were read from a producer, if that is."""
        if self._listeners and producer in self._known:
            for listener in self._listeners:
                listener.metrics_read(producer, metrics)

    def look(self, producer: MetricProducer, collecting: object) -> None:
        """Have mirrored what a producer that no exporter reads has by now for the first time, if the producer is.

        Args:
            producer: It.
            collecting: The meter provider that is collected next, `ALL` of them, or None.
        """
        if self._listeners and producer in self._known:
            for listener in self._listeners:
                listener.look(producer, collecting)

    def has_metric(self, producer: MetricProducer, name: str) -> bool:
        """Return whether a metric of a producer is mirrored."""
        return (
            bool(self._listeners) and producer in self._known and any(listener.has_metric(producer, name) for listener in self._listeners)
        )

    def listen(self, listener: Listener) -> None:
        """Call a listener with all producers from now on."""
        with recording:
            self._listeners += (listener,)
        for producer in list(self._known):
            listener.producer_added(producer)

    def unlisten(self, listener: Listener) -> None:
        """Call a listener no more."""
        with recording:
            self._listeners = tuple(other for other in self._listeners if other is not listener)


producers = Producers()
"""Those of the process."""
on_reset(producers.forget)
