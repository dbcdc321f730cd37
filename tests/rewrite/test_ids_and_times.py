"""Ids and times of spans that programs set, and stand-ins of tests for what makes spans."""

from __future__ import annotations

from datetime import datetime, timezone
from textwrap import dedent, indent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_HEAD = """\
import json
import uuid
from datetime import datetime

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

"""
_ALL = Options(shape=True, markers=False)


def _rewritten(body):
    """Return what becomes of the body of a function, and the questions about it."""
    helpers = "from opencensus.common import utils\n" if "utils." in body else ""
    head = f"{helpers}{_HEAD}def log(key: str, moment: datetime, other) -> None:\n"
    result = rewrite_text(f"{head}{indent(dedent(body), '    ')}".encode(), options=_ALL)
    text = b"".join(result.after.values()).decode()
    return text.partition("-> None:\n")[2], [each.text for each in result.left if each.why == "decide"]


@pytest.mark.parametrize(
    ("body", "moment"),
    [
        ("span.start_time = moment.isoformat() + 'Z'", "moment.replace(tzinfo=timezone.utc)"),
        ("span.start_time = f'{moment.isoformat()}Z'", "moment.replace(tzinfo=timezone.utc)"),
        ("span.start_time = moment.strftime('%Y-%m-%dT%H:%M:%S.%fZ')", "moment.replace(tzinfo=timezone.utc)"),
        ("span.start_time = other.began.isoformat() + 'Z'", "other.began.replace(tzinfo=timezone.utc)"),
        (
            "span.start_time = datetime.utcfromtimestamp(other).isoformat() + 'Z'",
            "datetime.utcfromtimestamp(other).replace(tzinfo=timezone.utc)",
        ),
        ("span.start_time = utils.to_iso_str(moment)", "moment.replace(tzinfo=timezone.utc)"),
    ],
)
def test_a_start_that_is_set_goes_where_the_span_is_started(body, moment):
    """A time that was text in UTC is the same time in nanoseconds."""
    text, questions = _rewritten(f"with tracer.span(name='a') as span:\n    {body}\n    span.add_attribute('k', key)\n")
    assert f"start_as_current_span('a', start_time=round({moment}.timestamp() * 1_000_000) * 1_000) as span" in text
    assert questions == []


def test_text_that_was_written_before_is_read_back():
    """A time that a variable has as text is that which was written, and not the time at which the span is started."""
    text, questions = _rewritten(
        "began = datetime.utcnow().isoformat() + 'Z'\nwith tracer.span(name='a') as span:\n    span.start_time = began\n"
    )
    assert (
        'start_time=round(datetime.fromisoformat(began.rstrip("Z")).replace(tzinfo=timezone.utc).timestamp() * 1_000_000) * 1_000' in text
    )
    assert questions == []


@pytest.mark.parametrize("microsecond", [0, 1, 499_999, 500_001, 678_901, 999_999])
def test_the_time_is_exact(microsecond):
    """What is written for a time is its whole number of nanoseconds."""
    moment = datetime(2026, 11, 30, 13, 47, 17, microsecond, tzinfo=timezone.utc).replace(tzinfo=None)
    began = moment.isoformat() + "Z"
    expected = 1_796_046_437_000_000_000 + microsecond * 1_000
    assert round(moment.replace(tzinfo=timezone.utc).timestamp() * 1_000_000) * 1_000 == expected
    assert round(datetime.fromisoformat(began.rstrip("Z")).replace(tzinfo=timezone.utc).timestamp() * 1_000_000) * 1_000 == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("with tracer.span() as span:\n    span.start_time = key\n", id="text of which nothing is known"),
        pytest.param(
            "with tracer.span() as span:\n    span.start_time = datetime.utcnow().isoformat() + 'Z'\n", id="the time in the block"
        ),
        pytest.param(
            "with tracer.span() as span:\n    began = moment.isoformat() + 'Z'\n    span.start_time = began\n", id="text made in the block"
        ),
        pytest.param("with tracer.span() as span:\n    if key:\n        span.start_time = moment.isoformat() + 'Z'\n", id="perhaps"),
        pytest.param(
            "with tracer.span() as span:\n    span.start_time = moment.isoformat() + 'Z'\n    span.start_time = key\n", id="twice"
        ),
    ],
)
def test_a_start_that_is_not_known_is_asked_about(body):
    """A time that may be another one at the start of the span is a question for a person."""
    text, questions = _rewritten(body)
    assert text == ""
    assert all(question.startswith("Which time is it?") for question in questions)
    assert questions


@pytest.mark.parametrize(
    "rest",
    [
        "span.add_attribute('k', json.dumps(key))",
        "span.attributes['k'] = str(key)",
        "span.add_annotation('noted')",
        "pass",
    ],
)
def test_an_id_is_an_attribute_where_nothing_is_below_the_span(rest):
    """The item of a span has the id that the program gives it."""
    text, questions = _rewritten(f"with tracer.span(name='a') as span:\n    span.span_id = key\n    {rest}\n")
    assert '    span.set_attribute("ai.span.id", key)\n' in text
    assert questions == []


@pytest.mark.parametrize(
    "rest",
    ["other.call()", "span.add_attribute('k', other(key))", "with tracer.span() as child:\n        pass", "print(key)", "await_it = other"],
)
def test_an_id_that_others_may_refer_to_is_asked_about(rest):
    """What is made below a span refers to its id, which OpenTelemetry makes."""
    text, questions = _rewritten(f"with tracer.span(name='a') as span:\n    span.span_id = key\n    {rest}\n")
    assert "ai.span.id" not in text
    assert ["Has it children or log records?" in question for question in questions] == [True]


@pytest.mark.parametrize(("between", "is_exact"), [("span.add_attribute('k', key)", True), ("other.call()", False), ("other = key", False)])
def test_an_id_of_a_span_by_hand(between, is_exact):
    """What is between start and end of a span that is ended in the same block is below it."""
    text, questions = _rewritten(f"span = tracer.start_span(name='a')\nspan.span_id = key\n{between}\ntracer.end_span()\nother.call()\n")
    assert ('span.set_attribute("ai.span.id", key)' in text) is is_exact
    assert (questions == []) is is_exact


@pytest.mark.parametrize("end", ["key", "utils.to_iso_str()", "datetime.utcnow().isoformat() + 'Z'"])
def test_an_end_that_is_set_goes(end):
    """OpenCensus sets the end anew as the block ends, so that another one never arrived."""
    text, questions = _rewritten(f"with tracer.span(name='a') as span:\n    span.add_attribute('k', 1)\n    span.end_time = {end}\n")
    assert text == "    with tracer.start_as_current_span('a') as span:\n        span.set_attribute('k', 1)\n"
    assert questions == []


@pytest.mark.parametrize(
    ("before", "rest", "is_exact"),
    [
        ("", "", True),
        ("", "span.add_attribute('k', key)", True),
        ("span.add_attribute('k', key)\n    ", "", False),
        ("", "other['k'] = key", False),
    ],
)
def test_attributes_of_a_variable_are_set_where_they_are_the_first(before, rest, is_exact):
    """A mapping that takes the place of others, or changes later, is a question."""
    text, questions = _rewritten(f"with tracer.span(name='a') as span:\n    {before}span.attributes = other\n    {rest}\n")
    assert ("span.set_attributes(other)" in text) is is_exact
    assert bool(questions) is not is_exact


@pytest.mark.parametrize(("field", "question"), [("kind", "Is the kind meant"), ("owner", "Who reads it?")])
def test_a_field_that_spans_have_not(field, question):
    """What a program sets on a span beside its fields is sent nowhere, and OpenTelemetry's span may refuse it."""
    text, questions = _rewritten(f"with tracer.span(name='a') as span:\n    span.{field} = key\n")
    assert text == ""
    assert [f"have no `{field}`" in each and question in each for each in questions] == [True]


_SERVICE = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


class Client:
    def __init__(self):
        self.tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

    def log(self, path):
        with self.tracer.span(name=path):
            pass
"""


@pytest.mark.parametrize(
    ("test", "changes", "left"),
    [
        pytest.param("client.tracer = Mock()\n", True, "", id="any methods"),
        pytest.param("mine = Mock()\nmine.span = Mock()\nclient.tracer = mine\n", False, "names `span` of OpenCensus", id="its methods"),
        pytest.param(
            "from opencensus.trace.blank_span import BlankSpan\nmine = Mock()\nmine.span = Mock(return_value=BlankSpan())\nclient.tracer = mine\n",
            True,
            "Which tracer makes this span?",
            id="a span that the test makes",
        ),
    ],
)
def test_a_stand_in_of_a_test_for_a_tracer(tmp_path, test, changes, left):
    """A test that names what OpenTelemetry's tracers have not holds the tracer back; a span that it makes is asked about."""
    (tmp_path / "service.py").write_text(_SERVICE)
    (tmp_path / "test_service.py").write_text(f"from unittest.mock import Mock\n\nfrom service import Client\n\nclient = Client()\n{test}")
    result = rewrite([str(tmp_path)], _ALL)
    assert (str(tmp_path / "service.py") in result.after) is changes
    assert any(left in each.text for each in result.left) or not left
