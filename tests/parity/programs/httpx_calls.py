"""Calls of httpx, traced by its integration, to a server in the same process."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import threading

import httpx
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context, integrations
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer

EARLY = httpx.Client(trust_env=False, timeout=60)
INTEGRATED = config_integration.trace_integrations(["httpx"])


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = int(self.path.partition("?")[0].rpartition("/")[2] or 200)
        if status == 0:
            self.server.released.wait(60)
            self.close_connection = True
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/moved/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def _server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.seen, server.released = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server, "http://127.0.0.1:%d" % server.server_port
    finally:
        server.released.set()
        server.shutdown()
        server.socket.close()
        thread.join()


def _client(**options):
    return httpx.Client(**{"trust_env": False, "timeout": 60, **options})


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


def _trace_headers(server):
    wanted = ("traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-own")
    return [[name, seen[name]] for seen in server.seen for name in wanted if name in seen]


def _kind_of(call, *args, **options):
    try:
        call(*args, **options)
    except Exception as error:
        return type(error).__name__
    return None


def names():
    """What was integrated."""
    return [INTEGRATED, bool(integrations.get_integrations() & integrations._Integrations.HTTPX)]


def methods():
    """Each method of a client inside a span."""
    tracer = _tracer()
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        client.get(url + "/orders/200", params={"sku": "a1"})
        client.post(url + "/orders/201?sku=a1", content=b"x")
        client.put(url + "/200", json={"left": 7})
        client.patch(url + "/200", data={"left": "7"})
        client.delete(url + "/204")
        client.options(url)
        client.request("get", url + "/200")
        client.request(method="post", url=url + "/200")


def functions_of_the_module():
    """Without a client of the program's own."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        httpx.get(url + "/orders/200", trust_env=False)
        httpx.post(url + "/orders/503", content=b"x", trust_env=False)
        httpx.request("DELETE", url + "/204", trust_env=False)


def alone():
    """A call outside any span."""
    _tracer()
    with _server() as (server, url), _client() as client:
        client.get(url)


def statuses():
    """Result codes of several kinds."""
    tracer = _tracer()
    with _server() as (_, url), _client() as client, tracer.span(name="outer"):
        for status in (201, 304, 400, 401, 403, 404, 418, 429, 501, 503, 504):
            client.get(url + "/status/%d" % status)


def redirects():
    """One that is followed is part of the call."""
    tracer = _tracer()
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        client.get(url + "/302", headers={})
        client.get(url + "/302", headers={}, follow_redirects=True)
    return _trace_headers(server)


def with_headers():
    """Headers of the program's own stay."""
    tracer = _tracer()
    with _server() as (server, url), _client(headers={"X-Own": "2"}) as client, tracer.span(name="outer"):
        client.get(url + "/200", headers={"X-Own": "1"})
    return _trace_headers(server)


def without_headers():
    """The trace's headers all the same."""
    tracer = _tracer()
    with _server() as (server, url), _client(headers={"X-Own": "2"}) as client, tracer.span(name="outer"):
        client.get(url + "/200")
    return _trace_headers(server)


def other_clients():
    """One that was made before the integration was switched on, and one of a class of the program's own."""

    class Own(httpx.Client):
        def request(self, method, url, **options):
            return super().request(method, url, **options)

    tracer = _tracer()
    with _server() as (server, url), Own(trust_env=False, timeout=60) as own, tracer.span(name="outer"):
        EARLY.get(url + "/early/200")
        own.get(url + "/own/200")


def streams_and_built_requests():
    """They are no calls of `request`."""
    tracer = _tracer()
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        with client.stream("GET", url + "/200") as response:
            response.read()
        client.send(client.build_request("GET", url + "/200"))
    return _trace_headers(server)


def addresses():
    """Schemes, hosts and paths in several forms."""
    tracer = _tracer()
    client = _client(transport=httpx.MockTransport(lambda request: httpx.Response(200)))
    with client, tracer.span(name="outer"):
        for address in (
            "https://shop.example",
            "http://SHOP.example/Orders/?sku=a 1#top",
            "https://shop.example:8443/orders",
            "http://[::1]:8080/orders",
            "http://bücher.example/bücher",
        ):
            client.get(address)


def excluded():
    """A host that is excluded."""
    tracer = _tracer()
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        execution_context.set_opencensus_attr("excludelist_hostnames", [url[len("http://") :]])
        client.get(url + "/200")
        execution_context.set_opencensus_attr("excludelist_hostnames", ["localhost:8080"])
        client.get(url + "/200")
        execution_context.set_opencensus_attr("excludelist_hostnames", None)


def calls_of_exporters():
    """They are not traced."""
    tracer = _tracer()
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        execution_context.set_is_exporter(True)
        client.get(url + "/200")
        execution_context.set_is_exporter(False)
    return _trace_headers(server)


def unsampled():
    """A trace that is not sampled."""
    tracer = _tracer(sampler=AlwaysOffSampler())
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        client.get(url + "/200", headers={})
    return [[name, value[-3:]] for name, value in _trace_headers(server)]


def b3():
    """Another propagator."""
    tracer = _tracer(propagator=B3FormatPropagator())
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        client.get(url + "/200", headers={})
    return _trace_headers(server)


def failures():
    """Nobody listens, nobody answers, and no such protocol."""
    tracer = _tracer()
    kinds = []
    with _server() as (_, url), _client() as client, tracer.span(name="outer"):
        kinds.append(_kind_of(client.get, "http://127.0.0.1:9/200"))
        kinds.append(_kind_of(client.get, url + "/0", timeout=0.05))
        kinds.append(_kind_of(client.get, "gopher://shop.example/orders"))
        kinds.append(_kind_of(client.get, "shop.example/orders"))
        with tracer.span(name="after"):
            pass
    return kinds


def invalid_urls():
    """A host that httpx refuses, and a port at which OpenCensus's integration raised."""
    tracer = _tracer()
    with _client() as client, tracer.span(name="outer"):
        kind = _kind_of(client.get, "http://\N{SMILING FACE WITH SUNGLASSES}.example/refused")
        with contextlib.suppress(httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError):
            client.get("http://shop.example:port/orders")
        return kind


def an_error_of_the_transport():
    """It goes on, and its text is the status."""

    def fail(request):
        raise RuntimeError("out of order")

    tracer = _tracer()
    with _client(transport=httpx.MockTransport(fail)) as client, tracer.span(name="outer"):
        return _kind_of(client.get, "http://shop.example/orders")


def below_a_base():
    """Relative URLs."""
    tracer = _tracer()
    with _server() as (server, url), _client(base_url=url + "/v1") as client, tracer.span(name="outer"):
        client.get("/orders/200")
        client.get("orders/201?sku=a1")


def objects_as_urls():
    """Of httpx's own class."""
    tracer = _tracer()
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        kind = _kind_of(client.get, httpx.URL(url + "/orders/200"))
    return [kind, _trace_headers(server)]


def headers_of_other_types():
    """A list, an object of httpx's own, bytes, none at all, and a dict that is used again."""
    tracer = _tracer()
    own = {"X-Own": "1"}
    kinds = []
    with _server() as (server, url), _client() as client, tracer.span(name="outer"):
        for headers in ([("X-Own", "1")], httpx.Headers({"X-Own": "1"}), {b"X-Own": b"1"}, None, own):
            kinds.append(_kind_of(client.get, url + "/200", headers=headers))
    return [kinds, _trace_headers(server), sorted(own)]


def asynchronous():
    """Clients of asyncio."""
    tracer = _tracer()

    async def calls(url):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            with tracer.span(name="outer"):
                await client.get(url + "/orders/200")
                await client.post(url + "/orders/503", content=b"x")

    with _server() as (server, url):
        asyncio.run(calls(url))
