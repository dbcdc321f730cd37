"""Every kind of span, and every http attribute that the old exporter looked at."""

from __future__ import annotations

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

URL = "https://shop.example:8443/orders/7;v=1?page=2#top"


def _send(kind, *cases):
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="all"):
        for number, attributes in enumerate(cases):
            with tracer.span(name=f"case {number}") as span:
                span.span_kind = kind
                for key, value in attributes.items():
                    span.add_attribute(key, value)


def all_kinds():
    """Return nothing; a span of each kind, none inside the other."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="all"):
        for kind in (SpanKind.UNSPECIFIED, SpanKind.SERVER, SpanKind.CLIENT):
            with tracer.span(name=f"kind {kind}") as span:
                span.span_kind = kind


def server_names():
    """Method, route and path in every combination."""
    method, route, path = {"http.method": "GET"}, {"http.route": "/orders/<id>"}, {"http.path": "/orders/7"}
    _send(
        SpanKind.SERVER,
        {},
        method,
        route,
        path,
        {**method, **route},
        {**method, **path},
        {**route, **path},
        {**method, **route, **path},
    )


def server_urls():
    """Urls, with and without the rest, and http attributes that no field holds."""
    _send(
        SpanKind.SERVER,
        {"http.url": URL},
        {"http.url": URL, "http.method": "POST", "http.route": "/orders"},
        {"http.url": "/only/a/path", "http.host": "shop.example", "http.user_agent": "curl/8", "http.client_ip": "10.0.0.1"},
        {"http.url": "", "component": "HTTP"},
    )


def server_status_codes():
    """Http status codes at the borders of success."""
    _send(SpanKind.SERVER, *({"http.status_code": code} for code in (100, 199, 200, 204, 302, 399, 400, 404, 500, 599, 0)))


def client_calls():
    """Component, url and method in every combination."""
    component, url, method = {"component": "HTTP"}, {"http.url": URL}, {"http.method": "PUT"}
    _send(
        SpanKind.CLIENT,
        component,
        {**component, **url},
        {**component, **method},
        {**component, **url, **method},
        {**component, "http.url": "http://shop.example", **method},
        {**component, "http.url": "not a url", **method},
        {**component, "http.url": "", **method},
        {"component": "mysql", "db.type": "sql", "db.statement": "SELECT 1"},
        {**component, **method, "http.route": "/orders", "http.path": "/orders/7"},
    )


def client_status_codes():
    """Http status codes of calls."""
    _send(SpanKind.CLIENT, *({"component": "HTTP", "http.status_code": code} for code in (199, 200, 399, 400, 404, 500)))


def client_without_component():
    """A call that does not say over what."""
    _send(SpanKind.CLIENT, {"http.url": "http://shop.example/orders"})


def client_with_credentials():
    """A call and a request whose urls carry a password."""
    _send(SpanKind.CLIENT, {"component": "HTTP", "http.url": "http://bob:secret@shop.example:8080/orders", "http.method": "GET"})
    _send(SpanKind.SERVER, {"http.url": "http://bob:secret@shop.example:8080/orders", "http.method": "GET"})


def in_process_with_http():
    """Http attributes do not matter in process."""
    _send(SpanKind.UNSPECIFIED, {"http.url": URL, "http.method": "GET", "http.status_code": 500, "component": "HTTP"})


def statuses():
    """Statuses of requests and calls, with and without a message and an http status code."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="all"):
        for kind in (SpanKind.SERVER, SpanKind.CLIENT):
            for code in (0, 1, 2, 5, 13, 16):
                with tracer.span(name=f"code {code}") as span:
                    span.span_kind = kind
                    span.add_attribute("component", "grpc")
                    span.set_status(Status(code=code, message="as told"))
            with tracer.span(name="http decides") as span:
                span.span_kind = kind
                span.add_attribute("component", "grpc")
                span.add_attribute("http.status_code", 200)
                span.set_status(Status(code=2))


def in_process_statuses():
    """Statuses of work inside the process."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    with tracer.span(name="all"):
        for code in (0, 2, 7):
            with tracer.span(name=f"code {code}") as span:
                span.status = Status(code)


def text_status_codes():
    """A status code in text."""
    tracer = Tracer(exporter=AzureExporter(grace_period=2.5), sampler=AlwaysOnSampler())
    with tracer.span(name="good"):
        pass
    with tracer.span(name="bad") as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("http.status_code", "404")


def text_status_codes_of_failures():
    """A status code in text, which is no number: the span's own status says whether it failed."""
    tracer = Tracer(exporter=AzureExporter(grace_period=2.5), sampler=AlwaysOnSampler())
    for kind in (SpanKind.SERVER, SpanKind.CLIENT):
        with tracer.span(name="failed") as span:
            span.span_kind = kind
            span.add_attribute("http.status_code", "none")
            span.status = Status(5)


def client_with_parameters():
    """The name of a call ends before the parameters of its path's last segment."""
    paths = ("/a;b=1/orders;sort=asc?page=2", "/a;b=1/stock", "/;x", "/carts;")
    _send(SpanKind.CLIENT, *({"component": "HTTP", "http.method": "GET", "http.url": f"http://shop.example{path}"} for path in paths))
