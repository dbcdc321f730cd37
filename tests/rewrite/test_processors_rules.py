"""Options and telemetry processors of exporters of spans: text before, text after, and what is left."""

from __future__ import annotations

from textwrap import dedent

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_HEAD = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

"""


def _rewrite(text):
    data = (_HEAD + dedent(text)).encode()
    result = rewrite_text(data, options=Options(shape=True))
    return result.after.get("<stdin>", data).decode(), [(each.rule, each.why) for each in result.left]


_OPTIONS = {
    "a connection string with a key only": (
        "connection_string=f'InstrumentationKey={KEY}'",
        "connection_string=f'InstrumentationKey={KEY}', ",
    ),
    "an instrumentation key": ("instrumentation_key=KEY", 'connection_string=f"InstrumentationKey={KEY}" if KEY else None, '),
    "an instrumentation key in text": ("instrumentation_key='k-1'", 'connection_string="InstrumentationKey=k-1", '),
    "batches": (
        "export_interval=5.0, max_batch_size=N, queue_capacity=8",
        "schedule_delay_millis=5000, max_export_batch_size=N, max_queue_size=8, ",
    ),
    "sending and storing": (
        "timeout=3, proxies=P, storage_path=F, enable_local_storage=a or b, minimum_retry_interval=9",
        "timeout=3, proxies=P, storage_directory=F, disable_offline_storage=not (a or b), storage_min_retry_interval=9, ",
    ),
    "what does nothing": ("storage_maintenance_period=9, logging_sampling_rate=0.5, timeout=None", ""),
}


@pytest.mark.parametrize(("before", "after"), _OPTIONS.values(), ids=_OPTIONS)
def test_options_are_arguments(before, after):
    """Each option of an exporter is an argument of `configure`."""
    text, left = _rewrite(f"tracer = Tracer(exporter=AzureExporter({before}), sampler=AlwaysOnSampler())\n")
    assert left == []
    assert text.endswith(f'\nconfigure({after}signals=["traces"], sampler=ALWAYS_ON)\ntracer = trace.get_tracer(__name__)\n')


_BECOME = {
    "a function above": (
        """\
        def set_role(envelope):
            envelope.tags["ai.cloud.role"] = "shop"

        exporter = AzureExporter(timeout=3)
        exporter.add_telemetry_processor(set_role)
        exporter.add_telemetry_processor(processor=rules.no_health)
        tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
        """,
        'configure(timeout=3, telemetry_processors=[set_role, rules.no_health], signals=["traces"], sampler=ALWAYS_ON)',
    ),
    "after the tracer is made": (
        """\
        def set_role(envelope): ...
        exporter = AzureExporter()
        tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
        exporter.add_telemetry_processor(set_role)
        """,
        'configure(telemetry_processors=[set_role], signals=["traces"], sampler=ALWAYS_ON)',
    ),
    "a lambda": (
        """\
        exporter = AzureExporter()
        exporter.add_telemetry_processor(lambda envelope: "health" not in envelope.data.baseData.name)
        tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
        """,
        'configure(telemetry_processors=[lambda envelope: "health" not in envelope.data.baseData.name], signals=["traces"], sampler=ALWAYS_ON)',
    ),
    "of a middleware": (
        """\
        from flask import Flask
        from opencensus.ext.flask.flask_middleware import FlaskMiddleware
        app = Flask(__name__)
        exporter = AzureExporter()
        exporter.add_telemetry_processor(print)
        FlaskMiddleware(app, exporter=exporter, sampler=AlwaysOnSampler())
        """,
        'configure(telemetry_processors=[print], signals=["traces"], sampler=ALWAYS_ON)',
    ),
}


@pytest.mark.parametrize(("before", "call"), _BECOME.values(), ids=_BECOME)
def test_processors_are_an_argument(before, call):
    """The processors of an exporter become an argument of `configure`, in their order, and nothing of the exporter stays."""
    text, left = _rewrite(before)
    assert left == []
    assert call in text.splitlines()
    assert "opencensus" not in text
    assert "exporter." not in text


_TRACER = "tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\n"
_LATER = {
    "made by a call": f"exporter.add_telemetry_processor(Role('shop'))\n{_TRACER}",
    "in a condition": f"if role:\n    exporter.add_telemetry_processor(f)\n{_TRACER}",
    "after spans": f"{_TRACER}with tracer.span('a'):\n    pass\nexporter.add_telemetry_processor(print)\n",
    "defined below the tracer": f"{_TRACER}def f(item): ...\nexporter.add_telemetry_processor(f)\n",
    "a lambda for two": f"exporter.add_telemetry_processor(lambda item: None)\n{_TRACER}other = {_TRACER.removeprefix('tracer = ')}",
}


@pytest.mark.parametrize("before", _LATER.values(), ids=_LATER)
def test_processors_that_configure_cannot_have(before):
    """Where `configure` could not have the processor from the beginning, the exporter becomes a pipeline, and gets it when it got it."""
    text, left = _rewrite(f"exporter = AzureExporter()\n{before}")
    expected = f"exporter = SpanPipeline()\n{before}".replace("tracer.span(", "tracer.start_as_current_span(")
    expected = expected.replace(
        "Tracer(exporter=exporter, sampler=AlwaysOnSampler())", "exporter.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)"
    )
    assert left == []
    assert text.endswith(f"\n\n{expected}")


def test_the_processor_of_nobody_is_asked_about():
    """An exporter that no tracer has stays."""
    text, left = _rewrite("exporter = AzureExporter()\nexporter.add_telemetry_processor(print)\n")
    assert "exporter = AzureExporter()\nexporter.add_telemetry_processor(print)\n" in text
    assert "decide" in {why for _, why in left}


@pytest.mark.parametrize(("more", "goes"), [("", True), ("trace.set_tracer_provider(TracerProvider())\n", False)])
def test_an_exporter_that_nothing_reads(more, goes):
    """It sends nothing and goes, unless a provider of the program has no other one."""
    text, _ = _rewrite(f"exporter = AzureExporter()\n{more}print(1)\n")
    assert ("AzureExporter()" not in text) == goes
