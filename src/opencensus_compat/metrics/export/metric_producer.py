"""What hands metrics to exporters."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencensus_compat.metrics.export.metric import Metric


class MetricProducer:
    """Something that exporters read metrics of, time and again."""

    def get_metrics(self) -> Iterable[Metric | None]:
        """Return the metrics of this moment; subclasses do."""
        raise NotImplementedError(f"{type(self).__name__} has to define get_metrics()")


class MetricProducerManager:
    """The producers that an exporter reads. Threads may add and remove at any time.

    Args:
        metric_producers: Those to start with.
    """

    def __init__(self, metric_producers: Iterable[MetricProducer] | None = None) -> None:
        self.metric_producers = set(() if metric_producers is None else metric_producers)
        self.mp_lock = threading.Lock()  # guards the set

    def add(self, metric_producer: MetricProducer) -> None:
        """Add a producer.

        Raises:
            ValueError: It is None.
        """
        _check(metric_producer)
        with self.mp_lock:
            self.metric_producers.add(metric_producer)

    def remove(self, metric_producer: MetricProducer) -> None:
        """Remove a producer, if it is there.

        Raises:
            ValueError: It is None.
        """
        _check(metric_producer)
        with self.mp_lock:
            self.metric_producers.discard(metric_producer)

    def get_all(self) -> set[MetricProducer]:
        """Return the producers, in a set of its own."""
        with self.mp_lock:
            return set(self.metric_producers)


def _check(metric_producer: MetricProducer) -> None:
    if metric_producer is None:
        raise ValueError("metric_producer: expected a MetricProducer, got None")
