"""The middleware for FastAPI and Starlette. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import fastapi
import pytest
from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from opencensus_compat._bridge.pipeline import ending
from opencensus_compat.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus_compat.trace.tracers.context_tracer import PROVIDER

TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLED = [(b"host", b"shop.example:8080"), (b"traceparent", f"00-{TRACE_ID}-{CALLER}-01".encode())]


def scope_of(path, **options):
    """Return the scope of a request."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": CALLED,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        **options,
    }


async def ask(app, path="/", at=None, **options):
    """Send a request, and return the status of its answer; `at` is called with each message."""
    statuses, bodies = [], [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if not bodies:
            await asyncio.Event().wait()
        return bodies.pop()

    async def send(message):
        if "status" in message:
            statuses.append(message["status"])
        if at is not None:
            at(message)

    await app(scope_of(path, **options), receive, send)
    return statuses[0]


def traced(app, **options):
    """Put the middleware around an application, with spans that go to the provider."""
    return FastAPIMiddleware(app, **{"exporter": PROVIDER, "sampler": AlwaysOnSampler(), **options})


def serving(answer):
    """Return an application that answers each request with what `answer` returns."""

    async def app(scope, receive, send):
        await (await answer(scope))(scope, receive, send)

    return app


def child(name):
    """Make a span of the request's tracer."""
    with execution_context.get_opencensus_tracer().span(name):
        pass


async def served(scope):
    """Answer, and make a span named after the path."""
    child(f"in {scope['path']}")
    return PlainTextResponse("served")


ROOT = "[GET]http://shop.example:8080/"


def test_a_request(otel):
    """It is one server span below its caller, with the attributes that it had in OpenCensus."""
    assert asyncio.run(ask(traced(serving(served)), "/orders?sku=a")) == 200
    span = otel.spans[f"{ROOT}orders?sku=a"]
    assert (span.kind, f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (SpanKind.SERVER, TRACE_ID, CALLER)
    assert {key: value for key, value in span.attributes.items() if key.startswith("http.")} == {
        "http.host": "shop.example",
        "http.method": "GET",
        "http.path": "/orders",
        "http.url": "http://shop.example:8080/orders?sku=a",
        "http.route": "/orders",
        "http.status_code": 200,
    }
    assert otel.parents["in /orders"] == span.name


def test_nothing_is_left_behind(otel):
    """After a request, traced or not, tracer, span and attributes are those from before."""

    async def requests():
        before = execution_context.get_opencensus_full_context()
        app = traced(serving(served), excludelist_paths=["health"], excludelist_hostnames=["stock.example:80"])
        for path in ("/orders", "/health", "/orders"):
            await ask(app, path)
            assert execution_context.get_opencensus_full_context() == before
            assert trace_api.get_current_span() is trace_api.INVALID_SPAN

    asyncio.run(requests())


@pytest.mark.parametrize("second", ["/orders", "/health"])
def test_a_connection_that_is_used_again(otel, second):
    """A server begins the next request inside the call that takes the last part of an answer: it is no part of the one before."""
    seen, tasks = [], []

    async def next_request():
        # The application is still busy with the first one.
        await tasks[0]

    async def answer(scope):
        child(f"in {scope['path']}")
        seen.append(trace_api.get_current_span().get_span_context().span_id)
        return PlainTextResponse("served", background=None if seen[1:] else BackgroundTask(next_request))

    app = traced(serving(answer), excludelist_paths=["health"])

    def at(message):
        if message["type"] == "http.response.body":
            tasks.append(asyncio.ensure_future(ask(app, second, headers=[(b"host", b"shop.example:8080")])))

    asyncio.run(ask(app, "/first", at))
    assert otel.parents[f"{ROOT}first"] == int(CALLER, 16)
    if second == "/orders":
        assert otel.parents[f"{ROOT}orders"] is None
        assert otel.parents["in /orders"] == f"{ROOT}orders"
    else:
        assert seen[1] == 0
        assert "in /health" not in otel.spans


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "around another middleware"])
def test_work_in_the_background(otel, inside):
    """The request has ended before it, and has it as a child."""
    ended = []

    async def later():
        ended.extend(otel.spans)
        child("later")

    async def answer(scope):
        return PlainTextResponse("served", background=BackgroundTask(later))

    async def passes(request, call_next):
        return await call_next(request)

    app = serving(answer)
    asyncio.run(ask(traced(BaseHTTPMiddleware(app, passes) if inside else app)))
    # Starlette's base middleware ends an answer after such work in some releases.
    assert inside or ended == [ROOT]
    assert otel.parents == {"later": ROOT, ROOT: int(CALLER, 16)}


def test_a_streamed_answer(otel):
    """The span ends with its last part."""
    sent = []

    async def parts():
        for number in range(3):
            child(f"part {number}")
            yield str(number)

    async def answer(scope):
        return StreamingResponse(parts())

    asyncio.run(ask(traced(serving(answer)), at=lambda message: sent.append((message.get("body"), ROOT in otel.spans))))
    assert sent == [(None, False), (b"0", False), (b"1", False), (b"2", False), (b"", True)]
    assert otel.parents == {**{f"part {number}": ROOT for number in range(3)}, ROOT: int(CALLER, 16)}


def test_an_exception(otel):
    """It goes on unchanged, and the span has the code 500, the exception and its stack."""
    error = ValueError("no such order")

    async def answer(scope):
        raise error

    with pytest.raises(ValueError, match="no such order") as raised:
        asyncio.run(ask(traced(serving(answer))))
    assert raised.value is error
    attributes = otel.spans[ROOT].attributes
    assert (attributes["http.status_code"], attributes["error.name"], attributes["error.message"]) == (500, "ValueError", "no such order")
    assert attributes["stacktrace"].rstrip().endswith("raise error")


def test_an_exception_is_an_event(otel):
    """OpenTelemetry's envelopes have it as a row of its own, as the attributes make one of OpenCensus's."""

    async def answer(scope):
        raise ValueError("no such order")

    with pytest.raises(ValueError, match="no such order"):
        asyncio.run(ask(traced(serving(answer))))
    [event] = otel.spans[ROOT].events
    assert (event.name, event.attributes["exception.type"], event.attributes["exception.message"]) == (
        "exception",
        "ValueError",
        "no such order",
    )


def test_a_client_that_has_gone(otel):
    """What the application raises because nobody takes its answer is no failure of its own."""

    def at(message):
        if message["type"] == "http.response.body":
            raise OSError("gone")

    async def parts():
        yield "0"

    async def answer(scope):
        return StreamingResponse(parts())

    with pytest.raises((OSError, ClientDisconnect)):
        asyncio.run(ask(traced(serving(answer)), at=at, asgi={"version": "3.0", "spec_version": "2.4"}))
    attributes = otel.spans[ROOT].attributes
    assert attributes["http.status_code"] == 200
    assert "error.name" not in attributes


def test_no_answer_at_all(otel):
    """The server answers 500 by itself."""

    async def app(scope, receive, send):
        pass

    asyncio.run(traced(app)(scope_of("/"), None, None))
    assert otel.spans[ROOT].attributes["http.status_code"] == 500


def test_a_cancelled_request(otel):
    """Its span ends, as no success, and what was open in it."""

    async def request():
        begun = asyncio.Event()

        async def answer(scope):
            with execution_context.get_opencensus_tracer().span("inside"):
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(ask(traced(serving(answer))))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(request())
    assert otel.parents == {"inside": ROOT, ROOT: int(CALLER, 16)}
    assert not otel.spans[ROOT].status.is_ok


def test_a_websocket_on_a_connection_that_is_used_again(otel):
    """It is no part of the request before."""

    async def connection():
        tasks = []

        def at(message):
            if message["type"] == "http.response.body":
                tasks.append(asyncio.ensure_future(app({"type": "websocket", "path": "/"}, None, None)))

        await ask(app, "/first", at)
        await tasks[0]

    async def serve(scope, receive, send):
        if scope["type"] == "http":
            await (await served(scope))(scope, receive, send)
        else:
            assert trace_api.get_current_span() is trace_api.INVALID_SPAN

    app = traced(serve)
    asyncio.run(connection())
    assert set(otel.spans) == {f"{ROOT}first", "in /first"}


def test_a_websocket(otel):
    """It reaches the application with the server's own functions."""
    seen = []

    async def app(*arguments):
        seen.append(arguments)

    scope = {"type": "websocket"}
    asyncio.run(traced(app)(scope, "receive", "send"))
    assert seen == [(scope, "receive", "send")]
    assert otel.spans == {}


@pytest.mark.parametrize("end", ["complete", "failed"])
def test_the_end_of_the_lifespan_exports_what_is_queued(monkeypatch, end):
    """A server that then ends its process by a signal loses nothing; the server gets all messages, also if exporting raises."""
    told = []

    def flush(timeout_s):
        told.append(("flush", timeout_s))
        raise RuntimeError("odd")

    async def send(message):
        told.append(message["type"])

    async def app(scope, receive, send):
        for kind in ("lifespan.startup.complete", f"lifespan.shutdown.{end}"):
            await send({"type": kind})

    monkeypatch.setattr(ending, "flush", flush)
    asyncio.run(traced(app)({"type": "lifespan"}, None, send))
    assert told == ["lifespan.startup.complete", ("flush", ending.grace_period_s()), f"lifespan.shutdown.{end}"]


def test_the_end_of_a_test_client(monkeypatch):
    """Its loop runs in another thread, and waits for nothing."""
    told = []

    async def app(scope, receive, send):
        await send({"type": "lifespan.shutdown.complete"})

    async def send(message):
        told.append(message["type"])

    monkeypatch.setattr(ending, "flush", told.append)
    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, traced(app)({"type": "lifespan"}, None, send)).result()
    assert told == ["lifespan.shutdown.complete"]


def test_excluded_paths(otel):
    """They are compared with the whole path, below which an application is mounted, and the query."""

    async def answer(request):
        return PlainTextResponse("served")

    inner = Starlette(routes=[Route("/{name}", answer)])
    app = traced(Starlette(routes=[Mount("/v1", inner)]), excludelist_paths=["v1/health", "v1/orders?all"])

    async def requests():
        return [await ask(app, path) for path in ("/v1/health", "/v1/healthy", "/v1/orders?all=1", "/v1/orders?one=1")]

    assert asyncio.run(requests()) == [200] * 4
    assert [span.name for span in otel.exporter.get_finished_spans() if span.kind is SpanKind.SERVER] == [f"{ROOT}v1/orders?one=1"]


def test_the_default_excludes_health_checks_of_app_engine(otel):
    """As in OpenCensus."""
    asyncio.run(ask(traced(serving(served)), "/_ah/health"))
    assert otel.spans == {}


@pytest.mark.parametrize("options", [{"excludelist_paths": "health"}, {"sampler": AlwaysOffSampler}], ids=["one text", "a class"])
def test_options_that_were_meant_so(otel, caplog, options):
    """One path in text, and a class in place of an object, are taken."""
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        app = traced(serving(served), **options)
    asyncio.run(ask(app, "/health"))
    assert otel.spans == {}
    said = "excludelist_paths (from FastAPIMiddleware(...)): expected a list of texts; got one text, which is used as a list with this one"
    assert [record.getMessage() for record in caplog.records] == [f"{said} member (said once)"] * ("excludelist_paths" in options)


class _FailingPropagator:
    def from_headers(self, headers):
        raise RuntimeError("broken")


class _FailingSampler(samplers.Sampler):
    def should_sample(self, span_context):
        raise RuntimeError("broken")


class _FailingMiddleware(FastAPIMiddleware):
    def _before_request(self, span, request):
        raise RuntimeError("broken")

    _after_request = _handle_exception = _before_request


@pytest.mark.parametrize(
    ("kind", "options", "path"),
    [
        (FastAPIMiddleware, {"sampler": _FailingSampler()}, "/"),
        (FastAPIMiddleware, {"propagator": _FailingPropagator()}, "/"),
        (FastAPIMiddleware, {"excludelist_paths": [7]}, "/"),
        (_FailingMiddleware, {}, "/"),
        (_FailingMiddleware, {}, "/fails"),
    ],
    ids=["sampler", "propagator", "excluded paths", "methods", "methods at an exception"],
)
def test_what_fails_while_tracing_is_said_once(otel, caplog, kind, options, path):
    """The application answers, or raises, as without the middleware."""

    async def answer(scope):
        if scope["path"] == "/fails":
            raise ValueError("its own")
        return PlainTextResponse("served")

    app = kind(serving(answer), **{"exporter": PROVIDER, "sampler": AlwaysOnSampler(), **options})

    async def requests():
        for _ in range(2):
            if path == "/fails":
                with pytest.raises(ValueError, match="its own"):
                    await ask(app, path)
            else:
                assert await ask(app, path) == 200

    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        asyncio.run(requests())
    assert len([record for record in caplog.records if record.name == "opencensus_compat"]) == 1


@pytest.mark.parametrize(
    "options",
    [{"headers": [(b"host", b"[::1"), CALLED[1]], "server": None}, {"query_string": b"name=\xe9"}],
    ids=["host", "query"],
)
def test_a_url_that_cannot_be_read(otel, caplog, options):
    """A request has what can be read, and nothing is said: any client can make up such a host, or such a query."""
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        assert asyncio.run(ask(traced(serving(served)), "/here", **options)) == 200
    (span,) = [span for span in otel.exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert span.name == "[GET]/here"
    found = {"http.method": "GET", "http.path": "/here", "http.route": "/here", "http.status_code": 200}
    assert {name: span.attributes.get(name) for name in found} == found
    assert not caplog.records


def test_an_unsampled_request(otel):
    """Nothing arrives, and the application finds the request's tracer."""
    found = []

    async def answer(scope):
        found.append(execution_context.get_opencensus_tracer().span_context.trace_id)
        child("inside")
        return PlainTextResponse("served")

    asyncio.run(ask(traced(serving(answer), sampler=AlwaysOffSampler())))
    assert found == [TRACE_ID]
    assert otel.spans == {}


def test_endpoints_of_threads_and_tasks(otel):
    """Their spans, and those of dependencies of both kinds, are below their own request, however many there are at once."""
    app = fastapi.FastAPI()
    app.add_middleware(FastAPIMiddleware, exporter=PROVIDER, sampler=AlwaysOnSampler())
    together = asyncio.Event()
    waiting = []

    def in_thread(number: int):
        child(f"thread {number}")

    async def in_task(number: int):
        waiting.append(number)
        if len(waiting) == 10:
            together.set()
        await together.wait()
        child(f"task {number}")

    depends = [fastapi.Depends(in_thread), fastapi.Depends(in_task)]

    @app.get("/sync/{number}", dependencies=depends)
    def sync(number: int):
        child(f"endpoint {number}")

    @app.get("/async/{number}", dependencies=depends)
    async def of_tasks(number: int):
        child(f"endpoint {number}")

    async def requests():
        paths = [f"/{'sync' if number % 2 else 'async'}/{number}" for number in range(10)]
        return await asyncio.gather(*(ask(app, path) for path in paths))

    assert asyncio.run(requests()) == [200] * 10
    expected = {}
    for number in range(10):
        request = f"{ROOT}{'sync' if number % 2 else 'async'}/{number}"
        expected |= {f"{part} {number}": request for part in ("thread", "task", "endpoint")}
        expected[request] = int(CALLER, 16)
    assert otel.parents == expected


def test_a_dispatch_of_a_subclass(otel):
    """It is called, and may call the one of its base."""

    class Own(FastAPIMiddleware):
        async def dispatch(self, request, call_next):
            response = await super().dispatch(request, call_next)
            return PlainTextResponse("instead", status_code=response.status_code + 3)

    app = Own(serving(served), exporter=PROVIDER, sampler=AlwaysOnSampler(), excludelist_paths=["health"])

    async def requests():
        return [await ask(app, "/"), await ask(app, "/health")]

    assert asyncio.run(requests()) == [203, 203]
    assert otel.parents == {"in /": ROOT, ROOT: int(CALLER, 16)}


def test_spans_that_fastapi_makes_by_itself(run_program):
    """It is spared those that a provider of this package leaves out; with a provider of the application's, set later, it makes them."""
    if not hasattr(fastapi.FastAPI(), "_telemetry"):
        pytest.skip("this release of FastAPI makes none")
    printed = run_program(
        """
        import asyncio
        import fastapi
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
        from opencensus.trace.samplers import AlwaysOffSampler
        from opencensus_compat._bridge.frameworks import SilentTracer

        made = []
        start_span = SilentTracer.start_span
        SilentTracer.start_span = lambda self, name, *args, **options: made.append(name) or start_span(self, name, *args, **options)
        app = fastapi.FastAPI()
        exporter = AzureExporter(connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9")
        app.add_middleware(FastAPIMiddleware, exporter=exporter, sampler=AlwaysOffSampler())

        def ask():
            async def nothing(*_):
                return {"type": "http.request"}

            scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "scheme": "http"}
            asyncio.run(app({**scope, "http_version": "1.1", "root_path": "", "client": None, "server": ("shop.example", 80)}, nothing, nothing))

        ask()
        first = len(made)
        ask()
        print(first > 0, len(made) - first)
        own = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(own))
        trace.set_tracer_provider(provider)
        ask()
        ask()
        print({span.instrumentation_scope.name for span in own.get_finished_spans()})
    """,
        stderr=SET_LATE,
    )
    assert printed.splitlines() == ["True 0", "{'fastapi'}"]


SET_LATE = (
    "a tracer provider was set after this package had made one for OpenCensus code. OpenTelemetry accepts one only, so the one made here "
    "delegates to yours from now on. Set yours before the first OpenCensus exporter is made, so that earlier telemetry goes through it, too "
    "(said once)\n"
)
