"""The values that points of a metric hold: numbers, distributions, summaries."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from opencensus_compat.metrics.export.summary import Summary


class ValueDouble:
    """A floating-point number.

    Args:
        value: The number.
    """

    def __init__(self, value: float) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    @property
    def value(self) -> float:
        """The number."""
        return self._value


class ValueLong:
    """A whole number.

    Args:
        value: The number.
    """

    def __init__(self, value: int) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    @property
    def value(self) -> int:
        """The number."""
        return self._value


class ValueSummary:
    """Percentiles of what was seen lately.

    Args:
        value: The summary.
    """

    def __init__(self, value: Summary) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    @property
    def value(self) -> Summary:
        """The summary."""
        return self._value


class Exemplar:
    """One of the numbers in a bucket, with where it came from.

    Args:
        value: The number.
        timestamp: When it was recorded.
        attachments: What was said about it, text to text.
    """

    def __init__(self, value: float, timestamp: datetime | str | None, attachments: Mapping[str, str] | None) -> None:
        self._value = value
        self._timestamp = timestamp
        self._attachments = attachments

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    @property
    def value(self) -> float:
        """The number."""
        return self._value

    @property
    def timestamp(self) -> datetime | str | None:
        """When it was recorded."""
        return self._timestamp

    @property
    def attachments(self) -> Mapping[str, str] | None:
        """What was said about it, text to text."""
        return self._attachments


class Bucket:
    """How many numbers fell into one range.

    Args:
        count: How many.
        exemplar: One of them; None where none was kept.
    """

    def __init__(self, count: int, exemplar: Exemplar | None = None) -> None:
        self._count = count
        self._exemplar = exemplar

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.count})"

    @property
    def count(self) -> int:
        """How many numbers fell into it."""
        return self._count

    @property
    def exemplar(self) -> Exemplar | None:
        """One of them; None where none was kept."""
        return self._exemplar


class Explicit:
    """Boundaries between buckets. N of them make N + 1 buckets: below the first, between each two, from the last on.

    Args:
        bounds: The boundaries, each above 0 and above the one before.

    Raises:
        ValueError: There are none, or they are not as said.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        if not bounds:
            raise ValueError(f"Bounds must not be null or empty, got {bounds!r}")
        if bounds != sorted(set(bounds)):
            raise ValueError(f"Bounds must be strictly increasing, got {bounds!r}")
        if bounds[0] <= 0:
            raise ValueError(f"Bounds must be positive, got {bounds[0]!r}")
        self._bounds = bounds

    @property
    def bounds(self) -> Sequence[float]:
        """The boundaries, in a list of their own each time."""
        return copy(self._bounds)


class BucketOptions:
    """How a distribution is cut into buckets.

    Args:
        type_: The boundaries; None for a distribution without buckets.
    """

    def __init__(self, type_: Explicit | None = None) -> None:
        self._type = type_

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.type_})"

    @property
    def type_(self) -> Explicit | None:
        """The boundaries; None for a distribution without buckets."""
        return self._type


class ValueDistribution:
    """How a population of numbers is spread.

    Its users see neither the least nor the greatest of them, which OpenCensus did not keep. Where the facade's own aggregation knows them it
    notes them for Application Insights.

    Args:
        count: How many numbers.
        sum_: Their sum.
        sum_of_squared_deviation: Sum of the squares of their distances from the mean.
        bucket_options: Where one bucket ends and the next one begins.
        buckets: One more than there are boundaries; None where there are no boundaries.

    Raises:
        ValueError: The numbers contradict each other.
    """

    _min: float | None = None
    _max: float | None = None
    _counts: tuple[int, ...] | None = None
    """How many numbers are in each bucket, where the buckets are not made yet."""
    _buckets: Sequence[Bucket] | None

    def __init__(
        self,
        count: int,
        sum_: float,
        sum_of_squared_deviation: float,
        bucket_options: BucketOptions,
        buckets: Sequence[Bucket] | None = None,
    ) -> None:
        _check_totals(count, sum_, sum_of_squared_deviation)
        if bucket_options is None:
            raise ValueError("bucket_options must not be null; BucketOptions() stands for no buckets")
        bounds = bucket_options.type_
        if bounds is not None:
            # Without buckets this raises TypeError, as in OpenCensus:
            # https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/metrics/export/value.py#L262
            _check_buckets(count, bounds, buckets)  # type: ignore[arg-type]  # None raises, see above
        elif buckets is not None:
            raise ValueError(
                f"buckets must be null if the distribution has no histogram (i.e. bucket_options.type is null), got {len(buckets)} buckets"
            )
        self._count = count
        self._sum = sum_
        self._sum_of_squared_deviation = sum_of_squared_deviation
        self._bucket_options = bucket_options
        self._buckets = buckets

    def __repr__(self) -> str:
        explicit = self.bucket_options.type_
        # The boundaries were shown inside a tuple, and still are.
        return f"{type(self).__name__}({None if explicit is None else (explicit.bounds,)})"

    @classmethod
    def _of_counts(
        cls, count: int, sum_: float, sum_of_squared_deviation: float, bucket_options: BucketOptions, counts: Sequence[int]
    ) -> ValueDistribution:
        """Return the distribution of an aggregation, with buckets that are made when they are asked for.

        Application Insights takes no buckets. Eleven for each series of a common view were half of what reading it took.

        Raises:
            ValueError: The numbers contradict each other.
        """
        _check_totals(count, sum_, sum_of_squared_deviation)
        bounds = bucket_options.type_
        if bounds is not None and sum(counts) != count:
            _check_buckets(count, bounds, [Bucket(number) for number in counts])
        made: ValueDistribution = object.__new__(cls)
        made._count = count
        made._sum = sum_
        made._sum_of_squared_deviation = sum_of_squared_deviation
        made._bucket_options = bucket_options
        made._counts = tuple(counts)
        return made

    def __getattr__(self, name: str) -> Any:
        """Make the buckets of an aggregation's distribution, once."""
        if name != "_buckets" or self._counts is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._buckets = None if self._bucket_options.type_ is None else [Bucket(count) for count in self._counts]
        return self._buckets

    @property
    def count(self) -> int:
        """How many numbers."""
        return self._count

    @property
    def sum(self) -> float:
        """Their sum."""
        return self._sum

    @property
    def sum_of_squared_deviation(self) -> float:
        """Sum of the squares of their distances from the mean."""
        return self._sum_of_squared_deviation

    @property
    def bucket_options(self) -> BucketOptions:
        """Where one bucket ends and the next one begins."""
        return self._bucket_options

    @property
    def buckets(self) -> Any:
        """One bucket more than there are boundaries; None where there are no boundaries."""
        return self._buckets


def _check_totals(count: int, sum_: float, sum_of_squared_deviation: float) -> None:
    if count < 0:
        raise ValueError(f"count must be non-negative, got {count!r}")
    if count == 0 and sum_ != 0:
        raise ValueError(f"sum_ must be 0 if count is 0, got {sum_!r}")
    if count == 0 and sum_of_squared_deviation != 0:
        raise ValueError(f"sum_of_squared_deviation must be 0 if count is 0, got {sum_of_squared_deviation!r}")


def _check_buckets(count: int, explicit: Explicit, buckets: Sequence[Bucket]) -> None:
    expected = len(explicit.bounds) + 1
    if len(buckets) != expected:
        raise ValueError(f"There must be one bucket for each pair of boundaries: expected {expected}, got {len(buckets)}")
    within = sum([bucket.count for bucket in buckets])
    if count != within:
        raise ValueError(f"The distribution count must equal the sum of bucket counts: expected {within}, got {count!r}")
