"""The logging samples of the product's documentation, in a form of our own: everything as they say."""

from __future__ import annotations

import pytest

SAMPLES = {}
"""Name -> program."""

SAMPLES["warnings"] = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())

def main():
    for num in range(5):
        logger.warning(f"Log Entry - {num}")

if __name__ == "__main__":
    main()
"""

SAMPLES["dimensions"] = """
import logging
import os
from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"]))
properties = {"custom_dimensions": {"key_1": "value_1", "key_2": "value_2"}}
logger.setLevel(logging.INFO)
logger.info("action", extra=properties)
logger.warning("action", extra=properties)
"""

SAMPLES["exception"] = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())
properties = {"custom_dimensions": {"key_1": "value_1"}}
try:
    result = 1 / 0
except Exception:
    logger.exception("Captured an exception.", extra=properties)
"""

SAMPLES["event"] = """
import logging
from opencensus.ext.azure.log_exporter import AzureEventHandler

logger = logging.getLogger(__name__)
logger.addHandler(AzureEventHandler())
logger.setLevel(logging.INFO)
logger.info("Hello, World!")
logger.info("Bought", extra={"custom_dimensions": {"item": "kettle"}, "custom_measurements": {"price": 19.5}})
"""

SAMPLES["correlation"] = """
import logging
import sys
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])
logging.basicConfig(format="%(asctime)s traceId=%(traceId)s spanId=%(spanId)s %(message)s", stream=sys.stdout)
logger = logging.getLogger(__name__)
handler = AzureLogHandler()
handler.setFormatter(logging.Formatter("%(traceId)s %(spanId)s %(message)s"))
logger.addHandler(handler)
tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))
logger.warning("Before the span")
with tracer.span(name="hello"):
    logger.warning("In the span")
logger.warning("After the span")
"""

SAMPLES["sampling"] = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler

handler = AzureLogHandler(logging_sampling_rate=1.0, export_interval=1.0)
logger = logging.getLogger(__name__)
logger.addHandler(handler)
logger.warning("kept")
"""

SAMPLES["processors"] = """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler

def callback_function(envelope):
    envelope.tags["ai.cloud.role"] = "new_role_name"
    envelope.data.baseData.message += "_hello"

def callback_drop(envelope):
    return "Log Entry - 1" not in envelope.data.baseData.message

logger = logging.getLogger(__name__)
handler = AzureLogHandler()
handler.add_telemetry_processor(callback_function)
handler.add_telemetry_processor(callback_drop)
logger.addHandler(handler)
for number in range(3):
    logger.warning("Log Entry - %d", number)
"""


@pytest.fixture
def sample(endpoint, run_program):
    """Return a function that runs a sample, and returns the rows that arrived by table, in order of time."""

    def run(name):
        run.printed = run_program(SAMPLES[name], APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        endpoint.wait_idle()
        tables = ("traces", "exceptions", "customEvents", "dependencies")
        return {table: rows for table in tables if (rows := sorted(endpoint.rows(table), key=lambda row: row["timestamp"]))}

    return run


def test_warnings(sample):
    """Five lines, and the end of the program sends them."""
    rows = sample("warnings")
    assert [row["message"] for row in rows.pop("traces")] == [f"Log Entry - {number}" for number in range(5)]
    assert rows == {}


def test_dimensions(sample):
    """Properties beside those of the handler."""
    rows = sample("dimensions")["traces"]
    assert [(row["message"], row["severityLevel"]) for row in rows] == [("action", 1), ("action", 2)]
    dimensions = rows[0]["customDimensions"]
    assert {key: dimensions[key] for key in ("key_1", "key_2", "level", "process", "module", "lineNumber")} == {
        "key_1": "value_1",
        "key_2": "value_2",
        "level": "INFO",
        "process": "MainProcess",
        "module": "app",
        "lineNumber": "10",
    }


def test_exception(sample):
    """Type, message and stack."""
    rows = sample("exception")
    (error,) = rows.pop("exceptions")
    assert rows == {}
    assert (error["type"], error["severityLevel"], error["customDimensions"]["key_1"]) == ("ZeroDivisionError", 3, "value_1")
    assert error["outerMessage"].startswith("Captured an exception.\nTraceback (most recent call last):")
    (frame,) = error["details"][0]["parsedStack"]
    assert (frame["level"], frame["method"], frame["line"]) == (0, "<module>", 9)


def test_event(sample):
    """Names, properties and measurements."""
    rows = sample("event")
    assert list(rows) == ["customEvents"]
    assert [(row["name"], row["customDimensions"], row["customMeasurements"]) for row in rows["customEvents"]] == [
        ("Hello, World!", {}, {}),
        ("Bought", {"item": "kettle"}, {"price": 19.5}),
    ]


def test_correlation(sample):
    """The ids of the span are on the item and in its text."""
    rows = sample("correlation")
    (span,) = rows["dependencies"]
    before, inside, after = rows["traces"]
    assert inside["message"] == f"{span['operation_Id']} {span['id']} In the span"
    assert (inside["operation_Id"], inside["operation_ParentId"]) == (span["operation_Id"], span["id"])
    assert [row["message"].split()[1] for row in (before, after)] == ["0" * 16] * 2
    assert f"traceId={span['operation_Id']} spanId={span['id']} In the span" in sample.printed


def test_sampling(sample):
    """A rate of one keeps everything."""
    assert [row["message"] for row in sample("sampling")["traces"]] == ["kept"]


def test_processors(sample):
    """They change the envelope, and leave one out."""
    rows = sample("processors")["traces"]
    assert [(row["message"], row["cloud_RoleName"]) for row in rows] == [
        ("Log Entry - 0_hello", "new_role_name"),
        ("Log Entry - 2_hello", "new_role_name"),
    ]
