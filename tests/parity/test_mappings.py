"""Each part of a mapping is shown by a parity program: a change of it is a difference there, which needs a row in the migration guide.

``mapping_mutants.py`` changes the converters of OpenCensus code, one constant or comparison at a time, and tells which changes no program shows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

_HERE = Path(__file__).parent
_PROGRAMS = (
    "kinds",
    "values",
    "errors",
    "structure",
    "propagation",
    "logs",
    "log_exceptions",
    "log_events",
    "logs_in_spans",
    "metrics",
    "metric_clients",
)
_OF_THE_BRIDGE = "no OpenCensus program has it; it is OpenTelemetry's, or the bridge's own"
_SAME = "another value gives the same"
_SUMMARY = "the retired exporter sends no batch with a summary"
NOT_SHOWN = {
    "appinsights_exporter.convert.legacy_spans": {
        ("", "'opencensus_compat'"): _OF_THE_BRIDGE,
        ("", "2"): _OF_THE_BRIDGE,
        ("envelopes", "'ai.operation.name'"): _OF_THE_BRIDGE,
        ("_http_status", "0"): "a status of 1 with a code in text is as rare as it sounds",
        ("_without_parameters", "0"): _SAME,
    },
    "appinsights_exporter.convert.legacy_logs": {
        ("", "'ai.operation.name'"): _OF_THE_BRIDGE,
        ("envelope", "SAMPLE_RATE in attributes"): "which records a handler keeps is up to chance",
        ("_tags", "'ai.operation.name'"): _OF_THE_BRIDGE,
        ("envelope", "''"): "an exception has its type",
        ("severity", "0"): _SAME,
    },
    "appinsights_exporter.convert.legacy_metrics": {
        ("", "1"): "larger numbers are sent as floats, which JSON does not tell apart",
        ("", "2"): "the same",
        ("", "63"): "the same",
        ("_timestamp", "time.tzinfo is not None"): "times of points are left out of the comparison",
        ("_single", "'sum_data'"): _SUMMARY,
        ("_summary", "'kind'"): _SUMMARY,
        ("_summary", "'value'"): _SUMMARY,
        ("_summary", "'count'"): _SUMMARY,
        ("_summary", "'Aggregation'"): _SUMMARY,
        ("_summary", "0"): _SUMMARY,
    },
    "opencensus_compat._bridge.convert.log_envelopes": {
        ("", "4096"): "how many lines of a program are remembered",
        ("_place", "len(_places) >= _MOST_PLACES"): "the same",
        ("_raised", "''"): _SAME,
        ("envelope", "'ai.operation.id'"): "the name by which a length is limited",
        ("envelope", "'ai.operation.parentId'"): "the same",
        ("envelope", "'severityLevel'"): "a level that is no number",
        ("envelope", "0"): _SAME,
    },
    "opencensus_compat._bridge.convert.log_records": {
        ("", "'n/a'"): "a handler gives an event without a name this one before",
        ("", "'code.function.name'"): _OF_THE_BRIDGE,
        ("dimensions", "False"): "the JSON of envelopes that telemetry processors see is compared in another test",
        ("dimensions", "','"): "the same",
        ("dimensions", "':'"): "the same",
        ("own_id", "'0'"): "ids of zeros are left out of the comparison",
        ("frozen", "'<'"): "the type of a container that cannot be read",
        ("frozen", "'>'"): "the same",
        ("stack_text", "'__cause__'"): "an exception without frames has a cause as rarely as it sounds",
        ("stack_text", "'__context__'"): "the same",
        ("attribute", "False"): "letters beyond ASCII in a nested dimension are the same text in JSON",
    },
}
"""Converter to what no program shows, by function and part, with the reason."""


@pytest.fixture(scope="module")
def not_shown(tmp_path_factory):
    """Return what no program shows, by converter."""
    told = tmp_path_factory.mktemp("mappings") / "told.json"
    programs = [_HERE / "programs" / f"{name}.py" for name in _PROGRAMS]
    with LocalEndpoint() as endpoint:
        command = [sys.executable, _HERE / "mapping_mutants.py", told, endpoint.url, *NOT_SHOWN, "--", *programs]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(told.read_text(encoding="utf-8"))


@pytest.mark.parametrize("converter", NOT_SHOWN)
def test_each_part_of_a_mapping_is_shown(not_shown, converter):
    """A name, a value or a comparison of a converter that may change unseen is one of those listed, with a reason; and each of those still is."""
    found = {(each["function"], each["part"]): f"line {each['line']}" for each in not_shown[converter]}
    new = {place: line for place, line in found.items() if place not in NOT_SHOWN[converter]}
    gone = sorted(NOT_SHOWN[converter].keys() - found.keys())
    assert (new, gone) == ({}, []), (
        "for what is new, add a function to a program in tests/parity/programs that shows it; what is gone leaves NOT_SHOWN"
    )
