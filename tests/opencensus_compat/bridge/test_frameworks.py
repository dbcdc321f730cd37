"""What frameworks make by themselves: left out of the providers that we make, and nobody's else."""

from __future__ import annotations

import pytest

from opencensus_compat.local import LocalEndpoint

CENSUS = """
import logging
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import _logs, context, metrics, propagate, trace
from opentelemetry._logs import SeverityNumber

exporter = AzureExporter()
logger = logging.getLogger("app")
logger.addHandler(AzureLogHandler())
metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
HEADERS = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}

def request(name, scope, headers):
    # As FastAPI does: a span of its own around the request, which it makes current, and others in it.
    framework = trace.get_tracer_provider().get_tracer(scope, "1")
    remote = propagate.extract(headers)
    own = framework.start_span("own", context=remote, kind=trace.SpanKind.SERVER)
    token = context.attach(trace.set_span_in_context(own, remote))
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler(), span_context=TraceContextPropagator().from_headers(headers))
    with tracer.span(name), framework.start_as_current_span("own step"):
        with tracer.span(f"{name} inner"):
            logger.warning(name)
    context.detach(token)
    own.end()
    metrics.get_meter_provider().get_meter(scope, "1").create_counter(f"own.{name}").add(1)
    _logs.get_logger(scope, "1").emit(**record())

def record():
    import inspect
    if "body" in inspect.signature(_logs.Logger.emit).parameters:
        return {"body": "own", "severity_number": SeverityNumber.ERROR}
    from opentelemetry.sdk._logs import LogRecord
    return {"record": LogRecord(body="own", severity_number=SeverityNumber.ERROR)}

with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span("first"):
    pass
logger.warning("first")
"""


@pytest.fixture
def arrived(run_program):
    """Return a function that runs a program and returns the name of each item that arrived, with its parent's for spans."""

    def run(program, **options):
        with LocalEndpoint() as endpoint:
            run_program(program, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **options)
            endpoint.wait_idle()
            assert endpoint.refused == []
            spans = [*endpoint.rows("requests"), *endpoint.rows("dependencies")]
            names = {row["id"]: row["name"] for row in spans}
            return (
                sorted((row["name"], names.get(row["operation_ParentId"], row["operation_ParentId"])) for row in spans),
                sorted(row["message"] for row in endpoint.rows("traces")),
                sorted({row["name"] for row in endpoint.rows("customMetrics")}),
            )

    return run


def test_an_unchanged_program(arrived):
    """Where the providers are ours, only what the program itself makes arrives, below its callers, and steps leave its spans current."""
    spans, messages, metrics = arrived(f"{CENSUS}\nrequest('remote', 'fastapi', HEADERS)\nrequest('local', 'fastapi', {{}})")
    assert spans == [
        ("first", None),
        ("local", None),
        ("local inner", "local"),
        ("remote", "00f067aa0ba902b7"),
        ("remote inner", "remote"),
    ]
    assert messages == ["first", "local", "remote"]
    assert metrics == []


AROUND = """
def middleware(name, headers):
    # A plain middleware outside the framework, which attaches what it extracts and makes its own span current.
    framework = trace.get_tracer_provider().get_tracer("fastapi", "1")
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler(), span_context=TraceContextPropagator().from_headers(headers))
    with tracer.span(name):
        remote = propagate.extract(headers)
        outer = context.attach(remote)
        own = framework.start_span("own", context=remote, kind=trace.SpanKind.SERVER)
        with trace.use_span(own, end_on_exit=True), framework.start_as_current_span("own step"):
            logger.warning(name)
            with execution_context.get_opencensus_tracer().span(f"{name} inner"):
                pass
            with trace.get_tracer("app").start_as_current_span(f"{name} theirs"):
                pass
        context.detach(outer)

middleware("local", {})
middleware("remote", HEADERS)
"""


def test_a_middleware_outside_the_framework(arrived):
    """What a handler does belongs below the request of a middleware around the framework, with and without a caller's headers."""
    spans, messages, _ = arrived(f"{CENSUS}{AROUND}")
    assert spans == [
        ("first", None),
        ("local", None),
        ("local inner", "local"),
        ("local theirs", "local"),
        ("remote", "00f067aa0ba902b7"),
        ("remote inner", "remote"),
        ("remote theirs", "remote"),
    ]
    assert messages == ["first", "local", "remote"]


def test_other_scopes(arrived):
    """What OpenTelemetry code makes under another name is exported, as ever."""
    spans, messages, metrics = arrived(f"{CENSUS}\nrequest('local', 'shop', {{}})")
    assert spans == [("first", None), ("local", "own"), ("local inner", "own step"), ("own", None), ("own step", "local")]
    assert messages == ["first", "local", "own"]
    assert metrics == ["own.local"]


SETS_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
import opencensus_compat
opencensus_compat.configure(adopt_providers=True)
"""
FRAMEWORK = "framework = trace.get_tracer_provider().get_tracer('fastapi', '1')\n"
OWN = "framework.start_span('own').end()\n"


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(f"{SETS_PROVIDER}{CENSUS}{FRAMEWORK}{OWN}", id="before"),
        # That a provider was set late is a warning, which has its own tests.
        pytest.param(f"{CENSUS}{FRAMEWORK}{OWN.replace('own', 'early')}logging.disable()\n{SETS_PROVIDER}{OWN}", id="after"),
    ],
)
def test_with_a_provider_of_the_application(arrived, program):
    """An application that sets a provider, before or after, gets what the framework makes then, also by a tracer that it had before."""
    spans, *_ = arrived(program)
    assert spans == [("first", None), ("own", None)]
