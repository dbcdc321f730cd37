"""Percentiles of what was seen lately."""

from __future__ import annotations


class Summary:
    """Totals since the start, and a snapshot of what was seen lately.

    Args:
        count: How many numbers since the start; None where it is not counted.
        sum_data: Their sum; likewise.
        snapshot: What was seen lately.

    Raises:
        ValueError: A total is below 0, they contradict each other, or there is no snapshot.
    """

    def __init__(self, count: int | None, sum_data: float | None, snapshot: Snapshot) -> None:
        check_count_and_sum(count, sum_data)
        self._count = count
        self._sum_data = sum_data
        if snapshot is None:
            raise ValueError("snapshot must not be none: expected a Snapshot")
        self._snapshot = snapshot

    @property
    def count(self) -> int | None:
        """How many numbers since the start."""
        return self._count

    @property
    def sum_data(self) -> float | None:
        """Their sum."""
        return self._sum_data

    @property
    def snapshot(self) -> Snapshot:
        """What was seen lately."""
        return self._snapshot


class Snapshot:
    """What was seen lately: how many numbers, their sum, and percentiles.

    Args:
        count: How many numbers; None where it is not counted.
        sum_data: Their sum; likewise.
        value_at_percentiles: A list, percentiles rising; None stands for none.

    Raises:
        ValueError: A total is below 0, they contradict each other, or the percentiles are no list.
    """

    def __init__(self, count: int | None, sum_data: float | None, value_at_percentiles: list[ValueAtPercentile] | None = None) -> None:
        check_count_and_sum(count, sum_data)
        self._count = count
        self._sum_data = sum_data
        if value_at_percentiles is None:
            value_at_percentiles = []
        if not isinstance(value_at_percentiles, list):
            raise ValueError(f"value_at_percentiles must be an instance of list, got {type(value_at_percentiles).__name__}")
        self._value_at_percentiles = value_at_percentiles

    @property
    def count(self) -> int | None:
        """How many numbers."""
        return self._count

    @property
    def sum_data(self) -> float | None:
        """Their sum."""
        return self._sum_data

    @property
    def value_at_percentiles(self) -> list[ValueAtPercentile]:
        """The percentiles."""
        return self._value_at_percentiles


class ValueAtPercentile:
    """The number that a share of the others does not exceed.

    Args:
        percentile: That share in percent, above 0 and at most 100.
        value: The number, at least 0.

    Raises:
        ValueError: One of them is outside its range.
    """

    def __init__(self, percentile: float, value: float) -> None:
        if not 0 < percentile <= 100.0:
            raise ValueError(f"percentile must be in the interval (0.0, 100.0], got {percentile!r}")
        self._percentile = percentile
        if value < 0:
            raise ValueError(f"value must be non-negative, got {value!r}")
        self._value = value

    @property
    def percentile(self) -> float:
        """The share in percent, above 0 and at most 100."""
        return self._percentile

    @property
    def value(self) -> float:
        """The number, at least 0."""
        return self._value


def check_count_and_sum(count: int | None, sum_data: float | None) -> None:
    """Check totals; None stands for one that is not counted.

    Raises:
        ValueError: One is below 0, or there is a sum of no numbers.
    """
    if count is not None and not count >= 0:
        raise ValueError(f"count must be non-negative, got {count!r}")
    if sum_data is not None and not sum_data >= 0:
        raise ValueError(f"sum_data must be non-negative, got {sum_data!r}")
    if count == 0 and sum_data != 0:
        raise ValueError(f"sum_data must be 0 if count is 0, got {sum_data!r}")
