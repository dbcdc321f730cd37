"""What is measured."""

from __future__ import annotations


class BaseMeasure:
    """What is measured; use `MeasureInt` or `MeasureFloat`.

    Args:
        name: Its name; views find their measurements by it.
        description: What it is, for people.
        unit: Unit of the values, in the notation of UCUM (`ms`, `By`, `1`).
    """

    def __init__(self, name: str, description: str | None, unit: str | None = None) -> None:
        self._name = name
        self._description = description
        self._unit = unit

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def description(self) -> str | None:
        """What it is, for people."""
        return self._description

    @property
    def unit(self) -> str | None:
        """Unit of the values."""
        return self._unit


class MeasureInt(BaseMeasure):
    """Something measured in whole numbers. As in OpenCensus, values are not converted."""

    def __init__(self, name: str, description: str | None, unit: str | None = None) -> None:
        super().__init__(name, description, unit)


class MeasureFloat(BaseMeasure):
    """Something measured in numbers with a fraction. As in OpenCensus, values are not converted."""

    def __init__(self, name: str, description: str | None, unit: str | None = None) -> None:
        super().__init__(name, description, unit)
