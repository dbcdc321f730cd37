"""Values of attributes whose text OpenCensus sends."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_HEAD = """\
import enum
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class Colour(enum.Enum):
    RED = "red"


class Number(int, enum.Enum):
    ONE = 1


class Refused(ValueError):
    pass


@dataclass
class Cart:
    id: int


class Name(str):
    pass


with tracer.span(name="a") as span:
"""
_FAILS = "    try:\n        work()\n    except KeyError as error:\n        {0}\n    except ValueError as error:\n        {0}\n"
_WITH_TYPES = "    work(span)\n\n\ndef work(span, at: datetime, raw: bytes, *, maybe: datetime = None):\n    {}\n"
_COMPACT = 'ensure_ascii=False, separators=(",", ":")'


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
        ("    span.add_attribute('k', Colour.RED)\n", "span.set_attribute('k', str(Colour.RED))"),
        ("    span.add_attribute('k', Refused('x'))\n", "span.set_attribute('k', str(Refused('x')))"),
        ("    span.add_attribute('k', OSError('x'))\n", "span.set_attribute('k', str(OSError('x')))"),
        ("    span.add_attribute('k', Cart(1))\n", "span.set_attribute('k', str(Cart(1)))"),
        ("    span.add_attribute('k', range(3))\n", "span.set_attribute('k', str(range(3)))"),
        ("    span.add_attribute('k', text.encode())\n", "span.set_attribute('k', repr(text.encode()))"),
        ("    span.add_attribute('k', held.keys())\n", "span.set_attribute('k', str(held.keys()))"),
        ("    span.add_attribute('k', bytearray(b'a'))\n", "span.set_attribute('k', repr(bytearray(b'a')))"),
        ("    span.add_attribute('k', {'a': 1})\n", f"span.set_attribute('k', dumps({{'a': 1}}, {_COMPACT}))"),
        ("    span.add_attribute('k', {'a': n})\n", f"span.set_attribute('k', dumps({{'a': n}}, default=str, {_COMPACT}))"),
        ("    span.add_attribute('k', [1, None])\n", f"span.set_attribute('k', dumps([1, None], {_COMPACT}))"),
        ("    span.add_attribute('k', ([1], 'a'))\n", f"span.set_attribute('k', dumps(([1], 'a'), {_COMPACT}))"),
        ("    import json\n    span.add_attribute('k', {})\n", f"span.set_attribute('k', json.dumps({{}}, {_COMPACT}))"),
        ("    held = {'a': 1}\n    span.add_attribute('k', held)\n", f"span.set_attribute('k', dumps(held, {_COMPACT}))"),
        ("    span.attributes.update({'k': uuid.uuid4(), **more})\n", "span.set_attributes({'k': str(uuid.uuid4()), **more})"),
        ("    span.attributes.update(more)\n", "span.set_attributes(dict(more))"),
        ("    span.attributes.update(more, k=Colour.RED)\n", "span.set_attributes(dict(more, k=str(Colour.RED)))"),
        ("    span.attributes.update([('k', 1)])\n", "span.set_attributes(dict([('k', 1)]))"),
        ("    span.attributes = {'k': Colour.RED}\n", "span.set_attributes({'k': str(Colour.RED)})"),
        (_WITH_TYPES.format("span.add_attribute('k', at)"), "span.set_attribute('k', str(at))"),
        (_WITH_TYPES.format("span.add_attribute('k', raw)"), "span.set_attribute('k', repr(raw))"),
        (_FAILS.format("span.add_attribute('k', error)"), "span.set_attribute('k', str(error))"),
    ],
)
def test_a_value_whose_type_is_known_becomes_its_text(body, after):
    """It is what OpenCensus sends, with each release of OpenTelemetry."""
    assert after in _rewritten(body)


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "'a'",
        "None",
        "other",
        "datetime.now().isoformat()",
        "uuid.uuid4().hex",
        "[1, 2]",
        "['a', b]",
        "Path('a').name",
        "Colour.RED.value",
        "Number.ONE",
        "Name('a')",
        "Colour['RED'].name",
    ],
)
def test_other_values_stay(value):
    """OpenTelemetry takes them, or nobody knows what they are."""
    assert f"span.set_attribute('k', {value})\n" in _rewritten(f"    span.add_attribute('k', {value})\n")


def test_a_parameter_that_may_be_none_stays():
    """Its text would be sent in the place of nothing."""
    assert "span.set_attribute('k', maybe)" in _rewritten(_WITH_TYPES.format("span.add_attribute('k', maybe)"))


@pytest.mark.parametrize(
    ("body", "question"),
    [
        ("    held = []\n    span.add_attribute('k', held)\n    held.append(1)\n", "`held` changes below this line"),
        ("    held = dict()\n    span.attributes['k'] = held\n    held['a'] = 1\n", "`held` changes below this line"),
        ("    span.add_attribute('a', 1)\n    span.attributes = {'k': 1}\n", "Which attributes does the span have by then?"),
        ("    del span.attributes['a']\n", "Where does the span get this attribute?"),
    ],
)
def test_what_changes_after_that_is_asked_about(body, question):
    """OpenCensus reads attributes as the span ends, and OpenTelemetry where they are set."""
    result = rewrite_text(f"{_HEAD}{body}".encode(), options=Options(shape=True, markers=False))
    assert question in "\n".join(each.text for each in result.left if each.why == "decide")


def test_a_function_of_the_program_with_the_name_of_the_builtin():
    """Then the value stays, for `str` is something else."""
    body = "    span.add_attribute('k', uuid.uuid4())\n\n\ndef str(value):\n    return value\n"
    assert "span.set_attribute('k', uuid.uuid4())" in _rewritten(body)


@pytest.mark.parametrize(
    ("function", "after"),
    [
        ("    return b'raw'\n", "repr(made())"),
        ("    if uuid:\n        return b'raw'\n    else:\n        return 'raw'.encode()\n", "repr(made())"),
        ("    return Refused('bad')\n", "str(made())"),
        ("    return b'raw' if uuid else 'text'\n", "made()"),
        ("    if uuid:\n        return b'raw'\n", "made()"),
        ("    if uuid:\n        return b'raw'\n    return None\n", "made()"),
        ("    yield b'raw'\n", "made()"),
    ],
)
def test_what_a_function_of_the_program_returns(function, after):
    """Its text is written where all that it returns is of one kind; nothing is none."""
    body = f"    span.add_attribute('k', made())\n\n\ndef made():\n{function}"
    assert f"span.set_attribute('k', {after})\n" in _rewritten(body)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ("    held = b'a'\n    span.add_attribute('k', held)\n    held = b'b'\n", "repr(held)"),
        ("    held = b'a'\n    span.add_attribute('k', held)\n    held = 'b'\n", "held"),
        ("    held = None\n    held = b'a'\n    span.add_attribute('k', held)\n", "held"),
        ("    held = open('a').read()\n    span.add_attribute('k', held)\n", "held"),
    ],
)
def test_what_a_variable_holds_that_is_bound_several_times(body, after):
    """Its text is written where all that it holds is of one kind."""
    assert f"span.set_attribute('k', {after})\n" in _rewritten(body)


def test_an_attribute_of_another_object_stays():
    """A class of the program may have an attribute of that name, and be another one."""
    body = "    span.add_attribute('k', given().content)\n\n\nclass Body:\n    content = b'raw'\n"
    assert "span.set_attribute('k', given().content)\n" in _rewritten(body)


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("span.add_attribute(5, 'a')", "span.set_attribute('5', 'a')"),
        ("span.add_attribute(attribute_key=5, attribute_value='a')", "span.set_attribute('5', 'a')"),
        ("tracer.add_attribute_to_current_span(True, 'a')", "trace.get_current_span().set_attribute('True', 'a')"),
        ("span.attributes[5] = 'a'", "span.set_attribute('5', 'a')"),
        ("span.attributes.update({5: 'a', None: b'b'})", "span.set_attributes({'5': 'a', 'None': repr(b'b')})"),
        ("span.attributes = {5.5: 'a'}", "span.set_attributes({'5.5': 'a'})"),
    ],
)
def test_a_key_that_is_no_text(line, after):
    """It becomes the text that arrives; OpenTelemetry leaves the attribute out."""
    assert f"    {after}\n" in _rewritten(f"    {line}\n").replace('"', "'")


@pytest.mark.parametrize(
    ("line", "is_rewritten"),
    [
        ("stack.callback(span.add_attribute, 'k', 1)", True),
        ("partial(span.add_attribute, 'k', 'v')()", True),
        ("partial(span.add_attribute, 'k')", False),
        ("partial(span.add_attribute, 'k', b'v')()", False),
        ("partial(span.add_attribute, attribute_key='k')", False),
        ("given(span.add_attribute, 'k', 1)", False),
    ],
)
def test_a_method_that_is_called_later(line, is_rewritten):
    """It has another name, where its key and value are known."""
    result = rewrite_text(f"{_HEAD}    {line}\n".encode(), options=Options(shape=True, markers=False))
    text = b"".join(result.after.values()).decode()
    assert (f"    {line.replace('add_attribute', 'set_attribute')}\n" in text) is is_rewritten
