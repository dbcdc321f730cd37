"""Telemetry processors: callables that see each envelope before it is sent, and may change it or drop it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.settings import report_no_effect

logger = logging.getLogger("opencensus.ext.azure.common.processor")

_Envelope = TypeVar("_Envelope")
_TelemetryProcessor: TypeAlias = Callable[[Any], object]
"""Takes an envelope, which it may change; returns False to drop it."""


def check_effect(handle: Any) -> None:
    """Warn where the telemetry processors of an exporter, or steps of the export that its class replaces, will not be called."""
    if not getattr(handle, "_is_direct", True) and (handle._telemetry_processors or handle._is_changed()):
        report_no_effect("telemetry processors, and steps of the export that a subclass replaces, are not called")


class ProcessorMixin:
    """Adds telemetry processors to an exporter."""

    _telemetry_processors: list[_TelemetryProcessor]

    def add_telemetry_processor(self, processor: _TelemetryProcessor) -> None:
        """Call `processor` with every envelope, after the processors added before. Returning False drops the envelope."""
        self._telemetry_processors.append(processor)
        check_effect(self)

    def clear_telemetry_processors(self) -> None:
        """Remove all telemetry processors."""
        self._telemetry_processors = []

    def apply_telemetry_processors(self, envelopes: Iterable[_Envelope]) -> list[_Envelope]:
        """Return the envelopes that no processor dropped. A processor that raises is logged and changes nothing.

        One that raises what is no `Exception`, such as `SystemExit`, costs the envelope, which is counted.

        Source:
            https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/processor.py#L40-L63
        """
        return [envelope for envelope in envelopes if self._accepted(envelope)]

    def _accepted(self, envelope: object) -> bool:
        for processor in self._telemetry_processors:
            try:
                if processor(envelope) is False:
                    return False
            except _exporter.failure() as error:
                if not isinstance(error, Exception):
                    self._raised(error)
                    return False
                logger.warning("Telemetry processor failed with: %s.", error)
        return True

    def _raised(self, error: BaseException) -> None:
        """Count an item whose processor raised to end the thread or the process: it may have changed a part of the item."""
        pipeline = getattr(self, "_pipeline", None)
        if pipeline is not None:
            pipeline.exporter.counts.dropped(_exporter.reasons.PROCESSOR_RAISED, detail=type(error).__name__, signal=pipeline.signal)
