"""Whose providers are used, in whatever order OpenCensus exporters are made and OpenTelemetry is configured, in all three signals."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opencensus_compat
from appinsights_exporter import _sdk_logs
from opencensus_compat._bridge.providers import late as _late_providers
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import LongGauge, Registry
from opencensus_compat.trace import samplers
from opencensus_compat.trace.tracer import Tracer

PROGRAM = Path(__file__).parent / "programs" / "providers.py"
TAKEN = (
    "a {} provider was set after this package had made one for OpenCensus code. OpenTelemetry accepts one only, so the one made here delegates "
    "to yours from now on. Set yours before the first OpenCensus exporter is made, so that earlier telemetry goes through it, "
    "too{} (said once)"
)
LATER = [TAKEN.format("logger", ""), TAKEN.format("meter", ". Instruments from before stay with the first one"), TAKEN.format("tracer", "")]


def run(environment, steps, way):
    """Run the program and return what it printed."""
    command = [sys.executable, "-W", "error", str(PROGRAM), steps, way]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def names(*uses):
    """Return the spans of these uses."""
    return [f"{use} {span}" for use in uses for span in ("census", "early", "late")]


@pytest.mark.parametrize("way", ["by name", "by module"])
@pytest.mark.parametrize(
    ("steps", "said"),
    [("configure,handles,last", []), ("handles,configure,last", LATER[1:]), ("handles,first,configure,last", LATER)],
    ids=["before", "after the exporters", "after the first telemetry"],
)
def test_the_application_sets_its_providers(run_environment, steps, said, way):
    """Set before or after OpenCensus exporters were made, they see everything from then on.

    Application Insights gets what OpenCensus code makes, and the spans inside that, once; before that, everything.
    """
    uses = [step for step in steps.split(",") if step in ("first", "last")]
    assert run(run_environment, steps, way) == {
        "arrived": [name for name in names(*uses) if name != "last early"],
        "messages": uses,
        "metrics": [["orders", float(len(uses))]],
        "spans": names("last"),
        "resources": ["application"],
        "records": ["last"],
        "instruments": ["orders"],
        "said": said,
    }


def test_the_application_names_its_providers(run_environment):
    """Given to `configure`, they are what OpenCensus code uses; tracers of the global provider stay with that."""
    assert run(run_environment, "handles,first,configure,last", "explicitly") == {
        "arrived": names("first", "last"),
        "messages": ["first", "last"],
        "metrics": [["orders", 2.0]],
        "spans": ["last census"],
        "resources": ["application"],
        "records": ["last"],
        "instruments": ["orders"],
        "said": [],
    }


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running


class Three:
    """Providers for all signals, of an application."""

    def __init__(self):
        self.finished, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.loggers = TracerProvider(shutdown_on_exit=False), _sdk_logs.new_provider(shutdown_on_exit=False)
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.finished))
        opencensus_compat.configure(tracer_provider=self.tracers, logger_provider=self.loggers, meter_provider=self.meters)

    def shutdown(self):
        """Stop, as applications do."""
        for provider in (self.tracers, self.loggers, self.meters):
            provider.shutdown()


class Legacy:
    """OpenCensus code with all signals."""

    def __init__(self, endpoint):
        text = endpoint.connection_string
        self.tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(connection_string=text))
        self.log = logging.getLogger("tests.providers")
        self.log.handlers, self.log.propagate = [AzureLogHandler(connection_string=text)], False

    def use(self, name):
        """Make a span and a record."""
        with self.tracer.span(name):
            self.log.warning(name)
        opencensus_compat.flush(60)


def arrived(endpoint):
    """Return the names of what arrived."""
    return [row["name"] for row in endpoint.rows("dependencies")], [row["message"] for row in endpoint.rows("traces")]


def test_one_provider_after_another(endpoint):
    """An application that shuts its providers down and makes others, as tests and notebooks do, goes on with those; none is missing."""
    first = Three()
    legacy = Legacy(endpoint)
    legacy.use("one")
    first.shutdown()
    legacy.use("between")
    second = Three()
    legacy.use("two")
    assert arrived(endpoint) == (["one", "between", "two"], ["one", "between", "two"])
    assert [[span.name for span in each.finished.get_finished_spans()] for each in (first, second)] == [["one"], ["two"]]
    second.shutdown()


def test_exporters_that_come_after_a_shutdown(endpoint):
    """After `shutdown`, `configure` starts anew, for handles from before and for new ones; the same provider may be named again."""
    providers = Three()
    legacy = Legacy(endpoint)
    legacy.use("one")
    assert opencensus_compat.shutdown(60.0)
    legacy.use("nobody sees this")
    opencensus_compat.configure(tracer_provider=providers.tracers, logger_provider=providers.loggers)
    legacy.use("two")
    Legacy(endpoint).use("three")
    assert arrived(endpoint) == (["one", "two", "three"], ["one", "two", "three"])
    providers.shutdown()


def test_metrics_after_a_shutdown(endpoint):
    """A metrics exporter that is made after `shutdown` sends."""
    registry = Registry()
    gauge = LongGauge("waiting", "", "1", [])
    gauge.get_or_create_default_time_series().set(7)
    registry.add_gauge(gauge)

    def export():
        exporter = MetricsExporter(connection_string=endpoint.connection_string, export_interval=3600)
        thread = transport.get_exporter_thread([registry], exporter)
        assert opencensus_compat.flush(60)
        return exporter, thread

    kept = [export()]
    assert opencensus_compat.shutdown(60.0)
    endpoint.clear()
    kept.append(export())
    assert {(row["name"], row["valueSum"]) for row in endpoint.rows("customMetrics")} == {("waiting", 7.0)}


AT_EXIT = """
    import importlib.util, sys
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    class Ends(SpanProcessor):
        def shutdown(self):
            print("stopped")

    spec = importlib.util.find_spec("colorsys")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = sys.modules["colorsys"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lazy)

    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    provider = TracerProvider(shutdown_on_exit={})
    provider.add_span_processor(Ends())
    trace.set_tracer_provider(provider)
    with tracer.span("last"):
        pass
    print("lazy" if "_LazyModule" in str(object.__getattribute__(lazy, "__class__")) else "loaded")
"""


@pytest.mark.parametrize(("hook", "stopped"), [(True, 1), (False, 0)], ids=["with an exit hook", "without"])
def test_the_end_of_a_process(run_program, endpoint, hook, stopped):
    """A provider that was taken over is stopped once, if it wants to be; what waits is delivered either way. Lazy modules stay so."""
    said = f"{TAKEN.format('tracer', '')}\n"
    printed = run_program(AT_EXIT.format(hook), stderr=said, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert printed.split() == ["lazy"] + ["stopped"] * stopped
    assert [row["name"] for row in endpoint.rows("dependencies")] == ["last"]


def test_functions_are_given_back():
    """All who watch are called; what sets a provider is OpenTelemetry's own again when nothing is watched any more."""
    from opentelemetry import trace

    before = trace.set_tracer_provider
    taken, seen = [], []
    _late_providers.watch("traces", "second", lambda _: seen.append("replaced"))
    _late_providers.watch("traces", "first", lambda provider: taken.append(provider) is None)
    _late_providers.watch("traces", "second", lambda provider: seen.append(provider) is not None)
    try:
        assert trace.set_tracer_provider is not before
        trace.set_tracer_provider("one")
        trace.set_tracer_provider(tracer_provider="two")
        with pytest.raises(TypeError):
            trace.set_tracer_provider("one", "two")
    finally:
        _late_providers.unwatch()
    assert (taken, seen, trace.set_tracer_provider) == (["one", "two"], ["one", "two"], before)
