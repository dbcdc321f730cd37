"""Exporters of other makers, with `--include` and the id of their rule: OpenTelemetry's exporter, to the same place."""

from __future__ import annotations

import pytest

from opencensus_compat import _cli
from opencensus_compat.rewrite.rewriting import Options, rewrite, rewrite_text
from opencensus_compat.rewrite.rules.exporters.makers import ACCEPTABLE

_IMPORTS = """\
from opencensus.common.transports.async_ import AsyncTransport
from opencensus.ext.datadog.traces import DatadogTraceExporter, Options
from opencensus.ext.jaeger.trace_exporter import JaegerExporter
from opencensus.ext.ocagent.trace_exporter import TraceExporter
from opencensus.ext.stackdriver.trace_exporter import StackdriverExporter
from opencensus.ext.zipkin.trace_exporter import ZipkinExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
"""
_USE = 'exporter = {}\ntracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())\nwith tracer.span(name="a"):\n    pass\n'


def rewritten(exporter, accepted=ACCEPTABLE):
    """Return what becomes of a program with an exporter, and what a person is asked; a second run changes nothing."""
    options = Options(accepted=accepted, markers=False)
    found = rewrite_text(f"{_IMPORTS}\n{_USE.format(exporter)}".encode(), options=options)
    (text,) = found.after.values()
    assert rewrite_text(text, options=options).after == {}
    return text.decode(), [each.text for each in found.left if each.why == "decide"]


def parts(text):
    """Return what stands in the place of the exporter, and the attributes of the resource."""
    (exporter,) = [line.partition(" = ")[2] for line in text.splitlines() if line.startswith("exporter = ")]
    (resource,) = [line for line in text.splitlines() if "TracerProvider(sampler=" in line]
    return exporter, resource.removeprefix("provider = TracerProvider(sampler=ALWAYS_ON").removesuffix(")").removeprefix(", resource=")


@pytest.mark.parametrize(
    ("before", "after", "resource"),
    [
        ("ZipkinExporter()", 'ZipkinExporter(endpoint="http://localhost:9411/api/v2/spans")', '"service.name": "my_service"'),
        (
            "ZipkinExporter('shop', HOST, 80, '/spans', 'https', AsyncTransport, ipv4='10.0.0.1')",
            "ZipkinExporter(endpoint=f\"https://{HOST}:80/spans\", local_node_ipv4='10.0.0.1')",
            "\"service.name\": 'shop'",
        ),
        ("JaegerExporter(service_name=NAME)", "OTLPSpanExporter()", '"service.name": NAME'),
        (
            "JaegerExporter(host_name='jaeger', port=14268, endpoint='/api/traces?format=jaeger.thrift')",
            'OTLPSpanExporter(endpoint="http://jaeger:4318/v1/traces")',
            '"service.name": "my_service"',
        ),
        (
            "JaegerExporter(agent_host_name=settings.HOST)",
            'OTLPSpanExporter(endpoint=f"http://{settings.HOST}:4318/v1/traces")',
            '"service.name": "my_service"',
        ),
        (
            "TraceExporter('shop', 'web-1', 'agent:55678')",
            'OTLPSpanExporter(endpoint="http://agent:4318/v1/traces")',
            "\"service.name\": 'shop', \"host.name\": 'web-1'",
        ),
        ("StackdriverExporter(project_id='p')", "CloudTraceSpanExporter(project_id='p')", ""),
        (
            "DatadogTraceExporter(Options(service='shop', trace_addr='agent:8126', global_tags={'stack': STACK}))",
            'OTLPSpanExporter(endpoint="http://agent:4318/v1/traces")',
            "\"service.name\": 'shop', 'stack': STACK",
        ),
    ],
    ids=["Zipkin", "all of Zipkin", "Jaeger's agent", "Jaeger's collector", "a host of settings", "the agent", "Stackdriver", "Datadog"],
)
def test_the_counterpart(before, after, resource):
    """Place, service and tags are what they were, and nothing of OpenCensus is left."""
    text, asked = rewritten(before)
    assert parts(text) == (after, f"Resource.create({{{resource}}})" if resource else "")
    assert asked == []
    assert "provider.add_span_processor(BatchSpanProcessor(exporter))\n" in text
    assert "LegacyExporterProcessor" not in text
    assert not [line for line in text.splitlines() if before.partition("(")[0] in line and "opencensus" in line]


@pytest.mark.parametrize(
    ("before", "asked"),
    [
        ("JaegerExporter(username='u', password='p')", "What is the option `password` for?"),
        ("StackdriverExporter(client=client)", "What is the option `client` for?"),
        ("ZipkinExporter(**options)", "Which options of the exporter are in `*` or `**`?"),
        ("ZipkinExporter(port=port())", "Which URL is it?"),
        ("DatadogTraceExporter(options)", "Which service and agent are in the options?"),
        ("DatadogTraceExporter(Options(global_tags=tags))", "Which tags have all spans?"),
        ("TraceExporter('shop', endpoint=agent)", "Which OTLP endpoint takes its place?"),
        ("ZipkinExporter(port=9411) if zipkin else JaegerExporter()", "Is Zipkin still wanted"),
    ],
    ids=["a password", "a client", "stars", "a call in the URL", "options from elsewhere", "tags from elsewhere", "an agent", "one of two"],
)
def test_what_is_asked_all_the_same(before, asked):
    """What has no counterpart, or cannot be seen, stays behind the adapter, and is asked about."""
    text, questions = rewritten(before)
    assert "LegacyExporterProcessor(exporter)" in text
    assert before in text
    assert any(each.startswith(asked) for each in questions)


def test_a_maker_that_is_not_named():
    """Only makers that are named give way."""
    text, asked = rewritten("ZipkinExporter()", frozenset({"V001"}))
    assert "LegacyExporterProcessor(exporter)" in text
    assert len(asked) == 1


def test_requirements(tmp_path):
    """A file of requirements gets the distribution of the exporter."""
    (tmp_path / "app.py").write_text(f"{_IMPORTS}\n{_USE.format('ZipkinExporter()')}")
    (tmp_path / "requirements.txt").write_text("opencensus>=0.11\nopencensus-ext-zipkin==0.2.2\n")
    found = rewrite([str(tmp_path)], Options(accepted=ACCEPTABLE))
    assert b"opentelemetry-exporter-zipkin-json>=1.28.0\n" in found.after[str(tmp_path / "requirements.txt")]


def test_the_command(tmp_path, capsys, monkeypatch):
    """`--include` takes the rule, and `--explain` says so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(f"{_IMPORTS}\n{_USE.format('ZipkinExporter()')}")
    assert _cli.main(["rewrite", "--include", "V002", "app.py"]) == 1
    assert "+exporter = ZipkinExporter(endpoint=" in capsys.readouterr().out
    assert _cli.main(["rewrite", "--explain", "V002"]) == 0
    assert "with --include V002, once its program is" in capsys.readouterr().out


def test_of_a_pipeline():
    """The service of the exporter becomes the resource of its pipeline."""
    text = _IMPORTS + "for each in range(2):\n    tracer = Tracer(exporter=ZipkinExporter('shop'), sampler=AlwaysOnSampler())\n"
    (new,) = rewrite_text(text.encode(), options=Options(accepted=ACCEPTABLE, markers=False)).after.values()
    made = 'SpanPipeline.through(BatchSpanProcessor(ZipkinExporter(endpoint="http://localhost:9411/api/v2/spans")), resource=Resource.create({"service.name": \'shop\'}))'
    assert f"    tracer = {made}.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)\n" in new.decode()
