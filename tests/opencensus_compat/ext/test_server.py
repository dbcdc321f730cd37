"""What integrations with web frameworks share."""

from __future__ import annotations

import contextvars
import gc
import logging
import threading
import types

import pytest

from appinsights_exporter import ConfigurationError
from opencensus_compat.ext import _server
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.tracer import Tracer

_SAMPLER = "opencensus.trace.samplers.ProbabilitySampler(rate=0.5)"
_SECRET = "InstrumentationKey=00000000-1111-2222-3333-444444444444"
_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def said(caplog):
    """The texts of the log lines."""
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def begin(kept):
    """Returns a function that begins a request."""

    def make(name="request", exporter=kept, sampler=None, **headers):
        def tracer():
            return _server.new_tracer(
                headers, sampler=sampler or samplers.AlwaysOnSampler(), exporter=exporter, propagator=TraceContextPropagator()
            )

        return _server.begin("flask", tracer, lambda span: setattr(span, "name", name))

    return make


@pytest.fixture(autouse=True)
def _own_context():
    execution_context.clean()
    yield
    _server.forget_ended()
    execution_context.clean()


# Components.


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        pytest.param(samplers.ProbabilitySampler(0.5), 0.5, id="object"),
        pytest.param(samplers.ProbabilitySampler, 1e-4, id="class"),
        pytest.param(_SAMPLER, 0.5, id="expression"),
        pytest.param(f"\n    {_SAMPLER}\n", 0.5, id="expression over several lines"),
        pytest.param("opencensus.trace.samplers.ProbabilitySampler", 1e-4, id="name of a class"),
        pytest.param(None, 1e-4, id="nothing"),
        pytest.param("", 1e-4, id="empty text"),
    ],
)
def test_a_component_is_given_as_object_class_or_text(given, rate):
    """Each form makes a sampler; nothing makes OpenCensus's default."""
    assert _server.sampler(given, "app.config").rate == rate


@pytest.mark.parametrize(
    ("text", "came"),
    [
        ("opencensus.trace.samplers.ProbabilitySampler(rate=0.5", "SyntaxError"),
        (f"AzureExporter(connection_string='{_SECRET}')", "NameError for the name 'AzureExporter'"),
        (f"opencensus.trace.samplers.ProbabilitySampler('{_SECRET}', 1, 2)", "TypeError"),
        ("opencensus.trace.samplers.NoSampler()", "AttributeError"),
    ],
)
def test_text_that_makes_no_component_is_refused(text, came):
    """The error says which setting it is, and nothing of what the text says."""
    with pytest.raises(ConfigurationError, match=rf"EXPORTER \(from app.config\): .*{came}") as refused:
        _server.exporter(text, "app.config")
    assert _SECRET not in str(refused.value)
    assert refused.value.__context__ is None or _SECRET not in repr(refused.value.__cause__)


def test_an_error_of_a_component_is_its_own():
    """A constructor that refuses its arguments says so itself."""
    with pytest.raises(ValueError, match="Rate must between 0 and 1"):
        _server.sampler("opencensus.trace.samplers.ProbabilitySampler(rate=2)", "app.config")


def test_a_component_that_cannot_work_is_reported(said):
    """As in OpenCensus the application starts."""
    assert _server.exporter(5, "app.config") == 5
    assert ["EXPORTER (from app.config): expected an object with the method export; got int" in line for line in said()] == [True]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, {}),
        ({}, {}),
        ({"TRACE": None}, {}),
        ({"TRACE": {"SAMPLER": 1}}, {"SAMPLER": 1}),
        ("{'TRACE': {'SAMPLER': 1}}", {"SAMPLER": 1}),
        ({"TRACE": "{'SAMPLER': 1}"}, {"SAMPLER": 1}),
    ],
)
def test_settings_are_mappings_or_text(given, found):
    """The setting OPENCENSUS, or its TRACE, may be an expression in text."""
    assert _server.trace_settings(given, "app.config") == found


@pytest.mark.parametrize("given", [["TRACE"], {"TRACE": ["SAMPLER"]}, "5", "{'TRACE': "])
def test_settings_of_another_kind_are_refused(given):
    """The error says what was expected."""
    with pytest.raises(ConfigurationError, match=r"expected .*a dictionary"):
        _server.trace_settings(given, "app.config")


def test_an_unknown_setting_is_reported(said):
    """A misspelled key has no effect, and a line says so."""
    _server.trace_settings({"TRACE": {"SAMPELR": 1, "EXPORTER": 1}}, "app.config", {"SAMPLER", "EXPORTER"})
    assert len(said()) == 1
    assert "['SAMPELR'] (from app.config) has no effect; known are EXPORTER, SAMPLER" in said()[0]


def test_one_text_is_a_list_with_one_member(said):
    """`("health")` is no tuple: its letters are not what is meant."""
    assert _server.excludelist("health", "EXCLUDELIST_PATHS", "app.config") == ["health"]
    assert len(said()) == 1


def test_an_odd_exclude_list_excludes_nothing(said):
    """It is reported, and the request goes on."""
    assert _server.is_excluded("http://shop/health", [5]) is False
    assert len(said()) == 1


# Requests.


def test_a_request_continues_what_its_headers_say(begin, kept):
    """Its span is a server span in the caller's trace."""
    request = begin(traceparent=_TRACEPARENT)
    request.set_status_code(204)
    request.end()
    (span,) = kept.spans
    assert (span.name, span.span_kind, span.attributes) == ("request", SpanKind.SERVER, {"http.status_code": 204})
    assert (span.context.trace_id, span.parent_span_id) == (_TRACEPARENT[3:35], _TRACEPARENT[36:52])


def test_children_left_open_end_before_the_request(begin, kept):
    """Innermost first, also those of another tracer of the program's."""
    request = begin()
    request.tracer.start_span("child")
    Tracer(exporter=kept, sampler=samplers.AlwaysOnSampler()).start_span("grandchild")
    request.set_status_code(200)
    request.end()
    assert kept.names == ["grandchild", "child", "request"]
    assert [span.attributes for span in kept.spans] == [{}, {}, {"http.status_code": 200}]
    assert execution_context.get_current_span() is None


def test_a_request_ends_in_another_thread(begin, kept):
    """Whatever is current there; what the first thread was left with does not become the parent of its next request."""
    request = begin("first")
    request.tracer.start_span("child")
    ending = threading.Thread(target=request.end)
    ending.start()
    ending.join()
    assert kept.names == ["child", "first"]
    begin("second").end()
    assert kept.spans[2].parent_span_id is None
    assert kept.spans[2].context.trace_id != kept.spans[1].context.trace_id


def test_a_request_ends_once(begin, kept):
    """Further calls have no effect."""
    request = begin()
    request.end()
    request.end()
    assert kept.names == ["request"]


def test_the_tracer_stays_until_the_next_request(begin):
    """Log lines after a request have its trace id, as in OpenCensus; a request that is not traced has none of it."""
    before = execution_context.get_opencensus_tracer()
    execution_context.set_opencensus_attr("own", 1)
    request = begin()
    execution_context.set_opencensus_attr("excludelist_hostnames", ["shop"])
    request.end()
    assert execution_context.get_opencensus_tracer() is request.tracer
    assert execution_context.get_opencensus_attrs() == {"own": 1, "excludelist_hostnames": ["shop"]}
    _server.forget_ended()
    assert execution_context.get_opencensus_tracer() is before
    assert execution_context.get_opencensus_attrs() == {"own": 1}


def test_a_request_inside_another_gives_back_its_tracer(begin, kept):
    """A test client in a view: what follows in the view belongs to the outer request."""
    outer = begin("outer")
    begin("inner").end()
    assert execution_context.get_opencensus_tracer() is outer.tracer
    with execution_context.get_opencensus_tracer().span("after"):
        pass
    outer.end()
    outer_id = kept.spans[2].span_id
    assert [(span.name, span.parent_span_id) for span in kept.spans] == [("inner", outer_id), ("after", outer_id), ("outer", None)]


def test_an_exception_is_noted_on_the_request(begin, kept):
    """Name, message, stack and status, also where a child is open."""
    request = begin()
    request.tracer.start_span("child")
    try:
        raise KeyError("sku")
    except KeyError as error:
        request.fail(error)
    request.end()
    child, span = kept.spans
    assert child.attributes == {}
    assert span.attributes["error.name"] == "KeyError"
    assert span.attributes["error.message"] == "'sku'"
    assert "in test_an_exception_is_noted_on_the_request" in span.attributes["stacktrace"]
    assert (span.status.code, span.status.description) == (2, "'sku'")
    assert span.stack_trace is not None


@pytest.mark.parametrize("sets_status", [True, False])
def test_an_exception_is_an_event_of_the_request(otel, kept, sets_status):
    """One, whether the integration gives the span a stack trace or not."""
    request = _server.begin(
        "django", lambda: Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept), lambda span: setattr(span, "name", "request")
    )
    try:
        raise KeyError("sku")
    except KeyError as error:
        request.fail(error, sets_status=sets_status)
    request.end()
    [span] = otel.exporter.get_finished_spans()
    assert [(event.name, event.attributes["exception.message"]) for event in span.events] == [("exception", "'sku'")]


class _Raises:
    """Raises whatever is done with it."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name}")


@pytest.mark.parametrize("part", ["sampler", "propagator"])
def test_a_component_that_raises_costs_the_span(kept, said, part):
    """The request goes on untraced, and two of them are one line."""
    parts = {"sampler": samplers.AlwaysOnSampler(), "exporter": kept, "propagator": TraceContextPropagator(), part: _Raises()}
    before = execution_context.get_opencensus_tracer()
    for _ in range(2):
        assert _server.begin("flask", lambda: _server.new_tracer({}, **parts), print) is None
    assert execution_context.get_opencensus_tracer() is before
    assert len(said()) == 1
    assert "opencensus.ext.flask" in said()[0]


def test_each_class_of_error_is_said_once(said):
    """An odd request does not hide that all of them fail."""
    for error in (ValueError("odd"), OSError("full"), ValueError("odd again")):
        with _server.guarded("flask"):
            raise error
    assert [line.rpartition(": ")[0].rpartition(" ")[2] for line in said()] == ["ValueError", "OSError"]


def test_an_exporter_that_raises_leaves_the_context_in_order(begin, said):
    """All spans have ended, and none is current."""
    request = begin(exporter=types.SimpleNamespace(export=_Raises()))
    child = request.tracer.start_span("child")
    request.end()
    assert child._has_ended
    assert execution_context.get_current_span() is None
    assert len(said()) == 1


def test_a_description_that_raises_costs_what_it_would_have_set(kept, said):
    """The span is a request all the same."""

    def describe(span):
        span.name = "half"
        raise ValueError("no path")

    request = _server.begin("flask", lambda: Tracer(exporter=kept, sampler=samplers.AlwaysOnSampler()), describe)
    request.end()
    assert [(span.name, span.span_kind) for span in kept.spans] == [("half", SpanKind.SERVER)]
    assert len(said()) == 1


def test_an_exception_without_text_is_noted(begin, kept):
    """An exception whose text raises is noted by its class."""

    class Odd(Exception):
        def __str__(self):
            raise ValueError

    request = begin()
    request.fail(Odd())
    request.end()
    assert kept.spans[0].attributes["error.message"] == "<Odd>"


def test_an_unsampled_request_leaves_the_context_in_order(begin, kept):
    """Nothing is exported, and what is inside it is unsampled."""
    request = begin(sampler=samplers.AlwaysOffSampler())
    assert not _server.is_recorded(request.span)
    request.tracer.start_span("child")
    request.set_status_code(200)
    request.fail(ValueError())
    request.end()
    assert execution_context.get_current_span() is None
    begin("next").end()
    assert kept.names == ["next"]


def test_conventions_stand_beside_the_legacy_attributes(begin, kept, monkeypatch):
    """With OpenTelemetry's envelopes the span has OpenTelemetry's names, too."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    request = begin()
    request.set_attributes({"http.method": "GET", "http.url": "https://shop.example:8443/orders?sku=1"})
    request.set_status_code(503)
    request.end()
    assert kept.spans[0].attributes == {
        "http.method": "GET",
        "http.url": "https://shop.example:8443/orders?sku=1",
        "http.status_code": 503,
        "http.request.method": "GET",
        "http.response.status_code": 503,
        "url.scheme": "https",
        "url.path": "/orders",
        "url.query": "sku=1",
        "server.address": "shop.example",
        "server.port": 8443,
    }


# Bodies.


def _parts(tracer, seen):
    for number in range(2):
        seen.append(execution_context.get_current_span())
        with tracer.span(f"part {number}"):
            yield number


def test_a_body_is_made_inside_its_request(begin, kept):
    """Also a span that is open from one part to the next; in between nothing of the request is current."""
    request = begin()
    seen = []
    body = _server.Body(_parts(request.tracer, seen), request)
    request.end_or_suspend()
    assert execution_context.get_current_span() is None
    assert next(body) == 0
    assert execution_context.get_current_span() is None
    assert kept.names == []
    assert list(body) == [1]
    assert kept.names == ["part 0", "part 1", "request"]
    assert {span.parent_span_id for span in kept.spans[:2]} == {kept.spans[2].span_id}
    assert seen == [request.span, request.span]
    assert execution_context.get_opencensus_tracer() is request.tracer


def test_a_body_is_made_in_any_thread(begin, kept):
    """The request ends where the last part is made."""
    request = begin()
    body = _server.Body(_parts(request.tracer, []), request)
    request.end_or_suspend()
    reading = threading.Thread(target=contextvars.Context().run, args=(list, body))
    reading.start()
    reading.join()
    assert kept.names == ["part 0", "part 1", "request"]
    begin("next").end()
    assert kept.spans[3].parent_span_id is None


def test_a_body_that_raises_fails_its_request(begin, kept):
    """The exception is the application's."""

    def parts():
        yield 1
        raise KeyError("sku")

    request = begin()
    body = _server.Body(parts(), request)
    request.end_or_suspend()
    with pytest.raises(KeyError):
        list(body)
    assert kept.spans[0].attributes["error.name"] == "KeyError"


def test_a_closed_body_ends_its_request(begin, kept):
    """The client went away: the application's iterator is closed inside the request."""
    closed = []

    def parts():
        try:
            yield 1
        finally:
            closed.append(execution_context.get_current_span())

    request = begin()
    body = _server.Body(parts(), request)
    request.end_or_suspend()
    next(body)
    body.close()
    assert closed == [request.span]
    assert kept.names == ["request"]


def test_a_body_that_nobody_reads_ends_its_request_before_the_next_one(begin, kept):
    """A test's client that drops the response: no variable of a context changes while the body is freed, which may be at any time."""
    request = begin()
    body = _server.Body(iter(()), request)
    request.end_or_suspend()
    before = contextvars.copy_context()
    del body
    gc.collect()
    assert kept.names == []
    assert [*contextvars.copy_context().items()] == [*before.items()]
    begin("next").end()
    assert kept.names == ["request", "next"]
    assert kept.spans[1].parent_span_id is None


def test_the_end_of_the_process_ends_what_is_still_to_be_sent(begin, kept):
    """A client that stays connected to a stream."""
    request = begin()
    body = _server.Body([1, 2], request)
    request.end_or_suspend()
    next(body)
    _server._end_suspended()
    assert kept.names == ["request"]
    assert list(body) == [2]
    assert kept.names == ["request"]


def test_a_body_that_is_read_at_once_leaves_its_request_open(begin, kept):
    """The framework, or a function after the view, reads all of it."""
    request = begin()
    assert list(_server.Body([1], request)) == [1]
    assert kept.names == []
    request.end_or_suspend()
    assert kept.names == ["request"]


def test_a_further_body_takes_the_place_of_the_first(begin, kept):
    """An error handler's response is what is sent."""
    request = begin()
    first = _server.Body([1], request)
    second = _server.Body([2], request)
    request.end_or_suspend()
    first.close()
    assert kept.names == []
    second.close()
    assert kept.names == ["request"]
