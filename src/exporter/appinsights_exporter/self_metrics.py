"""The exporters' own counters as OpenTelemetry instruments, for those who ask for them; nothing is sent to anyone else.

Use::

    appinsights_exporter.observe(meter_provider)    # None: the global one

Three counters, with the attributes of the official exporter's customer statistics: ``item_success_count`` (``telemetryType``),
``item_dropped_count`` (``telemetryType``, ``dropCode``, ``dropReason``) and ``item_retry_count`` (``telemetryType``, ``retryCode``,
``retryReason``); all with ``language``, ``version`` and ``computeType``. Their names are the official exporter's in lower case, as
OpenTelemetry's SDK writes names.

Loses: items sent before the call are not counted by type. What a full store drops, and what the store found too old, is of type
``UNKNOWN``: it is not unpacked for that.
Source: specification section 13.2.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from . import counts
from ._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def observe(meter_provider: MeterProvider | None = None) -> None:
    """Make the instruments in a meter provider; call it once.

    Args:
        meter_provider: None means the global one. What its readers collect goes wherever they send it.
    """
    provider = metrics.get_meter_provider() if meter_provider is None else meter_provider
    meter = provider.get_meter("appinsights_exporter", __version__)
    counts.watch()
    for name, event, prefix in (
        ("item_success_count", counts.SENT, ""),
        ("item_dropped_count", counts.DROPPED, "drop"),
        ("item_retry_count", counts.RETRIED, "retry"),
    ):
        meter.create_observable_counter(name, [_reader(event, prefix)], unit="{item}")


def compute_type() -> str:
    """Return where this process runs, by the platform's own variables: ``functions``, ``appsvc``, ``aks`` or ``unknown``."""
    if os.environ.get("FUNCTIONS_WORKER_RUNTIME"):
        return "functions"
    if os.environ.get("WEBSITE_SITE_NAME"):
        return "appsvc"
    return "aks" if os.environ.get("AKS_ARM_NAMESPACE_ID") or os.environ.get("KUBERNETES_SERVICE_HOST") else "unknown"


def _reader(event: str, prefix: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    common = {"language": "python", "version": __version__, "computeType": compute_type()}

    def read(options: CallbackOptions) -> Iterable[Observation]:
        summed: dict[tuple[str, str, str], int] = {}
        for known in counts.all_counts():
            for point, number in known.points().items():
                if point.event == event:
                    code, words = ("", "") if point.reason is None else (point.reason.code, point.reason.words)
                    key = (point.telemetry_type, code, words)
                    summed[key] = summed.get(key, 0) + number
        for (kind, code, words), number in summed.items():
            attributes = {**common, "telemetryType": kind}
            if prefix:
                attributes |= {f"{prefix}Code": code, f"{prefix}Reason": words}
            yield Observation(number, attributes)

    return read
