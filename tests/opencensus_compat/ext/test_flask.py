"""The integration with Flask, beyond what the programs of `tests/parity` show."""

from __future__ import annotations

import contextvars
import io
import itertools
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import flask
import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from opencensus_compat.ext import _server
from opencensus_compat.ext.flask.flask_middleware import FlaskMiddleware, _url
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator

_ON = samplers.AlwaysOnSampler()


@pytest.fixture(autouse=True)
def _own_context():
    execution_context.clean()
    yield
    _server.forget_ended()
    execution_context.clean()


@pytest.fixture
def said(caplog):
    """The texts of the log lines."""
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def make(kept):
    """Returns a function that makes a traced application of views by their names."""

    def application(*views, config=None, **options):
        app = flask.Flask("shop_of_flask_tests")
        app.config.update(config or {})
        app.middleware = FlaskMiddleware(app, **{"exporter": kept, "sampler": _ON, **options})
        for view in views:
            app.add_url_rule(f"/{view.__name__}", view.__name__, view)
        app.logger.disabled = True
        return app

    return application


@pytest.mark.parametrize("host", ["shop.example", "shop:80", "shop:8080", "Shop", "[::1]:80", "xn--bcher-kva.example", "s-1:443", "a:080"])
@pytest.mark.parametrize(
    "path", ["", "/", "/a.b/~c-d_e", "//a", "/a//b", "/./a/..", "/a%20b", "/a b", "/%C3%A9", "/a?b", "/a?b=%2F&c", "/a:b"]
)
@pytest.mark.parametrize("root", ["", "/base", "/base/", "/r t"])
def test_the_url_of_a_request_is_werkzeugs(host, path, root):
    """However it is put together."""
    environ = {**EnvironBuilder(path=path or "/").get_environ(), "HTTP_HOST": host, "SCRIPT_NAME": root}
    request = flask.Request(environ)
    assert _url(request, request.host, request.path) == flask.Request(environ).url


def test_the_url_of_a_request_of_the_programs_own():
    """A property of a subclass counts."""

    class Request(flask.Request):
        url = "elsewhere"

    request = Request(EnvironBuilder(path="/a").get_environ())
    assert _url(request, request.host, request.path) == "elsewhere"


def well():
    """Answer."""
    return "well"


def fails():
    """Raise."""
    raise ValueError("no such order")


def _parts():
    with execution_context.get_opencensus_tracer().span("part"):
        yield "one "
    yield "two"


def streams():
    """Answer part by part."""
    return flask.Response(_parts())


# Settings.


@pytest.mark.parametrize(
    ("config", "options"),
    [
        pytest.param({}, {"blacklist_paths": ["well"]}, id="argument"),
        pytest.param({"OPENCENSUS": {"TRACE": {"BLACKLIST_PATHS": ["well"]}}}, {}, id="setting"),
        pytest.param({"OPENCENSUS": {"TRACE": {"EXCLUDELIST_PATHS": ["well"], "BLACKLIST_PATHS": ["fails"]}}}, {}, id="both"),
        pytest.param({"OPENCENSUS": {"TRACE": {"EXCLUDELIST_PATHS": ["well"]}}}, {"excludelist_paths": ["fails"]}, id="setting first"),
        pytest.param({"OPENCENSUS": "{'TRACE': {'EXCLUDELIST_PATHS': ['well']}}"}, {}, id="text"),
    ],
)
def test_paths_are_left_out_by_every_spelling(make, kept, config, options):
    """Releases before 0.7.4 called the list another name."""
    app = make(well, config=config, **options)
    assert app.middleware.blacklist_paths == app.middleware.excludelist_paths == ["well"]
    app.test_client().get("/well")
    assert kept.names == []


def test_the_older_attributes_are_those_of_today(make):
    """Programs read and set them."""
    middleware = make(config={"OPENCENSUS": {"TRACE": {"BLACKLIST_HOSTNAMES": ["shop:80"]}}}).middleware
    assert middleware.blacklist_hostnames == middleware.excludelist_hostnames == ["shop:80"]
    middleware.blacklist_hostnames, middleware.blacklist_paths = ["a:80"], ["health"]
    assert (middleware.excludelist_hostnames, middleware.excludelist_paths) == (["a:80"], ["health"])


def test_settings_of_the_first_releases_are_reported(make, said):
    """They have had no effect since release 0.3."""
    make(config={"OPENCENSUS_TRACE": {"EXPORTER": object}})
    assert len(said()) == 1
    assert "OPENCENSUS_TRACE (from app.config)" in said()[0]


def test_a_class_is_a_component(make):
    """It is called without arguments."""
    middleware = make(config={"OPENCENSUS": {"TRACE": {"SAMPLER": samplers.AlwaysOffSampler}}}, sampler=None).middleware
    assert isinstance(middleware.sampler, samplers.AlwaysOffSampler)


def test_a_mock_stands_in_for_the_application():
    """One without settings of its own answers to anything."""
    app = mock.Mock()
    assert FlaskMiddleware(app).app is app


@pytest.mark.parametrize(
    ("path", "root", "is_excluded"),
    [
        ("/orders/7", "", True),
        ("/orders/", "", True),
        ("/order", "", False),
        ("/7", "/orders", True),
        ("/orders/7", "/v1", False),
        ("/or%2564ers/7", "", True),
        ("/größe/7", "", False),
    ],
)
@pytest.mark.parametrize("paths", [["health", "orders/"], ["health", "orders/", "a b"]])
def test_the_path_decides_as_the_url_would(make, kept, path, root, is_excluded, paths):
    """For plain lists the URL is not put together; for others it is."""
    make(excludelist_paths=paths).test_client().get(path, base_url=f"http://shop{root}")
    assert (not kept.names) is is_excluded


_HOSTS = ("http://shop.example", "https://Shop.Example:8080", "http://xn--bcher-kva.example", "http://[::1]:80", "http://shop/v1")
_PATHS = ("/orders/7", "/", "/a b/ü", "/100%25", "/%2e%2e/x", "/a;b=1/@c:d,e", "/~x/-_.!$&'()*+,=")
_QUERIES = ("", "?a=1&b=2", "?b=/x:y@z;c", "?q=%20+ü", "?a=?", "?", '?"<>')


def test_the_url_is_that_of_the_request(make):
    """Also where this package puts it together."""
    app = make()
    for base, path, query in itertools.product(_HOSTS, _PATHS, _QUERIES):
        with app.test_request_context(path + query, base_url=base):
            app.preprocess_request()
            span = execution_context.get_current_span()
            assert (span.attributes["http.url"], span.name) == (flask.request.url, f"[GET]{flask.request.url}")


def test_a_list_that_changes_counts_as_it_is(make, kept):
    """A program adds to it while it runs."""
    app = make(well, excludelist_paths=[])
    app.middleware.excludelist_paths.append("well")
    app.test_client().get("/well")
    assert kept.names == []


# Several of them.


def test_a_subclass_that_calls_no_constructor(kept, said):
    """It makes its components by itself."""

    class Own(FlaskMiddleware):
        def __init__(self, app):
            self.app, self.sampler, self.exporter, self.propagator = app, _ON, kept, TraceContextPropagator()
            self.setup_trace()

    app = flask.Flask("shop")
    Own(app)
    app.add_url_rule("/well", "well", well)
    assert app.test_client().get("/well").status_code == 200
    assert [span.attributes["http.status_code"] for span in kept.spans] == [200]
    assert not said()


def test_an_application_may_have_two_middlewares(make, kept):
    """Each has its own exporter, and its own span."""
    app = make(well)
    second = mock.Mock()
    FlaskMiddleware(app, exporter=second, sampler=_ON)
    app.test_client().get("/well")
    (inner,) = second.export.call_args.args[0]
    (outer,) = kept.spans
    assert inner.parent_span_id == outer.span_id
    assert outer.attributes["http.status_code"] == inner.attributes["http.status_code"] == 200


def test_a_middleware_traces_an_application_once(make, kept):
    """Also where a factory hands the same application over twice."""
    app = make(well)
    app.middleware.init_app(app)
    app.test_client().get("/well")
    assert len(kept.spans) == 1


def test_an_application_calls_itself_with_the_same_environment(make, kept):
    """A view hands its own WSGI environment on."""

    def forwards():
        environ = {**flask.request.environ, "PATH_INFO": "/well"}
        return flask.Response.from_app(app.wsgi_app, environ)

    app = make(well, forwards)
    app.test_client().get("/forwards")
    inner, outer = kept.spans
    assert (inner.attributes["http.route"], outer.attributes["http.route"]) == ("/well", "/forwards")
    assert inner.parent_span_id == outer.span_id


def test_two_hundred_requests_fifty_at_once(make, kept):
    """Each span is below its own request, and each exception on it."""
    together = threading.Barrier(50)

    def view():
        together.wait(30)
        number = flask.request.args["number"]
        with execution_context.get_opencensus_tracer().span(number):
            if int(number) % 5 == 0:
                raise ValueError(number)
        return "", 200

    app = make(view)
    with ThreadPoolExecutor(50) as pool:
        codes = list(pool.map(lambda number: app.test_client().get(f"/view?number={number}").status_code, range(200)))
    assert codes == [500 if number % 5 == 0 else 200 for number in range(200)]
    numbers = {span.span_id: span.name.rpartition("=")[2] for span in kept.spans if span.span_kind == 1}
    assert sorted(numbers.values()) == sorted(str(number) for number in range(200))
    assert all(numbers[span.parent_span_id] == span.name for span in kept.spans if span.span_kind != 1)
    failed = {span.attributes["error.message"] for span in kept.spans if "error.message" in span.attributes}
    assert failed == {str(number) for number in range(0, 200, 5)}
    assert all(span.attributes["error.message"] == numbers[span.span_id] for span in kept.spans if "error.message" in span.attributes)


# Streams.


def test_a_stream_ends_its_request(make, kept):
    """With its last part, which the client need not close."""
    response = make(streams).test_client().get("/streams")
    assert kept.names == []
    assert response.get_data() == b"one two"
    part, request = kept.spans
    assert part.parent_span_id == request.span_id
    assert request.attributes["http.status_code"] == 200
    response.close()
    assert len(kept.spans) == 2


def test_a_stream_that_raises_fails_its_request(make, kept):
    """The code has been sent; the exception is the request's."""

    def breaks():
        def parts():
            yield "one"
            raise KeyError("sku")

        return flask.Response(parts())

    response = make(breaks).test_client().get("/breaks")
    with pytest.raises(KeyError):
        response.get_data()
    attributes = kept.spans[0].attributes
    assert (attributes["http.status_code"], attributes["error.name"]) == (200, "KeyError")


def test_a_stream_is_closed_early(make, kept):
    """The client goes away."""
    response = make(streams).test_client().get("/streams")
    response.close()
    assert kept.names[-1] == "[GET]http://localhost/streams"


def test_a_stream_with_the_context_is_one_request(make, kept):
    """Flask 3.1 tears its context down twice, before the first part and after the last."""

    def kept_context():
        def parts():
            yield flask.request.path
            with execution_context.get_opencensus_tracer().span("part"):
                yield "!"

        return flask.Response(flask.stream_with_context(parts()))

    response = make(kept_context).test_client().get("/kept_context")
    assert response.get_data() == b"/kept_context!"
    part, request = kept.spans
    assert part.parent_span_id == request.span_id


def test_a_request_of_a_part_is_inside_its_request(make, kept):
    """A part calls another view."""

    def calls():
        def parts():
            yield app.test_client().get("/well").get_data()

        return flask.Response(parts())

    app = make(calls, well)
    assert app.test_client().get("/calls").get_data() == b"well"
    inner, outer = kept.spans
    assert (inner.parent_span_id, outer.parent_span_id) == (outer.span_id, None)


@pytest.mark.parametrize("path", ["/nowhere", "/fails"])
def test_a_page_of_an_error_is_no_stream(make, kept, path):
    """Its request has ended when a test's client returns, whether or not the test reads the page."""
    make(fails).test_client().get(path)
    assert len(kept.spans) == 1


def test_a_stream_behind_a_closing_iterator_is_one(make, kept):
    """Werkzeug's own, as helpers of programs put it around a generator."""

    def closing():
        return flask.Response(ClosingIterator(_parts(), []))

    response = make(closing).test_client().get("/closing")
    assert kept.names == []
    response.get_data()
    assert kept.names[0] == "part"


def test_a_file_is_left_to_the_server(make, kept):
    """The server may send it by itself."""

    def file():
        response = flask.Response(io.BytesIO(b"file"), direct_passthrough=True)
        response.call_on_close(lambda: None)
        return response

    app = make(file)
    with app.test_client().get("/file") as response:
        assert response.get_data() == b"file"
    assert len(kept.spans) == 1


def test_a_stream_that_a_later_function_replaces_does_not_end_its_request(make, kept):
    """An error after the view: what is sent is the page of the error."""

    def replaces(response):
        raise KeyError("after")

    # Functions after the view run in reverse order: this one after the middleware's.
    app = flask.Flask("shop_of_flask_tests")
    app.after_request(replaces)
    FlaskMiddleware(app, exporter=kept, sampler=_ON)
    app.add_url_rule("/streams", "streams", streams)
    app.logger.disabled = True
    assert app.test_client().get("/streams").status_code == 500
    assert [span.attributes["error.name"] for span in kept.spans] == ["KeyError"]


# Threads and contexts.


def test_work_with_a_copy_of_the_context_leaves_the_request_open(make, kept):
    """The copy is torn down, too, before the request and after it."""
    may_end = threading.Event()
    threads = []

    def copies():
        @flask.copy_current_request_context
        def work(event):
            event.wait(30)

        done = threading.Event()
        done.set()
        work(done)
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(work, may_end)))
        threads[0].start()
        with execution_context.get_opencensus_tracer().span("after"):
            pass
        return "", 202

    make(copies).test_client().get("/copies")
    may_end.set()
    threads[0].join()
    after, request = kept.spans
    assert after.parent_span_id == request.span_id
    assert request.attributes["http.status_code"] == 202


def test_a_client_that_keeps_the_context(make, kept):
    """Its request has ended when the block is left, whichever release of Flask tears the context down then."""
    with make(well).test_client() as client:
        client.get("/well")
        assert flask.request.path == "/well"
    assert len(kept.spans) == 1


# What fails while a request is traced.


class _Raises:
    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")


@pytest.mark.parametrize("part", ["exporter", "propagator", "sampler"])
def test_a_component_that_raises_costs_no_request(make, said, part):
    """Two requests, one line."""
    parts = {part: mock.Mock(spec=["export", "from_headers", "should_sample"])}
    for method in ("export", "from_headers", "should_sample"):
        getattr(parts[part], method).side_effect = RuntimeError("component")
    client = make(well, **parts).test_client()
    assert [client.get("/well").status_code for _ in range(2)] == [200, 200]
    assert len(said()) == 1


def test_a_host_that_is_not_trusted_is_flask_s_to_refuse(make, kept):
    """The request arrives without it."""
    app = make(well, config={"TRUSTED_HOSTS": ["shop"]})
    assert app.test_client().get("/well", base_url="http://evil").status_code == 400
    assert [(span.name, span.attributes["http.status_code"]) for span in kept.spans] == [("[GET]/well", 400)]


@pytest.mark.parametrize("paths", [5, [5, "well"], [None]], ids=str)
def test_a_list_that_cannot_be_read_excludes_nothing(make, kept, said, paths):
    """All requests are traced, and that is said once."""
    client = make(well, excludelist_paths=paths).test_client()
    assert [client.get("/well").status_code for _ in range(2)] == [200, 200]
    assert len(kept.spans) == 2
    assert len(said()) == 1


def test_a_function_before_the_view_that_answers_without_the_middleware(make, kept):
    """What ends a request that never began is nothing."""
    app = flask.Flask("shop_of_flask_tests")
    app.before_request(lambda: ("closed", 503))
    FlaskMiddleware(app, exporter=kept, sampler=_ON)
    assert app.test_client().get("/well").status_code == 503
    assert kept.names == []
