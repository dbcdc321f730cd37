"""The Azure Monitor distro and `opentelemetry-instrument` beside OpenCensus exporters, as programs in an environment that has both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

sys.path.insert(0, str(Path(__file__).parent))
from otlp_receiver import OtlpReceiver, values

HERE = Path(__file__).parent
DUPLICATE = "send {} to the resource with the instrumentation key that ends in "


@pytest.fixture(scope="session")
def distro_python(interpreter):
    """The interpreter of an environment with the distro and this package."""
    return interpreter("distro", "`make envs` makes the environment with the Azure Monitor distro")


@pytest.fixture
def run_distro(distro_python, run_environment, tmp_path):
    """Return a function that runs a program there and returns what it wrote to stderr."""

    def run(*command, **environment):
        quiet = {f"APPLICATIONINSIGHTS_{name}_DISABLED": "true" for name in ("CONTROLPLANE", "OPENTELEMETRY_RESOURCE_METRIC", "SDKSTATS")}
        quiet["APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"] = "true"
        done = subprocess.run(
            [distro_python, *command],
            env={**run_environment, **quiet, **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")
        return done.stderr

    return run


@pytest.mark.parametrize("first", ["distro", "opencensus", "opencensus_late_import"])
def test_the_distro_and_opencensus_for_one_resource(run_distro, first):
    """Configured before or after OpenCensus exporters were made: one trace, each span, record, event and metric once, and all related."""
    with LocalEndpoint() as endpoint:
        said = run_distro(HERE / "programs" / "distro.py", first, endpoint.connection_string)
        [request] = endpoint.rows("requests")
        dependencies = {row["name"]: row for row in endpoint.rows("dependencies")}
        [message] = endpoint.rows("traces")
        [event] = endpoint.rows("customEvents")
        values = {(row["name"], row["valueSum"]) for row in endpoint.rows("customMetrics") if not row["name"].startswith("_")}
        assert (request["name"], sorted(dependencies), message["message"], event["name"]) == (
            "checkout",
            ["pay", "reserve"],
            "reserved",
            "paid",
        )
        assert values == {("orders", 1.0), ("payments", 1.0)}
        related = [request, *dependencies.values(), message, event]
        assert len({row["operation_Id"] for row in related}) == 1
        assert dependencies["reserve"]["operation_ParentId"].rstrip(".").endswith(request["id"].rstrip(".")[-16:])
        assert [signal for signal in ("traces", "logs", "metrics") if DUPLICATE.format(signal) not in said] == []


LEGACY = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import metrics, trace

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.addHandler(AzureLogHandler())
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
with trace.get_tracer("shop").start_as_current_span("outer"), tracer.span("inner"):
    log.info("hello")
metrics.get_meter("shop").create_counter("payments").add(1)
"""


CONFIGURATIONS = {
    "this package's exporters": {
        "OTEL_PYTHON_DISTRO": "distro",
        "OTEL_PYTHON_CONFIGURATOR": "configurator",
        "OTEL_TRACES_EXPORTER": "appinsights",
        "OTEL_METRICS_EXPORTER": "appinsights",
        "OTEL_LOGS_EXPORTER": "appinsights",
    },
    "the distro's": {
        "OTEL_PYTHON_DISTRO": "azure_monitor_opentelemetry_distro",
        "OTEL_PYTHON_CONFIGURATOR": "azure_monitor_opentelemetry_configurator",
    },
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_opentelemetry_instrument(run_distro, distro_python, tmp_path, configuration):
    """An unchanged program under `opentelemetry-instrument`, with exporters to its own resource in place: everything arrives once."""
    (tmp_path / "app.py").write_text(LEGACY)
    with LocalEndpoint() as endpoint:
        said = run_distro(
            distro_python.parent / "opentelemetry-instrument",
            distro_python,
            "app.py",
            OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED="true",
            OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="urllib3,requests,urllib,httpx,azure_sdk",
            OTEL_SERVICE_NAME="shop",
            APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
            **configuration,
        )
        assert sorted(row["name"] for row in endpoint.rows("dependencies")) == ["inner", "outer"], said
        # The root logger's handler also brings what the SDK and this package have to say.
        assert [row["message"] for row in endpoint.rows("traces")].count("hello") == 1
        assert [(row["name"], row["valueSum"]) for row in endpoint.rows("customMetrics")] == [("payments", 1.0)]
        assert {row["cloud_RoleName"] for row in [*endpoint.rows("dependencies"), *endpoint.rows("traces")]} == {"shop"}


def test_an_unchanged_program_by_otlp(run_distro, distro_python):
    """Under `opentelemetry-instrument`, told to leave the sending to the providers: all three signals by OTLP, once, without naming a resource.

    OpenTelemetry's instrumentation of logging is installed: a record that its handler has sent is not sent again.
    """
    with OtlpReceiver() as receiver:
        said = run_distro(
            distro_python.parent / "opentelemetry-instrument",
            distro_python,
            HERE / "programs" / "shop.py",
            OTEL_PYTHON_DISTRO="distro",
            OTEL_PYTHON_CONFIGURATOR="configurator",
            OTEL_SERVICE_NAME="orders",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OPENCENSUS_COMPAT_SEND="providers",
        )
    assert "OPENCENSUS_COMPAT" not in said
    assert sorted(receiver.spans) == ["/charge", "POST /orders", "pack"]
    texts = [(scope.name, record.body.string_value.splitlines()[0]) for record, _, scope in receiver.records]
    # This package says what becomes of the two handlers.
    assert sorted(text for scope, text in texts if (scope, "said once" in text) != ("opencensus_compat", True)) == [
        "bought",
        "no label",
        "only 2 left",
    ]
    assert sorted(receiver.metrics) == ["orders_counted", "orders_last", "orders_sized", "orders_summed"]
    assert {values(resource.attributes)["service.name"] for _, resource, _ in receiver.records} == {"orders"}
