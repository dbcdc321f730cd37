"""Exporters that `configure` cannot stand for: where they become pipelines, whatever way they take to their tracers."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text

_HEAD = """\
import functools
import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.tracer import Tracer

"""
_ON, _OFF = "sampler=ParentBased(ALWAYS_ON)", "sampler=ParentBased(ALWAYS_OFF)"

_WAYS = {
    "a cached function": (
        """\
        @functools.lru_cache(maxsize=None)
        def get_exporter():
            exporter = AzureExporter()
            return exporter

        tracer = Tracer(exporter=get_exporter(), sampler=AlwaysOnSampler())
        quiet_tracer = Tracer(exporter=get_exporter(), sampler=AlwaysOffSampler())
        """,
        [f"tracer = get_exporter().tracer_provider({_ON})", f"quiet_tracer = get_exporter().tracer_provider({_OFF})"],
    ),
    "one that is made when it is asked for": (
        """\
        _exporter = None

        def get_exporter():
            global _exporter
            if _exporter is None:
                _exporter = AzureExporter()
            return _exporter

        tracer = Tracer(exporter=get_exporter(), sampler=AlwaysOnSampler())
        """,
        ["_exporter = SpanPipeline()", "tracer = get_exporter().tracer_provider(sampler=ALWAYS_ON)"],
    ),
    "a parameter": (
        """\
        def make(exporter, rate):
            return Tracer(exporter=exporter, sampler=ProbabilitySampler(rate))

        tracer = make(AzureExporter(), 0.5)
        other_tracer = make(AzureExporter(timeout=5), 1.0)
        """,
        [
            "return exporter.tracer_provider(sampler=ParentBased(TraceIdRatioBased(rate)))",
            "tracer = make(SpanPipeline(), 0.5)",
            "other_tracer = make(SpanPipeline(timeout=5), 1.0)",
        ],
    ),
    "a function of a function": (
        """\
        def base():
            return AzureExporter()

        def named(role):
            exporter = base()
            exporter.add_telemetry_processor(role)
            return exporter

        tracer = Tracer(exporter=named(print), sampler=AlwaysOnSampler())
        """,
        [
            "return SpanPipeline()",
            "exporter.add_telemetry_processor(role)",
            "tracer = named(print).tracer_provider(sampler=ALWAYS_ON)",
        ],
    ),
    "a property": (
        """\
        class Shop:
            @property
            def exporter(self):
                return AzureExporter(timeout=5)

            def get_tracer(self, on):
                sampler = AlwaysOnSampler()
                if not on:
                    sampler = AlwaysOffSampler()
                return Tracer(exporter=self.exporter, sampler=sampler)

        tracer = Shop().get_tracer(True)
        other_tracer = Shop().get_tracer(False)
        """,
        ["return SpanPipeline(timeout=5)", "return self.exporter.tracer_provider(sampler=sampler)", f"{_OFF.replace('=', ' = ', 1)}"],
    ),
    "objects in a loop": (
        """\
        class Shop:
            def __init__(self, on):
                self.exporter = AzureExporter()
                self.sampler = AlwaysOnSampler() if on else AlwaysOffSampler()

            def get_tracer(self):
                return Tracer(exporter=self.exporter, sampler=self.sampler)

        for shop in (Shop(True), Shop(False)):
            tracer = shop.get_tracer()
            with tracer.span(name="sell"):
                pass
        """,
        ["return self.exporter.tracer_provider(sampler=self.sampler)", 'with tracer.start_as_current_span("sell"):'],
    ),
    "an attribute of an object": (
        """\
        class Shop:
            def __init__(self, role):
                self.exporter = AzureExporter()
                self.exporter.add_telemetry_processor(role)

        web, jobs = Shop(print), Shop(repr)
        tracer = Tracer(exporter=web.exporter, sampler=AlwaysOnSampler())
        job_tracer = Tracer(exporter=jobs.exporter, sampler=AlwaysOnSampler())
        """,
        ["self.exporter = SpanPipeline()", "job_tracer = jobs.exporter.tracer_provider(sampler=ALWAYS_ON)"],
    ),
    "samplers of a dict": (
        """\
        SAMPLERS = {"on": AlwaysOnSampler(), "off": AlwaysOffSampler()}

        def make(mode):
            return Tracer(exporter=AzureExporter(), sampler=SAMPLERS[mode])

        tracer = make("on")
        other_tracer = make("off")
        """,
        [
            'SAMPLERS = {"on": ParentBased(ALWAYS_ON), "off": ParentBased(ALWAYS_OFF)}',
            "SpanPipeline().tracer_provider(sampler=SAMPLERS[mode])",
        ],
    ),
    "none in a branch": (
        """\
        def make(key):
            if key:
                exporter = AzureExporter(connection_string=key)
            else:
                exporter = None
            return Tracer(exporter=exporter, sampler=AlwaysOnSampler())

        tracer = make(os.environ.get("KEY"))
        """,
        [
            "exporter = SpanPipeline(connection_string=key)",
            (
                "return (exporter.tracer_provider(sampler=ALWAYS_ON) if exporter is not None else "
                "TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)).get_tracer(__name__)"
            ),
        ],
    ),
    "a trace from outside": (
        """\
        from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator

        def handle(headers, sampler):
            tracer = Tracer(span_context=TraceContextPropagator().from_headers(headers), exporter=AzureExporter(), sampler=sampler)
            with tracer.span(name="sell"):
                pass

        handle({}, AlwaysOnSampler())
        handle({}, AlwaysOffSampler())
        """,
        [
            "handle({}, ParentBased(ALWAYS_ON, remote_parent_not_sampled=ALWAYS_ON))",
            "handle({}, ParentBased(ALWAYS_OFF, remote_parent_sampled=ALWAYS_OFF))",
            'with tracer.start_as_current_span("sell", context=propagate.extract(headers)):',
        ],
    ),
}


@pytest.mark.parametrize(("before", "parts"), _WAYS.values(), ids=_WAYS)
def test_an_exporter_becomes_a_pipeline(before, parts):
    """It is made where it was made, and its tracers are made of it; a second run changes nothing."""
    result = rewrite_text((_HEAD + dedent(before)).encode(), options=Options(shape=True))
    text = result.after["<stdin>"].decode()
    assert result.left == []
    assert [part for part in parts if part not in text] == []
    assert "opencensus" not in text
    ast.parse(text)
    assert rewrite_text(text.encode(), options=Options(shape=True)).after == {}


_UNKNOWN = {
    "an exporter from elsewhere": "off = Tracer(exporter=plugins.exporter(), sampler=AlwaysOffSampler())\n",
    "something else that is done with it": "print(exporter.options.endpoint)\nexporter.export([])\n",
    "no sampler in a branch": "sampler = AlwaysOffSampler()\nif dry:\n    sampler = None\noff = Tracer(exporter=exporter, sampler=sampler)\n",
}


@pytest.mark.parametrize("more", _UNKNOWN.values(), ids=_UNKNOWN)
def test_what_is_not_known_stays(more):
    """An exporter with its tracers waits where one of them, or what is done with it, is not known."""
    made = "exporter = AzureExporter()\nexporter.add_telemetry_processor(role('a'))\ntracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n"
    result = rewrite_text((_HEAD + made + more).encode(), options=Options(shape=True, markers=False))
    assert result.left
    left = result.after.get("<stdin>", b"").decode()
    assert more in (left or more)


def test_libraries_take_the_latest_provider(tmp_path):
    """Where tracers go several ways, instrumentations and the tracer of the context go with the latest one, also from other files."""
    (tmp_path / "tracing.py").write_text(
        f"{_HEAD}tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())\n"
        "rare_tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(0.1))\n",
        encoding="utf-8",
    )
    (tmp_path / "app.py").write_text(
        "import tracing\nfrom opencensus.trace import config_integration, execution_context\n\n"
        "config_integration.trace_integrations(['requests'])\nwith execution_context.get_opencensus_tracer().span(name='a'):\n    pass\n",
        encoding="utf-8",
    )
    result = rewrite([str(tmp_path)], Options(shape=True))
    text = result.after[str(tmp_path / "app.py")].decode()
    assert result.left == []
    assert "RequestsInstrumentor().instrument(tracer_provider=latest_provider())\n" in text
    assert "with latest_provider().get_tracer(__name__).start_as_current_span('a'):\n" in text


def test_a_file_alone_waits_for_tracers_that_go_several_ways(tmp_path):
    """A tracer of its own would send its spans another way."""
    (tmp_path / "tracing.py").write_text(
        f"{_HEAD}tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())\n"
        "rare_tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(0.1))\n",
        encoding="utf-8",
    )
    app = tmp_path / "app.py"
    app.write_text("from tracing import rare_tracer\n\nwith rare_tracer.span(name='a'):\n    pass\n", encoding="utf-8")
    result = rewrite([str(app)], Options(shape=True))
    assert result.after == {}
    assert [each.rule for each in result.left] == ["T010"]
