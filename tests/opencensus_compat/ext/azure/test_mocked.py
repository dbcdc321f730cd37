"""Mocks in the steps of an export are called as OpenCensus calls them; what replaces `requests.post` gets the requests."""

from __future__ import annotations

import json
import logging
from unittest import mock

import pytest
import requests
import wrapt

import opencensus_compat
from opencensus_compat.ext.azure.common.protocol import Envelope
from opencensus_compat.ext.azure.common.transport import TransportStatusCode
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.trace import samplers
from opencensus_compat.trace.tracer import Tracer

POST = "opencensus_compat.ext.azure.common.transport.requests.post"


@pytest.fixture
def options(endpoint, otel):
    """Options of an exporter that sends to the local endpoint when it is flushed."""
    return {"connection_string": endpoint.connection_string, "export_interval": 3600.0, "enable_local_storage": False}


def _spans(exporter, *names):
    tracer = Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler())
    for name in names:
        with tracer.span(name):
            pass
    opencensus_compat.flush(60.0)


def _lines(handler, *lines):
    logger = logging.getLogger(__name__)
    logger.addHandler(handler)
    for line in lines:
        logger.warning(line)
    logger.removeHandler(handler)
    handler.flush(60.0)


# --- Steps of the export


def test_a_step_takes_the_spans_of_a_batch(options):
    """`emit` and `_transmit` are called once for what waited, as far as it has one sample rate."""
    with mock.patch.object(AzureExporter, "emit") as emit:
        _spans(AzureExporter(**options), "a", "b")
    assert [[span.name for span in call.args[0]] for call in emit.call_args_list] == [["a", "b"]]
    with mock.patch.object(AzureExporter, "_transmit", return_value=TransportStatusCode.SUCCESS) as transmit:
        _spans(AzureExporter(**options), "c", "d")
    assert [[envelope.data.baseData.name for envelope in call.args[0]] for call in transmit.call_args_list] == [["c", "d"]]


def test_a_step_that_an_exporter_was_given_takes_its_own_spans(options, endpoint):
    """Other exporters of the resource go on as ever, and each sees its own spans only."""
    exporters = [AzureExporter(**options) for _ in range(3)]
    exporters[0].emit, exporters[1].emit = steps = mock.Mock(), mock.Mock()
    for name in ("a", "b"):
        for number, exporter in enumerate(exporters):
            with Tracer(exporter=exporter, sampler=samplers.AlwaysOnSampler()).span(f"{name}{number}"):
                pass
    assert opencensus_compat.flush(60.0)
    assert [[[span.name for span in call.args[0]] for call in step.call_args_list] for step in steps] == [[["a0", "b0"]], [["a1", "b1"]]]
    assert [envelope["data"]["baseData"]["name"] for envelope in endpoint.envelopes()] == ["a2", "b2"]


def test_a_step_that_raises_costs_what_it_was_given(options):
    """Each of them is counted."""

    class Failing(AzureExporter):
        def emit(self, batch, event=None):
            raise ValueError(batch)

    exporter = Failing(**options)
    _spans(exporter, "a", "b", "c")
    assert exporter._pipeline.exporter.counts.snapshot().dropped == {"a span could not be converted": 3}


def test_nothing_is_transmitted_of_nothing(options):
    """An empty batch is no reason for a request, and its event is set."""
    event = mock.Mock()
    with mock.patch.object(AzureExporter, "_transmit") as transmit:
        AzureExporter(**options).emit([], event)
    assert (transmit.mock_calls, event.mock_calls) == ([], [mock.call.set()])


@pytest.mark.parametrize(("kind", "field"), [(AzureLogHandler, "message"), (AzureEventHandler, "name")])
def test_a_step_takes_the_records_of_a_batch(kind, field, options):
    """`_export` and `_transmit` are called once for what waited."""
    with mock.patch.object(kind, "_export") as export:
        _lines(kind(**options), "a", "b")
    assert [[record.getMessage() for record in call.args[0]] for call in export.call_args_list] == [["a", "b"]]
    with mock.patch.object(kind, "_transmit", return_value=TransportStatusCode.SUCCESS) as transmit:
        _lines(kind(**options), "c", "d")
    assert [[envelope.data.baseData[field] for envelope in call.args[0]] for call in transmit.call_args_list] == [["c", "d"]]


def test_a_mocked_conversion_is_called_once_a_record(options):
    """It is not asked anything else, not even for its hash."""
    with (
        mock.patch.object(AzureLogHandler, "log_record_to_envelope") as convert,
        mock.patch.object(AzureLogHandler, "_transmit") as transmit,
    ):
        _lines(AzureLogHandler(**options), "a")
    assert [str(call)[: len("call(<LogRecord")] for call in convert.mock_calls] == ["call(<LogRecord"]
    assert transmit.mock_calls == [mock.call([convert.return_value])]


@pytest.mark.parametrize("kind", [AzureExporter, AzureLogHandler, AzureEventHandler])
@pytest.mark.parametrize("step", ["_transmit", "apply_telemetry_processors"])
def test_a_step_that_a_library_wraps_is_called(kind, step, options, endpoint):
    """What tools for monitoring put around a step sees each batch, although the wrapper passes for what it wraps; items arrive as ever."""
    seen = []

    def wrapper(wrapped, instance, args, kwargs):
        seen.append(len(args[0]))
        return wrapped(*args, **kwargs)

    send = _spans if kind is AzureExporter else _lines
    with mock.patch.object(kind, step, wrapt.FunctionWrapper(getattr(kind, step), wrapper)):
        send(kind(**options), "a", "b")
    assert (seen, len(endpoint.wait_for(2))) == ([2], 2)


# --- Conversions of older and newer releases

MADE = {
    # what a conversion gives back -> the names of what arrives
    "one": (lambda one: one, ["a"]),
    "dict": (dict, ["a"]),
    "none": (lambda _: None, []),
    "list": (lambda one: [one, None, one], ["a", "a"]),
    "tuple": (lambda one: (one,), ["a"]),
    "yielded": (lambda one: (each for each in (one, one)), ["a", "a"]),
}


@pytest.mark.parametrize(("made", "names"), MADE.values(), ids=MADE)
def test_what_a_conversion_gives_back(made, names, options):
    """One envelope, several or none count as that in each signal, whether they are returned or yielded."""
    steps = (
        (AzureExporter, "span_data_to_envelope", "emit"),
        (AzureLogHandler, "log_record_to_envelope", "_export"),
        (MetricsExporter, "metric_to_envelopes", "export_metrics"),
    )
    for kind, conversion, export in steps:
        made_by_hand = made(Envelope(name="a"))
        with mock.patch.object(kind, conversion, return_value=made_by_hand), mock.patch.object(kind, "_transmit") as transmit:
            getattr(kind(**options), export)([mock.Mock()])
        assert [envelope["name"] for call in transmit.call_args_list for envelope in call.args[0]] == names


# --- requests.post


@pytest.fixture(params=[POST, "requests.post", "opencensus_compat.ext.azure.common.transport.requests"])
def post(request):
    """A mock in its place, which answers as the service."""
    with mock.patch(request.param) as patched:
        made = patched.post if request.param.endswith("requests") else patched
        made.return_value = mock.Mock(status_code=200, text='{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}', headers={})
        yield made


def _sent(post):
    return [(call.kwargs["url"], [each["data"]["baseData"] for each in json.loads(call.kwargs["data"])]) for call in post.call_args_list]


def test_what_replaces_requests_post_gets_the_requests(post, options, endpoint):
    """Spans, log lines and what is transmitted at once go there, with the arguments that OpenCensus gave it, and nowhere else."""
    url = f"{endpoint.url.rstrip('/')}/v2.1/track"
    _spans(AzureExporter(**options), "a")
    _lines(AzureLogHandler(**options), "b")
    [(first, [span]), (second, [line])] = _sent(post)
    assert (first, span["name"], second, line["message"]) == (url, "a", url, "b")
    assert AzureExporter(**options)._transmit([{"name": "c"}]) == TransportStatusCode.SUCCESS
    call = post.call_args
    assert (call.args, [*call.kwargs]) == ((), ["url", "data", "headers", "timeout", "proxies", "allow_redirects"])
    assert call.kwargs["headers"] == {"Accept": "application/json", "Content-Type": "application/json; charset=utf-8"}
    assert endpoint.envelopes() == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"return_value.status_code": 500}, TransportStatusCode.RETRY),
        ({"return_value.status_code": 200}, TransportStatusCode.SUCCESS),
        ({"return_value.status_code": 400}, TransportStatusCode.DROP),
        ({"side_effect": requests.Timeout()}, TransportStatusCode.RETRY),
        ({"side_effect": requests.ConnectionError()}, TransportStatusCode.RETRY),
        ({}, TransportStatusCode.DROP),
    ],
)
def test_what_it_answers_counts(answer, status, post, options):
    """Also right after another test's endpoint was down, and where a mock was told nothing."""
    post.return_value = mock.Mock()
    exporter = AzureExporter(**options)
    post.configure_mock(**{"return_value.status_code": 503})
    assert exporter._transmit([{"name": "before"}]) == TransportStatusCode.RETRY
    post.return_value = mock.Mock()
    post.configure_mock(**answer)
    assert exporter._transmit([{"name": "a"}]) == status
    assert post.call_count == 2


def test_export_of_the_base_class(options):
    """`export` that is patched on the base class gets the spans, as in OpenCensus, where exporters inherit it."""
    exporter = AzureExporter(**options)
    with mock.patch("opencensus_compat.ext.azure.common.exporter.BaseExporter.export") as export:
        _spans(exporter, "a", "b")
    assert [[span.name for span in call.args[0]] for call in export.call_args_list] == [["a"], ["b"]]
