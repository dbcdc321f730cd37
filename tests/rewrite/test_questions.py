"""Questions that say what the owner of a program can do."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import rewrite_text


@pytest.mark.parametrize(
    ("text", "question"),
    [
        pytest.param(
            "from opencensus.ext.flask.flask_middleware import FlaskMiddleware\n\ndef f(tracing: FlaskMiddleware):\n    tracing.init_app(app)\n",
            "What `.init_app` sets up, `configure(...)` and `FlaskInstrumentor().instrument_app(app, ...)` take",
            id="a middleware that gets its application later",
        ),
        pytest.param(
            "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\ntracer.span(name='a')\n",
            "Nothing ends this span, so that OpenCensus never sends it",
            id="a span that nothing ends",
        ),
        pytest.param(
            "from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\nspan = tracer.span(name='a')\n",
            "Where does the span end",
            id="a span that may be ended elsewhere",
        ),
        pytest.param(
            "from opencensus.ext.azure.metrics_exporter import AzureMetricsExporter\n\nAzureMetricsExporter()\n",
            "No release of OpenCensus has `AzureMetricsExporter`",
            id="a name that no release has",
        ),
        pytest.param(
            "from opencensus.trace.exporters.transports.background_thread import BackgroundThreadTransport\n\nprint(BackgroundThreadTransport)\n",
            "Later ones have `opencensus.common.transports.async_.AsyncTransport`",
            id="a transport of an early release",
        ),
        pytest.param(
            "from opencensus.trace.exporters import stackdriver_exporter\n\nstackdriver_exporter.StackdriverExporter()\n",
            "Later ones have `opencensus.ext.stackdriver.trace_exporter.StackdriverExporter`",
            id="an exporter of an early release",
        ),
        pytest.param(
            "from opencensus.ext.azure.metrics_exporter import MetricsExporter\n\nexporter = MetricsExporter()\n",
            "Nothing hands this exporter its metrics, so that it sends none",
            id="an exporter of metrics that nothing uses",
        ),
        pytest.param(
            "from opencensus.stats import stats\n\nmanager = stats.Stats().view_manager\n",
            "in place of `stats.Stats()`",
            id="stats of an early release",
        ),
        pytest.param(
            "try:\n    from opencensus.trace.samplers import ProbabilitySampler\n    from opencensus.trace.tracer import Tracer\n"
            "except ImportError:\n    class Tracer:\n        pass\n\ntracer = Tracer(sampler=ProbabilitySampler(1.0))\n",
            "`Tracer` is a class of this file where the import fails, in line 5: delete that class",
            id="a class that stands in for OpenCensus's",
        ),
        pytest.param(
            "from opencensus.trace.ext.grpc import client_interceptor\n\nclient_interceptor.OpenCensusClientInterceptor()\n",
            "Later ones have `opencensus.ext.grpc.client_interceptor.OpenCensusClientInterceptor`",
            id="an integration of an early release",
        ),
    ],
)
def test_what_is_asked(text, question):
    """The question names what stands in the way and, where there is one, the way out."""
    assert any(question in each.text for each in rewrite_text(text.encode()).left)


def test_many_obstacles():
    """Of many places that keep a tracer from changing, a report names the first ones."""
    head = "from opencensus.trace.samplers import AlwaysOnSampler\nfrom opencensus.trace.tracer import Tracer\n\ntracer = Tracer(sampler=AlwaysOnSampler())\n"
    result = rewrite_text((head + "".join(f"print([tracer, {number}])\n" for number in range(40))).encode())
    (text,) = {each.text for each in result.left if each.rule == "T001"}
    assert text.count("it is kept in a collection") == 4
    assert text.endswith("; and others")
