"""Which records of a logging handler are sent, and for how many each stands."""

from __future__ import annotations

import logging
import random
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import trace

from .errors import ConfigurationError
from .rates import SpanRates, sample_rate_percent
from .sampling import sampling_score

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RecordSampling", "level_number", "share_kept"]

_kept: ContextVar[tuple[weakref.ref[logging.LogRecord], RecordSampling, float] | None] = ContextVar("appinsights-kept-record", default=None)
"""The record that passed a filter last, the filter, and the share of records that pass it."""


def share_kept(wanted: float, trace_id: int, of_trace: float, chance: Callable[[], float], *, is_sampled: bool) -> float:
    """Return the share of records that a record stands for; 0.0 where it is not kept.

    The records of a trace stay together: none is kept of a trace that is not sampled, and of one that is, all are or none, by the hash of
    the trace id that every Application Insights SDK uses. Where the trace itself was kept at a lower rate, its records are all kept.

    Args:
        wanted: Share of records to keep, 0.0 to 1.0.
        trace_id: Of the record; 0 for none.
        of_trace: Share of traces that its trace was kept at, above 0.0.
        chance: Gives numbers from 0.0 up to 1.0, for records without a trace.
        is_sampled: Whether its trace is sampled.
    """
    if not trace_id:
        return wanted if chance() < wanted else 0.0
    if not is_sampled:
        return 0.0
    if wanted >= of_trace:
        return of_trace
    # A trace that was kept by the hash of its id has a low one; its halves exchanged, the id gives another that says nothing of it.
    hashed = trace_id if of_trace == 1 else (trace_id >> 64 | trace_id << 64)
    return wanted if sampling_score(hashed) < wanted / of_trace else 0.0


class RecordSampling(logging.Filter):
    """Lets a share of the records pass, those of a trace together.

    Args:
        rate: The share, 0.0 to 1.0.
        exempt_level: Records of this level and above always pass, and stand for themselves; None for no level.

    Raises:
        ConfigurationError: A rate or level that cannot be used.
    """

    def __init__(self, rate: float, exempt_level: int | str | None = None) -> None:
        super().__init__()
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ConfigurationError(
                "sampling_rate",
                "argument",
                expected="a number from 0.0 to 1.0",
                came=repr(rate),
                advice="Give the share of records to keep.",
            )
        self._rate = rate
        self._exempt_level = None if exempt_level is None else level_number(exempt_level, "sampling_exempt_level", "argument")
        # The program's own generator is left alone; this one goes on otherwise in a child that forks.
        self._chance = random.SystemRandom().random
        self._rates = SpanRates()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes."""
        share = self._share(record)
        _kept.set((weakref.ref(record), self, share) if share else None)
        return share > 0

    def percent(self, record: logging.LogRecord) -> float | None:
        """Return for how many percent of records one stands that passed last; None for itself alone."""
        kept = _kept.get()
        if kept is None or kept[0]() is not record or kept[1] is not self or kept[2] >= 1:
            return None
        return kept[2] * 100.0

    def _share(self, record: logging.LogRecord) -> float:
        if self._exempt_level is not None and record.levelno >= self._exempt_level:
            return 1.0
        span = trace.get_current_span()
        context = span.get_span_context()
        return share_kept(self._rate, context.trace_id, self._of_trace(span), self._chance, is_sampled=context.trace_flags.sampled)

    def _of_trace(self, span: trace.Span) -> float:
        percent = sample_rate_percent(span)
        resource = getattr(span, "resource", None)
        if percent is None and resource is not None:
            self._rates.learn(resource)
            percent = self._rates.percent(span, guess=False) if self._rates.exist else None  # type: ignore[arg-type]  # it has a resource
        return 1.0 if percent is None else percent / 100.0


def level_number(value: object, name: str, source: str) -> int:
    """Return the number of a level of logging, given by its name or number.

    Args:
        value: The level.
        name: What is set, for the message.
        source: Where the value came from.

    Raises:
        ConfigurationError: It is neither the name nor the number of a level.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.isdecimal():
            return int(value)
        known = logging.getLevelName(value.upper())
        if isinstance(known, int):
            return known
    raise ConfigurationError(
        name,
        source,
        expected="the name or the number of a level, such as ERROR or 40",
        came=repr(value),
        advice="Give one, or None for none.",
    )
