"""Requests to a Django project with the middleware: names, attributes, errors, users, hosts, exclusions, queries, logs."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import types

import django
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection, connections, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject
from django.views import View
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context, samplers
from opencensus.trace.propagation.b3_format import B3FormatPropagator

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OURS = "opencensus.ext.django.middleware.OpencensusMiddleware"
SITE = "django_site"

settings.configure(
    ALLOWED_HOSTS=["testserver", "shop.example"],
    SECRET_KEY="s",
    ROOT_URLCONF=SITE,
    DATABASES={name: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"} for name in ("default", "other")},
    LOGGING_CONFIG=None,
)
django.setup()
logging.getLogger("django").setLevel(logging.CRITICAL)
config_integration.trace_integrations(["logging"])


class _Orders(View):
    def get(self, request, number):
        return HttpResponse(f"order {number}")

    def post(self, request, number):
        return HttpResponse(status=201)


class _Callable:
    def __call__(self, request):
        return HttpResponse("called")


def _logged(view):
    @functools.wraps(view)
    def wrapper(request):
        return view(request)

    return wrapper


def _unnamed(view):
    return lambda request: view(request)


def _plain(request):
    return HttpResponse("plain")


def _with(text, request):
    return HttpResponse(text)


async def _awaited(request):
    return HttpResponse("awaited")


def _fails(request):
    raise LookupError("no such order")


def _fails_with_cause(request):
    try:
        {}["order"]
    except KeyError as error:
        raise ValueError("no such order") from error


def _missing(request):
    raise Http404("no such order")


def _forbidden(request):
    raise PermissionDenied


def _moved(request):
    return HttpResponseRedirect("/plain")


def _bad(request):
    return HttpResponse(status=400)


def _unavailable(request):
    return HttpResponse(status=503)


def _queries(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT %s", ["secret"])
        cursor.execute("CREATE TABLE IF NOT EXISTS basket (sku TEXT)")
        cursor.executemany("INSERT INTO basket VALUES (%s)", [["A1"], ["B2"]])
    with connections["other"].cursor() as cursor:
        cursor.execute("SELECT 2")
    return HttpResponse("queried")


def _failing_query(request):
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT nothing FROM nowhere")
        except Exception as error:
            return HttpResponse(type(error).__name__)


def _query_in_span(request):
    with execution_context.get_opencensus_tracer().span("price"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("priced")


def _atomic(request):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS stock (sku TEXT)")
        cursor.execute("INSERT INTO stock VALUES ('A1')")
    return HttpResponse("kept")


def _leaves_span(request):
    execution_context.get_opencensus_tracer().start_span("left open")
    return HttpResponse("left")


def _sets_attributes(request):
    tracer = execution_context.get_opencensus_tracer()
    tracer.add_attribute_to_current_span("order", 7)
    tracer.current_span().add_annotation("looked up")
    return HttpResponse("set")


def _renames(request):
    execution_context.get_opencensus_tracer().current_span().name = "renamed"
    return HttpResponse("renamed")


def _logs(request):
    logging.getLogger("shop").warning("stock is low")
    return HttpResponse("logged")


def _logs_exception(request):
    try:
        raise LookupError("no stock")
    except LookupError:
        logging.getLogger("shop").exception("failed")
    return HttpResponse("logged")


def _streams(request):
    return StreamingHttpResponse(iter(["a", "b"]))


def _streams_nothing(request):
    return StreamingHttpResponse([])


def _streams_queries(request):
    def parts():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            yield "a"
            cursor.execute("SELECT 2")
            yield "b"

    return StreamingHttpResponse(parts())


def _streams_and_fails(request):
    def parts():
        yield "a"
        raise LookupError("no more")

    return StreamingHttpResponse(parts())


def _shows_context(request):
    from opencensus.ext.django import middleware

    tracer = middleware._get_current_tracer()
    told = [
        middleware._get_django_request() is request,
        middleware._get_django_span() is tracer.current_span(),
        type(tracer).__name__,
        middleware._DjangoMetaWrapper(request.META).get("x-own"),
        middleware._DjangoMetaWrapper().get("X-Own"),
        execution_context.get_opencensus_attr("excludelist_hostnames"),
    ]
    return HttpResponse(repr(told))


def _answers_early(get_response):
    return lambda request: HttpResponse("early", status=202)


def _raises_early(get_response):
    def middleware(request):
        raise RuntimeError("not today")

    return middleware


def _raises_late(get_response):
    def middleware(request):
        get_response(request)
        raise RuntimeError("too late")

    return middleware


class _AnswersForView:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view_func, view_args, view_kwargs):
        return HttpResponse("for the view", status=203)


class _AnswersException:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        return HttpResponse("sorry", status=418)


def _user_is(user):
    def middleware(get_response):
        def call(request):
            request.user = user
            return get_response(request)

        return call

    return middleware


class _User:
    def __init__(self, pk, name):
        self.pk, self.name = pk, name

    def get_username(self):
        return self.name


def _broken_user():
    raise ConnectionError("no database")


USERS = {
    "known": _User(7, "ada"),
    "anonymous": _User(None, ""),
    "lazy": SimpleLazyObject(lambda: _User("7f", "lazy")),
    "broken": SimpleLazyObject(_broken_user),
    "none": None,
}
_site = types.ModuleType(SITE)
vars(_site).update(
    {f"user_{name}": _user_is(user) for name, user in USERS.items()},
    answers_early=_answers_early,
    raises_early=_raises_early,
    raises_late=_raises_late,
    AnswersForView=_AnswersForView,
    AnswersException=_AnswersException,
    urlpatterns=[
        path("orders/<int:number>", _Orders.as_view()),
        path("callable", _Callable()),
        path("partial", functools.partial(_with, "partial")),
        path("decorated", _logged(_plain)),
        path("lambda", _unnamed(_plain)),
        path("awaited", _awaited),
        path("plain", _plain),
        path("health/live", _plain),
        path("health/queries", _query_in_span),
        path("fails", _fails),
        path("cause", _fails_with_cause),
        path("missing", _missing),
        path("forbidden", _forbidden),
        path("moved", _moved),
        path("bad", _bad),
        path("unavailable", _unavailable),
        path("queries", _queries),
        path("failing-query", _failing_query),
        path("query-in-span", _query_in_span),
        path("atomic", _atomic),
        path("leaves-span", _leaves_span),
        path("sets-attributes", _sets_attributes),
        path("renames", _renames),
        path("logs", _logs),
        path("logs-exception", _logs_exception),
        path("streams", _streams),
        path("streams-nothing", _streams_nothing),
        path("streams-queries", _streams_queries),
        path("streams-and-fails", _streams_and_fails),
        path("shows-context", _shows_context),
    ],
)
sys.modules[SITE] = _site


def _answers(*paths, before=(), after=(), client=Client, method="get", trace=None, headers=None, host="testserver", **more):
    """Return status and text of the answers to requests, to a project with the middleware among others."""
    for each in connections:
        connections[each].execute_wrappers.clear()
    trace = {"SAMPLER": samplers.AlwaysOnSampler(), "EXPORTER": AzureExporter(), **(trace or {})}
    middlewares = [f"{SITE}.{name}" for name in before] + [OURS] + [f"{SITE}.{name}" for name in after]
    with override_settings(MIDDLEWARE=middlewares, OPENCENSUS={"TRACE": trace}, **more):
        asking = client(raise_request_exception=False)
        answers = [getattr(asking, method)(path, headers=headers, SERVER_NAME=host) for path in paths]
        return [[answer.status_code, b"".join(answer).decode()[:400]] for answer in answers]


def names():
    """What the kinds of views are called."""
    return _answers("/orders/7", "/callable", "/partial", "/decorated", "/lambda", "/awaited")


def methods():
    """Other methods."""
    return [_answers("/orders/7", method=method) for method in ("post", "head", "options", "put")]


def urls():
    """Queries, ports and escapes in the URL."""
    return [
        _answers("/plain?sku=A1&name=caf%C3%A9", "/plain?"),
        _answers("/plain", host="shop.example", SECURE_PROXY_SSL_HEADER=("HTTP_X", "1")),
    ]


def statuses():
    """Answers that are no errors, and those that are."""
    return _answers("/moved", "/bad", "/unavailable")


def nowhere():
    """A path that has no view, and a view that finds nothing."""
    return [[status] for status, _ in _answers("/nowhere", "/missing", "/forbidden")]


def fails():
    """A view that raises."""
    return [[status] for status, _ in _answers("/fails")]


def fails_with_cause():
    """A view that raises for another error."""
    return [[status] for status, _ in _answers("/cause")]


def caller():
    """The caller's trace goes on."""
    return _answers("/plain", headers={"traceparent": CALLER, "tracestate": "a=1"})


def caller_unsampled():
    """The caller's trace is not sampled, and the sampler decides."""
    return _answers("/plain", headers={"traceparent": CALLER[:-1] + "0"})


def caller_odd():
    """Headers that say nothing."""
    return _answers("/plain", headers={"traceparent": "nonsense"})


def b3():
    """Another propagator."""
    headers = {"x-b3-traceid": "0af7651916cd43dd8448eb211c80319c", "x-b3-spanid": "b7ad6b7169203331", "x-b3-sampled": "1"}
    return _answers("/plain", headers=headers, trace={"PROPAGATOR": B3FormatPropagator()})


def unsampled():
    """A sampler that keeps nothing."""
    return _answers("/queries", "/logs", trace={"SAMPLER": samplers.AlwaysOffSampler()})


def settings_as_text():
    """Components as expressions."""
    return _answers(
        "/plain",
        trace={
            "SAMPLER": "opencensus.trace.samplers.ProbabilitySampler(rate=1)",
            "EXPORTER": "opencensus.ext.azure.trace_exporter.AzureExporter(connection_string='%s')"
            % os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"],
            "PROPAGATOR": "opencensus.trace.propagation.google_cloud_format.GoogleCloudFormatPropagator()",
        },
        headers={"x-cloud-trace-context": "0af7651916cd43dd8448eb211c80319c/123;o=1"},
    )


def excluded():
    """Paths that are left out."""
    return [
        _answers("/health/live", "/plain", trace={"EXCLUDELIST_PATHS": ["health"]}),
        [[status] for status, _ in _answers("/_ah/health", "/health/live")],
        _answers("/plain", "/health/live", trace={"EXCLUDELIST_PATHS": []}),
    ]


def excluded_by_their_older_names():
    """Paths that are left out, as it was written before release 0.7.3."""
    return _answers("/health/live", "/plain", trace={"BLACKLIST_PATHS": ["health"]})


def excluded_after_a_request():
    """What a request that is left out asks for, on the thread of one before."""
    return _answers("/plain", "/health/queries", trace={"EXCLUDELIST_PATHS": ["health"]})


def context():
    """What the module's functions tell a view."""
    return _answers("/shows-context", headers={"x-own": "mine"}, trace={"EXCLUDELIST_HOSTNAMES": ["shop.example:80"]})


def early_answers():
    """Middlewares that answer instead of the view."""
    return [
        _answers("/plain", after=["answers_early"]),
        _answers("/plain", before=["answers_early"]),
        _answers("/plain", after=["AnswersForView"]),
        _answers("/plain", before=["AnswersForView"]),
    ]


def raising_middlewares():
    """Middlewares that raise."""
    return [
        [answer[0][0] for answer in (_answers("/plain", after=["raises_early"]), _answers("/plain", after=["raises_late"]))],
        [answer[0][0] for answer in (_answers("/plain", before=["raises_early"]), _answers("/plain", before=["raises_late"]))],
    ]


def answered_exceptions():
    """Middlewares that answer for a view that raises."""
    return [_answers("/fails", after=["AnswersException"]), _answers("/fails", before=["AnswersException"])]


def users():
    """Who asks."""
    return [_answers("/plain", after=[f"user_{name}"]) for name in ("known", "anonymous", "lazy", "none")]


def user_of_a_failing_request():
    """Who asks in vain."""
    return [[status] for status, _ in _answers("/fails", after=["user_known"])]


def broken_user():
    """A user that cannot be looked up."""
    return _answers("/plain", after=["user_broken"])


def propagated_exceptions():
    """A project that lets exceptions through to the server."""
    try:
        return _answers("/fails", DEBUG_PROPAGATE_EXCEPTIONS=True)
    except LookupError as error:
        return str(error)


def strange_host():
    """A host that is not allowed."""
    return [[status] for status, _ in _answers("/plain", host="evil.example")]


def queries():
    """Statements of two databases."""
    return _answers("/queries")


def failing_query():
    """A statement that fails."""
    return _answers("/failing-query")


def query_in_span():
    """A statement inside a span of the view's."""
    return _answers("/query-in-span")


def atomic():
    """Statements in a transaction."""
    return _answers("/atomic")


def queries_of_other_threads():
    """Statements of requests that threads serve, one after another."""
    for each in connections:
        connections[each].execute_wrappers.clear()
    answers = []
    trace = {"SAMPLER": samplers.AlwaysOnSampler(), "EXPORTER": AzureExporter()}
    with override_settings(MIDDLEWARE=[OURS], OPENCENSUS={"TRACE": trace}):
        client = Client()
        client.handler.load_middleware()
        for _ in range(3):
            thread = threading.Thread(target=lambda: answers.append(client.get("/query-in-span").status_code))
            thread.start()
            thread.join()
    return answers


def middleware_made_twice():
    """Two handlers in one process, as a project's tests have them."""
    for each in connections:
        connections[each].execute_wrappers.clear()
    trace = {"SAMPLER": samplers.AlwaysOnSampler(), "EXPORTER": AzureExporter()}
    with override_settings(MIDDLEWARE=[OURS], OPENCENSUS={"TRACE": trace}):
        return [Client().get("/query-in-span").status_code for _ in range(2)]


def queries_outside_requests():
    """Statements of a thread that serves nothing."""
    _answers("/plain")
    seen = []

    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 3")
        seen.append(connection.vendor)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return seen


def left_open():
    """A view that leaves a span open."""
    return _answers("/leaves-span", "/plain")


def own_attributes():
    """What a view sets on its request."""
    return _answers("/sets-attributes", "/renames")


def logs():
    """Records of a view."""
    logger = logging.getLogger("shop")
    logger.addHandler(handler := AzureLogHandler())
    try:
        return _answers("/logs", "/logs-exception", headers={"traceparent": CALLER})
    finally:
        logger.removeHandler(handler)
        handler.close()


def logs_of_django():
    """What Django itself logs of requests."""
    logger = logging.getLogger("django.request")
    logger.setLevel(logging.WARNING)
    logger.addHandler(handler := AzureLogHandler())
    try:
        return [[status] for status, _ in _answers("/nowhere")]
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)
        handler.close()


def streams():
    """A response in parts."""
    return _answers("/streams", "/streams-nothing")


def streams_queries():
    """A response whose parts come from a database, in the caller's trace."""
    return _answers("/streams-queries", headers={"traceparent": CALLER})


def streams_until_it_fails():
    """A response that breaks off."""
    try:
        return _answers("/streams-and-fails")
    except LookupError as error:
        return str(error)


def several():
    """Requests one after another."""
    return _answers("/plain", "/orders/7", "/plain")


def awaited():
    """An asynchronous view under ASGI, and a synchronous one."""
    import asyncio

    async def ask():
        asking = AsyncClient(raise_request_exception=False)
        return [(await asking.get(path, headers={"traceparent": CALLER})).status_code for path in ("/awaited", "/plain", "/fails")]

    trace = {"SAMPLER": samplers.AlwaysOnSampler(), "EXPORTER": AzureExporter()}
    with override_settings(MIDDLEWARE=[OURS], OPENCENSUS={"TRACE": trace}):
        return asyncio.run(ask())
