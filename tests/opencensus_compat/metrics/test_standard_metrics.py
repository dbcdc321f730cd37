"""The standard metrics: measured and patched only when enabled, and each request counted once."""

from __future__ import annotations

import functools
import http.server
import os
import threading
import urllib.request
from unittest import mock

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import SpanProcessor

from opencensus_compat.ext.azure.metrics_exporter import standard_metrics
from opencensus_compat.ext.azure.metrics_exporter.standard_metrics import cpu, http_requests, memory, process
from opencensus_compat.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.tracer import Tracer

ORIGINAL = http.server.HTTPServer.__init__


@pytest.fixture(autouse=True)
def _fresh_counts():
    http_requests.requests_map.clear()
    yield
    standard_metrics.producer.disable()
    http_requests.teardown()
    http_requests.requests_seen.spans_are_told = False
    http_requests.requests_map.clear()


class Telling(SpanProcessor):
    """Tells of ended spans, as the exporter does."""

    def on_end(self, span):
        """Tell of one."""
        http_requests.requests_seen.span_ended(span)


@pytest.fixture
def told(otel):
    """A provider whose spans are told."""
    otel.provider.add_span_processor(Telling())
    http_requests.requests_seen.spans_are_told = True
    return otel


def handler(answer, base=http.server.BaseHTTPRequestHandler):
    """Return a handler class that answers with status 204 after calling a function."""

    class Handler(base):
        """A program's own."""

        def do_GET(self):  # noqa: N802 -- the name that http.server calls
            """Answer."""
            answer(self)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    return Handler


def serve(handler_class, requests=1, method="GET", cls=http.server.HTTPServer):
    """Run a server for some requests, and make them."""
    with cls(("127.0.0.1", 0), handler_class) as server:
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in range(requests)])
        thread.start()
        for _ in range(requests):
            request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/", method=method)
            with urllib.request.urlopen(request, timeout=120) as reply:
                assert reply.status == 204
        thread.join(60)
        assert not thread.is_alive()


def counted():
    """Return how many requests were counted."""
    return http_requests.requests_map.get("count", 0)


def nothing(_handler):
    """Do nothing."""


def test_importing_neither_measures_nor_patches(run_program):
    """With `enable_standard_metrics=False` the modules may be imported all the same: http.server stays as it is, psutil stays out."""
    printed = run_program("""
        import sys
        import http.server
        original = http.server.HTTPServer.__init__
        from opencensus.ext.azure.metrics_exporter import standard_metrics
        from opencensus.ext.azure.metrics_exporter.standard_metrics import cpu, http_requests, memory, process
        print("psutil" in sys.modules, http.server.HTTPServer.__init__ is original)
        standard_metrics.producer.enable()
        print("psutil" in sys.modules, http.server.HTTPServer.__init__ is original)
        standard_metrics.producer.disable()
        print(http.server.HTTPServer.__init__ is original)
    """)
    assert printed == "False True\nTrue False\nTrue\n"


def test_the_counters():
    """All six arrive under the names of the retired exporter, as numbers; none of them once they are disabled."""
    standard_metrics.producer.enable()
    metrics = {metric.descriptor.name: metric.time_series[0].points[0].value for metric in standard_metrics.producer.get_metrics()}
    assert {name: type(value).__name__ for name, value in metrics.items()} == {
        "\\Memory\\Available Bytes": "ValueLong",
        "\\Process(??APP_WIN32_PROC??)\\Private Bytes": "ValueLong",
        "\\Process(??APP_WIN32_PROC??)\\% Processor Time": "ValueDouble",
        "\\Processor(_Total)\\% Processor Time": "ValueDouble",
        "\\ASP.NET Applications(??APP_W3SVC_PROC??)\\Requests/Sec": "ValueDouble",
        "\\ASP.NET Applications(??APP_W3SVC_PROC??)\\Request Execution Time": "ValueDouble",
    }
    assert all(value.value >= 0 for value in metrics.values())
    assert metrics["\\Memory\\Available Bytes"].value > 0
    assert metrics["\\Process(??APP_WIN32_PROC??)\\Private Bytes"].value > 0
    standard_metrics.producer.disable()
    assert standard_metrics.producer.get_metrics() == set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_worker_tells_of_itself(run_program):
    """A child measures its own process, not its parent's."""
    printed = run_program(
        """
        import os, sys
        from opencensus.ext.azure.metrics_exporter import standard_metrics
        from opencensus.ext.azure.metrics_exporter.standard_metrics import process
        standard_metrics.producer.enable()
        child = os.fork()
        if child == 0:
            standard_metrics.producer.get_metrics()
            os._exit(process._process(os.getpid()).pid != os.getpid())
        print(os.waitpid(child, 0)[1])
        """
    )
    assert printed == "0\n"


def test_a_counter_that_the_machine_does_not_tell(monkeypatch, caplog):
    """The program starts, the other counters arrive, and the log names the one that is missing."""

    class Missing:
        """A counter without a machine for it."""

        NAME = "\\Missing"

        def __call__(self):
            raise OSError("no /proc")

    monkeypatch.setattr(standard_metrics, "STANDARD_METRICS", [Missing, *standard_metrics.STANDARD_METRICS])
    standard_metrics.producer.enable()
    assert len(standard_metrics.producer.get_metrics()) == 6
    assert caplog.messages == ["no standard metric '\\\\Missing': OSError('no /proc') (said once)"]


def test_a_reading_that_fails_costs_one_counter(monkeypatch, caplog):
    """What cannot be read now is left out, with a line in the log."""
    standard_metrics.producer.enable()

    def fail(pid):
        raise OSError("gone")

    monkeypatch.setattr(process, "_process", fail)
    metrics = standard_metrics.producer.get_metrics()
    missing = [metric.descriptor.name for metric in metrics if metric.time_series[0].points[0].value is None]
    assert sorted(missing) == ["\\Process(??APP_WIN32_PROC??)\\% Processor Time", "\\Process(??APP_WIN32_PROC??)\\Private Bytes"]
    assert sorted(caplog.messages) == ["the memory of this process cannot be read", "the processor time of this process cannot be read"]


@pytest.mark.parametrize(
    "wrap",
    [lambda cls: cls, functools.partial, lambda cls: type("Sub", (cls,), {})],
    ids=["class", "partial", "subclass"],
)
def test_requests_of_a_server(wrap):
    """Each request is counted once, with the time that its handler took."""
    http_requests.setup()
    serve(wrap(handler(nothing)), requests=3)
    assert counted() == 3
    assert 0 < http_requests.requests_map["duration"] < 10


def test_requests_of_a_threading_server():
    """Servers that derive from HTTPServer are counted, too."""

    class Threading(http.server.ThreadingHTTPServer):
        """Waits for its threads when it is closed."""

        daemon_threads = False

    http_requests.setup()
    serve(handler(nothing), requests=2, cls=Threading)
    assert counted() == 2


def test_two_servers_with_one_handler():
    """A handler class that serves a second server is not counted twice, nor is one whose base class serves another."""
    http_requests.setup()
    base = handler(nothing)
    serve(base)
    serve(base)
    serve(type("Sub", (base,), {}))
    serve(handler(nothing, base))
    assert counted() == 4


def test_a_method_that_calls_another_one():
    """`do_HEAD` that calls `do_GET` is one request."""
    http_requests.setup()
    cls = handler(nothing)
    cls.do_HEAD = lambda self: self.do_GET()
    serve(cls, method="HEAD")
    assert counted() == 1


def test_a_handler_that_raises(capsys):
    """A request whose handler fails is a request."""
    http_requests.setup()

    def fail(_handler):
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        http_requests.request_patch(fail)(None)
    assert counted() == 1


def test_everything_is_put_back():
    """After `disable` server and handlers are what they were, own methods and inherited ones."""
    standard_metrics.producer.enable()
    base = handler(nothing)
    own = base.__dict__["do_GET"]
    sub = type("Sub", (base,), {})
    serve(sub)
    serve(base)
    assert base.__dict__["do_GET"] is not own
    standard_metrics.producer.disable()
    assert http.server.HTTPServer.__init__ is ORIGINAL
    assert (base.__dict__["do_GET"], "do_GET" in sub.__dict__) == (own, False)
    serve(base)
    assert counted() == 2


def test_what_somebody_else_patched_stays():
    """Putting back does not undo what was patched over ours."""
    http_requests.setup()
    cls = handler(nothing)
    serve(cls)
    ours = cls.do_GET

    def theirs(self):
        ours(self)

    cls.do_GET = theirs
    http_requests.teardown()
    assert cls.do_GET is theirs
    serve(cls)


def test_server_spans_of_both_apis(told):
    """A server span of either API is a request; client spans are none, nor are spans inside the program."""
    tracer = Tracer(sampler=AlwaysOnSampler())
    for kind in (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.UNSPECIFIED):
        with tracer.span("census") as span:
            span.span_kind = kind
    for kind in trace_api.SpanKind:
        with told.tracer.start_as_current_span("otel", kind=kind):
            pass
    assert counted() == 2


def test_the_time_of_a_server_span(told):
    """A span's duration is the request's."""
    span = told.tracer.start_span("otel", kind=trace_api.SpanKind.SERVER, start_time=1_000_000_000)
    span.end(3_500_000_000)
    assert http_requests.get_average_execution_time() == 2500.0


def traced_inside(api, otel):
    """Return what a handler does that opens a server span."""

    def census(_handler):
        with Tracer(sampler=AlwaysOnSampler()).span("request") as span:
            span.span_kind = SpanKind.SERVER

    def opentelemetry(_handler):
        with otel.tracer.start_as_current_span("request", kind=trace_api.SpanKind.SERVER):
            pass

    return {"census": census, "opentelemetry": opentelemetry}[api]


@pytest.mark.parametrize("api", ["census", "opentelemetry"])
def test_a_server_span_in_a_handler(told, api):
    """A request that a handler serves in a server span is one request."""
    http_requests.setup()
    serve(handler(traced_inside(api, told)), requests=2)
    assert (counted(), len(told.exporter.get_finished_spans())) == (2, 2)


@pytest.mark.parametrize("api", ["census", "opentelemetry"])
def test_a_handler_in_a_server_span(told, api):
    """The same where the span is around the handler's method, as an instrumentation opens it."""
    http_requests.setup()
    cls = handler(nothing)

    def census(self):
        with Tracer(sampler=AlwaysOnSampler()).span("request") as span:
            span.span_kind = SpanKind.SERVER
            inner(self)

    def opentelemetry(self):
        with told.tracer.start_as_current_span("request", kind=trace_api.SpanKind.SERVER):
            inner(self)

    with http.server.HTTPServer(("127.0.0.1", 0), cls):
        inner = cls.do_GET
    cls.do_GET = {"census": census, "opentelemetry": opentelemetry}[api]
    serve(cls, requests=2)
    assert (counted(), len(told.exporter.get_finished_spans())) == (2, 2)


def test_a_handler_in_an_unsampled_span(told):
    """A span that is not recorded is not told: the handler counts."""
    http_requests.setup()
    cls = handler(nothing)
    with http.server.HTTPServer(("127.0.0.1", 0), cls):
        inner = cls.do_GET

    def unsampled(self):
        with Tracer(sampler=AlwaysOffSampler()).span("request") as span:
            span.span_kind = SpanKind.SERVER
            inner(self)

    cls.do_GET = unsampled
    serve(cls)
    assert (counted(), told.exporter.get_finished_spans()) == (1, ())


def test_a_client_span_in_a_handler(told):
    """Other spans inside a handler change nothing."""
    http_requests.setup()

    def call(_handler):
        with told.tracer.start_as_current_span("call", kind=trace_api.SpanKind.CLIENT):
            pass

    serve(handler(call))
    assert counted() == 1


def test_requests_of_threads_are_all_counted():
    """No request is lost to another one that ends at the same time."""
    threads = [threading.Thread(target=lambda: [http_requests.requests_seen.add(0.5) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counted(), http_requests.get_average_execution_time()) == (4000, 500.0)


def test_the_rate(monkeypatch):
    """Requests per second since the last reading: 0 at the first, the same again when no time has passed, never below 0."""
    now = [100.0]
    monkeypatch.setattr(http_requests.time, "monotonic", lambda: now[0])
    for _ in range(5):
        http_requests.requests_seen.add(1)
    rates = [http_requests.get_requests_rate()]
    for _ in range(8):
        http_requests.requests_seen.add(1)
    now[0] += 4
    rates += [http_requests.get_requests_rate(), http_requests.get_requests_rate()]
    now[0] += 1
    rates.append(http_requests.get_requests_rate())
    assert rates == [0, 2.0, 2.0, 0.0]


def test_a_psutil_of_a_test():
    """A mock that a test of a program puts in the place of psutil, where OpenCensus has it, is asked, and no longer once it is taken out."""
    with mock.patch.object(cpu, "psutil") as of_cpu, mock.patch.object(memory, "psutil") as of_memory:
        of_cpu.cpu_times_percent.return_value.idle = 94.5
        of_memory.virtual_memory.return_value.available = 100
        assert (cpu.ProcessorTimeMetric.get_value(), memory.AvailableMemoryMetric.get_value()) == (5.5, 100)
    assert memory.AvailableMemoryMetric.get_value() != 100
