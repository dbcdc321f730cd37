"""The rate at which OpenTelemetry's own samplers kept a span, where nothing on the span says it."""

from __future__ import annotations

import random

import pytest
from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, ParentBasedTraceIdRatio, Sampler, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from appinsights_exporter import ApplicationInsightsSpanExporter, SampledLogRecordProcessor, _sdk_logs
from appinsights_exporter.convert.spans import threshold_percent
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.rates import SampleRateProcessor, SpanRates, sample_rate_percent, samplers_with
from appinsights_exporter.sampling import RateLimitedSampler
from appinsights_exporter.testing import KEY, FakeTransport

KEPT = 1
"""A trace id that ratio samplers keep at any rate."""
LEFT_OUT = 2**64 - 1
"""One that they keep at 100 % only."""


class Place:
    """A provider that is not the global one, with the native exporter alone."""

    def __init__(self, sampler, *, resource=None, batches_of=512, processor=None):
        self.transport = FakeTransport()
        exporter = ApplicationInsightsSpanExporter(f"InstrumentationKey={KEY}", delivery=Delivery(self.transport))
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False, resource=resource or Resource({}))
        if processor is not None:
            self.provider.add_span_processor(processor)
        made = SimpleSpanProcessor(exporter) if batches_of == 1 else BatchSpanProcessor(exporter, max_export_batch_size=batches_of)
        self.provider.add_span_processor(made)
        self.tracer = self.provider.get_tracer("lib")

    def items(self):
        """End, and return name and rate of what arrived."""
        self.provider.shutdown()
        return [(item["data"]["baseData"]["name"], item.get("sampleRate")) for item in self.transport.items]


def remote(trace_id=KEPT, trace_state=None):
    """Return a context with a sampled span of another process."""
    of_parent = SpanContext(trace_id, 7, True, TraceFlags(1), trace_state)
    return trace.set_span_in_context(NonRecordingSpan(of_parent), Context())


def trees(tracer, count):
    """Make traces of a request with two levels below."""
    for _ in range(count):
        with tracer.start_as_current_span("root", Context()), tracer.start_as_current_span("child"), tracer.start_as_current_span("leaf"):
            pass


@pytest.mark.parametrize("sampler", [TraceIdRatioBased(0.25), ParentBasedTraceIdRatio(0.25)], ids=["ratio", "parent-based"])
@pytest.mark.parametrize("batches_of", [1, 7, 512])
def test_the_rate_of_ratio_samplers_is_on_every_span(sampler, batches_of):
    """Without being told, the exporter of any provider says what its sampler leaves out, also of children that end in an earlier batch."""
    place = Place(sampler, batches_of=batches_of)
    trees(place.tracer, 60)
    items = place.items()
    assert {rate for _, rate in items} == {25.0}
    assert len(items) > 9


def test_the_environments_sampler(monkeypatch):
    """The sampler that the environment names is the provider's."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    place = Place(None)
    trees(place.tracer, 20)
    assert {rate for _, rate in place.items()} == {50.0}


def test_the_rate_of_remote_parents_is_not_made_up():
    """A span whose parent in another process decided has no rate, nor have its children, whatever the id of the trace."""
    place = Place(ParentBasedTraceIdRatio(0.25))
    for trace_id in (KEPT, LEFT_OUT):
        with place.tracer.start_as_current_span("request", remote(trace_id)), place.tracer.start_as_current_span("child"):
            pass
    assert place.items() == [("child", None), ("request", None)] * 2


def test_no_child_is_guessed_where_traces_begin_elsewhere():
    """Once a trace has come that another process began, a child whose request has not ended goes without a rate."""
    place = Place(ParentBasedTraceIdRatio(0.25), batches_of=1)
    place.tracer.start_span("request", remote()).end()
    with place.tracer.start_as_current_span("request", remote(KEPT + 1)), place.tracer.start_as_current_span("child"):
        pass
    assert place.items() == [("request", None), ("child", None), ("request", None)]


UNKNOWN = {
    "all": (ALWAYS_ON, None),
    "parent-based all": (ParentBased(ALWAYS_ON), None),
    "ratio of all": (TraceIdRatioBased(1.0), None),
    "lower rate below": (ParentBased(TraceIdRatioBased(0.5), local_parent_sampled=TraceIdRatioBased(0.25)), 25.0),
}


@pytest.mark.parametrize(("sampler", "rate"), UNKNOWN.values(), ids=UNKNOWN)
def test_samplers(sampler, rate):
    """Samplers that keep everything give no rate; of two rates below each other the lower one counts."""
    place = Place(sampler)
    trees(place.tracer, 50)
    assert {found for name, found in place.items() if name == "child"} == {rate}


def test_a_sampler_that_nobody_knows():
    """A sampler of the application's own gives no rate, whatever its description does."""

    class Own(Sampler):
        def should_sample(self, *args, **kwargs):
            return ALWAYS_ON.should_sample(*args, **kwargs)

        def get_description(self):
            return "TraceIdRatioBased{a lot}"

    place = Place(Own())
    trees(place.tracer, 1)
    assert {rate for _, rate in place.items()} == {None}


def test_a_resource_that_providers_share():
    """Where providers of one resource sample in different ways, nobody knows which one a span is of."""
    resource = Resource({"service.name": "shop"})
    place, other = Place(TraceIdRatioBased(0.25), resource=resource), Place(ALWAYS_ON, resource=resource)
    assert len(samplers_with(resource)) >= 2
    trees(place.tracer, 30)
    assert {rate for _, rate in place.items()} == {None}
    other.provider.shutdown()


def test_samplers_are_found_by_the_very_resource():
    """An equal resource is not the provider's."""
    provider = TracerProvider(sampler=ALWAYS_OFF, resource=Resource({"a": "b"}), shutdown_on_exit=False)
    assert samplers_with(provider.resource) == [ALWAYS_OFF]
    assert samplers_with(Resource({"a": "b"})) == []


def test_what_a_span_says_itself_counts():
    """The rate that a processor has noted is not changed."""
    sampler = ParentBasedTraceIdRatio(0.5)
    place = Place(sampler, processor=SampleRateProcessor(TraceIdRatioBased(0.25)))
    trees(place.tracer, 20)
    assert {rate for _, rate in place.items()} == {25.0}
    limited = Place(RateLimitedSampler(5))
    limited.tracer.start_span("s").end()
    assert limited.items() == [("s", None)]


THRESHOLDS = {
    "c": 25.0,
    "8": 50.0,
    "0": 100.0,
    "fd70a4": 0.9999990463,
    "ffffffffffffff": 100 / 2**56,
    "": None,
    "C": None,
    "1" * 15: None,
    "x": None,
}


@pytest.mark.parametrize(("threshold", "percent"), THRESHOLDS.items())
def test_thresholds(threshold, percent):
    """The threshold in the trace state tells the rate; what is none tells nothing."""
    for member in (f"th:{threshold}", f"rv:0123456789abcd;th:{threshold}", f"th:{threshold};x:y"):
        assert threshold_percent(TraceState([("a", "b"), ("ot", member)])) == (percent if percent is None else pytest.approx(percent))
    assert threshold_percent(TraceState([("ot", "rv:th")])) is None
    assert threshold_percent(TraceState()) is None


def test_the_threshold_of_a_remote_parent():
    """A rate that the trace state brings along is that of all spans of the trace, and of their log records."""
    place = Place(ParentBasedTraceIdRatio(0.5))
    for threshold in ("c", "0"):
        with place.tracer.start_as_current_span("request", remote(LEFT_OUT, TraceState([("ot", f"th:{threshold}")]))) as request:
            assert sample_rate_percent(request) == (25.0 if threshold == "c" else None)
            place.tracer.start_span("child").end()
    assert place.items() == [("child", 25.0), ("request", 25.0), ("child", None), ("request", None)]


def test_consistent_samplers():
    """OpenTelemetry's composite samplers say their threshold in the trace state."""
    experimental = pytest.importorskip("opentelemetry.sdk.trace._sampling_experimental")
    sampler = experimental.composite_sampler(experimental.composable_parent_threshold(experimental.composable_traceid_ratio_based(0.25)))
    place = Place(sampler)
    trees(place.tracer, 60)
    items = place.items()
    assert {rate for _, rate in items} == {25.0}
    assert len(items) > 9


class Kept(_sdk_logs.LogRecordProcessor):
    """Keeps the attributes of records."""

    def __init__(self):
        self.rates = []

    def on_emit(self, log_record):
        """Keep the rate of a record."""
        self.rates.append((_sdk_logs.record_of(log_record).attributes or {}).get("_MS.sampleRate"))


@pytest.mark.parametrize(("sampler", "rates"), [(TraceIdRatioBased(0.25), [25.0, 25.0]), (ParentBasedTraceIdRatio(0.25), [25.0, None])])
def test_log_records_of_sampled_traces(sampler, rates):
    """A record carries the rate of its span where that is known without the spans around it."""
    kept = Kept()
    logs = _sdk_logs.new_provider(shutdown_on_exit=False)
    logs.add_log_record_processor(SampledLogRecordProcessor(kept))
    place = Place(sampler)

    def log(span):
        own = span.get_span_context()
        fields = {"trace_id": own.trace_id, "span_id": own.span_id, "trace_flags": own.trace_flags, "context": get_current()}
        _sdk_logs.emit(logs.get_logger("lib"), _sdk_logs.new_record(timestamp_ns=1, **fields))

    while not kept.rates:
        with place.tracer.start_as_current_span("root", Context()) as root:
            log(root)
            with place.tracer.start_as_current_span("child") as child:
                log(child)
    assert kept.rates == rates
    place.provider.shutdown()
    logs.shutdown()


def test_what_is_remembered_has_an_end():
    """Resources and traces are forgotten, the oldest first."""
    rates, random_ids = SpanRates(), random.Random(7)
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(0.9), resource=Resource({}), shutdown_on_exit=False)
    tracer = provider.get_tracer("lib")
    for _ in range(100):
        rates.learn(Resource({"n": random_ids.random()}))
    spans = [span for span in (tracer.start_span("s", Context()) for _ in range(6000)) if span.is_recording()]
    rates.look_at(spans)
    assert len(rates._roots) == 4096
    assert len(rates._known) <= 64
    assert rates.percent(spans[0]) == 90.0
