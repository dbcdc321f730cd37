"""Code of programs that raises what ends a thread or a process: it costs its item, and the pipeline goes on."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading

import gevent
import greenlet
import pytest
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import opencensus_compat
from opencensus_compat._bridge.pipeline import hand_over as _hand_over
from opencensus_compat._bridge.pipeline import part as _part
from opencensus_compat._bridge.providers.logs import hand_over
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.metrics.export import gauge
from opencensus_compat.metrics.export.metric_producer import MetricProducer
from opencensus_compat.stats.aggregation import SumAggregation
from opencensus_compat.stats.stats import stats
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

LATER = 3600.0
RAISED = "a telemetry processor raised"
KINDS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, gevent.Timeout, greenlet.GreenletExit]


def _raiser(kind):
    """Return a processor that raises for the items that say so, and what else a program may put in its place."""

    def process(item, *_):
        if "wrong" in str(item):
            raise kind

    return process


class Text:
    """A value whose text cannot be had."""

    def __str__(self):
        raise SystemExit("wrong")


@pytest.fixture
def handle(otel, endpoint):
    """Return a function that makes a handle of a class, and one that lets it send an item under a name."""
    loggers = []

    def make(cls, **options):
        made = cls(connection_string=endpoint.connection_string, export_interval=LATER, **options)
        if isinstance(made, AzureExporter):
            tracer = Tracer(exporter=made, sampler=AlwaysOnSampler())

            def send(name, **attributes):
                with tracer.span(name=name) as span:
                    span.attributes = attributes

            return made, send
        logger = logging.getLogger(f"hostile.{len(loggers)}")
        logger.propagate = False
        logger.addHandler(made)
        loggers.append(logger)
        return made, lambda name, **attributes: logger.error(name, extra={"custom_dimensions": attributes})

    yield make
    for logger in loggers:
        logger.handlers.clear()


def _names(endpoint):
    datas = [envelope["data"]["baseData"] for envelope in endpoint.envelopes()]
    return [data.get("message") or data["name"] for data in datas]


@pytest.mark.parametrize("cls", [AzureExporter, AzureLogHandler, AzureEventHandler])
@pytest.mark.parametrize("kind", KINDS)
def test_a_processor_that_raises_costs_its_item(handle, endpoint, cls, kind):
    """The item is counted under a reason of its own; those before and after it arrive, also those of a later export."""
    made, send = handle(cls)
    made.add_telemetry_processor(_raiser(kind))
    for name in ("one", "wrong", "two"):
        send(name)
    assert opencensus_compat.flush(30.0)
    send("three")
    assert opencensus_compat.flush(30.0)
    assert _names(endpoint) == ["one", "two", "three"]
    assert made._pipeline.exporter.counts.snapshot().dropped == {RAISED: 1}


class Converting(AzureExporter):
    """An exporter whose conversion raises."""

    def span_data_to_envelope(self, sd):
        """Raise for one name."""
        _raiser(SystemExit)(sd.name)
        yield from super().span_data_to_envelope(sd)


class ConvertingRecords(AzureLogHandler):
    """A handler whose conversion raises."""

    def log_record_to_envelope(self, record):
        """Raise for one message."""
        _raiser(SystemExit)(record.msg)
        return super().log_record_to_envelope(record)


@pytest.mark.parametrize("cls", [Converting, ConvertingRecords])
def test_a_conversion_that_raises_costs_its_item(handle, endpoint, cls):
    """What a subclass's conversion raises loses one item, which is counted."""
    made, send = handle(cls)
    for name in ("one", "wrong", "two"):
        send(name)
    opencensus_compat.flush(30.0)
    send("three")
    assert opencensus_compat.flush(30.0)
    assert _names(endpoint) == ["one", "two", "three"]
    assert sum(made._pipeline.exporter.counts.snapshot().dropped.values()) == 1


class Formatter(logging.Formatter):
    """A formatter that raises."""

    def format(self, record):
        """Raise for one message."""
        _raiser(SystemExit)(record.msg)
        return record.getMessage()


def test_a_formatter_that_raises_costs_its_form(handle, endpoint):
    """The record arrives with its message, as for any other error."""
    made, send = handle(AzureLogHandler)
    made.setFormatter(Formatter())
    for name in ("one", "wrong", "two"):
        send(name)
    assert opencensus_compat.flush(30.0)
    assert _names(endpoint) == ["one", "wrong", "two"]


@pytest.mark.parametrize("cls", [AzureExporter, AzureLogHandler])
def test_a_value_that_raises_costs_its_text(handle, endpoint, cls):
    """The item arrives with the value's type in place of its text, and the code that made the item never learns of it."""
    _, send = handle(cls)
    send("one", value=Text(), many=[Text()])
    assert opencensus_compat.flush(30.0)
    (envelope,) = endpoint.envelopes()
    assert envelope["data"]["baseData"]["properties"]["value"] == "<Text>"


def test_arguments_of_a_message_that_raise(handle, endpoint):
    """A message whose argument has no text arrives all the same."""
    made, _ = handle(AzureLogHandler)
    record = logging.LogRecord("app", logging.ERROR, __file__, 1, "value %s", (Text(),), None)
    made.handle(record)
    assert opencensus_compat.flush(30.0)
    (name,) = _names(endpoint)
    assert name.startswith("value %s (<")


class Producer(MetricProducer):
    """A producer that raises."""

    def get_metrics(self):
        """Raise, after one metric."""
        raise SystemExit(1)
        yield


def test_metrics_that_raise_cost_what_they_tell(otel, endpoint, measuring):
    """A producer, a gauge's function and a processor that raise cost what they stand for; views arrive at each export."""
    measuring.view("orders", SumAggregation(), columns=())
    registry = gauge.Registry()
    derived = gauge.DerivedLongGauge("wrong gauge", "", "1", [])
    registry.add_gauge(derived)
    derived.create_default_time_series(functools.partial(_raiser(SystemExit), "wrong"))
    measuring.view("wrong view", SumAggregation(), columns=())
    exporter = MetricsExporter(connection_string=endpoint.connection_string, export_interval=LATER)
    exporter.add_telemetry_processor(_raiser(SystemExit))
    producers = [Producer(), registry, stats]
    task = exporter._task(producers, LATER)
    for value in (1, 2):
        measuring.record(value)
        exporter._pipeline.export_of(task, set())
    values = [envelope["data"]["baseData"]["metrics"][0]["value"] for envelope in endpoint.envelopes()]
    assert values == [1, 3]
    assert exporter._pipeline.exporter.counts.snapshot().dropped[RAISED] == 2


class Sampler:
    """A sampler that raises, but for the first trace."""

    asked = 0

    def should_sample(self, context):
        """Return True, and then raise."""
        self.asked += 1
        if self.asked > 1:
            raise SystemExit(1)
        return True


def test_a_sampler_that_raises_samples_nothing(otel, endpoint):
    """The application goes on, as where the sampler raises anything else."""
    tracer = Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=Sampler())
    for name in ("sampled", "not sampled"):
        with tracer.span(name=name):
            pass
    assert opencensus_compat.flush(30.0)
    assert _names(endpoint) == ["sampled"]


def test_a_resource_detector_that_raises(endpoint, monkeypatch):
    """The program goes on with what the environment says of its resource, and its telemetry arrives."""
    # The SDK lets through what a detector raises that is no `Exception`.
    monkeypatch.setattr(Resource, "create", lambda *_: _raiser(SystemExit)("wrong"))
    exporter = AzureExporter(connection_string=endpoint.connection_string)
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="one"):
        pass
    assert opencensus_compat.flush(30.0)
    assert _names(endpoint) == ["one"]


_start = threading.Thread.start


def _without(thread, refuse):
    """Start no thread of this package's or the SDK's; the endpoint has its own."""
    if thread.name.startswith(("Otel", "opencensus", "appinsights")):
        refuse()
    else:
        _start(thread)


def _limit():
    raise RuntimeError("can't start new thread")


def _mock():
    """Start nothing, and say nothing of it."""


@pytest.mark.parametrize("refuse", [_limit, _mock])
@pytest.mark.parametrize("cls", [AzureExporter, AzureLogHandler])
def test_threads_that_cannot_be_started(handle, endpoint, monkeypatch, caplog, cls, refuse):
    """The application does not notice; a later item tries again, and what waited leaves by the thread that was started then."""
    monkeypatch.setattr(_part, "_THREAD_AGAIN_S", 0.0)
    monkeypatch.setattr(_hand_over, "_THREAD_AGAIN_S", 0.0)
    made, send = handle(cls)
    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", lambda thread: _without(thread, refuse))
        send("first")
        send("second")
        # As at the end of a process; the queue of log records first brings them to where they wait.
        assert hand_over().flush(60.0)
    send("third")
    assert hand_over().flush(60.0)
    assert caplog.text.count("no thread can be started to export") == 1
    assert isinstance(made._pipeline._processor, (BatchSpanProcessor, BatchLogRecordProcessor))
    assert opencensus_compat.flush(60.0)
    assert sorted(_names(endpoint)) == ["first", "second", "third"]


def test_a_flush_without_threads(handle, endpoint, monkeypatch):
    """It exports what waits, in the caller's thread."""
    _, send = handle(AzureExporter)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: _without(thread, _limit))
    send("one")
    assert opencensus_compat.flush(60.0)
    assert _names(endpoint) == ["one"]
