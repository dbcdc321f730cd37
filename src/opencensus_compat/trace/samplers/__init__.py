"""Whether a trace is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencensus_compat.trace.span_context import SpanContext

DEFAULT_SAMPLING_RATE = 1e-4
"""Rate of a `ProbabilitySampler()`: one trace in ten thousand."""

_HIGHEST_LOWER_LONG = 0xFFFF_FFFF_FFFF_FFFF


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
        return get_lower_long_from_trace_id(span_context.trace_id) <= self.rate * _HIGHEST_LOWER_LONG


def get_lower_long_from_trace_id(trace_id: str) -> int:
    """Return the lower 64 bits of a trace id of 32 hex digits as a number: its last 16 digits."""
    return int(trace_id[16:], 16)
