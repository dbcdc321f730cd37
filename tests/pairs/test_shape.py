"""The step to OpenTelemetry's envelopes: `shape.md` says all that it changes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.compare.known_shape import KNOWN_SHAPE, accepted
from opencensus_compat.compare.steps import STEPS

_PROGRAMS = sorted((Path(__file__).parent / "shapes").glob("*.py"))
_LEGACY = Path(__file__).resolve().parents[2] / "examples" / "legacy"
_EXAMPLES = {
    name: _LEGACY / f"{name}.py"
    for name in (
        *("configured_logging", "custom_exporter", "failing_request", "one_line_log", "order_batch"),
        *("order_metrics", "order_service", "role_name", "thread_workers"),
    )
}
"""Those that are one process and end by themselves."""
_GUIDE = Path(__file__).resolve().parents[2] / "migration_guide" / "shape.md"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_the_step_changes(record):
    """Of programs that send all kinds of telemetry nothing changes that has no row, and each row is shown."""
    shown = set()
    for program in _PROGRAMS:
        legacy, otel = (record(program, OPENCENSUS_COMPAT_ENVELOPES=shape) for shape in ("legacy", "otel"))
        found = compare(legacy, otel, known=accepted())
        assert not found.problems
        assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
        shown |= {difference.accepted.known for difference in found.differences}
    assert {row.id for row in KNOWN_SHAPE} == shown


def test_the_guide():
    """Each row of the tables is known, in its order."""
    assert re.findall(r"^\| `([\w-]+)` \|", _GUIDE.read_text(encoding="utf-8"), re.MULTILINE) == [row.id for row in KNOWN_SHAPE]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("program", _EXAMPLES)
def test_examples(record, program):
    """Of the example programs nothing changes that has no row."""
    legacy, otel = (record(_EXAMPLES[program], OPENCENSUS_COMPAT_ENVELOPES=shape) for shape in ("legacy", "otel"))
    found = compare(legacy, otel, known=STEPS["shape"].accepted())
    assert not found.problems
    assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
