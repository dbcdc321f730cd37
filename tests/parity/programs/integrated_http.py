"""Calls of requests and http.client, traced by the integrations, to a server in the same process."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading

import requests
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer

INTEGRATED = config_integration.trace_integrations(["requests", "httplib"])


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(int(self.path.partition("?")[0].rpartition("/")[2] or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def _server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server, "http://127.0.0.1:%d" % server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


def _trace_headers(server):
    wanted = ("traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-own")
    return [[name, seen[name]] for seen in server.seen for name in wanted if name in seen]


def names():
    """What was integrated."""
    return INTEGRATED


def requests_get():
    """A call inside a span."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        requests.get(url + "/orders/200?sku=a1")
    return _trace_headers(server)


def requests_alone():
    """A call outside any span."""
    _tracer()
    with _server() as (server, url):
        requests.get(url)
    return _trace_headers(server)


def requests_statuses():
    """Result codes of several kinds."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        for status in (201, 204, 400, 404, 418, 503):
            requests.post(url + "/status/%d" % status, data=b"x")


def requests_with_headers():
    """Headers of the program's own stay."""
    tracer = _tracer()
    own = {"X-Own": "1"}
    with _server() as (server, url), tracer.span(name="outer"):
        requests.get(url + "/200", headers=own)
    return _trace_headers(server)


def requests_session():
    """A session, and the method in small letters."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"), requests.Session() as session:
        session.request("get", url + "/200")
        session.request(method="post", url=url + "/200", data="x")
    return _trace_headers(server)


def requests_excluded():
    """A host that is excluded."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        execution_context.set_opencensus_attr("excludelist_hostnames", [url[len("http://") :]])
        requests.get(url + "/200")
        execution_context.set_opencensus_attr("excludelist_hostnames", ["localhost:8080"])
        requests.get(url + "/200")
        execution_context.set_opencensus_attr("excludelist_hostnames", None)
    return _trace_headers(server)


def requests_unsampled():
    """A trace that is not sampled."""
    tracer = _tracer(sampler=AlwaysOffSampler())
    with _server() as (server, url), tracer.span(name="outer"):
        requests.get(url + "/200")
    return [[name, value[-3:]] for name, value in _trace_headers(server)]


def requests_b3():
    """Another propagator."""
    tracer = _tracer(propagator=B3FormatPropagator())
    with _server() as (server, url), tracer.span(name="outer"):
        requests.get(url + "/200")
    return _trace_headers(server)


def requests_refused():
    """Nobody listens."""
    tracer = _tracer()
    with tracer.span(name="outer"), contextlib.suppress(requests.ConnectionError):
        requests.get("http://127.0.0.1:9/200", timeout=5)


def requests_without_scheme():
    """A URL that requests refuses."""
    tracer = _tracer()
    with tracer.span(name="outer"):
        try:
            requests.get("shop.example/orders")
        except Exception as error:
            return type(error).__name__


def requests_tells_the_tracer():
    """The integration makes the tracer that it is given the current one."""
    tracer = _tracer()
    execution_context.clean()
    config_integration.trace_integrations([], tracer=tracer)
    return type(execution_context.get_opencensus_tracer()).__name__ == "Tracer"


def httplib_get():
    """A call inside a span."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        connection = http.client.HTTPConnection(url[len("http://") :])
        connection.request("GET", "/orders/200", None, {"X-Own": "1"})
        status = connection.getresponse().status
        connection.close()
    return [status, *_trace_headers(server)]


def httplib_status():
    """A call that fails."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        connection = http.client.HTTPConnection(url[len("http://") :])
        connection.request("POST", "/orders/503", b"x", {})
        connection.getresponse().read()
        with tracer.span(name="after"):
            pass
        connection.close()


def httplib_excluded():
    """A host that is excluded."""
    tracer = _tracer()
    with _server() as (server, url), tracer.span(name="outer"):
        execution_context.set_opencensus_attr("excludelist_hostnames", [url[len("http://") :]])
        connection = http.client.HTTPConnection(url[len("http://") :])
        connection.request("GET", "/200", None, {})
        connection.getresponse()
        connection.close()
        execution_context.set_opencensus_attr("excludelist_hostnames", None)
    return _trace_headers(server)
