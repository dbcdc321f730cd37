"""Processes of a configured program: children by fork and of multiprocessing, SIGTERM, and a limited shutdown."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from appinsights_exporter import ApplicationInsightsMetricExporter, configuration
from appinsights_exporter.metric_reader import ForkingReader
from appinsights_exporter.operation_name import OperationNameProcessor
from appinsights_exporter.performance_counters import RequestCounter
from appinsights_exporter.rates import SampleRateProcessor
from appinsights_exporter.standard_metrics import StandardMetricsProcessor
from opencensus_compat.local import LocalEndpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# One program for all three: an interpreter costs more than what it shows.
FAMILY = """
import logging, multiprocessing, os, signal, sys, threading
from appinsights_exporter import ApplicationInsightsEventHandler, configure
from opentelemetry import metrics, trace

configure(export_interval_millis=3_600_000, flush_on_sigterm=True)
events = logging.getLogger("events")
events.propagate = False
events.setLevel(logging.INFO)
events.addHandler(ApplicationInsightsEventHandler())
counter = metrics.get_meter("shop").create_counter("orders")
gauge = metrics.get_meter("shop").create_observable_gauge("forks", [lambda options: [fork_once()]])
forked = []


def fork_once():
    # A callback that forks, for which the SDK holds a lock.
    if not forked and started:
        forked.append(os.fork())
        if not forked[0]:
            os._exit(0)
        os.waitpid(forked[0], 0)
    return metrics.Observation(1)


def work(number):
    with trace.get_tracer("shop").start_as_current_span("job"):
        logging.warning("done %s", number)
        events.info("sold")
    counter.add(number, {"of": "job"})


started = False
counter.add(5, {"of": "parent"})
child = os.fork()
if not child:
    counter.add(7, {"of": "child"})
    sys.exit()
os.waitpid(child, 0)
context = multiprocessing.get_context("fork")
jobs = [context.Process(target=work, args=(number,)) for number in (1, 2)]
for job in jobs:
    job.start()
for job in jobs:
    job.join()
counter.add(11, {"of": "parent"})
started = True
with trace.get_tracer("shop").start_as_current_span("last"):
    pass
os.kill(os.getpid(), signal.SIGTERM)
threading.Event().wait(60)
"""


def test_each_process_sends_what_it_made_once(run_program):
    """Of a parent, a forked child and children of multiprocessing each value arrives once, and all of it before SIGTERM ends the parent."""
    with LocalEndpoint() as endpoint:
        run_program(FAMILY, status=-signal.SIGTERM, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        counted = [(row["customDimensions"]["of"], row["valueSum"]) for row in endpoint.rows("customMetrics") if row["name"] == "orders"]
        assert sorted(counted) == [("child", 7), ("job", 1), ("job", 2), ("parent", 5), ("parent", 11)]
        assert sorted(row["name"] for row in endpoint.rows("dependencies")) == ["job", "job", "last"]
        assert sorted(row["message"] for row in endpoint.rows("traces")) == ["done 1", "done 2"]
        assert [row["name"] for row in endpoint.rows("customEvents")] == ["sold", "sold"]


class _Exporter:
    """Takes what a reader reads, and lets nobody go on meanwhile."""

    def __init__(self, exporter):
        self.exported = []
        self.entered, self.leave = threading.Event(), threading.Event()
        self._preferred_temporality, self._preferred_aggregation = exporter._preferred_temporality, exporter._preferred_aggregation

    def export(self, data, **_):
        self.entered.set()
        self.leave.wait(60)
        points = [
            point.value
            for of_resource in data.resource_metrics
            for of_scope in of_resource.scope_metrics
            for metric in of_scope.metrics
            for point in metric.data.data_points
        ]
        self.exported.append(points)

    def force_flush(self, **_):
        return True

    def shutdown(self, **_):
        pass


def test_a_child_exports_though_its_parent_was_exporting():
    """A fork in the midst of an export waits for nothing, and leaves the child nothing that it waits for."""
    exporter = _Exporter(ApplicationInsightsMetricExporter("InstrumentationKey=00000000-0000-4000-8000-000000000001"))
    reader = ForkingReader(exporter, 3_600_000)
    counter = MeterProvider(metric_readers=[reader], shutdown_on_exit=False).get_meter("shop").create_counter("orders")
    counter.add(1)
    sending = threading.Thread(target=reader.collect)
    sending.start()
    assert exporter.entered.wait(60)
    counter.add(2)
    child = os.fork()
    if not child:
        exporter.leave.set()
        exporter.exported.clear()
        counter.add(4)
        reader.collect()
        os._exit(0 if exporter.exported == [[4]] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    exporter.leave.set()
    sending.join()
    counter.add(8)
    reader.collect()
    reader.shutdown()
    assert exporter.exported[:3] == [[1], [2], [8]]


def test_shutdown_ends_in_time():
    """A processor that does not end makes the shutdown return False in time."""
    release = threading.Event()
    one = configuration.Configuration()
    one._owners = [type("Waits", (), {"shutdown": lambda _: release.wait(60)})()]
    assert one.shutdown(timeout_millis=1) is False
    release.set()
    assert configuration.Configuration().shutdown() is True


def test_processors_that_hold_nothing_stop_no_flush():
    """Each of the package's own span processors says that it is flushed: releases of the SDK stop at one that does not."""
    found = [SampleRateProcessor(None), OperationNameProcessor(), StandardMetricsProcessor(), RequestCounter(None)]
    assert [processor.force_flush(1) for processor in found] == [True] * len(found)
