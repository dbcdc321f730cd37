"""Which provider is used, and what a process does at its edges: first use, exit, fork."""

from __future__ import annotations

import contextvars
import logging
import os
from types import SimpleNamespace

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

import opencensus_compat
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers.lifecycle import reset
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.tracer import Tracer

ON = samplers.AlwaysOnSampler()


# --- In this process -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", [object(), "provider", SimpleNamespace(get_tracer=None)])
def test_configure_refuses_what_is_no_provider(provider):
    """Something that makes no tracers raises at once, saying what came."""
    with pytest.raises(TypeError, match=rf"expected an OpenTelemetry TracerProvider, got {type(provider).__name__}"):
        opencensus_compat.configure(tracer_provider=provider)


def test_configure_moves_to_another_provider(otel, kept):
    """Spans started after `configure` go to the new provider."""
    tracer = Tracer(sampler=ON, exporter=kept)
    with tracer.span("first"):
        pass
    finished = InMemorySpanExporter()
    second = TracerProvider(shutdown_on_exit=False)
    second.add_span_processor(SimpleSpanProcessor(finished))
    opencensus_compat.configure(tracer_provider=second)
    with tracer.span("second"):
        pass
    assert (list(otel.spans), [span.name for span in finished.get_finished_spans()]) == (["first"], ["second"])


def test_what_is_told_while_a_handler_emits():
    """A handler that refuses what is logged in the midst of its own work, as OpenTelemetry's does, gets what this package has to say."""
    is_emitting = contextvars.ContextVar("is_emitting", default=False)
    got = []

    class Handler(logging.Handler):
        def emit(self, record):
            got.append((record.getMessage(), is_emitting.get()))
            token = is_emitting.set(True)
            report("something to say")
            is_emitting.reset(token)

    handler = Handler()
    logger = logging.getLogger()
    logger.addHandler(handler)
    logging.getLogger("application").warning("a line")
    logger.removeHandler(handler)
    assert got == [("a line", False), ("something to say (said once)", False)]


def test_configuring_the_same_provider_twice_exports_once(otel, endpoint):
    """The provider gets our processor once."""
    opencensus_compat.configure(tracer_provider=otel.provider)
    exporter = AzureExporter(connection_string=endpoint.connection_string, export_interval=3600.0)
    with Tracer(sampler=ON, exporter=exporter).span():
        pass
    assert opencensus_compat.flush(60.0)
    assert endpoint.accepted == 1


class Wrapping:
    """A provider as other vendors make them: it takes span processors, but its tracers and spans are its own."""

    def __init__(self, provider):
        self._provider = provider
        self.add_span_processor = provider.add_span_processor

    def get_tracer(self, *args, **options):
        """Return a tracer that is not the SDK's."""
        tracer = self._provider.get_tracer(*args, **options)
        return SimpleNamespace(start_span=tracer.start_span, start_as_current_span=tracer.start_as_current_span)


def test_a_provider_whose_tracers_are_not_the_sdks(otel, kept, endpoint, caplog):
    """It starts the spans itself; parents, attributes, kind and the resource they go to are right."""
    reset()
    opencensus_compat.configure(tracer_provider=Wrapping(otel.provider))
    exporter = AzureExporter(connection_string=endpoint.connection_string, export_interval=3600.0)
    tracer = Tracer(sampler=ON, exporter=exporter)
    with tracer.span("a") as span:
        span.span_kind = 1
        span.add_attribute("k", "v")
        with otel.tracer.start_as_current_span("b"), tracer.span("c"):
            pass
    assert otel.parents == {"a": None, "b": "a", "c": "b"}
    assert (otel.spans["a"].kind, dict(otel.spans["a"].attributes)) == (SpanKind.SERVER, {"k": "v"})
    assert opencensus_compat.flush(60.0)
    assert endpoint.accepted == 3
    assert caplog.records == []


class Slotted(trace_api.NonRecordingSpan):
    """A span of another vendor, to which nothing can be attached."""

    __slots__ = ()


def test_a_current_span_of_another_vendor(otel):
    """Any OpenTelemetry span can be current and be looked at through OpenCensus."""
    context = trace_api.SpanContext(1, 2, is_remote=False, trace_flags=trace_api.TraceFlags(1))
    with trace_api.use_span(Slotted(context)):
        span = execution_context.get_current_span()
        span.add_attribute("k", "v")
        span.span_kind = 2
        assert (span.span_id, span.name, dict(span.attributes)) == (f"{2:016x}", None, {})


# --- Programs of their own -------------------------------------------------------------------------------------------------------


def _names(endpoint, count):
    return sorted(envelope["data"]["baseData"]["name"] for envelope in endpoint.wait_for(count))


def _environment(endpoint):
    return {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}


def test_a_short_script_delivers(endpoint, run_program):
    """A script that traces one span and ends, with everything at its default, delivers it within its own life, in silence."""
    run_program(
        """
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace.samplers import ProbabilitySampler
        from opencensus.trace.tracer import Tracer

        with Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0)).span("hello"):
            pass
        """,
        **_environment(endpoint),
    )
    assert _names(endpoint, 1) == ["hello"]
    assert endpoint.envelopes()[0]["tags"]["ai.cloud.role"] == "app.py"


def test_the_first_span_makes_a_global_provider(endpoint, run_program):
    """Where no provider was set, OpenTelemetry code of the same process is exported too, and one line for those who debug says so."""
    printed = run_program(
        """
        import logging

        class Print(logging.Handler):
            def emit(self, record):
                print(record.levelname, record.getMessage())

        logging.getLogger("opencensus_compat").addHandler(Print())
        logging.getLogger("opencensus_compat").setLevel(logging.DEBUG)
        from opencensus.ext.azure.trace_exporter import AzureExporter
        AzureExporter()
        AzureExporter()
        from opentelemetry import trace
        with trace.get_tracer("lib").start_as_current_span("otel"):
            pass
        """,
        **_environment(endpoint),
    )
    assert printed == "DEBUG no OpenTelemetry tracer provider was set: made one for the role 'app.py' and set it as the global provider\n"
    assert _names(endpoint, 1) == ["otel"]


def test_the_applications_own_global_provider_is_used(endpoint, run_program):
    """A provider that the application set, before or after `import opencensus`, gets the spans and keeps its resource."""
    run_program(
        """
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        trace.set_tracer_provider(TracerProvider(resource=Resource({"service.name": "mine"})))
        tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
        with tracer.span("oc"), trace.get_tracer("lib").start_as_current_span("otel"):
            pass
        """,
        **_environment(endpoint),
    )
    assert _names(endpoint, 2) == ["oc", "otel"]
    roles = {envelope["data"]["baseData"]["name"]: envelope["tags"]["ai.cloud.role"] for envelope in endpoint.envelopes()}
    assert roles == {"oc": "app.py", "otel": "mine"}


def test_a_global_provider_that_takes_no_processors(endpoint, run_program):
    """OpenCensus spans use a provider of their own then, and one warning says so."""
    printed = run_program(
        """
        import logging
        class Print(logging.Handler):
            def emit(self, record):
                print(record.levelname, record.getMessage())
        logging.getLogger("opencensus_compat").addHandler(Print())
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer
        from opentelemetry import trace

        class Other(trace.TracerProvider):
            def get_tracer(self, *args, **options):
                return trace.NoOpTracer()

        trace.set_tracer_provider(Other())
        tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
        with tracer.span("outer"), tracer.span("inner"):
            pass
        """,
        **_environment(endpoint),
    )
    assert "takes no processors" in printed
    assert _names(endpoint, 2) == ["inner", "outer"]


def test_a_disabled_sdk(endpoint, run_program):
    """With OTEL_SDK_DISABLED nothing is sent, legacy exporters still get their SpanData, with their parents, and nothing is raised."""
    printed = run_program(
        """
        import logging
        logging.disable(logging.WARNING)  # Older SDKs say that they are disabled.
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace.base_exporter import Exporter
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer

        class Names(Exporter):
            def export(self, span_datas):
                for sd in span_datas:
                    print(sd.name, sd.span_kind, dict(sd.attributes), sd.parent_span_id == ids["outer"], sd.start_time <= sd.end_time)

        ids = {}
        for exporter in (AzureExporter(), Names()):
            tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
            with tracer.span("outer") as span:
                ids["outer"] = span.span_id
                with tracer.span("inner") as span:
                    span.span_kind = 1
                    span.add_attribute("k", "v")
        """,
        OTEL_SDK_DISABLED="true",
        **_environment(endpoint),
    )
    assert printed == "inner 1 {'k': 'v'} True True\nouter 0 {} False True\n"
    endpoint.wait_idle()
    assert endpoint.received == 0


FORK = """
import os, sys
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
import opencensus_compat

tracer = Tracer(exporter=AzureExporter(export_interval=3600.0), sampler=AlwaysOnSampler())
if {first}:
    with tracer.span("parent before"):
        pass
if {sent}:
    opencensus_compat.flush(60.0)
pids = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        with tracer.span(f"child {{number}}"):
            pass
        if {exit}:
            sys.exit(0)
        opencensus_compat.flush(60.0)
        os._exit(0)
    pids.append(pid)
with tracer.span("parent after"):
    pass
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("first", [False, True], ids=["nothing before", "a span before"])
@pytest.mark.parametrize("sent", [False, True], ids=["waiting", "sent"])
@pytest.mark.parametrize("leave", [False, True], ids=["flushed", "at exit"])
def test_fork(endpoint, run_program, first, sent, leave):
    """Children begin with an empty queue and a connection of their own: everyone's spans arrive, each once, in traces of their own."""
    # The connection that a child inherits is dropped there, not closed: it is its parent's.
    run_program(FORK.format(first=first, sent=sent, exit=leave), options=("-W", "ignore"), **_environment(endpoint))
    expected = ["child 0", "child 1", "child 2", "parent after"] + ["parent before"] * first
    assert _names(endpoint, len(expected)) == expected
    endpoint.wait_idle()
    assert endpoint.accepted == len(expected)
    assert len(endpoint.operation_ids()) == len(expected)


def test_an_unreachable_endpoint_does_not_hold_the_process(run_program):
    """A program whose resource cannot be reached ends, and soon."""
    run_program(
        """
        import logging
        logging.disable(logging.CRITICAL)
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer
        with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span():
            pass
        """,
        timeout_s=120,
        APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=http://127.0.0.1:9",
    )


def test_names_of_the_role(run_program):
    """The role is the configured service name, else the script's name."""
    source = "from opencensus.ext.azure.common.utils import azure_monitor_context as c; print(c['ai.cloud.role'])"
    assert run_program(source) == "app.py\n"
    assert run_program(source, OTEL_SERVICE_NAME="shop") == "shop\n"
    assert run_program(source, OTEL_RESOURCE_ATTRIBUTES="a=b,service.name=my%20till") == "my till\n"
