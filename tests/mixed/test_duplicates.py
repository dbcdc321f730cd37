"""Each item once: a legacy handle and an exporter of the application's own for one resource, two handlers for one record, two shapes."""

from __future__ import annotations

import logging
import threading
import time
import traceback
import types

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opencensus_compat
from appinsights_exporter import (
    ApplicationInsightsLogRecordExporter,
    ApplicationInsightsMetricExporter,
    ApplicationInsightsSpanExporter,
    _sdk_logs,
)
from appinsights_exporter.sampling import SampleRateProcessor
from opencensus_compat._bridge import others as _other_exporters
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import LongGauge, Registry
from opencensus_compat.trace import samplers
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.tracer import Tracer

SAID = (
    "both appinsights_exporter.{} and an OpenCensus exporter send {} to the resource with the instrumentation key that ends in {}: each item "
    "is sent once, OpenTelemetry's by the former, OpenCensus's by the latter (said once)"
)


@pytest.fixture
def endpoint():
    """The resource of the legacy handle."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def other():
    """Another resource."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def said(caplog):
    """Return a function that gives the level and the text of what this package has said of what would arrive twice."""
    caplog.set_level(logging.DEBUG, "opencensus_compat")
    said_of = ("both ", "a handler of ")

    def lines():
        own = [record for record in caplog.records if record.name == "opencensus_compat"]
        return [(record.levelname, record.getMessage()) for record in own if record.getMessage().startswith(said_of)]

    return lines


def legacy(endpoint):
    """Return a tracer that sends to the endpoint."""
    return Tracer(sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(connection_string=endpoint.connection_string))


def names(endpoint):
    """Return the names of what arrived, and the kind of its envelope."""
    return sorted(row["name"] for row in endpoint.rows("dependencies"))


# --- Spans


class Tail(SpanProcessor):
    """A program's own processor in front of others."""

    def __init__(self, **others):
        self.__dict__.update(others)

    def on_start(self, span, parent_context=None):
        """Hand it on."""
        for other in vars(self).values():
            other.on_start(span, parent_context)

    def on_end(self, span):
        """Hand on what is no health check."""
        if span.name != "health":
            for other in vars(self).values():
                other.on_end(span)

    def shutdown(self):
        """Stop the others."""
        for other in vars(self).values():
            other.shutdown()

    def force_flush(self, timeout_millis=30000):
        """Flush the others."""
        return all(other.force_flush(timeout_millis) for other in vars(self).values())


class Filtering(SpanExporter):
    """A program's own exporter in front of another one."""

    def __init__(self, target):
        self.target = target

    def export(self, spans):
        """Export what is left."""
        return self.target.export(spans)

    def shutdown(self):
        """Stop the other one."""


PROCESSORS = {
    "batch": BatchSpanProcessor,
    "simple": SimpleSpanProcessor,
    "own": lambda exporter: Tail(inner=BatchSpanProcessor(Filtering(exporter))),
}


@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("several", [None, ConcurrentMultiSpanProcessor], ids=["", "concurrent"])
def test_spans_of_one_resource(endpoint, said, processor, order, several):
    """Of both APIs, nested, each span arrives once, whichever exporter came first, and other processors see them all."""
    finished = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False, active_span_processor=None if several is None else several())
    tracers.add_span_processor(SimpleSpanProcessor(finished))
    opencensus_compat.configure(tracer_provider=tracers)
    exporter = ApplicationInsightsSpanExporter(endpoint.connection_string)
    if order == "before":
        tracers.add_span_processor(processor(exporter))
        tracer = legacy(endpoint)
    else:
        tracer = legacy(endpoint)
        tracers.add_span_processor(processor(exporter))
    otel = tracers.get_tracer("application")
    with otel.start_as_current_span("a"), tracer.span("b") as b:
        trace_api.get_current_span().add_event("makes it whole")
        b.span_kind = 2
        with otel.start_as_current_span("c"), tracer.span("d"):
            pass
    tracers.shutdown()
    assert names(endpoint) == ["a", "b", "c", "d"]
    assert len({row["operation_Id"] for row in endpoint.rows("dependencies")}) == 1
    assert sorted(span.name for span in finished.get_finished_spans()) == ["a", "b", "c", "d"]
    key = endpoint.envelopes()[0]["iKey"]
    assert said() == [("DEBUG", SAID.format("ApplicationInsightsSpanExporter", "traces", key[-4:]))]


def test_spans_of_two_resources(endpoint, other, said):
    """The application's own exporter gets OpenTelemetry's spans; an OpenCensus span goes to its tracer's resource and to no other."""
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(other.connection_string)))
    opencensus_compat.configure(tracer_provider=tracers)
    tracer, otel = legacy(endpoint), tracers.get_tracer("application")
    with otel.start_as_current_span("a"), tracer.span("b"), otel.start_as_current_span("c"):
        pass
    tracers.shutdown()
    assert (names(endpoint), names(other), said()) == (["b", "c"], ["a", "c"], [])


def test_a_tracer_without_a_resource(endpoint):
    """An OpenCensus span whose exporter is another vendor's goes where the application's exporters send."""
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
    opencensus_compat.configure(tracer_provider=tracers)

    class Vendor:
        lists: list = []  # noqa: RUF012 - one list for the one object

        def export(self, span_datas):
            self.lists.append([span_data.name for span_data in span_datas])

    with Tracer(sampler=samplers.AlwaysOnSampler(), exporter=Vendor()).span("a"):
        pass
    tracers.shutdown()
    assert (names(endpoint), Vendor.lists) == (["a"], [["a"]])


def test_configuring_twice_changes_nothing(endpoint):
    """Handles made twice, and providers named twice, send each span once."""
    tracers = TracerProvider(shutdown_on_exit=False)
    for _ in range(2):
        opencensus_compat.configure(tracer_provider=tracers)
        tracer = legacy(endpoint)
    with tracer.span("a"), tracers.get_tracer("application").start_as_current_span("b"):
        pass
    tracers.shutdown()
    assert names(endpoint) == ["a", "b"]


# --- Log records


class Loggers:
    """A logger provider with an exporter of the application's own, and a handler of OpenTelemetry's on it."""

    def __init__(self, text):
        self.provider = _sdk_logs.new_provider(shutdown_on_exit=False)
        if text:
            self.provider.add_log_record_processor(_sdk_logs.BatchLogRecordProcessor(ApplicationInsightsLogRecordExporter(text)))
        opencensus_compat.configure(logger_provider=self.provider)

    def emit(self, name, body, created):
        """Do what OpenTelemetry's handler does with a record of the standard library's."""
        _sdk_logs.emit(self.provider.get_logger(name), _sdk_logs.new_record(timestamp_ns=int(created * 1e9), body=body))


class OtelHandler(logging.Handler):
    """A handler as OpenTelemetry has them."""

    def __init__(self, loggers):
        super().__init__()
        self._loggers = loggers

    def emit(self, record):
        """Emit it for the logger that has the name of the record's."""
        self._loggers.emit(record.name, record.getMessage(), record.created)


@pytest.fixture
def log():
    """A logger of the standard library's."""
    made = logging.getLogger("tests.duplicates")
    made.propagate, made.level = False, logging.INFO
    yield made
    made.handlers, made.propagate = [], True


def messages(endpoint):
    """Return the messages that arrived."""
    return sorted(row["message"] for row in endpoint.rows("traces"))


def test_records_of_one_resource(endpoint, said, log):
    """What OpenTelemetry code and a legacy handler log arrives once each."""
    loggers = Loggers(endpoint.connection_string)
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    log.info("legacy")
    loggers.emit("elsewhere", "otel", time.time())
    assert opencensus_compat.flush(60)
    loggers.provider.shutdown()
    assert messages(endpoint) == ["legacy", "otel"]
    key = endpoint.envelopes()[0]["iKey"]
    assert said() == [("DEBUG", SAID.format("ApplicationInsightsLogRecordExporter", "logs", key[-4:]))]


def test_records_of_two_resources(endpoint, other, log):
    """A legacy handler's records go to its resource alone; those of OpenTelemetry code are left to the application's exporter."""
    loggers = Loggers(other.connection_string)
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    log.info("legacy")
    loggers.emit("elsewhere", "otel", time.time())
    assert opencensus_compat.flush(60)
    loggers.provider.shutdown()
    assert (messages(endpoint), messages(other)) == (["legacy"], ["otel"])


@pytest.mark.parametrize("order", ["legacy first", "opentelemetry first"])
@pytest.mark.parametrize("has_exporter", [True, False], ids=["with an exporter", "without"])
def test_one_record_meets_both_handlers(endpoint, said, log, order, has_exporter):
    """It arrives once: as OpenTelemetry's where the application's own exporter sends it there, else as ever. Events arrive, too."""
    loggers = Loggers(endpoint.connection_string if has_exporter else None)
    handlers = [AzureLogHandler(connection_string=endpoint.connection_string), OtelHandler(loggers)]
    for handler in handlers if order == "legacy first" else reversed(handlers):
        log.addHandler(handler)
    log.addHandler(AzureEventHandler(connection_string=endpoint.connection_string))
    for number in range(3):
        log.info("record %d", number)
    loggers.emit("elsewhere", "otel", time.time())
    assert opencensus_compat.flush(60)
    loggers.provider.shutdown()
    assert messages(endpoint) == ["otel", "record 0", "record 1", "record 2"]
    levels = [row["customDimensions"].get("level") for row in endpoint.rows("traces") if row["message"] != "otel"]
    assert levels == [None if has_exporter else "INFO"] * 3
    assert sorted(row["name"] for row in endpoint.rows("customEvents")) == ["record 0", "record 1", "record 2"]
    same = (
        "a handler of OpenTelemetry's and an AzureLogHandler of the same resource take the same log records: each is sent once, as OpenTelemetry's "
        "(said once)"
    )
    assert [line for _, line in said() if "same log records" in line] == [same] * has_exporter


def test_one_record_for_two_resources(endpoint, other, log):
    """A record that meets handlers of both APIs for two resources arrives in both."""
    loggers = Loggers(other.connection_string)
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    log.addHandler(OtelHandler(loggers))
    log.info("both")
    assert opencensus_compat.flush(60)
    loggers.provider.shutdown()
    assert (messages(endpoint), messages(other)) == (["both"], ["both"])


def test_nothing_is_left_on_records(endpoint, log):
    """Other handlers send whatever fields a record has: a legacy handler adds none, however many there are."""
    for _ in range(2):
        log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string, logging_sampling_rate=0.99999))
    seen = []
    keeping = logging.Handler()
    keeping.emit = seen.append
    log.addHandler(keeping)
    log.info("plain")
    opencensus_compat.flush(60)
    # pytest's own handler formats the message.
    assert [set(record.__dict__) - {*logging.makeLogRecord({}).__dict__, "message"} for record in seen] == [set()]


# --- Metrics


def test_metrics_of_one_resource(endpoint):
    """A gauge of OpenCensus arrives once per collection, in its own shape; the application's other readers see it, too."""
    reader = InMemoryMetricReader()
    own = PeriodicExportingMetricReader(ApplicationInsightsMetricExporter(endpoint.connection_string), export_interval_millis=3_600_000)
    meters = MeterProvider([reader, own], shutdown_on_exit=False)
    opencensus_compat.configure(meter_provider=meters)
    registry = Registry()
    gauge = LongGauge("waiting", "", "1", [])
    gauge.get_or_create_default_time_series().set(7)
    registry.add_gauge(gauge)
    exporter = MetricsExporter(connection_string=endpoint.connection_string, export_interval=3600)
    thread = transport.get_exporter_thread([registry], exporter)
    meters.get_meter("application").create_counter("otel").add(1)
    assert opencensus_compat.flush(60)
    assert meters.force_flush()
    seen = [m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics]
    assert sorted((row["name"], row["valueSum"]) for row in endpoint.rows("customMetrics")) == [("otel", 1.0), ("waiting", 7.0)]
    assert sorted(seen) == ["otel", "waiting"]
    thread.close()
    meters.shutdown()


class Official(SpanExporter):
    """Stands for the official exporter, which pins its OpenTelemetry and so has tests in an environment of its own."""

    _instrumentation_key = "key"


Official.__module__ = "azure.monitor.opentelemetry.exporter.export.trace._exporter"


class Held:
    """Holds an exporter as the SDK's processors and readers do, under one of their names."""

    def __init__(self, name, exporter):
        setattr(self, name, exporter)


class OwnLogProcessor:
    """A program's own log processor, as the oldest and the newest releases know them."""

    def __init__(self, inner):
        self._inner = inner

    def on_emit(self, record):
        """Hand it on."""
        self._inner.on_emit(record)

    emit = on_emit

    def shutdown(self):
        """Stop the other one."""


OFFICIAL = {"key": "azure.monitor.opentelemetry.exporter.Official"}


class Enriching(SpanProcessor):
    """A program's own processor that does nothing with what ends."""

    def on_start(self, span, parent_context=None):
        """Add an attribute."""
        span.set_attribute("k", "v")

    def on_end(self, span):
        """Do nothing."""


class Sending(SpanProcessor):
    """A program's own processor that sends by itself."""

    def on_end(self, span):
        """Send."""
        self.sent = span


CASES = {
    "span processor": (Held("span_exporter", Official()), OFFICIAL, True),
    "log processor, reader": (Held("_exporter", Official()), OFFICIAL, True),
    "newer batch processor": (Held("_batch_processor", Held("_exporter", Official())), OFFICIAL, True),
    "a processor of the program's own": (Tail(inner=SimpleSpanProcessor(Filtering(Official()))), OFFICIAL, True),
    "a log processor of the program's own": (OwnLogProcessor(SimpleLogRecordProcessor(Official())), OFFICIAL, True),
    "a reader with an exporter of the program's own": (Held("_exporter", Filtering(Official())), OFFICIAL, True),
    "one that hands on to several": (
        Tail(first=SimpleSpanProcessor(Official()), second=SimpleSpanProcessor(InMemorySpanExporter())),
        OFFICIAL,
        True,
    ),
    "one that has several in a list": (Tail(several=[SimpleSpanProcessor(Official())]), OFFICIAL, True),
    "another exporter": (Held("span_exporter", InMemorySpanExporter()), {}, True),
    "no exporter": (object(), {}, False),
    "one that only adds": (Enriching(), {}, False),
    "one that sends by itself": (Sending(), {}, True),
    "this package's own": (SampleRateProcessor(None), {}, False),
}


@pytest.mark.parametrize(("processor", "found", "exports"), CASES.values(), ids=CASES)
def test_whose_exporter_a_processor_has(processor, found, exports):
    """The instrumentation keys and the exporters' names are found behind each form of processor, and whether there is any exporter."""
    assert (_other_exporters.exporters_keys(processor), _other_exporters.has_exporter(processor)) == (found, exports)


def test_two_threads_look_for_exporters():
    """One that looks while another one does finds the same: it would send an item twice that it takes for nobody else's."""
    found = []

    class Looking:
        """Has another thread look while it is looked at."""

        @property
        def span_exporter(self):
            if not found:
                found.append("begun")
                thread = threading.Thread(target=lambda: found.append((others.keys(), others.have_exporter())))
                thread.start()
                thread.join()
            return Official()

    processors = (Looking(),)
    others = _other_exporters.Others(lambda: processors)
    assert others.keys() == OFFICIAL
    assert found == ["begun", (OFFICIAL, True)]


def test_a_release_with_other_names():
    """Where the SDK's private names are others, nobody is found, nothing breaks, and a provider counts as one with an exporter."""
    for others in (_other_exporters.of_tracer(object(), object()), _other_exporters.of_logger_provider(object())):
        assert (others.keys(), others.have_exporter()) == ({}, True)
    assert _other_exporters.readers_key(object()) == {}


# --- Integrations and instrumentations of one library


INTEGRATION = """
def handle(tracer, inside, kind):
    span = tracer.start_span(name="legacy")
    span.span_kind = kind
    tracer.add_attribute_to_current_span("http.host", "shop.example")
    inside()
    tracer.end_span()
"""


@pytest.fixture
def integration():
    """Return a function that gives a legacy integration of a library, as it would be loaded from disk."""

    def load(library):
        names = {"__name__": f"opencensus.ext.{library}.trace"}
        exec(INTEGRATION, names)
        return names["handle"]

    return load


def test_other_vendors_still_get_a_server_span(integration):
    """A legacy middleware whose exporter is another vendor's makes its span: OpenTelemetry's does not reach that exporter."""
    tracers = TracerProvider(shutdown_on_exit=False)
    opencensus_compat.configure(tracer_provider=tracers)
    sent = []
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=types.SimpleNamespace(export=sent.extend))
    with tracers.get_tracer("opentelemetry.instrumentation.flask").start_as_current_span("GET /", kind=trace_api.SpanKind.SERVER):
        integration("flask")(tracer, lambda: None, 1)
    assert [span.name for span in sent] == ["legacy"]


# --- Exceptions that a record and a span carry


def order(shelf):
    """Raise what a view raises."""
    raise LookupError(f"no kettle on {shelf}")


def request(tracer, log, *, logs="the same"):
    """Do what a web framework with a logger and a legacy middleware does of a view that fails."""
    with tracer.span(name="request") as span:
        span.span_kind = SpanKind.SERVER
        try:
            order(1)
        except LookupError as error:
            raised = error
        if logs == "the same":
            log.error("Internal Server Error", exc_info=(type(raised), raised, raised.__traceback__))
        elif logs == "another text":
            log.error("Internal Server Error", exc_info=LookupError("no pan"))
        elif logs == "another class":
            log.error("Internal Server Error", exc_info=KeyError("no kettle on 1"))
        elif logs == "another place":
            try:
                raise LookupError("no kettle on 1")
            except LookupError:
                log.exception("tried in vain")
        elif logs == "no exception":
            log.error("no kettle on 1")
        span.add_attribute("error.name", type(raised).__name__)
        span.add_attribute("error.message", str(raised))
        span.add_attribute("stacktrace", "\n".join(traceback.format_tb(raised.__traceback__)))
    if logs == "outside of the operation":
        log.error("Internal Server Error", exc_info=(type(raised), raised, raised.__traceback__))


def exceptions(endpoint):
    """Return the messages of the exceptions that arrived: their first lines."""
    return sorted(row["outerMessage"].split("\n")[0] for row in endpoint.rows("exceptions"))


LETS_PASS = {"plain": None, "a processor that lets it pass": lambda _: True, "a processor that refuses it": lambda _: False}


@pytest.mark.parametrize("processor", LETS_PASS.values(), ids=LETS_PASS)
def test_an_exception_of_a_record_and_a_span(endpoint, log, processor):
    """It is one item: that of the record, which says more; that of the span where the record is not sent."""
    handler = AzureLogHandler(connection_string=endpoint.connection_string)
    if processor is not None:
        handler.add_telemetry_processor(processor)
    log.addHandler(handler)
    request(legacy(endpoint), log)
    assert opencensus_compat.flush(60)
    is_sent = processor is None or processor(None)
    assert exceptions(endpoint) == (["Internal Server Error"] if is_sent else ["no kettle on 1"])
    [made] = endpoint.rows("requests")
    assert endpoint.rows("exceptions")[0]["operation_Id"] == made["operation_Id"]


def test_an_exception_of_a_record_that_a_processor_fails_at(endpoint, log):
    """A conversion that raises loses its record, and the span sends the exception."""

    class Fails(AzureLogHandler):
        def log_record_to_envelope(self, record):
            raise RuntimeError

    log.addHandler(Fails(connection_string=endpoint.connection_string))
    request(legacy(endpoint), log)
    opencensus_compat.flush(60)
    assert exceptions(endpoint) == ["no kettle on 1"]


NOT_THE_SAME = {
    "another text": ["Internal Server Error", "no kettle on 1"],
    "another class": ["Internal Server Error", "no kettle on 1"],
    "another place": ["no kettle on 1", "tried in vain"],
    "no exception": ["no kettle on 1"],
    "outside of the operation": ["Internal Server Error", "no kettle on 1"],
}


@pytest.mark.parametrize(("logs", "expected"), NOT_THE_SAME.items(), ids=NOT_THE_SAME)
def test_exceptions_that_are_not_the_same(endpoint, log, logs, expected):
    """Each is sent: a record takes nothing from a span but its own exception, in its own operation."""
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    request(legacy(endpoint), log, logs=logs)
    assert opencensus_compat.flush(60)
    assert exceptions(endpoint) == expected


def test_an_exception_that_goes_to_another_resource(endpoint, other, log):
    """Each resource gets it."""
    log.addHandler(AzureLogHandler(connection_string=other.connection_string))
    request(legacy(endpoint), log)
    assert opencensus_compat.flush(60)
    assert (exceptions(endpoint), exceptions(other)) == (["no kettle on 1"], ["Internal Server Error"])


def test_an_exception_of_a_record_and_an_opentelemetry_span(endpoint, log):
    """The same for what OpenTelemetry code records on a span inside the operation."""
    tracers = TracerProvider(shutdown_on_exit=False)
    opencensus_compat.configure(tracer_provider=tracers)
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    tracer = legacy(endpoint)
    with tracer.span(name="request"), tracers.get_tracer("application").start_as_current_span("view") as span:
        try:
            order(1)
        except LookupError as error:
            span.record_exception(error)
            log.exception("Internal Server Error")
    assert opencensus_compat.flush(60)
    tracers.shutdown()
    assert exceptions(endpoint) == ["Internal Server Error"]


@pytest.mark.parametrize("resource", ["the same", "another"])
def test_an_exception_of_a_record_and_a_span_that_the_application_exports(endpoint, other, log, resource):
    """The application's own exporter leaves it to the record that a legacy handler sends to its resource, without any legacy exporter."""
    to = endpoint if resource == "the same" else other
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(to.connection_string)))
    log.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    with tracers.get_tracer("application").start_as_current_span("view") as span:
        try:
            order(1)
        except LookupError as error:
            span.record_exception(error)
            log.exception("Internal Server Error")
    tracers.shutdown()
    assert opencensus_compat.flush(60)
    assert exceptions(endpoint) == ["Internal Server Error"]
    assert exceptions(other) == ([] if resource == "the same" else ["no kettle on 1"])
