"""The MetricsExporter: a cheap handle, the one reader of its resource, and what programs replace."""

from __future__ import annotations

import gc
import json
import logging
import os
import platform
import threading
import time
import weakref
from datetime import datetime
from unittest.mock import patch

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

import opencensus_compat
from appinsights_exporter import ApplicationInsightsMetricExporter
from opencensus_compat import _alias
from opencensus_compat._bridge.pipeline.ending import is_ending
from opencensus_compat.ext.azure.common import utils
from opencensus_compat.ext.azure.common.protocol import Envelope
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter, new_metrics_exporter
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics import http_requests, producer
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import DerivedLongGauge, LongGauge, Registry
from opencensus_compat.metrics.export.metric_producer import MetricProducer
from opencensus_compat.metrics.label_key import LabelKey
from opencensus_compat.metrics.label_value import LabelValue
from opencensus_compat.stats.aggregation import CountAggregation, DistributionAggregation, LastValueAggregation, SumAggregation
from opencensus_compat.stats.stats import stats

LATER = 3600.0
"""Seconds: an interval that no test waits for."""


@pytest.fixture
def options(endpoint):
    """Options of an exporter that sends to the local endpoint when it is flushed, without the counters."""
    return {"connection_string": endpoint.connection_string, "export_interval": LATER, "enable_standard_metrics": False}


@pytest.fixture
def _counters():
    """The standard metrics are off again afterwards."""
    yield
    producer.disable()
    http_requests.requests_map.clear()


def _registry(name="jobs", value=1):
    registry, gauge = Registry(), LongGauge(name, "", "1", [])
    registry.add_gauge(gauge)
    gauge.get_or_create_default_time_series().set(value)
    return registry, gauge


def _points(endpoint):
    return [
        (point["name"], point["value"], envelope["data"]["baseData"].get("properties", {}))
        for envelope in endpoint.envelopes()
        for point in envelope["data"]["baseData"]["metrics"]
    ]


def _arrived(endpoint):
    assert opencensus_compat.flush(60.0)
    return _points(endpoint)


# --- Cheap -----------------------------------------------------------------------------------------------------------------------


def test_a_thousand_exporters(options, endpoint):
    """They start no thread, open no connection, and are freed."""
    before = set(threading.enumerate())
    exporters = [MetricsExporter(**options) for _ in range(1000)]
    assert set(threading.enumerate()) - before == set()
    assert endpoint.connections == 0
    assert len({id(exporter._resource) for exporter in exporters}) == 1
    references = [weakref.ref(exporter) for exporter in exporters]
    del exporters
    gc.collect()
    assert not any(reference() for reference in references)


def test_many_exporting_ones_share_a_thread(options):
    """`new_metrics_exporter` starts the reader of its resource, the first time."""
    first = new_metrics_exporter(**options)
    threads = set(threading.enumerate())
    others = [new_metrics_exporter(**options) for _ in range(20)]
    assert set(threading.enumerate()) - threads == set()
    assert all(exporter.exporter_thread.is_alive() for exporter in (first, *others))


# --- What arrives ------------------------------------------------------------------------------------------------------------------


def test_whole_envelope(options, endpoint, measuring):
    """A count is one item for each set of tag values, in the legacy shape."""
    new_metrics_exporter(**options)
    measuring.view("prompt view", CountAggregation())
    measuring.record(5, route="/a")
    measuring.record(5, route="/a")
    assert opencensus_compat.flush(60.0)
    (envelope,) = endpoint.envelopes()
    assert envelope.pop("time").endswith("Z")
    assert envelope == {
        "iKey": endpoint.instrumentation_key,
        "tags": dict(utils.azure_monitor_context),
        "name": "Microsoft.ApplicationInsights.Metric",
        "data": {
            "baseType": "MetricData",
            "baseData": {"ver": 2, "metrics": [{"ns": "prompt view", "name": "prompt view", "value": 2}], "properties": {"route": "/a"}},
        },
    }


def test_values_stay_cumulative(options, endpoint, measuring):
    """Each export tells everything since the start, by tag map; last values tell the last."""
    new_metrics_exporter(**options)
    measuring.view("count", CountAggregation())
    measuring.view("sum", SumAggregation())
    measuring.view("last", LastValueAggregation())
    for value, route in ((3, "/a"), (4, "/a"), (5, "/b")):
        measuring.record(value, route=route)
    _arrived(endpoint)
    measuring.record(6, route="/a")
    assert sorted((name, value, properties["route"]) for name, value, properties in _arrived(endpoint)) == [
        ("count", 1, "/b"), ("count", 1, "/b"), ("count", 2, "/a"), ("count", 3, "/a"),
        ("last", 4, "/a"), ("last", 5, "/b"), ("last", 5, "/b"), ("last", 6, "/a"),
        ("sum", 5, "/b"), ("sum", 5, "/b"), ("sum", 7, "/a"), ("sum", 13, "/a"),
    ]  # fmt: skip


def test_distributions_arrive(options, endpoint, measuring):
    """With count, sum, least, greatest and deviation."""
    new_metrics_exporter(**options)
    measuring.view("spread", DistributionAggregation([1, 2]), measure=measuring.broken)
    for value in (3.0, 0.5, 1.0, 1.5):
        measuring.record(value, measure=measuring.broken)
    _arrived(endpoint)
    (envelope,) = endpoint.envelopes()
    (point,) = envelope["data"]["baseData"]["metrics"]
    deviation = point.pop("stdDev")
    assert point == {"ns": "spread", "name": "spread", "kind": "Aggregation", "value": 6.0, "count": 4, "min": 0.5, "max": 3.0}
    assert deviation == pytest.approx(0.9354143466934853)


def test_a_registry_of_gauges(options, endpoint):
    """`get_exporter_thread` exports it, also what comes into it later; without an interval each minute."""
    registry, _ = _registry(value=7)
    task = transport.get_exporter_thread([registry], MetricsExporter(**options))
    later = LongGauge("later", "", "1", [LabelKey("queue", "")])
    later.get_or_create_time_series([LabelValue("in")]).set(8)
    registry.add_gauge(later)
    assert (task.interval, task.is_alive(), task.name) == (60, True, "MetricsExporter Worker")
    assert sorted(_arrived(endpoint)) == [("jobs", 7, {}), ("later", 8, {"queue": "in"})]


def test_export_by_hand(options, endpoint):
    """`export_metrics` sends at once, with nothing started."""
    threads = set(threading.enumerate())
    registry, _ = _registry()
    MetricsExporter(**options).export_metrics(registry.get_metrics())
    assert _points(endpoint) == [("jobs", 1, {})]
    assert "OtelPeriodicExportingMetricReader" not in {thread.name for thread in set(threading.enumerate()) - threads}


def test_batches(options, endpoint):
    """A request holds at most `max_batch_size` items."""
    registry = Registry()
    for number in range(7):
        gauge = LongGauge(f"g{number}", "", "1", [])
        gauge.get_or_create_default_time_series().set(number)
        registry.add_gauge(gauge)
    MetricsExporter(max_batch_size=3, **options).export_metrics(registry.get_metrics())
    assert [request.items for request in endpoint.requests] == [3, 3, 1]


def test_a_task_returns_what_is_to_be_sent(options, endpoint):
    """The exporter sends nothing by itself at an interval: its envelopes go down to the part of its resource, in batches, and once."""
    exporter = MetricsExporter(**options, max_batch_size=2)
    registries = [_registry(name)[0] for name in ("one", "two", "three")]
    sent = set()
    tasks = [exporter._task(producers, LATER) for producers in (registries, registries)]
    batches = [
        [[envelope["data"]["baseData"]["metrics"][0]["name"] for envelope in batch] for batch in task.export(sent)] for task in tasks
    ]
    assert batches == [[["one", "two"], ["three"]], []]
    assert endpoint.envelopes() == []


def test_what_cannot_be_sent_is_counted(options, endpoint, caplog):
    """A function that is gone costs its point, which is counted and said once."""
    registry, _ = _registry()
    gauge = DerivedLongGauge("gone", "", "1", [])
    gauge.create_default_time_series(lambda: 1)
    registry.add_gauge(gauge)
    exporter = MetricsExporter(**options)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            exporter.export_metrics([*registry.get_metrics(), None])
    assert _points(endpoint) == [("jobs", 1, {})] * 2
    assert exporter._pipeline.exporter.counts.snapshot().dropped == {"a metric could not be converted": 2}
    assert [record.message for record in caplog.records if record.name == "opencensus_compat"] == [
        "a metric point is skipped on every export: metric 'gone': the function that returns its value is gone, or returned None (said once)"
    ]


def test_a_producer_that_raises(options, endpoint, caplog):
    """It costs its own metrics, with a line in the log, and is asked again."""

    class Bad(MetricProducer):
        asked = 0

        def get_metrics(self):
            self.asked += 1
            raise RuntimeError("no metrics")

    bad, (good, _) = Bad(), _registry()
    transport.get_exporter_thread([bad, good], MetricsExporter(**options), interval=LATER)
    with caplog.at_level(logging.ERROR):
        assert _arrived(endpoint) == [("jobs", 1, {})]
        assert _arrived(endpoint) == [("jobs", 1, {})] * 2
    assert bad.asked == 2
    assert "The metrics of a producer could not be read" in caplog.text


def test_a_producer_that_is_gone(options, endpoint, caplog):
    """Its thread ends, as in OpenCensus, with a line in the log."""
    registry, gauge = _registry()
    task = transport.get_exporter_thread([registry], MetricsExporter(**options), interval=LATER)
    del registry, gauge
    gc.collect()
    with caplog.at_level(logging.WARNING):
        assert _arrived(endpoint) == []
    assert not task.is_alive()
    assert "MetricsExporter Worker stops: a metric producer is gone" in caplog.text


# --- When ------------------------------------------------------------------------------------------------------------------------


def test_interval(options, endpoint):
    """Metrics come at the interval that the program wants, but not without a pause."""
    registry, _ = _registry()
    begun_s = time.monotonic()
    task = transport.get_exporter_thread([registry], MetricsExporter(**options), interval=0)
    assert endpoint.wait_for(10)
    # The pauses of all together: a single request may be late.
    assert time.monotonic() - begun_s > 0.9
    task.cancel()


def test_another_interval(options, endpoint):
    """An exporter with another interval than the first one has a thread of its own, which the last flush reaches, too."""
    often, seldom = _registry("often"), _registry("seldom")
    exporter = MetricsExporter(**options)
    slow = transport.get_exporter_thread([seldom[0]], exporter, interval=LATER)
    fast = transport.get_exporter_thread([often[0]], exporter, interval=0.1)
    assert (slow.is_attached, fast.is_attached) == (True, False)
    assert endpoint.wait_for(2)
    assert {name for name, _, _ in _points(endpoint)} == {"often"}
    assert {name for name, _, _ in _arrived(endpoint)} == {"often", "seldom"}
    fast.cancel()
    fast.join(60)
    assert not fast.is_alive()


def test_close_exports_once_more(options, endpoint):
    """`shutdown` does it too; what is closed exports no more."""
    registry, gauge = _registry()
    exporter = MetricsExporter(**options)
    exporter.exporter_thread = transport.get_exporter_thread([registry], exporter, interval=LATER)
    gauge.get_or_create_default_time_series().set(2)
    exporter.shutdown()
    assert _points(endpoint) == [("jobs", 2, {})]
    exporter.exporter_thread.join(60)
    assert not exporter.exporter_thread.is_alive()
    assert _arrived(endpoint) == [("jobs", 2, {})]


def test_two_exporters_of_one_resource(options, endpoint, measuring):
    """What both would send is sent once; other producers of the second are sent, too."""
    registry, _ = _registry()
    first, second = (new_metrics_exporter(**options) for _ in range(2))
    transport.get_exporter_thread([registry], second, interval=LATER)
    measuring.view("count", CountAggregation())
    measuring.record(1, route="/a")
    assert sorted(_arrived(endpoint)) == [("count", 1, {"route": "/a"}), ("jobs", 1, {})]
    first.exporter_thread.cancel()
    assert len(_arrived(endpoint)) == 4


def test_two_exporters_of_one_resource_one_with_a_processor(options, endpoint, measuring):
    """The one with a telemetry processor sends: what that leaves out does not arrive by the other."""
    new_metrics_exporter(**options)
    second = new_metrics_exporter(**options)
    second.add_telemetry_processor(lambda envelope: envelope.data.baseData.properties["route"] != "/secret")
    measuring.view("count", CountAggregation())
    for route in ("/a", "/secret"):
        measuring.record(1, route=route)
    assert _arrived(endpoint) == [("count", 1, {"route": "/a"})]


def test_two_resources(options, measuring):
    """Views go to both, gauges where their registry was given to."""
    registry, _ = _registry()
    measuring.view("count", CountAggregation())
    measuring.record(1, route="/a")
    with LocalEndpoint() as one, LocalEndpoint() as two:
        for endpoint in (one, two):
            new_metrics_exporter(**{**options, "connection_string": endpoint.connection_string})
        transport.get_exporter_thread([registry], MetricsExporter(connection_string=two.connection_string), interval=LATER)
        assert opencensus_compat.flush(60.0)
        assert (sorted(_points(one)), sorted(_points(two))) == (
            [("count", 1, {"route": "/a"})],
            [("count", 1, {"route": "/a"}), ("jobs", 1, {})],
        )


def test_registered_with_the_view_manager(options, endpoint, measuring):
    """As the documentation does it: nothing is sent for that, and recording copies nothing."""
    exporter = new_metrics_exporter(**options)
    measuring.manager.register_exporter(exporter)
    measuring.view("count", CountAggregation())
    measuring.record(1, route="/a")
    assert _points(endpoint) == []
    assert _arrived(endpoint) == [("count", 1, {"route": "/a"})]


# --- What programs replace -------------------------------------------------------------------------------------------------------


def test_telemetry_processors(options, endpoint, measuring):
    """They get legacy envelopes, change and drop them; one that raises is logged."""
    exporter = new_metrics_exporter(**options)
    seen = []

    def add(envelope):
        seen.append((type(envelope), envelope.data.baseData.metrics[0].ns))
        envelope.data.baseData.properties["added"] = "yes"

    exporter.add_telemetry_processor(add)
    exporter.add_telemetry_processor(lambda envelope: envelope.data.baseData.properties["route"] == "/a")
    measuring.view("count", CountAggregation())
    for route in ("/a", "/b"):
        measuring.record(1, route=route)
    assert _arrived(endpoint) == [("count", 1, {"route": "/a", "added": "yes"})]
    assert seen == [(Envelope, "count")] * 2


@pytest.mark.usefixtures("measuring")
def test_telemetry_processors_see_opentelemetry_metrics(options, endpoint):
    """Those of the resource that gets them, once."""
    exporter = new_metrics_exporter(**options)
    provider = exporter._pipeline.meter_provider
    provider.get_meter("application").create_counter("orders").add(3, {"route": "/a"})
    exporter.add_telemetry_processor(lambda envelope: envelope.data.baseData.properties.update(added="yes"))
    assert _arrived(endpoint) == [("orders", 3, {"route": "/a", "added": "yes"})]


@pytest.mark.parametrize("name", ["export_metrics", "metric_to_envelopes", "apply_telemetry_processors", "_transmit"])
def test_a_subclass_is_called(options, name):
    """Each step that a subclass overrides is called by the reader's thread, too."""
    called = threading.Event()

    def own(self, argument):
        called.set()
        return getattr(MetricsExporter, name)(self, argument)

    changed = type("Changed", (MetricsExporter,), {name: own})
    registry, _ = _registry()
    transport.get_exporter_thread([registry], changed(**options), interval=0.1)
    assert called.wait(60)


def test_a_subclass_that_raises(options, endpoint, caplog):
    """It loses its own metrics, and nobody else's."""

    class Own(MetricsExporter):
        def export_metrics(self, metrics):
            raise RuntimeError("broken")

    (bad, _), (good, _) = _registry("bad"), _registry("good")
    transport.get_exporter_thread([bad], Own(**options), interval=LATER)
    transport.get_exporter_thread([good], MetricsExporter(**options), interval=LATER)
    with caplog.at_level(logging.ERROR):
        assert _arrived(endpoint) == [("good", 1, {})]
    assert "OpenCensus metrics could not be exported" in caplog.text


# --- OpenTelemetry ---------------------------------------------------------------------------------------------------------------


def test_the_applications_provider(options, endpoint, measuring):
    """Its readers see the view as an instrument; its own exporter to the same resource leaves the view out, for it would arrive twice."""
    memory = InMemoryMetricReader()
    native = ApplicationInsightsMetricExporter(options["connection_string"])
    provider = MeterProvider([memory, PeriodicExportingMetricReader(native, export_interval_millis=1e9)], shutdown_on_exit=False)
    opencensus_compat.configure(meter_provider=provider)
    new_metrics_exporter(**options)
    measuring.view("prompt view", CountAggregation())
    measuring.record(1, route="/a")
    provider.get_meter("application").create_counter("orders").add(3)
    provider.force_flush()
    assert sorted(_arrived(endpoint)) == [("orders", 3, {}), ("prompt view", 1, {"route": "/a"})]
    scopes = memory.get_metrics_data().resource_metrics[0].scope_metrics
    assert {scope.scope.name: [metric.name for metric in scope.metrics] for scope in scopes} == {
        "opencensus_compat": ["prompt_view"],
        "application": ["orders"],
    }
    provider.shutdown()


@pytest.mark.parametrize("shape", ["legacy", "otel"])
def test_an_exporter_of_the_application_sends_what_ours_does_not(options, endpoint, measuring, monkeypatch, shape):
    """Of views and gauges for one resource, those that no OpenCensus exporter sends arrive by the application's, the others once."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", shape)
    native = ApplicationInsightsMetricExporter(options["connection_string"])
    provider = MeterProvider([PeriodicExportingMetricReader(native, export_interval_millis=1e9)], shutdown_on_exit=False)
    opencensus_compat.configure(meter_provider=provider)
    (ours, _), (others, _) = _registry("our queue"), _registry("their queue")
    kept = [ours, others]
    measuring.view("seen views", CountAggregation(), columns=())
    measuring.record(1)
    transport.get_exporter_thread([ours], MetricsExporter(**options), interval=LATER)
    task = transport.get_exporter_thread([others], Foreign(), interval=LATER)
    provider.force_flush()
    assert sorted(_arrived(endpoint)) == [("our queue", 1, {}), ("seen views", 1, {}), ("their queue", 1, {})]
    task.cancel()
    provider.shutdown()
    del kept


class Foreign:
    """Another vendor's exporter."""

    def export_metrics(self, metrics):
        """Take them."""


@pytest.mark.parametrize("is_changed", [False, True])
def test_the_other_shape(options, endpoint, measuring, monkeypatch, is_changed):
    """`OPENCENSUS_COMPAT_ENVELOPES=otel`: what came since the last export, under the given name; a subclass keeps its own way."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")

    class Own(MetricsExporter):
        def metric_to_envelopes(self, metric):
            return [envelope for envelope in super().metric_to_envelopes(metric) if envelope.data.baseData.metrics[0].name != "dropped"]

    registry, _ = _registry("queue length", 7)
    measuring.view("prompt view", CountAggregation())
    measuring.view("dropped" if is_changed else "kept", CountAggregation())
    exporter = (Own if is_changed else MetricsExporter)(**options)
    transport.get_exporter_thread([stats, registry], exporter, interval=LATER)
    for _ in range(2):
        measuring.record(1, route="/a")
        assert opencensus_compat.flush(60.0)
    arrived = sorted((name, value) for name, value, _ in _points(endpoint))
    if is_changed:
        assert arrived == [("prompt view", 1), ("prompt view", 2), ("queue length", 7), ("queue length", 7)]
    else:
        assert arrived == [("kept", 1), ("kept", 1), ("prompt view", 1), ("prompt view", 1), ("queue length", 7), ("queue length", 7)]


def test_shapes_of_two_exporters(options, endpoint, measuring, monkeypatch):
    """In the other shape, too, nothing is lost beside a subclass that makes its own envelopes, and none twice."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")

    class Own(MetricsExporter):
        def metric_to_envelopes(self, metric):
            return super().metric_to_envelopes(metric)

    registry, _ = _registry()
    measuring.view("seen views", CountAggregation(), columns=())
    measuring.record(1)
    transport.get_exporter_thread([registry], Own(**options), interval=LATER)
    new_metrics_exporter(**options)
    assert sorted(_arrived(endpoint)) == [("jobs", 1, {}), ("seen views", 1, {})]


def test_close_in_the_other_shape(options, endpoint, measuring, monkeypatch):
    """What came since the last export is sent, and nothing after it."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    exporter = new_metrics_exporter(**options)
    measuring.view("seen views", CountAggregation(), columns=())
    measuring.record(1)
    exporter.shutdown()
    measuring.record(1)
    assert _arrived(endpoint) == [("seen views", 1, {})]


@pytest.mark.usefixtures("_counters")
def test_counters_in_the_other_shape(options, endpoint, measuring, monkeypatch):
    """They have no instruments, and arrive as ever; telemetry processors see them and the points of instruments, each once."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    exporter = new_metrics_exporter(**{**options, "enable_standard_metrics": True})
    seen = []
    exporter.add_telemetry_processor(lambda envelope: seen.append(envelope.data.baseData.metrics[0].name))
    measuring.view("prompt view", CountAggregation(), columns=())
    measuring.record(1)
    arrived = [name for name, _, _ in _arrived(endpoint)]
    assert sorted(arrived) == sorted(seen)
    assert len(arrived) == len(set(arrived)) == 7
    assert len(endpoint.rows("performanceCounters")) == 6


class _Telling(MetricProducer):
    """A producer of the program's, which tells more as it goes."""

    def __init__(self):
        self.names = []

    def get_metrics(self):
        return {metric for name in self.names for metric in _registry(name)[0].get_metrics()}


class _TellingRegistry(Registry, _Telling):
    """A registry that has more than its gauges."""

    def __init__(self):
        Registry.__init__(self)
        _Telling.__init__(self)

    def get_metrics(self):
        return Registry.get_metrics(self) | _Telling.get_metrics(self)


@pytest.mark.parametrize("kind", [_Telling, _TellingRegistry])
def test_producers_in_the_other_shape(options, endpoint, monkeypatch, kind):
    """A producer of the program's is exported with what it tells only later, also where that is at the last export."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    told = kind()
    task = transport.get_exporter_thread([told], MetricsExporter(**options), interval=LATER)
    assert _arrived(endpoint) == []
    told.names.append("late")
    assert _arrived(endpoint) == [("late", 1, {})]
    told.names.append("later")
    assert sorted(_arrived(endpoint)) == [("late", 1, {})] * 2 + [("later", 1, {})]
    told.names.append("last")
    task.close()
    assert sorted(_points(endpoint)) == [("last", 1, {})] + [("late", 1, {})] * 3 + [("later", 1, {})] * 2


def test_a_producer_of_two_exporters_in_the_other_shape(options, endpoint, monkeypatch):
    """It is read once for each export, since it may return what came since it was read last."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    read = []

    class Counting(_Telling):
        def get_metrics(self):
            read.append(1)
            return super().get_metrics()

    told = Counting()
    told.names.append("jobs")
    tasks = [transport.get_exporter_thread([told], MetricsExporter(**options), interval=LATER) for _ in range(2)]
    _arrived(endpoint)
    before = len(read)
    assert _arrived(endpoint) == [("jobs", 1, {})] * 2
    assert (len(read), [task.is_alive() for task in tasks]) == (before + 1, [True, True])


def test_bad_meter_provider():
    """What is no provider is refused at once."""
    with pytest.raises(TypeError, match="meter_provider: expected an OpenTelemetry MeterProvider, got str; pass for example"):
        opencensus_compat.configure(meter_provider="provider")


# --- Standard metrics ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_counters", "measuring")
def test_standard_metrics(options, endpoint):
    """They are on unless they are switched off, and arrive in the portal's table of counters."""
    new_metrics_exporter(**{**options, "enable_standard_metrics": True})
    assert {name for name, _, _ in _arrived(endpoint)} == {
        "\\Memory\\Available Bytes",
        "\\Process(??APP_WIN32_PROC??)\\% Processor Time",
        "\\Process(??APP_WIN32_PROC??)\\Private Bytes",
        "\\Processor(_Total)\\% Processor Time",
        "\\ASP.NET Applications(??APP_W3SVC_PROC??)\\Request Execution Time",
        "\\ASP.NET Applications(??APP_W3SVC_PROC??)\\Requests/Sec",
    }
    assert len(endpoint.rows("performanceCounters")) == 6


@pytest.mark.usefixtures("_counters", "measuring")
@pytest.mark.parametrize("is_first", [True, False])
def test_server_spans_are_requests(options, is_first):
    """Server spans of the application's provider count, whether the facade knew it before or learns of it later; client spans do not."""
    provider = TracerProvider(shutdown_on_exit=False)
    if is_first:
        opencensus_compat.configure(tracer_provider=provider)
    new_metrics_exporter(**{**options, "enable_standard_metrics": True})
    if not is_first:
        assert http_requests.requests_map.get("count") is None
        opencensus_compat.configure(tracer_provider=provider)
    tracer = provider.get_tracer("web")
    for kind in (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.SERVER):
        with tracer.start_as_current_span("s", kind=kind):
            pass
    assert http_requests.requests_seen.spans_are_told
    assert http_requests.requests_map["count"] == 2
    producer.disable()
    assert not http_requests.requests_seen.spans_are_told
    with tracer.start_as_current_span("s", kind=SpanKind.SERVER):
        pass
    assert http_requests.requests_map["count"] == 2
    provider.shutdown()


# --- Workers ---------------------------------------------------------------------------------------------------------------------


def test_instance_of_a_worker(options, monkeypatch):
    """In a process that was forked the instance says which one it is, unless the program has set it."""
    gauge = LongGauge("g", "", "1", [])
    gauge.get_or_create_default_time_series().set(1)
    metric = gauge.get_metric(datetime(2024, 9, 30))  # noqa: DTZ001 -- OpenCensus's times have no zone
    exporter = MetricsExporter(**options)

    def instance():
        return exporter.metric_to_envelopes(metric)[0].tags["ai.cloud.roleInstance"]

    assert instance() == platform.node()
    monkeypatch.setattr(_alias, "started_in", os.getppid())
    assert instance() == f"{platform.node()}:{os.getpid()}"
    monkeypatch.setitem(utils.azure_monitor_context, "ai.cloud.roleInstance", "web-1")
    assert instance() == "web-1"


def test_flush_without_time(options, measuring):
    """A flush that has no time is False, however many exporters there are, and raises nothing."""
    measuring.view("orders", SumAggregation())
    measuring.record(1, route="/")
    exporter = new_metrics_exporter(**options)
    assert opencensus_compat.flush(timeout_s=0) is False
    assert exporter._pipeline.force_flush(0) is False
    assert opencensus_compat.shutdown(timeout_s=0) is False


def test_flush_waits_for_an_export_under_way(options, endpoint):
    """Two exports never run at the same time."""
    running, most = [], []

    class Own(MetricsExporter):
        def export_metrics(self, metrics):
            running.append(1)
            most.append(len(running))
            time.sleep(0.02)
            running.pop()

    registry, _ = _registry()
    transport.get_exporter_thread([registry], Own(**options), interval=0.1)
    for _ in range(5):
        assert opencensus_compat.flush(60.0)
    assert max(most) == 1
    assert is_ending() is False


# --- What subclasses and tests of programs replace


class _Tagged(MetricsExporter):
    def _create_properties(self, time_series, label_keys):
        return {**super()._create_properties(time_series, label_keys), "env": "prod"}

    def _create_envelope(self, data_point, timestamp, properties):
        envelope = super()._create_envelope(data_point, timestamp, properties)
        envelope.tags["ai.cloud.role"] = f"{data_point.name} at {timestamp.year}"
        return envelope


def test_parts_of_a_conversion_that_are_replaced(options):
    """A subclass's `_create_properties` and `_create_envelope` make the items; all else of them is as it would be."""
    registry, gauge = Registry(), LongGauge("jobs", "", "1", [LabelKey("queue", "")])
    registry.add_gauge(gauge)
    for queue in ("mail", "print"):
        gauge.get_or_create_time_series([LabelValue(queue)]).set(7)
    metric = gauge.get_metric(datetime(2024, 9, 30, 8, 0, 0, 123456))  # noqa: DTZ001 -- OpenCensus's times have no zone
    plain, tagged = (kind(**options).metric_to_envelopes(metric) for kind in (MetricsExporter, _Tagged))
    for envelope in tagged:
        assert envelope.data.baseData.properties.pop("env") == "prod"
        assert envelope.tags.pop("ai.cloud.role") == "jobs at 2024"
    for envelope in plain:
        del envelope.tags["ai.cloud.role"]
    assert [json.loads(json.dumps(each)) for each in tagged] == [json.loads(json.dumps(each)) for each in plain]
    exporter = MetricsExporter(**options)
    with patch.object(exporter, "_create_properties", return_value={"only": "this"}):
        assert [each.data.baseData.properties for each in exporter.metric_to_envelopes(metric)] == [{"only": "this"}] * 2


def test_replaced_parts_take_part_in_the_export(options, endpoint):
    """What such a subclass makes is what arrives."""
    registry, _ = _registry()
    transport.get_exporter_thread([registry], _Tagged(**options), interval=LATER).close()
    [envelope] = endpoint.wait_for(1)
    assert (envelope["data"]["baseData"]["properties"], envelope["tags"]["ai.cloud.role"][:4]) == ({"env": "prod"}, "jobs")


def test_a_thread_calls_what_it_was_made_with(options, endpoint):
    """`export_metrics` that is replaced once the thread is there is not the thread's, as in OpenCensus."""
    registry, _ = _registry()
    exporter = MetricsExporter(**options)
    thread = transport.get_exporter_thread([registry], exporter, interval=LATER)
    with patch.object(exporter, "export_metrics") as replaced:
        thread.close()
    assert replaced.mock_calls == []
    assert [envelope["data"]["baseData"]["metrics"][0]["name"] for envelope in endpoint.wait_for(1)] == ["jobs"]


def test_patched_standard_metrics(options):
    """The standard metrics are found under the name that tests of programs patch."""
    with patch("opencensus_compat.ext.azure.metrics_exporter.standard_metrics") as standard:
        standard.producer.get_metrics.return_value = []
        exporter = new_metrics_exporter(**{**options, "enable_standard_metrics": True})
        exporter.exporter_thread.close()
    standard.producer.get_metrics.assert_called_with()


def test_a_reader_that_no_provider_has_yet(options, caplog):
    """An interval that ends before a meter provider has the reader brings nothing, and no warning of the SDK's."""
    from opencensus_compat._bridge.pipeline.metric_readers import Reader

    reader = Reader(None, ApplicationInsightsMetricExporter(options["connection_string"]), float("inf"))
    reader.collect()
    assert caplog.records == []
