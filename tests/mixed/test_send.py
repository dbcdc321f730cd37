"""Telemetry for the providers only: exporters and handlers that send nothing themselves. See also `test_collector.py`."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import textwrap

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opencensus_compat
from appinsights_exporter import ApplicationInsightsSpanExporter, _sdk_logs
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter, new_metrics_exporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export import metric_descriptor, metric_producer, point, time_series, value
from opencensus_compat.metrics.export.gauge import DerivedLongGauge, Registry
from opencensus_compat.metrics.export.metric import Metric
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

ALL = [AzureExporter, AzureLogHandler, AzureEventHandler, MetricsExporter]
KEY = "11111111-2222-3333-4444-555555555555"
ONLY = "exporters send to the OpenTelemetry providers only (OPENCENSUS_COMPAT_SEND=providers): "
UNCALLED = "telemetry processors, and steps of the export that a subclass replaces, are not called"


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch):
    for name in ("APPLICATIONINSIGHTS_CONNECTION_STRING", "APPINSIGHTS_INSTRUMENTATIONKEY", "OPENCENSUS_COMPAT_SEND"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def said(caplog):
    """What this package has logged about it, in order."""
    caplog.set_level(logging.WARNING)
    return lambda: [
        record.getMessage().removeprefix(ONLY).removesuffix(" (said once)")
        for record in caplog.records
        if record.getMessage().startswith(ONLY)
    ]


@pytest.fixture
def spans():
    """The spans that the provider of the application has exported."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    opencensus_compat.configure(tracer_provider=provider, send="providers")
    return exporter.get_finished_spans


class Records(_sdk_logs.LogRecordProcessor):
    """Keeps the texts of records."""

    def __init__(self):
        self.texts = []

    def on_emit(self, log_record):
        """Keep one."""
        self.texts.append(_sdk_logs.record_of(log_record).body)


@pytest.fixture
def records():
    """The processor of the application's logger provider."""
    kept = Records()
    provider = _sdk_logs.LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(kept)
    opencensus_compat.configure(logger_provider=provider, send="providers")
    return kept


@pytest.mark.parametrize("kind", ALL)
def test_no_resource_is_needed(kind, monkeypatch):
    """Where nothing is sent to a resource none has to be named; a wrong key is an error all the same, and so is none where one is needed."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_SEND", "Providers")
    kind()
    with pytest.raises(ValueError, match="Invalid instrumentation key"):
        kind(instrumentation_key="none")
    opencensus_compat.configure(send="direct")
    with pytest.raises(ValueError, match="Instrumentation key cannot be none or empty"):
        kind()


@pytest.mark.parametrize("kind", ALL)
def test_another_word_is_refused(kind, monkeypatch):
    """A word that is not known is refused with where it came from, when it is given and when the first handle is made."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_SEND", "otlp")
    with pytest.raises(
        ValueError, match=r"environment variable OPENCENSUS_COMPAT_SEND: expected 'direct' .* or 'providers' .*, got 'otlp'"
    ):
        kind(instrumentation_key=KEY)
    with pytest.raises(ValueError, match=r"argument send: expected 'direct' .*, got 'collector'"):
        opencensus_compat.configure(send="collector")


def test_what_cannot_be_applied_is_said_once(said, spans):
    """Processors and replaced steps are not called: one line says so; another one about what a program hands to an exporter itself."""

    class Mine(AzureExporter):
        def span_data_to_envelope(self, sd):
            raise AssertionError

    exporter, handler = Mine(), AzureLogHandler()
    handler.add_telemetry_processor(pytest.fail)
    exporter.add_telemetry_processor(pytest.fail)
    assert said() == [UNCALLED]
    tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span("order") as span:
        pass
    assert [each.name for each in spans()] == ["order"]
    exporter.export(tracer.tracer.get_span_datas(span))
    AzureExporter().emit(tracer.tracer.get_span_datas(span))
    assert said() == [UNCALLED, "items that a program hands to an exporter itself are not exported"]


def test_exporters_of_the_application_get_everything(spans):
    """An exporter to Application Insights on the provider itself sends the spans of both APIs, in OpenTelemetry's way, and once."""
    with LocalEndpoint() as endpoint:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(ApplicationInsightsSpanExporter(endpoint.connection_string)))
        opencensus_compat.configure(tracer_provider=provider)
        tracer = Tracer(exporter=AzureExporter(connection_string=endpoint.connection_string), sampler=AlwaysOnSampler())
        with tracer.span("old"), provider.get_tracer("application").start_as_current_span("new"):
            pass
        provider.shutdown()
        rows = endpoint.rows("dependencies")
    assert sorted(row["name"] for row in rows) == ["new", "old"]
    assert len({row["operation_Id"] for row in rows}) == 1


def test_records_are_the_providers(records, said):
    """Records and events of handlers reach the provider's processors once each, however many handlers of however many resources they meet."""
    logger = logging.getLogger("test_send")
    logger.propagate = False
    handlers = [AzureLogHandler(), AzureLogHandler(), AzureEventHandler()]
    for handler in handlers:
        logger.addHandler(handler)
    try:
        logger.warning("sold")
        opencensus_compat.flush()
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
    assert (records.texts, said()) == (["sold", "sold"], [])


class Producer(metric_producer.MetricProducer):
    """Tells a metric from the second time on, at which it is asked."""

    def __init__(self):
        self.calls = 0

    def get_metrics(self):
        """Return it."""
        self.calls += 1
        if self.calls == 1:
            return []
        kind = metric_descriptor.MetricDescriptorType.GAUGE_INT64
        series = time_series.TimeSeries([], [point.Point(value.ValueLong(7), None)], None)
        return [Metric(metric_descriptor.MetricDescriptor("queued", "", "1", kind, []), [series])]


def test_what_producers_tell_later():
    """A producer is asked at the exporter's interval what it tells by then: the provider's readers see that, though nothing is exported."""
    reader = InMemoryMetricReader()
    opencensus_compat.configure(meter_provider=MeterProvider([reader], shutdown_on_exit=False), send="providers")
    producer = Producer()
    task = transport.get_exporter_thread([producer], MetricsExporter(), interval=3600)
    task.close()
    [scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics
    assert [(metric.name, metric.data.data_points[0].value) for metric in scope.metrics] == [("queued", 7)]


def test_only_readers_call_functions_of_gauges():
    """A function that returns what came since it was called last, as for rates, is the provider's reader's to call, at no other interval."""
    reader, calls = InMemoryMetricReader(), itertools.count(1)
    opencensus_compat.configure(meter_provider=MeterProvider([reader], shutdown_on_exit=False), send="providers")
    registry, rate = Registry(), DerivedLongGauge("rate", "", "1", [])

    def since_the_last_call():
        return next(calls)

    rate.create_default_time_series(since_the_last_call)
    registry.add_gauge(rate)
    producer = Producer()
    task = transport.get_exporter_thread([registry, producer], MetricsExporter(), interval=3600)
    for _ in range(3):
        task.func()
    assert producer.calls == 2
    [scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics
    assert {metric.name: metric.data.data_points[0].value for metric in scope.metrics} == {"rate": 1, "queued": 7}
    assert producer.calls == 3


def test_nobody_receives_anything(said):
    """Where no provider has a processor or reader, one line for each signal says that it goes nowhere, and what to do about that."""
    opencensus_compat.configure(send="providers", tracer_provider=TracerProvider(shutdown_on_exit=False))
    opencensus_compat.configure(logger_provider=_sdk_logs.LoggerProvider(shutdown_on_exit=False))
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    handler = AzureLogHandler()
    for name in ("one", "two"):
        with tracer.span(name):
            handler.emit(logging.LogRecord("test_send", logging.WARNING, __file__, 1, name, (), None))
    opencensus_compat.flush()
    new_metrics_exporter().shutdown()
    start = "Start the program by opentelemetry-instrument, or set a provider with"
    assert sorted(said()) == [
        f"logs go nowhere, since the OpenTelemetry provider has no processor. {start} an exporter",
        f"metrics go nowhere, since no OpenTelemetry meter provider is set. {start} a reader",
        f"traces go nowhere, since the OpenTelemetry provider has no processor. {start} an exporter",
    ]


LATE = """
    import logging
    from opencensus.ext.azure import metrics_exporter
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.stats import aggregation, measure, stats, view
    from opencensus.tags import TagMap
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    logging.getLogger().addHandler(AzureLogHandler())
    exporter = metrics_exporter.new_metrics_exporter()
    orders = measure.MeasureInt("orders", "", "1")
    stats.stats.view_manager.register_view(view.View("sizes", "", [], orders, aggregation.DistributionAggregation([5])))

    from appinsights_exporter import _sdk_logs
    from opentelemetry import _logs, metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader, texts = InMemorySpanExporter(), InMemoryMetricReader(), []
    class Records(_sdk_logs.LogRecordProcessor):
        def on_emit(self, log_record):
            texts.append(_sdk_logs.record_of(log_record).body)
    tracers, loggers = TracerProvider(), _sdk_logs.LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(Records())
    trace.set_tracer_provider(tracers)
    _logs.set_logger_provider(loggers)
    metrics.set_meter_provider(MeterProvider([reader]))

    with tracer.span("order"):
        logging.getLogger("shop").warning("sold")
    measured = stats.stats.stats_recorder.new_measurement_map()
    measured.measure_int_put(orders, 3)
    measured.record(TagMap())
    import opencensus_compat
    opencensus_compat.flush()
    [scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics
    print([span.name for span in spans.get_finished_spans()], texts, [(each.name, float(each.data.data_points[0].sum)) for each in scope.metrics])
"""


def _run(source, environment, **settings):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source)],
        env={**environment, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_providers_that_come_later(run_environment):
    """Providers that the application sets after exporters, handlers and views were made get all that is made from then on."""
    code, printed, said = _run(LATE, run_environment, OPENCENSUS_COMPAT_SEND="providers")
    assert (code, printed) == (0, "['order'] ['sold'] [('sizes', 3.0)]\n")
    assert "Traceback" not in said


LAST_MOMENTS = """
    import atexit, logging
    from appinsights_exporter import _sdk_logs
    from opentelemetry._logs import set_logger_provider

    class Records(_sdk_logs.LogRecordProcessor):
        texts = []
        def on_emit(self, log_record):
            self.texts.append(_sdk_logs.record_of(log_record).body)
        def shutdown(self):
            print(self.texts)

    provider = _sdk_logs.LoggerProvider()
    provider.add_log_record_processor(Records())
    set_logger_provider(provider)

    from opencensus.ext.azure.log_exporter import AzureLogHandler
    logging.getLogger().addHandler(AzureLogHandler())
    atexit.register(logging.getLogger("shop").warning, "an exit hook's")
    for number in range(3):
        logging.getLogger("shop").warning("the last %d", number)
"""


@pytest.mark.parametrize("send", ["direct", "providers"])
def test_records_of_the_last_moments(send, run_environment, tmp_path):
    """What is logged right before the end has reached the application's own processors when these are shut down, and the resource."""
    with LocalEndpoint() as endpoint:
        environment = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, "TMPDIR": str(tmp_path)}
        code, printed, said = _run(LAST_MOMENTS, run_environment, OPENCENSUS_COMPAT_SEND=send, **environment)
        endpoint.wait_idle()
        sent = [row["message"] for row in endpoint.rows("traces")]
    texts = ["the last 0", "the last 1", "the last 2", "an exit hook's"]
    assert (code, printed, said) == (0, f"{texts}\n", "")
    assert sent == (texts if send == "direct" else [])
