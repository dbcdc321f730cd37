"""How many time series one metric may have, and what becomes of the rest: the rule of gauges, cumulatives and views.

A label or tag whose values never repeat (a user id, a path with ids in it) makes a time series for each value. They would fill the memory
of the process, and each of them is sent again at every interval. A metric therefore has at most `limit` series; what is recorded for
further ones goes to one more, the *overflow series*, all of whose labels read `OVERFLOW`: totals stay right, the dimensions are lost.
OpenTelemetry's SDKs have the same rule, number and name. Each such recording is counted (`overflows`), and each metric that overflows is
said once in the log. OpenCensus had no limit.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter

__all__ = ["DEFAULT", "OVERFLOW", "VARIABLE", "limit", "note", "overflows", "reset"]

VARIABLE = "OPENCENSUS_COMPAT_CARDINALITY_LIMIT"
"""Environment variable with the most time series of one metric; 0 lifts the limit."""
DEFAULT = 2000
OVERFLOW = "otel.metric.overflow"
"""Value of every label of an overflow series."""

_UNLIMITED = float("inf")

_logger = logging.getLogger("opencensus_compat")
_lock = threading.Lock()  # guards the counter
_overflows: Counter[str] = Counter()


def limit() -> float:
    """Return the most time series of one metric, for metrics made from now on; infinity where there is no limit.

    Raises:
        ValueError: The environment variable holds no such number.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"environment variable {VARIABLE}: expected a number of time series such as {DEFAULT}, or 0, got {text!r}")
    return int(text) or _UNLIMITED


def note(name: str, most: float) -> None:
    """Count one recording that went to an overflow series, and say so when it is the metric's first.

    Args:
        name: The metric's or view's name.
        most: Its limit.
    """
    with _lock:
        _overflows[name] += 1
        first = _overflows[name] == 1
    if first:
        _logger.warning(
            "metric %r has %d time series: further label values are recorded as %r (said once; %s changes the limit)",
            name, most, OVERFLOW, VARIABLE,
        )  # fmt: skip


def overflows() -> dict[str, int]:
    """Return, for each metric that reached its limit, how many recordings lost their labels since."""
    with _lock:
        return dict(_overflows)


def reset() -> None:
    """Forget what was counted and said. For tests."""
    with _lock:
        _overflows.clear()


def _renew_lock() -> None:
    # Another thread of the parent may have held it when the child was made.
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
