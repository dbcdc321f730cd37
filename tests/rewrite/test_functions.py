"""The extension of Azure Functions, and the functions that it runs around."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_ALL = Options(shape=True, markers=False)
_HEAD = "import azure.functions as func\nfrom opencensus.trace import execution_context\nfrom opencensus.extension.azure.functions import OpenCensusExtension\n\n"
_ATTACH = 'attach(propagate.extract({"traceparent": %s.trace_context.trace_parent, "tracestate": %s.trace_context.trace_state}))'


def _rewritten(text):
    result = rewrite_text(f"{_HEAD}{text}".encode(), options=_ALL)
    return b"".join(result.after.values()).decode(), [each.text for each in result.left if each.why == "decide"]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        pytest.param("def main(req, context):\n    return 'found'\n", "context", id="first model"),
        pytest.param("@app.route(route='orders')\ndef order(req, context):\n    return 'found'\n", "context", id="second model"),
        pytest.param(
            "@app.timer_trigger(arg_name='timer')\nasync def tick(timer, context):\n    return 'found'\n", "context", id="a timer"
        ),
        pytest.param("def run(req, ctx):\n    with ctx.tracer.span('a'):\n        return 'found'\n", "ctx", id="that has the tracer"),
    ],
)
def test_each_function_attaches_the_context_of_its_invocation(function, name):
    """What runs below a function belongs to the host's request, also without a span."""
    text, questions = _rewritten(f"OpenCensusExtension.configure(connection_string=X)\n\n\n{function}")
    assert 'configure(connection_string=X, signals=["traces"], sampler=ALWAYS_ON)' in text
    assert _ATTACH % (name, name) in text
    assert "opencensus" not in text
    assert questions == []


@pytest.mark.parametrize(
    ("function", "head"),
    [
        ("def main(req: func.HttpRequest) -> str:\n    return 'found'\n", "def main(req: func.HttpRequest, context=None) -> str:"),
        ("@app.timer_trigger(arg_name='timer')\nasync def tick(timer):\n    return 'found'\n", "async def tick(timer, context=None):"),
        ("def main():\n    return 'found'\n", "def main(context=None):"),
    ],
)
def test_a_function_without_its_invocation_gets_it(function, head):
    """The host gives it to a parameter of that name; who else calls the function gives none."""
    text, questions = _rewritten(f"OpenCensusExtension.configure()\n\n\n{function}")
    assert f"{head}\n    if context is not None:\n        {_ATTACH % ('context', 'context')}\n    return 'found'\n" in text
    assert questions == []


def test_the_line_stands_below_the_docstring():
    """A docstring stays the first statement of its function."""
    text, _ = _rewritten('OpenCensusExtension.configure()\n\n\ndef main(req, context):\n    """Answer."""\n    return 1\n')
    assert '    """Answer."""\n    attach(' in text


def test_tracers_of_an_invocation_are_those_of_opentelemetry():
    """`context.tracer` is read in place or kept in a variable; what is done with it is that of any tracer."""
    text, _ = _rewritten(
        "OpenCensusExtension.configure()\n\n\ndef main(req, context):\n    tracer = context.tracer\n    with tracer.span('a'):\n        pass\n"
        "    context.tracer.start_span('b')\n    context.tracer.add_attribute_to_current_span('k', 1)\n    context.tracer.end_span()\n"
    )
    assert "tracer = trace.get_tracer(__name__)\n    with tracer.start_as_current_span('a'):" in text
    assert "span = trace.get_tracer(__name__).start_span('b')" in text
    assert "context.tracer" not in text


@pytest.mark.parametrize(
    ("text", "question"),
    [
        pytest.param("OpenCensusExtension.configure()\n\n\ndef main(req, *rest):\n    pass\n", "Which functions", id="any arguments"),
        pytest.param(
            "from shop import context\nOpenCensusExtension.configure()\n\n\ndef main(req):\n    context()\n", "Which functions", id="a name"
        ),
        pytest.param(
            "OpenCensusExtension.configure()\n\n\ndef main(req, context):\n    pass\n\n\n@app.route(route='a')\ndef other(req, n=1):\n    pass\n",
            "Which functions",
            id="one of them with defaults",
        ),
        pytest.param(
            "OpenCensusExtension.configure()\n\n\ndef main(req):\n    tracer = execution_context.get_opencensus_tracer()\n"
            "    tracer.start_span()\n    tracer.end_span()\n",
            "Which functions",
            id="with OpenTelemetry's context",
        ),
        pytest.param("OpenCensusExtension.configure()\n", "Which functions", id="no function"),
        pytest.param("OpenCensusExtension.configure()\n\n\ndef main(req, context): pass\n", "Which functions", id="in one line"),
        pytest.param(
            "OpenCensusExtension.configure(flush_invocations=2)\n\n\ndef main(req, context):\n    pass\n", "How long", id="a flush"
        ),
        pytest.param(
            "OpenCensusExtension.configure()\nOpenCensusExtension._exporter.add_telemetry_processor(f)\n\n\ndef main(req, context):\n    pass\n",
            "Which functions",
            id="a processor",
        ),
    ],
)
def test_what_stays_with_a_question(text, question):
    """The extension stays where something that it does would be lost."""
    after, questions = _rewritten(text)
    assert "OpenCensusExtension.configure(" in after or after == ""
    assert any(each.startswith(question) for each in questions)


def test_functions_of_several_files(tmp_path):
    """Each file sees to its functions; two connection strings contradict each other in one process."""
    body = (
        "from opencensus.extension.azure.functions import OpenCensusExtension\nimport shared\n\nOpenCensusExtension.configure({})\n\n\n{}"
    )
    function = "def main(req, context):\n    pass\n"
    (tmp_path / "shared.py").write_text("")
    (tmp_path / "one.py").write_text(body.format("", function))
    (tmp_path / "two.py").write_text(body.format("", function))
    result = rewrite([str(tmp_path)], _ALL)
    assert {path.rpartition("/")[2] for path in result.after} == {"one.py", "two.py"}
    (tmp_path / "two.py").write_text(body.format("connection_string='InstrumentationKey=a'", function))
    result = rewrite([str(tmp_path)], _ALL)
    assert result.after == {}
    assert any(each.text.startswith("Which connection string is meant?") for each in result.left)
