"""The metric exporter: with the SDK's own providers and readers, over HTTP, beside whatever is wrong with one metric."""

from __future__ import annotations

import logging
import math
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from appinsights_exporter import ApplicationInsightsMetricExporter, ConfigurationError, ConversionError, CountsSnapshot
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.results import Result
from appinsights_exporter.delivery.transport import Reply
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY, START_NS, FakeTransport, ManualClock
from opencensus_compat.local import LocalEndpoint

SUCCESS, FAILURE = MetricExportResult.SUCCESS, MetricExportResult.FAILURE
FACADE = "opencensus_compat"
RESOURCE = Resource({"service.name": "shop", "service.instance.id": "web-1"})


def exporter(*replies, environ=None, **options):
    """Return an exporter over a scripted transport, and the transport."""
    transport = FakeTransport(replies)
    chosen = resolve(CONNECTION_STRING, environ=environ or {})
    return ApplicationInsightsMetricExporter(settings=chosen, delivery=Delivery(transport, clock=ManualClock()), **options), transport


def data(*metrics, scope="my.meter", resource=RESOURCE):
    """Return metrics as a reader collects them."""
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(InstrumentationScope(scope), list(metrics), "")], "")])


def gauge(name, *values, attributes=None):
    """Return a gauge with a point for each value."""
    return Metric(name, "", "1", Gauge([NumberDataPoint(attributes or {}, 0, START_NS, value) for value in values]))


def points(transport):
    """Return the points that were sent, in order."""
    return [item["data"]["baseData"]["metrics"][0] for item in transport.items]


def shown(transport):
    """Return name and value of the points that were sent, in order."""
    return [(point["name"], point["value"]) for point in points(transport)]


class Items:
    """Something that brings its own items."""

    def __init__(self, *envelopes):
        self._envelopes = envelopes

    def to_envelopes(self):
        """Return them; raise one that is an exception."""
        for envelope in self._envelopes:
            if isinstance(envelope, Exception):
                raise envelope
            yield envelope


def test_is_a_metric_exporter():
    """The SDK takes it for one of its own kind."""
    made, _ = exporter()
    assert isinstance(made, MetricExporter)
    assert made.force_flush() is True
    assert made.settings.instrumentation_key == KEY


def test_every_instrument_over_http():
    """What the SDK's instruments hold arrives in the portal's table: increments of counters, all kinds of histograms, levels as they are."""
    with LocalEndpoint() as endpoint:
        sending = ApplicationInsightsMetricExporter(endpoint.connection_string)
        reader = PeriodicExportingMetricReader(sending, export_interval_millis=3_600_000)
        views = [View(instrument_name="spread", aggregation=ExponentialBucketHistogramAggregation())]
        provider = MeterProvider([reader], resource=RESOURCE, views=views, shutdown_on_exit=False)
        meter = provider.get_meter("my.meter")
        total = iter((10, 25, 25))
        meter.create_observable_counter("seen", [lambda _: [Observation(next(total))]])
        meter.create_observable_gauge("level", [lambda _: [Observation(0.5, {"room": "a"})]])
        meter.create_observable_up_down_counter("balance", [lambda _: [Observation(-4)]])
        orders, open_orders = meter.create_counter("Orders.Placed"), meter.create_up_down_counter("open")
        wait, spread = meter.create_histogram("wait"), meter.create_histogram("spread")
        for _ in range(2):
            orders.add(3, {"tenant": "t7"})
            open_orders.add(2)
            for value in (1.0, 9.0):
                wait.record(value)
                spread.record(value)
            assert provider.force_flush()
        provider.shutdown()
        rows, refused, warnings = endpoint.rows("customMetrics"), endpoint.refused, endpoint.warnings
        requests = [request.items for request in endpoint.requests]
    assert (refused, warnings) == ([], [])
    columns = ("name", "value", "valueCount", "valueSum", "valueMin", "valueMax", "metricNamespace", "customDimensions", "cloud_RoleName")
    first, second, last = (sorted(tuple(row[c] for c in columns) for row in rows[start : start + 7]) for start in (0, 7, 14))
    assert first == [
        ("balance", -4.0, 1, -4.0, -4.0, -4.0, None, {}, "shop"),
        ("level", 0.5, 1, 0.5, 0.5, 0.5, None, {"room": "a"}, "shop"),
        ("open", 2.0, 1, 2.0, 2.0, 2.0, None, {}, "shop"),
        ("orders.placed", 3.0, 1, 3.0, 3.0, 3.0, None, {"tenant": "t7"}, "shop"),
        ("seen", 10.0, 1, 10.0, 10.0, 10.0, None, {}, "shop"),
        ("spread", 10.0, 2, 10.0, 1.0, 9.0, None, {}, "shop"),
        ("wait", 10.0, 2, 10.0, 1.0, 9.0, None, {}, "shop"),
    ]
    changed = {"open": ("open", 4.0, 1, 4.0, 4.0, 4.0), "seen": ("seen", 15.0, 1, 15.0, 15.0, 15.0)}
    assert second == [(*changed.get(row[0], row[:6]), *row[6:]) for row in first]
    # The collection at the end: nothing more was counted, and what is observed is observed once more.
    assert [row[:2] for row in last] == [("balance", -4.0), ("level", 0.5), ("open", 4.0), ("seen", 0.0)]
    assert requests == [7, 7, 4]
    assert sending.counts.snapshot("metrics") == CountsSnapshot(sent=18)


def test_periodic_export():
    """The reader's own thread sends, at its interval, without anybody asking."""
    with LocalEndpoint() as endpoint:
        reader = PeriodicExportingMetricReader(ApplicationInsightsMetricExporter(endpoint.connection_string), export_interval_millis=50)
        provider = MeterProvider([reader], shutdown_on_exit=False)
        provider.get_meter("m").create_counter("c").add(2)
        (first, *_) = endpoint.wait_for(1)
        provider.shutdown()
    assert first["data"]["baseData"]["metrics"] == [{"name": "c", "value": 2, "count": 1}]


def test_whole_item():
    """A point as it is sent, with the tags of its resource."""
    made, transport = exporter()
    assert made.export(data(gauge("level", 0.5, attributes={"room": "a"}))) is SUCCESS
    (item,) = transport.items
    assert {"ai.internal.sdkVersion", "ai.device.id", "ai.device.type"} <= set(item["tags"])
    assert {key: item["tags"][key] for key in ("ai.cloud.role", "ai.cloud.roleInstance")} == {
        "ai.cloud.role": "shop",
        "ai.cloud.roleInstance": "web-1",
    }
    assert {**item, "tags": None} == {
        "name": "Microsoft.ApplicationInsights.Metric",
        "iKey": KEY,
        "tags": None,
        "time": "2023-11-14T22:13:20.123456Z",
        "data": {
            "baseType": "MetricData",
            "baseData": {"ver": 2, "metrics": [{"name": "level", "value": 0.5, "count": 1}], "properties": {"room": "a"}},
        },
    }


@pytest.mark.usefixtures("caplog")
def test_envelopes():
    """The items can be had without sending them, for those who want to look; what cannot be converted is an error then."""
    made, transport = exporter()
    found = made.envelopes(data(gauge("a", 1, math.nan), gauge("b", 2)))
    assert [item["data"]["baseData"]["metrics"][0]["name"] for item in found] == ["a", "b"]
    assert transport.sent == []
    with pytest.raises(ConversionError):
        made.envelopes(data(gauge("a", "x")))


@pytest.mark.parametrize(("status", "result"), [(200, SUCCESS), (400, FAILURE)])
@pytest.mark.usefixtures("caplog")
def test_result(status, result):
    """Refused for good is a failure."""
    made, _ = exporter(Reply(status=status))
    assert made.export(data(gauge("a", 1))) is result


def test_nothing_to_export():
    """Without points nothing is sent, and that is no failure."""
    made, transport = exporter()
    assert (made.export(MetricsData([])), made.deliver(None), transport.sent) == (SUCCESS, Result.DELIVERED, [])


def test_many_points_are_sent_in_several_requests():
    """One request has at most 512 items."""
    made, transport = exporter()
    assert made.export(data(gauge("a", *range(1000)))) is SUCCESS
    assert [len(request.items) for request in transport.sent] == [512, 488]


def test_values_that_are_not_finite_are_skipped(caplog):
    """They are counted and said once; the others arrive, and the export is no failure: nothing could be done about it."""
    made, transport = exporter()
    assert made.export(data(gauge("a", 1, math.nan, math.inf, 2), gauge("b", -math.inf, 3))) is SUCCESS
    assert shown(transport) == [("a", 1), ("a", 2), ("b", 3)]
    assert made.counts.snapshot("metrics") == CountsSnapshot(sent=3, dropped={"a metric's value was not finite": 3})
    assert [record.getMessage() for record in caplog.records] == [
        "Telemetry was lost: 1 x a metric's value was not finite (the last: a). More losses are reported at most once a minute."
    ]


def test_overflow_is_said(caplog):
    """What the SDK sums because an instrument has too many attribute sets arrives as such a sum, and the log says so once a minute."""
    made, transport = exporter()
    for value in (1, 2):
        made.export(data(gauge("a", value, attributes={"otel.metric.overflow": True})))
    assert [item["data"]["baseData"]["properties"] for item in transport.items] == [{"otel.metric.overflow": "True"}] * 2
    assert [record.getMessage() for record in caplog.records] == [
        "a has too many attribute sets; the SDK sums the rest under otel.metric.overflow."
    ]


class Hostile:
    """Raises at every look."""

    def __getattr__(self, name):
        raise RuntimeError(name)


BAD = {
    "no data": (Metric("bad", "", "", None), 1),
    "hostile data": (Metric("bad", "", "", Hostile()), 1),
    "no points": (Metric("bad", "", "", Gauge(None)), 1),
    "no point": (Metric("bad", "", "", Gauge([None])), 1),
    "hostile points": (Metric("bad", "", "", Gauge([Hostile(), Hostile()])), 2),
    "no number": (gauge("bad", "x"), 1),
    "hostile metric": (Hostile(), 1),
    "no time": (Metric("bad", "", "", Gauge([NumberDataPoint({}, 0, None, 1)])), 1),
    "attributes": (Metric("bad", "", "", Gauge([NumberDataPoint(5, 0, START_NS, 1)])), 1),
}


@pytest.mark.parametrize(("bad", "lost"), BAD.values(), ids=BAD)
@pytest.mark.usefixtures("caplog")
def test_one_bad_metric_loses_no_other(bad, lost):
    """Whatever is wrong with one, the others arrive, and it is counted."""
    made, transport = exporter()
    assert made.export(data(gauge("a", 1), bad, gauge("b", 2))) is FAILURE
    assert shown(transport) == [("a", 1), ("b", 2)]
    assert made.counts.snapshot("metrics") == CountsSnapshot(sent=2, dropped={"a metric could not be converted": lost})


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=3))
ATTRIBUTES = st.dictionaries(
    st.one_of(
        st.text(max_size=200), st.sampled_from(["user_agent.original", "user_agent.synthetic.type", "http.user_agent"]), st.integers()
    ),
    st.one_of(SCALARS, st.lists(SCALARS, max_size=2)),
    max_size=5,
)
SCOPES = st.sampled_from(
    ["my.meter", FACADE, "appinsights_exporter.performance_counters", "appinsights_exporter.standard_metrics", None, 5]
)
NAMES = st.one_of(st.text(max_size=5), st.sampled_from(["requests/duration", "appinsights.requests", "appinsights.memory.available"]))


@given(NAMES, SCOPES, st.one_of(SCALARS, st.decimals()), ATTRIBUTES, st.one_of(st.integers(), st.none()), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_values(name, scope, value, attributes, time_ns, is_sum):
    """No exception leaves the exporter, the other metrics arrive, and this one arrives too or is counted once."""
    found = [NumberDataPoint(attributes, 0, time_ns, value)]
    points_of = Sum(found, AggregationTemporality.CUMULATIVE, is_monotonic=True) if is_sum else Gauge(found)
    made, transport = exporter()
    logging.disable()
    try:
        made.export(
            MetricsData(
                [
                    *data(gauge("first", 1)).resource_metrics,
                    *data(Metric(name, "", "", points_of), scope=scope).resource_metrics,
                    *data(gauge("last", 1)).resource_metrics,
                ]
            )
        )
    finally:
        logging.disable(logging.NOTSET)
    names = [name for name, _ in shown(transport)]
    assert (names[0], names[-1]) == ("first", "last")
    counts = made.counts.snapshot()
    # The rate of a total over no time at all is nothing to send, and nothing lost.
    rateless = name == "appinsights.requests" and scope == "appinsights_exporter.performance_counters"
    assert counts.sent + sum(counts.dropped.values()) == 3 or rateless
    for item in transport.items:
        assert all(isinstance(tag, str) for tag in item["tags"].values())
        (point,) = item["data"]["baseData"]["metrics"]
        assert isinstance(point["name"], str)
        assert isinstance(point["value"], (int, float))


def test_temporality():
    """Counters and histograms tell what came since the last time, the rest how things stand (specification section 6.1)."""
    made, _ = exporter()
    assert {kind.__name__: temporality.name for kind, temporality in made._preferred_temporality.items()} == {
        "Counter": "DELTA",
        "Histogram": "DELTA",
        "ObservableCounter": "DELTA",
        "UpDownCounter": "CUMULATIVE",
        "ObservableUpDownCounter": "CUMULATIVE",
        "ObservableGauge": "CUMULATIVE",
    }


def test_temporality_and_aggregation_of_the_users_choice(monkeypatch):
    """Arguments decide; the variable that is meant for OTLP exporters does not."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative")
    made, transport = exporter(
        preferred_temporality={Counter: AggregationTemporality.CUMULATIVE},
        preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()},
    )
    provider = MeterProvider([PeriodicExportingMetricReader(made, export_interval_millis=3_600_000)], shutdown_on_exit=False)
    counter = provider.get_meter("m").create_counter("c")
    for _ in range(2):
        counter.add(1)
        provider.force_flush()
    provider.shutdown()
    assert shown(transport)[:2] == [("c", 1), ("c", 2)]
    default, transport = exporter()
    provider = MeterProvider([PeriodicExportingMetricReader(default, export_interval_millis=3_600_000)], shutdown_on_exit=False)
    counter = provider.get_meter("m").create_counter("c")
    for _ in range(2):
        counter.add(1)
        provider.force_flush()
    provider.shutdown()
    assert shown(transport) == [("c", 1), ("c", 1)]


@pytest.mark.parametrize(("word", "namespace"), [("true", "my.meter"), ("True", "my.meter"), ("false", None), ("", None)])
def test_namespace(word, namespace):
    """Metrics are listed under their meter's name only for those who ask for it, by the official exporter's variable."""
    made, transport = exporter(environ={"APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN": word})
    made.export(data(gauge("a", 1)))
    assert points(transport)[0].get("ns") == namespace


LEGACY = {
    "name": "Microsoft.ApplicationInsights.Metric",
    "time": "2023-11-14T22:13:20.123456Z",
    "data": {"baseType": "MetricData", "baseData": {"ver": 2, "metrics": [{"ns": "my view", "name": "my view", "value": 5}]}},
}


def test_facade_metrics_in_the_retired_shape():
    """The facade's own items replace its points, in the same request; they get the key if they have none."""
    made, transport = exporter(facade_metrics=lambda: [Items(LEGACY)])
    assert (
        made.export(MetricsData([*data(gauge("a", 1)).resource_metrics, *data(gauge("my_view", 5), scope=FACADE).resource_metrics]))
        is SUCCESS
    )
    assert len(transport.sent) == 1
    assert shown(transport) == [("a", 1), ("my view", 5)]
    assert transport.items[1] == {**LEGACY, "iKey": KEY}


def test_facade_metrics_in_the_opentelemetry_shape():
    """Its points are sent like all others, under the names that OpenCensus code gave, and the facade is not asked for items."""
    made, transport = exporter(
        environ={"OPENCENSUS_COMPAT_ENVELOPES": "otel"}, facade_metrics=lambda: [Items(LEGACY)], facade_names={"my_view": "my view"}
    )
    made.export(MetricsData([*data(gauge("my_view", 5), scope=FACADE).resource_metrics, *data(gauge("my_view", 6)).resource_metrics]))
    assert shown(transport) == [("my view", 5), ("my_view", 6)]


def test_facade_metrics_that_nobody_else_sends():
    """An exporter that a program made itself, and that no facade feeds, sends the facade's points rather than losing them."""
    made, transport = exporter()
    made.export(data(gauge("my_view", 5), scope=FACADE))
    assert shown(transport) == [("my_view", 5)]


def test_facade_tags():
    """The facade's points have the tags that the program gave it."""
    made, transport = exporter(legacy_context_tags={"ai.cloud.role": "app.py"})
    made.export(data(gauge("a", 1), scope=FACADE))
    made.export(data(gauge("a", 1)))
    assert [item["tags"]["ai.cloud.role"] for item in transport.items] == ["app.py", "shop"]


def test_facade_metrics_that_fail(caplog):
    """When the facade's items cannot be had the other metrics still go; one item that fails loses no other."""

    def fails():
        raise RuntimeError

    made, transport = exporter(facade_metrics=fails)
    assert made.export(data(gauge("a", 1))) is SUCCESS
    assert made.export(data(gauge("a", 2))) is SUCCESS
    assert shown(transport) == [("a", 1), ("a", 2)]
    assert [record.getMessage() for record in caplog.records] == ["The metrics of OpenCensus code could not be read."]
    made, transport = exporter()
    assert made.deliver(None, [Items(RuntimeError()), Items(LEGACY)]) is Result.LOST
    assert shown(transport) == [("my view", 5)]


def test_telemetry_processors():
    """They see metric items as the retired exporter's users know them, change them, and drop them."""
    made, transport = exporter()

    def processor(envelope):
        envelope.data.baseData.properties["seen"] = "yes"
        envelope.tags["ai.cloud.role"] = "other"
        return envelope.data.baseData.metrics[0]["name"] != "b"

    made.add_telemetry_processor(processor)
    assert made.export(data(gauge("a", 1), gauge("b", 1))) is SUCCESS
    (item,) = transport.items
    assert (item["data"]["baseData"]["properties"], item["tags"]["ai.cloud.role"]) == ({"seen": "yes"}, "other")
    assert made.counts.snapshot("metrics") == CountsSnapshot(sent=1, filtered=1)
    made.clear_telemetry_processors()
    made.export(data(gauge("b", 1)))
    assert transport.items[1]["tags"]["ai.cloud.role"] == "shop"


def test_after_shutdown(caplog):
    """What is offered after it is counted by points, the facade is not asked, and a second shutdown does nothing."""
    made, transport = exporter(facade_metrics=lambda: pytest.fail("asked"))
    made.shutdown(timeout_millis=30_000)
    made.shutdown()
    assert made.export(data(gauge("a", 1, 2))) is FAILURE
    assert (transport.sent, made.counts.snapshot("metrics").dropped) == ([], {"offered after shutdown": 2})
    assert len(caplog.records) == 1


def test_deadline():
    """Before the end of the process, the delivery is told how long anything may take, and keeps half a second for storing."""
    made, transport = exporter()
    made.set_deadline(2.0)
    assert transport.hurried_s == [1.5]
    made.shutdown()


def test_a_busy_service_is_not_waited_for():
    """After a 503 the items are on disk, which is a success, and counted as stored."""
    with LocalEndpoint() as endpoint:
        endpoint.misbehave("status:code=503")
        made = ApplicationInsightsMetricExporter(endpoint.connection_string)
        start_s = time.monotonic()
        assert made.export(data(gauge("a", 1))) is SUCCESS
        assert time.monotonic() - start_s < 30
        made.shutdown()
    assert made.counts.snapshot("metrics") == CountsSnapshot(stored=1, retried={"service unavailable": 1})


def test_bad_configuration_raises_at_construction():
    """A wrong connection string is an error of the constructor, not of an export."""
    with pytest.raises(ConfigurationError):
        ApplicationInsightsMetricExporter("nonsense")
    with pytest.raises(ConfigurationError, match="APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN"):
        resolve(CONNECTION_STRING, environ={"APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN": "maybe"})


@pytest.mark.parametrize("interval_ms", [3_600_000, 50], ids=["the first export at the end", "an export under way"])
@pytest.mark.parametrize("fault", ["none", "silence"])
def test_the_end_of_a_process(run_program, fault, interval_ms):
    """It comes within the grace period, with nothing on stderr; what the service did not take by then, the next process sends."""
    program = f"""
        import logging, os, time
        start_s = time.monotonic()
        # The SDK warns where the reader's thread has slept before the provider is made.
        logging.getLogger("opentelemetry.sdk.metrics").setLevel(logging.ERROR)
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from appinsights_exporter import ApplicationInsightsMetricExporter
        from appinsights_exporter.settings import resolve

        exporter = ApplicationInsightsMetricExporter(settings=resolve(grace_period_s=int(os.environ["GRACE_S"])))
        provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis={interval_ms})])
        provider.get_meter("m").create_counter("c").add(1)
        time.sleep({0 if interval_ms > 1000 else 0.3})
        print(time.monotonic() - start_s)
    """
    with LocalEndpoint() as endpoint:
        grace_s = "60"
        if fault != "none":
            endpoint.misbehave(fault)
            grace_s = "1"
        environment = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
        start_s = time.monotonic()
        before_the_end_s = float(run_program(program, GRACE_S=grace_s, **environment))
        # Starting the interpreter takes time as well; what is not bounded waits half a minute for a reply.
        assert time.monotonic() - start_s - before_the_end_s < 20
        endpoint.behave()
        run_program(program, GRACE_S="60", **environment)
        values = [envelope["data"]["baseData"]["metrics"][0]["value"] for envelope in endpoint.envelopes()]
    assert values == [1, 1]


def test_the_guide_names_tests_that_exist():
    """Each row about the official exporter names the test that holds what it says."""
    here = Path(__file__).parent
    page = (here.parents[1] / "migration_guide" / "opentelemetry_metrics.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) >= 10
    assert [(file, test) for file, test in named if f"def {test}(" not in (here / file).read_text(encoding="utf-8")] == []
