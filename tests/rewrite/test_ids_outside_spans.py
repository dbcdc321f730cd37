"""Ids of a tracer's context that are read inside and outside its spans."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_IMPORTS = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter()
"""
_MADE = "tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n"
_TOLD = "tracer = Tracer(span_context=TraceContextPropagator().from_headers(sent), exporter=exporter, sampler=AlwaysOnSampler())\n"
_FLASK = "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n\nFlaskMiddleware(app, exporter=exporter, sampler=AlwaysOnSampler())\n"
_ID = "tracer.span_context.trace_id"
_OF_CONTEXT = "execution_context.get_opencensus_tracer().span_context.trace_id"
_IN_SPAN = "trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)"
_ANYWHERE = "trace.format_trace_id(trace.get_current_span().get_span_context().trace_id or {0})"
_OPTIONS = Options(shape=True, markers=False)


def _rewritten(text):
    """Return what becomes of a program, and the rules about which a person is asked; a second run changes nothing."""
    result = rewrite_text(f"{_IMPORTS}{text}".encode(), options=_OPTIONS)
    after = b"".join(result.after.values())
    if after:
        assert rewrite_text(after, options=_OPTIONS).after == {}
    return after.decode(), [each.rule for each in result.left if each.text.startswith("Is a span current here?")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{_MADE}with tracer.span(name='a'):\n    print({_ID})\n", id="with"),
        pytest.param(f"{_MADE}with tracer.span(name='a'):\n    for each in items:\n        print({_ID})\n", id="deeper"),
        pytest.param(f"{_MADE}def get():\n    return {_ID}\nwith tracer.span(name='a'):\n    get()\n", id="all callers"),
        pytest.param(f"{_MADE}@tracer.trace_decorator()\ndef get():\n    return {_ID}\n", id="decorated"),
        pytest.param(f"{_MADE}def get():\n    span = tracer.start_span(name='a')\n    print({_ID})\n    tracer.end_span()\n", id="by hand"),
        pytest.param(f"{_MADE}with tracer.span(name='a'):\n    print({_OF_CONTEXT})\n", id="of the context"),
        pytest.param(f"{_FLASK}@app.route('/')\ndef get():\n    return {_OF_CONTEXT}\n", id="request"),
    ],
)
def test_an_id_inside_a_span_is_that_of_the_span(text):
    """Where a span of the tracer is surely current, there is nothing else that the id may be."""
    after, asked = _rewritten(text)
    assert _IN_SPAN in after
    assert "RandomIdGenerator" not in after
    assert asked == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(f"{_MADE}print({_ID})\n", 1, id="module"),
        pytest.param(f"{_MADE}def get():\n    return {_ID}\n", 1, id="anybody calls it"),
        pytest.param(f"{_MADE}def get():\n    return {_ID}\nwith tracer.span(name='a'):\n    get()\nget()\n", 1, id="a caller outside"),
        pytest.param(f"{_MADE}with tracer.span(name='a'):\n    def get():\n        return {_ID}\n    call(get)\n", 1, id="handed on"),
        pytest.param(f"{_MADE}def get():\n    return {_ID}\ndef other():\n    return {_ID}, {_OF_CONTEXT}\n", 3, id="several"),
        pytest.param(
            f"{_MADE}def get():\n    span = tracer.start_span(name='a')\n    tracer.end_span()\n    print({_ID})\n", 1, id="after the end"
        ),
        pytest.param(f"{_FLASK}def get():\n    return {_OF_CONTEXT}\n", 1, id="perhaps in a request"),
    ],
)
def test_an_id_that_may_be_outside_is_one_for_the_tracer(text, count):
    """Without a current span it is a text that is made once, as with OpenCensus, and not zeros."""
    after, asked = _rewritten(text)
    assert after.count("\n_trace_id = RandomIdGenerator().generate_trace_id()\n") == 1
    assert after.count(_ANYWHERE.format("_trace_id")) == count
    assert asked == []


def test_a_tracer_of_a_call_has_an_id_of_each_call():
    """What is made for each call has another id each time."""
    after, _ = _rewritten(f"def get():\n    {_MADE.replace('exporter=exporter, ', '')}    return {_ID}\n")
    assert f"return {_ANYWHERE.format('RandomIdGenerator().generate_trace_id()')}" in after


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{_TOLD}print({_ID})\n", id="trace of a caller"),
        pytest.param(f"{_TOLD}print(tracer.span_context.span_id)\n", id="span of a caller"),
        pytest.param(f"{_TOLD}call(headers=TraceContextPropagator().to_headers(tracer.span_context))\n", id="headers of a caller"),
        pytest.param(f"{_MADE}print(tracer.span_context.trace_options.get_enabled())\n", id="sampled"),
        pytest.param(f"def get():\n    {_MADE}    return {_ID}, {_ID}\n", id="twice the same of each call"),
    ],
)
def test_what_a_person_must_say(text):
    """Outside spans the tracer has what a caller gave it, or what the program nowhere holds."""
    _, asked = _rewritten(text)
    assert len(asked) >= 1


def test_modules_with_the_same_tracer(tmp_path):
    """No module holds the id for the others."""
    files = {
        "a.py": f"{_IMPORTS}{_MADE}def get():\n    return {_ID}\n",
        "b.py": f"from a import tracer\n\n\ndef other():\n    return {_ID}\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    result = rewrite([str(tmp_path)], _OPTIONS)
    assert {each.rule for each in result.left if each.text.startswith("Is a span current here?")} == {"T019"}
    assert not any(b"RandomIdGenerator" in text for text in result.after.values())


def test_spans_of_another_tracer():
    """Each tracer has an id of its own, whatever span of another one is current."""
    after, asked = _rewritten(
        f"{_MADE}{_MADE.replace('tracer', 'other', 1)}with other.span(name='a'):\n    print({_ID})\nprint({_ID.replace('tracer', 'other')})\n"
    )
    assert after.count("RandomIdGenerator().generate_trace_id()") == 2
    assert "or _trace_id_1)" in after
    assert "or _trace_id_2)" in after
    assert asked == []


def test_a_context_that_waits_holds_its_tracer():
    """A context that is handed to a propagator changes with that, and its tracer with both: no tracer is left with an attribute of the other API."""
    text = (
        f"class Shop:\n    def __init__(self):\n        self._{_MADE.replace('exporter=exporter', 'exporter=AzureExporter()')}\n"
        "    @property\n    def tracer(self):\n        return self._tracer\n\n"
        "    def headers(self):\n        propagator = TraceContextPropagator()\n        keep(propagator)\n"
        "        return propagator.to_headers(self.tracer.span_context)\n\n\n"
        "shop = Shop()\nwith shop.tracer.span(name='sell'):\n    print(shop.headers())\n"
    )
    result = rewrite_text(f"{_IMPORTS}{text}".encode(), options=_OPTIONS)
    assert all(b"Tracer(" in each for each in result.after.values())
    assert "T053" in {each.rule for each in result.left}
