"""Gauges: numbers that go up and down, set by the program or read from its functions, one for each set of label values.

A gauge has no more time series than a view has sets of tag values (`OPENCENSUS_COMPAT_MAX_TAG_SETS`, 2000 by default), the one without
label values not counted. What is set or added for further label values goes to one series whose labels all read `otel.metric.overflow`; a
further *function* is not read for export. Both are counted, and a warning says so once for each gauge.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import report
from opencensus_compat.common import utils
from opencensus_compat.metrics import _cardinality, _feed
from opencensus_compat.metrics._lock import recording as _lock
from opencensus_compat.metrics.export import metric, metric_descriptor, metric_producer, time_series
from opencensus_compat.metrics.export import point as point_module
from opencensus_compat.metrics.export import value as value_module
from opencensus_compat.metrics.label_value import LabelValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opencensus_compat.metrics.label_key import LabelKey

_logger = logging.getLogger("opencensus.metrics.export.gauge")


def get_timeseries_list(points: Mapping[tuple[Any, ...], Any], timestamp: datetime) -> list[time_series.TimeSeries]:
    """Return a time series of one point for each number.

    Args:
        points: Label values to `GaugePoint`.
        timestamp: Time of the points, and start of their series.

    Loses:
        A series whose function raises something else than TypeError, or returns what is no number; said once in the log.
    """
    series = []
    for label_values, gauge_point in points.items():
        try:
            value = gauge_point.to_point_value()
        except _exporter.failure() as error:  # It comes from the program's function
            report("the function of a derived metric failed, so that its time series is missing: %r in %r", error, gauge_point)
            continue
        series.append(time_series.TimeSeries(label_values, [point_module.Point(value, timestamp)], timestamp))
    return series


class GaugePoint:
    """One number of a gauge."""

    def to_point_value(self) -> Any:
        """Return the number as one of the classes of `value`; subclasses do."""
        raise NotImplementedError(f"{type(self).__name__} has to define to_point_value()")

    def get_value(self) -> Any:
        """Return the number; subclasses do."""
        raise NotImplementedError(f"{type(self).__name__} has to define get_value()")


class GaugePointLong(GaugePoint):
    """A whole number of a `LongGauge`."""

    def __init__(self) -> None:
        self.value = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    def add(self, val: int) -> None:
        """Add to the number.

        Raises:
            ValueError: It is no whole number.
        """
        if not isinstance(val, int):
            raise _no_integer(self, val)
        with _lock:
            self.value += val

    def set(self, val: int) -> None:
        """Set the number.

        Raises:
            ValueError: It is no whole number.
        """
        if not isinstance(val, int):
            raise _no_integer(self, val)
        with _lock:
            self.value = val

    def get_value(self) -> int:
        """Return the number."""
        return self.value

    def to_point_value(self) -> value_module.ValueLong:
        """Return the number as `ValueLong`."""
        return value_module.ValueLong(self.value)


class GaugePointDouble(GaugePoint):
    """A number of a `DoubleGauge`."""

    def __init__(self) -> None:
        self.value = 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    def add(self, val: float) -> None:
        """Add to the number."""
        with _lock:
            self.value += val

    def set(self, val: float) -> None:
        """Set the number.

        Raises:
            TypeError: `float` does not take it.
            ValueError: The same, for texts.
        """
        number = float(val)
        with _lock:
            self.value = number

    def get_value(self) -> float:
        """Return the number."""
        return self.value

    def to_point_value(self) -> value_module.ValueDouble:
        """Return the number as `ValueDouble`."""
        return value_module.ValueDouble(self.value)


def _no_integer(point: GaugePoint, val: object) -> ValueError:
    return ValueError(f"{type(point).__name__} only supports integer types, got {val!r}")


class DerivedGaugePoint(GaugePoint):
    """A number that a function of the program returns when it is read.

    The function is held weakly: the program has to keep it. A lambda or a bound method of an object that nobody else holds is gone at once.

    Args:
        func: The function. What is no function, a bound method excepted, must take weak references.
        gauge_point: Takes what it returned; a cumulative one therefore never goes down.
        **kwargs: What the function is called with.
    """

    def __init__(self, func: Callable[..., Any], gauge_point: Any, **kwargs: Any) -> None:
        self.gauge_point = gauge_point
        self.func = utils.get_weakref(func)
        self._kwargs = kwargs

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.func()})({self._kwargs})"

    def get_value(self) -> Any:
        """Call the function and return the number; None when the function is gone, returns None, or raises TypeError.

        Raises:
            ValueError: A whole number was expected, and something else came.
            Exception: What the function raises.
        """
        func = self.func()
        if func is None:
            return None
        try:
            value = func(**self._kwargs)
        except TypeError as error:
            # OpenCensus took every TypeError for the sign that the function is gone.
            report("the function of a derived metric failed, so that it has no value: %r in %r", error, self)
            return None
        if value is None:
            return None
        self.gauge_point.set(value)
        return self.gauge_point.get_value()

    def to_point_value(self) -> Any:
        """Call the function and return the number as one of the classes of `value`; None and errors as for `get_value`."""
        return None if self.get_value() is None else self.gauge_point.to_point_value()


class BaseGauge:
    """What gauges and cumulatives have in common.

    Args:
        name: Name of the metric.
        description: What it shows, for people.
        unit: Unit of its numbers, in the notation of UCUM.
        label_keys: Its dimensions.

    Raises:
        ValueError: A label key is None.
    """

    def __init__(self, name: str, description: str | None, unit: str | None, label_keys: Sequence[LabelKey]) -> None:
        self._len_label_keys = len(label_keys)
        self.default_label_values = [None] * self._len_label_keys
        self.descriptor = metric_descriptor.MetricDescriptor(name, description, unit, self.descriptor_type, label_keys)
        self.points: dict[tuple[Any, ...], Any] = {}
        self._limit = _cardinality.limit()
        self._overflowed = 0  # how many times there was no room for a series

    def __repr__(self) -> str:
        return f'{type(self).__name__}(descriptor.name="{self.descriptor.name}", points={OrderedDict(self.points)})'

    def _checked(self, label_values: Sequence[LabelValue]) -> tuple[LabelValue, ...]:
        """Return label values as the key of a time series.

        Raises:
            ValueError: They are None, have None in them, or are more or fewer than the label keys.
        """
        if label_values is None:
            raise ValueError(f"{self.descriptor.name}: label_values: expected a list of LabelValue, got None")
        if len(label_values) != self._len_label_keys or None in (key := tuple(label_values)):
            raise ValueError(f"{self.descriptor.name}: label_values: expected {self._len_label_keys} LabelValue, got {label_values!r}")
        return key

    def _is_full(self, key: tuple[Any, ...]) -> bool:
        """Return whether there is no room for a new series. The one without label values always has room."""
        if len(self.points) < self._limit:
            return False
        default = tuple(self.default_label_values)
        limited = len(self.points) - (default in self.points) - (self._overflow_key in self.points)
        return key != default and limited >= self._limit

    @property
    def _overflow_key(self) -> tuple[LabelValue, ...]:
        return (LabelValue(_cardinality.OVERFLOW),) * self._len_label_keys

    def _note_overflow(self) -> None:
        """Count a series for which there was no room, and say so the first time. Not under the lock: a log handler may record."""
        with _lock:
            self._overflowed += 1
            said = self._overflowed > 1
        if not said:
            _logger.warning(
                "The metric %r has %d time series, as many as %s allows: further label values are lost from now on; what is set and added "
                "for them is kept under %r, functions are not called",
                self.descriptor.name, self._limit, _cardinality.LIMIT_VARIABLE, str(_cardinality.OVERFLOW),
            )  # fmt: skip

    def _remove_time_series(self, label_values: Iterable[Any]) -> None:
        with _lock:
            self.points.pop(tuple(label_values), None)

    def remove_time_series(self, label_values: Sequence[LabelValue]) -> None:
        """Remove the time series of some label values, if there is one.

        Raises:
            ValueError: The label values do not fit the label keys.
        """
        self._remove_time_series(self._checked(label_values))

    def remove_default_time_series(self) -> None:
        """Remove the time series without label values, if there is one."""
        self._remove_time_series(self.default_label_values)

    def clear(self) -> None:
        """Remove all time series."""
        with _lock:
            self.points = {}

    def get_metric(self, timestamp: datetime) -> metric.Metric | None:
        """Return the numbers of this moment; None when there are no time series.

        Functions of derived metrics are called, and may themselves work on this gauge.

        Args:
            timestamp: Time of the points, UTC without a zone.
        """
        with _lock:
            points = self.points.copy()
        series = get_timeseries_list(points, timestamp)
        return metric.Metric(self.descriptor, series) if series else None

    @property
    def descriptor_type(self) -> int:
        """The kind of metric, a constant of `MetricDescriptorType`; subclasses have one."""
        raise NotImplementedError(f"{type(self).__name__} has to define descriptor_type")

    @property
    def point_type(self) -> Any:
        """The class of its numbers; subclasses have one."""
        raise NotImplementedError(f"{type(self).__name__} has to define point_type")


class Gauge(BaseGauge):
    """A gauge or cumulative whose numbers the program sets."""

    def _get_or_create_time_series(self, key: tuple[Any, ...]) -> Any:
        point = self.points.get(key)
        if point is not None:
            return point
        with _lock:
            beyond = key not in self.points and self._is_full(key)
            point = self.points.setdefault(self._overflow_key if beyond else key, self.point_type())
        if beyond:
            self._note_overflow()
        return point

    def get_or_create_time_series(self, label_values: Sequence[LabelValue]) -> Any:
        """Return the number of some label values, which can be set and added to; keep it rather than asking each time.

        Raises:
            ValueError: The label values do not fit the label keys.

        Loses:
            The label values, where the gauge has as many time series as it may.
        """
        return self._get_or_create_time_series(self._checked(label_values))

    def get_or_create_default_time_series(self) -> Any:
        """Return the number without label values, which can be set and added to."""
        return self._get_or_create_time_series(tuple(self.default_label_values))


class LongGaugeMixin:
    """Whole numbers."""

    descriptor_type = metric_descriptor.MetricDescriptorType.GAUGE_INT64
    point_type = GaugePointLong


class DoubleGaugeMixin:
    """Numbers."""

    descriptor_type = metric_descriptor.MetricDescriptorType.GAUGE_DOUBLE
    point_type = GaugePointDouble


class LongGauge(LongGaugeMixin, Gauge):
    """Whole numbers that the program sets."""


class DoubleGauge(DoubleGaugeMixin, Gauge):
    """Numbers that the program sets."""


class DerivedGauge(BaseGauge):
    """A gauge or cumulative whose numbers functions of the program return."""

    def _create_time_series(self, key: tuple[Any, ...], func: Callable[..., Any], **kwargs: Any) -> DerivedGaugePoint:
        point = DerivedGaugePoint(func, self.point_type(), **kwargs)
        with _lock:
            beyond = key not in self.points and self._is_full(key)
            if not beyond:
                point = self.points.setdefault(key, point)
        if beyond:
            self._note_overflow()
        return point

    def create_time_series(self, label_values: Sequence[LabelValue], func: Callable[..., Any], **kwargs: Any) -> DerivedGaugePoint:
        """Read the number of some label values from a function; the first function given for them is kept.

        Args:
            label_values: The label values.
            func: The function, held weakly.
            **kwargs: What it is called with.

        Returns:
            The number, to be read only.

        Raises:
            ValueError: The label values do not fit the label keys, or there is no function.

        Loses:
            The time series, where the gauge has as many as it may: the function is then called by the returned number only.
        """
        key = self._checked(label_values)
        if func is None:
            raise ValueError(f"{self.descriptor.name}: func: expected a function, got None")
        return self._create_time_series(key, func, **kwargs)

    def create_default_time_series(self, func: Callable[..., Any]) -> DerivedGaugePoint:
        """Read the number without label values from a function; the first function given is kept.

        Raises:
            ValueError: There is no function.
        """
        if func is None:
            raise ValueError(f"{self.descriptor.name}: func: expected a function, got None")
        return self._create_time_series(tuple(self.default_label_values), func)


class DerivedLongGauge(LongGaugeMixin, DerivedGauge):
    """Whole numbers that functions of the program return."""


class DerivedDoubleGauge(DoubleGaugeMixin, DerivedGauge):
    """Numbers that functions of the program return."""


class Registry(metric_producer.MetricProducer):
    """Gauges and cumulatives that are exported together."""

    def __init__(self) -> None:
        self.gauges: dict[str, BaseGauge] = {}

    def __repr__(self) -> str:
        # The parenthesis was never closed.
        return f"{type(self).__name__}(gauges={self.gauges}"

    def add_gauge(self, gauge: BaseGauge) -> None:
        """Add a gauge or cumulative.

        Raises:
            ValueError: It is None, or its name is taken.
        """
        if gauge is None:
            raise ValueError("gauge: expected a gauge or cumulative, got None")
        name = gauge.descriptor.name
        with _lock:
            if name in self.gauges:
                raise ValueError(f'Another gauge named "{name}" is already registered: choose another name, or keep the gauge and reuse it')
            self.gauges[name] = gauge
        _feed.producers.gauge_added(self, gauge)

    def get_metrics(self) -> set[metric.Metric]:
        """Return the numbers of this moment, a metric for each gauge that has time series."""
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        with _lock:
            gauges = list(self.gauges.values())
        metrics = [gauge.get_metric(now) for gauge in gauges]
        return {made for made in metrics if made is not None}
