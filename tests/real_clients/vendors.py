"""All packages that we know of for OpenCensus, as they are installed, in one environment with the real SDK and with this package.

`make vendors` makes that environment, which takes too long for every run of the tests, and runs this. In it, as in those of users, the real
SDK is installed too, and ours answers; `OPENCENSUS_COMPAT_DISABLED=1` gives the same program the real one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.real_clients.programs.shop import listening
from tests.real_clients.test_moved import moved

from opencensus_compat.rewrite.rewriting import Options, rewrite

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def python(interpreter):
    """The interpreter of that environment."""
    return interpreter("vendors", "`make vendors` makes it")


PROGRAMS = {
    "zipkin": ("zipkin.py",),
    "jaeger": ("jaeger.py",),
    "prometheus": ("prometheus.py", "count", "spread"),
    "datadog": ("datadog.py",),
    "ocagent": ("ocagent.py",),
    "stackdriver": ("stackdriver.py",),
    "a program's own": ("own.py",),
    "django": ("django_app.py",),
    "fastapi": ("fastapi_app.py",),
    "flask": ("flask_app.py",),
    "pyramid": ("pyramid_app.py",),
    "httpx": ("httpx_calls.py",),
    "grpc, google_cloud_clientlibs": ("grpc_calls.py",),
    "sqlalchemy, dbapi": ("databases.py",),
    "mysql, postgresql, pymongo, pymysql": ("drivers.py",),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", PROGRAMS.values(), ids=PROGRAMS)
def test_packages(result, python, command):
    """What arrives at a loopback server, or at the program's own exporter, is the same from the facade as from the real SDK."""
    old = result(python, *command, OPENCENSUS_COMPAT_DISABLED="1")
    assert old
    assert result(python, *command) == old


@pytest.mark.timeout(300)
def test_a_program_that_moved(result, python, tmp_path):
    """Jaeger gets of a rewritten program what it gets of the program on the real SDK."""
    old, new = moved(
        "Jaeger",
        tmp_path,
        lambda program: result(python, program, OPENCENSUS_COMPAT_DISABLED="1"),
        lambda program: result(python, program),
    )
    assert old
    assert new == old


_ZIPKIN = """\
import os

from opencensus.ext.zipkin.trace_exporter import ZipkinExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

PORT = os.environ["SHOP_PORT"]
tracer = Tracer(exporter=ZipkinExporter(service_name="shop", port=PORT, ipv4="10.0.0.1"), sampler=AlwaysOnSampler())
with tracer.span(name="GET /orders") as request:
    request.span_kind = SpanKind.SERVER
    request.add_attribute("http.status_code", 200)
    with tracer.span(name="SELECT") as query:
        query.span_kind = SpanKind.CLIENT
        query.add_attribute("rows", 3)
        query.status = Status(2, "no such row")
    with tracer.span(name="price"):
        pass
"""


@pytest.mark.timeout(300)
def test_a_maker_that_gave_way(result, python, tmp_path):
    """Zipkin gets by OpenTelemetry's exporter the spans that it got on the real SDK: names, parents, kinds, tags, the service."""
    program = tmp_path / "app.py"
    program.write_text(_ZIPKIN, encoding="utf-8")
    sent = []
    for environment in ({"OPENCENSUS_COMPAT_DISABLED": "1"}, {}):
        with listening() as (port, taken):
            result(python, str(program), SHOP_PORT=str(port), **environment)
        sent.append([span for path, body in taken for span in json.loads(body) if path == "/api/v2/spans"])
        program.write_bytes(next(iter(rewrite([str(program)], Options(accepted=frozenset({"V002"}))).after.values()), b""))
    before, after = sent
    assert [_place(span, after) for span in after] == [_place(span, before) for span in before] != []
    for one, other in zip(before, after, strict=True):
        assert one["tags"].items() <= other["tags"].items()
        assert (one["localEndpoint"]["serviceName"], one["localEndpoint"]["ipv4"]) == ("shop", "10.0.0.1")
        assert other["localEndpoint"] == {"serviceName": "shop", "ipv4": "10.0.0.1"}


def _place(span, spans):
    """Return name and kind of a span, and the name of its parent."""
    names = {each["id"]: each["name"] for each in spans}
    return span["name"], span.get("kind"), names.get(span.get("parentId"))


_STATS = """\
import threading

from grpc_receiver import agent, message, monitoring, receiving
from opencensus.ext.{maker} import stats_exporter
from opencensus.metrics.transport import get_exporter_thread
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags.tag_map import TagMap
from shop import show

LATENCY = measure.MeasureFloat("latency", "how long", "ms")
ORDERS = measure.MeasureInt("orders", "how many", "1")
SPREAD = view.View("Shop/Latency", "spread", ["route", "code"], LATENCY, aggregation.DistributionAggregation([0, 1, 5, 10.0]))
TIME = view.View("shop/time", "time", ["route"], LATENCY, aggregation.SumAggregation())
NUMBER = view.View("shop/orders", "number", [], ORDERS, aggregation.SumAggregation())
METHODS = {{
    "/google.monitoring.v3.MetricService/CreateMetricDescriptor": (b"", False),
    "/google.monitoring.v3.MetricService/CreateTimeSeries": (b"", False),
    "/opencensus.proto.agent.metrics.v1.MetricsService/Export": (b"", True),
}}


def without_times(found):
    if isinstance(found, dict):
        left_out = ("interval", "startTimestamp", "timestamp", "node")
        return {{key: without_times(each) for key, each in sorted(found.items()) if key not in left_out}}
    return sorted(map(without_times, found), key=str) if isinstance(found, list) else found


with receiving(METHODS) as (address, taken):
    for each in (SPREAD, TIME, NUMBER):
        stats.stats.view_manager.register_view(each)
    exporter = stats_exporter.{exporter}
    thread = get_exporter_thread([stats.stats], exporter, interval=600)
    for value, route in ((1, "/a"), (5, "/a"), (7.25, "/b"), (0.5, "/a")):
        tags = TagMap()
        tags.insert("route", route)
        mmap = stats.stats.stats_recorder.new_measurement_map()
        mmap.measure_float_put(LATENCY, value)
        mmap.measure_int_put(ORDERS, 2)
        mmap.record(tags)
    thread.close()
    waits = threading.Event()
    while not taken:
        waits.wait(0.05)
    show([[method, without_times(message(method, body))] for method, body in taken])
"""
_MADE = {
    "stackdriver": "StackdriverStatsExporter(options=stats_exporter.Options(project_id='shop', default_monitoring_labels={}), client=monitoring(address))",
    "ocagent": "StatsExporter(stats_exporter.ExportRpcHandler(agent(address), 'shop', 'here'))",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("maker", _MADE)
def test_stats_of_a_program_that_moved(result, python, tmp_path, maker):
    """Stackdriver and the agent get of a rewritten program what they get on the real SDK: descriptors, labels, numbers, buckets, deviations."""
    program = tmp_path / "app.py"
    program.write_text(_STATS.format(maker=maker, exporter=_MADE[maker]), encoding="utf-8")
    old = result(python, str(program), OPENCENSUS_COMPAT_DISABLED="1")
    (after,) = rewrite([str(program)], Options(shape=True)).after.values()
    program.write_bytes(after)
    assert b"LegacyStatsReader(" in after
    assert b"from opencensus.tags" not in after
    assert old[0]
    assert result(python, str(program)) == old


def test_each_program_has_its_test():
    """No program of the folder is left out, but those that others import, and tests of services, which `test_own_tests.py` runs."""
    apart = {"grpc_receiver.py", "own_tests.py", "service_integrations.py", "service_pytests.py", "service_unittests.py", "shop.py"}
    assert {path.name for path in (HERE / "programs").glob("*.py")} - apart == {name for name, *_ in PROGRAMS.values()}
