"""Whether a trace is recorded."""

from __future__ import annotations

import re

import pytest

from opencensus_compat.trace.samplers import AlwaysOffSampler, AlwaysOnSampler, ProbabilitySampler
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

HALF = "a" * 16 + "8" + "0" * 15


@pytest.mark.parametrize(
    ("sampler", "decision"),
    [(AlwaysOnSampler(), True), (AlwaysOffSampler(), False), (ProbabilitySampler(0.49), False), (ProbabilitySampler(0.51), True),
     (ProbabilitySampler(1), True), (ProbabilitySampler(0), False), (ProbabilitySampler(), False)],
)  # fmt: skip
def test_decision_of_a_new_trace(sampler, decision):
    """The lower half of the trace id, as a share of its range, is compared with the rate."""
    assert sampler.should_sample(SpanContext(HALF)) is decision


@pytest.mark.parametrize(("sampler", "decision"), [(ProbabilitySampler(0), True), (AlwaysOffSampler(), False)])
def test_decision_of_a_sampled_trace(sampler, decision):
    """A probability follows a decision that was made already; "off" does not."""
    assert sampler.should_sample(SpanContext(HALF, trace_options=TraceOptions("1"))) is decision


@pytest.mark.parametrize("rate", [-0.1, 1.1, 25, float("nan")])
def test_a_rate_out_of_range_is_refused(rate):
    """A mistaken percentage is an error at construction, which says what was expected and what came."""
    with pytest.raises(ValueError, match=re.escape(f"Rate must between 0 and 1. Got {rate!r}")):
        ProbabilitySampler(rate)


@pytest.mark.parametrize("rate", ["0.5", [], object])
def test_a_rate_that_is_no_number_is_refused(rate):
    """A text from the environment is an error at construction."""
    with pytest.raises(TypeError, match=re.escape(f"sampling rate must be a number from 0.0 to 1.0, got {rate!r}")):
        ProbabilitySampler(rate)
