"""Requests of Pyramid applications, traced by the tween, without a server in between."""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.pyramid import config as pyramid_config
from opencensus.ext.pyramid.pyramid_middleware import OpenCensusTweenFactory
from opencensus.trace import config_integration, execution_context
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPFound, HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

config_integration.trace_integrations(["logging"])

CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def _orders(request):
    with execution_context.get_opencensus_tracer().span("price") as span:
        span.add_attribute("number", request.matchdict["number"])
    return Response("7")


def _fails(request):
    raise ValueError("no such order")


def _forbidden(request):
    raise HTTPForbidden()


def _moved(request):
    return HTTPFound("/orders/7")


def _status(request):
    return Response(status=int(request.matchdict["code"]))


ROUTES = {
    "/orders/{number}": _orders,
    "/fails": _fails,
    "/forbidden": _forbidden,
    "/moved": _moved,
    "/status/{code}": _status,
    "/health": lambda request: Response("well"),
}


def _app(routes=None, handles=None, place=None, **settings):
    trace = {"SAMPLER": AlwaysOnSampler(), "EXPORTER": AzureExporter(), **settings}
    with Configurator(package="pyramid", settings={"OPENCENSUS": {"TRACE": trace}}) as config:
        config.add_tween("opencensus.ext.pyramid.pyramid_middleware.OpenCensusTweenFactory", **(place or {}))
        for pattern, view in (routes or ROUTES).items():
            config.add_route(pattern, pattern)
            config.add_view(view, route_name=pattern)
        if handles is not None:
            config.add_exception_view(handles, context=ValueError)
    return config.make_wsgi_app()


def _get(app, *paths, **options):
    return [Request.blank(path, **options).get_response(app).status_code for path in paths]


def one():
    """A request, and a span in it."""
    return _get(_app(), "/orders/7")


def called():
    """The caller's span is in the headers."""
    return _get(_app(), "/orders/7?gift=yes", headers=CALLER)


def b3():
    """Another propagator."""
    headers = {"x-b3-traceid": "0af7651916cd43dd8448eb211c80319c", "x-b3-spanid": "b7ad6b7169203331", "x-b3-sampled": "1"}
    return _get(_app(PROPAGATOR=B3FormatPropagator()), "/orders/7", headers=headers)


def unsampled():
    """No request of the trace is sent."""
    return _get(_app(SAMPLER=AlwaysOffSampler()), "/orders/7", "/health")


def statuses():
    """Codes of responses, of exceptions that are responses, and of paths that there are not."""
    return _get(_app(), "/status/204", "/status/503", "/forbidden", "/moved", "/nowhere?a=1")


def hosts_and_paths():
    """Another host, a script's name, a path that has to be quoted."""
    urls = [
        ("http://shop.example:8080", "/orders/7"),
        ("https://shop.example/v1", "/orders/8"),
        ("http://shop.example", "/orders/a%20b?q=%20"),
    ]
    app = _app()
    return [Request.blank(path, base_url=base).get_response(app).status_code for base, path in urls]


def handled():
    """A view of the exception makes the response."""

    def handles(error, request):
        return Response(str(error), status=409)

    return _get(_app(handles=handles), "/fails")


def fails():
    """A view raises, and the server gets the exception; a request follows."""
    app = _app()
    with contextlib.suppress(ValueError):
        _get(app, "/fails", headers=CALLER)
    return _get(app, "/orders/7")


def below_the_views_of_exceptions():
    """The tween stands where exceptions are not yet responses."""
    app = _app(place={"under": "pyramid.tweens.excview_tween_factory"})
    return _get(app, "/forbidden", "/orders/7")


def excluded():
    """Paths that are not traced."""
    return _get(_app(EXCLUDELIST_PATHS=["health", "orders/7"]), "/health", "/orders/7", "/orders/8")


def excluded_by_default():
    """App Engine's health check."""
    return _get(_app(), "/_ah/health", "/health")


def defaults():
    """Without settings, and where they lack some."""
    registry = mock.Mock(settings={})
    settings = pyramid_config.PyramidTraceSettings(registry)
    told = [type(getattr(settings, name)).__name__ for name in ("SAMPLER", "EXPORTER", "PROPAGATOR")]
    told += [settings.EXCLUDELIST_PATHS, settings.settings is pyramid_config.DEFAULT_PYRAMID_TRACER_CONFIG]
    registry.settings = {"OPENCENSUS": {"TRACE": {"SAMPLER": AlwaysOffSampler(), "EXCLUDELIST_PATHS": []}}}
    settings = pyramid_config.PyramidTraceSettings(registry)
    told += [type(settings.SAMPLER).__name__, settings.EXPORTER is pyramid_config.DEFAULT_PYRAMID_TRACER_CONFIG["EXPORTER"]]
    told += [settings.EXCLUDELIST_PATHS, sorted(registry.settings["OPENCENSUS"]["TRACE"])]
    try:
        told.append(settings.HOST)
    except AttributeError as error:
        told.append(str(error))
    return told


def steps():
    """A test takes a request's steps one by one, and looks at the span."""
    registry = mock.Mock(settings={"OPENCENSUS": {"TRACE": {"SAMPLER": AlwaysOnSampler(), "EXPORTER": AzureExporter()}}})
    tween = OpenCensusTweenFactory(None, registry)
    request = Request.blank("/orders/7", headers=CALLER)
    tween._before_request(request)
    span = execution_context.get_current_span()
    told = [span.name, span.span_kind, dict(span.attributes), span.parent_span.span_id, span.context_tracer.trace_id]
    tween._after_request(request, Response(status=201))
    return [*told, dict(span.attributes), tween.handler, tween.registry is registry]


class Own(OpenCensusTweenFactory):
    """A subclass, as applications have them."""

    def _before_request(self, request):
        super()._before_request(request)
        execution_context.get_current_span().add_attribute("own.before", request.method)

    def _after_request(self, request, response):
        execution_context.get_current_span().add_attribute("own.after", response.status_code)
        super()._after_request(request, response)


def subclass():
    """The methods may be overridden."""
    registry = mock.Mock(settings={"OPENCENSUS": {"TRACE": {"EXPORTER": AzureExporter()}}})
    return Own(lambda request: Response(status=202), registry)(Request.blank("/own")).status_code


def subrequest():
    """A view asks another one by a request inside its own, which passes the tween as well."""

    def outer(request):
        request.invoke_subrequest(Request.blank("/orders/7", headers=CALLER), use_tweens=True)
        with execution_context.get_opencensus_tracer().span("after"):
            pass
        return Response("")

    return _get(_app({"/outer": outer, "/orders/{number}": _orders}), "/outer")


def child_left_open():
    """A view starts a span and does not end it."""

    def left_open(request):
        execution_context.get_opencensus_tracer().start_span("child")
        return Response(status=201)

    return _get(_app({"/open": left_open}), "/open")


def stream():
    """A generator: the response is made while it is sent, after the request."""

    def parts():
        with execution_context.get_opencensus_tracer().span("part"):
            yield b"1"

    app = _app({"/stream": lambda request: Response(app_iter=parts())})
    return Request.blank("/stream", headers=CALLER).get_response(app).text


def logs():
    """Lines of a view, and after the request: a server's access log."""
    handler = AzureLogHandler()
    logger = logging.getLogger("lines.pyramid")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def view(request):
        logger.info("in the view")
        return Response("")

    codes = _get(_app({"/logs": view, "/health": view}, EXCLUDELIST_PATHS=["health"]), "/logs", headers=CALLER)
    logger.info("after the request")
    handler.flush()
    logger.removeHandler(handler)
    return codes


def at_once():
    """Twenty requests, five at a time: each has its own span and trace."""
    together = threading.Barrier(5)

    def view(request):
        together.wait(30)
        with execution_context.get_opencensus_tracer().span("at " + request.path[4:]):
            pass
        return Response("")

    app = _app({"/at/{number}": view})
    with ThreadPoolExecutor(5) as pool:
        return list(pool.map(lambda number: _get(app, "/at/%d" % number), range(20)))
