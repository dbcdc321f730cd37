"""The extension for Azure Functions, under a stand-in for the platform's worker. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import inspect
import logging
import threading
import time
from pathlib import Path

import azure.functions
import pytest

from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.extension.azure import _invocation, _without_hooks
from opencensus_compat.extension.azure.functions import OpenCensusExtension
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace import execution_context

_WORKER = Path(__file__).parents[2] / "parity" / "functions_worker.py"
_SPEC = importlib.util.spec_from_file_location("functions_worker", _WORKER)
_WORKERS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_WORKERS)
Worker, Context, TraceContext, traceparent = _WORKERS.Worker, _WORKERS.Context, _WORKERS.TraceContext, _WORKERS.traceparent
NEVER_S = 600


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture(autouse=True)
def configure(fresh_bridge, endpoint, monkeypatch):
    """Configure the extension; return a function that does so with further options."""
    if hasattr(azure.functions, "Function"):
        monkeypatch.setattr(azure.functions.Function, "get_user_function", azure.functions.Function.get_user_function)

    def again(**options):
        OpenCensusExtension.configure(connection_string=endpoint.connection_string, export_interval=NEVER_S, **options)

    again()
    yield again
    OpenCensusExtension.init()


@pytest.fixture
def logger(endpoint):
    """A logger whose records are exported."""
    found = logging.getLogger("function_app")
    found.setLevel(logging.INFO)
    handler = AzureLogHandler(connection_string=endpoint.connection_string, export_interval=NEVER_S)
    found.addHandler(handler)
    yield found
    found.removeHandler(handler)
    handler.close()


@pytest.fixture
def rows(endpoint):
    """Return a function that returns what has arrived in a table."""

    def of(table):
        _invocation.lifecycle.flush(60)
        return endpoint.rows(table)

    return of


def _operation(number):
    return f"{number + 1:032x}"


def _parent(number):
    return f"{number + 1:016x}"


def _app(*functions):
    """Return functions as the decorators of the second model have registered them."""
    if not hasattr(azure.functions, "FunctionApp"):
        pytest.skip("this release of the library has no decorators")
    app = azure.functions.FunctionApp()
    for function in functions:
        app.function_name(function.__name__)(app.route(route=function.__name__)(function))
    return app.get_functions()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_fifty_at_once(kind, logger, rows):
    """Of fifty invocations at once, on eight threads or in tasks, spans and log records belong to their own, also outside spans."""
    here = threading.Barrier(8)

    def work(req, context):
        here.wait(60)
        logger.info("before %d", req)
        with context.tracer.span(f"work {req}"), context.tracer.span("inside"):
            logger.info("inside %d", req)
        return execution_context.get_opencensus_tracer() is context.tracer

    async def work_async(req, context):
        logger.info("before %d", req)
        await asyncio.sleep(0)
        with context.tracer.span(f"work {req}"):
            await asyncio.sleep(0)
            with context.tracer.span("inside"):
                await asyncio.sleep(0)
                logger.info("inside %d", req)
        return execution_context.get_opencensus_tracer() is context.tracer

    worker = Worker(threads=8)
    worker.add(work if kind == "sync" else work_async, "work")
    # A multiple of the threads that meet.
    times = 48 if kind == "sync" else 50
    assert worker.run([("work", traceparent(number), {"req": number}) for number in range(times)]) == [True] * times
    dependencies = rows("dependencies")
    assert len(dependencies) == 2 * times
    outer = {row["operation_Id"]: row for row in dependencies if row["name"] != "inside"}
    for number in range(times):
        row = outer[_operation(number)]
        assert (row["name"], row["operation_ParentId"]) == (f"work {number}", _parent(number))
    inner = {row["operation_Id"]: row for row in dependencies if row["name"] == "inside"}
    assert {key: row["operation_ParentId"] for key, row in inner.items()} == {key: row["id"] for key, row in outer.items()}
    told = {row["message"]: (row["operation_Id"], row["operation_ParentId"]) for row in rows("traces")}
    assert told == {
        **{f"before {number}": (_operation(number), _parent(number)) for number in range(times)},
        **{f"inside {number}": (_operation(number), inner[_operation(number)]["id"]) for number in range(times)},
    }


def test_the_thread_is_clean_afterwards():
    """After a function, and before the one that follows one that raised, the thread has neither tracer, span nor attributes."""
    seen = []

    def look():
        seen.append((_invocation.running(), execution_context.get_current_span(), execution_context.get_opencensus_attrs()))

    def work(req, context):
        look() if req == 2 else None
        execution_context.set_opencensus_attr("key", req)
        context.tracer.start_span("open")
        if req:
            raise LookupError

    worker = Worker(threads=1)
    worker.add(work)
    worker.run([("work", traceparent(number), {"req": number}) for number in range(3)])
    running, span, attributes = seen[0]
    assert (running.span_context.trace_id, span.span_id, attributes) == (_operation(2), _parent(2), {})


def test_a_function_that_raises(rows):
    """Where hooks alone see a function of the first model, the exception that left its outermost span arrives below that, once."""

    def work(req, context):
        with context.tracer.span("work"), context.tracer.span("inside"):
            raise LookupError("no such order")

    worker = Worker(threads=1)
    worker.add(work)
    worker.run([("work", traceparent(0), {"req": 0})])
    assert worker.errors == {0: "LookupError: no such order"}
    gc.collect()
    # The worker lets go of the context object, and the end of the invocation goes on beside that.
    worker.add(lambda req: req, "next")
    worker.run([("next", traceparent(1), {"req": 0})])
    spans = {row["name"]: row for row in rows("dependencies")}
    assert {row["success"] for row in spans.values()} == {"False"}
    while not (errors := rows("exceptions")):
        time.sleep(0.01)
    assert [(row["type"], row["outerMessage"], row["operation_Id"], row["operation_ParentId"]) for row in errors] == [
        ("LookupError", "no such order", _operation(0), spans["work"]["id"])
    ]


@pytest.mark.parametrize("hooks", [True, False], ids=["hooks", "no hooks"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_functions_of_the_second_model_that_raise(kind, hooks, rows, caplog):
    """The exception arrives once: below the span that it left, or below the host's span where it left none, an open span having failed."""

    def in_a_span(req, context):
        with context.tracer.span("work"):
            raise LookupError("in a span")

    def outside(req, context):
        context.tracer.start_span("open")
        raise LookupError("outside")

    async def in_a_span_async(req, context):
        in_a_span(req, context)

    async def outside_async(req, context):
        outside(req, context)

    worker = Worker(hooks=hooks, threads=1)
    made = (in_a_span, outside) if kind == "sync" else (in_a_span_async, outside_async)
    for function, name in zip(_app(*made), ("in_a_span", "outside"), strict=True):
        worker.add(function.get_user_function(), name)
    worker.run([("in_a_span", traceparent(0), {"req": 0}), ("outside", traceparent(1), {"req": 1})])
    assert len(worker.errors) == 2
    spans = {row["name"]: row for row in rows("dependencies")}
    assert {name: (row["success"], row["operation_ParentId"]) for name, row in spans.items()} == {
        "work": ("False", _parent(0)),
        "open": ("False", _parent(1)),
    }
    assert sorted((row["outerMessage"], row["operation_ParentId"]) for row in rows("exceptions")) == [
        ("in a span", spans["work"]["id"]),
        ("outside", spans["open"]["id"]),
    ]
    assert [record.message for record in caplog.records if record.name == "opencensus_compat"] == []


def test_a_worker_that_calls_no_hooks(logger, rows):
    """As of Python 3.13 the worker calls none: functions of the second model that take the context object have their tracer all the same."""

    def work(req, context):
        logger.info("outside %d", req)
        with context.tracer.span("work"):
            return req

    def without_context(req):
        return req

    def steps(context):
        yield context

    worker = Worker(hooks=False)
    for function in _app(work, without_context):
        worker.add(function.get_user_function(), function.get_function_name())
    assert worker.run([(name, traceparent(number), {"req": number}) for number, name in enumerate(worker.functions)]) == [0, 1]
    assert worker.errors == {}
    assert [(row["name"], row["operation_ParentId"]) for row in rows("dependencies")] == [("work", _parent(0))]
    assert [(row["message"], row["operation_ParentId"]) for row in rows("traces")] == [("outside 0", _parent(0))]
    generator = azure.functions.Function(steps, "function_app.py")
    assert generator.get_user_function() is steps


def test_what_the_worker_reads_of_a_function_is_the_function_s_own():
    """Name, folder, signature and kind of a function are those that the decorators were given."""

    async def work(req: azure.functions.HttpRequest, context: azure.functions.Context) -> str:
        """Do it."""

    (function,) = _app(work)
    found = function.get_user_function()
    assert (found.__name__, found.__doc__, inspect.getfile(found)) == ("work", "Do it.", __file__)
    assert inspect.signature(found) == inspect.signature(work)
    assert inspect.iscoroutinefunction(found)


@pytest.mark.parametrize("hooks", [True, False], ids=["hooks", "no hooks"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_flush(kind, hooks, endpoint, configure, logger):
    """With `flush_invocations`, spans and log records have arrived when the worker has the result, or the error."""
    configure(flush_invocations=30)

    def work(req, context):
        with context.tracer.span(f"work {req}"):
            logger.info("told %d", req)
            if req:
                raise LookupError

    async def work_async(req, context):
        work(req, context)

    (function,) = _app(work if kind == "sync" else work_async)
    worker = Worker(hooks=hooks)
    worker.add(function.get_user_function(), "work")
    worker.run([("work", traceparent(number), {"req": number}) for number in range(2)])
    assert sorted(row["name"] for row in endpoint.rows("dependencies")) == ["work 0", "work 1"]
    assert sorted(row["message"] for row in endpoint.rows("traces")) == ["told 0", "told 1"]
    assert [row["type"] for row in endpoint.rows("exceptions")] == ["LookupError"]


def test_flush_of_the_first_model(endpoint, configure):
    """The hook after a function flushes."""
    configure(flush_invocations=True)

    def work(req, context):
        with context.tracer.span("work"):
            pass

    worker = Worker()
    worker.add(work)
    worker.run([("work", traceparent(0), {"req": 0})])
    assert [row["name"] for row in endpoint.rows("dependencies")] == ["work"]


@pytest.mark.parametrize(
    ("option", "variable", "seconds"),
    [(None, "", 0), (None, "2.5", 2.5), (None, "on", 5), (None, "off", 0), (True, "2", 5), (False, "2", 0), (0, "2", 0), (3, "", 3)],
)
def test_seconds_of_a_flush(monkeypatch, option, variable, seconds):
    """The option counts before the variable; both take seconds, or yes and no."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_FLUSH_INVOCATIONS", variable)
    assert _invocation.flush_s(option) == seconds


@pytest.mark.parametrize("option", ["soon", -1, float("nan"), [1]])
def test_a_flush_that_cannot_work(configure, option):
    """`configure` says what it expected and what came."""
    with pytest.raises(ValueError, match="flush_invocations: expected seconds, at least 0, or true or false, got"):
        configure(flush_invocations=option)


def test_a_variable_that_cannot_work(configure, monkeypatch):
    """So it does of the environment variable."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_FLUSH_INVOCATIONS", "soon")
    with pytest.raises(ValueError, match=r"environment variable OPENCENSUS_COMPAT_FLUSH_INVOCATIONS: expected seconds, .* got 'soon'"):
        configure()


@pytest.mark.parametrize("trace_context", [None, TraceContext(None), TraceContext(7), TraceContext("00-broken")])
def test_a_trace_context_that_is_none(trace_context, rows):
    """What a test, or a host, hands over instead of a trace costs the trace: the function's spans begin one of their own."""
    context = Context("work", "", 0, trace_context)
    OpenCensusExtension.pre_invocation_app_level(logging.getLogger("worker"), context)
    with context.tracer.span("work"):
        pass
    OpenCensusExtension.post_invocation_app_level(logging.getLogger("worker"), context, {}, None)
    assert [row["operation_ParentId"] for row in rows("dependencies")] == [None]


@pytest.mark.parametrize("how", ["left", "open"])
def test_exceptions_in_opentelemetry_s_envelopes(configure, monkeypatch, rows, how):
    """There spans bring their exceptions themselves: the one that left a span, or met an open one, arrives once."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    _invocation.lifecycle.reset()
    configure()

    def work(req, context):
        span = context.tracer.start_span("work")
        with span if how == "left" else contextlib.nullcontext():
            raise LookupError("no such order")

    (function,) = _app(work)
    worker = Worker()
    worker.add(function.get_user_function())
    worker.run([("work", traceparent(0), {"req": 0})])
    assert [row["type"] for row in rows("exceptions")] == ["LookupError"]


def test_a_library_without_decorators(monkeypatch):
    """The first releases of the library that have extensions know the first model alone."""
    monkeypatch.delattr(azure.functions, "Function", raising=False)
    _without_hooks.serve(OpenCensusExtension)
