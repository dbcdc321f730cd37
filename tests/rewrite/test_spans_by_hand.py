"""Spans that are started and ended by hand, and tracers that continue a trace."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_HEAD = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

"""
_ARGUMENTS = "exporter=AzureExporter(connection_string=X), sampler=AlwaysOnSampler()"


def _rewritten(text: str) -> str:
    result = rewrite_text(f"{_HEAD}{dedent(text)}".encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode()


def _in_function(text: str) -> str:
    return _rewritten(f"tracer = Tracer({_ARGUMENTS})\n\n\ndef work(a):\n{indent(dedent(text), '    ')}")


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        pytest.param("tracer.start_span(name='a')\nif a:\n    tracer.end_span()\nelse:\n    tracer.end_span()\n", 2, id="in both branches"),
        pytest.param(
            "tracer.start_span(name='a')\nif a:\n    tracer.end_span()\n    return 1\ntracer.end_span()\n", 2, id="before a return"
        ),
        pytest.param(
            """
            tracer.start_span(name='a')
            try:
                a()
            except ValueError:
                try:
                    tracer.end_span()
                except Exception:
                    pass
                raise
            tracer.end_span()
            """,
            2,
            id="in a handler that raises",
        ),
        pytest.param(
            "tracer.start_span(name='a')\ntry:\n    a()\nexcept OSError:\n    tracer.end_span()\nexcept ValueError:\n    tracer.end_span()\n",
            2,
            id="in two handlers",
        ),
        pytest.param(
            "try:\n    tracer.start_span()\nexcept OSError:\n    pass\ntry:\n    a()\nfinally:\n    tracer.end_span()\n", 1, id="in finally"
        ),
        pytest.param("tracer.start_span()\ntracer.start_span()\ntracer.end_span()\ntracer.end_span()\n", 2, id="one inside the other"),
    ],
)
def test_ends_that_belong_to_one_start_are_rewritten(body, ends):
    """A span that one function starts and ends is ended on each way by its own end."""
    text = _in_function(body)
    assert "opencensus" not in text
    assert text.count(".end()") == text.count("context.detach(") == ends


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("tracer.start_span(name='a')\ntracer.end_span()\ntracer.end_span()\n", id="twice"),
        pytest.param("tracer.start_span(name='a')\nif a:\n    tracer.end_span()\ntracer.end_span()\n", id="perhaps twice"),
        pytest.param("tracer.start_span(name='a')\nfor _ in a:\n    tracer.end_span()\n", id="in a loop"),
        pytest.param("if a:\n    tracer.start_span(name='a')\ntracer.end_span()\n", id="perhaps without a start"),
        pytest.param("try:\n    a()\n    tracer.start_span()\nexcept OSError:\n    pass\ntracer.end_span()\n", id="after what may fail"),
        pytest.param("tracer.start_span(name='a')\ntry:\n    tracer.end_span()\nfinally:\n    tracer.end_span()\n", id="again in finally"),
        pytest.param(
            "tracer.start_span()\nif a:\n    tracer.start_span()\n    tracer.end_span()\ntracer.end_span()\n", id="several blocks"
        ),
        pytest.param("tracer.start_span()\ntracer.start_span()\ntracer.end_span()\n", id="more starts than ends"),
    ],
)
def test_ends_of_which_the_start_is_not_sure_are_asked_about(body):
    """Where the end of a span may run without its start, or twice, a person must look."""
    text = _in_function(body)
    assert "# census-compat: T013" in text
    assert "tracer.end_span()" in text


def test_a_span_by_hand_continues_a_trace_from_outside():
    """It gets the context of its tracer, as one in a `with` statement does."""
    text = _rewritten(f"""
        def handle(headers):
            tracer = Tracer(span_context=TraceContextPropagator().from_headers(headers), {_ARGUMENTS})
            tracer.start_span(name="handle")
            tracer.end_span()
        """)
    assert 'span = tracer.start_span("handle", context=propagate.extract(headers))' in text


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param("    return Tracer(span_context=context, {0})\n\n\nget(taken)\n", id="returned"),
        pytest.param("    tracer = Tracer(span_context=context, {0})\n    return tracer\n\n\nget(context=taken)\n", id="returned by name"),
        pytest.param("    app.tracer = Tracer(span_context=context, {0})\n\n\nget(taken)\n", id="kept"),
        pytest.param("    tracer = Tracer(span_context=context, {0})\n    work(tracer)\n\n\nrun(get)\n", id="handed on"),
    ],
)
def test_a_tracer_whose_spans_elsewhere_continue_a_trace_is_asked_about(rest):
    """The spans of another function would lose the trace that they continue."""
    work = "def work(tracer):\n    with tracer.span(name='a'):\n        pass\n\n\n"
    text = _rewritten(f"{work}def get(context=None):\n{rest.format(_ARGUMENTS)}")
    assert "# census-compat: T003 Which spans continue this trace?" in text


def test_a_context_that_nobody_gives_is_none():
    """A parameter that no call has stands for its default."""
    text = _rewritten(f"""
        def get(context=None):
            return Tracer(span_context=context, {_ARGUMENTS})

        with get().span(name="a"):
            pass
        """)
    assert "opencensus" not in text
    assert 'with get().start_as_current_span("a"):' in text
