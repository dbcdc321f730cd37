"""Mixed programs under gevent: monkey-patched or not, and with what `opencensus-ext-gevent` does to the runtime context."""

from __future__ import annotations

import json
import socket

import pytest

from opencensus_compat.local import LocalEndpoint

PATCH = "from gevent import monkey\nmonkey.patch_all()\n"
REPLACE = """
import opencensus.common.runtime_context as runtime_context
runtime_context.RuntimeContext = runtime_context._ThreadLocalRuntimeContext()
"""
ASKED = """
from opencensus.ext.gevent.geventcompatibility import patch_opencensus
patch_opencensus(None)
"""
EARLIER = "import opencensus.tags, opencensus.trace.tracer\n"

STARTS = {
    "not patched": "import gevent\n",
    "patched": PATCH,
    "patched, as the package for gevent": PATCH + ASKED,
    "thread-local context": PATCH + REPLACE,
    "thread-local context after the tracer": PATCH + EARLIER + REPLACE,
}
"""What a program does before anything else. `opencensus-ext-gevent` does the fourth when gevent patches the standard library."""

PROGRAM = """
import json, threading

import gevent
import gevent.pool
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

finished = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(finished))
trace.set_tracer_provider(provider)

from opencensus.common.runtime_context import RuntimeContext
from opencensus.trace import base_exporter, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


class Nowhere(base_exporter.Exporter):
    def export(self, span_datas):
        pass


legacy = Tracer(sampler=AlwaysOnSampler(), exporter=Nowhere())
new = trace.get_tracer("new")


def tree():
    spans = finished.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    return {span.name: span.parent and names[span.parent.span_id] for span in spans}
"""

REQUESTS = """
def handle(number):
    execution_context.set_opencensus_attr("request", number)
    with legacy.span(f"request {number}"):
        gevent.sleep(0)
        with new.start_as_current_span(f"service {number}") as span:
            gevent.sleep(0)
            assert execution_context.get_current_span().span_id == f"{span.get_span_context().span_id:016x}"
            gevent.spawn(RuntimeContext.with_current_context(job), number).join()
            with legacy.span(f"call {number}"):
                gevent.sleep(0)
    assert execution_context.get_opencensus_attr("request") == number
    assert execution_context.get_current_span() is None


def job(number):
    assert execution_context.get_opencensus_attr("request") == number
    with legacy.span(f"job {number}"):
        gevent.sleep(0)


gevent.pool.Pool(10).map(handle, range(10))
print(json.dumps(tree()))
"""

THREADS = """
from opencensus.ext.threading import trace as threads
from concurrent.futures import ThreadPoolExecutor

threads.trace_integration()


def work(name):
    gevent.sleep(0)
    with new.start_as_current_span(name):
        gevent.sleep(0)


def handle(number):
    with legacy.span(f"request {number}"):
        gevent.sleep(0)
        thread = threading.Thread(target=work, args=(f"thread {number}",))
        thread.start()
        with ThreadPoolExecutor(1, f"worker {number}") as workers:
            workers.submit(work, f"job {number}").result()
        thread.join()


gevent.pool.Pool(3).map(handle, range(3))
print(json.dumps(tree()))
"""


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_greenlets_do_not_mix(run_program, start):
    """Greenlets that handle requests at the same time keep spans and slots apart; a job bound to a context belongs to its request."""
    expected = {}
    for number in range(10):
        expected |= {f"request {number}": None, f"service {number}": f"request {number}"}
        expected |= {f"job {number}": f"service {number}", f"call {number}": f"service {number}"}
    assert json.loads(run_program(start + PROGRAM + REQUESTS)) == expected


@pytest.mark.parametrize("start", ["patched", "thread-local context"])
def test_threads_that_are_greenlets(run_program, start):
    """`opencensus.ext.threading` hands the context on to threads and pools that gevent has made greenlets."""
    expected = {}
    for number in range(3):
        expected |= {f"request {number}": None, f"thread {number}": f"request {number}"}
        expected |= {f"worker {number}_0": f"request {number}", f"job {number}": f"worker {number}_0"}
    assert json.loads(run_program(STARTS[start] + PROGRAM + THREADS)) == expected


@pytest.mark.threads_at_exit
def test_telemetry_arrives(run_program):
    """A patched program's spans are batched, sent and waited for as ever; nothing is lost at its end."""
    with LocalEndpoint() as endpoint:
        run_program(
            PATCH
            + REPLACE
            + """
import gevent
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import trace


def handle(number):
    with Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter()).span(f"request {number}"):
        gevent.sleep(0)
        with trace.get_tracer("new").start_as_current_span(f"service {number}"):
            gevent.sleep(0)


gevent.joinall([gevent.spawn(handle, number) for number in range(20)])
""",
            APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        )
        endpoint.wait_for(40)
        rows = endpoint.rows("dependencies")
    ids = {row["id"]: row["name"] for row in rows}
    parents = {row["name"]: ids.get(row["operation_ParentId"]) for row in rows}
    assert parents == {f"request {n}": None for n in range(20)} | {f"service {n}": f"request {n}" for n in range(20)}


@pytest.mark.threads_at_exit
def test_nobody_listens(run_program):
    """A program under gevent whose endpoint refuses connections says only that: no connection is left for the garbage collector."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: nobody else gets the port.
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        key = "00000000-0000-0000-0000-000000000001"
        run_program(
            f"""
            {PATCH.replace(chr(10), "; ")}
            import logging
            logging.getLogger("appinsights_exporter.delivery.outages").setLevel(logging.ERROR)
            from opencensus.ext.azure.trace_exporter import AzureExporter
            from opencensus.trace.samplers import AlwaysOnSampler
            from opencensus.trace.tracer import Tracer
            with Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter()).span(name="request"):
                pass
            """,
            APPLICATIONINSIGHTS_CONNECTION_STRING=f"InstrumentationKey={key};IngestionEndpoint={endpoint}",
        )
