"""What importing the package loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("requests", "urllib3", "azure", "msal", "cryptography", "psutil", "opentelemetry.sdk", "orjson", "http.client", "email")


def loaded_by(statement):
    """Return the heavy modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(answer.stdout))


@pytest.mark.parametrize(
    "module", ["appinsights_exporter", "appinsights_exporter.envelope", "appinsights_exporter.settings", "appinsights_exporter.errors"]
)
def test_light_modules(module):
    """Settings and wire types load neither the SDK nor anything heavy."""
    assert loaded_by(f"import {module}") == set()


@pytest.mark.parametrize("kind", ["Span", "LogRecord"])
def test_exporter(kind):
    """Making an exporter loads the SDK and the encoder, but no HTTP library and no credential library."""
    statement = f"from appinsights_exporter import *; ApplicationInsights{kind}Exporter('InstrumentationKey=' + '0' * 8 + '-0000-0000-0000-' + '0' * 12)"
    assert loaded_by(statement) - loaded_by("import opentelemetry.sdk.trace.export") <= {"orjson"}


def test_metric_exporter():
    """Making one loads the SDK's metrics and the encoder; psutil waits until performance counters are asked for, if the SDK lets it."""
    made = "ApplicationInsightsMetricExporter('InstrumentationKey=' + '0' * 8 + '-0000-0000-0000-' + '0' * 12)"
    statement = f"from appinsights_exporter import *; from appinsights_exporter import performance_counters; {made}"
    assert loaded_by(statement) - loaded_by("import opentelemetry.sdk.trace.export, opentelemetry.sdk.metrics.export") <= {"orjson"}


def test_a_program_without_metrics():
    """The span exporter does not load the SDK's metrics."""
    statement = "from appinsights_exporter import ApplicationInsightsSpanExporter, standard_metrics; import sys; print('opentelemetry.sdk.metrics' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-c", "import opentelemetry.sdk.trace.export, sys; print('opentelemetry.sdk.metrics' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == before.stdout
