r"""Performance counters: instruments that only count become the rates and percentages which the portal's table holds.

The instruments hold totals, because a total is right for any number of readers, whatever their intervals. Only at export, where one
reader's interval is known, does a total become a rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .metrics import aggregate

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import DataPointT

SCOPE = f"{__name__.partition('.')[0]}.performance_counters"
"""Instrumentation scope of the instruments, which the module of that name makes."""

AVAILABLE_MEMORY = "appinsights.memory.available"
PRIVATE_BYTES = "appinsights.process.memory.private"
PROCESS_CPU = "appinsights.process.cpu.time"
PROCESS_CPU_NORMALIZED = "appinsights.process.cpu.time.normalized"
PROCESS_IO = "appinsights.process.io"
PROCESSOR = "appinsights.processor.time.normalized"
REQUESTS = "appinsights.requests"
REQUEST_DURATION = "appinsights.request.duration"
EXCEPTIONS = "appinsights.exceptions"
OPENCENSUS_PROCESS_CPU = "appinsights.opencensus.process.cpu.time"
OPENCENSUS_REQUESTS = "appinsights.opencensus.requests"
OPENCENSUS_REQUESTS_TIME = "appinsights.opencensus.requests.time"


@dataclass(frozen=True, slots=True)
class Counter:
    """How an instrument is shown."""

    name: str
    r"""``\Category(instance)\Counter``, as Windows writes it; such names land in the table ``performanceCounters``."""
    per_second: bool = False
    """Whether the instrument holds a total of which the change per second is shown."""
    scale: float = 1.0
    """Factor on what is shown."""
    most: float | None = None
    """Largest value that makes sense; beyond it are errors of the clock."""
    begins_with_zero: bool = False
    """Whether the first value is zero, whatever came to the total until then."""
    per: str = ""
    """The instrument by whose growth that of a total is divided; read before it. The last value stays where that did not grow."""


COUNTERS = {
    AVAILABLE_MEMORY: Counter(r"\Memory\Available Bytes"),
    EXCEPTIONS: Counter(r"\.NET CLR Exceptions(??APP_CLR_PROC??)\# of Exceps Thrown / sec", per_second=True),
    REQUEST_DURATION: Counter(r"\ASP.NET Applications(??APP_W3SVC_PROC??)\Request Execution Time"),
    REQUESTS: Counter(r"\ASP.NET Applications(??APP_W3SVC_PROC??)\Requests/Sec", per_second=True),
    PROCESS_CPU: Counter(r"\Process(??APP_WIN32_PROC??)\% Processor Time", per_second=True, scale=100.0),
    PROCESS_CPU_NORMALIZED: Counter(r"\Process(??APP_WIN32_PROC??)\% Processor Time Normalized", per_second=True, scale=100.0, most=100.0),
    PROCESS_IO: Counter(r"\Process(??APP_WIN32_PROC??)\IO Data Bytes/sec", per_second=True),
    PRIVATE_BYTES: Counter(r"\Process(??APP_WIN32_PROC??)\Private Bytes"),
    PROCESSOR: Counter(r"\Processor(_Total)\% Processor Time", per_second=True, scale=100.0, most=100.0),
    OPENCENSUS_PROCESS_CPU: Counter(r"\Process(??APP_WIN32_PROC??)\% Processor Time", per_second=True, scale=100.0),
    OPENCENSUS_REQUESTS: Counter(r"\ASP.NET Applications(??APP_W3SVC_PROC??)\Requests/Sec", per_second=True, begins_with_zero=True),
    OPENCENSUS_REQUESTS_TIME: Counter(r"\ASP.NET Applications(??APP_W3SVC_PROC??)\Request Execution Time", per=OPENCENSUS_REQUESTS),
}
"""Instrument to how it is shown. Source: specification section 6.5."""


def level(point: DataPointT) -> dict[str, object] | None:
    """Return what the service stores of a gauge's point, or of a histogram's; None for a histogram without measurements.

    The table has one column for a value and none for a count, so durations are shown as their mean.

    Raises:
        ConversionError: The value is not a finite number.
    Loses: of a histogram: count, min, max.
    """
    found: dict[str, Any] | None = aggregate(point)
    if found is None:
        return None
    return {"value": found["value"] / found["count"] if found["count"] != 1 else found["value"], "count": 1}


def rate(counter: Counter, growth: float, elapsed_s: float) -> dict[str, object] | None:
    """Return what the service stores of a total that has grown, or None when no time has passed.

    Args:
        counter: How it is shown.
        growth: What came to the total.
        elapsed_s: Meanwhile, seconds; clocks that are set back make it negative.
    """
    if elapsed_s <= 0:
        return None
    value = max(0.0, growth * counter.scale / elapsed_s)
    return {"value": value if counter.most is None else min(value, counter.most), "count": 1}
