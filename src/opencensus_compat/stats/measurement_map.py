"""Measurements that are recorded together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opencensus_compat.common import utils
from opencensus_compat.stats.aggregation_data import _check_attachment
from opencensus_compat.tags import TagContext

if TYPE_CHECKING:
    from opencensus_compat.stats.measure import BaseMeasure
    from opencensus_compat.stats.measure_to_view_map import MeasureToViewMap
    from opencensus_compat.tags.tag_map import TagMap

logger = logging.getLogger("opencensus.stats.measurement_map")


class MeasurementMap:
    """Measurements that are recorded together, one value for each measure.

    Args:
        measure_to_view_map: Where they are recorded.
        attachments: What distributions keep with them as exemplars, text to text.
    """

    def __init__(self, measure_to_view_map: MeasureToViewMap, attachments: dict[str, str] | None = None) -> None:
        self._measurement_map: dict[BaseMeasure, float] = {}
        self._measure_to_view_map = measure_to_view_map
        self._attachments = attachments
        self._invalid = False

    @property
    def measurement_map(self) -> dict[BaseMeasure, float]:
        """Measure to value."""
        return self._measurement_map

    @property
    def measure_to_view_map(self) -> MeasureToViewMap:
        """Where they are recorded."""
        return self._measure_to_view_map

    @property
    def attachments(self) -> dict[str, str] | None:
        """What distributions keep with them as exemplars; None where nothing was put."""
        return self._attachments

    def measure_int_put(self, measure: BaseMeasure, value: int) -> None:
        """Put a measurement in, in place of an earlier one of the same measure."""
        self._put(measure, value)

    def measure_float_put(self, measure: BaseMeasure, value: float) -> None:
        """Put a measurement in, in place of an earlier one of the same measure."""
        self._put(measure, value)

    def _put(self, measure: BaseMeasure, value: float) -> None:
        if value < 0:
            logger.warning("Values below 0 are not recorded, got %r for %r", value, measure.name)
        self._measurement_map[measure] = value

    def measure_put_attachment(self, key: str, value: str) -> None:
        """Say something about these measurements, in place of what was said under the same key.

        Raises:
            TypeError: Key or value is no text.
        """
        if self._attachments is None:
            self._attachments = {}
        _check_attachment(key, value)
        self._attachments[key] = value

    def record(self, tags: TagMap | None = None) -> None:
        """Record all measurements, or none of them when one is below 0: the map records nothing from then on.

        As in OpenCensus: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/stats/measurement_map.py#L99-L111

        Args:
            tags: Their tags; those of the current context when None.
        """
        if tags is None:
            tags = TagContext.get()
        if self._invalid:
            logger.warning("Nothing is recorded from measurements that had a value below 0")
            return
        for measure, value in self._measurement_map.items():
            if not value >= 0:  # not a number is neither
                self._invalid = True
                logger.warning("Measurements are dropped, for values below 0 are not recorded")
                logger.info("It was %r for the measure %r", value, measure.name)
                return
        self._measure_to_view_map.record(
            tags=tags, measurement_map=self._measurement_map, timestamp=utils.to_iso_str(), attachments=self._attachments
        )
