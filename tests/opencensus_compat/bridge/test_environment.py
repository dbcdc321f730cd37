"""Variables of OpenTelemetry's that it cannot use."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk import environment_variables

from opencensus_compat._bridge.refused_variables import set_aside

INSTALLED = {
    ("opentelemetry_context", "contextvars_context"),
    ("opentelemetry_propagator", "b3"),
    ("opentelemetry_propagator", "tracecontext"),
    ("opentelemetry_resource_detector", "process"),
    ("opentelemetry_tracer_provider", "sdk_tracer_provider"),
}
"""Group and name of the entry points that there are."""
PROGRAM = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("shop")
logger.addHandler(AzureLogHandler())
with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="s") as span:
    span.add_attribute("n", 1)
    logger.warning("a line")
import opencensus.ext.azure.metrics_exporter
opencensus.ext.azure.metrics_exporter.new_metrics_exporter(enable_standard_metrics=False)
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opentelemetry import propagate
from opencensus_compat import flush
print(flush(20))
"""

USABLE = {
    "limit": {"OTEL_ATTRIBUTE_COUNT_LIMIT": "64"},
    "limit of none": {"OTEL_SPAN_EVENT_COUNT_LIMIT": " "},
    "exemplar filter": {"OTEL_METRICS_EXEMPLAR_FILTER": "always_off"},
    "provider": {"OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"},
    "propagators": {"OTEL_PROPAGATORS": "tracecontext, b3"},
    "no propagators": {"OTEL_PROPAGATORS": "None"},
    "empty list": {"OTEL_PROPAGATORS": "", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": " "},
    "all detectors": {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "*"},
    "rate": {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"},
    "argument of another sampler": {"OTEL_TRACES_SAMPLER": "microsoft.rate_limited", "OTEL_TRACES_SAMPLER_ARG": "5"},
    "variable of nobody's": {"OTEL_NONSENSE": "-1"},
}
REFUSED = {
    "negative limit": ({"OTEL_ATTRIBUTE_COUNT_LIMIT": "-1"}, {}),
    "limit in words": ({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "many"}, {}),
    "exemplar filter": ({"OTEL_METRICS_EXEMPLAR_FILTER": "nope"}, {}),
    "provider": ({"OTEL_PYTHON_METER_PROVIDER": "nope"}, {}),
    "rate": (
        {"OTEL_TRACES_SAMPLER": "ParentBased_TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG": "5"},
        {"OTEL_TRACES_SAMPLER": "ParentBased_TraceIdRatio"},
    ),
    "rate that is no number": (
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"},
        {"OTEL_TRACES_SAMPLER": "traceidratio"},
    ),
    "context": ({"OTEL_PYTHON_CONTEXT": "nope"}, {}),
    "propagators": ({"OTEL_PROPAGATORS": "nope"}, {}),
    "one of the propagators": ({"OTEL_PROPAGATORS": "tracecontext,nope,b3"}, {"OTEL_PROPAGATORS": "tracecontext,b3"}),
    "one of the detectors": ({"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,nope"}, {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process"}),
}


@pytest.mark.parametrize("environ", USABLE.values(), ids=USABLE)
def test_what_can_be_used_stays(environ):
    """A value that OpenTelemetry understands is left alone, and nothing is said."""
    left = dict(environ)
    assert set_aside(left, lambda group, name: (group, name) in INSTALLED) == []
    assert left == environ


@pytest.mark.parametrize(
    "variable", ["OTEL_METRICS_EXEMPLAR_FILTER", "OTEL_PYTHON_LOGGER_PROVIDER", "OTEL_PYTHON_CONTEXT", "OTEL_TRACES_SAMPLER_ARG"]
)
@pytest.mark.parametrize("blank", ["", " "])
def test_a_variable_without_a_value_is_none(variable, blank):
    """What OpenTelemetry cannot use because it is blank goes without a word, as where ``docker compose`` passes on what is not set."""
    left = {"OTEL_TRACES_SAMPLER": "traceidratio", variable: blank}
    assert set_aside(left, lambda *_: False) == []
    assert left == {"OTEL_TRACES_SAMPLER": "traceidratio"}


@pytest.mark.parametrize(("environ", "rest"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_goes(environ, rest):
    """A value that OpenTelemetry refuses goes, of a list only what it refuses, and the problem names variable and value."""
    left = dict(environ)
    (problem,) = set_aside(left, lambda group, name: (group, name) in INSTALLED)
    assert left == rest
    variable, value = list(environ.items())[-1]
    assert problem.startswith(f"{variable} (expected ")
    assert problem.endswith(f"got {value!r})")


def test_every_limit_is_known():
    """Each variable for a limit that the SDK knows is looked at."""
    limits = {name for name in vars(environment_variables) if name.startswith("OTEL_") and name.endswith("_LIMIT")}
    environ = dict.fromkeys(limits, "nope")
    assert len(set_aside(environ, lambda *_: True)) == len(limits) > 5
    assert environ == {}


def test_an_unchanged_program_starts(run_program, endpoint):
    """With everything wrong that OpenTelemetry reads, the program sends what it always sent, and one warning names the variables."""
    wrong = {
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "-1",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "nope",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "-1",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "1.5",
        "OTEL_METRICS_EXEMPLAR_FILTER": "nope",
        "OTEL_PYTHON_TRACER_PROVIDER": "nope",
        "OTEL_PYTHON_METER_PROVIDER": "nope",
        "OTEL_PYTHON_LOGGER_PROVIDER": "nope",
        "OTEL_PYTHON_CONTEXT": "nope",
        "OTEL_PROPAGATORS": "nope",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "nope",
    }
    # Understood by nobody, but no reason to stop for the SDK either.
    odd = {
        "OTEL_BSP_EXPORT_TIMEOUT": "nope",
        "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
        "OTEL_BLRP_SCHEDULE_DELAY": "0",
        "OTEL_BLRP_EXPORT_TIMEOUT": "nope",
        "OTEL_METRIC_EXPORT_INTERVAL": "-1",
        "OTEL_PYTHON_ID_GENERATOR": "nope",
    }
    said = "Environment variables whose values OpenTelemetry refuses are ignored in this process: "
    said += ", ".join(set_aside(dict(wrong))) + "\n"
    printed = run_program(PROGRAM, stderr=said, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **wrong, **odd)
    assert printed == "True\n"
    assert len(endpoint.rows("dependencies")) == len(endpoint.rows("traces")) == 1


LIMITED = """
import inspect
import logging

import opencensus_compat
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import trace
from opentelemetry.sdk import _logs
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

limits = SpanLimits(max_attributes=1, max_events=1, max_links=1, max_attribute_length=2)
options = {{}}
if "log_record_limits" in inspect.signature(_logs.LoggerProvider.__init__).parameters:
    options["log_record_limits"] = _logs.LogRecordLimits(max_attributes=1, max_attribute_length=2)
if {own}:
    opencensus_compat.configure(tracer_provider=TracerProvider(span_limits=limits), logger_provider=_logs.LoggerProvider(**options))
long = {{f"k{{number}}": "v" * 100 for number in range(10)}}
for name, handler in (("shop", AzureLogHandler()), ("events", AzureEventHandler())):
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.warning("m" * 100, extra={{"custom_dimensions": {{**long, "thread.name": "t" * 100}}}})
try:
    raise ValueError("e" * 100)
except ValueError:
    logging.getLogger("shop").exception("failed", extra={{"custom_dimensions": long}})
with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="s") as span:
    for key, value in {{**long, "ai.operation.name": "o" * 100}}.items():
        span.add_attribute(key, value)
    for _ in range(3):
        trace.get_current_span().add_event("e" * 100, long)
        trace.get_current_span().add_link(trace.SpanContext(1, 2, False))
"""


@pytest.mark.parametrize("own", [False, True], ids=["made providers", "the application's providers"])
def test_opentelemetrys_limits_are_not_those_of_opencensus(own, run_program, endpoint):
    """Whatever the environment and the application's providers say, spans, their events, records and events of OpenCensus code stay whole."""
    limits = {
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "1",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "1",
    }
    run_program(LIMITED.format(own=own), APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **limits)
    long = {f"k{number}": "v" * 100 for number in range(10)}
    kept = {
        table: [row["customDimensions"] for row in endpoint.rows(table)]
        for table in ("dependencies", "traces", "exceptions", "customEvents")
    }
    assert {table: len(found) for table, found in kept.items()} == {"dependencies": 1, "traces": 4, "exceptions": 1, "customEvents": 1}
    for found in kept.values():
        for dimensions in found:
            assert {key: dimensions[key] for key in long} == long
    assert kept["customEvents"][0]["thread.name"] == "t" * 100
    (span,) = kept["dependencies"]
    assert (len(json.loads(span["_MS.links"])), span["ai.operation.name"]) == (3, "o" * 100)
    (failed,) = endpoint.rows("exceptions")
    assert failed["type"] == "ValueError"
    assert "e" * 100 in failed["outerMessage"]
