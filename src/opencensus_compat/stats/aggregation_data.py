"""What has been added up for one view and one set of tag values."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opencensus_compat.metrics.export import point, value
from opencensus_compat.stats.bucket_boundaries import BucketBoundaries

if TYPE_CHECKING:
    from datetime import datetime

    from opencensus_compat.metrics.export.point import Point

    ValueType = type[value.ValueLong | value.ValueDouble]


class SumAggregationData:
    """A sum.

    Args:
        value_type: Class of the values in points, `ValueLong` or `ValueDouble`.
        sum_data: The sum so far.
    """

    def __init__(self, value_type: ValueType, sum_data: float) -> None:
        self._value_type = value_type
        self._sum_data = sum_data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.sum_data})"

    def add_sample(self, value: float, timestamp: datetime | str | None = None, attachments: Mapping[str, str] | None = None) -> None:
        """Add a value; the rest is not kept."""
        self._sum_data += value

    @property
    def sum_data(self) -> float:
        """The sum so far."""
        return self._sum_data

    @property
    def value_type(self) -> ValueType:
        """Class of the values in points."""
        return self._value_type

    def to_point(self, timestamp: datetime) -> Point:
        """Return the sum so far as a point of that time."""
        return point.Point(self._value_type(self.sum_data), timestamp)  # type: ignore[arg-type]  # whole numbers are not converted


SumAggregationDataFloat = SumAggregationData
"""The class's name in older releases. opencensus-ext-prometheus still asks for it, and fails at sums and last values without."""


class CountAggregationData:
    """A number of measurements.

    Args:
        count_data: How many so far.
    """

    def __init__(self, count_data: int) -> None:
        self._count_data = count_data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.count_data})"

    def add_sample(self, value: float, timestamp: datetime | str | None = None, attachments: Mapping[str, str] | None = None) -> None:
        """Count one more."""
        self._count_data += 1

    @property
    def count_data(self) -> int:
        """How many so far."""
        return self._count_data

    def to_point(self, timestamp: datetime) -> Point:
        """Return the number so far as a point of that time."""
        return point.Point(value.ValueLong(self.count_data), timestamp)


class DistributionAggregationData:
    """Count, mean and deviation of values, and a histogram of them.

    Args:
        mean_data: Mean of the values so far.
        count_data: How many there are.
        sum_of_sqd_deviations: Sum of the squares of their distances from the mean.
        counts_per_bucket: How many are in each bucket, one more than there are boundaries; nothing anywhere when None.
        bounds: Boundaries of the buckets, rising and above 0; one bucket for all when None. A value on a boundary is in the bucket
            above it.
        exemplars: One of the values in each bucket; None where there is none.

    Raises:
        ValueError: There is another number of exemplars than of buckets.
        AssertionError: The boundaries or the counts are not as said. As in OpenCensus:
            https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/aggregation_data.py#L161-L174
    """

    _min: float | None = None
    _max: float | None = None
    """Lowest and highest of the values; None where values were given to the constructor."""

    def __init__(
        self,
        mean_data: float,
        count_data: int,
        sum_of_sqd_deviations: float,
        counts_per_bucket: list[int] | None = None,
        bounds: Sequence[float] | None = None,
        exemplars: Iterable[Exemplar | None] | None = None,
    ) -> None:
        buckets = (0 if bounds is None else len(bounds)) + 1
        examples = None if exemplars is None else list(exemplars)
        if examples is not None and (bounds is None or len(examples) != buckets):
            raise ValueError(f"exemplars: expected {0 if bounds is None else buckets} for the boundaries {bounds!r}, got {len(examples)}")
        self._mean_data = mean_data
        self._count_data = count_data
        self._sum_of_sqd_deviations = sum_of_sqd_deviations
        self._bounds = BucketBoundaries(boundaries=bounds).boundaries
        if self._bounds != sorted(set(self._bounds)) or not all(bound > 0 for bound in self._bounds):
            raise AssertionError(f"bounds: expected numbers above 0, each above the one before, got {bounds!r}")
        self._exemplars = None if bounds is None else dict(enumerate(examples or [None] * buckets))
        if counts_per_bucket is None:
            counts_per_bucket = [0] * buckets
        elif len(counts_per_bucket) != buckets or not all(count >= 0 for count in counts_per_bucket):
            raise AssertionError(f"counts_per_bucket: expected {buckets} numbers of at least 0, got {counts_per_bucket!r}")
        self._counts_per_bucket = counts_per_bucket
        self._bucket_options: value.BucketOptions | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.count_data})"

    @property
    def mean_data(self) -> float:
        """Mean of the values so far."""
        return self._mean_data

    @property
    def count_data(self) -> int:
        """How many there are."""
        return self._count_data

    @property
    def sum_of_sqd_deviations(self) -> float:
        """Sum of the squares of their distances from the mean."""
        return self._sum_of_sqd_deviations

    @property
    def counts_per_bucket(self) -> list[int]:
        """How many are in each bucket."""
        return self._counts_per_bucket

    @property
    def exemplars(self) -> dict[int, Exemplar | None] | None:
        """The latest value with attachments in each bucket, by the bucket's index; None where there are no boundaries."""
        return self._exemplars

    @property
    def bounds(self) -> list[float]:
        """Boundaries of the buckets."""
        return self._bounds

    @property
    def sum(self) -> float:
        """Sum of the values so far, computed from the mean: the last digits may differ from those of an addition."""
        return self._mean_data * self._count_data

    @property
    def variance(self) -> float:
        """Sample variance of the values so far; 0 for less than two."""
        if self._count_data <= 1:
            return 0
        return self._sum_of_sqd_deviations / (self._count_data - 1)

    def add_sample(self, value: float, timestamp: datetime | str | None, attachments: Mapping[str, str] | None) -> None:
        """Add a value.

        Args:
            value: The value.
            timestamp: When it was recorded.
            attachments: What to keep with it as the bucket's exemplar; None keeps none.

        Raises:
            TypeError: A key or value of the attachments is no text. The value is in the histogram, but not in the mean.
        """
        self._count_data = count = self._count_data + 1
        bucket = self.increment_bucket_count(value)
        if attachments is not None and self._exemplars is not None:
            self._exemplars[bucket] = Exemplar(value, timestamp, attachments)
        if count == 1:
            self._mean_data = self._min = self._max = value
            return
        if self._min is not None and self._max is not None:
            if value > self._max:
                self._max = value
            elif value < self._min:
                self._min = value
        # Welford's method: one pass, and no difference of two large sums.
        distance = value - self._mean_data
        self._mean_data += distance / count
        self._sum_of_sqd_deviations += distance * (value - self._mean_data)

    def increment_bucket_count(self, value: float) -> int:
        """Count a value in the histogram alone, and return the index of its bucket."""
        bucket = bisect_right(self._bounds, value)
        self._counts_per_bucket[bucket] += 1
        return bucket

    def to_point(self, timestamp: datetime) -> Point:
        """Return the distribution so far as a point of that time; one without boundaries has no buckets there."""
        made = value.ValueDistribution._of_counts(
            self._count_data, self.sum, self._sum_of_sqd_deviations, self._options(), self._counts_per_bucket
        )
        made._min, made._max = self._min, self._max
        if self._exemplars and any(self._exemplars.values()):
            # An exemplar stands beside the count of its moment, so these buckets are made at once.
            for index, bucket in enumerate(made._buckets or ()):
                if (exemplar := self._exemplars.get(index)) is not None:
                    bucket._exemplar = _to_metric(exemplar)
        return point.Point(made, timestamp)

    def _options(self) -> value.BucketOptions:
        """Return the boundaries as points have them, made once, for it takes longer than all the rest."""
        if self._bucket_options is None:
            self._bucket_options = value.BucketOptions(value.Explicit(self._bounds) if self._bounds else None)
        return self._bucket_options

    def _another(self) -> DistributionAggregationData:
        """Return a copy that later measurements do not change; it shares the boundaries."""
        made = object.__new__(DistributionAggregationData)  # past the constructor, which would check the boundaries again
        made._mean_data = self._mean_data
        made._count_data = self._count_data
        made._sum_of_sqd_deviations = self._sum_of_sqd_deviations
        made._min, made._max = self._min, self._max
        made._bounds = self._bounds
        made._bucket_options = self._bucket_options
        made._exemplars = self._exemplars and dict(self._exemplars)
        made._counts_per_bucket = list(self._counts_per_bucket)
        return made


class LastValueAggregationData:
    """The value that was recorded last.

    Args:
        value_type: Class of the values in points, `ValueLong` or `ValueDouble`.
        value: The value.
    """

    def __init__(self, value_type: ValueType, value: float) -> None:
        self._value_type = value_type
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    def add_sample(self, value: float, timestamp: datetime | str | None = None, attachments: Mapping[str, str] | None = None) -> None:
        """Take a value in place of the one before; the rest is not kept."""
        self._value = value

    @property
    def value(self) -> float:
        """The value that was recorded last."""
        return self._value

    @property
    def value_type(self) -> ValueType:
        """Class of the values in points."""
        return self._value_type

    def to_point(self, timestamp: datetime) -> Point:
        """Return the value as a point of that time."""
        return point.Point(self._value_type(self.value), timestamp)  # type: ignore[arg-type]  # whole numbers are not converted


class Exemplar:
    """One value of a bucket, with what was said about it.

    Args:
        value: The value.
        timestamp: When it was recorded.
        attachments: What was said about it, text to text.

    Raises:
        TypeError: attachments is None, or something in it is no text.
    """

    def __init__(self, value: float, timestamp: datetime | str | None, attachments: Mapping[str, str]) -> None:
        if attachments is None:
            raise TypeError("attachments should not be empty: expected texts by name, got None")
        for name, text in attachments.items():
            _check_attachment(name, text)
        self._value = value
        self._timestamp = timestamp
        self._attachments = attachments

    @property
    def value(self) -> float:
        """The value."""
        return self._value

    @property
    def timestamp(self) -> datetime | str | None:
        """When it was recorded."""
        return self._timestamp

    @property
    def attachments(self) -> Mapping[str, str]:
        """What was said about it, text to text."""
        return self._attachments


def _check_attachment(key: object, value: object) -> None:
    """Check one attachment.

    Raises:
        TypeError: One of the two is no text.
    """
    for part, what in ((key, "key"), (value, "value")):
        if not isinstance(part, str):
            raise TypeError(f"attachment {what} should not be empty and should be a string, got {part!r} (attachment {key!r})")


def _copied(data: Any) -> Any:
    """Return a copy that later measurements do not change. What it shares with the original is never changed in place."""
    # Several times as fast as the copy module, which counts where a view has thousands of series.
    cls: Any = type(data)
    if cls is CountAggregationData:
        return cls(data._count_data)
    if cls is SumAggregationData:
        return cls(data._value_type, data._sum_data)
    if cls is LastValueAggregationData:
        return cls(data._value_type, data._value)
    if cls is DistributionAggregationData:
        return data._another()
    return copy.deepcopy(data)  # a program's own class, of which nothing is known


def _to_metric(exemplar: Exemplar) -> value.Exemplar:
    return value.Exemplar(exemplar.value, exemplar.timestamp, copy.copy(exemplar.attachments))
