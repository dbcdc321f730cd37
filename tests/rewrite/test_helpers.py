"""Tracers and spans that go through functions, keywords and hooks: text before, text after, and what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_PROGRAMS = Path(__file__).parents[1] / "pairs" / "programs"
_HEAD = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter()
"""
_TRACER = "tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n"


def _rewrite(text):
    result = rewrite_text(text.encode(), options=Options(shape=True, markers=False))
    return b"".join(result.after.values()).decode(), result.left


def test_an_exporter_of_another_file(tmp_path):
    """An exporter that another file hands to a class goes there, too."""
    before, after = (_PROGRAMS / f"A001_exporter_of_another_file.{side}" for side in ("before", "after"))
    for path in before.glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    result = rewrite([str(tmp_path)], Options(shape=True))
    assert {Path(path).name: data for path, data in result.after.items()} == {path.name: path.read_bytes() for path in after.glob("*.py")}
    assert result.left == []


def test_a_keyword_that_a_function_takes_out():
    """A tracer is found that a function takes out of its `**kwargs`, also where `partial` gives it."""
    text, left = _rewrite(
        f"""\
{_HEAD}{_TRACER}
from functools import partial

class Client:
    def __init__(self, **kwargs):
        self.tracer = kwargs.pop("tracer", None)

    def call(self):
        with self.tracer.span("call"):
            pass

partial(Client, tracer=tracer)().call()
"""
    )
    assert 'self.tracer.start_as_current_span("call")' in text
    assert left == []


_HOOKED = """\
class Client:
    def __init__(self, tracer, hook=None, **kwargs):
        self.tracer = tracer
        self.hook = hook
        self.other = kwargs.pop("other", None)

    def call(self):
        with self.tracer.span("call") as span:
            if self.hook is not None:
                self.hook(span)
            if self.other:
                self.other(span)

"""


@pytest.mark.parametrize(
    ("made", "is_known"),
    [
        pytest.param("Client(tracer)", True, id="none"),
        pytest.param("Client(tracer, None, other=None)", True, id="None"),
        pytest.param("Client(tracer, hook)", False, id="by place"),
        pytest.param("Client(tracer, hook=hook)", False, id="by name"),
        pytest.param("Client(tracer, other=hook)", False, id="by a keyword that is taken out"),
        pytest.param("Client(tracer, **options)", False, id="perhaps"),
    ],
)
def test_a_hook_that_nothing_gives(made, is_known):
    """A span that would be handed to a hook changes where no call in the program gives one."""
    text, left = _rewrite(f"from hooks import hook, options\n{_HEAD}{_TRACER}{_HOOKED}{made}.call()\n")
    assert ("start_as_current_span" in text) is is_known
    assert (left == []) is is_known


def test_a_function_that_nothing_calls():
    """A function that nothing names keeps nothing else from changing: what it is handed comes from elsewhere."""
    text, left = _rewrite(
        f"{_HEAD}{_TRACER}\ndef use(tracer):\n    with tracer.span('a'):\n        pass\n\n"
        "def unused(tracer: Tracer):\n    use(tracer)\n\nuse(tracer)\n"
    )
    assert "def use(tracer):\n    with tracer.start_as_current_span('a'):" in text
    assert "def unused(tracer: trace.Tracer):" in text
    assert left == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("def get(name):\n    return tracer.span(name)\n\nspan = get('a')\n", id="a caller without with"),
        pytest.param(
            "def get(name):\n    span = tracer.span(name)\n    log(span)\n    return span\n\nwith get('a'):\n    pass\n", id="more"
        ),
        pytest.param(
            "def get(name):\n    if name:\n        return tracer.span(name)\n    return None\n\nwith get('a'):\n    pass\n", id="two"
        ),
        pytest.param("@cached\ndef get(name):\n    return tracer.span(name)\n\nwith get('a'):\n    pass\n", id="a decorator"),
    ],
)
def test_a_span_that_a_function_returns(body):
    """What is not used by `with` alone, or is made with more than its attributes, is asked about."""
    text, left = _rewrite(f"{_HEAD}{_TRACER}{body}")
    assert "use_span" not in text
    assert any(each.rule == "T011" and each.why == "decide" for each in left)


def _made(maker, body):
    return f"{_HEAD}\ndef made(headers):\n{maker}\n\n{body}"


_DIRECT = "    return Tracer(span_context=TraceContextPropagator().from_headers(headers), exporter=exporter, sampler=AlwaysOnSampler())\n"


def test_a_tracer_that_a_function_returns():
    """The callers of a function that continues a trace write where it comes from, with their own names."""
    text, left = _rewrite(
        _made(
            _DIRECT,
            "def handle(request):\n    tracer = made(request)\n    with tracer.span('a'):\n        with tracer.span('b'):\n            pass\n",
        )
    )
    assert "    with tracer.start_as_current_span('a', context=propagate.extract(request)):\n" in text
    assert "        with tracer.start_as_current_span('b'):\n" in text
    assert "def made(headers):\n    return trace.get_tracer(__name__)\n" in text
    assert left == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("def handle(request):\n    return made(request)\n", id="handed on"),
        pytest.param("def handle(request):\n    tracer = made(request)\n    work(tracer)\n", id="handed to another function"),
        pytest.param("def handle(request):\n    tracer = made(request.headers())\n    with tracer.span('a'):\n        pass\n", id="a call"),
    ],
)
def test_spans_that_are_not_all_seen(body):
    """Where the spans that continue a trace are not all seen, a person says where it comes from."""
    text, left = _rewrite(_made(_DIRECT, body))
    assert "propagate" not in text
    assert any(each.why == "decide" for each in left)


def test_other_parts_of_a_tracer():
    """Parts of a tracer that no function of OpenTelemetry stands for are asked about."""
    text, left = _rewrite(f"{_HEAD}{_TRACER}print(tracer.propagator, tracer.sampler)\n")
    assert "configure" not in text
    assert {(each.rule, each.why) for each in left} >= {("T018", "decide")}


def test_an_exporter_for_two_samplers(tmp_path):
    """An exporter whose tracers sample differently is a pipeline, also where one of them is in another file."""
    (tmp_path / "tracing.py").write_text(
        f"{_HEAD}\ndef get():\n    return Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n", encoding="utf-8"
    )
    (tmp_path / "app.py").write_text(
        "from tracing import exporter, get\nfrom opencensus.trace.tracer import Tracer\n\n"
        "class M:\n    def __init__(self, exporter=None):\n        self.exporter = exporter\n\n"
        "    def work(self):\n        with Tracer(exporter=self.exporter).span('a'):\n            pass\n\nM(exporter=exporter).work()\nget()\n",
        encoding="utf-8",
    )
    result = rewrite([str(tmp_path)], Options(shape=True, markers=False))
    texts = {path.rpartition("/")[2]: data.decode() for path, data in result.after.items()}
    assert result.left == []
    assert "exporter.tracer_provider(sampler=ParentBased(ALWAYS_ON)).get_tracer(__name__)" in texts["tracing.py"]
    provider = "self.exporter.tracer_provider(sampler=ParentBased(TraceIdRatioBased(0.0001)))"
    assert f"with {provider}.get_tracer(__name__).start_as_current_span('a'):" in texts["app.py"]
    assert "M(exporter=exporter).work()" in texts["app.py"]


@pytest.mark.parametrize(
    ("other", "is_separate"),
    [
        pytest.param("Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())", False, id="the same"),
        pytest.param("Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(0.5))", True, id="another sampler"),
        pytest.param("Tracer(exporter=AzureExporter(connection_string=OTHER), sampler=AlwaysOnSampler())", True, id="another resource"),
    ],
)
def test_an_exporter_of_a_class_beside_another(other, is_separate):
    """An exporter that a class is handed is a pipeline where another place sets up something else, which `configure` cannot."""
    text, left = _rewrite(
        _HEAD.replace("AlwaysOnSampler\n", "AlwaysOnSampler, ProbabilitySampler\n", 1).replace("exporter = AzureExporter()\n", "")
        + "class M:\n    def __init__(self, exporter=None):\n        self.exporter = exporter\n\n"
        "    def work(self):\n        with Tracer(exporter=self.exporter, sampler=AlwaysOnSampler()).span('a'):\n            pass\n\n"
        f"M(exporter=AzureExporter()).work()\nother = {other}\nwith other.span('b'):\n    pass\n"
    )
    assert left == []
    assert ("M(exporter=SpanPipeline()).work()" in text) is is_separate
    assert ("M().work()" in text) is not is_separate


_TRANSPORT = """\
class Transport:
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def call(self):
        with self._tracer.span(name="call"):
            {call}


def instrument(client, tracer: Tracer) -> None:
    {body}


Transport(tracer).call()
"""


@pytest.mark.parametrize(
    ("call", "body", "changes"),
    [
        pytest.param("pass", "client.transport = Transport(tracer=tracer)", True, id="handed on"),
        pytest.param("print(self._tracer.exporter)", "client.transport = Transport(tracer)", False, id="to what stays"),
        pytest.param("pass", "tracer.start_span(name='a')", False, id="used"),
    ],
)
def test_a_type_of_a_function_that_nothing_calls(call, body, changes):
    """A tracer that an unknown caller gives is of the type that it is handed on to; where it is used, the function waits for the caller."""
    text, left = _rewrite(f"{_HEAD}{_TRACER}{_TRANSPORT.format(call=call, body=body)}")
    assert ("def instrument(client, tracer: trace.Tracer) -> None:" in text) is changes
    assert (left == []) is changes
