"""Values of attributes whose text OpenCensus sends."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_HEAD = """\
import uuid
from datetime import datetime
from pathlib import Path

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
with tracer.span(name="a") as span:
"""
_FAILS = "    try:\n        work()\n    except KeyError as error:\n        {0}\n    except ValueError as error:\n        {0}\n"


def _rewritten(body):
    result = rewrite_text(f"{_HEAD}{body}".encode(), options=Options(shape=True, markers=False))
    return b"".join(result.after.values()).decode()


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("    span.add_attribute('k', datetime.now())\n", "span.set_attribute('k', str(datetime.now()))"),
        ("    span.add_attribute('k', uuid.uuid4())\n", "span.set_attribute('k', str(uuid.uuid4()))"),
        ("    span.add_attribute('k', {1, 2})\n", "span.set_attribute('k', str({1, 2}))"),
        ("    span.add_attribute('k', set(items))\n", "span.set_attribute('k', str(set(items)))"),
        ("    span.add_attribute('k', b'a')\n", "span.set_attribute('k', repr(b'a'))"),
        ("    span.add_attribute(attribute_value=Path('a'), attribute_key='k')\n", "span.set_attribute(value=str(Path('a')), key='k')"),
        ("    at = datetime.now()\n    span.attributes['k'] = at\n", "span.set_attribute('k', str(at))"),
        ("    tracer.add_attribute_to_current_span('k', uuid.uuid4())\n", ".set_attribute('k', str(uuid.uuid4()))"),
        ("    span.add_annotation('t', k=uuid.uuid4(), n=1)\n", 'span.add_event(\'t\', {"k": str(uuid.uuid4()), "n": 1})'),
        (_FAILS.format("span.add_attribute('k', error)"), "span.set_attribute('k', str(error))"),
    ],
)
def test_a_value_whose_type_is_known_becomes_its_text(body, after):
    """It is what OpenCensus sends, with each release of OpenTelemetry."""
    assert after in _rewritten(body)


@pytest.mark.parametrize(
    "value", ["1", "'a'", "None", "other", "datetime.now().isoformat()", "uuid.uuid4().hex", "[1, 2]", "{'a': 1}", "Path('a').name"]
)
def test_other_values_stay(value):
    """OpenTelemetry takes them, or nobody knows what they are."""
    assert f"span.set_attribute('k', {value})\n" in _rewritten(f"    span.add_attribute('k', {value})\n")


def test_a_function_of_the_program_with_the_name_of_the_builtin():
    """Then the value stays, for `str` is something else."""
    body = "    span.add_attribute('k', uuid.uuid4())\n\n\ndef str(value):\n    return value\n"
    assert "span.set_attribute('k', uuid.uuid4())" in _rewritten(body)
