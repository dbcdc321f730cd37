"""Views, gauges, cumulatives and metric producers as OpenTelemetry instruments, for readers that are not ours.

Each view and each metric becomes one instrument, fed from what OpenCensus code adds up: counts, sums and cumulatives observable counters,
last values and gauges observable gauges, distributions histograms with the view's boundaries. A tag or label without a value is no
attribute.

Loses: what a distribution had added up before a meter provider was there, since a histogram takes measurements one by one; a producer's own
    distributions and summaries. A value on a boundary counts in the bucket below it, not above: that is how OpenTelemetry's are.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from opencensus_compat import __version__
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.context import in_empty_context
from opencensus_compat._bridge.process import SCOPE, report, restart_in_child
from opencensus_compat.metrics import _cardinality
from opencensus_compat.metrics._lock import recording
from opencensus_compat.metrics.export.gauge import Registry
from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptorType
from opencensus_compat.stats.aggregation_data import CountAggregationData, LastValueAggregationData, SumAggregationData
from opencensus_compat.stats.metric_utils import is_gauge
from opencensus_compat.stats.stats import stats

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider

    from opencensus_compat.metrics._cardinality import TagValues
    from opencensus_compat.metrics.export.gauge import BaseGauge
    from opencensus_compat.metrics.export.metric import Metric
    from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptor
    from opencensus_compat.stats.view_data import ViewData

__all__ = ["Instruments", "valid_name", "valid_unit"]

OVERFLOW = str(_cardinality.OVERFLOW)
MAX_NAME = 255
MAX_UNIT = 63
"""Longest name and unit of an instrument, characters. Source: OpenTelemetry specification, metrics API, instrument."""

_DISTRIBUTIONS = frozenset({MetricDescriptorType.GAUGE_DISTRIBUTION, MetricDescriptorType.CUMULATIVE_DISTRIBUTION})
_VALUES: dict[type, Callable[[Any], float]] = {
    CountAggregationData: lambda data: data.count_data,
    SumAggregationData: lambda data: data.sum_data,
    LastValueAggregationData: lambda data: data.value,
}
_INVALID = re.compile(r"[^-_./a-zA-Z0-9]")
_NO_START = re.compile(r"^[^a-zA-Z]+")


def valid_name(name: str) -> str:
    """Return a name that OpenTelemetry accepts: the same one if it does.

    Returns: Letters, digits, ``_``, ``-``, ``.`` and ``/``, beginning with a letter, at most 255 characters. Each other character is a
        ``_``; what stands before the first letter is cut off, a digit excepted, which gets a ``n``.
    """
    text = _INVALID.sub("_", name)
    if text[:1].isdigit():
        text = "n" + text
    return _NO_START.sub("", text)[:MAX_NAME] or "unnamed"


def valid_unit(unit: object) -> str:
    """Return a unit that OpenTelemetry accepts: the same one if it does, else none."""
    text = "" if unit is None else str(unit)
    return text if text.isascii() and len(text) <= MAX_UNIT else ""


class _Reading(threading.local):
    """Whether a reader calls the caller, in this thread."""

    depth = 0


_reading = _Reading()


class Instruments:
    """The instruments of one meter provider. Learns of views as a listener of `stats._feed`.

    Args:
        provider: The meter provider.
    """

    def __init__(self, provider: MeterProvider) -> None:
        # A meter does not keep its provider, and who looks for this provider later does so by its identity.
        self.provider = provider
        self._meter: Meter = provider.get_meter(SCOPE, __version__)
        # Under the instruments' names in lower case, as the SDK writes them.
        self._names = _exporter.instrument_names()
        self._taken: set[str] = set()
        self._views: weakref.WeakKeyDictionary[ViewData, _Distribution | None] = weakref.WeakKeyDictionary()
        self._producers: weakref.WeakKeyDictionary[Any, _Producer] = weakref.WeakKeyDictionary()
        self._is_closed = False
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Begin with a free lock in a child made by fork."""
        # Reentrant: an instrument may be made where garbage is collected, in the midst of making another.
        self._lock = threading.RLock()

    def open(self) -> None:
        """Begin to learn of views and measurements."""
        stats.view_manager.measure_to_view_map._listen(self)

    def close(self) -> None:
        """Learn of nothing more, and tell nothing more."""
        self._is_closed = True
        stats.view_manager.measure_to_view_map._unlisten(self)

    # --- Views

    def view_registered(self, view_data: ViewData) -> None:
        """Make a view's instrument."""
        self._make(lambda: self._of_view(view_data))

    def measured(self, view_data: ViewData, tag_values: TagValues, value: float) -> None:
        """Record a measurement of a distribution."""
        instrument = self._views.get(view_data)
        if instrument is None:
            self._make(lambda: self._of_view(view_data))
            instrument = self._views.get(view_data)
        if instrument is not None:
            instrument.record(tag_values, value)

    def _of_view(self, view_data: ViewData) -> None:
        if view_data not in self._views:
            self._views[view_data] = self._new_for_view(view_data)

    def _new_for_view(self, view_data: ViewData) -> _Distribution | None:
        view = view_data.view
        descriptor = view.get_metric_descriptor()
        columns = [str(column) for column in view.columns]
        if descriptor.type in _DISTRIBUTIONS:
            bounds = [float(bound) for bound in view.new_aggregation_data().bounds]
            return _Distribution(self._histogram(descriptor, bounds), columns)
        reference = weakref.ref(view_data)

        def observe(options: CallbackOptions) -> list[Observation]:
            alive = reference()
            if alive is None:
                return []
            with recording:
                series = [
                    (tag_values, _VALUES[type(data)](data))
                    for tag_values, data in alive.tag_value_aggregation_data_map.items()
                    if type(data) in _VALUES
                ]
            return [Observation(value, _attributes_of_tags(columns, tag_values)) for tag_values, value in series]

        self._observe(descriptor, observe)
        return None

    def _histogram(self, descriptor: MetricDescriptor, bounds: Sequence[float]) -> Histogram:
        name, unit, description = self._described(descriptor)
        if "explicit_bucket_boundaries_advisory" in inspect.signature(self._meter.create_histogram).parameters:
            return self._meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)
        report("this release of OpenTelemetry takes no boundaries from instruments: distributions have its own boundaries there")
        return self._meter.create_histogram(name, unit, description)

    # --- Gauges, cumulatives, producers

    def follow(self, producer: Any) -> None:
        """Make the instruments of what a producer tells now; `gauge_added` and `told` are for what it tells later."""
        if issubclass(type(producer), Registry):
            for gauge in list(producer.gauges.values()):
                self.gauge_added(producer, gauge)
            return
        try:
            metrics = [metric for metric in producer.get_metrics() if metric is not None]
        except _exporter.failure() as error:  # It is the program's, and may not be ready yet
            report("a metric producer could not be read: %r", error)
            return
        self.told(producer, metrics)

    def gauge_added(self, registry: Registry, gauge: BaseGauge) -> None:
        """Make the instrument of a gauge, if there is none yet."""
        reference = weakref.ref(gauge)

        def observe(options: CallbackOptions) -> list[Observation]:
            alive = reference()
            return [] if alive is None else _observations(alive.get_metric(_now()))

        self._make(lambda: self._of_producer(registry, gauge.descriptor, observe))

    def told(self, producer: Any, metrics: Iterable[Metric]) -> None:
        """Make the instruments of metrics that a producer told, if there are none yet."""
        known = self._producers.get(producer)
        new = [metric.descriptor for metric in metrics if known is None or metric.descriptor.name not in known.names]
        if new:
            self._make(lambda: self._of_producers(producer, new))

    def _of_producers(self, producer: Any, descriptors: Iterable[MetricDescriptor]) -> None:
        for descriptor in descriptors:
            self._of_producer(producer, descriptor, None)

    def _of_producer(self, producer: Any, descriptor: MetricDescriptor, observe: Callable[..., list[Observation]] | None) -> None:
        known = self._producers.get(producer)
        if known is None:
            known = self._producers[producer] = _Producer(producer)
        if descriptor.name in known.names:
            return
        known.names.add(descriptor.name)
        if descriptor.type in _DISTRIBUTIONS:
            report("OpenTelemetry has no observable histograms: distributions of metric producers stay away from its readers")
            return
        self._observe(descriptor, observe or known.reader_of(descriptor.name))

    # --- Both

    def _make(self, make: Callable[[], object]) -> None:
        """Make instruments.

        The SDK holds a lock while a reader reads, under which the program's own functions run: those of derived gauges. It wants the same
        lock for a new instrument, so that one which such a function brings about has to be made by another thread: it waits.
        """
        if not _reading.depth:
            self._make_now(make)
            return
        # None can be started at the end of the interpreter, when nobody would see the instrument either.
        with contextlib.suppress(RuntimeError):
            thread = threading.Thread(target=self._make_now, args=(make,), name="opencensus-instruments", daemon=True)
            _exporter.wait_for_at_end(thread)
            in_empty_context(thread.start)

    def _make_now(self, make: Callable[[], object]) -> None:
        with self._lock:
            make()

    def _guarded(self, observe: Callable[[CallbackOptions], list[Observation]]) -> Callable[[CallbackOptions], list[Observation]]:
        def read(options: CallbackOptions) -> list[Observation]:
            if self._is_closed:
                return []
            _reading.depth += 1
            try:
                return observe(options)
            except _exporter.failure() as error:  # A producer is the program's
                # Told once: the SDK would log a traceback at each collection, for each instrument.
                report("a metric could not be read, and is left out: %r", error)
                return []
            finally:
                _reading.depth -= 1

        return read

    def _observe(self, descriptor: MetricDescriptor, observe: Callable[..., list[Observation]]) -> None:
        make = self._meter.create_observable_gauge if is_gauge(descriptor.type) else self._meter.create_observable_counter
        name, unit, description = self._described(descriptor)
        make(name, [self._guarded(observe)], unit, description)

    def _described(self, descriptor: MetricDescriptor) -> tuple[str, str, str]:
        """Return name, unit and description of a new instrument."""
        given = str(descriptor.name)
        name = valid = valid_name(given)
        number = 1
        # A name means the same metric with all meter providers: exporters know it by nothing else.
        while name.lower() in self._taken or self._names.setdefault(name.lower(), given) != given:
            number += 1
            name = f"{valid[: MAX_NAME - 6]}_{number}"
        if number > 1:
            report("several OpenCensus metrics have the OpenTelemetry name %r: others than the first have numbers", valid)
        self._taken.add(name.lower())
        return name, valid_unit(descriptor.unit), str(descriptor.description or "")


class _Distribution:
    """The histogram of a view, and the attributes of its series, which are as many as the view has."""

    __slots__ = ("_attributes", "_columns", "_histogram")

    def __init__(self, histogram: Histogram, columns: Sequence[str]) -> None:
        self._histogram = histogram
        self._columns = columns
        self._attributes: dict[TagValues, dict[str, Any]] = {}

    def record(self, tag_values: TagValues, value: float) -> None:
        attributes = self._attributes.get(tag_values)
        if attributes is None:
            attributes = self._attributes[tag_values] = _attributes_of_tags(self._columns, tag_values)
        self._histogram.record(value, attributes)


class _Producer:
    """What is known of a producer that has no gauges to ask one by one."""

    def __init__(self, producer: Any) -> None:
        self._producer = weakref.ref(producer)
        self.names: set[str] = set()
        self._read: dict[str, Metric] = {}
        """What was read and not yet taken: each collection reads once, for the first instrument that asks, and not once for each."""

    def reader_of(self, name: str) -> Callable[[CallbackOptions], list[Observation]]:
        def observe(options: CallbackOptions) -> list[Observation]:
            metric = self._read.pop(name, None)
            producer = self._producer()
            if metric is None and producer is not None:
                self._read = {each.descriptor.name: each for each in producer.get_metrics() if each is not None}
                metric = self._read.pop(name, None)
            return _observations(metric)

        return observe


def _observations(metric: Metric | None) -> list[Observation]:
    if metric is None:
        return []
    keys = [str(key.key) for key in metric.descriptor.label_keys]
    made = []
    for series in metric.time_series:
        value = series.points[-1].value
        if value is not None:
            labels = [None if label is None else label.value for label in series.label_values]
            made.append(Observation(value.value, _attributes(keys, labels)))
    return made


def _attributes_of_tags(columns: Sequence[str], tag_values: TagValues) -> dict[str, Any]:
    if _cardinality.is_overflow(tag_values):
        return {OVERFLOW: True}
    return _attributes(columns, tag_values)


def _attributes(keys: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    if values and all(value == OVERFLOW for value in values):
        return {OVERFLOW: True}
    # A plain text: exporters look at the exact type of values.
    return {key: value if type(value) in _PLAIN else str(value) for key, value in zip(keys, values, strict=False) if value is not None}


_PLAIN = (bool, int, float, str)


def _now() -> datetime:
    # OpenCensus's times are UTC without a zone.
    return datetime.now(timezone.utc).replace(tzinfo=None)
