"""Which traces are kept, and the rate that the kept ones carry.

An item with a ``sampleRate`` of 25 (percent) stands for four: the service multiplies its counts by what was left out, so the rate has
to be on every span. It travels from here to the exporter as the span attribute :data:`SAMPLE_RATE`, and is absent at 100 %.

| ``OTEL_TRACES_SAMPLER``                | sampler                              | ``OTEL_TRACES_SAMPLER_ARG``        |
|----------------------------------------|--------------------------------------|------------------------------------|
| microsoft.fixed_percentage             | :class:`ApplicationInsightsSampler`  | share of traces, 0.0 to 1.0 (1.0)  |
| microsoft.fixed.percentage             | the same, an older spelling          | the same                           |
| microsoft.rate_limited                 | :class:`RateLimitedSampler`          | traces per second, 0 or more (5.0) |
| microsoft.parentbased_fixed_percentage | the first under :func:`parent_based` | as the first                       |
| microsoft.parentbased_rate_limited     | the third under :func:`parent_based` | as the third                       |

The standard names are the SDK's own business; :class:`.rates.SampleRateProcessor` adds the rate that its samplers do not note.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, Sampler, SamplingResult

from . import rates
from .convert.spans import SAMPLE_RATE
from .errors import ConfigurationError
from .forks import restart_in_child
from .rates import sample_rate_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

SAMPLER_VARIABLE = "OTEL_TRACES_SAMPLER"
SAMPLER_ARGUMENT_VARIABLE = "OTEL_TRACES_SAMPLER_ARG"

DEFAULT_RATE = 1.0
"""Share of traces that ``microsoft.fixed_percentage`` keeps when no argument says."""
DEFAULT_TRACES_PER_SECOND = 5.0
"""Limit of ``microsoft.rate_limited`` when no argument says."""
ADAPTATION_S = 0.1
"""How far back the rate-limited sampler looks, seconds: older decisions count for e⁻¹ and less. Source: specification section 11.4."""

_LARGEST_LIMIT = 1e15
_HASH_START = 5381
_PAIR_FACTOR = 33 * 33
_HEX = "0123456789abcdef"
_PAIRS = tuple(ord(high) * 33 + ord(low) for high in _HEX for low in _HEX)
"""What the two hex digits of each byte add to the hash."""
_LARGEST = 2**31 - 1
_TRACE_ID_MASK = 2**128 - 1

SampleRateProcessor = rates.SampleRateProcessor
"""Programs may import it from here."""

_logger = logging.getLogger(__name__)


def trace_id_hash(trace_id: int) -> int:
    """Return the hash that every Application Insights SDK takes of a trace id, a signed 32-bit number.

    Args:
        trace_id: 128 bits; higher ones are ignored.
    Source: specification section 11.1, computed two hex digits at a time.
    """
    value = _HASH_START
    for byte in (trace_id & _TRACE_ID_MASK).to_bytes(16, "big"):
        value = (value * _PAIR_FACTOR + _PAIRS[byte]) & 0xFFFF_FFFF
    return value - 2**32 if value > _LARGEST else value


def sampling_score(trace_id: int) -> float:
    """Return a number from 0.0 to 1.0 that is the same for a trace in every service; a trace is kept when it is below the rate.

    Args:
        trace_id: 128 bits.
    Source: specification section 11.1.
    """
    # -2³¹ has no positive counterpart in 32 bits.
    return min(abs(trace_id_hash(trace_id)), _LARGEST) / _LARGEST


class _ConsistentSampler(Sampler):
    """What the two samplers share: a child agrees with its local parent, and all other decisions go by the hash of the trace id.

    A parent in another process decides nothing here, since each service has a rate of its own; by the hash, all services keep the same
    traces as far as their rates allow, and all counts are right. Use :func:`parent_based` to obey remote parents.
    """

    def _one_in(self) -> int:
        """Return N to keep one new trace in N; 0 keeps none."""
        raise NotImplementedError

    def _opaque_parents_one_in(self, trace_id: int) -> int:
        """Return N for the child of a local, sampled parent whose rate cannot be read."""
        return 1

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the decision, with the attributes as given and the rate beside them, and the parent's trace state."""
        parent = trace.get_current_span(parent_context)
        of_parent = parent.get_span_context()
        if of_parent.is_valid:
            trace_state = of_parent.trace_state
            if not of_parent.is_remote:
                if not of_parent.trace_flags.sampled:
                    return SamplingResult(Decision.DROP, None, trace_state)
                if isinstance(parent, ReadableSpan):
                    rate_percent = sample_rate_percent(parent)
                else:
                    rate_percent = _percent(self._opaque_parents_one_in(trace_id))
                return _kept(attributes, rate_percent, trace_state)
        one_in = self._one_in()
        if one_in == 1 or (one_in and sampling_score(trace_id) < 1 / one_in):
            return _kept(attributes, _percent(one_in), trace_state)
        return SamplingResult(Decision.DROP, None, trace_state)


class ApplicationInsightsSampler(_ConsistentSampler):
    """Keeps a fixed share of the traces, the same ones in every service that samples by the Application Insights hash.

    Children always agree with a parent in this process, whichever API made it.

    Args:
        ratio: Share of traces to keep, 0.0 to 1.0. The service counts whole items, so the share is rounded down to one in N: 0.3 keeps
            one trace in four. A warning says so.

    Raises:
        ConfigurationError: A ratio that is no number or is out of range.
    """

    def __init__(self, ratio: float) -> None:
        given = _number(ratio, "ratio", "argument", largest=1.0)
        self._n = _whole(given)
        if self._n > 1 and not math.isclose(given, 1 / self._n, rel_tol=0.01):
            _logger.warning(
                "A sampling ratio of %s is rounded down to %.6g (one trace in %d): Application Insights counts whole items.",
                given,
                1 / self._n,
                self._n,
            )

    @property
    def rate(self) -> float:
        """Share of traces that are kept, 0.0 to 1.0, after rounding."""
        return 1 / self._n if self._n else 0.0

    def get_description(self) -> str:
        """Return the sampler's name and rate."""
        return f"ApplicationInsightsSampler{self.rate}"

    def _one_in(self) -> int:
        return self._n

    def _opaque_parents_one_in(self, trace_id: int) -> int:
        """Return our own N for traces that we keep: nobody else decided about the parent, as a rule."""
        return self._n if self._n and sampling_score(trace_id) < 1 / self._n else 1


class RateLimitedSampler(_ConsistentSampler):
    """Keeps about so many traces per second at most, by lowering the share that is kept while more begin.

    Only traces that begin here are counted; all spans of a kept trace are kept, at its rate. A process begins, and goes on after a
    pause, with what one second allows (or one trace, where a second allows less), so that a short program is not left out.

    Args:
        traces_per_second: 0 or more; 0 keeps none.
        clock: Monotonic clock, seconds.

    Raises:
        ConfigurationError: A limit that is no number, negative or not finite.
    """

    def __init__(self, traces_per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = _number(traces_per_second, "traces_per_second", "argument")
        self._clock = clock
        # Of unused time no more is remembered than this; an hour's would let a burst of thousands through.
        self._longest_window_s = max(1.0, 1 / self._limit) if self._limit > 1e-9 else 1e9
        self._count = 0.0
        self._window_s = self._longest_window_s
        self._at_s: float | None = None
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Make a new lock in a child made by fork: the parent may have held the old one."""
        # Guards the three above.
        self._lock = threading.Lock()

    def get_description(self) -> str:
        """Return the sampler's name and limit."""
        return f"RateLimitedSampler{{{self._limit}}}"

    def _one_in(self) -> int:
        """Count one more trace, and return N.

        Source: specification section 11.4: count and window fade with time, and the share is what the limit allows in the window.
        """
        with self._lock:
            now_s = self._clock()
            passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
            fade = math.exp(-passed_s / ADAPTATION_S)
            self._count = self._count * fade + 1
            self._window_s = min(self._longest_window_s, self._window_s * fade + passed_s)
            self._at_s = now_s
            return _whole(self._window_s * self._limit / self._count)


def parent_based(root: Sampler) -> ParentBased:
    """Return a sampler that obeys the parent, also one in another process, and asks the given one for traces that begin here.

    Use this where all services are sampled by the one that a request reaches first.

    Args:
        root: One of this module. It gives children of local parents their parent's rate.
    Loses: the rate of a remote parent, which no header tells: such spans count as kept at 100 %.
    """
    return ParentBased(root, local_parent_sampled=root, local_parent_not_sampled=ALWAYS_OFF)


def log_rate(rate: float) -> float:
    """Return a share of log records to keep, rounded down to one in N: the service counts whole items.

    Args:
        rate: 0.0 to 1.0.

    Raises:
        ConfigurationError: A rate that is no number or is out of range.
    """
    one_in = _whole(_number(rate, "rate", "argument", largest=1.0))
    return 1 / one_in if one_in else 0.0


def from_environment(environ: Mapping[str, str] | None = None) -> Sampler | None:
    """Return the sampler that ``OTEL_TRACES_SAMPLER`` names, or None when it names none of ours.

    The SDK's configuration finds ours by itself, but ``TracerProvider()`` knows the standard names only: give it this.

    Args:
        environ: Replaces ``os.environ`` in tests.

    Raises:
        ConfigurationError: An argument that cannot be used.
    """
    environment = os.environ if environ is None else environ
    factory = _FACTORIES.get(environment.get(SAMPLER_VARIABLE, "").strip().lower())
    return None if factory is None else factory(environment.get(SAMPLER_ARGUMENT_VARIABLE))


def fixed_percentage(argument: float | str | None = None) -> Sampler:
    """Return a :class:`ApplicationInsightsSampler` as the SDK's configuration asks for it.

    Args:
        argument: Text of ``OTEL_TRACES_SAMPLER_ARG``: share of traces, 0.0 to 1.0; None or blank keeps all.

    Raises:
        ConfigurationError: No number, or out of range. The SDK logs it and goes on with its own default sampler.
    """
    return ApplicationInsightsSampler(_from_text(argument, DEFAULT_RATE, largest=1.0))


def rate_limited(argument: float | str | None = None) -> Sampler:
    """Return a :class:`RateLimitedSampler` as the SDK's configuration asks for it.

    Args:
        argument: Text of ``OTEL_TRACES_SAMPLER_ARG``: traces per second, 0 or more; None or blank means 5.

    Raises:
        ConfigurationError: No number, or negative. The SDK logs it and goes on with its own default sampler.
    """
    return RateLimitedSampler(_from_text(argument, DEFAULT_TRACES_PER_SECOND))


def parent_based_fixed_percentage(argument: float | str | None = None) -> Sampler:
    """Return :func:`fixed_percentage` under :func:`parent_based`."""
    return parent_based(fixed_percentage(argument))


def parent_based_rate_limited(argument: float | str | None = None) -> Sampler:
    """Return :func:`rate_limited` under :func:`parent_based`."""
    return parent_based(rate_limited(argument))


_FACTORIES: dict[str, Callable[[float | str | None], Sampler]] = {
    "microsoft.fixed_percentage": fixed_percentage,
    "microsoft.fixed.percentage": fixed_percentage,
    "microsoft.rate_limited": rate_limited,
    "microsoft.parentbased_fixed_percentage": parent_based_fixed_percentage,
    "microsoft.parentbased_rate_limited": parent_based_rate_limited,
}
"""The same as the entry points in pyproject.toml; a test compares them."""


def _kept(attributes: Attributes, rate_percent: float | None, trace_state: TraceState | None) -> SamplingResult:
    # A copy: the caller's own mapping is never written to, and may change after this.
    kept = dict(attributes or {})
    if rate_percent is not None:
        kept[SAMPLE_RATE] = rate_percent
    return SamplingResult(Decision.RECORD_AND_SAMPLE, kept, trace_state)


def _percent(one_in: int) -> float | None:
    return None if one_in == 1 else 100.0 / one_in


def _whole(rate: float) -> int:
    """Return the smallest N with 1/N not above a rate; 0 for none, and for rates that are as good as none.

    Args:
        rate: 0.0 and up; 1.0 and above keep all.
    """
    if rate >= 1:
        return 1
    # Dividing twice may miss a whole number by the last digit.
    return math.ceil(1 / rate * (1 - 1e-12)) if rate > 1e-12 else 0


def _from_text(argument: float | str | None, default: float, *, largest: float = _LARGEST_LIMIT) -> float:
    if argument is None or (isinstance(argument, str) and not argument.strip()):
        return default
    number: object = argument
    if isinstance(argument, str):
        try:
            number = float(argument)
        except ValueError:
            number = argument
    return _number(number, "sampler argument", SAMPLER_ARGUMENT_VARIABLE, largest=largest)


def _number(value: object, setting: str, source: str, *, largest: float = _LARGEST_LIMIT) -> float:
    """Return a checked number from 0 to the largest."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= largest:
        ratio = largest == 1
        raise ConfigurationError(
            setting,
            source,
            expected="a share of traces from 0.0 to 1.0" if ratio else "a number of traces per second, 0 or more",
            came=repr(value),
            advice="To keep a quarter of them write 0.25." if ratio else "For five traces per second write 5.",
        )
    return float(value)
