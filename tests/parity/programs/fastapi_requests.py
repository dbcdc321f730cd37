"""Requests to FastAPI and Starlette applications, traced by the middleware, without a server in between."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging

import fastapi
from fastapi.responses import JSONResponse, StreamingResponse
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus.trace import attributes_helper, execution_context, integrations
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

logging.getLogger("opencensus.ext.fastapi").propagate = False
TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}


def _scope(path, method, headers, **options):
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "headers": [(name.lower().encode(), value.encode()) for name, value in {"Host": "shop.example:8080", **headers}.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
        **options,
    }


async def _send(app, path, method="GET", body=b"", headers=CALLED, **options):
    """Send a request to an application, and return what it answers or raises, the texts of its body and of what it sent afterwards."""
    sent, parts = [], [{"type": "http.request", "body": body, "more_body": False}]
    never = asyncio.Event()

    async def receive():
        if not parts:
            await never.wait()
        return parts.pop()

    async def send(message):
        sent.append(message)

    error = None
    try:
        await app(_scope(path, method, headers, **options), receive, send)
    except Exception as raised:
        error = type(raised).__name__
    status = next((message["status"] for message in sent if message["type"] == "http.response.start"), None)
    text = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body").decode()
    return [status, text, error] if error else [status, text]


def _answers(app, *requests, **options):
    async def all_of_them():
        return [await _send(app, **({"path": request} if isinstance(request, str) else request), **options) for request in requests]

    execution_context.clean()
    return asyncio.run(all_of_them())


def _traced(app=None, **options):
    app = fastapi.FastAPI() if app is None else app
    app.add_middleware(FastAPIMiddleware, **{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})
    return app


def names():
    """What was integrated."""
    _answers(_traced(), "/nothing")
    return bool(integrations.get_integrations() & integrations._Integrations.FASTAPI)


def plain():
    """Endpoints of both kinds, with and without a caller, a query and a body."""
    app = _traced()

    @app.get("/orders/{number}")
    async def order(number: int, sku: str = ""):
        return {"number": number, "sku": sku}

    @app.get("/stock")
    def stock():
        return "left: 7"

    @app.post("/orders")
    async def make(request: fastapi.Request):
        return JSONResponse({"bytes": len(await request.body())}, status_code=201)

    return _answers(
        app,
        "/orders/7?sku=a1&sku=b%202",
        {"path": "/stock", "headers": {}},
        {"path": "/orders", "method": "POST", "body": b"12345"},
        {"path": "/stock", "method": "HEAD"},
        {"path": "/stock", "headers": {"Host": "shop.example", "traceparent": "nonsense"}},
        {"path": "/stock", "headers": {"Host": "[::1]:8080"}},
        "/nothing",
        "/bücher",
    )


def statuses():
    """What a program refuses, and what FastAPI does."""
    app = _traced()

    class Gone(Exception):
        pass

    @app.exception_handler(Gone)
    async def gone(request, error):
        return JSONResponse({"gone": True}, status_code=410)

    @app.get("/refused")
    async def refused():
        raise fastapi.HTTPException(status_code=403, detail="no")

    @app.get("/down")
    def down():
        raise fastapi.HTTPException(status_code=503)

    @app.get("/orders/{number}")
    async def order(number: int):
        return number

    @app.get("/gone")
    async def raises():
        raise Gone

    requests = "/refused", "/down", "/orders/seven", "/gone", {"path": "/refused", "method": "POST"}
    return [answer[0] for answer in _answers(app, *requests)]


def exceptions():
    """What nobody catches, in endpoints of both kinds."""
    app = _traced()

    @app.get("/async")
    async def of_tasks():
        raise ValueError("no such order")

    @app.get("/sync")
    def of_threads():
        raise LookupError

    return _answers(app, "/async", "/sync")


def handled_at_the_outside():
    """An application's own answer to every exception is given outside the middleware."""
    app = _traced()

    @app.exception_handler(Exception)
    async def every(request, error):
        return JSONResponse({"sorry": True}, status_code=500)

    @app.get("/fails")
    async def fails():
        raise ValueError("no such order")

    return _answers(app, "/fails")


def spans_inside():
    """Of endpoints, of dependencies of both kinds, and of what they log."""
    app = _traced()

    def logs():
        return execution_context.get_current_span().name

    def user():
        with execution_context.get_opencensus_tracer().span("find the user"):
            return logs()

    async def basket():
        with execution_context.get_opencensus_tracer().span("open the basket"):
            yield logs()

    @app.get("/async")
    async def of_tasks(user: str = fastapi.Depends(user), basket: str = fastapi.Depends(basket)):
        with execution_context.get_opencensus_tracer().span("price"):
            return [user, basket, logs()]

    @app.get("/sync")
    def of_threads(user: str = fastapi.Depends(user), basket: str = fastapi.Depends(basket)):
        with execution_context.get_opencensus_tracer().span("price"):
            return [user, basket, logs()]

    return _answers(app, "/async", "/sync")


def after_the_answer():
    """Work in the background belongs to its request, though that has ended."""
    app = _traced()
    done = []

    def later(kind):
        with execution_context.get_opencensus_tracer().span(f"later {kind}"):
            done.append(kind)

    async def later_on(kind):
        later(kind)

    @app.get("/sync")
    async def sync(tasks: fastapi.BackgroundTasks):
        tasks.add_task(later, "in a thread")
        return len(done)

    @app.get("/async")
    async def of_tasks(tasks: fastapi.BackgroundTasks):
        tasks.add_task(later_on, "in a task")
        return len(done)

    return [_answers(app, "/sync", "/async"), done]


def streams():
    """An answer in parts."""
    app = _traced()

    async def parts():
        with execution_context.get_opencensus_tracer().span("read"):
            for number in range(3):
                yield f"{number}"

    @app.get("/parts")
    async def streamed():
        return StreamingResponse(parts())

    return _answers(app, "/parts")


def streams_that_fail():
    """An answer that breaks off."""
    app = _traced()

    async def parts():
        yield "0"
        raise ValueError("the disk is gone")

    @app.get("/parts")
    async def streamed():
        return StreamingResponse(parts())

    return _answers(app, "/parts")


def cancelled():
    """A request whose task ends before the answer begins."""
    app = _traced()

    @app.get("/slow")
    async def slow():
        begun.set()
        await asyncio.Event().wait()

    async def request():
        task = asyncio.ensure_future(_send(app, "/slow"))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    begun = asyncio.Event()
    return asyncio.run(request())


def excluded_paths():
    """The program's own list, and the one that is there without it."""
    answers = []
    for options in ({"excludelist_paths": ["health", "orders/7?sku"]}, {}, {"excludelist_paths": []}):
        app = _traced(**options)

        @app.get("/{anything:path}")
        async def every(anything: str):
            return anything

        answers.append(_answers(app, "/health", "/healthy/not", "/orders/7?sku=a", "/orders/7", "/_ah/health", "/"))
    return answers


def excluded_hosts():
    """The list is there for the integrations with clients."""
    app = _traced(excludelist_hostnames=["stock.example:80"])

    @app.get("/")
    def hosts():
        return execution_context.get_opencensus_attr("excludelist_hostnames")

    return _answers(app, "/")


def unsampled():
    """A trace that the sampler leaves out."""
    app = _traced(sampler=AlwaysOffSampler())

    @app.get("/")
    async def root():
        with execution_context.get_opencensus_tracer().span("inside"):
            return "served"

    return _answers(app, "/")


def other_propagators():
    """Headers in another form."""
    app = _traced(propagator=B3FormatPropagator())
    return _answers(app, {"path": "/", "headers": {"X-B3-TraceId": TRACE_ID, "X-B3-SpanId": CALLER, "X-B3-Sampled": "1"}})


def printed_by_default():
    """Without an exporter, spans are printed."""
    app = fastapi.FastAPI()
    app.add_middleware(FastAPIMiddleware)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        _answers(app, "/nothing")
    return "/nothing" in printed.getvalue()


def mounted():
    """An application in another, each with a middleware."""
    inner = _traced()
    outer = _traced()

    @inner.get("/orders")
    async def orders():
        return "orders"

    outer.mount("/v1", inner)
    return _answers(outer, "/v1/orders")


def two_middlewares():
    """One inside the other, and one of the program's own between them."""
    app = _traced()

    @app.middleware("http")
    async def adds(request, call_next):
        with execution_context.get_opencensus_tracer().span("between"):
            response = await call_next(request)
        response.headers["X-Own"] = "1"
        return response

    _traced(app)

    @app.get("/")
    async def root():
        with execution_context.get_opencensus_tracer().span("inside"):
            return "served"

    return _answers(app, "/")


def starlette():
    """Without FastAPI."""

    async def order(request):
        with execution_context.get_opencensus_tracer().span("price"):
            return PlainTextResponse(request.path_params["number"])

    def stock(request):
        return PlainTextResponse("left: 7", status_code=203)

    async def fails(request):
        raise ValueError("no such order")

    routes = [Route("/orders/{number}", order), Mount("/v1", routes=[Route("/stock", stock)]), Route("/fails", fails)]
    return _answers(_traced(Starlette(routes=routes)), "/orders/7", "/v1/stock", "/fails", "/nothing")


def around_any_application():
    """By hand, around a function."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"taken"})

    return _answers(FastAPIMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler()), "/")


def not_http():
    """What is no request goes by."""
    seen = []

    async def app(scope, receive, send):
        seen.append([scope["type"], receive])
        await send({"type": "sent"})

    middleware = FastAPIMiddleware(app, exporter=AzureExporter(), sampler=AlwaysOnSampler())

    async def send(message):
        seen.append(message)

    for kind in ("lifespan", "websocket"):
        asyncio.run(middleware({"type": kind, "path": "/", "headers": []}, "receive", send))
    return seen


def _documented():
    app = fastapi.FastAPI()
    names = attributes_helper.COMMON_ATTRIBUTES

    @app.middleware("http")
    async def middleware(request: fastapi.Request, call_next):
        context = TraceContextPropagator().from_headers(request.headers)
        tracer = Tracer(span_context=context, exporter=AzureExporter(), sampler=AlwaysOnSampler())
        with tracer.span("main") as span:
            span.span_kind = SpanKind.SERVER
            response = await call_next(request)
            tracer.add_attribute_to_current_span(attribute_key=names["HTTP_STATUS_CODE"], attribute_value=response.status_code)
            tracer.add_attribute_to_current_span(attribute_key=names["HTTP_URL"], attribute_value=str(request.url))
        return response

    return app


def documented():
    """A middleware of the program's own, as Microsoft's documentation has it: an exporter for each request."""
    app = _documented()

    @app.get("/orders/{number}")
    async def order(number: int):
        with execution_context.get_opencensus_tracer().span("price"):
            return number

    @app.get("/stock")
    def stock():
        with execution_context.get_opencensus_tracer().span("count"):
            return 7

    return _answers(app, "/orders/7?sku=a", "/stock", "/nothing")


def changed_by_a_subclass():
    """Methods that a program overrides."""

    class Own(FastAPIMiddleware):
        def _prepare_tracer(self, request):
            tracer = super()._prepare_tracer(request)
            tracer.exporter = self.exporter
            return tracer

        def _before_request(self, span, request):
            super()._before_request(span, request)
            span.name = f"{request.method} {request.url.path}"
            span.add_attribute("client", request.headers["x-client"])

        def _after_request(self, span, response):
            super()._after_request(span, response)
            span.add_attribute("type", response.headers["content-type"])

        def _handle_exception(self, span, exception):
            super()._handle_exception(span, exception)
            span.add_attribute("kind", "broken")

    app = fastapi.FastAPI()
    app.add_middleware(Own, exporter=AzureExporter(), sampler=AlwaysOnSampler())

    @app.get("/")
    async def root():
        return "served"

    @app.get("/fails")
    def fails():
        raise ValueError("no such order")

    return _answers(app, "/", "/fails", headers={"X-Client": "web"})


def dispatched_by_a_subclass():
    """A program that does more around each request."""

    class Own(FastAPIMiddleware):
        async def dispatch(self, request, call_next):
            response = await super().dispatch(request, call_next)
            response.headers["X-Own"] = "1"
            return PlainTextResponse("instead", status_code=response.status_code)

    app = fastapi.FastAPI()
    app.add_middleware(Own, exporter=AzureExporter(), sampler=AlwaysOnSampler())

    @app.get("/")
    async def root():
        with execution_context.get_opencensus_tracer().span("inside"):
            return "served"

    @app.get("/fails")
    def fails():
        raise ValueError("no such order")

    return _answers(app, "/", "/fails")


def cannot_be_described():
    """A middleware that fails while it describes the request, and one whose sampler does."""

    class Own(FastAPIMiddleware):
        def _before_request(self, span, request):
            raise RuntimeError("cannot be described")

        def _after_request(self, span, response):
            raise RuntimeError("cannot be described")

    class Failing(AlwaysOnSampler):
        def should_sample(self, *arguments):
            raise RuntimeError("cannot decide")

    async def app(scope, receive, send):
        await PlainTextResponse("served")(scope, receive, send)

    exporter = AzureExporter()
    answers = _answers(Own(app, exporter=exporter, sampler=AlwaysOnSampler()), "/")
    return answers + _answers(FastAPIMiddleware(app, exporter=exporter, sampler=Failing()), "/")


def side_by_side():
    """Requests at the same time."""
    app = _traced()
    met = []

    @app.get("/orders/{number}")
    async def order(number: int):
        with execution_context.get_opencensus_tracer().span(f"price {number}"):
            met.append(number)
            while len(met) < 5:
                await asyncio.sleep(0)
        return execution_context.get_current_span().attributes["http.path"]

    async def all_of_them():
        return await asyncio.gather(*(_send(app, f"/orders/{number}", headers={}) for number in range(5)))

    return json.dumps(asyncio.run(all_of_them()))
