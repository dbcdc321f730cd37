"""Interceptors of gRPC, and Google's client libraries, with `--include` and the id of their rule."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_ALL = Options(shape=True, markers=False, accepted=frozenset({"W014", "W015", "V005"}))
_HEAD = """\
import grpc
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.grpc import client_interceptor, server_interceptor
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

"""
_CLIENT = _HEAD + "tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(0.5))\n"


def _rewrite(text, options=_ALL):
    """Return what becomes of a program, and what is asked; a second run changes nothing."""
    result = rewrite_text(text.encode(), options=options)
    new = b"".join(result.after.values()) or text.encode()
    assert rewrite_text(new, options=options).after == {}
    return new.decode(), [each.text for each in result.left if each.rule in {"W014", "W015"}]


def test_nothing_without_the_answer():
    """Without `--include W014` an interceptor stays, and the question names the option."""
    text, asked = _rewrite(f"{_CLIENT}made = client_interceptor.OpenCensusClientInterceptor(tracer)\n", Options(shape=True, markers=False))
    assert "made = client_interceptor.OpenCensusClientInterceptor(tracer)\n" in text
    assert "`--include W014`" in asked[0]


def test_a_server_that_samples():
    """A server decides again about what its caller did not sample, as OpenCensus's does."""
    text, asked = _rewrite(
        f"{_HEAD}def serve(pool):\n"
        "    made = server_interceptor.OpenCensusServerInterceptor(ProbabilitySampler(0.5), AzureExporter())\n"
        "    return grpc.server(pool, interceptors=[made])\n"
    )
    assert asked == []
    ratio = "TraceIdRatioBased(0.5)"
    assert f'configure(signals=["traces"], sampler=ParentBased({ratio}, remote_parent_not_sampled={ratio}))' in text
    assert "from opentelemetry.instrumentation.grpc import server_interceptor\n" in text
    assert "made = server_interceptor()" in text


_FALLBACK = """\
import grpc
from opencensus.common.transports.async_ import AsyncTransport
from opencensus.ext.grpc import server_interceptor
from opencensus.ext.stackdriver import trace_exporter
from opencensus.trace import samplers

try:
    exporter = trace_exporter.StackdriverExporter(project_id="shop", transport=AsyncTransport)
    made = server_interceptor.OpenCensusServerInterceptor(samplers.AlwaysOnSampler(), exporter)
except KeyError:
    made = server_interceptor.OpenCensusServerInterceptor()
"""


def test_a_server_whose_exporter_cannot_be_made():
    """In the `except` of what makes the exporter no provider is set, so that no span is made."""
    text, asked = _rewrite(_FALLBACK)
    assert asked == []
    assert text.partition("\n\n")[2] == (
        "try:\n"
        '    exporter = CloudTraceSpanExporter(project_id="shop")\n'
        "    provider = TracerProvider(sampler=ALWAYS_ON)\n"
        "    provider.add_span_processor(BatchSpanProcessor(exporter))\n"
        "    trace.set_tracer_provider(provider)\n"
        "    made = server_interceptor()\n"
        "except KeyError:\n"
        "    made = server_interceptor()\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "channel = grpc.intercept_channel(plain, client_interceptor.OpenCensusClientInterceptor(tracer))\n",
            "channel = intercept_channel(plain, client_interceptor())\n",
            id="in-place",
        ),
        pytest.param(
            "def made(host):\n    return client_interceptor.OpenCensusClientInterceptor(tracer, host_port=host)\n\n\n"
            "channel = grpc.intercept_channel(plain, made('shop:443'))\n",
            "def made(host):\n    return client_interceptor()\n\n\nchannel = intercept_channel(plain, made('shop:443'))\n",
            id="of-a-function",
        ),
        pytest.param(
            "try:\n    made = client_interceptor.OpenCensusClientInterceptor(tracer)\n"
            "except ValueError:\n    made = client_interceptor.OpenCensusClientInterceptor()\n"
            "channel = grpc.intercept_channel(plain, made)\n",
            "try:\n    made = client_interceptor()\nexcept ValueError:\n    made = client_interceptor()\n"
            "channel = intercept_channel(plain, made)\n",
            id="one-of-two",
        ),
    ],
)
def test_a_channel(before, after):
    """A channel gets the instrumentation's interceptor by the function that takes it, however the interceptor comes there."""
    text, asked = _rewrite(f"{_CLIENT}{before}")
    assert asked == []
    assert text.partition("get_tracer(__name__)\n")[2] == after


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        pytest.param("grpc.intercept_channel(plain, made, other)", "Which channel gets this interceptor?", id="beside-another"),
        pytest.param("register(made)", "Which channel gets this interceptor?", id="elsewhere"),
        pytest.param("vendor.intercept_channel(plain, made)", "Which channel gets this interceptor?", id="of-another-module"),
    ],
)
def test_a_channel_that_is_not_known(statement, question):
    """An interceptor whose channel is not known stays with its tracer, and a person is asked."""
    text, asked = _rewrite(f"{_CLIENT}made = client_interceptor.OpenCensusClientInterceptor(tracer)\n{statement}\n")
    assert f"made = client_interceptor.OpenCensusClientInterceptor(tracer)\n{statement}\n" in text
    assert "tracer = Tracer(" in text
    assert question in asked[0]


@pytest.mark.parametrize(
    ("made", "question"),
    [
        pytest.param("server_interceptor.OpenCensusServerInterceptor()", "Are its spans to be printed?", id="no-exporter"),
        pytest.param("server_interceptor.OpenCensusServerInterceptor(*parts)", "Write them out", id="stars"),
        pytest.param("client_interceptor.OpenCensusClientInterceptor(Tracer())", "Which tracer has it?", id="tracer-in-place"),
        pytest.param(
            "client_interceptor.OpenCensusClientInterceptor(tracer, find())", "What does this call do besides?", id="host-of-a-call"
        ),
    ],
)
def test_what_an_interceptor_is_given(made, question):
    """What an interceptor is given, and OpenTelemetry's cannot have, is asked about."""
    text, asked = _rewrite(f"{_CLIENT}made = {made}\n")
    assert f"made = {made}\n" in text
    assert question in asked[0]


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        pytest.param(
            "from opencensus.ext.grpc import aio\nmade = aio.OpenCensusAioServerInterceptor(exporter=exporter)",
            "Where do its spans go?",
            id="aio",
        ),
        pytest.param(
            "class Own(server_interceptor.OpenCensusServerInterceptor):\n    pass\n\n\nmade = Own(exporter=AzureExporter())",
            "What does the class add?",
            id="subclass",
        ),
        pytest.param(
            "kind = server_interceptor.OpenCensusServerInterceptor", "What is this part of an interceptor needed for?", id="value"
        ),
        pytest.param(
            "made = server_interceptor.OpenCensusServerInterceptor(exporter=AzureExporter())\nprint(made.exporter)",
            "What is this part of an interceptor needed for?",
            id="its-exporter",
        ),
    ],
)
def test_another_form_of_an_interceptor(statement, question):
    """What is not written with `--include W014` either has a question of its own, and stays with what it belongs to."""
    text, asked = _rewrite(f"{_HEAD}{statement}\n")
    assert text.endswith(f"{statement}\n")
    assert any(question in each for each in asked)


def test_a_channel_of_another_file(tmp_path):
    """The channel of another file gets the interceptor there."""
    made = "made = client_interceptor.OpenCensusClientInterceptor(tracer)\n"
    (tmp_path / "tracing.py").write_text(f"{_CLIENT}{made}", encoding="utf-8")
    (tmp_path / "shop.py").write_text(
        "import grpc\nfrom tracing import made\n\nchannel = grpc.intercept_channel(plain, made)\n", encoding="utf-8"
    )
    result = rewrite([str(tmp_path)], _ALL)
    assert result.left == []
    assert "channel = intercept_channel(plain, made)\n" in result.after[str(tmp_path / "shop.py")].decode()
    assert "made = client_interceptor()\n" in result.after[str(tmp_path / "tracing.py")].decode()


_GOOGLE = """\
from opencensus.ext.google_cloud_clientlibs.trace import trace_integration

trace_integration()
"""


def test_client_libraries_of_google():
    """The client libraries of Google Cloud get the instrumentations of gRPC and of requests."""
    text, asked = _rewrite(_GOOGLE)
    assert asked == []
    assert text.endswith("GrpcInstrumentorClient().instrument()\nRequestsInstrumentor().instrument()\n")


@pytest.mark.parametrize("other", ["channel = grpc.secure_channel(host, keys)", "client = PublisherAsyncClient()"])
def test_other_channels_beside_those_of_google(other):
    """Where a program makes channels that the instrumentation would trace besides, or not at all, a person is asked."""
    text, asked = _rewrite(f"{_GOOGLE}{other}\n")
    assert text == f"{_GOOGLE}{other}\n"
    assert "`--include W015`" in asked[0]


def test_a_server_with_an_exporter_of_its_own():
    """Where the spans of a program go several ways, a server has the provider of its own pipeline, and its handlers the latest one."""
    text, asked = _rewrite(
        f"{_HEAD}from opencensus.trace import execution_context\n\n"
        'tracer = Tracer(exporter=AzureExporter(connection_string="InstrumentationKey=1"), sampler=ProbabilitySampler(1))\n'
        'made = server_interceptor.OpenCensusServerInterceptor(ProbabilitySampler(1), AzureExporter(connection_string="InstrumentationKey=2"))\n'
        "server = grpc.server(pool, interceptors=[made])\n\n\n"
        'def price(request, context):\n    with execution_context.get_opencensus_tracer().span("find"):\n        return 1\n'
    )
    assert asked == []
    pipeline = 'SpanPipeline(connection_string="InstrumentationKey=2").tracer_provider(sampler=ALWAYS_ON)'
    assert f"made = server_interceptor(tracer_provider={pipeline})\n" in text
    assert 'with latest_provider().get_tracer(__name__).start_as_current_span("find"):' in text
