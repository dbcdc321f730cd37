"""The integration with httpx. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref

import httpx
import pytest
from opentelemetry.trace import SpanKind

from opencensus_compat.ext.httpx import trace as httpx_trace
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import PROVIDER

URL = "http://shop.example/orders"


@pytest.fixture(autouse=True)
def integrated(monkeypatch):
    """Switch the integration on for the time of a test."""
    for kind in (httpx.Client, httpx.AsyncClient):
        monkeypatch.setattr(kind, "request", kind.request)
    httpx_trace.trace_integration()


@pytest.fixture
def tracer(otel):
    """A tracer whose spans go to the provider."""
    return Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler())


@pytest.fixture
def sent():
    """The requests that were sent."""
    return []


@pytest.fixture
def transport(sent):
    """Answers every request, and keeps it."""

    def answer(request):
        sent.append(request)
        return httpx.Response(200)

    return httpx.MockTransport(answer)


class _Sync:
    def __init__(self, **options):
        self._client = httpx.Client(**options)

    def request(self, *arguments, **options):
        with self._client as client:
            return client.request(*arguments, **options)


class _Async:
    def __init__(self, **options):
        self._options = options

    def request(self, *arguments, **options):
        async def call():
            async with httpx.AsyncClient(**self._options) as client:
                return await client.request(*arguments, **options)

        return asyncio.run(call())


@pytest.fixture(params=[_Sync, _Async], ids=["client", "async client"])
def client(request):
    """Return a function that makes a client, whose one method makes one call."""
    return request.param


def _traceparent(span):
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def test_a_call(client, transport, sent, otel, tracer):
    """It is one client span, which its headers tell the other side."""
    with tracer.span(name="outer"):
        client(transport=transport).request("GET", URL)
    assert otel.parents == {"/orders": "outer", "outer": None}
    span = otel.spans["/orders"]
    assert span.kind is SpanKind.CLIENT
    assert sent[0].headers["traceparent"] == _traceparent(span)


def test_inside_opentelemetry(client, transport, otel):
    """A call is part of the current OpenTelemetry trace, with no OpenCensus tracer anywhere."""
    with otel.tracer.start_as_current_span("new"):
        client(transport=transport).request("GET", URL)
    assert otel.parents == {"/orders": "new", "new": None}


@pytest.mark.parametrize(
    "headers",
    [None, {"X-Own": "1"}, [("X-Own", "1")], httpx.Headers({"X-Own": "1"}), {b"X-Own": b"1"}],
    ids=["none", "dict", "list", "Headers", "bytes"],
)
def test_headers_of_the_caller(client, transport, sent, tracer, headers):
    """They are sent with the trace's, and the caller's own object stays as it is."""
    before = repr(headers)
    with tracer.span(name="outer"):
        client(transport=transport).request("GET", URL, headers=headers)
    assert "traceparent" in sent[0].headers
    assert sent[0].headers.get("x-own") == (headers and "1")
    assert repr(headers) == before


@pytest.mark.parametrize(
    "url", ["http://shop.example:port/", "http://[", "no scheme", b"http://shop.example/", 7, None, httpx.URL("/relative")], ids=repr
)
def test_odd_urls_fail_as_in_httpx(client, transport, url, tracer, monkeypatch):
    """The integration raises nothing of its own."""

    def outcome():
        try:
            client(transport=transport).request("GET", url)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must be the same
            return type(error)
        return None

    integrated = outcome()
    for kind in (httpx.Client, httpx.AsyncClient):
        monkeypatch.setattr(kind, "request", kind.request.__wrapped__)
    assert integrated is outcome()


def test_a_base_url_counts(client, transport, sent, otel, tracer):
    """The span has the whole URL, and an excluded host is excluded for relative URLs, too."""
    with tracer.span(name="outer"):
        for url in ("orders", "", "http://stock.example/left"):
            client(transport=transport, base_url="http://shop.example:8080/v1/").request("GET", url)
        execution_context.set_opencensus_attr("excludelist_hostnames", ["shop.example:8080"])
        client(transport=transport, base_url="http://shop.example:8080").request("GET", "/excluded")
    urls = [span.attributes.get("http.url") for span in otel.exporter.get_finished_spans()]
    assert urls == ["http://shop.example:8080/v1/orders", "http://shop.example:8080/v1/", "http://stock.example/left", None]
    assert len(sent) == 4


def test_calls_of_exporters_are_not_traced(client, transport, otel, tracer):
    """They have no span, and no headers."""
    execution_context.set_is_exporter(True)
    try:
        client(transport=transport).request("GET", URL)
    finally:
        execution_context.set_is_exporter(False)
    assert otel.spans == {}


@pytest.mark.parametrize(
    ("error", "description"),
    [
        (httpx.ReadTimeout("slow"), "request timed out"),
        (httpx.ConnectError("refused"), "refused"),
        (RuntimeError("out of order"), "out of order"),
    ],
    ids=["timeout", "refused", "other"],
)
def test_a_call_that_fails(client, otel, tracer, error, description):
    """The error goes on, and ends the span."""

    def fail(request):
        raise error

    with tracer.span(name="outer") as outer:
        with pytest.raises(type(error), match=str(error)):
            client(transport=httpx.MockTransport(fail)).request("GET", URL)
        assert execution_context.get_current_span() is outer
    assert otel.parents == {"/orders": "outer", "outer": None}
    assert otel.spans["/orders"].status.description == description


def test_an_error_is_freed_as_soon_as_nobody_has_it(tracer):
    """Nothing of the integration's keeps it, and the frames that it went through, until the garbage collector comes."""

    class Refused(Exception):
        pass

    def refuse(*_, **__):
        raise Refused

    gc.disable()
    try:
        with tracer.span(name="outer"):
            try:
                httpx_trace.wrap_client_request(refuse, None, ("GET", URL), {})
            except Refused as error:
                freed = weakref.ref(error)
        assert freed() is None
    finally:
        gc.enable()


def test_a_cancelled_call_has_failed(otel, tracer):
    """Its span ends with the task, which is cancelled as without the integration."""

    async def calls():
        begun = asyncio.Event()

        async def answer(request):
            begun.set()
            await asyncio.Event().wait()

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            task = asyncio.ensure_future(client.get(URL))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with tracer.span(name="outer"):
        asyncio.run(calls())
    assert otel.parents == {"/orders": "outer", "outer": None}
    assert not otel.spans["/orders"].status.is_ok


def test_calls_side_by_side(otel, tracer):
    """Each has a span of its own below that of its task."""

    async def answer(request):
        await asyncio.sleep(0)
        return httpx.Response(200)

    async def job(client, number):
        with tracer.span(name=f"job {number}"):
            await client.get(f"http://shop.example/{number}")
            await client.get(f"http://shop.example/{number}/again")

    async def jobs():
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            with tracer.span(name="outer"):
                await asyncio.gather(*(job(client, number) for number in range(10)))

    asyncio.run(jobs())
    expected = {"outer": None}
    for number in range(10):
        expected |= {f"job {number}": "outer", f"/{number}": f"job {number}", f"/{number}/again": f"job {number}"}
    assert otel.parents == expected


def test_of_a_subclass(transport, otel, tracer):
    """A class of the program's own that calls the method of its base has one span for each call."""

    class Own(httpx.Client):
        def request(self, method, url, **options):
            return super().request(method, f"http://shop.example{url}", **options)

    with tracer.span(name="outer"), Own(transport=transport) as client:
        client.get("/orders")
    assert [span.name for span in otel.exporter.get_finished_spans()] == ["/orders", "outer"]


def test_again_changes_nothing(transport, otel, tracer):
    """Nothing is wrapped twice: a call has one span."""
    requests = httpx.Client.request, httpx.AsyncClient.request
    httpx_trace.trace_integration()
    assert (httpx.Client.request, httpx.AsyncClient.request) == requests


def test_opentelemetry_instrumentation_makes_the_span(client, otel, tracer, monkeypatch, caplog):
    """Where both would go to the same exporters of the provider, ours makes none, and one message names both."""
    instrumentor = pytest.importorskip("opentelemetry.instrumentation.httpx").HTTPXClientInstrumentor()
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda *_: httpx.Response(200))

    async def answer(self, request):
        return httpx.Response(200)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answer)
    instrumentor.instrument(tracer_provider=otel.provider)
    try:
        with tracer.span(name="outer"), caplog.at_level(logging.WARNING, "opencensus_compat"):
            client(trust_env=False).request("GET", URL)
    finally:
        instrumentor.uninstrument()
    assert otel.parents == {"GET": "outer", "outer": None}
    told = (
        "both opentelemetry.instrumentation.httpx and opencensus.ext.httpx trace the same calls: each is sent once, "
        "as OpenTelemetry's (said once)"
    )
    assert [record.getMessage() for record in caplog.records] == [told]


class _Failing:
    """Raises at whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError("broken")


@pytest.mark.parametrize("broken", ["tracer", "propagator", "exporter"])
def test_what_fails_while_tracing_costs_the_span_only(client, transport, otel, caplog, broken):
    """The call goes out, and the program gets its answer."""
    if broken == "tracer":
        execution_context.set_opencensus_tracer(_Failing())
    else:
        Tracer(**{"exporter": PROVIDER, "sampler": AlwaysOnSampler(), broken: _Failing()})
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        assert client(transport=transport).request("GET", URL).status_code == 200
    said = [record.getMessage() for record in caplog.records if "httpx" in record.getMessage()]
    assert said == ([] if broken == "propagator" else ["opencensus.ext.httpx could not trace all of a call: RuntimeError (said once)"])
