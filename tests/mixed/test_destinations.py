"""Two resources in one process: whatever mix of APIs, threads and tasks makes telemetry, each gets its own, all of it, and nothing else.

A program is drawn by hypothesis: a tree of spans, each made by OpenTelemetry or for one of the resources, entered in the same thread, another
thread, a task, or an executor, with log records on the way. A name says where a piece belongs.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

import opencensus_compat
from appinsights_exporter import _sdk_logs
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.metrics import transport
from opencensus_compat.metrics.export.gauge import LongGauge, Registry
from opencensus_compat.trace import samplers
from opencensus_compat.trace.tracer import Tracer

RESOURCES = ("red", "blue")
HOW = ("here", "thread", "task", "executor")

nodes = st.recursive(
    st.tuples(st.sampled_from(("otel", *RESOURCES)), st.sampled_from(HOW), st.booleans(), st.just(())),
    lambda inner: st.tuples(
        st.sampled_from(("otel", *RESOURCES)), st.sampled_from(HOW), st.booleans(), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=8,
)
"""Who makes a span, how it is entered, whether something is logged in it, and the spans inside."""


class Process:
    """Two resources, and everything of both APIs that sends to them."""

    def __init__(self):
        self.endpoints = {name: LocalEndpoint() for name in RESOURCES}
        for endpoint in self.endpoints.values():
            endpoint.start()
        self.tracers, self.loggers = TracerProvider(shutdown_on_exit=False), _sdk_logs.new_provider(shutdown_on_exit=False)
        self.start()
        self.number = itertools.count()

    def start(self):
        """Make the handles; red comes first and so is the default."""
        opencensus_compat.configure(tracer_provider=self.tracers, logger_provider=self.loggers)
        self._tracers, self._logs, self._registries, self._threads = {}, {}, {}, []
        for name, endpoint in self.endpoints.items():
            text = endpoint.connection_string
            self._tracers[name] = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(connection_string=text))
            self._logs[name] = logging.getLogger(f"tests.destinations.{name}")
            self._logs[name].handlers, self._logs[name].propagate = [AzureLogHandler(connection_string=text)], False
            self._registries[name] = Registry()
            exporter = MetricsExporter(connection_string=text, export_interval=3600)
            self._threads.append((exporter, transport.get_exporter_thread([self._registries[name]], exporter)))
        self._otel = self.tracers.get_tracer("application")
        self._logger = self.loggers.get_logger("application")

    def stop(self):
        """Stop everything."""
        for endpoint in self.endpoints.values():
            endpoint.close()
        self.tracers.shutdown()

    def run(self, node, around="red"):
        """Make one span and what is inside, and return where each span and record of it belongs.

        Args:
            node: What to make.
            around: The resource that a span of OpenTelemetry's belongs to here.
        """
        who, how, logs, inside = node
        home = around if who == "otel" else who
        if how == "here":
            return self._make(who, home, logs, inside)
        if how == "executor":
            # Contexts do not come to executors by themselves, for neither API.
            return self._in_executor(contextvars.copy_context().run, self._make, who, home, logs, inside)
        if how == "task":
            return self._in_task(who, home, logs, inside)
        made = []
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: made.extend(context.run(self._make, who, home, logs, inside)))
        thread.start()
        thread.join()
        return made

    def _in_executor(self, *call):
        # A pool whose threads wait for each other would stand still: one for each call.
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(*call).result()

    def _in_task(self, *args):
        async def main():
            return await asyncio.create_task(self._make_soon(*args))

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(main())
        return self._make(*args)

    async def _make_soon(self, *args):
        await asyncio.sleep(0)
        return self._make(*args)

    def _make(self, who, home, logs, inside):
        name = f"{home}-{next(self.number)}"
        made = [("dependencies", home, name)]
        span = self._otel.start_as_current_span(name) if who == "otel" else self._tracers[who].span(name)
        with span:
            if logs:
                made.append(("traces", home, name))
                if who == "otel":
                    _sdk_logs.emit(self._logger, _sdk_logs.new_record(timestamp_ns=time.time_ns(), body=name))
                else:
                    self._logs[who].warning(name)
            for node in inside:
                made += self.run(node, home)
        return made

    def gauge(self, home, name):
        """Set a gauge of one resource."""
        gauge = LongGauge(name, "", "1", [])
        gauge.get_or_create_default_time_series().set(1)
        self._registries[home].add_gauge(gauge)

    def arrived(self):
        """Return what arrived where, and forget it."""
        assert opencensus_compat.flush(20.0)
        found = [
            (table, home, row["message"] if table == "traces" else row["name"])
            for home, endpoint in self.endpoints.items()
            for table in ("dependencies", "traces", "customMetrics")
            for row in endpoint.rows(table)
        ]
        for endpoint in self.endpoints.values():
            endpoint.clear()
        return found


@pytest.fixture(scope="module")
def process():
    """One process with both resources for all drawn programs."""
    made = Process()
    yield made
    made.stop()


@pytest.fixture
def started(process):
    """The process with its handles made anew: each test begins without them."""
    process.start()
    return process


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(forest=st.lists(nodes, min_size=1, max_size=3))
def test_each_resource_gets_its_own(started, forest):
    """Spans and records of a drawn program arrive where they belong, once."""
    made = [piece for node in forest for piece in started.run(node)]
    assert sorted(started.arrived()) == sorted(made)


def test_both_at_once(started):
    """Threads that work for two resources at the same time, with all signals, mix nothing up."""
    made = [[] for _ in range(8)]
    programs = [
        (who, how, True, ((other, "here", True, (("otel", "thread", True, ()),)), ("otel", "task", True, ())))
        for who, other in itertools.product(RESOURCES, RESOURCES)
        for how in ("here", "executor")
    ]
    ready = threading.Barrier(8)

    def work(number):
        ready.wait()
        for _ in range(10):
            made[number] += started.run(programs[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for home in RESOURCES:
        started.gauge(home, f"{home} gauge")
    for thread in threads:
        thread.join()
    expected = [piece for pieces in made for piece in pieces] + [("customMetrics", home, f"{home} gauge") for home in RESOURCES]
    assert sorted(started.arrived()) == sorted(expected)


def test_one_record_for_both(started):
    """A logger with a handler for each resource sends to both; that is what it was asked for."""
    log = logging.getLogger("tests.destinations.both")
    log.propagate = False
    log.handlers = [handler for name in RESOURCES for handler in logging.getLogger(f"tests.destinations.{name}").handlers]
    log.warning("both")
    assert sorted(piece for piece in started.arrived() if piece[0] == "traces") == [("traces", "blue", "both"), ("traces", "red", "both")]
