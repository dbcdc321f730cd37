"""Requests of Flask applications, traced by the middleware, by a test's client in the same process."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import flask
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.flask.flask_middleware import FlaskMiddleware
from opencensus.trace import config_integration, execution_context
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler

config_integration.trace_integrations(["logging"])

CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
UNSAMPLED_CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}


def _exporter():
    """Return an exporter that leaves the framework's own frames, which differ from release to release, out of stacks."""
    exporter = AzureExporter()
    exporter.add_telemetry_processor(_without_frames_of_flask)
    return exporter


def _without_frames_of_flask(envelope):
    data = envelope.data.baseData
    for details in data.get("exceptions") or ():
        for key in ("parsedStack", "stack"):
            if isinstance(details.get(key), str):
                details[key] = _own_frames(details[key])
            elif details.get(key):
                details[key] = [frame for frame in details[key] if frame["fileName"] == __file__]
        details["message"] = details["message"].splitlines()[0]
    properties = data.get("properties") or {}
    if "stacktrace" in properties:
        properties["stacktrace"] = _own_frames(properties["stacktrace"])
    for key in ("fileName", "lineNumber"):
        properties.pop(key, None)


def _own_frames(text):
    return "".join("  File %s\n" % frame.rstrip() for frame in text.split("  File ") if frame.startswith('"%s"' % __file__))


def _add_routes(app):
    @app.route("/orders/<number>")
    def orders(number):
        with execution_context.get_opencensus_tracer().span("price") as span:
            span.add_attribute("number", number)
        return number

    @app.route("/fails", methods=["GET", "POST"])
    def fails():
        raise ValueError("no such order")

    @app.route("/status/<int:code>")
    def status(code):
        if code >= 400:
            flask.abort(code)
        return "", code

    app.logger.disabled = True


def _app(routes=_add_routes, **options):
    app = flask.Flask("shop")
    FlaskMiddleware(app, **{"exporter": _exporter(), "sampler": AlwaysOnSampler(), **options})
    routes(app)
    return app


def _configured(**settings):
    app = flask.Flask("shop")
    app.config["OPENCENSUS"] = {"TRACE": settings}
    middleware = FlaskMiddleware(app)
    _add_routes(app)
    return app, middleware


def _get(app, *paths, **options):
    return [app.test_client().get(path, **options).status_code for path in paths]


def one():
    """A request, and a span in it."""
    return _get(_app(), "/orders/7")


def called():
    """The caller's span is in the headers."""
    return _get(_app(), "/orders/7?gift=yes", headers=CALLER)


def of_an_unsampled_caller():
    """The caller's trace is not sampled; the middleware's sampler says yes to it."""
    return _get(_app(), "/orders/7", headers=UNSAMPLED_CALLER)


def b3():
    """Another propagator."""
    headers = {"x-b3-traceid": "0af7651916cd43dd8448eb211c80319c", "x-b3-spanid": "b7ad6b7169203331", "x-b3-sampled": "1"}
    return _get(_app(propagator=B3FormatPropagator()), "/orders/7", headers=headers)


def unsampled():
    """No request of the trace is sent."""
    return _get(_app(sampler=AlwaysOffSampler()), "/orders/7", "/fails")


def statuses():
    """Codes of responses, of errors that are raised, of paths and methods that there are not."""
    app = _app()
    codes = _get(app, "/status/204", "/status/302", "/status/403", "/status/503", "/nowhere?a=1")
    return [*codes, app.test_client().post("/orders/7").status_code, app.test_client().head("/orders/7").status_code]


def hosts_and_paths():
    """Another host, a script's name, a path that has to be quoted."""
    app = _app()
    client = app.test_client()
    urls = [
        ("http://shop.example:8080", "/orders/7"),
        ("https://shop.example/v1", "/orders/8"),
        ("http://shop.example", "/orders/a b/ü?q=%20"),
    ]
    return [client.get(path, base_url=base).status_code for base, path in urls]


def fails():
    """A view raises."""
    return _get(_app(), "/fails")


def fails_and_logs():
    """The application logs what the view raised, and a handler sends that."""
    app = _app()
    handler = AzureLogHandler()
    handler.add_telemetry_processor(_without_frames_of_flask)
    app.logger.disabled = False
    app.logger.handlers = [handler]
    app.logger.propagate = False
    codes = _get(app, "/fails")
    handler.flush()
    app.logger.handlers = []
    return codes


def propagates():
    """A test's application lets the exception out."""
    app = _app()
    app.testing = True
    try:
        app.test_client().get("/fails")
    except ValueError as error:
        raised = str(error)
    return raised


def handled():
    """A handler makes a response of the exception."""
    app = _app()
    app.register_error_handler(ValueError, lambda error: (str(error), 409))
    app.register_error_handler(404, lambda error: ("where?", 404))
    return _get(app, "/fails", "/nowhere")


def handler_fails():
    """The handler of the exception raises another one."""

    def handle(error):
        raise KeyError("handler")

    app = _app()
    app.register_error_handler(ValueError, handle)
    return _get(app, "/fails")


def response_fails():
    """A function after the view raises."""

    def fail(response):
        raise KeyError("after")

    app = _app()
    app.after_request(fail)
    return _get(app, "/orders/7")


def excluded():
    """Paths that are not traced."""
    app = _app(excludelist_paths=["health", "orders/7"])
    return _get(app, "/health", "/orders/7", "/orders/8", "/healthy?a=1", "/x/health")


def excluded_by_default():
    """App Engine's health check."""
    return _get(_app(), "/_ah/health", "/orders/7")


def settings_as_text():
    """Components are expressions in text."""
    app, middleware = _configured(
        SAMPLER="opencensus.trace.samplers.ProbabilitySampler(rate=1)",
        EXPORTER="opencensus.ext.azure.trace_exporter.AzureExporter()",
        PROPAGATOR="opencensus.trace.propagation.b3_format.B3FormatPropagator()",
        EXCLUDELIST_PATHS=["orders/9"],
        EXCLUDELIST_HOSTNAMES=["shop.example:80"],
    )
    codes = _get(app, "/orders/7", "/orders/9")
    kinds = [type(part).__name__ for part in (middleware.sampler, middleware.exporter, middleware.propagator)]
    return [codes, kinds, middleware.excludelist_paths, middleware.excludelist_hostnames]


def settings_as_objects():
    """Components are objects; those that the constructor got come first, and its paths last."""
    app = flask.Flask("shop")
    app.config["OPENCENSUS"] = {"TRACE": {"SAMPLER": AlwaysOffSampler(), "EXPORTER": _exporter(), "EXCLUDELIST_PATHS": ["orders/9"]}}
    middleware = FlaskMiddleware(app, sampler=AlwaysOnSampler(), excludelist_paths=["orders/7"])
    _add_routes(app)
    return [_get(app, "/orders/7", "/orders/9"), middleware.excludelist_paths, middleware.excludelist_hostnames]


def defaults():
    """Without settings."""
    app = flask.Flask("shop")
    middleware = FlaskMiddleware(app)
    parts = [type(part).__name__ for part in (middleware.sampler, middleware.exporter, middleware.propagator)]
    return [*parts, middleware.sampler.rate, middleware.excludelist_paths, middleware.excludelist_hostnames]


def hostnames_of_the_context():
    """What integrations of clients leave out is in the context of the request."""
    app, _ = _configured(SAMPLER=AlwaysOnSampler(), EXPORTER=_exporter(), EXCLUDELIST_HOSTNAMES=["shop.example:80"])
    app.add_url_rule("/hosts", "hosts", lambda: flask.jsonify(execution_context.get_opencensus_attr("excludelist_hostnames")))
    return app.test_client().get("/hosts").get_json()


def factory():
    """One middleware for applications that are made later."""
    middleware = FlaskMiddleware(exporter=_exporter(), sampler=AlwaysOnSampler())
    apps = [flask.Flask("one"), flask.Flask("two")]
    for app in apps:
        middleware.init_app(app)
        _add_routes(app)
    return [_get(apps[0], "/orders/7"), _get(apps[1], "/orders/8"), middleware.app is apps[1]]


def mocked_application():
    """What tests of programs have in the application's place."""
    app = mock.Mock(config={})
    middleware = FlaskMiddleware(app, exporter=_exporter(), sampler=AlwaysOnSampler())
    calls = [app.before_request, app.after_request, app.teardown_request]
    return [middleware.app is app, [call.call_count for call in calls]]


def inside_a_test():
    """A test steps through a request, and looks at the span."""
    app = _app()
    with app.test_request_context("/orders/7", headers=CALLER):
        app.preprocess_request()
        span = execution_context.get_current_span()
        told = [span.name, span.span_kind, dict(span.attributes), span.parent_span.span_id, span.context_tracer.trace_id]
        app.process_response(flask.Response(status=201))
        told.append(dict(span.attributes))
    return told


class Own(FlaskMiddleware):
    """A subclass, as applications have them."""

    def _before_request(self):
        super()._before_request()
        execution_context.get_current_span().add_attribute("own.before", flask.request.endpoint)

    def _after_request(self, response):
        execution_context.get_current_span().add_attribute("own.after", response.status_code)
        return super()._after_request(response)

    def _teardown_request(self, exception):
        execution_context.get_current_span().add_attribute("own.teardown", str(exception))
        super()._teardown_request(exception)


def subclass():
    """The methods may be overridden."""
    app = flask.Flask("shop")
    Own(app, exporter=_exporter(), sampler=AlwaysOnSampler())
    _add_routes(app)
    return _get(app, "/orders/7", "/fails")


def blueprint():
    """The rule has the prefix."""
    part = flask.Blueprint("part", "part", url_prefix="/v2/<tenant>")
    part.add_url_rule("/stock/<path:name>", "stock", lambda tenant, name: name)
    app = _app(lambda app: app.register_blueprint(part))
    return _get(app, "/v2/acme/stock/a/b")


def answered_before_the_view():
    """A function before the view, registered after the middleware, answers."""
    app = _app()
    app.before_request(lambda: ("closed", 503))
    return _get(app, "/orders/7")


def attributes_in_the_view():
    """The view names its span, and adds to it."""

    def routes(app):
        @app.route("/named")
        def named():
            tracer = execution_context.get_opencensus_tracer()
            tracer.add_attribute_to_current_span("customer", "acme")
            tracer.current_span().name = "named"
            return "", 200

    return _get(_app(routes), "/named")


def logs():
    """Lines of a view, of a function after it, and after the request: a server's access log."""
    handler = AzureLogHandler()
    logger = logging.getLogger("lines.flask")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def routes(app):
        @app.route("/logs")
        def log():
            logger.info("in the view")
            with execution_context.get_opencensus_tracer().span("part"):
                logger.info("in a span")
            return ""

        @app.after_request
        def after(response):
            logger.info("after the view")
            return response

    codes = _get(_app(routes), "/logs", headers=CALLER)
    logger.info("after the request")
    handler.flush()
    logger.removeHandler(handler)
    return codes


def at_once():
    """Twenty requests, five at a time: each has its own span, line and trace."""
    handler = AzureLogHandler()
    logger = logging.getLogger("lines.at_once")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    together = threading.Barrier(5)

    def at():
        number = flask.request.path[4:]
        together.wait(30)
        with execution_context.get_opencensus_tracer().span("at " + number):
            logger.info("line " + number)
        return ""

    def routes(app):
        for number in range(20):
            app.add_url_rule("/at/%d" % number, str(number), at)

    app = _app(routes)
    with ThreadPoolExecutor(5) as pool:
        codes = list(pool.map(lambda number: _get(app, "/at/%d" % number), range(20)))
    handler.flush()
    logger.removeHandler(handler)
    return codes


def asynchronous():
    """A view that is a coroutine."""

    def routes(app):
        @app.route("/later")
        async def later():
            with execution_context.get_opencensus_tracer().span("later"):
                await asyncio.sleep(0)
            return ""

    return _get(_app(routes), "/later")


def child_left_open():
    """A view starts a span and does not end it."""

    def routes(app):
        @app.route("/open")
        def left_open():
            execution_context.get_opencensus_tracer().start_span("child")
            execution_context.get_opencensus_tracer().start_span("grandchild")
            return "", 201

    return _get(_app(routes), "/open")


def child_left_open_fails():
    """The same where the view raises."""

    def routes(app):
        app.logger.disabled = True

        @app.route("/open")
        def left_open():
            execution_context.get_opencensus_tracer().start_span("child")
            raise ValueError("child")

    return _get(_app(routes), "/open")


def client_in_a_view():
    """A view calls another one through the client of the application."""

    def routes(app):
        _add_routes(app)

        @app.route("/outer")
        def outer():
            app.test_client().get("/orders/7", headers=CALLER)
            with execution_context.get_opencensus_tracer().span("after"):
                pass
            return ""

    return _get(_app(routes), "/outer")


def stream():
    """A generator: the response is made while it is sent."""

    def routes(app):
        @app.route("/stream")
        def stream():
            def parts():
                for number in range(2):
                    with execution_context.get_opencensus_tracer().span("part %d" % number):
                        yield str(number)

            return flask.Response(parts(), status=206)

    with _app(routes).test_client().get("/stream", headers=CALLER) as response:
        return [response.status_code, response.get_data(as_text=True)]


def stream_with_context():
    """A generator that keeps the request's context."""

    def routes(app):
        @app.route("/stream")
        def stream():
            def parts():
                with execution_context.get_opencensus_tracer().span("parts"):
                    yield flask.request.path

            return flask.Response(flask.stream_with_context(parts()))

    with _app(routes).test_client().get("/stream") as response:
        return [response.status_code, response.get_data(as_text=True)]


def file():
    """A file that is passed through."""

    def routes(app):
        app.add_url_rule("/file", "file", lambda: flask.send_file(__file__))

    with _app(routes).test_client().get("/file") as response:
        return [response.status_code, len(response.get_data()) > 0]


def copied_context():
    """Work in another thread, with a copy of the request's context."""
    threads = []

    def routes(app):
        @app.route("/copied")
        def copied():
            @flask.copy_current_request_context
            def work():
                return flask.request.path

            threads.append(threading.Thread(target=work))
            threads[0].start()
            threads[0].join()
            with execution_context.get_opencensus_tracer().span("after"):
                pass
            return "", 202

    return _get(_app(routes), "/copied")


def excluded_after_a_request():
    """Where a request has been before, one that is not traced has a line of a log."""
    handler = AzureLogHandler()
    logger = logging.getLogger("lines.excluded")
    logger.addHandler(handler)

    def routes(app):
        _add_routes(app)

        @app.route("/health")
        def health():
            logger.warning("health")
            return ""

    codes = _get(_app(routes, excludelist_paths=["health"]), "/orders/7", "/health")
    handler.flush()
    logger.removeHandler(handler)
    return codes


def before_the_middleware():
    """A function that was registered before the middleware answers."""
    app = flask.Flask("shop")
    app.before_request(lambda: ("closed", 503) if flask.request.path == "/closed" else None)
    FlaskMiddleware(app, exporter=_exporter(), sampler=AlwaysOnSampler())
    _add_routes(app)
    return _get(app, "/orders/7", "/closed")
