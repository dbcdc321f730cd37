"""Whole programs with a metrics exporter: providers, the end of the process, workers, other readers and exporters."""

from __future__ import annotations

import inspect
import os
import platform
import signal
import subprocess
import sys
import textwrap

import pytest
from opentelemetry.metrics import Meter

fork_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

MEASURE = """
    from opencensus.ext.azure import metrics_exporter
    from opencensus.stats import aggregation, measure, stats as stats_module, view
    from opencensus.tags import tag_map
    stats = stats_module.stats
    seen = measure.MeasureInt("seen", "what was seen", "1")
    stats.view_manager.register_view(view.View("seen views", "d", ["route"], seen, aggregation.CountAggregation()))
    def record(times, route="/a"):
        for _ in range(times):
            recorded, tags = stats.stats_recorder.new_measurement_map(), tag_map.TagMap()
            tags.insert("route", route)
            recorded.measure_int_put(seen, 1)
            recorded.record(tags)
"""
# On a busy machine the end takes longer than the default, and what has no time then is stored.
LATER = "metrics_exporter.new_metrics_exporter(export_interval=3600, grace_period=60, enable_standard_metrics=False)"


@pytest.fixture
def run(run_program, endpoint):
    """Return a function that runs a program with the view above, and returns what it printed."""

    def start(source, **options):
        made = textwrap.dedent(MEASURE) + textwrap.dedent(source)
        return run_program(made, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **options)

    return start


def _arrived(endpoint):
    endpoint.wait_idle()
    return sorted(
        (
            envelope["tags"]["ai.cloud.roleInstance"],
            point["name"],
            point["value"],
            tuple(envelope["data"]["baseData"].get("properties", {}).values()),
        )
        for envelope in endpoint.envelopes()
        for point in envelope["data"]["baseData"]["metrics"]
    )


HOST = platform.node()


def test_the_last_values_arrive(run, endpoint):
    """A program that ends before its first interval is over sends what it has counted, once."""
    run(f"{LATER}\nrecord(3)")
    assert _arrived(endpoint) == [(HOST, "seen views", 3, ("/a",))]


@pytest.mark.parametrize("how", ["opencensus_compat.shutdown()", "raise SystemExit(0)", "sys.modules['threading']._register_atexit(list)"])
def test_ways_to_end(run, endpoint, how):
    """Each way to end sends the last values, once."""
    run(f"import sys, opencensus_compat\n{LATER}\nrecord(3)\n{how}")
    assert _arrived(endpoint) == [(HOST, "seen views", 3, ("/a",))]


def test_views_without_an_exporter_are_seen_by_a_provider_that_is_set_later(run, endpoint):
    """What OpenCensus code counts arrives where the exporter of its program is OpenTelemetry's by now, and comes after the views."""
    run('from appinsights_exporter import configure\nconfigure(signals=["metrics"])\nrecord(3)')
    assert _arrived(endpoint) == [(HOST, "seen views", 3, ("/a",))]


def test_shutdown_tells_whether_the_last_values_were_delivered(run, endpoint):
    """It does not call delivered what the service refused."""
    endpoint.misbehave("status:code=400")
    assert (
        run(f"import logging, opencensus_compat\nlogging.disable()\n{LATER}\nrecord(3)\nprint(opencensus_compat.shutdown())") == "False\n"
    )


def test_the_end_is_bounded(run_program):
    """Where nobody answers, the program ends within its `grace_period`, and the values are on disk."""
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        started_s = time.monotonic()
        run_program(
            textwrap.dedent(MEASURE) + "metrics_exporter.new_metrics_exporter(grace_period=1)\nrecord(3)",
            APPLICATIONINSIGHTS_CONNECTION_STRING=(
                f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:{silent.getsockname()[1]}"
            ),
        )
        assert time.monotonic() - started_s < 20


def test_only_metrics(run, endpoint):
    """Such a program gets a meter provider, with one line, and neither a tracer provider nor the SDK's traces and logs."""
    printed = run(
        f"""
        import logging, sys
        logging.basicConfig(stream=sys.stdout, format="%(name)s %(message)s")
        logging.getLogger("opencensus_compat").setLevel(logging.DEBUG)
        {LATER}
        from opentelemetry import trace
        from opentelemetry.metrics import get_meter_provider
        print(type(trace.get_tracer_provider()).__name__, type(get_meter_provider()).__name__)
        record(1)
        """
    )
    assert printed == (
        "opencensus_compat no OpenTelemetry meter provider was set: made one for the role 'app.py' and set it as the global provider\n"
        "ProxyTracerProvider MeterProvider\n"
    )
    assert len(_arrived(endpoint)) == 1


def test_standard_metrics_are_loaded_when_they_are_wanted(run):
    """Importing loads neither them nor psutil, and patches nothing; an exporter without them does not load them either."""
    run(
        f"""
        import http.server, sys
        before = http.server.HTTPServer.__init__
        wanted = "opencensus_compat.ext.azure.metrics_exporter.standard_metrics"
        assert wanted not in sys.modules and "psutil" not in sys.modules
        {LATER}
        assert wanted not in sys.modules and http.server.HTTPServer.__init__ is before
        metrics_exporter.new_metrics_exporter(export_interval=3600)
        assert wanted in sys.modules and http.server.HTTPServer.__init__ is not before
        metrics_exporter.standard_metrics.producer.disable()
        assert http.server.HTTPServer.__init__ is before
        """
    )


def test_opentelemetry_instruments_arrive(run, endpoint):
    """Metrics of OpenTelemetry code arrive at the resource of the first exporter, in OpenTelemetry's shape."""
    run(
        f"""
        {LATER}
        from opentelemetry import metrics
        counter = metrics.get_meter("shop").create_counter("orders")
        counter.add(2)
        counter.add(3)
        """
    )
    (envelope,) = endpoint.envelopes()
    assert envelope["data"]["baseData"]["metrics"] == [{"name": "orders", "value": 5, "count": 1}]
    assert envelope["tags"]["ai.cloud.role"] == "app.py"


def test_the_applications_own_provider(run, endpoint):
    """A provider that the application sets first stays; its reader sees the views, and Application Insights gets them as ever."""
    printed = run(
        f"""
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        reader = InMemoryMetricReader()
        provider = MeterProvider([reader])
        metrics.set_meter_provider(provider)
        {LATER}
        assert metrics.get_meter_provider() is provider
        metrics.get_meter("shop").create_counter("orders").add(2)
        record(3)
        data = reader.get_metrics_data().resource_metrics[0].scope_metrics
        print({{scope.scope.name: [(m.name, m.data.data_points[0].value) for m in scope.metrics] for scope in data}})
        """
    )
    assert printed == "{'shop': [('orders', 2)], 'opencensus_compat': [('seen_views', 3)]}\n"
    assert _arrived(endpoint) == [(HOST, "seen views", 3, ("/a",))]


@pytest.mark.parametrize("is_shut_down", [True, False])
def test_an_exporter_of_the_application_collects_last(run, endpoint, is_shut_down):
    """As the process ends, views arrive once, although the application's reader comes last; after `shutdown` they are for its exporter."""
    run(
        f"""
        import opencensus_compat
        from appinsights_exporter import ApplicationInsightsMetricExporter
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        provider = MeterProvider([PeriodicExportingMetricReader(ApplicationInsightsMetricExporter(), 3_600_000)])
        metrics.set_meter_provider(provider)
        {LATER}
        record(3)
        if {is_shut_down}:
            provider.force_flush()
            opencensus_compat.shutdown()
            record(4)
        """
    )
    # The shutdown sends the total; the application's exporter what came since the last collection.
    expected = [3, 4] if is_shut_down else [3]
    assert _arrived(endpoint) == [(HOST, "seen views", value, ("/a",)) for value in expected]


@pytest.mark.skipif(
    "explicit_bucket_boundaries_advisory" not in inspect.signature(Meter.create_histogram).parameters,
    reason="older releases of OpenTelemetry take no boundaries from instruments, and this test shows them",
)
def test_prometheus_exporter_of_opentelemetry(run, endpoint):
    """The real one shows views and gauges, without any OpenCensus exporter, and with one."""
    printed = run(
        f"""
        from opentelemetry import metrics
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from prometheus_client import REGISTRY, generate_latest
        metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))
        from opencensus.metrics import transport
        from opencensus.metrics.export.gauge import LongGauge, Registry
        latency = measure.MeasureFloat("latency", "", "ms")
        stats.view_manager.register_view(view.View("latency", "d", [], latency, aggregation.DistributionAggregation([5, 10])))
        record(3)
        recorded = stats.stats_recorder.new_measurement_map()
        recorded.measure_float_put(latency, 7.5)
        recorded.record()
        registry, gauge = Registry(), LongGauge("queue length", "d", "1", [])
        gauge.get_or_create_default_time_series().set(5)
        registry.add_gauge(gauge)
        def show():
            lines = generate_latest(REGISTRY).decode().splitlines()
            wanted = ("seen_views", "latency", "queue_length")
            for line in sorted(line for line in lines if line.startswith(wanted)):
                name, labels, value = line.partition("{{")[0], line.partition("{{")[2].rpartition("}}")[0], line.split()[-1]
                shown = ",".join(each for each in labels.split(",") if each.startswith(("route", "le=")))
                print(name.split()[0], shown, value)
        show()
        print("--")
        exporter = {LATER}
        transport.get_exporter_thread([registry], exporter, interval=3600)
        show()
        """,
        options=(),
    )
    views = """\
latency_milliseconds_bucket le="+Inf" 1.0
latency_milliseconds_bucket le="10.0" 1.0
latency_milliseconds_bucket le="5.0" 0.0
latency_milliseconds_count  1.0
latency_milliseconds_sum  7.5
"""
    count = 'seen_views_total route="/a" 3.0\n'
    assert printed == f"{views}{count}--\n{views}queue_length  5.0\n{count}"
    assert sorted((name, value) for _, name, value, _ in _arrived(endpoint)) == [("latency", 7.5), ("queue length", 5), ("seen views", 3)]


def test_exporters_of_others(run, endpoint):
    """A stats exporter and a metrics exporter of the program's own get what they always got, beside ours."""
    printed = run(
        f"""
        from opencensus.metrics import transport
        from opencensus.stats import base_exporter
        class Stats(base_exporter.StatsExporter):
            def on_register_view(self, view):
                print("view", view.name)
            def export(self, view_data):
                print("data", [(each.view.name, list(each.tag_value_aggregation_data_map.values())) for each in view_data])
        class Metrics:
            def export_metrics(self, metrics):
                print("metrics", [(each.descriptor.name, each.time_series[0].points[0].value) for each in metrics])
        stats.view_manager.register_exporter(Stats())
        ours = {LATER}
        stats.view_manager.register_exporter(ours)
        stats.view_manager.register_view(view.View("more", "d", [], seen, aggregation.SumAggregation()))
        other = Metrics()
        task = transport.get_exporter_thread([stats], other, interval=3600)
        record(1)
        task.close()
        """
    )
    assert printed == (
        "view more\n"
        "data [('seen views', [CountAggregationData(1)]), ('more', [SumAggregationData(1)])]\n"
        "metrics [('seen views', ValueLong(1)), ('more', ValueLong(1))]\n"
    )
    assert [(name, value) for _, name, value, _ in _arrived(endpoint)] == [("more", 1), ("seen views", 1)]


@fork_only
@pytest.mark.parametrize("is_exporter_first", [True, False])
def test_a_forked_worker(run, endpoint, is_exporter_first):
    """Each process exports its own series, and says which it is; a worker goes on from what its parent had counted."""
    first, then = (LATER, "") if is_exporter_first else ("", LATER)
    printed = run(
        f"""
        import os, sys
        {first}
        record(2)
        children = []
        for number in (1, 2):
            child = os.fork()
            if child == 0:
                {then or "pass"}
                record(number, "/b")
                sys.exit()
            children.append(child)
            print(child, flush=True)
        for child in children:
            os.waitpid(child, 0)
        {then}
        record(1)
        """,
        options=("-W", "error", "-W", "ignore:This process:DeprecationWarning"),
    )
    one, two = (f"{HOST}:{pid}" for pid in printed.split())
    assert _arrived(endpoint) == sorted(
        [
            (HOST, "seen views", 3, ("/a",)),
            (one, "seen views", 2, ("/a",)),
            (one, "seen views", 1, ("/b",)),
            (two, "seen views", 2, ("/a",)),
            (two, "seen views", 2, ("/b",)),
        ]
    )


@fork_only
def test_a_worker_exports_at_intervals(run, endpoint):
    """The SDK's reader starts anew in the child, also when the fork comes while the parent exports."""
    endpoint.misbehave({"rule": "delay_reply", "seconds": 0.5})
    run(
        """
        import http.client, json, logging, os, time
        # The SDK warns where the reader's thread has slept before the provider is made.
        logging.getLogger("opentelemetry.sdk.metrics").setLevel(logging.ERROR)
        exporter = metrics_exporter.new_metrics_exporter(export_interval=0.1, enable_standard_metrics=False)
        record(1)
        asking = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]))
        received = 0
        while not received:  # The reply to what was received comes half a second later.
            time.sleep(0.01)
            asking.request("GET", "/_control/stats")
            received = json.load(asking.getresponse())["itemsReceived"]
        asking.close()
        child = os.fork()
        record(1)
        if child == 0:
            while not exporter._pipeline.exporter.counts.snapshot().sent:
                time.sleep(0.01)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        PORT=endpoint.url.rstrip("/").rpartition(":")[2],
        options=("-W", "error", "-W", "ignore:This process:DeprecationWarning"),
    )
    instances = {instance for instance, *_ in _arrived(endpoint)}
    assert len(instances) == 2


@fork_only
def test_a_thread_of_its_own_in_a_worker(run, endpoint):
    """An exporter with another interval than the first one of its resource goes on in the child, too, and ends with it."""
    run(
        f"""
        import os, sys, threading
        from opencensus.metrics import transport
        from opencensus.metrics.export.gauge import LongGauge, Registry
        exporter = {LATER}
        registry, gauge = Registry(), LongGauge("jobs", "", "1", [])
        gauge.get_or_create_default_time_series().set(1)
        registry.add_gauge(gauge)
        class Producer:
            read = threading.Semaphore(0)
            def get_metrics(self):
                self.read.release()
                return registry.get_metrics()
        producer = Producer()
        task = transport.get_exporter_thread([producer], exporter, interval=0.1)
        if os.fork() == 0:
            producer.read = threading.Semaphore(0)
            assert task.is_alive() and len(exporter._pipeline._tasks) == 2
            # The third reading begins when two of them have been exported.
            assert all(producer.read.acquire(timeout=120) for _ in range(3))
            task.cancel()
            sys.exit()
        task.cancel()
        os.wait()
        """,
        options=("-W", "error", "-W", "ignore:This process:DeprecationWarning"),
    )
    arrived = _arrived(endpoint)
    assert {name for _, name, _, _ in arrived} == {"jobs"}
    assert len([instance for instance, *_ in arrived if instance.startswith(f"{HOST}:")]) >= 2


@fork_only
def test_children_of_multiprocessing(run, endpoint):
    """They end without exit hooks, and their last values arrive."""
    run(
        f"""
        import multiprocessing
        {LATER}
        worker = multiprocessing.get_context("fork").Process(target=record, args=(5, "/b"))
        worker.start()
        worker.join()
        """,
        options=("-W", "error", "-W", "ignore:This process:DeprecationWarning"),
    )
    arrived = _arrived(endpoint)
    assert [(name, value) for _, name, value, _ in arrived] == [("seen views", 5)]
    assert arrived[0][0].startswith(f"{HOST}:")


@fork_only
@pytest.mark.parametrize("preload", [True, False], ids=["preload", "in the worker"])
def test_gunicorn(endpoint, tmp_path, preload):
    """Every worker tells its own series, whether the application was loaded before or after the fork."""
    (tmp_path / "app.py").write_text(
        textwrap.dedent(MEASURE)
        + textwrap.dedent(
            f"""
            {LATER}
            def app(environ, start_response):
                record(1)
                start_response("204 No Content", [])
                return []
            """
        ),
        encoding="utf-8",
    )
    settings = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_")
    kept = {key: text for key, text in os.environ.items() if not key.startswith(settings)}
    command = [sys.executable, "-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:0", "--log-level", "info", "app:app"]
    with subprocess.Popen(
        [*command, "--preload"] if preload else command,
        cwd=tmp_path,
        env={**kept, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, "PYTHONWARNINGS": "ignore"},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            port, workers = None, set()
            for line in server.stderr:
                if "Listening at" in line:
                    port = int(line.split(":")[-1].split()[0])
                if "Booting worker with pid" in line:
                    workers.add(int(line.split()[-1]))
                if len(workers) == 2:
                    break
            _ask(port, 20)
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=120)
        finally:
            server.kill()
    arrived = _arrived(endpoint)
    assert sum(value for _, _, value, _ in arrived) == 20
    assert {instance for instance, *_ in arrived} <= {f"{HOST}:{pid}" for pid in workers}


def _ask(port, times):
    import http.client
    import time

    until_s = time.monotonic() + 60
    for _ in range(times):
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                connection.request("GET", "/")
                assert connection.getresponse().status == 204
                connection.close()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < until_s
