"""What real clients of the retired SDK do with traces, each as a program of its own."""

from __future__ import annotations

import pytest

SETUP = """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context, samplers
from opencensus.trace import span as span_module
from opencensus.trace.tracer import Tracer
"""

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def _tree(rows):
    """Return name -> name of the parent, None for a root, the id of a parent that is not there."""
    names = {row["id"]: row["name"] for row in rows if row.get("id")}
    return {row["name"]: names.get(row["operation_ParentId"], row["operation_ParentId"]) or None for row in rows}


def test_product_documentation(run, run_program):
    """The two programs of the product's documentation: one prints SpanData, one delivers."""
    printed = run_program(
        """
        from opencensus.trace.samplers import ProbabilitySampler
        from opencensus.trace.tracer import Tracer

        tracer = Tracer(sampler=ProbabilitySampler(1.0))
        with tracer.span(name="test") as span:
            for value in range(2):
                with tracer.span(name="inner"):
                    pass
        """
    )
    lines = printed.splitlines()
    assert [line.split(",")[0] for line in lines] == ["[SpanData(name='inner'", "[SpanData(name='inner'", "[SpanData(name='test'"]
    assert "context=SpanContext(trace_id=" in lines[0]
    rows = run(SETUP + "with Tracer(exporter=AzureExporter(), sampler=samplers.ProbabilitySampler(1.0)).span(name='hello'):\n    pass\n", 1)
    assert [(row["table"], row["name"], row["type"]) for row in rows] == [("dependencies", "hello", "INPROC")]


def test_azure_core_plugin(run):
    """A wrapper that enters and leaves spans by hand, switches the current span, writes headers and carries context into threads."""
    rows = run(
        SETUP
        + """
import threading
from concurrent.futures import ThreadPoolExecutor
from opencensus.trace.link import Link
from opencensus.trace.propagation import binary_format
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator

exporter = AzureExporter()

# What the threading integration does.
start, work, submit = threading.Thread.start, threading.Thread.run, ThreadPoolExecutor.submit

def wrapped_start(self):
    self._captured = execution_context.get_opencensus_full_context()
    return start(self)

def wrapped_run(self):
    execution_context.set_opencensus_full_context(*self._captured)
    return work(self)

def wrapped_submit(self, call, *args):
    tracer = execution_context.get_opencensus_tracer()
    header = binary_format.BinaryFormatPropagator().to_header(tracer.span_context)
    sampler, exporter, propagator = tracer.sampler, tracer.exporter, tracer.propagator

    def traced(*args):
        context = binary_format.BinaryFormatPropagator().from_header(header)
        inner = Tracer(span_context=context, sampler=sampler, exporter=exporter, propagator=propagator)
        execution_context.set_opencensus_tracer(inner)
        with inner.span(name="job"):
            result = call(*args)
        execution_context.clean()
        return result

    return submit(self, traced, *args)

threading.Thread.start, threading.Thread.run, ThreadPoolExecutor.submit = wrapped_start, wrapped_run, wrapped_submit

class Wrapper:
    def __init__(self, name, kind=None, links=None):
        tracer = execution_context.get_opencensus_tracer()
        self.span = tracer.start_span(name=name)
        if kind is not None:
            self.span.span_kind = kind
        if links is not None:
            self.span.links = links

    def __enter__(self):
        self.span.__enter__()
        return self

    def __exit__(self, *error):
        self.span.__exit__(*error)

    def headers(self):
        tracer = execution_context.get_opencensus_tracer()
        return tracer.propagator.to_headers(tracer.span_context)

Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler())
with Wrapper("client method") as outer:
    with Wrapper("HTTP", span_module.SpanKind.CLIENT, [Link("%(trace)s", "%(parent)s")]) as http:
        traceparent = http.headers()["traceparent"]
        assert traceparent == TraceContextPropagator().to_headers(execution_context.get_opencensus_tracer().span_context)["traceparent"]
        assert traceparent.split("-")[2] == http.span.span_id
        current = execution_context.get_current_span()
        current.add_link(Link("%(parent)s" * 2, "%(parent)s"))
        execution_context.set_current_span(outer.span)
        with Wrapper("beside"):
            pass
        execution_context.set_current_span(current)
    thread = threading.Thread(target=lambda: Wrapper("in thread").__exit__(None, None, None))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: Wrapper("in pool").__exit__(None, None, None)).result()
    try:
        with Wrapper("failing"):
            raise ValueError("no")
    except ValueError:
        pass
assert execution_context.get_current_span() is None
""".replace("%(trace)s", TRACE).replace("%(parent)s", PARENT),
        7,
    )
    assert _tree(rows) == {
        "client method": None,
        "HTTP": "client method",
        "beside": "client method",
        "in thread": "client method",
        "job": "client method",
        "in pool": "job",
        "failing": "client method",
    }
    assert len({row["operation_Id"] for row in rows}) == 1
    [http] = [row for row in rows if row["name"] == "HTTP"]
    assert http["customDimensions"]["_MS.links"].count(PARENT) == 4
    assert {row["name"]: row["success"] for row in rows}["failing"] == "False"


def test_machine_learning_server(run):
    """An inference server that assigns id, start time and a plain dict of attributes to a live span."""
    [row] = run(
        SETUP
        + """
import datetime, logging, os
logging.disable(logging.WARNING)
key = os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"].split(";")[0].split("=")[1]
tracer = Tracer(exporter=AzureExporter(instrumentation_key=key), sampler=samplers.ProbabilitySampler(1.0))
span = tracer.start_span("POST /score")
span.span_id = "f00dfeedf00dfeed"
span.span_kind = span_module.SpanKind.SERVER
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=90)
span.start_time = start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
span.attributes = {"http.method": "POST", "http.url": "http://host/score", "http.status_code": 200, "Workspace Name": "w", "Chars": 12}
tracer.end_span()
""",
        1,
    )
    assert (row["table"], row["id"], row["resultCode"], row["url"]) == ("requests", "f00dfeedf00dfeed", "200", "http://host/score")
    assert 90_000 <= row["duration"] < 100_000
    assert (row["customDimensions"]["Workspace Name"], row["customDimensions"]["Chars"]) == ("w", "12")


def test_functions_extension(run):
    """An extension that continues the host's trace, and whose exporter the application adds a processor to."""
    rows = run(
        SETUP
        + f"""
from types import SimpleNamespace
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator

class Extension:
    _exporter = AzureExporter()

    @classmethod
    def before(cls, context):
        remote = TraceContextPropagator().from_headers({{"traceparent": context.Traceparent, "tracestate": context.Tracestate}})
        context.tracer = Tracer(span_context=remote, exporter=cls._exporter, sampler=samplers.ProbabilitySampler(1.0))

Extension._exporter.add_telemetry_processor(lambda envelope: envelope.tags.__setitem__("ai.cloud.role", "function"))
for flag in ("01", "00"):
    context = SimpleNamespace(Traceparent="00-{TRACE}-{PARENT}-" + flag, Tracestate="")
    Extension.before(context)
    with context.tracer.span("work " + flag):
        pass
""",
        2,
    )
    assert [(row["name"], row["operation_Id"], row["operation_ParentId"], row["cloud_RoleName"]) for row in rows] == [
        ("work 01", TRACE, PARENT, "function"),
        ("work 00", TRACE, PARENT, "function"),
    ]


@pytest.mark.parametrize("when", ["first", "later"])
def test_gevent_compatibility(run, when):
    """A program that puts the thread-local runtime context in its place, before or after the tracer is imported.

    A tracer that a thread shares continues its last open span, with or without `with_current_context`, as in OpenCensus.
    """
    replace = """
import opencensus.common.runtime_context as runtime_context
runtime_context.RuntimeContext = runtime_context._ThreadLocalRuntimeContext()
"""
    rows = run(
        (replace + SETUP if when == "first" else SETUP + replace)
        + """
import threading
tracer = Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler())
assert execution_context.get_opencensus_tracer() is tracer
def work():
    with tracer.span("inner"):
        execution_context.set_opencensus_attr("k", "v")
        assert execution_context.get_opencensus_attr("k") == "v"
with tracer.span("outer"):
    thread = threading.Thread(target=runtime_context.RuntimeContext.with_current_context(work) if WHEN == "first" else work)
    thread.start()
    thread.join()
    assert execution_context.get_opencensus_attrs() == {}
assert execution_context.get_current_span() is None
""".replace("WHEN", repr(when)),
        2,
    )
    assert _tree(rows) == {"outer": None, "inner": "outer"}


def test_exporters_with_a_transport(run_program):
    """Exporters as for Zipkin and Jaeger: `transport` and `emit`, sync, async, and an async transport of their own with `wait_period`."""
    printed = run_program(
        """
        from opencensus.common.transports import async_, sync
        from opencensus.common.utils import timestamp_to_microseconds
        from opencensus.trace import base_exporter, samplers
        from opencensus.trace.tracer import Tracer

        class Patient(async_.AsyncTransport):
            def __init__(self, exporter):
                super().__init__(exporter, max_batch_size=2, wait_period=0.01)

        class Zipkin(base_exporter.Exporter):
            def __init__(self, transport):
                self.batches = []
                self.transport = transport(self)

            def emit(self, span_datas):
                self.batches.append([(sd.name, sd.parent_span_id is None, self.duration(sd) >= 0) for sd in span_datas])

            def duration(self, sd):
                return timestamp_to_microseconds(sd.end_time) - timestamp_to_microseconds(sd.start_time)

            def export(self, span_datas):
                self.transport.export(span_datas)

        for transport in (sync.SyncTransport, async_.AsyncTransport, Patient):
            exporter = Zipkin(transport)
            tracer = Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler())
            with tracer.span("a"), tracer.span("b"):
                pass
            if transport is not sync.SyncTransport:
                exporter.transport.flush()
            print([item for batch in exporter.batches for item in batch])
        """
    )
    assert printed == "[('b', False, True), ('a', True, True)]\n" * 3


@pytest.mark.parametrize("where", ["AzureExporter", "exporter"], ids=["on the class", "on the object"])
def test_etl_pipeline(run, where):
    """A pipeline that replaces the whole conversion and pops what it needs from the attributes."""
    rows = run(
        SETUP
        + """
from opencensus.ext.azure.common import utils
from opencensus.ext.azure.common.protocol import Data, Envelope, Request

def convert(self, sd):
    envelope = Envelope(iKey=self.options.instrumentation_key, tags=dict(utils.azure_monitor_context), time=sd.start_time)
    envelope.tags["ai.operation.id"] = sd.context.trace_id
    if sd.parent_span_id:
        envelope.tags["ai.operation.parentId"] = sd.parent_span_id
    envelope.name = "Microsoft.ApplicationInsights.Request"
    data = Request(id=sd.span_id, duration=utils.timestamp_to_duration(sd.start_time, sd.end_time), responseCode="0", success=True,
                   name=sd.attributes.pop("activity", sd.name), properties={})
    data.properties.update(sd.attributes)
    envelope.data = Data(baseData=data, baseType="RequestData")
    yield envelope

exporter = AzureExporter()
WHERE.span_data_to_envelope = convert if WHERE is AzureExporter else convert.__get__(exporter)
tracer = Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler())
tracer.start_span("pipeline")
tracer.add_attribute_to_current_span("rows", 8)
tracer.start_span("step")
tracer.add_attribute_to_current_span("activity", "copy")
tracer.finish()
""".replace("WHERE", where),
        2,
    )
    assert [(row["table"], row["name"]) for row in rows] == [("requests", "pipeline"), ("requests", "copy")]
    assert rows[0]["customDimensions"] == {"rows": "8"}
    assert _tree(rows) == {"pipeline": None, "copy": "pipeline"}


ASGI = """
import asyncio

class Middleware:
    def __init__(self, app):
        self.app = app
        self.exporter = AzureExporter()

    async def __call__(self, scope, receive, send):
        tracer = Tracer(exporter=self.exporter, sampler=samplers.ProbabilitySampler(1.0))
        with tracer.span("main") as span:
            span.span_kind = span_module.SpanKind.SERVER
            span.add_attribute("http.method", scope["method"])
            span.add_attribute("http.route", scope["path"])
            span.add_attribute("headers", [["host", "a"], ["x", "b"]])
            span.add_attribute("tags", ["a", "b"])
            span.add_attribute("user", {"id": 7, "roles": ["x"]})
            status = await self.app(scope, receive, send)
            span.add_attribute("http.status_code", status)
            seen.append((span.context_tracer.trace_id, tracer.span_context.trace_id))

async def app(scope, receive, send):
    await asyncio.sleep(0)
    with execution_context.get_opencensus_tracer().span("inside " + scope["path"]):
        await asyncio.sleep(0)
    return 200

seen = []
middleware = Middleware(app)

async def main():
    await asyncio.gather(*(middleware({"method": "GET", "path": f"/{n}"}, None, None) for n in range(10)))

asyncio.run(main())
assert all(a == b for a, b in seen), seen
print(*(a for a, b in seen))
"""


def test_fastapi_raw_asgi_middleware(run):
    """A middleware that makes a tracer for each request, sets lists and dicts, and logs `span.context_tracer.trace_id`."""
    rows = run(SETUP + ASGI, 20)
    assert _tree(rows) == {**{f"GET /{n}": None for n in range(10)}, **{f"inside /{n}": f"GET /{n}" for n in range(10)}}
    assert {row["operation_Id"] for row in rows} == set(run.printed.split())
    [one] = [row for row in rows if row["name"] == "GET /3"]
    assert (one["resultCode"], one["success"]) == ("200", "True")
    assert {"headers", "tags", "user"} <= one["customDimensions"].keys()
    assert one["customDimensions"]["user"] == '{"id":7,"roles":["x"]}'


def test_starlette_middleware_with_an_option_that_never_existed(run):
    """`AzureExporter(sampler=...)` is accepted, and the log says once that it has no effect."""
    rows = run(
        """
import logging
class Print(logging.Handler):
    def emit(self, record):
        print(record.getMessage())
logging.getLogger("opencensus_compat").addHandler(Print())
"""
        + SETUP
        + """
def dispatch(name):
    exporter = AzureExporter(sampler=samplers.ProbabilitySampler(1.0))
    with Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()).span(name) as span:
        span.span_kind = span_module.SpanKind.SERVER
        span.add_attribute("http.url", "http://host/" + name)
        try:
            raise KeyError(name)
        except KeyError as error:
            span.add_attribute("error.name", type(error).__name__)
            span.add_attribute("error.message", str(error))
            span.add_attribute("stacktrace", "Traceback ...")
dispatch("a")
dispatch("b")
""",
        4,
    )
    assert run.printed.count("sampler") == 1
    assert [row["table"] for row in rows].count("exceptions") == 2
    assert {row["url"] for row in rows if row["table"] == "requests"} == {"http://host/a", "http://host/b"}


def test_an_exporter_for_every_request(run):
    """A service that makes exporter and tracer anew for each of 200 requests keeps its threads, and every span arrives."""
    rows = run(
        SETUP
        + """
import threading
counts = []
for number in range(200):
    tracer = Tracer(exporter=AzureExporter(export_interval=0.1), sampler=samplers.AlwaysOnSampler())
    with tracer.span(str(number)):
        pass
    counts.append(threading.active_count())
print(max(counts))
""",
        200,
    )
    assert run.printed == "2\n"
    assert len({row["operation_Id"] for row in rows}) == 200


def test_django_settings(run):
    """Exporter, sampler and propagator given as strings of constructor expressions."""
    rows = run(
        """
from opencensus.common import configuration
from opencensus.trace import execution_context
from opencensus.trace import span as span_module
from opencensus.trace.tracer import Tracer

TRACE = {
    "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",
    "EXPORTER": "opencensus.ext.azure.trace_exporter.AzureExporter(export_interval=0.5)",
    "PROPAGATOR": "opencensus.trace.propagation.trace_context_http_header_format.TraceContextPropagator()",
}
made = {key: configuration.load(value) for key, value in TRACE.items()}
assert type(made["EXPORTER"]).__module__ == "opencensus_compat.ext.azure.trace_exporter"

def process_request(headers):
    context = made["PROPAGATOR"].from_headers(headers)
    tracer = Tracer(span_context=context, sampler=made["SAMPLER"], exporter=made["EXPORTER"], propagator=made["PROPAGATOR"])
    span = tracer.start_span()
    span.span_kind = span_module.SpanKind.SERVER
    tracer.add_attribute_to_current_span("http.method", "GET")

def process_view(name):
    execution_context.get_current_span().name = name

def process_response(status):
    execution_context.get_current_span().add_attribute("http.status_code", status)
    tracer = execution_context.get_opencensus_tracer()
    tracer.end_span()
    tracer.finish()
    execution_context.clear()

for number, headers in enumerate([{}, {"traceparent": "00-TRACEID-PARENTID-01"}, {}]):
    process_request(headers)
    process_view(f"view {number}")
    process_response(200 + number)
""".replace("TRACEID", TRACE).replace("PARENTID", PARENT),
        3,
    )
    assert [(row["table"], row["resultCode"], row["operation_ParentId"] or None) for row in rows] == [
        ("requests", "200", None),
        ("requests", "201", PARENT),
        ("requests", "202", None),
    ]
    assert len({row["operation_Id"] for row in rows}) == 3


def test_graphene_tornado(run):
    """Google's header format, with the execution context set by hand around callbacks."""
    rows = run(
        SETUP
        + f"""
from opencensus.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator

propagator = GoogleCloudFormatPropagator()
context = propagator.from_headers({{"X-Cloud-Trace-Context": "{TRACE}/{int(PARENT, 16)};o=1"}})
tracer = Tracer(span_context=context, sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(), propagator=propagator)
execution_context.clear()
assert execution_context.get_current_span() is None
execution_context.set_opencensus_tracer(tracer)
span = tracer.start_span("query")
execution_context.set_current_span(None)

def resolve(name):
    execution_context.set_opencensus_tracer(tracer)
    execution_context.set_current_span(span)
    with execution_context.get_opencensus_tracer().span(name):
        headers = tracer.propagator.to_headers(tracer.span_context)
    return headers["X-Cloud-Trace-Context"]

assert resolve("field a").startswith("{TRACE}/")
resolve("field b")
tracer.end_span()
""",
        3,
    )
    tree = _tree(rows)
    assert {tree.pop("field a"), tree.pop("field b")} == {"query"}
    assert {row["operation_Id"] for row in rows} == {TRACE}


def test_one_tracer_for_all_requests(run):
    """A middleware with one shared tracer under threads: requests are apart, each with its own child."""
    rows = run(
        SETUP
        + """
import threading
from concurrent.futures import ThreadPoolExecutor
tracer = Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler())
barrier = threading.Barrier(8)

def request(number):
    span = tracer.start_span(name=f"request {number}")
    span.span_kind = span_module.SpanKind.SERVER
    span.add_attribute("http.method", f"GET{number}")
    barrier.wait()
    with tracer.span(f"query {number}"):
        barrier.wait()
    tracer.end_span()

with ThreadPoolExecutor(8) as pool:
    list(pool.map(request, range(40)))
""",
        80,
    )
    assert _tree(rows) == {**{f"GET{n}": None for n in range(40)}, **{f"query {n}": f"GET{n}" for n in range(40)}}
    assert len({row["operation_Id"] for row in rows}) == 40


def test_integration_settings(run_program):
    """`trace_integrations` with an integration that is not installed raises nothing; `_Integrations` counts what is used."""
    run_program(
        """
        import logging
        logging.disable(logging.CRITICAL)
        from opencensus.trace import config_integration, integrations
        config_integration.trace_integrations(["no_such_library"])
        assert integrations._Integrations.DJANGO == 1
        integrations.add_integration(integrations._Integrations.FLASK)
        assert integrations.get_integrations() & integrations._Integrations.FLASK
        """
    )
