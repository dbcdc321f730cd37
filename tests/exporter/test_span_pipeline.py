"""Several pipelines of spans in one process, each with its sampler and telemetry processors, and which of them spans of libraries go."""

from __future__ import annotations

import gc
import os
import signal
import weakref

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from appinsights_exporter import ConfigurationError, SpanPipeline, latest_provider, span_pipeline
from opencensus_compat.local import LocalEndpoint

KEY = "InstrumentationKey=00000000-0000-4000-8000-000000000001;IngestionEndpoint=http://127.0.0.1:1"

FAMILY = """
import multiprocessing, os, signal, sys, threading
from appinsights_exporter import SpanPipeline, configure, latest_provider
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

configure(signals=["traces"], flush_on_sigterm=True)


def tracer(name, sampler=ALWAYS_ON):
    pipeline = SpanPipeline(schedule_delay_millis=3_600_000)
    pipeline.add_telemetry_processor(lambda envelope: envelope.tags.update({"ai.cloud.role": name}))
    return pipeline.tracer_provider(sampler).get_tracer("shop")


def work():
    with tracer("child").start_as_current_span("job"):
        pass


def in_a_thread():
    with web.start_as_current_span("sent"), library.start_as_current_span("of web in a thread"):
        pass


library = latest_provider().get_tracer("library", schema_url="https://example.org")
off, web, billing = tracer("off", ALWAYS_OFF), tracer("web"), tracer("billing")
with web.start_as_current_span("order"), library.start_as_current_span("of billing"):
    pass
with web.start_as_current_span("GET", kind=trace.SpanKind.SERVER), library.start_as_current_span("of web"):
    pass
thread = threading.Thread(target=in_a_thread)
thread.start()
thread.join()
with off.start_as_current_span("hidden"), library.start_as_current_span("of hidden"):
    pass
with trace.get_tracer("shop").start_as_current_span("global"), library.start_as_current_span("of global"):
    pass
latest = tracer("latest")
with library.start_as_current_span("of nobody"):
    pass
child = os.fork()
if not child:
    work()
    sys.exit()
os.waitpid(child, 0)
job = multiprocessing.get_context("fork").Process(target=work)
job.start()
job.join()
os.kill(os.getpid(), signal.SIGTERM)
threading.Event().wait(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_each_span_goes_its_way_once(run_program):
    """Spans have the role of their pipeline, those of libraries that of the latest tracer; each process sends its own, also at SIGTERM."""
    with LocalEndpoint() as endpoint:
        run_program(FAMILY, status=-signal.SIGTERM, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        found = sorted((row["name"], row["cloud_RoleName"]) for row in endpoint.rows("dependencies"))
    assert found == [
        ("global", "app.py"),
        ("job", "child"),
        ("job", "child"),
        ("of billing", "billing"),
        ("of global", "app.py"),
        ("of nobody", "latest"),
        ("of web", "web"),
        ("of web in a thread", "web"),
        ("order", "web"),
        ("sent", "web"),
    ]


@pytest.fixture
def pipelines(monkeypatch):
    """Return what makes pipelines in this process, whose queues end with the test."""
    monkeypatch.setattr(span_pipeline, "_queues", [])
    monkeypatch.setattr(span_pipeline, "_latest", span_pipeline._Latest())
    monkeypatch.setattr(span_pipeline.ApplicationInsightsSpanExporter, "export", lambda *_: SpanExportResult.SUCCESS)
    yield lambda **more: SpanPipeline(KEY, **more)
    for each in span_pipeline._queues:
        each.processor.shutdown()


class Kept(SpanProcessor):
    """Keeps what it sees."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_end(self, span):
        """Keep its name."""
        self.seen.append(span.name)

    def force_flush(self, timeout_millis=30_000):
        """Keep that it was asked for."""
        self.seen.append("flushed")
        return True

    def shutdown(self):
        """Keep that it came."""
        self.seen.append("shut down")


def test_a_pipeline_through_processors_sends_nothing_itself(pipelines, monkeypatch):
    """Its spans go to the processors, which end with the process; libraries follow its requests as those of any other."""
    monkeypatch.setattr(span_pipeline, "_elsewhere", span_pipeline._Elsewhere())
    kept, pipeline = Kept(), pipelines()
    other = SpanPipeline.through(kept)
    provider = other.tracer_provider(ALWAYS_ON)
    pipeline.tracer_provider(ALWAYS_ON)
    with provider.get_tracer("shop").start_as_current_span("order", kind=trace.SpanKind.SERVER):
        assert latest_provider().get_tracer("library").start_span("call").resource is provider.resource
    assert other.force_flush()
    other.add_telemetry_processor(print)
    span_pipeline._elsewhere.force_flush()
    span_pipeline._elsewhere.shutdown()
    assert kept.seen == ["order", "flushed", "flushed", "shut down"]


def test_what_is_no_span_processor_is_an_error():
    """An exporter of OpenCensus needs an adapter around it."""
    with pytest.raises(ConfigurationError, match="span_processors"):
        SpanPipeline.through(print)


def test_providers_are_made_once_for_samplers_that_decide_alike(pipelines):
    """The same provider is returned for a sampler of the same description, so that a function may ask on each call."""
    pipeline = pipelines(resource=Resource({"service.name": "billing"}))
    first = pipeline.tracer_provider(ALWAYS_ON)
    assert pipeline.tracer_provider(ALWAYS_ON) is first
    assert pipeline.tracer_provider(ALWAYS_OFF) is not first
    assert first.resource.attributes["service.name"] == "billing"
    assert pipeline.force_flush()


def test_pipelines_with_equal_settings_share_a_queue_and_leave_no_trace(pipelines):
    """A pipeline for each call costs no thread, and goes when nothing holds it."""
    one, other = pipelines(), pipelines(max_queue_size=8)
    held = []
    for _ in range(3):
        pipeline = pipelines()
        pipeline.tracer_provider(ALWAYS_ON).get_tracer("shop").start_span("order").end()
        held.append(weakref.ref(pipeline))
    one.tracer_provider()
    one.force_flush()
    del pipeline
    gc.collect()
    assert len(span_pipeline._queues) == 2
    assert one._queue is not other._queue
    assert [each() for each in held] == [None, None, None]


def test_a_provider_that_is_shut_down_leaves_the_others_their_queue(pipelines):
    """Its own spans were exported; those of another provider of the pipeline still are."""
    exported = []
    pipeline = pipelines()
    pipeline._exporter.export = lambda spans: exported.extend(span.name for span in spans)
    pipeline.tracer_provider(ALWAYS_OFF).shutdown()
    with pipeline.tracer_provider(ALWAYS_ON).get_tracer("shop").start_as_current_span("order"):
        pass
    pipeline.force_flush()
    assert exported == ["order"]


@pytest.mark.parametrize(
    ("given", "named"),
    [({"telemetry_processors": ["role"]}, "telemetry_processors"), ({"max_queue_size": 0}, "max_queue_size"), ({"timeout": -1}, "timeout")],
)
def test_what_cannot_work_is_an_error(pipelines, given, named):
    """A value that no pipeline can have is named."""
    with pytest.raises(ConfigurationError, match=named):
        pipelines(**given)


def test_what_is_no_sampler_is_an_error(pipelines):
    """A sampler must decide."""
    with pytest.raises(ConfigurationError, match="sampler"):
        pipelines().tracer_provider(0.5)


@pytest.mark.parametrize(("variable", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")])
def test_a_machine_that_sends_nothing_needs_no_connection_string(monkeypatch, variable, value):
    """Switched off by the environment, a pipeline takes all calls."""
    monkeypatch.setenv(variable, value)
    pipeline = SpanPipeline()
    pipeline.add_telemetry_processor(print)
    pipeline.clear_telemetry_processors()
    with pipeline.tracer_provider().get_tracer("shop").start_as_current_span("order"):
        pass
    assert pipeline.force_flush()


def test_without_pipelines_libraries_use_the_global_provider(monkeypatch):
    """Where nobody asked for a provider, spans are the global one's."""
    monkeypatch.setattr(span_pipeline, "_latest", span_pipeline._Latest())
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    span = latest_provider().get_tracer("library").start_span("call")
    assert span.resource is provider.resource
