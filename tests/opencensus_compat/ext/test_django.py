"""The integration with Django. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import django
import django.db
import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import path

from appinsights_exporter import ConfigurationError
from opencensus_compat.ext import _server
from opencensus_compat.ext.dbapi import trace as dbapi
from opencensus_compat.ext.django import middleware as module
from opencensus_compat.ext.django.middleware import OpencensusMiddleware
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.tracer import Tracer

MIDDLEWARE = "opencensus_compat.ext.django.middleware.OpencensusMiddleware"
SITE = "site_of_the_django_tests"
_SECRET = "InstrumentationKey=00000000-1111-2222-3333-444444444444"
_views = {}
_site = types.ModuleType(SITE)


def _view(request, name):
    return _views[name](request)


async def _awaited(request, name):
    return await _views[name](request)


_site.urlpatterns = [path("<name>", _view), path("awaited/<name>", _awaited)]


@pytest.fixture(scope="module", autouse=True)
def _project(django_project):
    """A project with two databases."""
    sys.modules[SITE] = _site
    level = logging.getLogger("django").level
    logging.getLogger("django").setLevel(logging.CRITICAL)
    with override_settings(ROOT_URLCONF=SITE):
        yield
    logging.getLogger("django").setLevel(level)
    django.db.connections.close_all()


@pytest.fixture(autouse=True)
def _own_context():
    yield
    _views.clear()
    _server.forget_ended()
    for alias in django.db.connections:
        django.db.connections[alias].execute_wrappers.clear()


class _Noting(dict):
    """A span that notes its attributes."""

    def add_attribute(self, key, value):
        self[key] = value


@pytest.mark.parametrize("host", ["shop.example", "shop:8080", "[::1]:80"])
@pytest.mark.parametrize("path", ["/", "/a b", "//a", "/./a/../b", "/.well-known", "/é%", "/a:b", "/a\\b"])
@pytest.mark.parametrize("query", ["", "a=b&c=%20", "é", "a b"])
def test_the_url_of_a_request_is_djangos(host, path, query):
    """However it is put together."""
    with override_settings(ALLOWED_HOSTS=["*"]):
        request = RequestFactory().get(
            "/", HTTP_HOST=host, PATH_INFO=path.encode().decode("latin-1"), QUERY_STRING=query, SCRIPT_NAME="/root"
        )
        span = _Noting()
        module._describe(span, request)
        assert span["http.url"] == request.build_absolute_uri()


@pytest.fixture
def said(caplog):
    """The texts of this package's warnings."""
    caplog.set_level(logging.WARNING, "opencensus_compat")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "opencensus_compat"]


@pytest.fixture
def project(kept):
    """Returns a function that returns a test client of a project with the middleware and some views."""

    def make(*, client=Client, before=(), after=(), trace=None, **views):
        _views.update(views)
        for function in (*before, *after):
            setattr(_site, function.__name__, function)
        found = client(raise_request_exception=False)
        middlewares = [f"{SITE}.{function.__name__}" for function in before] + [MIDDLEWARE]
        middlewares += [f"{SITE}.{function.__name__}" for function in after]
        given = {"SAMPLER": samplers.AlwaysOnSampler(), "EXPORTER": kept, **(trace or {})}
        with override_settings(MIDDLEWARE=middlewares, OPENCENSUS={"TRACE": given}):
            found.handler.load_middleware(client is AsyncClient)
        return found

    return make


def _ask_database(text="SELECT 1", alias="default"):
    # Threads of asgiref end without closing theirs.
    with contextlib.closing(django.db.connections[alias]), django.db.connections[alias].cursor() as cursor:
        cursor.execute(text)


def _plain(request):
    return HttpResponse("plain")


def _streams(request):
    return StreamingHttpResponse(iter("ab"))


def _fails(request):
    raise LookupError("no such order")


def _file(request):
    return FileResponse(io.BytesIO(b"text"), as_attachment=True)


def _queried(request):
    _ask_database()
    return HttpResponse("queried")


def _parents(spans):
    """Return name and parent's name of each span."""
    names = {span.span_id: span.name for span in spans}
    return [(span.name, names.get(span.parent_span_id)) for span in spans]


# Requests.


def test_two_hundred_requests_at_once(project, kept):
    """On 50 threads each query belongs to its request, and none is lost."""

    def numbered(request):
        _ask_database(f"SELECT {request.GET['n']}")
        return HttpResponse()

    client = project(numbered=numbered)
    with ThreadPoolExecutor(50) as pool:

        def ask(number):
            return client.get(f"/numbered?n={number}").status_code

        assert [*pool.map(ask, range(200))] == [200] * 200
    _check_numbered(kept.spans)


def _check_numbered(spans):
    requests = {span.span_id: span.attributes["http.url"].rpartition("=")[2] for span in spans if span.span_kind == 1}
    assert len(requests) == 200
    queries = [span for span in spans if span.span_kind == 2]
    assert sorted(int(span.attributes["db.statement"].split()[1]) for span in queries) == [*range(200)]
    assert [span for span in queries if requests[span.parent_span_id] != span.attributes["db.statement"].split()[1]] == []
    assert len({span.context.trace_id for span in spans}) == 200


def _passes(get_response):
    """A middleware that knows nothing of tasks: Django runs it in a thread, and what is inside it in a loop of its own."""

    def middleware(request):
        return get_response(request)

    return middleware


@pytest.mark.parametrize("around", [(), (_passes,)], ids=["alone", "among synchronous middlewares"])
@pytest.mark.parametrize("is_async", [True, False], ids=["asynchronous view", "synchronous view"])
def test_two_hundred_requests_under_asgi(project, kept, is_async, around):
    """In tasks, with their queries in threads of asgiref, each query belongs to its request."""
    from asgiref.sync import sync_to_async

    def numbered(request):
        _ask_database(f"SELECT {request.GET['n']}")
        return HttpResponse()

    async def numbered_later(request):
        await asyncio.sleep(0)
        return await sync_to_async(numbered)(request)

    client = project(client=AsyncClient, before=around, after=around, numbered=numbered_later if is_async else numbered)
    where = "/awaited/numbered" if is_async else "/numbered"

    async def main():
        gate = asyncio.Semaphore(50)

        async def ask(number):
            async with gate:
                return (await client.get(f"{where}?n={number}")).status_code

        return await asyncio.gather(*map(ask, range(200)))

    assert asyncio.run(main()) == [200] * 200
    _check_numbered(kept.spans)


def test_a_cancelled_request_ends(project, kept):
    """A client that goes away cancels the view; its span arrives, and is no failure."""
    client = project(client=AsyncClient)

    async def main():
        started = asyncio.Event()

        async def waits(request):
            started.set()
            await asyncio.Event().wait()

        _views["waits"] = waits
        task = asyncio.create_task(client.get("/awaited/waits"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (span,) = kept.spans
    assert "error.name" not in span.attributes
    assert "http.status_code" not in span.attributes


def test_what_is_no_exception_ends_a_request(project, kept):
    """A server that stops its worker in the midst of a request raises SystemExit there."""

    def stops(request):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        project(stops=stops).get("/stops")
    (span,) = kept.spans
    assert (span.attributes["error.name"], span.attributes["http.status_code"]) == ("SystemExit", 500)
    assert execution_context.get_current_span() is None


def test_a_child_left_open_takes_nothing_from_the_request(project, kept):
    """Name, status and exception go to the request's span."""

    def leaves(get_response):
        def middleware(request):
            execution_context.get_opencensus_tracer().start_span("left open")
            return get_response(request)

        return middleware

    def fails(request):
        raise LookupError("no such order")

    assert project(after=[leaves], fails=fails).get("/fails").status_code == 500
    assert _parents(kept.spans) == [("left open", f"{__name__}._view"), (f"{__name__}._view", None)]
    assert kept.spans[1].attributes["error.message"] == "no such order"


@pytest.mark.parametrize("view", [_plain, _streams, _fails], ids=lambda view: view.__name__)
def test_a_project_that_lists_the_middleware_twice(project, kept, view):
    """A request is one span, and the next one, on the same thread, is no child of it."""

    def inner(get_response):
        return OpencensusMiddleware(get_response)

    client = project(after=[inner], asked=view)
    for _ in range(2):
        response = client.get("/asked")
        list(response)
        response.close()
    assert _parents(kept.spans) == [(f"{__name__}._view", None)] * 2
    assert execution_context.get_current_span() is None


class _OwnRequests(OpencensusMiddleware):
    """Begins requests by itself, and calls no constructor, as subclasses of public programs do."""

    exporter = None

    def __init__(self, get_response=None):
        self.get_response = get_response
        self.propagator, self.sampler = TraceContextPropagator(), samplers.AlwaysOnSampler()
        self.blacklist_paths = ["left"]

    def process_request(self, request):
        if module.utils.disable_tracing_url(request.path, self.blacklist_paths):
            return
        execution_context.set_opencensus_attr(module.REQUEST_THREAD_LOCAL_KEY, request)
        tracer = Tracer(sampler=self.sampler, exporter=self.exporter, propagator=self.propagator)
        span = tracer.start_span("mine")
        span.span_kind = SpanKind.SERVER
        execution_context.set_opencensus_attr(module.SPAN_THREAD_LOCAL_KEY, span)


@pytest.mark.parametrize("client", [Client, AsyncClient], ids=["WSGI", "ASGI"])
@pytest.mark.parametrize("view", [_plain, _streams, _fails], ids=lambda view: view.__name__)
def test_a_subclass_that_begins_requests_by_itself(project, kept, monkeypatch, client, view):
    """They end as others do, and nothing of them is left for one that it leaves out."""
    monkeypatch.setattr(_OwnRequests, "exporter", kept)
    monkeypatch.setitem(_site.__dict__, "_OwnRequests", _OwnRequests)
    monkeypatch.setattr(sys.modules[__name__], "MIDDLEWARE", f"{SITE}._OwnRequests")
    asks = project(client=client, asked=view, left=_plain)

    async def awaited():
        for path in ("/asked", "/left", "/asked"):
            read(await asks.get(path))

    def read(response):
        list(response)
        response.close()

    if client is AsyncClient:
        asyncio.run(awaited())
    else:
        for path in ("/asked", "/left", "/asked"):
            read(asks.get(path))
    status = 500 if view is _fails else 200
    assert _parents(kept.spans) == [(f"{__name__}._view", None)] * 2
    assert [span.attributes["http.status_code"] for span in kept.spans] == [status] * 2
    assert [span.attributes.get("error.name") for span in kept.spans] == ["LookupError" if view is _fails else None] * 2
    assert execution_context.get_current_span() is None


def test_a_request_inside_a_request(project, kept):
    """A view that asks its own project goes on with its own span."""
    client = project(inner=_plain)

    def outer(request):
        client.get("/inner")
        with execution_context.get_opencensus_tracer().span("after"):
            return HttpResponse()

    _views["outer"] = outer
    client.get("/outer")
    (inner, after, around) = kept.spans
    assert after.name == "after"
    assert {inner.parent_span_id, after.parent_span_id} == {around.span_id}


@pytest.mark.parametrize(
    "where", ["/plain", "/a%20b?q=a+b%26c", "//plain", "/a/../plain", "/caf%C3%A9?name=caf%C3%A9", "/plain?", "/a;b=1/c", "/%2e%2e/x"]
)
@pytest.mark.parametrize(
    "options", [{}, {"SERVER_NAME": "shop.example", "SERVER_PORT": "8080"}, {"secure": True}], ids=["", "port", "https"]
)
def test_the_url_is_the_one_that_django_tells(where, options):
    """Whatever a client asks for, `http.url` is what a view gets from `build_absolute_uri`."""
    request, attributes = RequestFactory().get(where, **options), {}
    module._describe(types.SimpleNamespace(add_attribute=attributes.__setitem__), request)
    assert attributes["http.url"] == request.build_absolute_uri()


def test_an_unsampled_request_asks_for_no_user(project, kept):
    """Who the user is may be a query."""

    class User:
        @property
        def pk(self):
            raise AssertionError

    def known(get_response):
        def middleware(request):
            request.user = User()
            return get_response(request)

        return middleware

    client = project(after=[known], plain=_plain, trace={"SAMPLER": samplers.AlwaysOffSampler()})
    assert client.get("/plain").status_code == 200
    assert kept.spans == []


class Broken:
    """A component of a program's own that fails."""

    def __getattr__(self, name):
        """Return a method that raises, for any name."""

        def method(*args, **options):
            raise RuntimeError("cannot")

        return method


@pytest.mark.parametrize("name", ["SAMPLER", "PROPAGATOR", "EXPORTER"])
def test_a_component_that_raises(project, said, name):
    """The project answers, queries included, and one line says what is wrong."""
    client = project(trace={name: Broken()}, queried=_queried)
    assert [client.get("/queried").content for _ in range(2)] == [b"queried"] * 2
    assert len(said()) == 1
    assert execution_context.get_current_span() is None


def test_a_subclass_under_asgi(project, kept):
    """Its own `process_request` may answer, and may wait: it runs in a thread."""
    ran_in = []

    class Own(OpencensusMiddleware):
        def process_request(self, request):
            ran_in.append(threading.get_ident())
            super().process_request(request)
            return HttpResponse("own", status=202) if request.path == "/answered" else None

    _site.Own = Own
    client = AsyncClient()
    with override_settings(MIDDLEWARE=[f"{SITE}.Own"], OPENCENSUS={"TRACE": {"SAMPLER": samplers.AlwaysOnSampler, "EXPORTER": kept}}):
        client.handler.load_middleware(True)
    _views["plain"] = _plain

    async def main():
        return [(await client.get(where)).status_code for where in ("/answered", "/plain")]

    assert asyncio.run(main()) == [202, 200]
    assert threading.get_ident() not in ran_in
    assert [span.attributes["http.status_code"] for span in kept.spans] == [202, 200]


# Streaming.


def test_parts_that_are_awaited(project, kept):
    """The request ends with the last part, and what the parts do belongs to it."""
    begun = []

    async def parts():
        begun.append(len(kept.spans))
        with execution_context.get_opencensus_tracer().span("part"):
            yield "a"
        await asyncio.sleep(0)
        yield "b"

    async def streams(request):
        return StreamingHttpResponse(parts())

    client = project(client=AsyncClient, streams=streams)

    async def main():
        response = await client.get("/awaited/streams")
        assert execution_context.get_current_span() is None
        return [part async for part in response]

    assert asyncio.run(main()) == [b"a", b"b"]
    assert begun == [0]
    assert _parents(kept.spans) == [("part", f"{__name__}._awaited"), (f"{__name__}._awaited", None)]


def test_parts_that_are_awaited_break_off(project, kept):
    """Their exception is the request's."""

    async def parts():
        yield "a"
        raise LookupError("no more")

    async def streams(request):
        return StreamingHttpResponse(parts())

    async def main():
        response = await project(client=AsyncClient, streams=streams).get("/awaited/streams")
        return [part async for part in response]

    with pytest.raises(LookupError):
        asyncio.run(main())
    (span,) = kept.spans
    assert span.attributes["error.message"] == "no more"


def test_a_client_that_goes_away_while_it_reads(project, kept):
    """Its request ends, and is no failure."""

    async def parts():
        yield "a"
        await asyncio.Event().wait()

    async def streams(request):
        return StreamingHttpResponse(parts())

    async def main():
        response = await project(client=AsyncClient, streams=streams).get("/awaited/streams")
        reading, got = aiter(response), asyncio.Event()

        async def read():
            await anext(reading)
            got.set()
            await anext(reading)

        task = asyncio.create_task(read())
        await got.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (span,) = kept.spans
    assert "error.name" not in span.attributes


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize("is_served_async", [True, False])
def test_parts_of_the_other_kind(project, kept, is_served_async):
    """Django collects parts that are awaited under WSGI, and others under ASGI; they belong to the request all the same."""

    async def awaited():
        with execution_context.get_opencensus_tracer().span("part"):
            yield "a"

    def plain():
        with execution_context.get_opencensus_tracer().span("part"):
            yield "a"

    def streams(request):
        return StreamingHttpResponse(plain() if is_served_async else awaited())

    async def main():
        response = await project(client=AsyncClient, streams=streams).get("/streams")
        return [part async for part in response]

    read = asyncio.run(main()) if is_served_async else [*project(streams=streams).get("/streams")]
    assert read == [b"a"]
    assert _parents(kept.spans) == [("part", f"{__name__}._view"), (f"{__name__}._view", None)]


def test_a_response_that_nobody_reads(project, kept):
    """Its request ends when it is closed, or before the next one after it was freed, and nothing of it is left in the thread."""
    client = project(streams=_streams, plain=_plain)
    response = client.get("/streams")
    client.get("/plain")
    assert len(kept.spans) == 1
    response.close()
    assert len(kept.spans) == 2
    response = client.get("/streams")
    del response
    gc.collect()
    client.get("/plain")
    assert len(kept.spans) == 4
    assert {span.parent_span_id for span in kept.spans} == {None}


def test_a_file_keeps_its_own_way(project, kept):
    """A server may send it by itself: the response still holds the file."""
    held = []

    def sees(get_response):
        def middleware(request):
            response = get_response(request)
            held.append(response.file_to_stream is not None)
            return response

        return middleware

    response = project(before=[sees], file=_file).get("/file")
    assert b"".join(response) == b"text"
    assert held == [True]
    assert len(kept.spans) == 1


# Queries.


def test_a_wrapper_of_the_program_around_the_first_query(project, kept):
    """It is taken back when its block ends, and ours stays."""
    seen = []

    def wrapper(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    def wrapped(request):
        with django.db.connection.execute_wrapper(wrapper):
            _ask_database("SELECT 1")
        _ask_database("SELECT 2")
        return HttpResponse()

    client = project(wrapped=wrapped)

    def ask():
        client.get("/wrapped")
        seen.append(len(django.db.connection.execute_wrappers))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert seen == ["SELECT 1", 1]
    assert [span.attributes["db.statement"] for span in kept.spans if span.span_kind == 2] == ["SELECT 1", "SELECT 2"]


def test_one_wrapper_for_each_connection(project):
    """However many middlewares there are, and however often a connection opens again."""
    for _ in range(3):
        project()
        _ask_database()
        _ask_database(alias="other")
    assert [django.db.connections[alias].execute_wrappers for alias in ("default", "other")] == [[module._trace_db_call]] * 2


def test_a_program_that_has_put_the_wrapper_there_too(project, kept):
    """As OpenCensus made programs do for the connections of other threads: each query is one span."""
    client = project(queried=_queried)
    django.db.connection.execute_wrappers.append(module._trace_db_call)
    client.get("/queried")
    assert [span.name for span in kept.spans] == ["sqlite.query", f"{__name__}._view"]


def test_a_query_inside_a_query(project, kept):
    """A wrapper of the program that asks the database itself has its statement below the other one."""

    def explains(execute, sql, params, many, context):
        if not sql.startswith("EXPLAIN"):
            with django.db.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
        return execute(sql, params, many, context)

    def explained(request):
        with django.db.connection.execute_wrapper(explains):
            _ask_database()
        return HttpResponse()

    project(explained=explained).get("/explained")
    inner, outer, _ = kept.spans
    assert [span.attributes["db.statement"] for span in (inner, outer)] == ["EXPLAIN SELECT 1", "SELECT 1"]
    assert inner.parent_span_id == outer.span_id


def test_a_database_that_cannot_be_opened(project, kept):
    """One that the project names and never asks for keeps no middleware from being made."""
    django.db.connections.settings["broken"] = {**django.db.connections.settings["default"], "ENGINE": "no.such.engine"}
    try:
        assert project(queried=_queried).get("/queried").content == b"queried"
    finally:
        del django.db.connections.settings["broken"]
    assert [span.name for span in kept.spans] == ["sqlite.query", f"{__name__}._view"]


def test_a_query_that_fails(project, kept):
    """Its span has the status that OpenCensus gave it, and the program gets the error."""

    def fails(request):
        with pytest.raises(django.db.OperationalError):
            _ask_database("SELECT nothing FROM nowhere")
        return HttpResponse()

    assert project(fails=fails).get("/fails").status_code == 200
    query = kept.spans[0]
    assert (query.name, query.status.canonical_code, query.status.description) == ("sqlite.query", 2, "DB error")


def test_queries_outside_requests(project, kept):
    """They belong to the span around, as in a command or a job; without one there is none."""
    project()
    _ask_database()
    with Tracer(exporter=kept, sampler=samplers.AlwaysOnSampler()).span("job"):
        _ask_database("SELECT 2", "other")
    assert _parents(kept.spans) == [("sqlite.query", "job"), ("job", None)]
    assert kept.spans[0].attributes["db.instance"] == "other"


@pytest.mark.parametrize("tracer", [Broken(), types.SimpleNamespace(start_span=Broken, end_span=lambda: None)])
def test_a_query_with_a_tracer_that_fails(project, monkeypatch, said, tracer):
    """The query runs, and a line says that its span is missing."""
    project()
    monkeypatch.setattr(module, "_get_current_tracer", lambda: tracer)
    _ask_database()
    assert len(said()) >= 1


def test_queries_in_opentelemetry_form(project, kept, monkeypatch):
    """What its conventions call database and statement is there beside OpenCensus's words."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    project(queried=_queried).get("/queried")
    query, request = kept.spans
    assert (query.attributes["db.system.name"], query.attributes["db.query.text"]) == ("sqlite", "SELECT 1")
    assert query.attributes["db.statement"] == "SELECT 1"
    assert request.attributes["url.path"] == "/queried"


def test_a_query_of_a_driver_that_is_traced_too(kept):
    """It is one span, Django's; what the program asks the driver itself is the driver's."""

    class Cursor:
        def execute(self, query, params=None):
            return [query]

    cursor = dbapi.wrap_cursor(Cursor)()

    def runs(sql, params, many, context):
        return cursor.execute(sql, params)

    context = {"connection": django.db.connection, "cursor": cursor}
    with Tracer(exporter=kept, sampler=samplers.AlwaysOnSampler()).span("job"):
        assert module._trace_db_call(runs, "SELECT 1", None, False, context) == ["SELECT 1"]
        cursor.execute("SELECT 2")
    assert _parents(kept.spans) == [("sqlite.query", "job"), ("mysql.query", "job"), ("job", None)]


def test_asynchronous_queries(project, kept):
    """What an asynchronous view awaits of the ORM is a query of its request."""
    from asgiref.sync import sync_to_async

    async def queried(request):
        await sync_to_async(_ask_database)("SELECT 1")
        await asyncio.gather(*(sync_to_async(_ask_database)(f"SELECT {number}") for number in (2, 3)))
        return HttpResponse()

    async def main():
        await project(client=AsyncClient, queried=queried).get("/awaited/queried")

    asyncio.run(main())
    *queries, request = kept.spans
    assert {query.parent_span_id for query in queries} == {request.span_id}
    assert sorted(query.attributes["db.statement"] for query in queries) == ["SELECT 1", "SELECT 2", "SELECT 3"]


# Settings.


def _made(**given):
    with override_settings(**given):
        return OpencensusMiddleware(_plain)


def test_no_settings():
    """The defaults are OpenCensus's."""
    made = _made()
    assert (type(made.sampler).__name__, made.sampler.rate) == ("ProbabilitySampler", 1e-4)
    assert type(made.exporter).__name__ == "PrintExporter"
    assert type(made.propagator).__name__ == "TraceContextPropagator"
    assert (made.excludelist_paths, made.excludelist_hostnames) == (None, None)


def test_older_names(said):
    """Lists under the names of releases before 0.7.3 count where the new ones are not there."""
    made = _made(OPENCENSUS={"TRACE": {"BLACKLIST_PATHS": ["a"], "BLACKLIST_HOSTNAMES": ["b:80"]}})
    assert (made.excludelist_paths, made.excludelist_hostnames) == (["a"], ["b:80"])
    made = _made(OPENCENSUS={"TRACE": {"BLACKLIST_PATHS": ["a"], "EXCLUDELIST_PATHS": ["c"]}})
    assert made.excludelist_paths == ["c"]
    assert said() == []


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"OPENCENSUS_TRACE": {"SAMPLER": "a.B"}}, "OPENCENSUS_TRACE (from Django's settings) has no effect"),
        ({"OPENCENSUS_TRACE_PARAMS": {"SAMPLING_RATE": 1}}, "OPENCENSUS_TRACE_PARAMS (from Django's settings) has no effect"),
        ({"OPENCENSUS": {"TRACE": {"SAMPLING_RATE": 1}}}, "['SAMPLING_RATE'] (from Django's settings) has no effect"),
        ({"OPENCENSUS": {"TRACE": {"EXCLUDELIST_PATHS": "health"}}}, "EXCLUDELIST_PATHS (from Django's settings): expected a list"),
    ],
)
def test_settings_without_effect(said, given, line):
    """A line says so, and the project starts."""
    _made(**given)
    assert [line in text for text in said()] == [True]


def test_settings_that_a_test_has_put_there(monkeypatch):
    """They need have nothing but what the middleware reads."""
    monkeypatch.setattr("django.conf.settings", types.SimpleNamespace(OPENCENSUS={"TRACE": {"SAMPLER": samplers.AlwaysOffSampler}}))
    assert type(OpencensusMiddleware(_plain).sampler) is samplers.AlwaysOffSampler


def test_a_setting_that_makes_no_component():
    """The project does not start, and the error says which setting it is, without its value."""
    with pytest.raises(ConfigurationError, match=r"EXPORTER \(from Django's settings\)") as refused:
        _made(OPENCENSUS={"TRACE": {"EXPORTER": f"AzureExporter(connection_string='{_SECRET}')"}})
    assert _SECRET not in str(refused.value)
