"""The integrations with web frameworks beside OpenTelemetry's real instrumentations: each item once, whichever was there first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import types

import fastapi
import flask
import httpx
import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path as django_path
from opentelemetry import trace as trace_api
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.pyramid import PyramidInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

import opencensus_compat
from appinsights_exporter import ApplicationInsightsSpanExporter
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.ext.fastapi.fastapi_middleware import FastAPIMiddleware
from opencensus_compat.ext.flask.flask_middleware import FlaskMiddleware
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler

TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}
SITE = "site_of_the_mixed_tests"


@pytest.fixture(autouse=True)
def _fresh(fresh_bridge):
    """Give each test a fresh bridge."""


@pytest.fixture
def endpoint():
    """The resource."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture(autouse=True)
def _project(django_project):
    """Have settings of Django."""


@pytest.fixture
def log(endpoint):
    """A logger with a legacy handler."""
    made = logging.getLogger("tests.instrumented_frameworks")
    made.propagate, made.level = False, logging.INFO
    made.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    yield made
    made.handlers, made.propagate = [], True


class Views:
    """What the views of each application do.

    Args:
        log: Their logger.
    """

    def __init__(self, log):
        self.log = log
        self.call = None
        """Sends a request to the application, from inside it."""

    def look_up(self, what):
        """Do what a request does, with both APIs."""
        with execution_context.get_opencensus_tracer().span(name="look up"):
            self.log.warning("low stock of %s", what)
        trace_api.get_current_span().set_attribute("customer", what)

    def fail(self):
        """Log an exception, and let it out."""
        try:
            raise LookupError("no kettle")
        except LookupError:
            self.log.exception("tried in vain")
            raise


def of_django(views, exporter, provider, order, stack, *, is_async):
    """Return a function that sends a request to a Django project and returns the status code."""
    site = sys.modules[SITE] = types.ModuleType(SITE)
    stack.callback(sys.modules.pop, SITE)

    def look_up(request, what):
        views.look_up(what)
        return HttpResponse("ok")

    async def look_up_async(request, what):
        return look_up(request, what)

    def again(request):
        if request.GET.get("inner"):
            return HttpResponse("inner", status=404)
        client = Client(raise_request_exception=False)
        client.get("/again?inner=1")
        return HttpResponse("outer")

    site.urlpatterns = [
        django_path("stock/<what>", look_up_async if is_async else look_up),
        django_path("down", lambda _: HttpResponse("down", status=503)),
        django_path("fail", lambda _: views.fail()),
        django_path("again", again),
    ]
    stack.enter_context(
        override_settings(
            ROOT_URLCONF=SITE,
            MIDDLEWARE=["opencensus_compat.ext.django.middleware.OpencensusMiddleware"],
            OPENCENSUS={"TRACE": {"SAMPLER": AlwaysOnSampler(), "EXPORTER": exporter}},
        )
    )
    logger = logging.getLogger("django")
    stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.CRITICAL)
    DjangoInstrumentor().instrument(tracer_provider=provider, middleware_position=0 if order == "instrumentation outside" else 1)
    stack.callback(DjangoInstrumentor().uninstrument)

    def get(path, headers=None):
        if is_async:
            client = AsyncClient(raise_request_exception=False)
            return asyncio.run(client.get(path, headers=headers)).status_code
        return Client(raise_request_exception=False).get(path, headers=headers).status_code

    return get


def of_fastapi(views, exporter, provider, order, stack, *, is_async):
    """Return a function that sends a request to a FastAPI application and returns the status code."""
    app = fastapi.FastAPI()

    def look_up(what):
        views.look_up(what)

    async def look_up_async(what):
        views.look_up(what)

    app.get("/stock/{what}")(look_up_async if is_async else look_up)

    @app.get("/down")
    async def down():
        return fastapi.Response("down", status_code=503)

    @app.get("/fail")
    async def fail():
        views.fail()

    @app.get("/again")
    async def again(inner: bool = False):
        if inner:
            return fastapi.Response("inner", status_code=404)
        await send("/again?inner=1")
        return "outer"

    def instrument():
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
        stack.callback(FastAPIInstrumentor.uninstrument_app, app)

    steps = [lambda: app.add_middleware(FastAPIMiddleware, exporter=exporter, sampler=AlwaysOnSampler()), instrument]
    for step in steps if order == "instrumentation outside" else reversed(steps):
        step()

    async def send(path, headers=None):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example", trust_env=False) as client:
            return (await client.get(path, headers=headers)).status_code

    return lambda path, headers=None: asyncio.run(send(path, headers))


def of_flask(views, exporter, provider, order, stack, *, is_async):
    """Return a function that sends a request to a Flask application and returns the status code."""
    # Its logger is of that name, and no other test has it.
    app = flask.Flask("shop_of_mixed_tests")
    app.logger.setLevel(logging.CRITICAL)

    def look_up(what):
        views.look_up(what)
        return "ok"

    async def look_up_async(what):
        return look_up(what)

    def again():
        if "inner" in flask.request.args:
            return "inner", 404
        app.test_client().get("/again?inner=1")
        return "outer"

    app.add_url_rule("/stock/<what>", view_func=look_up_async if is_async else look_up)
    app.add_url_rule("/down", "down", lambda: ("down", 503))
    app.add_url_rule("/fail", "fail", views.fail)
    app.add_url_rule("/again", "again", again)

    def instrument():
        FlaskInstrumentor().instrument_app(app, tracer_provider=provider)
        stack.callback(FlaskInstrumentor().uninstrument_app, app)

    steps = [instrument, lambda: FlaskMiddleware(app, exporter=exporter, sampler=AlwaysOnSampler())]
    for step in steps if order == "instrumentation outside" else reversed(steps):
        step()
    client = app.test_client()
    return lambda path, headers=None: client.get(path, headers=headers).status_code


def of_pyramid(views, exporter, provider, order, stack, *, is_async):
    """Return a function that sends a request to a Pyramid application and returns the status code."""
    if provider is not None:
        # The instrumentation takes the global one.
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(trace_api, "get_tracer", lambda name, *_, **__: provider.get_tracer(name))

    def look_up(request):
        views.look_up(request.matchdict["what"])
        return Response("ok")

    def again(request):
        if "inner" in request.params:
            return Response("inner", status=404)
        get("/again?inner=1")
        return Response("outer")

    settings = {"OPENCENSUS": {"TRACE": {"SAMPLER": AlwaysOnSampler(), "EXPORTER": exporter}}}
    found = {
        "stock/{what}": look_up,
        "down": lambda _: Response("down", status=503),
        "fail": lambda _: views.fail(),
        "again": again,
    }
    with Configurator(settings=settings) as config:
        steps = [
            lambda: config.add_tween("opencensus_compat.ext.pyramid.pyramid_middleware.OpenCensusTweenFactory"),
            lambda: PyramidInstrumentor().instrument_config(config),
        ]
        # The tween that is added last is the outermost.
        for step in steps if order == "instrumentation outside" else reversed(steps):
            step()
        for route, view in found.items():
            config.add_route(route, f"/{route}")
            config.add_view(view, route_name=route)
        app = config.make_wsgi_app()

    def get(path, headers=None):
        try:
            return Request.blank(path, headers=headers or {}).get_response(app).status_code
        except LookupError:
            # A server's answer.
            return 500

    return get


FRAMEWORKS = {
    "django": (of_django, False),
    "django, async": (of_django, True),
    "fastapi": (of_fastapi, False),
    "fastapi, async": (of_fastapi, True),
    "flask": (of_flask, False),
    "flask, async": (of_flask, True),
    "pyramid": (of_pyramid, False),
}


@pytest.mark.parametrize("order", ["instrumentation outside", "integration outside"])
@pytest.mark.parametrize("kind", ["made", "memory", "same resource"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_item_once(endpoint, log, framework, kind, order):
    """Requests with their codes and callers, what they did, logged and raised below them; one that the service sends itself, too."""
    provider = None
    if kind != "made":
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
        if kind == "same resource":
            provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
        opencensus_compat.configure(tracer_provider=provider)
    make, is_async = FRAMEWORKS[framework]
    with contextlib.ExitStack() as stack:
        exporter = AzureExporter(connection_string=endpoint.connection_string)
        get = make(Views(log), exporter, provider, order, stack, is_async=is_async)
        assert [get("/stock/a%20b", CALLED), get("/down"), get("/fail"), get("/again")] == [200, 503, 500, 200]
    assert opencensus_compat.flush(60)
    trace_api.get_tracer_provider().force_flush() if provider is None else provider.force_flush()

    requests = {
        row["resultCode"]: row for row in endpoint.rows("requests") if row["operation_Id"] == TRACE_ID or "again" not in row["name"]
    }
    if framework.startswith("fastapi") and kind == "same resource" and "0" in requests:
        # Older releases of its instrumentation do not know that a server will answer an exception by 500.
        requests["500"] = requests.pop("0")
    inner_and_outer = [row for row in endpoint.rows("requests") if "again" in row["name"]]
    assert {code: row["success"] for code, row in requests.items()} == {"200": "True", "503": "False", "500": "False"}
    assert len(endpoint.rows("requests")) == 5
    assert (requests["200"]["operation_Id"], requests["200"]["operation_ParentId"]) == (TRACE_ID, CALLER)
    assert requests["200"]["customDimensions"]["customer"] == "a b"
    by_code = {row["resultCode"]: row for row in inner_and_outer}
    assert (sorted(by_code), by_code["404"]["operation_ParentId"]) == (["200", "404"], by_code["200"]["id"])
    steps = ("http send", "http receive")
    [look_up] = [row for row in endpoint.rows("dependencies") if not row["name"].endswith(steps)]
    assert (look_up["name"], look_up["operation_ParentId"]) == ("look up", requests["200"]["id"])
    [line] = endpoint.rows("traces")
    assert (line["message"], line["operation_ParentId"]) == ("low stock of a b", look_up["id"])
    # The instrumentation records it, the integration notes it, and the view logs it.
    [exception] = endpoint.rows("exceptions")
    assert (exception["type"], exception["operation_ParentId"]) == ("LookupError", requests["500"]["id"])
