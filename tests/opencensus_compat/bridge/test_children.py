"""The end of processes that pools made."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

_PROGRAM = """
import os, sys
from opencensus_compat._bridge.pipeline import children as _children

def say():
    os.write(1, b"end\\n")

{setup}

if __name__ == "__main__":
    {main}
"""


@pytest.mark.parametrize(
    ("setup", "main", "ends"),
    [
        pytest.param("_children.at_end(say)", "pass", 0, id="no child"),
        pytest.param(
            "import multiprocessing; _children.at_end(say)",
            "child = multiprocessing.get_context('fork').Process(target=int); child.start(); child.join()",
            1,
            id="process",
        ),
        pytest.param(
            "_children.at_end(say); import multiprocessing",
            "child = multiprocessing.get_context('fork').Process(target=int); child.start(); child.join()",
            1,
            id="multiprocessing imported later",
        ),
        pytest.param(
            "import multiprocessing",
            "child = multiprocessing.get_context('fork').Process(target=_children.at_end, args=(say,)); child.start(); child.join()",
            1,
            id="asked for in the child",
        ),
        pytest.param(
            "import multiprocessing; _children.at_end(say)",
            "child = multiprocessing.get_context('fork').Process(target=_children.at_end, args=(say,)); child.start(); child.join()",
            1,
            id="asked for in both",
        ),
        pytest.param(
            "import multiprocessing; _children.at_end(say)",
            "pool = multiprocessing.get_context('fork').Pool(2); pool.map(int, '1234'); pool.close(); pool.join()",
            2,
            id="pool",
        ),
        pytest.param(
            "_children.at_end(say)",
            "os.fork() or os._exit(0); os.wait()",
            0,
            id="plain fork: it has exit hooks, or wants none",
        ),
    ],
)
def test_only_the_children_of_pools_are_seen_to(run_program, setup, main, ends):
    """The call is made once at the end of each child that multiprocessing made, and in no other process."""
    printed = run_program(_PROGRAM.format(setup=setup, main=main), options=("-W", "error", "-W", "ignore::DeprecationWarning"))
    assert printed.split().count("end") == ends


def test_celery_children_are_seen_to_through_its_signal(run_program):
    """Where Celery is loaded, before or after the call was asked for, its signal for the end of a worker process makes the call once."""
    source = """
    import sys, types
    from opencensus_compat._bridge.pipeline import children as _children

    class Signal:
        def __init__(self):
            self.receivers = []
        def connect(self, receiver, weak):
            assert weak is False
            self.receivers.append(receiver)

    _children.at_end(lambda: print("end"))
    celery = types.ModuleType("celery.signals")
    celery.worker_process_shutdown = Signal()
    sys.modules["celery.signals"] = celery
    import os
    for _ in range(2):
        if not os.fork():
            os._exit(0)
        os.wait()
    for receiver in celery.worker_process_shutdown.receivers:
        receiver(sender=None, pid=1, exitcode=0)
    """
    assert run_program(source) == "end\n"


_JOB = """
import os, sys, types
from opencensus_compat._bridge.pipeline import children as _children

def say():
    os.write(1, b"end ")

sys.modules["rq.worker"] = types.ModuleType("rq.worker")
{parent}
if not os.fork():
    os.environ["RQ_JOB_ID"] = "1"
    {child}
    os._exit(3)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.parametrize(
    ("parent", "child", "printed"),
    [
        pytest.param("_children.at_end(say)", "pass", "end 3", id="exporter made by the worker"),
        pytest.param("", "_children.at_end(say)", "end 3", id="exporter made by the job"),
        pytest.param("_children.at_end(say)", "_children.at_end(say)", "end 3", id="both"),
        pytest.param("_children.at_end(say)", "_children.at_end(lambda: 1 / 0)", "3", id="the call raises"),
        pytest.param("_children.at_end(say)", "del os.environ['RQ_JOB_ID']", "3", id="a process that is no job's"),
        pytest.param("", "pass", "3", id="nobody asked"),
        pytest.param("_children.at_end(say); del sys.modules['rq.worker']", "pass", "3", id="without RQ"),
    ],
)
def test_jobs_of_rq_are_seen_to(run_program, parent, child, printed):
    """The call is made once before the process of a job ends by `os._exit`, which keeps its status, and in no other process."""
    options = ("-W", "error", "-W", "ignore::DeprecationWarning")
    assert run_program(_JOB.format(parent=parent, child=child), options=options) == f"{printed}\n"


_IMPORTS_ON_THREADS = """
import logging, os, sys, threading
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.metrics.export.gauge import LongGauge, Registry
from opencensus.metrics.transport import get_exporter_thread
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags.tag_map import TagMap
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opencensus_compat._bridge.process import process
from appinsights_exporter.forks import importing

def watch(event, arguments):
    if event == "import" and threading.current_thread() is not threading.main_thread():
        if not process.loading._is_owned() and not importing._is_owned():
            os.write(1, (arguments[0] + "\\n").encode())

sys.addaudithook(watch)
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
logger = logging.getLogger("shop")
logger.addHandler(AzureLogHandler())
with tracer.span("order"):
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("failed")
size = measure.MeasureInt("size", "", "1")
manager = stats.stats.view_manager
manager.register_view(view.View("sizes", "", [], size, aggregation.CountAggregation()))
manager.register_exporter(metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=0.05))
measurements = stats.stats.stats_recorder.new_measurement_map()
measurements.measure_int_put(size, 1)
measurements.record(TagMap())
registry, gauge, exported = Registry(), LongGauge("queue", "", "1", []), threading.Event()
registry.add_gauge(gauge)

class Exporter:
    def export_metrics(self, metrics):
        exported.set()

exporter = Exporter()
task = get_exporter_thread([registry], exporter, interval=0.01)
assert exported.wait(60)
logging.getLogger("shop").handlers[0].flush()
"""


def test_threads_import_only_while_nothing_forks(run_program, endpoint):
    """What a thread of ours imports, it imports under a lock that forks wait for: a child would find half a module for ever."""
    # On a busy machine the process may end while a thread still has a connection open.
    options = ("-W", "error", "-W", "ignore:unclosed:ResourceWarning")
    printed = run_program(_IMPORTS_ON_THREADS, options=options, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert (printed, len(endpoint.rows("exceptions"))) == ("", 1)
