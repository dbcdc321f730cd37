"""The integration with Pyramid, beyond what the programs of `tests/parity` show."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

from appinsights_exporter import ConfigurationError
from opencensus_compat.ext import _server
from opencensus_compat.ext.pyramid.config import DEFAULT_PYRAMID_TRACER_CONFIG, PyramidTraceSettings
from opencensus_compat.ext.pyramid.pyramid_middleware import OpenCensusTweenFactory
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator

_SECRET = "InstrumentationKey=00000000-1111-2222-3333-444444444444"


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


def _settings(given):
    return PyramidTraceSettings(SimpleNamespace(settings=given))


@pytest.fixture
def tween(kept):
    """Returns a function that makes a tween around a handler."""

    def make(handler, **settings):
        trace = {"SAMPLER": samplers.AlwaysOnSampler(), "EXPORTER": kept, **settings}
        return OpenCensusTweenFactory(handler, SimpleNamespace(settings={"OPENCENSUS": {"TRACE": trace}}))

    return make


# Settings.


def test_an_ini_file_has_the_settings_as_text(kept):
    """One expression, over several lines; what it lacks has the defaults."""
    settings = _settings(
        {
            "OPENCENSUS": """
                {'TRACE': {
                    'SAMPLER': opencensus.trace.samplers.ProbabilitySampler(rate=0.5),
                    'PROPAGATOR': 'opencensus.trace.propagation.b3_format.B3FormatPropagator()',
                    'EXCLUDELIST_PATHS': ['health'],
                }}"""
        }
    )
    assert settings.SAMPLER.rate == 0.5
    assert isinstance(settings.PROPAGATOR, B3FormatPropagator)
    assert settings.PROPAGATOR is settings.PROPAGATOR
    assert settings.EXPORTER is DEFAULT_PYRAMID_TRACER_CONFIG["EXPORTER"]
    assert settings.EXCLUDELIST_PATHS == ["health"]


@pytest.mark.parametrize("given", [None, {}, {"OPENCENSUS": {}}, {"OPENCENSUS": {"TRACE": {}}}])
def test_without_settings_there_are_defaults(given):
    """Every request is traced, and printed."""
    assert isinstance(_settings(given).SAMPLER, samplers.AlwaysOnSampler)


def test_the_older_name_of_the_paths_counts():
    """Releases before 0.7.2 called the list another name."""
    assert _settings({"OPENCENSUS": {"TRACE": {"BLACKLIST_PATHS": ["health"]}}}).EXCLUDELIST_PATHS == ["health"]


@pytest.mark.parametrize("given", [5, f"AzureExporter(connection_string='{_SECRET}')", {"TRACE": f"Exporter('{_SECRET}')"}])
def test_settings_that_cannot_be_read_are_refused(given):
    """The error names the setting, and not what it says."""
    with pytest.raises(ConfigurationError, match=r"OPENCENSUS.*\(from Pyramid's settings\)") as refused:
        _settings({"OPENCENSUS": given})
    assert _SECRET not in str(refused.value)


def test_a_component_that_cannot_be_read_is_refused_when_the_application_is_made():
    """Not with the first request."""
    with Configurator(settings={"OPENCENSUS": {"TRACE": {"EXPORTER": "AzureExporter()"}}}) as config:
        config.add_tween("opencensus_compat.ext.pyramid.pyramid_middleware.OpenCensusTweenFactory")
    with pytest.raises(ConfigurationError, match=r"EXPORTER \(from Pyramid's settings\)"):
        config.make_wsgi_app()


# Requests.


def test_an_exception_is_its_request_s(tween, kept):
    """It goes on to the server; the span has it, and the next request is its own."""

    def fails(request):
        raise ValueError("no such order")

    with pytest.raises(ValueError, match="no such order"):
        tween(fails)(Request.blank("/fails"))
    attributes = kept.spans[0].attributes
    assert (attributes["http.status_code"], attributes["error.name"], attributes["error.message"]) == (500, "ValueError", "no such order")
    tween(lambda _: Response())(Request.blank("/next"))
    assert kept.spans[1].parent_span_id is None


def test_an_exception_that_is_a_response_has_its_code(tween, kept):
    """Below the views of exceptions Pyramid has not yet made a response of it."""

    def nowhere(request):
        raise HTTPNotFound

    with pytest.raises(HTTPNotFound):
        tween(nowhere)(Request.blank("/nowhere"))
    assert kept.spans[0].attributes["http.status_code"] == 404
    assert "error.name" not in kept.spans[0].attributes


def test_the_end_of_the_process_is_no_failure_of_the_request(tween, kept):
    """Its span ends all the same."""

    def interrupted(request):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tween(interrupted)(Request.blank("/"))
    assert "error.name" not in kept.spans[0].attributes


def test_a_copy_of_a_request_is_a_request_of_its_own(tween, kept):
    """The two share what WebOb keeps in the WSGI environment."""
    inner = tween(lambda _: Response(status=201))
    outer = tween(lambda request: inner(request.copy()))

    def again(request):
        return Response(status=202) if request.path == "/copy" else same(Request(request.environ | {"PATH_INFO": "/copy"}))

    same = tween(again)
    outer(Request.blank("/"))
    same(Request.blank("/"))
    assert [span.attributes["http.status_code"] for span in kept.spans] == [201, 201, 202, 202]


@pytest.mark.parametrize("name", ["PATH_INFO", "SCRIPT_NAME"])
def test_a_path_that_cannot_be_decoded(tween, kept, said, name):
    """The request has it quoted as it came, and nothing is said: any client can make one up."""
    broken = Request.blank("/?a=b")
    broken.environ[name] = "/\xff~"
    path = "/%FF~/" if name == "SCRIPT_NAME" else "/%FF~"
    assert tween(lambda _: Response())(broken).status_code == 200
    assert tween(lambda _: Response(), EXCLUDELIST_PATHS=["%FF"])(broken).status_code == 200
    (span,) = kept.spans
    assert (span.name, span.attributes["http.path"]) == (f"[GET]{path}", path)
    assert span.attributes["http.url"] == f"http://localhost{path}?a=b"
    assert not said()


def test_a_request_that_raises_costs_the_span(tween, kept, said):
    """The request goes on, and nothing of the one before is current in it."""
    seen = []

    class Broken(Request):
        path = property(lambda _: 1 / 0)

    def handler(request):
        seen.append(execution_context.get_opencensus_tracer())
        return Response()

    traced = tween(handler)
    traced(Request.blank("/well"))
    traced(Broken.blank("/"))
    assert len(kept.spans) == 1
    assert seen[0] is not seen[1]
    assert len(said()) == 1


def test_a_subclass_that_calls_no_constructor(kept, said):
    """It makes its components by itself."""

    class Own(OpenCensusTweenFactory):
        def __init__(self, handler, _registry):
            self.handler, self.sampler, self.exporter = handler, samplers.AlwaysOnSampler(), kept
            self.propagator = B3FormatPropagator()

    assert Own(lambda _: Response(), None)(Request.blank("/")).status_code == 200
    assert [span.attributes["http.status_code"] for span in kept.spans] == [200]
    assert not said()


@pytest.mark.parametrize("name", ["EXPORTER", "PROPAGATOR", "SAMPLER"])
def test_a_component_that_raises_costs_no_request(tween, said, name):
    """Two requests, one line."""

    def fails(*_):
        raise RuntimeError("component")

    component = SimpleNamespace(export=fails, from_headers=fails, should_sample=fails)
    traced = tween(lambda _: Response(), **{name: component})
    assert [traced(Request.blank("/")).status_code for _ in range(2)] == [200, 200]
    assert len(said()) == 1


def test_two_hundred_requests_fifty_at_once(tween, kept):
    """Each span is below its own request."""
    together = threading.Barrier(50)

    def handler(request):
        together.wait(30)
        with execution_context.get_opencensus_tracer().span(request.path):
            return Response()

    traced = tween(handler)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda number: traced(Request.blank(f"/{number}")), range(200)))
    paths = {span.span_id: span.attributes["http.path"] for span in kept.spans if span.span_kind == 1}
    assert len(set(paths.values())) == 200
    assert all(paths[span.parent_span_id] == span.name for span in kept.spans if span.span_kind != 1)
    assert len(kept.spans) == 400
