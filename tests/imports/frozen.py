"""Programs that PyInstaller has frozen, each in a folder of its own, with what a wheel of ours tells it.

`make frozen` makes the environment with PyInstaller and runs this: a build takes too long for every run of the tests.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

CENSUS = """
import logging, sys
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opencensus.ext import vendor
from opencensus.common import correlation

assert sys.frozen and vendor.__name__ == "opencensus.ext.vendor"
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
logging.getLogger().addHandler(AzureLogHandler())
metrics_exporter.new_metrics_exporter()
with tracer.span("order"):
    logging.warning("stock is low")
"""
NATIVE = """
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from appinsights_exporter import ApplicationInsightsSpanExporter

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))
trace.set_tracer_provider(provider)
trace.get_tracer("shop").start_span("order").end()
"""


@pytest.fixture(scope="session")
def python(interpreter):
    """The interpreter of the environment that has PyInstaller."""
    return interpreter("frozen", "`make frozen` makes it")


@pytest.fixture
def frozen(python, tmp_path):
    """A function that freezes a program, runs it from another folder, and returns what arrived, by table."""

    def run(source: str) -> dict[str, list[str]]:
        program = tmp_path / "program.py"
        program.write_text(source, encoding="utf-8")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OTEL_", "OPENCENSUS_"))}
        build = [str(python), "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", str(program)]
        made = subprocess.run(
            build, cwd=tmp_path, env={**inherited, "PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        with LocalEndpoint() as endpoint:
            variables = {**inherited, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
            done = subprocess.run(
                [tmp_path / "dist" / "program" / "program"],
                cwd="/",
                env=variables,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, "")
            endpoint.wait_idle()
            return {
                table: sorted({row.get("name") or row.get("message") for row in endpoint.rows(table)})
                for table, count in endpoint.counts().items()
                if count and table != "performanceCounters"
            }

    return run


def test_a_program_for_opencensus(frozen, tmp_path):
    """The facades, an integration and a module of another distribution are in it, and telemetry arrives."""
    for name in ("ext/vendor/__init__.py", "common/correlation.py"):
        path = Path(tmp_path, "site", "opencensus", name)
        path.parent.mkdir(parents=True)
        path.write_text("from opencensus.trace import tracer\nimport colorsys\n", encoding="utf-8")
    assert frozen(CENSUS) == {"dependencies": ["order"], "traces": ["stock is low"]}


def test_a_program_for_opentelemetry(frozen):
    """The native exporter works without the facade."""
    assert frozen(NATIVE) == {"dependencies": ["order"]}
