"""Boundaries of the buckets of a histogram."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class BucketBoundaries:
    """Boundaries of the buckets of a histogram.

    Args:
        boundaries: The boundaries, copied and not checked; none when None.
    """

    def __init__(self, boundaries: Iterable[float] | None = None) -> None:
        self._boundaries = list(boundaries or [])

    @property
    def boundaries(self) -> list[float]:
        """The boundaries."""
        return self._boundaries

    def is_valid_boundaries(self, boundaries: Sequence[float] | None) -> bool:
        """Return whether these boundaries (not those of this object) never fall; None is not valid.

        Raises:
            IndexError: There are none. As in OpenCensus:
                https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/bucket_boundaries.py#L34
        """
        if boundaries is None:
            return False
        previous = boundaries[0]
        for boundary in boundaries:
            if boundary < previous:
                return False
            previous = boundary
        return True
