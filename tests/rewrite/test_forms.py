"""Forms of use, and what stands in the way: text before, text after."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text
from opencensus_compat.rewrite.rules.traces import contexts
from opencensus_compat.trace import attributes_helper

_HEAD = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(connection_string=X), sampler=AlwaysOnSampler())
"""
_MORE = """\
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.status import Status
from opencensus.trace.utils import status_from_http_code
"""
_NEW_HEAD = """\
from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(connection_string=X, signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
"""

_FORMS = {
    "a span in a with statement": (
        "with tracer.span(name='work'):\n    pass\n",
        "with tracer.start_as_current_span('work'):\n    pass\n",
    ),
    "a span without a name": ("with tracer.span():\n    pass\n", 'with tracer.start_as_current_span("span"):\n    pass\n'),
    "several spans in one statement": (
        "with tracer.span('a') as a, tracer.span('b'):\n    a.add_attribute('k', 1)\n",
        "with tracer.start_as_current_span('a') as a, tracer.start_as_current_span('b'):\n    a.set_attribute('k', 1)\n",
    ),
    "comments among arguments": (
        "with tracer.span(\n    # why\n    name='a',  # what\n) as span:\n    span.add_attribute(  # here\n        'k', 'v')\n",
        "with tracer.start_as_current_span(\n    # why\n    'a',  # what\n) as span:\n    span.set_attribute(  # here\n        'k', 'v')\n",
    ),
    "an attribute of the current span": (
        "tracer.add_attribute_to_current_span(attribute_key='k', attribute_value=f(1))\n",
        "trace.get_current_span().set_attribute('k', f(1))\n",
    ),
    "a tracer that is handed to a function": (
        "def work(tracer):\n    with tracer.span('a'):\n        pass\n\nwork(tracer)\nwork(tracer=tracer)\n",
        "def work(tracer):\n    with tracer.start_as_current_span('a'):\n        pass\n\nwork(tracer)\nwork(tracer=tracer)\n",
    ),
    "a tracer in an attribute": (
        "class Service:\n    def __init__(self):\n        self.tracer = tracer\n\n    def work(self):\n        with self.tracer.span('a') as s:\n            s.add_attribute('k', 1)\n",
        "class Service:\n    def __init__(self):\n        self.tracer = tracer\n\n    def work(self):\n        with self.tracer.start_as_current_span('a') as s:\n            s.set_attribute('k', 1)\n",
    ),
    "a tracer that is tested": (
        "if tracer:\n    with tracer.span('a'):\n        pass\n",
        "if tracer:\n    with tracer.start_as_current_span('a'):\n        pass\n",
    ),
    "a tracer in a default": (
        "def work(t=tracer):\n    with t.span('a'):\n        pass\n",
        "def work(t=tracer):\n    with t.start_as_current_span('a'):\n        pass\n",
    ),
    "the end of a tracer, alone in its block": ("def stop():\n    tracer.finish()\n", "def stop():\n    pass\n"),
    "the end of a tracer, with a comment": ("tracer.finish()  # at last\nprint(1)\n", "# at last\nprint(1)\n"),
    "two statements on a line": ("tracer.finish(); print(1)\n", "print(1)\n"),
    "an explicit propagator of the W3C's headers": (
        "from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator\nother = Tracer(exporter=AzureExporter(connection_string=X), sampler=AlwaysOnSampler(), propagator=TraceContextPropagator())\n",
        'configure(connection_string=X, signals=["traces"], sampler=ALWAYS_ON)\nother = trace.get_tracer(__name__)\n',
    ),
    "a kind at the head of a block": (
        "with tracer.span('a') as s:\n    s.span_kind = 2\n\n    s.add_attribute('k', 1)\n",
        "with tracer.start_as_current_span('a', kind=trace.SpanKind.CLIENT) as s:\n    s.set_attribute('k', 1)\n",
    ),
    "a context in a variable": (
        "def ids():\n    with tracer.span('a'):\n        context = tracer.span_context\n        return context.trace_id, context.span_id\n",
        "def ids():\n    with tracer.start_as_current_span('a'):\n        context = trace.get_current_span().get_span_context()\n        return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)\n",
    ),
    "a walrus": (
        "if (t := tracer):\n    with t.span('a'):\n        pass\n",
        "if (t := tracer):\n    with t.start_as_current_span('a'):\n        pass\n",
    ),
}


def _rewritten(text: str) -> str:
    result = rewrite_text(text.encode(), options=Options(shape=True))
    return b"".join(result.after.values()).decode() or text


@pytest.mark.parametrize("form", _FORMS)
def test_a_form_is_rewritten(form):
    """Each form becomes its counterpart, and nothing else changes."""
    before, after = _FORMS[form]
    assert _rewritten(f"{_HEAD}\n{before}") == f"{_NEW_HEAD}\n{after}"


@pytest.mark.parametrize("form", _FORMS)
def test_a_rewritten_form_stays(form):
    """A second run changes nothing."""
    text = f"{_NEW_HEAD}\n{_FORMS[form][1]}"
    assert _rewritten(text) == text


def test_an_import_that_the_module_does_again_goes():
    """Where a module imports a name twice, and what stands between changes, the first import goes with it."""
    text = (
        "from opencensus.trace import execution_context\n\n\ndef one():\n    with execution_context.get_opencensus_tracer().span('x'):\n        pass\n\n\n"
        "from opencensus.trace import execution_context\n\n\ndef two(vendor):\n    return vendor.ask(execution_context)\n"
    )
    (new,) = rewrite_text(text.encode(), options=Options(markers=False)).after.values()
    assert new.decode().count("from opencensus.trace import execution_context\n") == 1
    assert new.decode().endswith(
        "from opencensus.trace import execution_context\n\n\ndef two(vendor):\n    return vendor.ask(execution_context)\n"
    )


def test_codes_of_grpc_go_with_their_last_use():
    """An import of gRPC's codes that only a status of OpenCensus read goes."""
    text = (
        "from google.rpc import code_pb2\nfrom opencensus.trace import execution_context\nfrom opencensus.trace.status import Status\n\n"
        "execution_context.get_current_span().set_status(Status(code=code_pb2.UNKNOWN, message='m'))\n"
    )
    (new,) = rewrite_text(text.encode(), options=Options(shape=True, markers=False)).after.values()
    assert "StatusCode.ERROR" in new.decode()
    assert "code_pb2" not in new.decode()


def test_an_import_after_another_one_of_its_line_goes():
    """What takes its place stands there, between the same semicolons."""
    before = (
        "import os; from opencensus.trace import execution_context; from opencensus.trace.status import Status\n\n"
        "execution_context.get_opencensus_tracer().add_attribute_to_current_span('a', os.name)\n"
    )
    after = "import os; from opentelemetry import trace\n\ntrace.get_current_span().set_attribute('a', os.name)\n"
    assert _rewritten(before) == after


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param("other(tracer)\n", id="handed to a function of elsewhere"),
        pytest.param("all = [tracer]\n", id="kept in a list"),
        pytest.param("def work(tracer):\n    with tracer.span('a'):\n        pass\n\nwork(tracer, **rest)\n", id="arguments in stars"),
        pytest.param("tracer.tracer\n", id="a part of it is read"),
        pytest.param("with tracer.span('a') as s:\n    s.anything()\n", id="an unknown method"),
        pytest.param(
            "other(tracer)\nwith tracer.span('a') as s:\n    s.status = Status.from_exception(error)\n", id="a status made of an error"
        ),
        pytest.param(
            "other(tracer)\nwith tracer.span('a') as s:\n    s.set_status(status_from_http_code(500))\n", id="a status made of a code"
        ),
        pytest.param("def f(it):\n    it.status = Status.as_ok()\n\nother(tracer)\n", id="a status of what is not known"),
        pytest.param("ids = TraceContextPropagator().from_headers({})\nprint(ids.trace_id)\nother(tracer)\n", id="ids of headers"),
    ],
)
def test_what_cannot_follow_keeps_the_rest(rest):
    """Where one use of a tracer cannot change, none of its uses does."""
    assert "opentelemetry" not in _rewritten(f"{_MORE}{_HEAD}\n{rest}")


def test_a_name_that_is_taken_gets_another():
    """Where `trace` means something else in the file, OpenTelemetry's gets another name."""
    text = _rewritten(f"{_HEAD}\ndef f(trace):\n    return trace\n")
    assert "from opentelemetry import trace as otel_trace\n" in text
    assert "tracer = otel_trace.get_tracer(__name__)\n" in text


def test_lazy_imports_stay_lazy():
    """What takes the place of an import inside a function is imported there."""
    text = dedent("""\
        def work():
            from opencensus.trace import execution_context
            execution_context.get_opencensus_tracer().add_attribute_to_current_span("a", 1)
        """)
    assert _rewritten(text) == dedent("""\
        def work():
            from opentelemetry import trace
            trace.get_current_span().set_attribute("a", 1)
        """)


def test_a_question_gets_a_marker_once():
    """The marker stands above the line, and a second run leaves it alone."""
    text = "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\ntracer.end_span()\n"
    once = _rewritten(text)
    assert once.splitlines()[2].startswith("# census-compat: T001 ")
    assert once.splitlines()[4].startswith("# census-compat: T013 ")
    assert _rewritten(once) == once


def test_a_question_of_a_function_gets_one_marker():
    """The same question stands above the first line of a function that it is about, and again in the next function."""
    read = "    print(span.start_time)\n    print(span.end_time)\n"
    before = f"from opencensus.trace.span import Span\n\ndef one(span: Span):\n{read}\ndef other(span: Span):\n{read}"
    (after,) = rewrite_text(before.encode()).after.values()
    assert after.count(b"# census-compat: T023") == 2
    assert (
        after.index(b"# census-compat: T023")
        < after.index(b"start_time")
        < after.index(b"end_time")
        < after.rindex(b"# census-compat: T023")
    )
    assert not rewrite_text(after).after


def test_a_marker_goes_with_its_use():
    """A marker above a line that has no such use any more is taken away."""
    assert _rewritten("import opencensus\nprint(opencensus)\n# census-compat: T013 Which?\nx = 1\n") == (
        "import opencensus\nprint(opencensus)\nx = 1\n"
    )


@pytest.mark.parametrize(
    ("encode", "line_end"),
    [
        pytest.param(lambda text: text.encode("utf-8-sig"), "\n", id="byte-order mark"),
        pytest.param(lambda text: text.encode(), "\r\n", id="CRLF"),
        pytest.param(lambda text: ("# coding: latin-1\n" + text).encode("latin-1"), "\n", id="latin-1"),
    ],
)
def test_the_bytes_of_a_file_keep_their_kind(encode, line_end):
    """Encoding, byte-order mark and line ends stay."""
    form = "with tracer.span('größe') as s:  # größer\n    s.add_attribute('ü', 'é')\n    s.name = 'ß'  # später\n"
    after = (
        form.replace(".span(", ".start_as_current_span(")
        .replace("add_attribute", "set_attribute")
        .replace(".name = 'ß'", ".update_name('ß')")
    )
    before = encode(f"{_HEAD}\n{form}".replace("\n", line_end))
    (found,) = rewrite_text(before).after.values()
    assert found == encode(f"{_NEW_HEAD}\n{after}".replace("\n", line_end))
    ast.parse(found)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def work(span: Span | BlankSpan): ...", "def work(span: trace.Span): ..."),
        ("def work(span: Union[Span, BlankSpan]): ...", "def work(span: trace.Span): ..."),
        ("def work(span: Span | None): ...", "def work(span: trace.Span | None): ..."),
        ("def work(s): ...\nHook = Callable[[BlankSpan | Span, str], None]", "def work(s): ...\nHook = Callable[[trace.Span, str], None]"),
        ("def work(span: Span):\n    span.add_attribute('k', 1)", "def work(span: trace.Span):\n    span.set_attribute('k', 1)"),
    ],
)
def test_a_span_in_a_type_is_opentelemetrys(before, after):
    """By whatever name of OpenCensus; what may be a span that is not sampled has one class in OpenTelemetry."""
    head = "from typing import Callable, Union\n\nfrom opencensus.trace import Span\nfrom opencensus.trace.blank_span import BlankSpan\n"
    text = _rewritten(f"{_HEAD}{head}\n{before}\n\nwith tracer.span(name='a') as span:\n    work(span)\n")
    assert f"\n{after}\n\n" in text
    assert "opencensus" not in text


def test_a_class_with_the_same_name_takes_that_of_the_old_one():
    """Where all that reads an import of OpenCensus are annotations, the new one needs no other name."""
    text = "from opencensus.ext.azure.common.protocol import Envelope\n\ndef role(envelope: Envelope):\n    envelope.tags['ai.cloud.role'] = 'shop'\n"
    assert _rewritten(text) == text.replace("opencensus.ext.azure.common.protocol", "appinsights_exporter.envelope")


def test_an_id_in_a_variable_is_text():
    """What is done with a variable that holds an id stays: it holds the same text."""
    text = "from opencensus.trace import execution_context\n\ndef ids():\n    c = execution_context.get_opencensus_tracer().span_context\n    i = c.trace_id\n    return send({'id': i, 'span': c.span_id})\n"
    assert _rewritten(text).endswith(
        "    i = trace.format_trace_id(c.trace_id or _trace_id)\n    return send({'id': i, 'span': (trace.format_span_id(c.span_id) if c.is_valid else None)})\n"
    )


_CURRENT = "from opencensus.trace import execution_context\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "if execution_context.get_current_span() is not None:\n    log()\n",
            "if trace.get_current_span().get_span_context().is_valid:\n    log()\n",
        ),
        ("a = None is execution_context.get_current_span()\n", "a = not trace.get_current_span().get_span_context().is_valid\n"),
        ("a = not execution_context.get_current_span()\n", "a = not trace.get_current_span().get_span_context().is_valid\n"),
        (
            "a = 1 if execution_context.get_current_span() else 2\n",
            "a = 1 if trace.get_current_span().get_span_context().is_valid else 2\n",
        ),
        (
            "if (s := execution_context.get_current_span()) is not None:\n    log(s)\n",
            "if (s := trace.get_current_span()).get_span_context().is_valid:\n    log(s)\n",
        ),
        (
            "s = execution_context.get_current_span() or (None)\nif s:\n    log()\n",
            "s = trace.get_current_span() if trace.get_current_span().get_span_context().is_valid else (None)\nif s:\n    log()\n",
        ),
        (
            "def now():\n    return execution_context.get_current_span()\n\nif now() is None:\n    log()\n",
            "def now():\n    return trace.get_current_span()\n\nif not now().get_span_context().is_valid:\n    log()\n",
        ),
        (
            "class A:\n    def now(self):\n        return execution_context.get_current_span()\n    def name(self):\n        if self.now():\n            return self.now().name\nclass B:\n    def now(self):\n        pass\n",
            'class A:\n    def now(self):\n        return trace.get_current_span()\n    def name(self):\n        if self.now().get_span_context().is_valid:\n            return getattr(self.now(), "name", None)\nclass B:\n    def now(self):\n        pass\n',
        ),
        ("print(None or execution_context.get_current_span())\n", "print(None or trace.get_current_span())\n"),
        (
            "s = execution_context.get_current_span()\nif s and more:\n    log()\n",
            "s = trace.get_current_span()\nif s.get_span_context().is_valid and more:\n    log()\n",
        ),
        (
            "if s := execution_context.get_current_span():\n    s.add_attribute('k', 1)\n",
            "if s := trace.get_current_span():\n    s.set_attribute('k', 1)\n",
        ),
        (
            "def work(s=None):\n    if not s:\n        s = execution_context.get_current_span()\n    s.add_attribute('k', 1)\n",
            "def work(s=None):\n    if not s:\n        s = trace.get_current_span()\n    s.set_attribute('k', 1)\n",
        ),
    ],
)
def test_whether_there_is_a_span(before, after):
    """A test for None asks the span, which OpenTelemetry always has; one that only keeps away calls of it stays."""
    text = _rewritten(_CURRENT + before.replace("log(s)", "log()"))
    assert text == "from opentelemetry import trace\n\n" + after.replace("log(s)", "log()")


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(
            "def now():\n    if x:\n        return other\n    return execution_context.get_current_span()\n\nif now() is None:\n    log()\n",
            id="in another function",
        ),
        pytest.param(
            "class A:\n    def now(self):\n        return execution_context.get_current_span()\n    def ask(self):\n        return self.now() is None\nclass B(A):\n    def now(self):\n        pass\n",
            id="in a method that another class replaces",
        ),
        pytest.param("s = execution_context.get_current_span() or other or another\n", id="part of a value"),
        pytest.param("s = other or execution_context.get_current_span()\nif s is None:\n    log()\n", id="the end of a value"),
        pytest.param(
            "s = None\nif x:\n    s = execution_context.get_current_span()\nif s is None:\n    log()\n", id="where nothing may be asked"
        ),
    ],
)
def test_whether_there_is_a_span_may_be_a_question(before):
    """Where a test may get something else too, nothing changes."""
    assert rewrite_text((_CURRENT + before).encode(), options=Options(shape=True, markers=False)).after == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("with tracer.span('a') as s:\n    log(s.name)\n", "with tracer.start_as_current_span('a') as s:\n    log('a')\n"),
        ("with tracer.span() as s:\n    log(s.name)\n", 'with tracer.start_as_current_span("span") as s:\n    log("span")\n'),
        (
            "def f(n):\n    with tracer.span(name='a' + n) as s:\n        log(s.name * 2)\n",
            "def f(n):\n    with tracer.start_as_current_span('a' + n) as s:\n        log(('a' + n) * 2)\n",
        ),
        (
            "with tracer.span('a') as s:\n    s.name = make(); log(s.name)\n    if x:\n        s.name = s.name + 'b'\n",
            "with tracer.start_as_current_span('a') as s:\n    span_name = make(); s.update_name(span_name); log(span_name)\n    if x:\n        s.update_name(span_name + 'b')\n",
        ),
        (
            "def f(n):\n    s = tracer.start_span(n)\n    log(f'{s.name}!')\n    tracer.end_span()\n",
            "def f(n):\n    s = tracer.start_span(n)\n    token = context.attach(trace.set_span_in_context(s))\n    log(f'{n}!')\n    s.end()\n    context.detach(token)\n",
        ),
    ],
)
def test_a_name_that_is_read(before, after):
    """Who reads the name of a span gets what it was given: OpenTelemetry's spans have none to read."""
    assert _rewritten(f"{_HEAD}\n{before}").endswith(after)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("with tracer.span(make()) as s:\n    log(s.name)\n", id="made by a call"),
        pytest.param("with tracer.span('a') as s:\n    if x:\n        s.name = 'b'\n    log(s.name)\n", id="set in a branch"),
        pytest.param("with tracer.span('a') as s:\n    for x in y:\n        log(s.name)\n        s.name = x\n", id="in a loop"),
        pytest.param("with tracer.span('a') as s:\n    log(f'{s.name}')\n", id="text in a text"),
        pytest.param("with tracer.span('a') as s:\n    log(lambda: s.name)\n", id="later"),
        pytest.param("n = 'a'\nwith tracer.span(n) as s:\n    n = 'b'\n    log(s.name)\n", id="a variable with two values"),
    ],
)
def test_a_name_that_is_read_may_be_a_question(body):
    """Where the name is not the same for sure, the span waits."""
    assert ".span(" in _rewritten(f"{_HEAD}\n{body}")


def test_methods_of_a_class_on_a_tracer():
    """A method of the program's own class is not that of the tracer it stands on."""
    text = "from opencensus.trace.tracer import Tracer\n\nclass T(Tracer):\n    def current_span(self):\n        return None\n\n    def work(self):\n        self.add_attribute_to_current_span('k', 1)\n        return self.current_span() is None\n"
    after = _rewritten(text)
    assert "        return self.current_span() is None\n" in after
    assert "        trace.get_current_span().set_attribute('k', 1)\n" in after


def test_the_tracer_of_the_context_is_changed():
    """Spans of a tracer that the program switches off elsewhere wait for that."""
    text = "from opencensus.trace import execution_context\nfrom opencensus.trace.tracers.noop_tracer import NoopTracer\n\ndef work():\n    with execution_context.get_opencensus_tracer().span('a'):\n        pass\n\ndef stop():\n    execution_context.get_opencensus_tracer().tracer = NoopTracer()\n"
    assert rewrite_text(text.encode(), options=Options(shape=True, markers=False)).after == {}


def test_a_sampler_as_a_type_is_opentelemetrys():
    """The class keeps its name where nothing but annotations read it."""
    text = "from opencensus.trace.samplers import Sampler\n\ndef work(sampler: Sampler | None = None): ...\n"
    assert _rewritten(text) == text.replace("opencensus.trace.samplers", "opentelemetry.sdk.trace.sampling")


def test_names_of_attributes_are_those_of_the_facade():
    """The rewriter has a table of its own: to import the facade's would load all of it, and OpenTelemetry."""
    assert {**attributes_helper.COMMON_ATTRIBUTES, **attributes_helper.GRPC_ATTRIBUTES} == contexts._NAMES


@pytest.mark.parametrize(
    "body",
    [
        "assert span.span_kind == SpanKind.SERVER\n",
        "print({SpanKind.SERVER: 'served'}[span.span_kind])\n",
        "case.assertEqual(span.span_kind, SpanKind.CLIENT)\n",
        "match span.span_kind:\n    case SpanKind.SERVER:\n        print(span)\n",
        "kind = span.span_kind\nassert kind == SpanKind.SERVER\n",
    ],
)
def test_a_kind_beside_that_of_a_span_is_kept(body):
    """OpenCensus's kinds are numbers, and OpenTelemetry's are not: what is compared changes together, or not at all."""
    result = rewrite_text(f"from opencensus.trace.span import SpanKind\n\n{body}".encode(), options=Options(shape=True, markers=False))
    assert result.after == {}
    assert {each.rule: each.why for each in result.left} == {"T031": "keep"}
