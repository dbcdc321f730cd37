"""Why nothing has arrived, from what is seen of a command."""

from __future__ import annotations

import json

import pytest

from opencensus_compat.local.reasons import Seen, read_notes, reasons

STARTED = {"pid": 1, "event": "start", "python": "/usr/bin/python"}
ENDED = {"pid": 1, "event": "end", "opencensus": True, "endpoints": ["https://dc.test"], "unsampled": False, "sampler": ""}
ON = "ParentBased{root:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler}"


def seen(*, exit_code=0, environment=None, notes=(STARTED, ENDED), **others):
    """Return what is seen of a command that made an exporter, with changes."""
    return Seen(exit_code, environment or {}, notes, python="/venv/bin/python", **others)


CASES = {
    "an exporter that was given nothing": (seen(), ["An exporter was made, and nothing was exported"]),
    "a sampler of OpenTelemetry that keeps everything": (seen(notes=[STARTED, {**ENDED, "sampler": ON}]), ["An exporter was made"]),
    "no exporter": (
        seen(notes=[STARTED, {**ENDED, "endpoints": []}]),
        ["No exporter was made. The program imported `opencensus`, but created no AzureExporter"],
    ),
    "no import": (
        seen(notes=[STARTED, {**ENDED, "opencensus": False, "endpoints": []}]),
        ["No exporter was made: the program imported nothing of `opencensus`."],
    ),
    "unsampled": (seen(notes=[STARTED, {**ENDED, "unsampled": True}]), ["Spans were not sampled. A Tracer without a sampler keeps one"]),
    "a sampler of OpenTelemetry that keeps nothing": (
        seen(notes=[STARTED, {**ENDED, "sampler": "AlwaysOffSampler"}]),
        ["The sampler of the OpenTelemetry tracer provider samples nothing"],
    ),
    "a ratio of zero": (
        seen(notes=[STARTED, {**ENDED, "sampler": "ParentBased{root:TraceIdRatioBased{0.0},remote"}]),
        ["The sampler of the"],
    ),
    "a failure": (
        seen(exit_code=3, notes=[STARTED, {**ENDED, "endpoints": []}]),
        ["The program failed with status 3", "No exporter was made."],
    ),
    "a signal": (seen(exit_code=137, notes=[STARTED]), ["The program was ended by signal 9"]),
    "no exit hooks": (seen(notes=[STARTED]), ["Python processes ended without exit hooks"]),
    "another Python": (seen(notes=[]), ["No Python with census-compat was started. It is installed for /venv/bin/python"]),
    "switched off": (
        seen(environment={"OPENCENSUS_COMPAT_DISABLED": "1"}, notes=[STARTED, {**ENDED, "endpoints": []}]),
        ["OPENCENSUS_COMPAT_DISABLED is set", "No exporter was made."],
    ),
    "OpenTelemetry switched off": (seen(environment={"OTEL_SDK_DISABLED": " True "}), ["OTEL_SDK_DISABLED=true"]),
    "providers": (seen(environment={"OPENCENSUS_COMPAT_SEND": "providers"}), ["OPENCENSUS_COMPAT_SEND=providers"]),
    "providers, by configure": (
        seen(notes=[STARTED, {**ENDED, "switches": {"OPENCENSUS_COMPAT_SEND": "providers"}}]),
        ["OPENCENSUS_COMPAT_SEND=providers, or configure(send='providers')"],
    ),
    "pass-through": (seen(pass_through=True), ["--pass-through: exporters that are given another connection string send there"]),
    "refused": (seen(refused=["Bad", "Worse"], requests=2), ["The check refused every item (2), the first one with: Bad."]),
    "misbehaviour": (seen(requests=3, misbehaves=True), ["Telemetry requests arrived (3), and --misbehave let none of their items in."]),
    "nothing readable": (seen(requests=3), ["Telemetry requests arrived (3), and none had an item that could be read."]),
}


@pytest.mark.parametrize(("what", "expected"), CASES.values(), ids=CASES)
def test_reasons(what, expected):
    """Each sign has its sentence, and no other sentence stands beside it."""
    told = reasons(what)
    assert len(told) == len(expected), told
    assert all(sentence.startswith(start) for sentence, start in zip(told, expected, strict=True)), told


def test_notes_that_cannot_be_read_are_left_out(tmp_path):
    """A line that a process did not finish, and a file that is not there, cost nothing else."""
    path = tmp_path / "notes"
    path.write_bytes(json.dumps(STARTED).encode() + b'\n{"pid"\n5\n\xff\n')
    assert read_notes(str(path)) == [STARTED]
    assert read_notes(str(tmp_path / "nothing")) == []
