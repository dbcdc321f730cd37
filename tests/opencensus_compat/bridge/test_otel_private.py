"""Private names of OpenTelemetry's: each is there in the installed release, and telemetry goes on where it is gone."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import DEFAULT_TRACE_STATE, SpanContext, SpanKind, TraceFlags

import opencensus_compat
from appinsights_exporter import ApplicationInsightsSpanExporter, _sdk_logs
from opencensus_compat._bridge import otel_private as private
from opencensus_compat._bridge import others
from opencensus_compat._bridge.running_spans import be_request, set_kind
from opencensus_compat.trace.base_exporter import Exporter
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

RELEASE = tuple(map(int, sdk_version.split(".")[:2]))


class Renamed:
    """An object of the SDK's in a release that calls everything by another name."""


class Quiet(Exporter):
    """An exporter of another vendor's."""

    def export(self, span_datas):
        """Do nothing."""


class Frozen:
    """A running span whose kind and parent cannot be set."""

    __slots__ = ()
    kind = SpanKind.INTERNAL
    parent = None


class Seeing(private.SeesEnding, SpanProcessor):
    """Keeps what it is called with before the end."""

    def __init__(self):
        self.names = []

    def ending(self, span):
        """Keep the name."""
        self.names.append(span.name)


@pytest.fixture
def tracer_provider():
    """A provider that exports nowhere."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    yield provider
    provider.shutdown()


@pytest.fixture
def meter_provider():
    """A meter provider with one reader."""
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def test_the_processors_of_a_tracer_provider(tracer_provider):
    """They are found in the provider, without making a tracer."""
    several = private.span_processor(tracer_provider)
    assert [type(each) for each in private.span_processors(several)()] == [SimpleSpanProcessor]


def test_the_processors_of_a_logger_provider():
    """They are found in the provider, as of one that has none yet."""
    several = private.log_processor(_sdk_logs.new_provider(shutdown_on_exit=False))
    assert list(private.log_processors(several)()) == []


def test_the_readers_of_a_meter_provider(meter_provider):
    """They are found in the provider."""
    assert [type(each) for each in private.metric_readers(meter_provider)] == [InMemoryMetricReader]


@pytest.mark.parametrize("make", [SimpleSpanProcessor, BatchSpanProcessor])
def test_the_exporter_of_a_processor(make):
    """It is found, or in newer releases what has it."""
    exporter = InMemorySpanExporter()
    processor = make(exporter)
    found = private.exporter_of(processor)
    assert exporter in (found, private.exporter_of(found))
    processor.shutdown()


def test_the_key_of_the_official_exporter():
    """It is read where that exporter keeps it."""
    official = Renamed()
    official._instrumentation_key = "key"
    assert private.instrumentation_key(official) == "key"


@pytest.mark.skipif(RELEASE < (1, 34), reason="before, a batch processor had no other inside")
def test_the_inside_of_a_batch_processor():
    """It is found: its shutdown takes a time."""
    processor = BatchSpanProcessor(InMemorySpanExporter())
    assert callable(private.batch_processor(processor).shutdown)
    assert private.has_thread(processor)
    processor.shutdown()


@pytest.mark.skipif(RELEASE < (1, 34), reason="before, a batch processor had no other inside")
def test_the_entrance_of_a_batch_processor():
    """What is put in there is exported as it is."""
    exporter = InMemorySpanExporter()
    processor = BatchSpanProcessor(exporter)
    span = object()
    private.entrance(processor)(span)
    processor.force_flush()
    assert exporter.get_finished_spans() == (span,)
    processor.shutdown()


@pytest.mark.skipif(RELEASE < (1, 40), reason="before, nobody was called")
def test_what_sees_a_span_before_its_end(tracer_provider):
    """The SDK calls a processor right before a span ends, by the name that is asked for."""
    seeing = Seeing()
    tracer_provider.add_span_processor(seeing)
    tracer_provider.get_tracer("test").start_span("work").end()
    assert seeing.names == ["work"]
    private.on_ending(seeing)(tracer_provider.get_tracer("test").start_span("more"))
    assert seeing.names == ["work", "more"]


def test_kind_and_parent_of_a_running_span(tracer_provider):
    """Both can be set, and an exporter gets what was set."""
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    span = tracer_provider.get_tracer("test").start_span("work")
    assert be_request(span, parent)
    assert (span.kind, span.parent) == (SpanKind.SERVER, parent)


def test_whether_a_meter_provider_was_shut_down(meter_provider):
    """It is known before and after."""
    assert not private.is_shut_down(meter_provider)
    meter_provider.shutdown()
    assert private.is_shut_down(meter_provider)
    # The fixture's own end.
    meter_provider.shutdown = lambda: None


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (private.span_processor, None),
        (lambda gone: private.span_processors(gone)(), None),
        (private.log_processor, None),
        (lambda gone: private.log_processors(gone)(), None),
        (private.metric_readers, None),
        (private.exporter_of, None),
        (private.instrumentation_key, None),
        (private.batch_processor, None),
        (private.entrance, None),
        (private.has_thread, True),
        (private.on_ending, None),
        (private.is_shut_down, False),
    ],
    ids=[
        "span_processor",
        "span_processors",
        "log_processor",
        "log_processors",
        "metric_readers",
        "exporter_of",
        "instrumentation_key",
        "batch_processor",
        "entrance",
        "has_thread",
        "on_ending",
        "is_shut_down",
    ],
)
def test_a_name_that_is_gone(read, expected):
    """Nothing is found, and nothing raised."""
    assert read(Renamed()) is expected


@pytest.mark.parametrize(
    "of",
    [lambda gone: others.of_tracer(gone, Renamed()), others.of_logger_provider, others.of_meter_provider],
    ids=["tracer", "logger", "meter"],
)
def test_a_provider_whose_processors_cannot_be_seen(of):
    """It counts as one that has an exporter, for no resource of ours: its telemetry is the application's."""
    found = of(Renamed())
    assert (found.have_exporter(), found.keys()) == (True, {})


def test_a_processor_whose_exporter_cannot_be_seen():
    """It counts as one without an exporter: the SDK's own classes send nothing by themselves."""
    processor = SimpleSpanProcessor(ApplicationInsightsSpanExporter("InstrumentationKey=12345678-1234-5678-abcd-12345678abcd"))
    assert others.has_exporter(processor)
    for name in [name for name, value in vars(processor).items() if hasattr(value, "export")]:
        vars(processor)["renamed"] = vars(processor).pop(name).shutdown()
    assert not others.has_exporter(processor)


@pytest.mark.parametrize("change", [lambda span: set_kind(span, SpanKind.SERVER), lambda span: be_request(span, None)])
def test_a_running_span_that_cannot_be_changed(change):
    """The caller learns that the kind is what it was."""
    assert not change(Frozen())


def test_a_parent_that_cannot_be_changed():
    """The caller learns that the parent is what it was."""
    assert not private.set_parent(Frozen(), SpanContext(1, 2, is_remote=True))


def test_a_field_that_counts_for_nothing():
    """A field that the public property does not show was not the one to set."""
    span = type("Span", (), {"kind": SpanKind.INTERNAL})()
    assert not set_kind(span, SpanKind.SERVER)


def test_a_facade_span_of_a_provider_without_the_hook(tracer_provider, monkeypatch):
    """It starts and ends where processors have no hook for the time before the end."""
    kept = InMemorySpanExporter()
    tracer_provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(type(private.span_processor(tracer_provider)), "_on_ending", None, raising=False)
    opencensus_compat.configure(tracer_provider=tracer_provider)
    with Tracer(sampler=AlwaysOnSampler(), exporter=Quiet()).span("work"):
        pass
    assert [span.name for span in kept.get_finished_spans()] == ["work"]


@pytest.mark.parametrize("are_tuples", [True, False], ids=["there", "gone"])
def test_contexts_without_a_look_at_their_ids(monkeypatch, are_tuples):
    """A context is a tuple of known fields; where it is not, the constructor makes the same one."""
    assert private._are_tuples
    monkeypatch.setattr(private, "_are_tuples", are_tuples)
    made = private.valid_context(0xABC, 0xDEF, TraceFlags(3), DEFAULT_TRACE_STATE)
    assert made == SpanContext(0xABC, 0xDEF, False, TraceFlags(3), DEFAULT_TRACE_STATE)
    child = private.child_context(made, 0x123)
    assert child == SpanContext(0xABC, 0x123, False, TraceFlags(3), DEFAULT_TRACE_STATE)
    assert type(made) is type(child) is SpanContext
    assert child.is_valid


def test_the_values_of_a_histogram():
    """Points of a histogram have what added up their values, for each set of attributes."""
    made = []

    class Values:
        def __init__(self, bounds):
            made.append(list(bounds))
            self.numbers = []

        def add(self, number):
            self.numbers.append(number)

    reader = InMemoryMetricReader(preferred_aggregation={Histogram: private.histogram_with_values(Values)})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    histogram = provider.get_meter("application").create_histogram("spread")
    for number, route in ((1, "/a"), (7, "/a"), (3, "/b")):
        histogram.record(number, {"route": route})
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    assert [point.values.numbers for point in metric.data.data_points] == [[1, 7], [3]]
    assert [point.count for point in metric.data.data_points] == [2, 1]
    assert list(metric.data.data_points[0].explicit_bounds) in made
    provider.shutdown()


def test_histograms_without_boundaries_to_read(monkeypatch):
    """Where a release calls the boundaries by another name, points have no values."""
    from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation

    monkeypatch.setattr(ExplicitBucketHistogramAggregation, "_create_aggregation", lambda *_: Renamed(), raising=False)
    assert isinstance(private.histogram_with_values(list)._create_aggregation(), Renamed)
