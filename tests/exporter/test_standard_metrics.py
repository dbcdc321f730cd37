"""Standard metrics: what is counted, under which dimensions, which items are marked for it, and what sampling does to both."""

from __future__ import annotations

import copy
import sys
import types

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode

from appinsights_exporter import (
    ApplicationInsightsMetricExporter,
    ApplicationInsightsSampler,
    ApplicationInsightsSpanExporter,
    RecordOnlySampler,
    StandardMetricsProcessor,
    standard_metrics,
)
from appinsights_exporter.convert import standard
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport, span
from opencensus_compat.local import LocalEndpoint

OTHER_RESOURCE = "InstrumentationKey=00000000-0000-0000-0000-000000000002;IngestionEndpoint=https://ingest.test/"
OTHER_ENDPOINT = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://other.test/"
MARK = "_MS.ProcessedByMetricExtractors"
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "web-1"})
START_NS = 10**18
DIMENSIONS = {
    "request": (
        span("GET /a", SpanKind.SERVER, {"http.request.method": "GET", "http.response.status_code": 200, "url.path": "/a"}),
        {"request/resultCode": "200", "Request.Success": "True"},
    ),
    "failed request": (
        span("GET /a", SpanKind.SERVER, {"http.method": "GET", "http.status_code": 404}),
        {"request/resultCode": "404", "Request.Success": "False"},
    ),
    "request without a code": (span("job", SpanKind.CONSUMER), {"request/resultCode": "0", "Request.Success": "True"}),
    "request with an error": (
        span("job", SpanKind.SERVER, status=Status(StatusCode.ERROR, "x")),
        {"request/resultCode": "0", "Request.Success": "False"},
    ),
    "availability test": (
        span("GET /", SpanKind.SERVER, {"http.request.method": "GET", "user_agent.synthetic.type": "test"}),
        {"request/resultCode": "0", "Request.Success": "True", "operation/synthetic": "True"},
    ),
    "http": (
        span(
            "GET",
            SpanKind.CLIENT,
            {"http.request.method": "GET", "url.full": "https://u:p@stock.test/items/7?q=1", "http.response.status_code": 503},
        ),
        {
            "Dependency.Type": "HTTP",
            "Dependency.Success": "False",
            "dependency/target": "stock.test",
            "dependency/resultCode": "503",
        },
    ),
    "database": (
        span("SELECT", SpanKind.CLIENT, {"db.system": "postgresql", "db.name": "orders", "server.address": "pg.test"}),
        {
            "Dependency.Type": "postgresql",
            "Dependency.Success": "True",
            "dependency/target": "pg.test|orders",
            "dependency/resultCode": "0",
        },
    ),
    "queue": (
        span("send", SpanKind.PRODUCER, {"messaging.system": "kafka", "messaging.destination.name": "orders"}),
        {
            "Dependency.Type": "Queue Message | kafka",
            "Dependency.Success": "True",
            "dependency/target": "orders",
            "dependency/resultCode": "0",
        },
    ),
    "inner work": (
        span("price"),
        {"Dependency.Type": "InProc", "Dependency.Success": "True", "dependency/target": "", "dependency/resultCode": "0"},
    ),
}


@pytest.mark.parametrize(("of", "expected"), DIMENSIONS.values(), ids=DIMENSIONS)
def test_dimensions(of, expected):
    """What a span is counted under (specification section 6.3), and that its item says the same; the span is not changed."""
    before = dict(of.attributes)
    assert standard.dimensions(of) == expected
    assert dict(of.attributes) == before
    (item,) = ApplicationInsightsSpanExporter(settings=resolve(CONNECTION_STRING), delivery=Delivery(FakeTransport())).envelopes(of)
    fields = item["data"]["baseData"]
    if "request/resultCode" in expected:
        assert (fields["responseCode"], str(fields["success"])) == (expected["request/resultCode"], expected["Request.Success"])
    else:
        assert (fields["type"], fields["resultCode"], str(fields["success"]), fields.get("target", "")) == (
            expected["Dependency.Type"],
            expected["dependency/resultCode"],
            expected["Dependency.Success"],
            expected["dependency/target"],
        )


class Program:
    """A program that sends spans, and metrics to one or another resource, over a fake transport."""

    def __init__(
        self, *, metrics_to=CONNECTION_STRING, environ=None, scope="my.tracer", sampler=ALWAYS_ON, counts=True, collect=True, **options
    ):
        self.transport = FakeTransport()
        delivery = Delivery(self.transport)
        exporter = ApplicationInsightsMetricExporter(settings=resolve(metrics_to, environ=environ or {}), delivery=delivery)
        self.metric_exporter = exporter
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        self.meters = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
        self.tracers = TracerProvider(sampler=sampler, resource=RESOURCE, shutdown_on_exit=False)
        if counts:
            self.tracers.add_span_processor(StandardMetricsProcessor(self.meters, **options))
        self.tracers.add_span_processor(
            SimpleSpanProcessor(
                ApplicationInsightsSpanExporter(settings=resolve(CONNECTION_STRING, environ=environ or {}), delivery=delivery)
            )
        )
        self.tracer = self.tracers.get_tracer(scope)
        if collect:
            # From the first collection on, spans are counted.
            self.meters.force_flush()

    def span(self, kind=SpanKind.SERVER, duration_ns=2_500_000, attributes=None, error=None):
        """Make a span."""
        made = self.tracer.start_span("work", kind=kind, attributes=attributes, start_time=START_NS)
        if error:
            made.record_exception(error)
        made.end(START_NS + duration_ns)

    def items(self, *kinds):
        """Return what was sent, of these kinds of data."""
        self.meters.force_flush()
        return [item for item in self.transport.items if item["data"]["baseType"] in kinds]

    def marks(self):
        """Return, for each request and dependency that was sent, its mark."""
        items = self.items("RequestData", "RemoteDependencyData")
        return [item["data"]["baseData"].get("properties", {}).get(MARK) for item in items]

    def metrics(self):
        """Return, for each metric point that was sent, its name, count and sum."""
        points = [item["data"]["baseData"]["metrics"][0] for item in self.items("MetricData")]
        return [(point["name"], point["count"], point["value"]) for point in points]


def test_whole_items():
    """Durations in milliseconds with the properties that the portal's charts go by, and nothing of the span's other attributes."""
    program = Program()
    program.span(attributes={"http.request.method": "GET", "http.route": "/a", "http.response.status_code": 500, "tenant": "t7"})
    program.span(SpanKind.CLIENT, attributes={"db.system": "redis"})
    program.span(SpanKind.CLIENT, 500_000, attributes={"db.system": "redis"})
    requests, dependencies = sorted(
        (item["data"] for item in program.items("MetricData")), key=lambda data: data["baseData"]["metrics"][0]["count"]
    )
    assert requests == {
        "baseType": "MetricData",
        "baseData": {
            "ver": 2,
            "metrics": [{"name": "requests/duration", "value": 2.5, "count": 1, "min": 2.5, "max": 2.5}],
            "properties": {
                "_MS.MetricId": "requests/duration",
                "_MS.IsAutocollected": "True",
                "request/resultCode": "500",
                "Request.Success": "False",
                "cloud/roleInstance": "web-1",
                "cloud/roleName": "shop",
            },
        },
    }
    assert dependencies == {
        "baseType": "MetricData",
        "baseData": {
            "ver": 2,
            "metrics": [{"name": "dependencies/duration", "value": 3.0, "count": 2, "kind": "Aggregation", "min": 0.5, "max": 2.5}],
            "properties": {
                "_MS.MetricId": "dependencies/duration",
                "_MS.IsAutocollected": "True",
                "Dependency.Type": "redis",
                "Dependency.Success": "True",
                "dependency/target": "redis",
                "dependency/resultCode": "0",
                "cloud/roleInstance": "web-1",
                "cloud/roleName": "shop",
            },
        },
    }


def test_counted_items_are_marked():
    """The service is told not to count a second time (specification section 6.4); exceptions of the span are no such items."""
    program = Program()
    program.span(error=ValueError("x"))
    program.span(SpanKind.INTERNAL)
    assert program.marks() == ["True", "True"]
    (exception,) = program.items("ExceptionData")
    assert MARK not in exception["data"]["baseData"].get("properties", {})


@pytest.mark.parametrize("shape", ["legacy", "otel"])
def test_facade_spans_are_marked_too(shape):
    """In either shape; the exception that the retired shape puts before a request stays unmarked."""
    program = Program(environ={"OPENCENSUS_COMPAT_ENVELOPES": shape}, scope="opencensus_compat")
    program.span(attributes={"error.message": "x", "http.method": "GET"})
    assert program.marks() == ["True"]
    assert all(MARK not in item["data"]["baseData"].get("properties", {}) for item in program.items("ExceptionData"))


OWN = {
    "request": ({"baseType": "RequestData", "baseData": {"name": "own", "properties": {"a": "b"}}}, {"a": "b", MARK: "True"}),
    "dependency without properties": ({"baseType": "RemoteDependencyData", "baseData": {"properties": None}}, {MARK: "True"}),
    "exception": ({"baseType": "ExceptionData", "baseData": {"properties": {"a": "b"}}}, {"a": "b"}),
}


@pytest.mark.parametrize(("data", "properties"), OWN.values(), ids=OWN)
def test_items_that_a_program_made_are_marked(data, properties):
    """Items that a span brings instead of being converted, in which the program's own objects are left as they are."""
    program = Program()
    sent = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(settings=resolve(CONNECTION_STRING), delivery=Delivery(sent))
    own = [{"name": "own", "data": data}]
    before = copy.deepcopy(own)

    class Brings(SpanProcessor):
        def on_end(self, span):
            exporter.export([types.SimpleNamespace(to_envelopes=lambda: own, span=span)])

    program.tracers.add_span_processor(Brings())
    program.span()
    assert [item["data"]["baseData"]["properties"] for item in sent.items] == [properties]
    assert own == before


@pytest.mark.parametrize("data", [None, {}, {"baseType": "RequestData"}, {"baseType": "RequestData", "baseData": {"properties": "text"}}])
def test_odd_items_that_a_program_made_are_sent_as_they_are(data):
    """What has not the shape of an item is sent without a mark, as is one whose span is none."""
    program = Program()
    sent = FakeTransport()
    exporter = ApplicationInsightsSpanExporter(settings=resolve(CONNECTION_STRING), delivery=Delivery(sent))

    class Brings(SpanProcessor):
        def on_end(self, span):
            exporter.export([types.SimpleNamespace(to_envelopes=lambda: [{"data": data}], span=span)])
            exporter.export([types.SimpleNamespace(to_envelopes=lambda: [{"data": data}], span={})])

    program.tracers.add_span_processor(Brings())
    program.span()
    assert [item["data"] for item in sent.items] == [data, data]


UNMARKED = {
    "nothing counts": {"counts": False},
    "metrics go to another resource": {"metrics_to": OTHER_RESOURCE},
    "metrics go to another endpoint": {"metrics_to": OTHER_ENDPOINT},
}


@pytest.mark.parametrize("options", UNMARKED.values(), ids=UNMARKED)
def test_items_that_are_not_in_the_metrics(options):
    """Items are marked only where the metrics of the same resource hold them: else the service would have none (peer defect 32)."""
    program = Program(**options)
    program.span()
    assert program.marks() == [None]


def test_before_and_after_the_metric_exporter():
    """Until the first collection, and once the metric exporter is shut down, the service counts: neither counted here nor marked."""
    program = Program(collect=False)
    program.span()
    program.meters.force_flush()
    program.span()
    program.meters.shutdown()
    program.span()
    assert program.marks() == [None, "True", None]
    assert program.metrics() == [("requests/duration", 1, 2.5)]


def test_items_that_are_sent_after_the_metric_exporter():
    """A span that was counted before the metric exporter was shut down is marked also if it is sent later."""
    program = Program()
    exporter = ApplicationInsightsSpanExporter(settings=resolve(CONNECTION_STRING), delivery=Delivery(FakeTransport()))
    waiting = []

    class Waits(SpanProcessor):
        def on_end(self, span):
            waiting.append(span)

    program.tracers.add_span_processor(Waits())
    program.span()
    program.meters.shutdown()
    assert exporter.envelopes(waiting[0])[0]["data"]["baseData"]["properties"] == {MARK: "True"}


def test_other_tracer_providers():
    """Spans of a provider without the processor are not in the metrics, so they are not marked, beside those that are."""
    with_metrics, without = Program(), Program(counts=False)
    with_metrics.span()
    without.span()
    assert (with_metrics.marks(), without.marks()) == (["True"], [None])


def kept(program, number=50):
    """Make so many spans; return how many items were sent, their marks and how many spans the metrics hold."""
    for _ in range(number):
        program.span()
    marks = program.marks()
    return len(marks), set(marks), sum(count for _, count, _ in program.metrics())


def test_sampled_spans_are_left_to_the_service():
    """Kept at a rate below 100 %, with that rate on them: the service multiplies, which the metrics could not."""
    sent, marks, counted = kept(Program(sampler=ApplicationInsightsSampler(0.5)))
    assert 5 < sent < 45
    assert (marks, counted) == ({None}, 0)


def test_recorded_spans_are_all_counted():
    """Where the sampler records what it does not keep, the metrics are exact at any rate, and the kept items are marked."""
    sent, marks, counted = kept(Program(sampler=RecordOnlySampler(ApplicationInsightsSampler(0.5)), all_recorded=True))
    assert 5 < sent < 45
    assert (marks, counted) == ({"True"}, 50)


def test_recorded_spans_without_a_word():
    """A sampler that records all, beside a processor that was not told, counts none twice: the service counts the kept ones."""
    sent, marks, counted = kept(Program(sampler=RecordOnlySampler(ApplicationInsightsSampler(0.5))))
    assert 5 < sent < 45
    assert (marks, counted) == ({None}, 0)


def test_record_only_sampler():
    """It keeps what the other keeps, records the rest with the attributes and trace state as given, and says whose it is."""
    sampler = RecordOnlySampler(TraceIdRatioBased(0.5))
    assert sampler.get_description() == "RecordOnlySampler{TraceIdRatioBased{0.5}}"
    low, high = (sampler.should_sample(None, trace_id, "n", attributes={"a": 1}) for trace_id in (1, 2**64 - 1))
    assert (low.decision, high.decision) == (Decision.RECORD_AND_SAMPLE, Decision.RECORD_ONLY)
    assert (dict(low.attributes), dict(high.attributes)) == ({"a": 1}, {"a": 1})


def test_combinations_are_bounded(monkeypatch, caplog):
    """Beyond the limit spans are counted under nothing but their success, which is said once; known combinations go on."""
    monkeypatch.setattr(standard_metrics, "MAX_COMBINATIONS", 2)
    program = Program()
    for code in (200, 201, 202, 500, 503, 200):
        program.span(attributes={"http.method": "GET", "http.status_code": code})
    found = [item["data"]["baseData"] for item in program.items("MetricData")]
    common = {"_MS.MetricId", "_MS.IsAutocollected", "cloud/roleInstance", "cloud/roleName"}
    assert sorted(
        (sorted((key, value) for key, value in one["properties"].items() if key not in common), one["metrics"][0]["count"]) for one in found
    ) == [
        ([("Request.Success", "False"), ("otel.metric.overflow", "True")], 2),
        ([("Request.Success", "True"), ("otel.metric.overflow", "True")], 1),
        ([("Request.Success", "True"), ("request/resultCode", "200")], 2),
        ([("Request.Success", "True"), ("request/resultCode", "201")], 1),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "Standard metrics have more than 2 combinations of dimensions; further ones are counted together."
    ]


def test_a_hostile_span_does_not_reach_the_program(caplog):
    """What is wrong with a span is logged, once, and not raised into the code that ends it."""
    StandardMetricsProcessor(NoOpMeterProvider()).on_end(types.SimpleNamespace())
    exporter = ApplicationInsightsMetricExporter(settings=resolve(CONNECTION_STRING), delivery=Delivery(FakeTransport()))
    meters = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)], shutdown_on_exit=False)
    processor = StandardMetricsProcessor(meters)
    meters.force_flush()
    for _ in range(2):
        processor.on_end(types.SimpleNamespace(context=None))
        processor.on_end(types.SimpleNamespace())
        processor.on_end(span("a", start_ns=None))
    meters.shutdown()
    assert [record.getMessage() for record in caplog.records] == ["A span could not be counted in the standard metrics."]


def test_durations_of_instrumentations_keep_their_name_and_unit():
    """Seconds are not passed off as the standard metrics' milliseconds: they arrive as what they are (peer defect 31)."""
    program = Program(counts=False)
    histogram = program.meters.get_meter("opentelemetry.instrumentation.flask").create_histogram("http.server.request.duration", unit="s")
    histogram.record(0.25, {"http.request.method": "GET", "http.route": "/a", "http.response.status_code": 200})
    (item,) = program.items("MetricData")
    assert item["data"]["baseData"] == {
        "ver": 2,
        "metrics": [{"name": "http.server.request.duration", "value": 0.25, "count": 1, "min": 0.25, "max": 0.25}],
        "properties": {"http.request.method": "GET", "http.route": "/a", "http.response.status_code": "200"},
    }


def test_over_http():
    """Requests, dependencies and their metrics pass the schema, and the metrics are in the table that the charts read."""
    with LocalEndpoint() as endpoint:
        meters = MeterProvider(
            [
                PeriodicExportingMetricReader(
                    ApplicationInsightsMetricExporter(endpoint.connection_string), export_interval_millis=3_600_000
                )
            ],
            shutdown_on_exit=False,
        )
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(StandardMetricsProcessor(meters))
        tracers.add_span_processor(SimpleSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
        meters.force_flush()
        with tracers.get_tracer("t").start_as_current_span("GET /", kind=SpanKind.SERVER):
            tracers.get_tracer("t").start_span("price").end()
        meters.shutdown()
        tracers.shutdown()
        metrics, requests, dependencies = (endpoint.rows(table) for table in ("customMetrics", "requests", "dependencies"))
        refused, warnings = endpoint.refused, endpoint.warnings
    assert (refused, warnings) == ([], [])
    assert sorted((row["name"], row["valueCount"], row["customDimensions"]["_MS.MetricId"]) for row in metrics) == [
        ("dependencies/duration", 1, "dependencies/duration"),
        ("requests/duration", 1, "requests/duration"),
    ]
    assert [row["customDimensions"][MARK] for row in requests + dependencies] == ["True", "True"]
    # What the item says took so long, to the millisecond, is what the metric holds.
    by_name = {row["name"]: row["value"] for row in metrics}
    assert by_name["requests/duration"] == pytest.approx(requests[0]["duration"], abs=0.5)


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no fork")
def test_after_a_fork(run_program):
    """A child counts and marks as its parent did."""
    assert (
        run_program(
            """
            import os
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import SimpleSpanProcessor
            from appinsights_exporter import ApplicationInsightsMetricExporter, ApplicationInsightsSpanExporter, StandardMetricsProcessor
            from appinsights_exporter.delivery.deliver import Delivery
            from appinsights_exporter.settings import resolve
            from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport

            transport, settings = FakeTransport(), resolve(CONNECTION_STRING)
            sends = ApplicationInsightsMetricExporter(settings=settings, delivery=Delivery(transport))
            tracers = TracerProvider(shutdown_on_exit=False)
            meters = MeterProvider([PeriodicExportingMetricReader(sends, export_interval_millis=3_600_000)], shutdown_on_exit=False)
            tracers.add_span_processor(StandardMetricsProcessor(meters))
            meters.force_flush()
            exporter = ApplicationInsightsSpanExporter(settings=settings, delivery=Delivery(transport))
            tracers.add_span_processor(SimpleSpanProcessor(exporter))

            def work():
                transport.sent.clear()
                tracers.get_tracer("t").start_span("a").end()
                print(transport.items[0]["data"]["baseData"]["properties"], flush=True)

            work()
            if os.fork() == 0:
                work()
                os._exit(0)
            os.wait()
            """,
            # The reader has a thread, of which newer interpreters warn at a fork.
            options=("-W", "ignore::DeprecationWarning"),
        )
        == "{'_MS.ProcessedByMetricExtractors': 'True'}\n" * 2
    )
