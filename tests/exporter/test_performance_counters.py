"""Performance counters: which there are, their values and units, for any number of readers, after a fork, and where the system is silent."""

from __future__ import annotations

import logging
import os
import sys
import types
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider, SpanKind

from appinsights_exporter import (
    ApplicationInsightsMetricExporter,
    ApplicationInsightsSampler,
    RecordOnlySampler,
    http_server_requests,
    performance_counters,
)
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport
from opencensus_compat.local import LocalEndpoint

AVAILABLE = r"\Memory\Available Bytes"
EXCEPTIONS = r"\.NET CLR Exceptions(??APP_CLR_PROC??)\# of Exceps Thrown / sec"
DURATION = r"\ASP.NET Applications(??APP_W3SVC_PROC??)\Request Execution Time"
REQUESTS = r"\ASP.NET Applications(??APP_W3SVC_PROC??)\Requests/Sec"
CPU = r"\Process(??APP_WIN32_PROC??)\% Processor Time"
NORMALIZED = r"\Process(??APP_WIN32_PROC??)\% Processor Time Normalized"
IO = r"\Process(??APP_WIN32_PROC??)\IO Data Bytes/sec"
PRIVATE = r"\Process(??APP_WIN32_PROC??)\Private Bytes"
PROCESSOR = r"\Processor(_Total)\% Processor Time"
OF_SYSTEM = {AVAILABLE, CPU, NORMALIZED, IO, PRIVATE, PROCESSOR}

SystemTimes = namedtuple("SystemTimes", "user nice system idle iowait guest guest_nice")  # noqa: PYI024 - as psutil's own
ProcessTimes = namedtuple("ProcessTimes", "user system")  # noqa: PYI024


class System:
    """Stands for psutil: a machine with four processors whose numbers are set by hand."""

    def __init__(self):
        self.busy_s = self.idle_s = self.cpu_s = 0.0
        self.io_bytes = 0
        self.denied = set()

    def module(self):
        """Return it as a module."""
        made = types.ModuleType("psutil")
        made.cpu_count = lambda: 4
        made.cpu_times = lambda: SystemTimes(self.busy_s / 2, 0.0, self.busy_s / 4, self.idle_s, self.busy_s / 4, self.busy_s / 8, 0.0)
        made.virtual_memory = lambda: types.SimpleNamespace(available=2**31)
        made.Process = lambda: self
        return made

    @property
    def pid(self):
        """Return the process that it tells of: always this one."""
        return os.getpid()

    def cpu_times(self):
        """Return the times of the process."""
        return ProcessTimes(self.cpu_s * 0.75, self.cpu_s * 0.25)

    def io_counters(self):
        """Return what the process has read and written; raise where that is not allowed."""
        if "io" in self.denied:
            raise PermissionError("no")
        return types.SimpleNamespace(read_bytes=self.io_bytes // 4, write_bytes=self.io_bytes - self.io_bytes // 4)

    def memory_info(self):
        """Return the memory of the process; raise where that is not allowed."""
        if "memory" in self.denied:
            raise PermissionError("no")
        return types.SimpleNamespace(rss=2**20, private=5)


@pytest.fixture
def system(monkeypatch):
    """The numbers that psutil tells in this test."""
    made = System()
    monkeypatch.setitem(sys.modules, "psutil", made.module())
    return made


class Program:
    """A program with providers and one or more readers, each with an exporter of its own."""

    def __init__(self, *, readers=1, sampler=None, all_recorded=False, logs=None):
        self.transports = [FakeTransport() for _ in range(readers)]
        self.exporters = [
            ApplicationInsightsMetricExporter(settings=resolve(CONNECTION_STRING, environ={}), delivery=Delivery(transport))
            for transport in self.transports
        ]
        self.readers = [InMemoryMetricReader(exporter._preferred_temporality) for exporter in self.exporters]
        self.meters = MeterProvider(self.readers, resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
        self.tracers = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        performance_counters.observe(self.meters, self.tracers, logs, all_recorded=all_recorded)
        self.start_ns = performance_counters.counting_since_ns()
        self.tracer = self.tracers.get_tracer("t")

    def request(self, duration_ms=10, kind=SpanKind.SERVER, error=None):
        """Answer a request."""
        span = self.tracer.start_span("GET /", kind=kind, start_time=10**18)
        if error is not None:
            span.record_exception(error)
        span.end(10**18 + duration_ms * 1_000_000)

    def collected(self, after_s, reader=0):
        """Collect so many seconds after the beginning; return the values that were sent, by name."""
        data = self.readers[reader].get_metrics_data()
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            for index, point in enumerate(metric.data.data_points):
                # The SDK's time, put where the test wants it.
                metric.data.data_points[index] = type(point)(**{**vars(point), "time_unix_nano": self.start_ns + after_s * 1_000_000_000})
        before = len(self.transports[reader].items)
        assert self.exporters[reader].export(data).name == "SUCCESS"
        points = [item["data"]["baseData"]["metrics"][0] for item in self.transports[reader].items[before:]]
        assert all(set(point) == {"name", "value", "count"} and point["count"] == 1 for point in points)
        return {point["name"]: point["value"] for point in points}


def test_values(system):
    """Rates and percentages over the time since the last collection, levels as they are, durations as their mean in milliseconds."""
    system.busy_s, system.idle_s, system.cpu_s, system.io_bytes = 1000.0, 9000.0, 50.0, 10**9
    program = Program()
    system.busy_s, system.cpu_s, system.io_bytes = 1010.0, 62.0, 10**9 + 5000
    for duration_ms in (10, 20, 60):
        program.request(duration_ms)
    program.request(400, SpanKind.CONSUMER, error=ValueError())
    program.request(kind=SpanKind.CLIENT, error=ValueError())
    assert program.collected(10) == {
        AVAILABLE: 2**31,
        # The 10 s of busy processors hold 1.25 s of virtual machines, which are users' time already.
        PROCESSOR: 25.0,
        CPU: 120.0,
        NORMALIZED: 30.0,
        PRIVATE: 2**20,
        IO: 500.0,
        REQUESTS: 0.4,
        DURATION: 122.5,
        EXCEPTIONS: 0.1,
    }
    system.cpu_s = 63.0
    program.request(8)
    assert program.collected(15) == {
        AVAILABLE: 2**31,
        PROCESSOR: 0.0,
        CPU: 20.0,
        NORMALIZED: 5.0,
        PRIVATE: 2**20,
        IO: 0.0,
        REQUESTS: 0.2,
        DURATION: 8.0,
        EXCEPTIONS: 0.0,
    }
    without_requests = program.collected(20)
    assert (without_requests[REQUESTS], DURATION in without_requests) == (0.0, False)


def legacy(tracers=None):
    """Return a program with the standard metrics of OpenCensus."""
    program = Program()
    program.readers[0] = InMemoryMetricReader(program.exporters[0]._preferred_temporality)
    program.meters = MeterProvider(program.readers, resource=Resource({"service.name": "shop"}), shutdown_on_exit=False)
    program.tracers = TracerProvider(shutdown_on_exit=False)
    program.tracer = program.tracers.get_tracer("t")
    performance_counters.observe_legacy(program.meters, tracers or program.tracers)
    program.start_ns = performance_counters.counting_since_ns()
    return program


@pytest.fixture
def _no_requests(monkeypatch):
    """No request was seen, and `http.server` is put back afterwards."""
    monkeypatch.setattr(http_server_requests.seen, "totals", {})
    monkeypatch.setattr(http_server_requests.seen, "spans_are_told", False)
    yield
    http_server_requests.teardown()


@pytest.mark.usefixtures("_no_requests")
def test_values_legacy(system):
    """The first rate is zero, each span of a server is one request, and the mean of an interval without requests is the last one."""
    system.busy_s, system.cpu_s = 1000.0, 50.0
    program = legacy()
    system.busy_s, system.cpu_s = 1010.0, 62.0
    for duration_ms in (10, 20):
        program.request(duration_ms, error=ValueError())
    for kind in (SpanKind.CONSUMER, SpanKind.CLIENT):
        program.request(1000, kind)
    of_machine = {AVAILABLE: 2**31, PRIVATE: 2**20}
    assert program.collected(10) == {**of_machine, PROCESSOR: 25.0, CPU: 30.0, REQUESTS: 0.0, DURATION: 15.0}
    system.cpu_s = 63.0
    for _ in range(3):
        program.request(8)
    assert program.collected(15) == {**of_machine, PROCESSOR: 0.0, CPU: 5.0, REQUESTS: 0.6, DURATION: pytest.approx(8.0)}
    assert program.collected(20) == {**of_machine, PROCESSOR: 0.0, CPU: 0.0, REQUESTS: 0.0, DURATION: pytest.approx(8.0)}


@pytest.mark.usefixtures("system", "_no_requests")
def test_twice_legacy():
    """Programs make several exporters: a second call for a meter provider makes nothing twice."""
    program = legacy()
    performance_counters.observe_legacy(program.meters, program.tracers)
    program.request()
    program.collected(10)
    program.request()
    assert program.collected(20)[REQUESTS] == 0.1


@pytest.mark.usefixtures("system", "_no_requests")
def test_requests_of_handlers_legacy():
    """A method of an `http.server` handler is a request, and the span of a server in it is the same one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with program.tracer.start_as_current_span("GET /", kind=SpanKind.SERVER):
                pass

        def do_POST(self):
            pass

    program = legacy()
    HTTPServer(("127.0.0.1", 0), Handler).server_close()
    assert program.collected(10)[REQUESTS] == 0.0
    handler = Handler.__new__(Handler)
    handler.do_GET()
    handler.do_POST()
    assert program.collected(20)[REQUESTS] == 0.2


LATER = """
    import logging
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from appinsights_exporter import configure, http_server_requests, performance_counters

    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
    performance_counters.observe_legacy()
    {set}
    with trace.get_tracer("t").start_as_current_span("GET /", kind=trace.SpanKind.SERVER):
        pass
    print(http_server_requests.seen.read()[0])
"""


@pytest.mark.parametrize(
    "way",
    ["configure(signals=['traces'])", "trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False)); reader.get_metrics_data()"],
    ids=["configure", "the next collection"],
)
def test_tracer_provider_that_is_set_later(run_program, way):
    """The requests of a tracer provider that is set later count from `configure` on, or from the next collection on."""
    with LocalEndpoint() as endpoint:
        environment = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
        assert run_program(LATER.replace("{set}", way), options=(), **environment) == "1\n"


def test_two_readers(system):
    """Readers with different intervals do not take each other's counts: each has right rates."""
    program = Program(readers=2)
    system.cpu_s = 1.0
    program.request()
    assert (program.collected(10, 0)[REQUESTS], program.collected(20, 1)[REQUESTS]) == (0.1, 0.05)
    program.request()
    system.cpu_s = 4.0
    first, second = program.collected(20, 0), program.collected(40, 1)
    assert (first[REQUESTS], first[CPU]) == (0.1, 30.0)
    assert (second[REQUESTS], second[CPU]) == (0.05, 15.0)


def test_cumulative_reader(system):
    """Totals become the same rates for a reader that collects them as totals."""
    settings = resolve(CONNECTION_STRING, environ={})
    program = Program()
    program.readers[0] = InMemoryMetricReader()
    program.meters = MeterProvider(program.readers, shutdown_on_exit=False)
    program.exporters[0] = ApplicationInsightsMetricExporter(settings=settings, delivery=Delivery(program.transports[0]))
    performance_counters.observe(program.meters, program.tracers)
    program.start_ns = performance_counters.counting_since_ns()
    rates = []
    for after_s in (10, 20):
        program.request()
        system.cpu_s += 5.0
        found = program.collected(after_s)
        rates.append((found[REQUESTS], found[CPU]))
    assert rates == [(0.1, 50.0), (0.1, 50.0)]


@pytest.mark.usefixtures("system")
def test_clock_that_is_set_back():
    """Over no time, or less, there is no rate; the levels still go, and the next interval is whole again."""
    program = Program()
    program.collected(10)
    assert set(program.collected(5)) == {AVAILABLE, PRIVATE}
    program.request()
    assert program.collected(15)[REQUESTS] == 0.1


@pytest.mark.usefixtures("system")
def test_two_providers():
    """Observing for a second provider leaves the intervals of the first as they are."""
    program = Program()
    # The first one has been counting for a while.
    program.start_ns -= 100 * 1_000_000_000
    program.collected(10)
    second = Program()
    program.request()
    assert program.collected(20)[REQUESTS] == 0.1
    second.request()
    assert second.collected(10)[REQUESTS] == 0.1


SAMPLED = {
    "all kept": (None, False, 40),
    "a tenth kept": (ApplicationInsightsSampler(0.1), False, None),
    "none kept": (ApplicationInsightsSampler(0.0), False, 0),
    "the rest recorded": (RecordOnlySampler(ApplicationInsightsSampler(0.1)), True, 40),
    "none kept, all recorded": (RecordOnlySampler(ApplicationInsightsSampler(0.0)), True, 40),
    "the rest recorded, but nobody said so": (RecordOnlySampler(ApplicationInsightsSampler(0.1)), False, None),
}


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize(("sampler", "all_recorded", "expected"), SAMPLED.values(), ids=SAMPLED)
def test_sampling(sampler, all_recorded, expected):
    """A request that was kept at 10 % stands for ten, and where all are recorded each stands for itself."""
    program = Program(sampler=sampler, all_recorded=all_recorded)
    for _ in range(40):
        program.request()
    kept = round(program.collected(1)[REQUESTS], 6)
    assert kept == expected if expected is not None else (kept % 10, kept < 200) == (0, True)


@pytest.mark.usefixtures("system")
def test_logged_exceptions():
    """Log records with an exception count, by whatever name the SDK's release calls the processor."""
    added = []
    program = Program(logs=types.SimpleNamespace(add_log_record_processor=added.append))
    (processor,) = added
    for attributes in ({"exception.type": "ValueError"}, {"exception.message": "m"}, {"other": 1}, None):
        record = types.SimpleNamespace(log_record=types.SimpleNamespace(attributes=attributes))
        processor.on_emit(record)
        processor.emit(record)
    processor.shutdown()
    assert processor.force_flush() is True
    assert program.collected(10)[EXCEPTIONS] == 0.4


@pytest.mark.threads_at_exit
def test_logged_exceptions_of_the_sdk(run_program):
    """The SDK's own logger provider takes the processor, and what logging code logs is counted."""
    program = """
        import logging
        from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from appinsights_exporter import performance_counters

        reader, logs = InMemoryMetricReader(), LoggerProvider(shutdown_on_exit=False)
        meters, tracers = MeterProvider([reader], shutdown_on_exit=False), TracerProvider(shutdown_on_exit=False)
        performance_counters.observe(meters, tracers, logs)
        logging.getLogger("app").addHandler(LoggingHandler(logger_provider=logs))
        logging.getLogger("app").error("plain")
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("app").exception("failed")
        metrics = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        print([m.data.data_points[0].value for m in metrics if m.name == "appinsights.exceptions"])
    """
    assert run_program(program, options=("-W", "ignore")) == "[1.0]\n"


def test_what_the_system_does_not_count(system, caplog, monkeypatch):
    """A number that cannot be had at the beginning has no instrument, which is said once, quietly; the others are there."""
    caplog.set_level(logging.INFO, "appinsights_exporter")
    monkeypatch.delattr(System, "io_counters")
    found = Program().collected(10)
    assert set(found) == OF_SYSTEM - {IO} | {REQUESTS, EXCEPTIONS}
    assert [record.getMessage() for record in caplog.records] == [f"{IO} is not available on this machine and is skipped: AttributeError"]


def test_what_the_system_does_not_tell_any_more(system, caplog):
    """A number that cannot be read later is left out of that collection, which is said once; it comes back when it can be read."""
    program = Program()
    system.denied = {"memory", "io"}
    assert set(program.collected(10)) == OF_SYSTEM - {IO, PRIVATE} | {REQUESTS, EXCEPTIONS}
    program.collected(20)
    assert sorted(record.getMessage() for record in caplog.records) == [
        f"{IO} cannot be read and is skipped.",
        f"{PRIVATE} cannot be read and is skipped.",
    ]
    system.denied = set()
    system.io_bytes = 10_000
    found = program.collected(30)
    assert (found[PRIVATE], found[IO]) == (2**20, 10_000 / 30)


def test_without_psutil(monkeypatch, caplog):
    """Where psutil cannot be loaded, requests and exceptions are counted all the same, and the log says what is missing."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert set(Program().collected(10)) == {REQUESTS, EXCEPTIONS}
    (record,) = caplog.records
    assert record.getMessage().startswith("Performance counters of this machine and process are not available: ModuleNotFoundError")


@pytest.mark.usefixtures("system")
def test_without_an_sdk(caplog):
    """A tracer provider without span processors leaves the request counters out, and a meter provider without an SDK all of them."""
    caplog.set_level(logging.INFO, "appinsights_exporter")
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    performance_counters.observe(meters, NoOpTracerProvider())
    names = {metric.name for metric in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics}
    assert names == performance_counters._OF_OBSERVE
    assert [record.getMessage() for record in caplog.records] == [
        "Requests are not counted for performance counters: the tracer provider takes no span processors."
    ]
    performance_counters.observe(NoOpMeterProvider(), TracerProvider(shutdown_on_exit=False))


def test_a_hostile_span_does_not_reach_the_program(system, caplog):
    """What is wrong with a span is logged, once, and not raised into the code that ends it."""
    counter = performance_counters.RequestCounter(NoOpMeterProvider().get_meter("m").create_histogram("h"))
    for _ in range(2):
        counter.on_end(types.SimpleNamespace(kind=SpanKind.SERVER))
    assert [record.getMessage() for record in caplog.records] == ["A request could not be counted for performance counters."]


def test_over_http():
    """The real numbers of this machine arrive in the portal's own table, split into category, instance and counter."""
    with LocalEndpoint() as endpoint:
        exporter = ApplicationInsightsMetricExporter(endpoint.connection_string)
        meters = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)], shutdown_on_exit=False)
        tracers = TracerProvider(shutdown_on_exit=False)
        performance_counters.observe(meters, tracers)
        with tracers.get_tracer("t").start_as_current_span("GET /", kind=SpanKind.SERVER):
            sum(number * number for number in range(400_000))
        meters.shutdown()
        rows, counts, refused = endpoint.rows("performanceCounters"), endpoint.counts(), endpoint.refused
    assert refused == []
    assert {name: number for name, number in counts.items() if number} == {"performanceCounters": 9}
    found = {(row["category"], row["instance"], row["counter"]): row["value"] for row in rows}
    assert set(found) == {
        ("Memory", None, "Available Bytes"),
        (".NET CLR Exceptions", "??APP_CLR_PROC??", "# of Exceps Thrown / sec"),
        ("ASP.NET Applications", "??APP_W3SVC_PROC??", "Request Execution Time"),
        ("ASP.NET Applications", "??APP_W3SVC_PROC??", "Requests/Sec"),
        ("Process", "??APP_WIN32_PROC??", "% Processor Time"),
        ("Process", "??APP_WIN32_PROC??", "% Processor Time Normalized"),
        ("Process", "??APP_WIN32_PROC??", "IO Data Bytes/sec"),
        ("Process", "??APP_WIN32_PROC??", "Private Bytes"),
        ("Processor", "_Total", "% Processor Time"),
    }
    assert 2**20 < found["Process", "??APP_WIN32_PROC??", "Private Bytes"] < 2**40
    assert 0 < found["ASP.NET Applications", "??APP_W3SVC_PROC??", "Request Execution Time"] < 60_000
    assert 0 <= found["Process", "??APP_WIN32_PROC??", "% Processor Time Normalized"] <= 100
    assert 0 <= found["Processor", "_Total", "% Processor Time"] <= 100
    assert found["ASP.NET Applications", "??APP_W3SVC_PROC??", "Requests/Sec"] > 0


FORKED = """
    import os
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanKind
    from appinsights_exporter import ApplicationInsightsMetricExporter, performance_counters
    from appinsights_exporter.delivery.deliver import Delivery
    from appinsights_exporter.settings import resolve
    from appinsights_exporter.testing import CONNECTION_STRING, FakeTransport

    transport = FakeTransport()
    exporter = ApplicationInsightsMetricExporter(settings=resolve(CONNECTION_STRING), delivery=Delivery(transport))
    reader = InMemoryMetricReader(exporter._preferred_temporality)
    meters, tracers = MeterProvider([reader], shutdown_on_exit=False), TracerProvider(shutdown_on_exit=False)
    performance_counters.observe(meters, tracers)
    tracer = tracers.get_tracer("t")

    def requests(number):
        for _ in range(number):
            tracer.start_span("GET /", kind=SpanKind.SERVER).end()

    def total(data, name):
        metrics = data.resource_metrics[0].scope_metrics[0].metrics
        return next(metric for metric in metrics if metric.name == name).data.data_points[0].value

    requests(3)
    sum(number * number for number in range(3_000_000))
    first = reader.get_metrics_data()
    requests(5)
    before = performance_counters.counting_since_ns()
    if os.fork() == 0:
        assert performance_counters.counting_since_ns() > before
        requests(2)
        data = reader.get_metrics_data()
        print("child", total(data, "appinsights.requests"), 0 <= total(data, "appinsights.process.cpu.time") < 1, flush=True)
        exporter.export(data)
        assert len(transport.items) >= 7, transport.items
        os._exit(0)
    os.wait()
    print("parent", total(first, "appinsights.requests"), total(reader.get_metrics_data(), "appinsights.requests"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_after_a_fork(run_program):
    """A child counts its own requests and processor time from the fork on; what its parent had not told yet, the parent tells."""
    assert run_program(FORKED, options=()) == "child 2.0 True\nparent 3.0 5.0\n"
