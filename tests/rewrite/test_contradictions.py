"""Places of a program that set the same signal up: alike they become equal calls, else tracers go several ways, and one question names the others."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite

_TRACER = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import samplers
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter({0}), sampler=samplers.{1})
"""
_FLASK = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace import samplers

FlaskMiddleware(app, exporter=AzureExporter({0}), sampler=samplers.{1})
"""
_FASTAPI = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace import samplers

app.add_middleware(FastAPIMiddleware, exporter=AzureExporter({0}), sampler=samplers.{1})
"""
_METRICS = """\
from opencensus.ext.azure import metrics_exporter
from opencensus.stats import stats

stats.stats.view_manager.register_exporter(metrics_exporter.new_metrics_exporter({0}))
"""
_NEW = """\
from appinsights_exporter import configure
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased

configure({0}signals=["traces"], sampler={1})
"""


def _run(tmp_path, first, second):
    """Return what becomes of two files of a program, of which the second imports the first."""
    (tmp_path / "first.py").write_text(first, encoding="utf-8")
    (tmp_path / "second.py").write_text(f"import first\n{second}", encoding="utf-8")
    result = rewrite([str(tmp_path)], Options(shape=True))
    texts = {path.rpartition("/")[2]: data.decode() for path, data in result.after.items()}
    return texts, [each for each in result.left if each.rule[0] != "A" or each.rule == "A010"]


_ON, _HALF = "ParentBased(ALWAYS_ON)", "ParentBased(TraceIdRatioBased(0.5))"


@pytest.mark.parametrize(
    ("first", "second", "lines"),
    [
        pytest.param(
            _TRACER.format("", "AlwaysOnSampler()"),
            _TRACER.format("", "ProbabilitySampler(0.5)"),
            [f"tracer = SpanPipeline().tracer_provider(sampler={each}).get_tracer(__name__)" for each in (_ON, _HALF)],
            id="two tracers",
        ),
        pytest.param(
            _TRACER.format("connection_string=A", "AlwaysOnSampler()"),
            _TRACER.format("", "AlwaysOnSampler()"),
            [
                "tracer = SpanPipeline(connection_string=A).tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)",
                "tracer = SpanPipeline().tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)",
            ],
            id="one names a resource",
        ),
        pytest.param(
            _TRACER.format("instrumentation_key='a'", "AlwaysOnSampler()"),
            _FLASK.format("instrumentation_key='b'", "ProbabilitySampler(0.1)"),
            [
                f'tracer = SpanPipeline(connection_string="InstrumentationKey=a").tracer_provider(sampler={_ON}).get_tracer(__name__)',
                (
                    "FlaskInstrumentor().instrument_app(app, tracer_provider="
                    'SpanPipeline(connection_string="InstrumentationKey=b").tracer_provider(sampler=ParentBased(TraceIdRatioBased(0.1))))'
                ),
            ],
            id="a middleware",
        ),
        pytest.param(
            _FASTAPI.format("", "AlwaysOnSampler()"),
            _FLASK.format("", "AlwaysOffSampler()"),
            [
                (
                    "FastAPIInstrumentor.instrument_app(app, tracer_provider=SpanPipeline().tracer_provider(sampler=ALWAYS_ON)"
                    ', exclude_spans=["receive", "send"])'
                ),
                "FlaskInstrumentor().instrument_app(app, tracer_provider=SpanPipeline().tracer_provider(sampler=ALWAYS_OFF))",
            ],
            id="two middlewares",
        ),
    ],
)
def test_contradicting_set_ups_are_pipelines_of_their_own(tmp_path, first, second, lines):
    """Neither becomes `configure`, which would fail where it is called second."""
    texts, left = _run(tmp_path, first, second)
    assert left == []
    assert [texts[name].splitlines()[-1] for name in ("first.py", "second.py")] == lines


_THREAD = """\
from opencensus.ext.azure import metrics_exporter
from opencensus.metrics import transport
from opencensus.metrics.export.gauge import Registry

registry = Registry()
transport.get_exporter_thread([registry], metrics_exporter.MetricsExporter({0}))
"""


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        pytest.param(_METRICS.format("connection_string=A"), _METRICS.format("connection_string=B"), "connection string", id="resources"),
        pytest.param(_METRICS.format("export_interval=5"), _METRICS.format(""), "interval", id="intervals"),
        pytest.param(_METRICS.format(""), _THREAD.format(""), "interval", id="a minute, and that of a registered exporter"),
    ],
)
def test_contradicting_metrics_are_one_question(tmp_path, first, second, name):
    """Neither becomes `configure`; the first one asks and names the other, which waits for the answer."""
    texts, left = _run(tmp_path, first, second)
    assert not any("configure(" in text for text in texts.values())
    (asked,) = [each for each in left if each.why == "decide"]
    assert asked.path.endswith("first.py")
    assert asked.text.startswith(f"Which {name} is meant?")
    assert "second.py:" in asked.text
    (waits,) = [each for each in left if each.why == "keep"]
    assert waits.path.endswith("second.py")
    assert f"first.py:{asked.line}" in waits.text


def test_what_is_rewritten_counts_too(tmp_path):
    """A tracer that contradicts a call of `configure` goes a way of its own."""
    texts, left = _run(tmp_path, _NEW.format("", "ParentBased(TraceIdRatioBased(0.5))"), _TRACER.format("", "AlwaysOnSampler()"))
    assert left == []
    assert list(texts) == ["second.py"]
    assert "SpanPipeline().tracer_provider(sampler=ParentBased(ALWAYS_ON))" in texts["second.py"]


@pytest.mark.parametrize(
    "settings",
    [
        "{'TRACE': {'EXPORTER': AzureExporter(), 'SAMPLER': samplers.AlwaysOffSampler()}}",
        "{'TRACE': {'EXPORTER': 'opencensus.ext.azure.trace_exporter.AzureExporter()', 'SAMPLER': 'opencensus.trace.samplers.AlwaysOffSampler()'}}",
    ],
)
def test_settings_that_contradict_a_tracer_are_a_pipeline(tmp_path, settings):
    """What settings name, in code or in text, goes a way of its own."""
    flask = _FLASK.format("", "AlwaysOnSampler()").replace(
        "FlaskMiddleware(app, exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler())\n", ""
    )
    texts, left = _run(
        tmp_path, _TRACER.format("", "AlwaysOnSampler()"), f"{flask}app.config['OPENCENSUS'] = {settings}\nFlaskMiddleware(app)\n"
    )
    assert left == []
    assert "tracer = SpanPipeline().tracer_provider(" in texts["first.py"]
    assert "app.config" not in texts["second.py"]
    assert texts["second.py"].endswith(
        "FlaskInstrumentor().instrument_app(app, tracer_provider=SpanPipeline().tracer_provider(sampler=ALWAYS_OFF))\n"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(_TRACER.format("", "ProbabilitySampler(1)"), _FLASK.format("", "AlwaysOnSampler()"), id="samplers that take all"),
        pytest.param(
            "import os\n" + _TRACER.format("connection_string=os.environ['APPLICATIONINSIGHTS_CONNECTION_STRING']", "AlwaysOnSampler()"),
            _TRACER.format("", "AlwaysOnSampler()"),
            id="the environment's",
        ),
        pytest.param(
            "KEY = 'k'\n" + _TRACER.format("instrumentation_key=KEY", "AlwaysOnSampler()"),
            _TRACER.format("connection_string='InstrumentationKey=' + first.KEY", "AlwaysOnSampler()"),
            id="a key",
        ),
        pytest.param(
            _NEW.format("", "ParentBased(TraceIdRatioBased(0.5))"), _TRACER.format("", "ProbabilitySampler(rate=0.5)"), id="rewritten"
        ),
        pytest.param(_TRACER.format("connection_string=A", "AlwaysOnSampler()"), _METRICS.format("connection_string=B"), id="two signals"),
    ],
)
def test_equal_set_ups_are_equal_calls(tmp_path, first, second):
    """The call of `configure` may be repeated, so that each file keeps what it sets up."""
    texts, left = _run(tmp_path, first, second)
    assert left == []
    assert all("opencensus" not in text and "configure(" in text for text in texts.values())
    assert "second.py" in texts
