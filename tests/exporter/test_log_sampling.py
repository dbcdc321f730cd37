"""Log record processors: sampling of records, and the operation name of their request."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from appinsights_exporter import (
    ApplicationInsightsSampler,
    ConfigurationError,
    LogOperationNameProcessor,
    OperationNameProcessor,
    SampledLogRecordProcessor,
)
from appinsights_exporter import _sdk_logs as sdk
from appinsights_exporter.testing import START_NS, log_record


class Kept(sdk.LogRecordProcessor):
    """Keeps what it is given."""

    def __init__(self):
        self.records = []
        self.calls = []

    def on_emit(self, log_record):
        """Keep the record."""
        self.records.append(sdk.record_of(log_record))

    def shutdown(self):
        """Note the call."""
        self.calls.append("shutdown")

    def force_flush(self, timeout_millis=30000):
        """Note the call."""
        self.calls.append(timeout_millis)
        return False


def emit(processor, *, severity=sdk.SeverityNumber.INFO, attributes=None):
    """Put a record of the current span through a provider that has the processor."""
    provider = sdk.new_provider(shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    context = trace.get_current_span().get_span_context()
    record = sdk.new_record(
        timestamp_ns=START_NS,
        trace_id=context.trace_id,
        span_id=context.span_id,
        trace_flags=context.trace_flags,
        context=trace.set_span_in_context(trace.get_current_span()),
        severity_number=severity,
        attributes=attributes,
        body="said",
    )
    sdk.emit(provider.get_logger("test"), record)


def rates(processor):
    """Return the rates on the kept records."""
    return [(record.attributes or {}).get("_MS.sampleRate") for record in processor.records]


def tracer(sampler, *processors):
    """Return a tracer of a provider with that sampler and those processors."""
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider.get_tracer("test")


@pytest.mark.parametrize(("sampler", "kept"), [(ALWAYS_ON, [None]), (ALWAYS_OFF, [])])
def test_records_follow_their_trace(sampler, kept):
    """A record of a sampled trace is kept, one of another is not, whatever the rate for records without a trace."""
    for rate in (0.0, 1.0):
        inner = Kept()
        with tracer(sampler).start_as_current_span("work"):
            emit(SampledLogRecordProcessor(inner, rate=rate))
        assert rates(inner) == kept


def test_records_carry_the_rate_of_their_span():
    """The rate at which the trace was kept is on the record; one that is there already stays."""
    inner = Kept()
    processor = SampledLogRecordProcessor(inner)
    made = tracer(ApplicationInsightsSampler(0.5))
    while not rates(inner):
        with made.start_as_current_span("work"):
            emit(processor)
            emit(processor, attributes={"_MS.sampleRate": 10.0})
    assert rates(inner) == [50.0, 10.0]


def test_remote_parents():
    """Of a span that this process did not make the flag is known, but no rate."""
    inner = Kept()
    processor = SampledLogRecordProcessor(inner, rate=0.5)
    for flags in (1, 0):
        with trace.use_span(NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(flags)))):
            emit(processor)
    assert rates(inner) == [None]


@pytest.mark.parametrize(
    ("rate", "rounded", "expected"), [(1.0, 1.0, [None] * 4), (0.5, 0.5, [50.0] * 2), (0.3, 0.25, [25.0]), (0.0, 0.0, [])]
)
def test_records_without_a_trace(rate, rounded, expected):
    """One in N is kept by its own chance, at that rate; a share between is rounded down."""
    inner = Kept()
    chances = iter([0.0, 0.26, 0.5, 0.99])
    processor = SampledLogRecordProcessor(inner, rate=rate, chance=lambda: next(chances))
    for _ in range(4):
        emit(processor)
    assert (processor.rate, rates(inner)) == (rounded, expected)


@pytest.mark.parametrize(("severity", "kept"), [(sdk.SeverityNumber.WARN4, []), (sdk.SeverityNumber.ERROR, [None, None]), (None, [])])
def test_errors_can_be_exempt(severity, kept):
    """Errors are kept with or without a trace, and each stands for itself: their counts would be wrong with a rate."""
    inner = Kept()
    processor = SampledLogRecordProcessor(inner, rate=0.0, keep_errors=True)
    emit(processor, severity=severity)
    with tracer(ALWAYS_OFF).start_as_current_span("work"):
        emit(processor, severity=severity)
    assert rates(inner) == kept


def test_exempt_errors_of_sampled_traces_carry_no_rate():
    """Where all errors are kept, those of kept traces stand for themselves, too."""
    inner = Kept()
    processor = SampledLogRecordProcessor(inner, keep_errors=True)
    made = tracer(ApplicationInsightsSampler(0.5))
    for _ in range(20):
        with made.start_as_current_span("work"):
            emit(processor, severity=sdk.SeverityNumber.FATAL)
    assert rates(inner) == [None] * 20


@pytest.mark.parametrize("rate", [-0.1, 1.1, "0.5", None, True, float("nan")])
def test_bad_rates(rate):
    """What is no share is refused when the processor is made."""
    with pytest.raises(ConfigurationError, match=r"from 0\.0 to 1\.0"):
        SampledLogRecordProcessor(Kept(), rate=rate)


def test_the_other_processor_is_flushed_and_shut_down():
    """The provider knows the outer processor only."""
    inner = Kept()
    processor = SampledLogRecordProcessor(inner)
    assert processor.force_flush(5) is False
    processor.shutdown()
    assert inner.calls == [5, "shutdown"]


def test_records_without_attributes():
    """A hand-made record without attributes gets its rate; one whose attributes cannot be changed goes without."""
    data = log_record(trace_id=0, span_id=0)
    for attributes, expected in ((None, 50.0), ((), None)):
        inner = Kept()
        sdk.record_of(data).attributes = attributes
        SampledLogRecordProcessor(inner, rate=0.5, chance=lambda: 0.0).on_emit(data)
        assert rates(inner) == [expected]


def names(*processors, kind=SpanKind.SERVER, attributes=None, record=None):
    """Return the operation names of a record in a request and of one in a span below it."""
    provider = sdk.new_provider(shutdown_on_exit=False)
    kept = Kept()
    provider.add_log_record_processor(LogOperationNameProcessor())
    provider.add_log_record_processor(kept)
    made = tracer(ALWAYS_ON, *processors)
    with made.start_as_current_span("GET", kind=kind, attributes=attributes):
        emit_through(provider, record)
        with made.start_as_current_span("inner"):
            emit_through(provider, record)
    return [(kept_record.attributes or {}).get("ai.operation.name") for kept_record in kept.records]


def emit_through(provider, attributes):
    """Emit a record of the current span."""
    span = trace.get_current_span()
    context = span.get_span_context()
    record = sdk.new_record(
        timestamp_ns=START_NS,
        trace_id=context.trace_id,
        span_id=context.span_id,
        context=trace.set_span_in_context(span),
        attributes=attributes,
    )
    sdk.emit(provider.get_logger("test"), record)


def test_operation_name():
    """A record in a request has the request's name, and below it where the spans know it."""
    route = {"http.method": "GET", "http.route": "/orders/{id}"}
    assert names(attributes=route) == ["GET /orders/{id}", None]
    assert names(OperationNameProcessor(), attributes=route) == ["GET /orders/{id}"] * 2
    assert names(kind=SpanKind.INTERNAL) == [None, None]
    assert names(attributes=route, record={"ai.operation.name": "own"}) == ["own", "own"]


def test_no_operation_without_the_span():
    """A record of another span than the current one, or of none, learns nothing."""
    processor = LogOperationNameProcessor()
    for fields in ({}, {"trace_id": 0, "span_id": 0}):
        data = log_record(**fields)
        with tracer(ALWAYS_ON).start_as_current_span("GET", kind=SpanKind.SERVER):
            processor.on_emit(data)
        assert "ai.operation.name" not in sdk.record_of(data).attributes
