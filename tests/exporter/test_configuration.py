"""One call sets up what a program sends: providers, exporters, the handler, instrumentations."""

from __future__ import annotations

import dataclasses
import os

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from appinsights_exporter import ConfigurationError, configure
from appinsights_exporter.program import SendingArguments, program_settings
from opencensus_compat.local import LocalEndpoint

KEY = "00000000-0000-4000-8000-000000000001"
OTHER = f"InstrumentationKey={KEY[:-1]}2;IngestionEndpoint=http://127.0.0.1:1"

SENDS = """
import logging
from appinsights_exporter import configure
from opentelemetry import metrics, trace

configuration = configure()
logging.getLogger().setLevel(logging.INFO)
with trace.get_tracer("shop").start_as_current_span("order"):
    logging.getLogger("shop").info("taken", extra={"order": 5})
metrics.get_meter("shop").create_counter("orders").add(2)
print(" ".join(configuration.signals))
"""


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running


def rows(endpoint, *tables):
    """Return name or message and role of what arrived, by table."""
    return {table: [(row.get("name") or row.get("message"), row["cloud_RoleName"]) for row in endpoint.rows(table)] for table in tables}


def test_all_signals_arrive_under_the_name_of_the_program(run_program, endpoint):
    """One call without arguments sends spans, records and instruments, with the script's name as their role, and once each."""
    printed = run_program(SENDS, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert printed == "traces logs metrics\n"
    assert rows(endpoint, "dependencies", "traces", "customMetrics") == {
        "dependencies": [("order", "app.py")],
        "traces": [("taken", "app.py")],
        "customMetrics": [("orders", "app.py")],
    }
    (record,) = endpoint.rows("traces")
    assert record["customDimensions"]["order"] == "5"
    assert record["operation_ParentId"] == endpoint.rows("dependencies")[0]["id"]


def test_the_environment_says_what_the_call_leaves_open(run_program, endpoint):
    """Role, left out signals, sampler, logger and format are the environment's."""
    printed = run_program(
        SENDS,
        APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        OTEL_SERVICE_NAME="orders",
        OTEL_METRICS_EXPORTER="none",
        OTEL_TRACES_SAMPLER="always_off",
        PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME="shop",
        PYTHON_APPLICATIONINSIGHTS_LOGGING_FORMAT="%(name)s: %(message)s",
    )
    assert printed == "traces logs\n"
    assert rows(endpoint, "dependencies", "traces", "customMetrics") == {
        "dependencies": [],
        "traces": [("shop: taken", "orders")],
        "customMetrics": [],
    }


def test_a_disabled_sdk_sends_nothing(run_program, endpoint):
    """With OTEL_SDK_DISABLED the call sets nothing up, and needs no connection string."""
    printed = run_program(SENDS, OTEL_SDK_DISABLED="true")
    assert (printed, endpoint.rows("traces")) == ("\n", [])


AGAIN = """
import logging
from appinsights_exporter import ConfigurationError, configure, settings
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased

seen = []

def count(envelope):
    seen.append(envelope.data.baseType)

def again(**arguments):
    return configure(signals=["traces"], sampler=ParentBased(TraceIdRatioBased(1.0)), telemetry_processors=[count], **arguments)

configuration = again()
# A program that calls once for each request does not read its settings each time.
resolve, settings.resolve = settings.resolve, None
assert again() is configuration
settings.resolve = resolve
assert configuration.signals == ("traces",)
assert configure(signals="logs") is configuration
try:
    configure(signals=["traces"], sampler=ALWAYS_OFF, telemetry_processors=[count])
except ConfigurationError as error:
    print(str(error).replace(__file__, "app.py"))
with trace.get_tracer("shop").start_as_current_span("order"):
    logging.getLogger("shop").error("late")
assert configuration.force_flush()
print(seen, configuration.signals)
"""


def test_the_same_call_again_changes_nothing(run_program, endpoint):
    """A second module may configure alike; signals are added, and what contradicts names the first call."""
    printed = run_program(AGAIN, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    said, counted = printed.splitlines()
    assert said.startswith("sampler (from argument): expected what the call at app.py:15 gave for traces")
    assert counted == "['RemoteDependencyData'] ('traces', 'logs')"
    assert rows(endpoint, "dependencies", "traces") == {"dependencies": [("order", "app.py")], "traces": [("late", "app.py")]}


BATCHES = """
from appinsights_exporter import configure
from appinsights_exporter.errors import ConfigurationError
from opentelemetry import trace

seen = []
options = dict(max_export_batch_size=3000, schedule_delay_millis=60_000, timeout=3, proxies='{"https": "http://proxy"}')
configuration = configure(signals=["traces"], telemetry_processors=[lambda item: seen.append(item.data.baseData.name)], **options)
for number in range(2500):
    trace.get_tracer("shop").start_span(f"order {number}").end()
assert configuration.force_flush()
print(len(seen))
try:
    configure(signals=["traces"], timeout=4)
except ConfigurationError as error:
    print(error.setting)
configure(signals=["logs"], max_queue_size=5)
"""


def test_batches_and_delivery_are_arguments(run_program, endpoint):
    """A batch that is larger than the SDK's queue gets a queue for it, a small queue a small batch, and another timeout contradicts."""
    printed = run_program(BATCHES, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert printed == "2500\ntimeout\n"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"timeout": 3}, {"connect_timeout_s": 3.0, "read_timeout_s": 3.0}),
        ({"storage_max_size": 1000}, {"storage_max_bytes": 1000}),
        ({"storage_retention_period": 3600}, {"storage_max_age_s": 3600.0}),
        ({"storage_min_retry_interval": 0.2}, {"min_backoff_s": 1.0}),
        ({"storage_min_retry_interval": 90}, {"min_backoff_s": 90.0}),
        ({"proxies": {"https": "http://a"}}, {"proxies": {"https": "http://a"}}),
        ({"proxies": '{"https": "http://a"}'}, {"proxies": {"https": "http://a"}}),
        ({}, {"connect_timeout_s": 10.0, "read_timeout_s": 30.0, "proxies": {}}),
    ],
)
def test_arguments_of_delivery(given, read):
    """Each argument of the official distro's name is a setting of the exporters."""
    left_out = dict.fromkeys(field.name for field in dataclasses.fields(SendingArguments))
    found = program_settings(SendingArguments(**left_out | {"connection_string": OTHER} | given))
    assert {name: getattr(found, name) for name in read} == read


AFTER_OTHERS = """
import logging, os
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

resource = Resource.create({"service.name": "mine"})
trace.set_tracer_provider(TracerProvider(resource=resource))
metrics.set_meter_provider(MeterProvider(resource=resource))

from appinsights_exporter import configure
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opencensus.ext.azure.trace_exporter import AzureExporter

# The package says that both are there.
logging.basicConfig(filename=os.devnull)
census = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
configure(signals=["traces", "metrics"])
with census.span("legacy"):
    with trace.get_tracer("shop").start_as_current_span("new"):
        pass
metrics.get_meter("shop").create_counter("orders").add(2)
if "shutdown" in os.environ.get("TEST_END", ""):
    configure(signals=["metrics"]).shutdown()
"""


@pytest.mark.skipif(not hasattr(MeterProvider, "add_metric_reader"), reason="this release of the SDK takes no further readers, and says so")
@pytest.mark.parametrize("end", ["exit", "shutdown"])
def test_providers_that_are_set_are_used_beside_opencensus_code(run_program, endpoint, end):
    """What the application set sends from there, under its own name; each span arrives once, in one trace."""
    run_program(AFTER_OTHERS, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, OPENCENSUS_COMPAT_ENVELOPES="otel")
    spans = endpoint.rows("dependencies")
    assert sorted((row["name"], row["cloud_RoleName"]) for row in spans) == [("legacy", "mine"), ("new", "mine")]
    assert len({row["operation_Id"] for row in spans}) == 1
    assert rows(endpoint, "customMetrics") == {"customMetrics": [("orders", "mine")]}


STANDS_IN = """
import logging, os
from appinsights_exporter import configure
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import trace
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span("legacy"):
    pass
configure(signals=["traces"], sampler=ALWAYS_OFF)
print(trace.get_tracer("shop").start_span("new").is_recording())
for _ in range(2):
    configure(signals=["metrics"], views=[View(instrument_name="orders", attribute_keys={"item"})])
print(*configure(signals=["traces", "metrics"]).signals)
"""


def test_what_a_call_gives_counts_beside_opencensus_code_and_earlier_calls(run_program, endpoint):
    """A provider of OpenCensus code gives way, equal objects are the same, and what a call leaves out contradicts nothing."""
    printed = run_program(STANDS_IN, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert printed == "False\ntraces metrics\n"
    assert rows(endpoint, "dependencies") == {"dependencies": [("legacy", "app.py")]}


FORKED = """
import os
from appinsights_exporter import configure
from opentelemetry import trace

configuration = configure(signals=["traces"])
child = os.fork()
with trace.get_tracer("shop").start_as_current_span("child" if child == 0 else "parent"):
    pass
if child == 0:
    configuration.force_flush()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_worker_sends_its_own(run_program, endpoint):
    """What was configured before the fork sends in the child, too, and once."""
    run_program(
        FORKED, options=("-W", "error", "-W", "ignore:This process"), APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string
    )
    assert sorted(row["name"] for row in endpoint.rows("dependencies")) == ["child", "parent"]


OFFICIAL = """
from appinsights_exporter import configure
from opentelemetry import metrics

configuration = configure(
    disable_logging=True,
    disable_tracing=False,
    enable_live_metrics=False,
    enable_performance_counters=True,
    browser_sdk_loader_config={"enabled": False},
    instrumentation_options={"azure_sdk": {"enabled": False}, "flask": {"enabled": False}, "requests": {"enabled": True}},
)
assert configuration.signals == ("traces", "metrics")
from opentelemetry.instrumentation.requests import RequestsInstrumentor

assert RequestsInstrumentor().is_instrumented_by_opentelemetry
"""


def test_a_call_of_the_official_distro_works(run_program, endpoint):
    """Its arguments that have another form here are taken."""
    run_program(OFFICIAL, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert "Private Bytes" in {row["name"] for row in endpoint.rows("performanceCounters")}


INSTRUMENTED = """
import requests
from appinsights_exporter import configure

for _ in range(2):
    configure(signals=["traces"], instrumentations=["requests"])
requests.get({url!r}, timeout=60)
"""


def test_instrumentations_are_switched_on_by_name(run_program, endpoint):
    """A library that is named is instrumented, once."""
    source = INSTRUMENTED.format(url=f"{endpoint.url}nothing")
    run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert [row["name"] for row in endpoint.rows("dependencies")] == ["GET /nothing"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"signals": ["spans"]}, """signals .* expected some of "traces", "logs" and "metrics"; got 'spans'""", id="signal"),
        pytest.param({"instrumentations": ["flusk"]}, "pip install opentelemetry-instrumentation-flusk", id="instrumentation"),
        pytest.param({"sampling_ratio": 0.5, "traces_per_second": 1.0}, "traces_per_second .* sampling_ratio is given", id="two ways"),
        pytest.param({"sampling_ratio": 2.0}, "2.0", id="ratio"),
        pytest.param({"sampler": 0.5}, "sampler .* an OpenTelemetry sampler; got float", id="no sampler"),
        pytest.param({"export_interval_millis": -1}, "export_interval_millis .* above 0; got -1", id="interval"),
        pytest.param(
            {"connection_string": "InstrumentationKey=x"}, "connection_string .* an instrumentation key of the form", id="connection string"
        ),
        pytest.param({"metric_readers": [object()]}, "metric_readers .* expected metric readers; got object", id="reader"),
        pytest.param({"views": ["orders"]}, "views .* got str", id="view"),
        pytest.param(
            {"loger_name": "shop"}, "loger_name .* expected one of the arguments signals, .* Did you mean logger_name?", id="unknown"
        ),
        pytest.param(
            {"enable_live_metrics": True}, "enable_live_metrics .* no live metrics stream; got True. Leave it out", id="live metrics"
        ),
        pytest.param({"browser_sdk_loader_config": {"enabled": True}}, "browser_sdk_loader_config .* no script .* got dict", id="browser"),
        pytest.param({"disable_tracing": "yes"}, "disable_tracing .* True or False; got str", id="disable"),
        pytest.param({"instrumentation_options": {"flusk": {}}}, "pip install opentelemetry-instrumentation-flusk", id="library"),
        pytest.param({"instrumentation_options": ["flask"]}, "instrumentation_options .* a mapping such as .*; got list", id="options"),
        pytest.param({"instrumentation_options": {"azure_sdk": {"enabled": True}}}, "tracing_implementation", id="azure sdk"),
        pytest.param({"resource": {"service.name": "x"}}, "resource .* a Resource; got dict", id="resource"),
        pytest.param({"span_processors": [1]}, "span_processors .* got int", id="span processor"),
        pytest.param({"log_record_processors": [1]}, "log_record_processors .* got int", id="log record processor"),
        pytest.param({"credential": "secret"}, "credential .* get_token", id="credential"),
        pytest.param({"timeout": 0}, r"^timeout \(from argument\): .* a positive number of seconds; got 0", id="timeout"),
        pytest.param({"storage_max_size": -1}, "^storage_max_size .* got -1", id="size of the storage"),
        pytest.param({"proxies": "proxy:8080"}, "^proxies .* URL scheme .* got str", id="proxies"),
        pytest.param({"max_queue_size": 0.5}, "^max_queue_size .* a whole number above 0; got 0.5", id="queue"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_set(arguments, said):
    """The error names the argument, what was expected, and what came; no provider was touched."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        configure(**{"connection_string": OTHER, **arguments})
    assert "secret" not in str(caught.value)
