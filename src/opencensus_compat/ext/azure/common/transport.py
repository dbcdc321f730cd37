"""Sending envelopes, as subclasses of the exporters know it. The real work is done by the exporter package."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.providers.spans import span_part
from opencensus_compat._bridge.settings import report_no_effect
from opencensus_compat.ext.azure.common import Options, settings_of, utils

if TYPE_CHECKING:
    from opencensus_compat._bridge.handles import Pipeline
    from opencensus_compat._bridge.pipeline.spans import SpanPart

logger = logging.getLogger("opencensus.ext.azure.common.transport")

__getattr__ = patch_targets(
    __name__, "json", "requests", "time", "opencensus_compat.ext.azure.statsbeat.state", urlparse="urllib.parse:urlparse"
)


def _replaced_post() -> Any:
    """Return what a program has put in the place of `requests.post`; None for that itself."""
    api = sys.modules.get("requests.api")
    seen = getattr(globals().get("requests", sys.modules.get("requests")), "post", None)
    return None if seen is getattr(api, "post", None) else seen


_exporter.post_is_replaced_by.append(_replaced_post)

REDIRECT_STATUS_CODES = (307, 308)
RETRYABLE_STATUS_CODES = (401, 403, 408, 429, 500, 502, 503, 504)
THROTTLE_STATUS_CODES = (402, 439)


class TransportStatusCode:
    """What became of a batch."""

    SUCCESS = 0
    RETRY = 1
    DROP = 2
    STATSBEAT_SHUTDOWN = 3


class _Collector(threading.local):
    """Where `_transmit` puts envelopes during an export of the pipeline; None at other times."""

    envelopes: list[Any] | None = None


_collector = _Collector()


class collected:  # noqa: N801 - reads as the function that it is in a `with` statement
    """Collect the envelopes that exporters' `_transmit` is called with on this thread, instead of sending them at once."""

    __slots__ = ("_gathered", "_outer")

    def __enter__(self) -> list[Any]:
        # A generator would take three times as long, and this is entered for each item that a program's code converts.
        self._outer = _collector.envelopes
        self._gathered: list[Any] = []
        _collector.envelopes = self._gathered
        return self._gathered

    def __exit__(self, *error: object) -> None:
        _collector.envelopes = self._outer


def each_made(made: Any, several: Any = Iterable) -> Iterable[Any]:
    """Return the envelopes that a program's own conversion returned: several, one or none.

    It may have been written for another release of OpenCensus, where a conversion returned one envelope rather than several.

    Args:
        made: What the conversion returned.
        several: Types in which it returns several.
    """
    if type(made) is GeneratorType or type(made) is list:
        # Nearly always: to ask for abstract classes takes a microsecond.
        return [envelope for envelope in made if envelope is not None]
    if made is None:
        return ()
    if issubclass(type(made), Mapping) or not issubclass(type(made), several):
        return (made,)
    return (envelope for envelope in made if envelope is not None)


class TransportMixin:
    """Adds sending to an exporter."""

    # Not narrower, since exporters have properties of these names, each of its own type.
    _pipeline: Any
    storage: Any
    options: Options

    def _check_stats_collection(self) -> bool:
        return False

    def _is_stats_exporter(self) -> bool:
        return bool(getattr(self, "_is_stats", False))

    def _transmit(self, envelopes: Sequence[Mapping[str, object]]) -> int:
        """Send envelopes and return a TransportStatusCode. Never raises.

        Called from `emit` on the pipeline's thread, the envelopes join the pipeline's next request.

        Source:
            https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/transport.py#L90-L316
        """
        if not envelopes:
            return TransportStatusCode.SUCCESS
        if _collector.envelopes is not None:
            _collector.envelopes.extend(envelopes)
            return TransportStatusCode.SUCCESS
        if not hasattr(self, "_pipeline"):
            self._pipeline = self._pipeline_of_options()
        pipeline: Pipeline = self._pipeline
        if not pipeline.is_direct:
            report_no_effect("items that a program hands to an exporter itself are not exported")
            return TransportStatusCode.DROP
        result = pipeline.send(envelopes)
        if _exporter.delivered(result):
            return TransportStatusCode.SUCCESS
        # Kept envelopes are sent again by the pipeline.
        return TransportStatusCode.RETRY if _exporter.stored(result) else TransportStatusCode.DROP

    def _pipeline_of_options(self) -> SpanPart:
        """Return the pipeline of the options' resource: programs make exporters of this class and a base of their own."""
        return span_part(settings_of(self.options), utils.azure_monitor_context, self.options)

    def _transmit_from_storage(self) -> None:
        """Do nothing: the pipeline resends what it stored by itself."""
