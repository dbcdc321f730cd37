"""Gauges, cumulatives and metric producers as OpenTelemetry instruments, for readers that are not ours.

Each metric becomes one instrument: cumulatives observable counters, gauges observable gauges. A label without a value is no attribute.

Loses: a producer's own distributions and summaries.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.handles import is_own
from opencensus_compat._bridge.process import report
from opencensus_compat.metrics import _cardinality
from opencensus_compat.metrics._feed import ALL, producers
from opencensus_compat.metrics.export.gauge import Registry
from opencensus_compat.metrics.export.metric_descriptor import _DISTRIBUTIONS, _is_gauge

if TYPE_CHECKING:
    from opencensus_compat._bridge.providers.instruments import Instruments
    from opencensus_compat.metrics._feed import Gauge
    from opencensus_compat.metrics.export.metric import Metric
    from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptor
    from opencensus_compat.metrics.export.metric_producer import MetricProducer

__all__ = ["ProducerInstruments", "attributes"]

OVERFLOW = str(_cardinality.OVERFLOW)


class ProducerInstruments:
    """The instruments of the metric producers that are exported. A listener of `metrics._feed`.

    Args:
        instruments: Those of the meter provider.
    """

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._producers: weakref.WeakKeyDictionary[MetricProducer, _Producer] = weakref.WeakKeyDictionary()

    def open(self) -> None:
        """Make the instruments of what there is, and of what comes from now on."""
        producers.listen(self)

    def close(self) -> None:
        """Make no more."""
        producers.unlisten(self)

    def producer_added(self, producer: MetricProducer) -> None:
        """Make the instruments of what a producer has now."""
        if is_own(producer, Registry):
            for gauge in list(producer.gauges.values()):
                self.gauge_added(producer, gauge)
            if _has_gauges_only(producer):
                return
        try:
            metrics = [metric for metric in producer.get_metrics() if metric is not None]
        except _exporter.failure() as error:  # It is the program's, and may not be ready yet
            report("a metric producer could not be read: %r", error)
            return
        self.metrics_read(producer, metrics)

    def gauge_added(self, registry: MetricProducer, gauge: Gauge) -> None:
        """Make the instrument of a gauge, if there is none yet."""
        reference = weakref.ref(gauge)

        def read() -> list[Observation]:
            alive = reference()
            # OpenCensus's times are UTC without a zone.
            return [] if alive is None else _observations(alive.get_metric(datetime.now(timezone.utc).replace(tzinfo=None)))

        self._instruments.make(lambda: self._new(registry, gauge.descriptor, read))

    def metrics_read(self, producer: MetricProducer, metrics: Sequence[Metric]) -> None:
        """Make the instruments of metrics that were read from a producer, if there are none yet."""
        known = self._producers.get(producer)
        new = [metric.descriptor for metric in metrics if known is None or metric.descriptor.name not in known.names]
        if new:
            self._instruments.make(lambda: self._new_of_producer(producer, new))

    def look(self, producer: MetricProducer, collecting: object) -> None:
        """Make the instruments of what a producer has by now for the first time.

        Functions of the program's that return what came since they were called last, as those of rates, must not be called in between:
        the producer is read here only as long as no instrument reads it, or for the collection that follows.
        """
        if _has_gauges_only(producer):
            return
        known = self._producers.get(producer)
        if known is None or not known.has_reader:
            self.producer_added(producer)
            return
        if collecting in (ALL, self._instruments.provider):
            try:
                known.read_now()
            except _exporter.failure() as error:
                report("a metric producer could not be read: %r", error)
        if new := known.take_new():
            self._instruments.make(lambda: self._new_of_producer(producer, new))

    def has_metric(self, producer: MetricProducer, name: str) -> bool:
        """Return whether a metric of a producer has an instrument."""
        known = self._producers.get(producer)
        return known is not None and name in known.names

    def _new_of_producer(self, producer: MetricProducer, descriptors: Iterable[MetricDescriptor]) -> None:
        for descriptor in descriptors:
            self._new(producer, descriptor, None)

    def _new(self, producer: MetricProducer, descriptor: MetricDescriptor, read: Callable[[], list[Observation]] | None) -> None:
        known = self._producers.get(producer)
        if known is None:
            known = self._producers[producer] = _Producer(producer)
        if descriptor.name in known.names:
            return
        known.names.add(descriptor.name)
        if descriptor.type in _DISTRIBUTIONS:
            report(
                "OpenTelemetry has no observable histograms: distributions of metric producers are not exported to OpenTelemetry readers"
            )
            return
        self._instruments.observe(
            descriptor.name,
            descriptor.unit,
            descriptor.description,
            read or known.reader_of(descriptor.name),
            is_gauge=_is_gauge(descriptor.type),
        )


class _Producer:
    """What is known of a producer that has no gauges to read one by one."""

    def __init__(self, producer: MetricProducer) -> None:
        self._producer = weakref.ref(producer)
        self.names: set[str] = set()
        self.has_reader = False
        """Whether an instrument reads it."""
        self._new: list[MetricDescriptor] = []
        self._read: dict[str, Metric] = {}
        """What was read and not yet taken: each collection reads once, for the first instrument, and not once for each."""

    def reader_of(self, name: str) -> Callable[[], list[Observation]]:
        """Return what reads one metric."""
        self.has_reader = True

        def read() -> list[Observation]:
            metric = self._read.pop(name, None)
            if metric is None:
                self.read_now()
                metric = self._read.pop(name, None)
            return _observations(metric)

        return read

    def read_now(self) -> None:
        """Read all metrics, which the instruments take from here."""
        producer = self._producer()
        if producer is not None:
            self._read = {each.descriptor.name: each for each in producer.get_metrics() if each is not None}
            self._new = [each.descriptor for each in self._read.values() if each.descriptor.name not in self.names]

    def take_new(self) -> list[MetricDescriptor]:
        """Return what was found when it was last read and has no instrument yet."""
        new, self._new = self._new, []
        return new


def _has_gauges_only(producer: MetricProducer) -> bool:
    """Return whether a producer is a registry whose gauges are all that it has: each gets its instrument as it comes."""
    return is_own(producer, Registry) and getattr(producer.get_metrics, "__func__", None) is Registry.get_metrics


def _observations(metric: Metric | None) -> list[Observation]:
    if metric is None:
        return []
    keys = [str(key.key) for key in metric.descriptor.label_keys]
    made = []
    for series in metric.time_series:
        value = series.points[-1].value
        if value is not None:
            labels = [None if label is None else label.value for label in series.label_values]
            made.append(Observation(value.value, attributes(keys, labels)))
    return made


def attributes(keys: Sequence[str], values: Sequence[object]) -> dict[str, bool | int | float | str]:
    """Return the attributes of a series: one for each key that has a value.

    Args:
        keys: Columns of a view, or label keys.
        values: One tag value or label value for each key; None stands for none.
    Returns: A single attribute for the series that takes what is beyond the limit of series, as OpenTelemetry specifies it.
    """
    if _cardinality.is_overflow(values):
        return {OVERFLOW: True}
    # A plain text: exporters look at the exact type of values.
    pairs = zip(keys, values, strict=False)
    return {key: value if type(value) in _PLAIN else str(value) for key, value in pairs if value is not None}  # type: ignore[misc]  # the values are plain


_PLAIN = (bool, int, float, str)
