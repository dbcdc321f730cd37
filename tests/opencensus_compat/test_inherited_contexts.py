"""Threads that begin with the context of the code that starts them, as Python 3.14 does with `-X thread_inherit_context=1`.

Interpreters without the global lock do so by themselves.
"""

from __future__ import annotations

import ast
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="threads of this Python inherit no context")

_INHERITING = ("-W", "error", "-X", "thread_inherit_context=1")

_PROGRAM = """
import logging, sys, threading
from concurrent.futures import ThreadPoolExecutor
from opencensus.common.transports.async_ import AsyncTransport
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.metrics.transport import get_exporter_thread
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import trace

if INTEGRATED:
    config_integration.trace_integrations(["threading"])
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
otel = trace.get_tracer("shop")
logger = logging.getLogger("shop")
logger.addHandler(AzureLogHandler())

def work(name, tracer=tracer):
    with tracer.span(name=f"census in {name}"):
        logger.warning("record in %s", name)
        with otel.start_as_current_span(f"otel in {name}"):
            pass

def in_thread(*arguments):
    thread = threading.Thread(target=work, args=arguments)
    thread.start()
    thread.join()

pool = ThreadPoolExecutor(1, "pool")
with tracer.span(name="first"):
    in_thread("thread")
    in_thread("thread with a tracer", Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()))
    pool.submit(work, "pool").result()
with tracer.span(name="second"):
    pool.submit(work, "pool again").result()
with otel.start_as_current_span("third"):
    in_thread("thread of OpenTelemetry's")
pool.shutdown()

seen, done = [], threading.Event()
class Exporter:
    def emit(self, spans):
        look()
    def get_metrics(self):
        return []
    def export_metrics(self, metrics):
        look()

def look():
    seen.append((execution_context.get_current_span(), trace.get_current_span().get_span_context().is_valid))
    done.set()

with tracer.span(name="fourth"):
    transport = AsyncTransport(Exporter())
    transport.export(["item"])
    transport.flush()
    done.clear()
    metrics = Exporter()
    task = get_exporter_thread([metrics], metrics, 0.001)
    done.wait(60)
    task.cancel()
    task.join()
print([*dict.fromkeys(seen)])
"""


@pytest.mark.parametrize("integrated", [False, True])
def test_parents(run_program, endpoint, integrated):
    """Spans of either API and records hang below the span in which their thread was started; each comes once.

    A pool keeps the context in which it started its thread, unless the integration hands it the caller's.
    """
    printed = run_program(
        _PROGRAM.replace("INTEGRATED", str(integrated)),
        APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        options=_INHERITING,
    )
    assert ast.literal_eval(printed) == [(None, False)], "threads that serve the whole process are in no request"
    endpoint.wait_idle()
    rows = [*endpoint.rows("dependencies"), *endpoint.rows("traces")]
    names = {row["id"]: row["name"] for row in rows if row.get("id")}
    found = sorted((row.get("name") or row["message"], names.get(row["operation_ParentId"], "")) for row in rows)
    jobs = {"pool": "first", "pool again": "second" if integrated else "first"}
    above = {"thread": "first", "thread with a tracer": "first", "thread of OpenTelemetry's": "third", **jobs}
    expected = [(name, "") for name in ("first", "second", "third", "fourth")]
    for name, parent in above.items():
        is_job = integrated and name in jobs
        if is_job:
            expected.append(("pool_0", parent))
        expected += [
            (f"census in {name}", "pool_0" if is_job else parent),
            (f"otel in {name}", f"census in {name}"),
            (f"record in {name}", f"census in {name}"),
        ]
    assert found == sorted(expected)
