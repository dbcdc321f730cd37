"""Which log records pass, and for how many each stands."""

from __future__ import annotations

import logging
import random
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import restart_in_child
from opencensus_compat._bridge.running_spans import rate_of
from opencensus_compat._bridge.settings import variable_text
from opencensus_compat.ext.azure.log_exporter._ids import ids_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EXEMPT_OPTION", "EXEMPT_VARIABLE", "SamplingFilter", "exempt_level", "filters", "kept"]

EXEMPT_VARIABLE = "OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL"
"""Environment variable for the option `logging_sampling_exempt_level`."""

EXEMPT_OPTION = "logging_sampling_exempt_level"

_set = object.__setattr__
_read_context, _last_opened, _spans = _context.read_current, _context.opened.get, _context.spans

kept: ContextVar[tuple[weakref.ref[logging.LogRecord], SamplingFilter, float] | None] = ContextVar("opencensus-kept-record", default=None)
"""The record that passed a filter last, the filter, and the share of records that pass it."""


class _Chance:
    """Decides by chance. The program's own generator is left alone, so that a seed of its own gives what it gave."""

    def __init__(self) -> None:
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Decide otherwise than the parent in a child made by fork."""
        self.number: Callable[[], float] = self._first
        """Returns a number from 0.0 up to 1.0."""

    def _first(self) -> float:
        # To make a generator takes longer than all else that a handler needs.
        self.number = random.Random().random  # noqa: S311 - it keeps no secret
        return self.number()


_chance = _Chance()


class _Filters:
    """What is known of all filters. A bare flag: it is read for every record, which is slower where the class has one, too."""

    def __init__(self) -> None:
        self.has_kept = False
        """Whether any of them has sampled."""


filters = _Filters()


class SamplingFilter(logging.Filter):
    """Lets a share of the records pass.

    At 1.0 everything passes. Below that, the records of a trace stay together: none passes of a trace that is not sampled, and of one
    that is, all do or none, by the hash of the trace id that every Application Insights SDK uses. Where the trace itself was kept at a
    lower rate than the filter's, its records are all kept. Records outside any trace pass by chance, each for itself. What passes
    carries the share that it stands for, so that the service's counts are right.

    Args:
        probability: The share, 0.0 to 1.0.

    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L177-L184
    """

    # As in OpenCensus: it is that module's.
    __module__ = __name__.rpartition(".")[0]
    _has_own_filter = False
    _lets_all_pass: bool
    exempt_level: int | None = None
    """Records of this level and above always pass, and stand for themselves."""

    def __init__(self, probability: float = 1.0) -> None:
        super().__init__()
        self.probability = probability

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, and note whether all records pass now: that is read for every record."""
        _set(self, name, value)
        if name == "probability":
            is_off = isinstance(value, (int, float)) and value >= 1
            _set(self, "_lets_all_pass", is_off and not self._has_own_filter)
        elif name == "filter":
            _set(self, "_has_own_filter", True)
            _set(self, "_lets_all_pass", False)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes."""
        if self.probability >= 1:
            return True
        share = self._share(record)
        if share > 0:
            kept.set((weakref.ref(record), self, share))
            filters.has_kept = True
        return share > 0

    def _share(self, record: logging.LogRecord) -> float:
        """Return the share of records that a record stands for; 0 where it does not pass."""
        wanted = self.probability
        if self.exempt_level is not None and record.levelno >= self.exempt_level:
            return 1.0
        if (
            not _read_context()
            and getattr(record, "traceId", None) is None
            and (not _spans.were_entered or (opened := _last_opened()) is None or opened[0] is None)
        ):
            # Outside any trace, as below without the calls that find none.
            return wanted if _chance.number() < wanted else 0.0
        context = _context.current()
        ids = ids_of(record, context)
        of_trace = rate_of(_context.otel_span(context)) if ids.is_current else 1.0
        return _exporter.share_kept(wanted, ids.trace_id, of_trace, _chance.number, is_sampled=ids.flags.sampled)


def exempt_level(option: object = None) -> int | None:
    """Return the level of the records that are never sampled out; None where there is none.

    Args:
        option: The option `logging_sampling_exempt_level`. Where it is None, the environment variable counts.

    Raises:
        ValueError: It is neither the name nor the number of a level.
    """
    value, source = option, "option"
    if value is None:
        value, source = variable_text(EXEMPT_VARIABLE) or None, f"environment variable {EXEMPT_VARIABLE}"
    if value is None:
        return None
    return _exporter.level_number(value, EXEMPT_OPTION, source)
