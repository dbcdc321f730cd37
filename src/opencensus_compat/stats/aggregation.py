"""How the measurements of a view are put together."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence

from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptorType
from opencensus_compat.stats import aggregation_data
from opencensus_compat.stats.measure import BaseMeasure, MeasureFloat, MeasureInt

logger = logging.getLogger("opencensus.stats.aggregation")


class SumAggregation:
    """Adds the values.

    Args:
        sum: What to start with.
    """

    def __init__(self, sum: float | None = None) -> None:
        self._initial_sum = sum or 0

    def new_aggregation_data(self, measure: BaseMeasure) -> aggregation_data.SumAggregationData:
        """Return what holds the sum of one set of tag values.

        Raises:
            ValueError: The measure is neither of the two kinds.
        """
        value_type = MetricDescriptorType.to_type_class(self.get_metric_type(measure))
        return aggregation_data.SumAggregationData(value_type=value_type, sum_data=self._initial_sum)

    @staticmethod
    def get_metric_type(measure: BaseMeasure) -> int:
        """Return the kind of metric: a cumulative of the measure's kind.

        Raises:
            ValueError: The measure is neither of the two kinds.
        """
        return _by_kind(measure, MetricDescriptorType.CUMULATIVE_INT64, MetricDescriptorType.CUMULATIVE_DOUBLE)


class CountAggregation:
    """Counts the measurements.

    Args:
        count: What to start with.
    """

    def __init__(self, count: int = 0) -> None:
        self._initial_count = count

    def new_aggregation_data(self, measure: BaseMeasure | None = None) -> aggregation_data.CountAggregationData:
        """Return what holds the count of one set of tag values."""
        return aggregation_data.CountAggregationData(self._initial_count)

    @staticmethod
    def get_metric_type(measure: BaseMeasure | None) -> int:  # noqa: ARG004 -- OpenCensus's signature
        """Return the kind of metric: a cumulative of whole numbers."""
        return MetricDescriptorType.CUMULATIVE_INT64


class DistributionAggregation:
    """Keeps count, mean and deviation of the values, and a histogram of them.

    Args:
        boundaries: Boundaries of the histogram's buckets, rising, in the measure's unit; no histogram when there are none. Those that
            are not above 0 are dropped with a warning, for values below 0 are not recorded.

    Raises:
        ValueError: They do not rise.
    """

    def __init__(self, boundaries: Sequence[float] | None = None) -> None:
        if boundaries:
            if not all(low < high for low, high in itertools.pairwise(boundaries)):
                raise ValueError(f"bounds must be sorted in increasing order, got {boundaries!r}")
            dropped = sum(not boundary > 0 for boundary in boundaries)
            if dropped:
                logger.warning("Dropped the %d lowest of the boundaries %r: they are not above 0", dropped, boundaries)
            boundaries = boundaries[dropped:]
        self._boundaries = boundaries
        self._empty: aggregation_data.DistributionAggregationData | None = None
        """What every new series is a copy of, so that all of them share the boundaries."""

    def new_aggregation_data(self, measure: BaseMeasure | None = None) -> aggregation_data.DistributionAggregationData:
        """Return what holds the distribution of one set of tag values."""
        if self._empty is None:
            empty = aggregation_data.DistributionAggregationData(0, 0, 0, None, self._boundaries)
            empty._options()
            self._empty = empty
        return self._empty._another()

    @staticmethod
    def get_metric_type(measure: BaseMeasure | None) -> int:  # noqa: ARG004 -- OpenCensus's signature
        """Return the kind of metric: a cumulative distribution."""
        return MetricDescriptorType.CUMULATIVE_DISTRIBUTION


class LastValueAggregation:
    """Keeps the value that was recorded last.

    Args:
        value: What to start with.
    """

    def __init__(self, value: float = 0) -> None:
        self._initial_value = value

    def new_aggregation_data(self, measure: BaseMeasure) -> aggregation_data.LastValueAggregationData:
        """Return what holds the last value of one set of tag values.

        Raises:
            ValueError: The measure is neither of the two kinds.
        """
        value_type = MetricDescriptorType.to_type_class(self.get_metric_type(measure))
        return aggregation_data.LastValueAggregationData(value=self._initial_value, value_type=value_type)

    @staticmethod
    def get_metric_type(measure: BaseMeasure) -> int:
        """Return the kind of metric: a gauge of the measure's kind.

        Raises:
            ValueError: The measure is neither of the two kinds.
        """
        return _by_kind(measure, MetricDescriptorType.GAUGE_INT64, MetricDescriptorType.GAUGE_DOUBLE)


def _by_kind(measure: BaseMeasure, whole: int, fraction: int) -> int:
    if isinstance(measure, MeasureInt):
        return whole
    if isinstance(measure, MeasureFloat):
        return fraction
    raise ValueError(f"measure: expected a MeasureInt or MeasureFloat, got {measure!r}")
