"""Whether a trace is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import handles as _handles
from opencensus_compat.trace import span_context as _span_context

if TYPE_CHECKING:
    from opencensus_compat.trace.span_context import SpanContext

DEFAULT_SAMPLING_RATE = 1e-4
"""Rate of a `ProbabilitySampler()`: one trace in ten thousand."""

_HIGHEST_LOWER_LONG = 0xFFFF_FFFF_FFFF_FFFF
_HIGHEST_AS_FLOAT = float(_HIGHEST_LOWER_LONG)


class Sampler:
    """Base class of samplers; a subclass overrides `should_sample`."""

    def should_sample(self, span_context: SpanContext) -> bool:
        """Return whether to record the trace that the context belongs to."""
        raise NotImplementedError


class AlwaysOnSampler(Sampler):
    """Records every trace."""

    def should_sample(self, span_context: SpanContext) -> bool:
        """Return True, whatever the context says."""
        return True


class AlwaysOffSampler(Sampler):
    """Records no trace."""

    def should_sample(self, span_context: SpanContext) -> bool:
        """Return False, whatever the context says."""
        return False


class ProbabilitySampler(Sampler):
    """Records a share of the traces, the same ones in every process that uses the same rate.

    Args:
        rate: Share of traces to record, 0.0 to 1.0; `DEFAULT_SAMPLING_RATE` when None.

    Raises:
        ValueError: A rate out of range.
        TypeError: A rate that is no number.
    """

    def __init__(self, rate: float | None = None) -> None:
        rate = DEFAULT_SAMPLING_RATE if rate is None else rate
        try:
            in_range = 0 <= rate <= 1
        except TypeError as error:
            raise TypeError(f"{error}; the sampling rate must be a number from 0.0 to 1.0, got {rate!r}") from None
        if not in_range:
            raise ValueError(f"Rate must between 0 and 1. Got {rate!r}")
        self.rate = rate

    def should_sample(self, span_context: SpanContext) -> bool:
        """Return True for a context that is sampled already, else decide by the lower half of the trace id.

        Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/samplers/__init__.py#L76-L81.
        """
        if span_context.trace_options.get_enabled():
            return True
        if get_lower_long_from_trace_id(span_context.trace_id) > self.rate * _HIGHEST_LOWER_LONG:
            return False
        if _handles.is_own(span_context, _span_context.SpanContext):
            # Whoever has asked, such as a sampler of the program's that asks this one for some traces, has the rate from here.
            span_context._kept_at = self.rate
        return True


def get_lower_long_from_trace_id(trace_id: str) -> int:
    """Return the lower 64 bits of a trace id of 32 hex digits as a number: its last 16 digits."""
    return int(trace_id[16:], 16)


def _rate_by_id(sampler: Any) -> Any:
    """Return the rate that a sampler which decides by the id alone keeps traces at, None for all or none of them."""
    return sampler.rate if type(sampler) is ProbabilitySampler else None


def _ask(sampler: Any, span_context: Any) -> tuple[Any, Any]:
    """Return a sampler's decision about a context, and the rate that it keeps such traces at: None where no `ProbabilitySampler` kept it."""
    is_own = _handles.is_own(span_context, _span_context.SpanContext)
    if is_own:
        # It may have been asked about before.
        span_context._kept_at = None
    decision = sampler.should_sample(span_context)
    return decision, span_context._kept_at if is_own and decision else None


_BY_ID = {kind: kind.should_sample for kind in (AlwaysOnSampler, AlwaysOffSampler, ProbabilitySampler)}
"""Samplers that `_is_sampled` need not call, and what they decide with."""


def _goes_by_id(sampler: Any) -> bool:
    """Return whether a sampler is one of this package's, with the decision that it came with."""
    kind = type(sampler)
    return kind in _BY_ID and kind.should_sample is _BY_ID[kind] and "should_sample" not in sampler.__dict__


def _is_sampled(sampler: Any, trace_id: int) -> bool:
    """Return a sampler's decision about a new trace.

    The samplers of this package are judged by the bare id: making a context for each root costs more than they do.
    """
    return bool(_decision(sampler, trace_id)[0])


def _decision(sampler: Any, trace_id: int) -> tuple[Any, Any]:
    """Return a sampler's decision about a new trace, and the rate that it keeps such traces at."""
    if _goes_by_id(sampler):
        return _by_id(sampler, trace_id), _rate_by_id(sampler)
    return _ask(sampler, _span_context.SpanContext(trace_id=f"{trace_id:032x}"))


def _by_id(sampler: Any, trace_id: int) -> bool:
    """Return the decision of a sampler of this package's about a new trace."""
    kind = type(sampler)
    if kind is ProbabilitySampler:
        return (trace_id & _HIGHEST_LOWER_LONG) <= sampler.rate * _HIGHEST_AS_FLOAT  # type: ignore[no-any-return] # a comparison of numbers
    return kind is AlwaysOnSampler
