"""Name and description of a metric, and of which kind its values are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from opencensus_compat.metrics.export import value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.metrics.label_key import LabelKey


class _MetricDescriptorTypeMeta(type):
    """Makes ``number in MetricDescriptorType`` answer whether a metric can be of that kind."""

    _valid = frozenset({1, 2, 3, 4, 5, 6})

    def __contains__(cls, item: object) -> bool:
        return item in cls._valid


class MetricDescriptorType(metaclass=_MetricDescriptorTypeMeta):
    """Kinds of metrics. A gauge has the values of one moment, a cumulative adds up from a start time on.

    `SUMMARY` is a constant without a metric: OpenCensus never let a descriptor be of this kind.
    """

    GAUGE_INT64 = 1
    GAUGE_DOUBLE = 2
    GAUGE_DISTRIBUTION = 3
    CUMULATIVE_INT64 = 4
    CUMULATIVE_DOUBLE = 5
    CUMULATIVE_DISTRIBUTION = 6
    SUMMARY = 7

    _type_map: ClassVar[dict[int, type[Any]]] = {
        GAUGE_INT64: value.ValueLong,
        GAUGE_DOUBLE: value.ValueDouble,
        GAUGE_DISTRIBUTION: value.ValueDistribution,
        CUMULATIVE_INT64: value.ValueLong,
        CUMULATIVE_DOUBLE: value.ValueDouble,
        CUMULATIVE_DISTRIBUTION: value.ValueDistribution,
        SUMMARY: value.ValueSummary,
    }

    @classmethod
    def to_type_class(cls, metric_descriptor_type: int) -> type[Any]:
        """Return the class of `value` that points of a kind hold.

        Raises:
            ValueError: There is no such kind.
        """
        try:
            return cls._type_map[metric_descriptor_type]
        except KeyError:
            raise ValueError(f"Unknown MetricDescriptorType value: {metric_descriptor_type!r}") from None


_GAUGES = frozenset({MetricDescriptorType.GAUGE_INT64, MetricDescriptorType.GAUGE_DOUBLE, MetricDescriptorType.GAUGE_DISTRIBUTION})
_DISTRIBUTIONS = frozenset({MetricDescriptorType.GAUGE_DISTRIBUTION, MetricDescriptorType.CUMULATIVE_DISTRIBUTION})


def _is_gauge(md_type: int) -> bool:
    """Return whether a kind of metric has the values of one moment; see `opencensus.stats.metric_utils.is_gauge`."""
    if md_type not in MetricDescriptorType:
        raise ValueError(f"md_type: expected a constant of MetricDescriptorType other than SUMMARY, got {md_type!r}")
    return md_type in _GAUGES


class MetricDescriptor:
    """Name and description of a metric, and of which kind its values are.

    Args:
        name: Its name, unlike that of other metrics.
        description: What it shows, for people.
        unit: Unit of its values, in the notation of UCUM (`ms`, `By`, `1`).
        type_: A constant of `MetricDescriptorType`, `SUMMARY` excepted.
        label_keys: Its dimensions.

    Raises:
        ValueError: The type is none, or label_keys is None or has None in it.
    """

    def __init__(self, name: str, description: str | None, unit: str | None, type_: int, label_keys: Sequence[LabelKey]) -> None:
        if type_ not in MetricDescriptorType:
            raise ValueError(f"Invalid type: expected a constant of MetricDescriptorType other than SUMMARY, got {type_!r}")
        if label_keys is None:
            raise ValueError("label_keys must not be None; [] stands for no dimensions")
        if any(key is None for key in label_keys):
            raise ValueError(f"label_keys must not contain null keys, got {label_keys!r}")
        self._name = name
        self._description = description
        self._unit = unit
        self._type = type_
        self._label_keys = label_keys

    def __repr__(self) -> str:
        kind = MetricDescriptorType.to_type_class(self.type).__name__
        return f'{type(self).__name__}(name="{self.name}", description="{self.description}", unit={self.unit}, type={kind})'

    @property
    def name(self) -> str:
        """The metric's name."""
        return self._name

    @property
    def description(self) -> str | None:
        """What it shows, for people."""
        return self._description

    @property
    def unit(self) -> str | None:
        """Unit of its values, in the notation of UCUM."""
        return self._unit

    @property
    def type(self) -> int:
        """The kind of its values, a constant of `MetricDescriptorType`."""
        return self._type

    @property
    def label_keys(self) -> Sequence[LabelKey]:
        """Its dimensions."""
        return self._label_keys
