"""Spans that are started and ended by hand, and tracers that continue a trace."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

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
        pytest.param("span = tracer.span('a')\nspan.add_attribute('b', a)\ntracer.end_span()\n", id="span() and end_span()"),
        pytest.param("tracer.span('a')\ntry:\n    a()\nfinally:\n    tracer.end_span()\n", id="span() alone"),
        pytest.param("span = tracer.start_span('a')\ntracer.finish()\n", id="finish()"),
        pytest.param("span = tracer.span('a')\na()\ntracer.end_span()\ntracer.finish()\n", id="both"),
    ],
)
def test_spans_that_start_or_end_by_other_methods(body):
    """`span()` outside a `with` starts a span as `start_span()` does, and `finish()` ends what is open."""
    text = _in_function(body)
    assert "opencensus" not in text
    assert text.count(".start_span('a')") == text.count("context.attach(") == text.count(".end()") == text.count("context.detach(") == 1
    assert "finish" not in text


@pytest.mark.parametrize("method", ["span", "start_span"])
@pytest.mark.parametrize(
    ("body", "after"),
    [
        pytest.param("with tracer.{}(name='a') as span:\n    a()\n", "with tracer.start_as_current_span('a') as span:", id="in a with"),
        pytest.param("span = tracer.{}(name='a')\nwith span:\n    a()\n", "with trace.use_span(span, end_on_exit=True):", id="before it"),
        pytest.param(
            "a.span = tracer.{}(name='a')\na.span.attributes['b'] = 1\nwith a.span as span, open(a):\n    a()\n",
            "with trace.use_span(a.span, end_on_exit=True) as span, open(a):",
            id="of an attribute",
        ),
    ],
)
def test_a_span_that_a_with_statement_ends(method, body, after):
    """A `with` statement ends what it enters, whichever method has started that."""
    text = _in_function(body.format(method))
    assert "opencensus" not in text
    assert f"    {after}\n" in text


_BY_METHODS = """
class Operation:
    def __enter__(self):
        self.span = tracer.span(name="a")
        self.span.span_kind = 1
        {0}
        self.span.__enter__()
        return self.span

    def __exit__(self, *error):
        self.span.add_attribute("b", 1)
        self.span.__exit__({1})
"""


def test_a_span_that_its_methods_enter_and_end():
    """`__enter__` and `__exit__` of a span become those of `use_span`, which the object keeps beside it."""
    text = _rewritten(f"tracer = Tracer({_ARGUMENTS})\n{_BY_METHODS.format('pass', '*error').replace('        pass' + chr(10), '')}")
    assert "opencensus" not in text
    assert [line.strip() for line in text.splitlines() if "self.span" in line] == [
        'self.span = tracer.start_span("a", kind=trace.SpanKind.SERVER)',
        "self.span_scope = trace.use_span(self.span, end_on_exit=True)",
        "self.span_scope.__enter__()",
        "return self.span",
        'self.span.set_attribute("b", 1)',
        "self.span_scope.__exit__(*error)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_BY_METHODS.format("work()", "*error"), id="after another statement"),
        pytest.param(_BY_METHODS.format("", "*error") + "\n\nOperation().span.__exit__(None, None, None)\n", id="ended elsewhere, too"),
        pytest.param("span = tracer.span('a')\nspan.__enter__()\n", id="that nothing ends"),
    ],
)
def test_a_span_that_its_methods_enter_and_that_is_asked_about(text):
    """Where it is not sure what enters and ends a span, nothing changes."""
    after = _rewritten(f"tracer = Tracer({_ARGUMENTS})\n\n{text}")
    assert "# census-compat: T0" in after
    assert "use_span(" not in after.replace("`trace.use_span(", "")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("span = tracer.span(name='a')\nother()\nwith span:\n    a()\n", id="after another statement"),
        pytest.param(
            "span = tracer.span(name='a')\nspan.add_attribute('b', work(a))\nwith span:\n    a()\n", id="after a function of its own"
        ),
        pytest.param("span = tracer.span(name='a')\nif a:\n    with span:\n        a()\n", id="by a condition"),
    ],
)
def test_a_span_that_is_current_before_its_with_statement(body):
    """What is done between the start of a span and its `with` is inside it in OpenCensus, so that it is asked about."""
    text = _in_function(body)
    assert "# census-compat: T011" in text
    assert "use_span" not in text


@pytest.mark.parametrize(
    ("body", "is_asked"),
    [
        pytest.param("with tracer.span('a') as span:\n    tracer.finish()\n    span.add_attribute('b', 1)\n", True, id="before the end"),
        pytest.param("with tracer.span('a'):\n    for _ in a:\n        tracer.finish()\n", True, id="in a loop"),
        pytest.param("with tracer.span('a'):\n    a()\n    tracer.finish()\n", False, id="at the end"),
        pytest.param("with tracer.span('a'):\n    if a:\n        tracer.finish()\n", False, id="at the end of a branch"),
        pytest.param("with tracer.span('a'):\n    pass\ntracer.finish()\n", False, id="after it"),
    ],
)
def test_the_end_of_a_tracer_inside_a_span(body, is_asked):
    """`finish()` ends the spans that are open around it, and sends nothing of what they get after that."""
    text = _in_function(body)
    assert ("# census-compat: T014 Which spans does this end?" in text) is is_asked
    assert ("tracer.finish()" in text) is is_asked


def test_the_end_of_a_tracer_in_a_function_that_is_called_in_a_span():
    """`finish()` ends the spans of callers, too."""
    text = _in_function("tracer.finish()\n\n\ndef main():\n    with tracer.span('a'):\n        work(1)\n")
    assert "# census-compat: T014 Which spans does this end?" in text


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


_STOP = "def stop():\n    tracer.end_span()\n"


@pytest.mark.parametrize(
    ("start", "held"),
    [
        pytest.param("tracer.start_span(name='a')", "span = tracer.start_span('a')", id="alone"),
        pytest.param("tried = tracer.start_span(name='a')", "tried = tracer.start_span('a')", id="a variable"),
        pytest.param("request.span = tracer.start_span(name='a')", "request.span = tracer.start_span('a')", id="an attribute"),
        pytest.param("if request:\n        tracer.start_span(name='a')", "span = tracer.start_span('a')", id="by a condition"),
    ],
)
def test_a_span_that_another_function_ends(start, held):
    """A span that one function starts and another one ends is current until then, and the context around it is after that."""
    text = _rewritten(f"tracer = Tracer({_ARGUMENTS})\n\n\ndef start(request):\n    {start}\n\n\n{_STOP}")
    span = held.partition(" = ")[0]
    attach = f'context.attach(context.set_value("outer_context", context.get_current(), trace.set_span_in_context({span})))'
    assert [line.strip() for line in text.splitlines() if "span" in line or "outer" in line] == [
        held,
        attach,
        'outer = context.get_value("outer_context")',
        "if isinstance(outer, context.Context):",
        "trace.get_current_span().end()",
        "context.attach(outer)",
    ]
    assert "opencensus" not in text


def test_the_kind_of_a_span_in_an_attribute():
    """A kind that is set where the span is assigned goes where it is started."""
    text = _rewritten(
        f"from opencensus.trace.span import SpanKind\n\ntracer = Tracer({_ARGUMENTS})\n\n\ndef start(request):\n"
        f"    request.span = tracer.start_span(name='a')\n    request.span.span_kind = SpanKind.SERVER\n\n\n{_STOP}"
    )
    assert "    request.span = tracer.start_span('a', kind=trace.SpanKind.SERVER)\n" in text
    assert "opencensus" not in text


def test_a_span_that_another_file_ends(tmp_path):
    """The context around a span goes with that, also into the functions of another file."""
    (tmp_path / "one.py").write_text(f"{_HEAD}tracer = Tracer({_ARGUMENTS})\n\n\ndef start():\n    tracer.start_span(name='a')\n")
    (tmp_path / "two.py").write_text(
        "from opencensus.trace import execution_context\n\nimport one\n\n\ndef stop():\n    execution_context.get_opencensus_tracer().end_span()\n"
    )
    result = rewrite([str(tmp_path)], Options(shape=True))
    assert result.left == []
    assert b'context.get_value("outer_context")' in result.after[str(tmp_path / "two.py")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("def start():\n    tracer.start_span()\n", id="that nothing ends"),
        pytest.param("def start():\n    return tracer.start_span()\n\n\n" + _STOP, id="that is handed on as it starts"),
        pytest.param(
            "def start():\n    tracer.start_span()\n\n\ndef stop():\n    return tracer.end_span()\n", id="with an end that is a value"
        ),
        pytest.param(
            "def start():\n    tracer.start_span()\n\n\ndef stop(a):\n    if a: tracer.end_span()\n", id="with an end in the line of an if"
        ),
        pytest.param(
            f"def start():\n    tracer.start_span()\n\n\n{_STOP}\n\ndef work():\n    with tracer.span('a'):\n        tracer.end_span()\n",
            id="beside an end that is that of a block",
        ),
    ],
)
def test_a_span_of_two_functions_that_is_asked_about(body):
    """A start and an end that do not fit the form change neither."""
    assert "outer_context" not in _rewritten(f"tracer = Tracer({_ARGUMENTS})\n\n\n{body}")


@pytest.mark.parametrize(
    ("body", "is_exact"),
    [
        pytest.param("span = tracer.start_span()\nexecution_context.set_current_span(span)\ntracer.end_span()\n", True, id="the span"),
        pytest.param("mine = Tracer(sampler=AlwaysOnSampler())\nexecution_context.set_opencensus_tracer(mine)\n", True, id="the tracer"),
        pytest.param("execution_context.set_current_span(a)\n", False, id="a span from elsewhere"),
        pytest.param("execution_context.set_opencensus_tracer(a)\n", False, id="a tracer from elsewhere"),
        pytest.param(
            "one = tracer.start_span()\ntwo = tracer.start_span()\nexecution_context.set_current_span(one)\ntracer.end_span()\ntracer.end_span()\n",
            False,
            id="not the last span",
        ),
    ],
)
def test_what_is_made_current_and_is_so_already(body, is_exact):
    """A span is current by its start, and a tracer by that it is made; another one is a question."""
    text = _rewritten(
        f"from opencensus.trace import execution_context\n\ntracer = Tracer({_ARGUMENTS if 'mine' not in body else 'sampler=AlwaysOnSampler()'})\n\n\n"
        f"def work(a):\n{indent(dedent(body), '    ')}"
    )
    assert ("execution_context.set_" not in text) is is_exact


_CLIENT = """\
class Client:
    def __init__(self):
        self.tracer = Tracer(exporter=AzureExporter(connection_string=X), sampler=AlwaysOnSampler())
        self.propagator = TraceContextPropagator()

    def call(self, session):
        with self.tracer.span(name="a"):
            {}
"""


@pytest.mark.parametrize(
    ("call", "is_exact"),
    [
        ("return session.get('/', headers=self.propagator.to_headers(self.tracer.span_context))", True),
        ("session.headers = self.propagator.to_headers(self.tracer.span_context)", True),
        ("return session.get('/', self.propagator)", False),
        ("return session or self.propagator.to_headers(self.tracer.span_context)", False),
        ("return [self.propagator.to_headers(self.tracer.span_context) for each in session]", False),
    ],
)
def test_headers_in_place(call, is_exact):
    """Headers that are made in a statement are written before it, by no propagator of the program's own."""
    text = _rewritten(_CLIENT.format(call))
    assert ("carrier = {}\n            propagate.inject(carrier)\n" in text) is is_exact
    assert ("TraceContextPropagator" not in text) is is_exact


def test_a_header_of_another_name():
    """A program that gives the header another name is asked who reads it."""
    text = _rewritten(
        "import opencensus.trace.propagation.trace_context_http_header_format as format\n\nformat._TRACEPARENT_HEADER_NAME = 'Trace-Id'\n\n"
        + _CLIENT.format("session.headers = self.propagator.to_headers(self.tracer.span_context)")
    )
    assert "propagate" not in text.replace("opentelemetry.propagate.set_global_textmap", "")
    assert "T053 Which service reads the header that this program gives another name?" in text


def test_a_check_for_a_tracer():
    """OpenTelemetry always has a tracer: whether there is a span is another question, for a person."""
    text = _rewritten(
        "from opencensus.trace import execution_context\nfrom opencensus.trace.tracers.noop_tracer import NoopTracer\n\n"
        "if not isinstance(execution_context.get_opencensus_tracer(), NoopTracer):\n    span_id = execution_context.get_current_span().span_id\n"
        "    print(span_id)\n"
    )
    assert "# census-compat: T076 Is there a span here" in text
    assert "# census-compat: T023" not in text


@pytest.mark.parametrize(
    ("line", "is_asked"),
    [
        pytest.param("sys.exit(1)", True, id="a code"),
        pytest.param("sys.exit('no')", True, id="a text"),
        pytest.param("exit(a())", True, id="what a function gives"),
        pytest.param("raise SystemExit(2)", True, id="raised"),
        pytest.param("sys.exit(0)", False, id="zero"),
        pytest.param("sys.exit()", False, id="nothing"),
        pytest.param("a.exit(1)", False, id="another function"),
        pytest.param("a(lambda: sys.exit(1))", False, id="in another function"),
    ],
)
def test_the_end_of_the_program_inside_a_span(line, is_asked):
    """It is a failure of the span for OpenCensus, and none for OpenTelemetry: a person is asked."""
    for body in (f"with tracer.span('a'):\n    {line}\n", f"span = tracer.span('a')\nwith span:\n    {line}\n"):
        assert ("Has this span failed where the program ends inside it?" in _in_function(body)) is is_asked


def test_methods_that_return_a_span_to_their_callers():
    """A method may be called as that of a tracer is."""
    text = _rewritten(f"""
        class Telemetry:
            def __init__(self):
                self.tracer = Tracer({_ARGUMENTS})

            def span(self, name):
                span = self.tracer.span(name=name)
                span.add_attribute("a", 1)
                return span

            def operation(self, name):
                return self.tracer.span(name)

        telemetry = Telemetry()
        with telemetry.span("a") as span:
            span.add_attribute("b", 1)
        with telemetry.operation("b"):
            pass
        """)
    assert "opencensus" not in text
    assert "        return trace.use_span(span, end_on_exit=True)\n" in text
    assert "        return self.tracer.start_as_current_span(name)\n" in text
