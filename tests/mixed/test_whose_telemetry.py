"""Whose telemetry it is: what arrives where, for whoever made the provider, whatever its exporters are, and whoever made the item.

The rule itself is in `opencensus_compat._bridge.whose` and in `migration_guide/mixed.md`. *Resource* is that of the OpenCensus exporters,
*another* a second one, *own* what is no Application Insights.
"""

from __future__ import annotations

import itertools
import logging
import time

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import export as logs_export
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExportResult

import opencensus_compat
from appinsights_exporter import (
    ApplicationInsightsLogRecordExporter,
    ApplicationInsightsMetricExporter,
    ApplicationInsightsSpanExporter,
    _sdk_logs,
)
from opencensus_compat._bridge.providers import made
from opencensus_compat._bridge.providers.lifecycle import reset
from opencensus_compat._bridge.whose import note_made
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import LongGauge, Registry
from opencensus_compat.trace import samplers
from opencensus_compat.trace.tracer import Tracer

CONSOLE_LOGS = "ConsoleLogRecordExporter" if hasattr(logs_export, "ConsoleLogRecordExporter") else "ConsoleLogExporter"
RESOURCE, ANOTHER, OWN = "resource", "another", "own"


@pytest.fixture(scope="module")
def endpoints():
    """The two resources."""
    with LocalEndpoint() as resource, LocalEndpoint() as another:
        yield {RESOURCE: resource, ANOTHER: another}


@pytest.fixture(autouse=True)
def _empty(endpoints):
    for endpoint in endpoints.values():
        endpoint.clear()


# --- Who made the provider, and its exporters


class Kept:
    """What exporters that are not for Application Insights got: (maker, name) of each item."""

    def __init__(self):
        self.names = []

    def export(self, batch):
        """Keep the names of spans, or the bodies of records."""
        self.names += [getattr(item, "name", None) or _sdk_logs.record_of(item).body for item in batch]
        return SpanExportResult.SUCCESS


def exporting_to(kept, base):
    """Return an exporter of a class that keeps what it gets."""
    made = type(base.__name__, (base,), {"export": lambda _, batch: kept.export(batch), "shutdown": lambda _: None})
    return made.__new__(made)


class Official:
    """The official exporter, as far as it shows; the real one has tests in an environment of its own."""

    def __init__(self, of, connection_string):
        self._real = of(connection_string)
        self._instrumentation_key = self._real.settings.instrumentation_key

    def export(self, batch):
        """Send."""
        return self._real.export(batch)

    def shutdown(self):
        """Stop."""
        self._real.shutdown()

    def force_flush(self, timeout_millis=30_000):
        """Do nothing."""
        return True


Official.__module__ = "azure.monitor.opentelemetry.exporter.export"


class Spans:
    """All that differs between the signals: this is for spans."""

    table, column = "dependencies", "name"
    console, otlp, native = ConsoleSpanExporter, OTLPSpanExporter, ApplicationInsightsSpanExporter
    simple = SimpleSpanProcessor

    def __init__(self, *, ours):
        if ours:
            self.provider = made.new_tracer_provider("ours")
            note_made(self.provider)
        else:
            self.provider = TracerProvider(shutdown_on_exit=False)
        self.add = self.provider.add_span_processor
        opencensus_compat.configure(tracer_provider=self.provider)

    def start(self, text):
        """Make the handle of the OpenCensus code."""
        self.tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(connection_string=text))

    def make(self):
        """Make an item of each kind."""
        otel = self.provider.get_tracer("application")
        with self.tracer.span("census"), otel.start_as_current_span("inside"):
            pass
        with otel.start_as_current_span("outside"):
            pass


class Records(Spans):
    """The same for log records, outside and inside an OpenCensus span."""

    table, column = "traces", "message"
    console, otlp, native = getattr(logs_export, CONSOLE_LOGS), OTLPLogExporter, ApplicationInsightsLogRecordExporter
    simple = SimpleLogRecordProcessor

    def __init__(self, *, ours):
        self.spans = Spans(ours=True)
        if ours:
            self.provider = made.new_logger_provider("ours")
            note_made(self.provider)
        else:
            self.provider = _sdk_logs.new_provider(shutdown_on_exit=False)
        self.add = self.provider.add_log_record_processor
        opencensus_compat.configure(logger_provider=self.provider)

    def start(self, text):
        """Make the handles of the OpenCensus code."""
        self.spans.start(text)
        self.log = logging.getLogger("tests.whose")
        self.log.handlers, self.log.propagate = [AzureLogHandler(connection_string=text)], False

    def make(self):
        """Make an item of each kind."""
        self.log.warning("census")
        with self.spans.tracer.span("around"):
            self.emit("inside")
        self.emit("outside")

    def emit(self, body, name="application", created_s=None):
        """Do as OpenTelemetry's handler."""
        created_s = time.time() if created_s is None else created_s
        _sdk_logs.emit(self.provider.get_logger(name), _sdk_logs.new_record(timestamp_ns=int(created_s * 1e9), body=body))


def exporters_of(name, signal, endpoints, kept):
    """Return the exporters that a provider has."""
    text = {which: endpoint.connection_string for which, endpoint in endpoints.items()}
    return {
        "none": list,
        "console": lambda: [exporting_to(kept, signal.console)],
        "otlp": lambda: [exporting_to(kept, signal.otlp)],
        "same": lambda: [signal.native(text[RESOURCE])],
        "another": lambda: [signal.native(text[ANOTHER])],
        "official": lambda: [Official(signal.native, text[RESOURCE])],
        "official to another": lambda: [Official(signal.native, text[ANOTHER])],
        "otlp and same": lambda: [exporting_to(kept, signal.otlp), signal.native(text[RESOURCE])],
    }[name]()


ALL = ["census", "inside", "outside"]
# What OpenTelemetry code makes is sent once, whoever sends it; and OpenCensus telemetry goes to no other resource.
WITHOUT_ITS_OWN = {
    "none": {RESOURCE: ALL},
    "console": {RESOURCE: ALL, OWN: ALL},
    "otlp": {RESOURCE: ALL, OWN: ALL},
    "same": {RESOURCE: ALL},
    "another": {RESOURCE: ALL, ANOTHER: ["inside", "outside"]},
    "official": {RESOURCE: ALL},
    "official to another": {RESOURCE: ALL, ANOTHER: ["inside", "outside"]},
    "otlp and same": {RESOURCE: ALL, OWN: ALL},
}
"""Where this package made the provider, or was asked: everything goes to the resource, besides to the provider's own exporters."""
SPANS = {
    **WITHOUT_ITS_OWN,
    "console": {RESOURCE: ["census", "inside"], OWN: ALL},
    "otlp": {RESOURCE: ["census", "inside"], OWN: ALL},
    "another": {RESOURCE: ["census", "inside"], ANOTHER: ["inside", "outside"]},
    "official to another": {RESOURCE: ["census", "inside"], ANOTHER: ["inside", "outside"]},
}
"""The application's own provider: spans outside are left to its exporters, unless it has none."""
RECORDS = {
    **WITHOUT_ITS_OWN,
    "console": {RESOURCE: ["census"], OWN: ALL},
    "otlp": {RESOURCE: ["census"], OWN: ALL},
    "another": {RESOURCE: ["census"], ANOTHER: ["inside", "outside"]},
    "official to another": {RESOURCE: ["census"], ANOTHER: ["inside", "outside"]},
}
"""Log records have no trace to keep whole: all that OpenTelemetry code makes are left to the exporters."""
REFUSED = {RESOURCE: ["census", "inside"]}, {RESOURCE: ["census"]}

TABLE = {
    **{("spans", "we", name, None): expected for name, expected in WITHOUT_ITS_OWN.items()},
    **{("spans", "application", name, None): expected for name, expected in SPANS.items()},
    **{("spans", "application", name, True): expected for name, expected in WITHOUT_ITS_OWN.items()},
    ("spans", "application", "none", False): REFUSED[0],
    **{("records", "we", name, None): expected for name, expected in WITHOUT_ITS_OWN.items()},
    **{("records", "application", name, None): expected for name, expected in RECORDS.items()},
    **{("records", "application", name, True): expected for name, expected in WITHOUT_ITS_OWN.items()},
    ("records", "application", "none", False): REFUSED[1],
}
"""Signal, who made the provider, its exporters, what the application said about adopting its providers -> what arrives where."""


def arrived(signal, endpoints, kept):
    """Return what arrived where."""
    found = {
        which: sorted(row[signal.column] for row in endpoint.rows(signal.table) if row[signal.column] != "around")
        for which, endpoint in endpoints.items()
    }
    found[OWN] = sorted(name for name in kept.names if name != "around")
    return {which: names for which, names in found.items() if names}


@pytest.mark.parametrize(("signal", "owner", "exporters", "adopts"), TABLE)
def test_the_rule(endpoints, signal, owner, exporters, adopts):
    """Each item arrives where the rule says, once, and what OpenCensus code made in its own shape."""
    if adopts is not None:
        opencensus_compat.configure(adopt_providers=adopts)
    kind = {"spans": Spans, "records": Records}[signal]
    kept = Kept()
    used = kind(ours=owner == "we")
    for exporter in exporters_of(exporters, kind, endpoints, kept):
        used.add(kind.simple(exporter))
    used.start(endpoints[RESOURCE].connection_string)
    used.make()
    assert opencensus_compat.flush(60.0)
    assert arrived(used, endpoints, kept) == TABLE[signal, owner, exporters, adopts]
    if signal == "records":
        levels = {row["message"]: row["customDimensions"].get("level") for row in endpoints[RESOURCE].rows("traces")}
        assert levels == {name: "WARNING" if name == "census" else None for name in levels}


SAID = (
    "OpenTelemetry {}: the application's provider has no exporter, so they go to the Application Insights resource of the first OpenCensus "
    "exporter. OPENCENSUS_COMPAT_ADOPT_PROVIDERS=1 asks for that, 0 prevents it (said once)"
)


@pytest.fixture(params=[Spans, Records], ids=["spans", "records"])
def kind(request):
    """Each signal that has processors."""
    return request.param


def test_an_adopted_provider_is_said_once(endpoints, kind, caplog):
    """That telemetry goes where nobody sent it is a warning, unless the application has said that it is to go there."""
    for adopts, said in ((None, [SAID.format("traces" if kind is Spans else "logs")]), (True, [])):
        opencensus_compat.configure(adopt_providers=adopts)
        used = kind(ours=False)
        used.start(endpoints[RESOURCE].connection_string)
        used.make()
        used.make()
        assert opencensus_compat.flush(60.0)
        assert [record.getMessage() for record in caplog.records] == said
        caplog.clear()
        reset()


def test_providers_that_this_package_made_are_not_said(endpoints, kind, caplog):
    """What needs nobody's action is for those who debug."""
    caplog.set_level(logging.INFO)
    used = kind(ours=True)
    used.start(endpoints[RESOURCE].connection_string)
    used.make()
    assert opencensus_compat.flush(60.0)
    assert [record for record in caplog.records if record.name != "tests.whose"] == []


@pytest.mark.parametrize(("value", "expected"), [("1", ALL), ("0", REFUSED[0][RESOURCE])])
def test_the_environment_asks(endpoints, monkeypatch, value, expected):
    """`OPENCENSUS_COMPAT_ADOPT_PROVIDERS` says it, too, whether there are exporters or not."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ADOPT_PROVIDERS", value)
    for exporters in ("none", "otlp"):
        used, kept = Spans(ours=False), Kept()
        for exporter in exporters_of(exporters, Spans, endpoints, kept):
            used.add(SimpleSpanProcessor(exporter))
        used.start(endpoints[RESOURCE].connection_string)
        used.make()
        assert opencensus_compat.flush(60.0)
        assert arrived(used, endpoints, Kept()) == {RESOURCE: expected}
        endpoints[RESOURCE].clear()
        reset()


def test_exporters_that_are_none(endpoints, kind, monkeypatch):
    """`OTEL_…_EXPORTER=none`, with which opentelemetry-instrument makes providers without exporters, says that nobody is to get it."""
    for signal in ("TRACES", "LOGS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "none")
    used = kind(ours=False)
    used.start(endpoints[RESOURCE].connection_string)
    used.make()
    assert opencensus_compat.flush(60.0)
    assert arrived(used, endpoints, Kept()) == REFUSED[kind is Records]


def test_an_exporter_that_comes_later(endpoints, kind):
    """From then on, what OpenTelemetry code makes is left to it."""
    used, kept = kind(ours=False), Kept()
    used.start(endpoints[RESOURCE].connection_string)
    used.make()
    assert opencensus_compat.flush(60.0)
    assert arrived(used, endpoints, kept) == {RESOURCE: ALL}
    endpoints[RESOURCE].clear()
    used.add(kind.simple(exporting_to(kept, kind.otlp)))
    used.make()
    assert opencensus_compat.flush(60.0)
    assert arrived(used, endpoints, kept) == {**REFUSED[kind is Records], OWN: ALL}


class Own(TracerProvider):
    """An application's subclass."""


class Wrapped:
    """A provider of a vendor's around one of the SDK's."""

    def __init__(self, provider):
        self._provider = provider

    def get_tracer(self, *args, **options):
        """Return the other one's."""
        return self._provider.get_tracer(*args, **options)

    def add_span_processor(self, processor):
        """Add it to the other one."""
        self._provider.add_span_processor(processor)


class Front(SpanProcessor):
    """A processor of the application's own, in front of another one."""

    def __init__(self, inner):
        self._inner = inner

    def on_end(self, span):
        """Hand it on."""
        self._inner.on_end(span)

    def shutdown(self):
        """Stop the other one."""
        self._inner.shutdown()


PROVIDERS = {
    "subclass": lambda: Own(shutdown_on_exit=False),
    "wrapped": lambda: Wrapped(TracerProvider(shutdown_on_exit=False)),
    "concurrent": lambda: TracerProvider(shutdown_on_exit=False, active_span_processor=ConcurrentMultiSpanProcessor()),
}
PROCESSORS = {"simple": SimpleSpanProcessor, "batch": BatchSpanProcessor, "own": lambda exporter: Front(BatchSpanProcessor(exporter))}


@pytest.mark.parametrize("exports", [True, False], ids=["exports", "none"])
@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)
def test_forms_of_providers_and_processors(endpoints, exports, provider, processor):
    """The rule sees exporters in whatever the application's provider is, and behind whatever processors."""
    used, kept = Spans(ours=False), Kept()
    used.provider = provider()
    if exports:
        used.provider.add_span_processor(processor(exporting_to(kept, OTLPSpanExporter)))
    opencensus_compat.configure(tracer_provider=used.provider)
    used.start(endpoints[RESOURCE].connection_string)
    used.make()
    assert opencensus_compat.flush(60.0)
    assert arrived(used, endpoints, Kept()) == ({RESOURCE: ["census", "inside"]} if exports else {RESOURCE: ALL})


# --- Metrics


TAKES_READERS = hasattr(MeterProvider, "add_metric_reader")
"""Newer releases of OpenTelemetry add readers to a meter provider that has been made."""
INSTRUMENTS = {
    ("none", None): (["census", "otel"], []),
    ("none", False): (["census"], []),
    ("none", True): (["census", "otel"], []),
    ("memory", None): (["census"], []),
    ("memory", True): (["census", "otel"], []),
    ("same", None): (["census", "otel"], []),
    ("same", True): (["census", "otel"], []),
    ("another", None): (["census"], ["census", "otel"]),
    ("another", True): (["census", "otel"], ["census", "otel"]),
}
"""The readers of the application's meter provider, what it said about adopting -> what arrives at the resource, and at another."""


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("readers", "adopts"), INSTRUMENTS)
def test_instruments(endpoints, readers, adopts, late, caplog):
    """What OpenCensus code measures is sent as ever, once. Instruments follow the rule as far as the release lets readers in."""
    text = {which: endpoint.connection_string for which, endpoint in endpoints.items()}
    made = {"none": list, "memory": lambda: [InMemoryMetricReader()]}.get(readers) or (
        lambda: [
            PeriodicExportingMetricReader(
                ApplicationInsightsMetricExporter(text[RESOURCE if readers == "same" else ANOTHER]), export_interval_millis=3_600_000
            )
        ]
    )
    meters = MeterProvider(made(), shutdown_on_exit=False)
    opencensus_compat.configure(meter_provider=None if late else meters, adopt_providers=adopts)
    registry = Registry()
    gauge = LongGauge("census", "", "1", [])
    gauge.get_or_create_default_time_series().set(7)
    registry.add_gauge(gauge)
    thread = transport.get_exporter_thread([registry], MetricsExporter(connection_string=text[RESOURCE], export_interval=3600))
    opencensus_compat.configure(meter_provider=meters)
    counter = meters.get_meter("application").create_counter("otel")
    counter.add(1)
    assert opencensus_compat.flush(60.0)
    assert meters.force_flush()
    here, there = INSTRUMENTS[readers, adopts]
    if not (TAKES_READERS or readers == "same"):
        here = ["census"]
    assert sorted((row["name"], row["valueSum"]) for row in endpoints[RESOURCE].rows("customMetrics")) == [
        (name, 7.0 if name == "census" else 1.0) for name in here
    ]
    assert sorted({row["name"] for row in endpoints[ANOTHER].rows("customMetrics")}) == there
    said = [record.getMessage() for record in caplog.records if record.name == "opencensus_compat" and "adds no readers" in record.msg]
    assert bool(said) == (adopts is True and not TAKES_READERS)
    assert [record.getMessage() for record in caplog.records if "has no exporter" in record.msg] == (
        [SAID.format("metrics")] if (readers, adopts, TAKES_READERS) == ("none", None, True) else []
    )
    thread.close()
    meters.shutdown()


@pytest.mark.skipif(not TAKES_READERS, reason="this release of OpenTelemetry adds no readers to a meter provider")
def test_instruments_of_a_provider_that_is_shut_down(endpoints):
    """What was counted before arrives, and what comes later does not; after `shutdown` of this package nothing is left in the provider."""
    meters = MeterProvider(shutdown_on_exit=False)
    opencensus_compat.configure(meter_provider=meters, adopt_providers=True)
    exporter = MetricsExporter(connection_string=endpoints[RESOURCE].connection_string, export_interval=3600)
    thread = transport.get_exporter_thread([Registry()], exporter)
    counter = meters.get_meter("application").create_counter("otel")
    counter.add(1)
    meters.shutdown()
    for _ in range(2):
        assert opencensus_compat.flush(60.0)
        counter.add(1)
    assert [(row["name"], row["valueSum"]) for row in endpoints[RESOURCE].rows("customMetrics")] == [("otel", 1.0)]
    [reader] = exporter._pipeline.adopted
    assert opencensus_compat.shutdown(60.0)
    assert (exporter._pipeline.adopted, reader in MeterProvider._all_metric_readers) == ([], False)
    thread.close()


# --- OpenCensus telemetry outlives providers


@pytest.mark.parametrize("owner", ["we", "application"])
@pytest.mark.parametrize("second", [None, "before", "after"])
def test_a_provider_that_is_shut_down(endpoints, kind, owner, second):
    """Its shutdown sends what waits, and ends nothing of OpenCensus's, whether another was named before or after."""
    used = first = kind(ours=owner == "we")
    first.start(endpoints[RESOURCE].connection_string)
    first.make()
    if second == "before":
        used = kind(ours=False)
    first.provider.shutdown()
    if second != "before":
        assert arrived(first, endpoints, Kept()) == {RESOURCE: ALL}
    if second == "after":
        used = kind(ours=False)
    assert opencensus_compat.flush(60.0)
    endpoints[RESOURCE].clear()
    if kind is Spans:
        used.tracer = first.tracer
    else:
        used.log, used.spans = first.log, first.spans
    used.make()
    assert opencensus_compat.flush(60.0)
    # A provider that is shut down has nobody outside, and inside no holes.
    assert arrived(used, endpoints, Kept()) == ({RESOURCE: ALL} if second else REFUSED[kind is Records])
    used.start(endpoints[ANOTHER].connection_string)
    used.make()
    assert opencensus_compat.flush(60.0)
    assert "census" in arrived(used, endpoints, Kept())[ANOTHER]


def test_a_span_that_outlives_its_provider(endpoints):
    """One that runs when the provider is shut down arrives, and the application's own processors, which are shut, do not see it."""
    used, kept = Spans(ours=False), Kept()
    used.add(SimpleSpanProcessor(exporting_to(kept, OTLPSpanExporter)))
    used.start(endpoints[RESOURCE].connection_string)
    with used.tracer.span("first"):
        used.provider.shutdown()
    assert opencensus_compat.flush(60.0)
    assert arrived(used, endpoints, kept) == {RESOURCE: ["first"]}


def test_metrics_outlive_their_provider(endpoints):
    """The shutdown of the meter provider that this package made sends what was measured, and ends none of OpenCensus's metrics."""
    registry = Registry()
    gauge = LongGauge("census", "", "1", [])
    gauge.get_or_create_default_time_series().set(7)
    registry.add_gauge(gauge)
    exporter = MetricsExporter(connection_string=endpoints[RESOURCE].connection_string, export_interval=3600)
    thread = transport.get_exporter_thread([registry], exporter)
    assert opencensus_compat.flush(60.0)
    meters = exporter._pipeline.meter_provider
    counter = meters.get_meter("application").create_counter("otel")
    endpoints[RESOURCE].clear()
    for expected in (["census", "otel"], ["census"]):
        counter.add(1)
        if expected == ["census", "otel"]:
            meters.shutdown()
        else:
            assert opencensus_compat.flush(60.0)
        assert sorted(row["name"] for row in endpoints[RESOURCE].rows("customMetrics")) == expected
        endpoints[RESOURCE].clear()
    thread.close()


PROGRAM = """
    import logging, sys
    import opencensus_compat
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    from opencensus.ext.azure.metrics_exporter import MetricsExporter
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.metrics import transport
    from opencensus.metrics.export.gauge import LongGauge, Registry
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer
    from opentelemetry import metrics, trace
    from opentelemetry._logs import get_logger_provider, set_logger_provider
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.trace import TracerProvider

    def end():
        for provider in (trace.get_tracer_provider(), get_logger_provider(), metrics.get_meter_provider()):
            provider.shutdown()

    owner, last = {owner!r}, {last!r}
    if owner == "application":
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit={hook}))
        set_logger_provider(LoggerProvider(shutdown_on_exit={hook}))
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    log = logging.getLogger("shop")
    log.addHandler(AzureLogHandler())
    registry = Registry()
    gauge = LongGauge("gauge", "", "1", [])
    gauge.get_or_create_default_time_series().set(7)
    registry.add_gauge(gauge)
    transport.get_exporter_thread([registry], MetricsExporter(export_interval=3600))
    for number in range(4):
        if number == 2 and {shut}:
            end()
        with tracer.span(f"span {{number}}"):
            log.warning("record %d", number)
    if last == "shutdown":
        assert opencensus_compat.shutdown()
"""
WAYS = [*itertools.product(["we", "application"], [True, False], ["exit", "shutdown"]), ("application", False, "exit without hooks")]


@pytest.mark.parametrize(("owner", "shut", "last"), WAYS)
def test_the_end_of_a_process(endpoints, run_program, owner, shut, last):
    """It delivers everything, once, whoever made the providers, whether they are shut down before, and whoever ends what."""
    program = PROGRAM.format(owner=owner, shut=shut, last=last, hook=last != "exit without hooks")
    run_program(program, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoints[RESOURCE].connection_string)
    rows = endpoints[RESOURCE].rows
    assert sorted(row["name"] for row in rows("dependencies")) == [f"span {number}" for number in range(4)]
    assert sorted(row["message"] for row in rows("traces")) == [f"record {number}" for number in range(4)]
    assert [row["name"] for row in rows("customMetrics")] == ["gauge"] * (1 + shut)
