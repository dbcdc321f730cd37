"""The value of a dimension of a metric."""

from __future__ import annotations


class LabelValue:
    """What one time series has for a `LabelKey`; equal values are one series.

    Args:
        value: The value; None where the series has none.
    """

    def __init__(self, value: str | None = None) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value})"

    @property
    def value(self) -> str | None:
        """The value; None where the series has none."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelValue) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)
