"""What a process loses, and says that it lost, when it makes too much, cannot store, or ends."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
import time
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.misbehave import Silence


def _is_stopped_in_time():
    """Return whether this release of the SDK waits for a batch processor's thread no longer than it is told."""
    if importlib.util.find_spec("opentelemetry.sdk._shared_internal") is None:
        return False
    shared = importlib.import_module("opentelemetry.sdk._shared_internal")
    return "timeout_millis" in inspect.signature(shared.BatchProcessor.shutdown).parameters


_SPANS = """
import atexit, gc, logging
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

def account():
    from appinsights_exporter import Counts
    [counts] = [each for each in gc.get_objects() if type(each) is Counts]
    snapshot = counts.snapshot()
    print(snapshot.sent + sum(snapshot.dropped.values()), sorted(snapshot.dropped))

logging.disable()  # the SDK says that its queue is full
atexit.register(account)
tracer = Tracer(exporter=AzureExporter(queue_capacity=10, max_batch_size=5, export_interval=60), sampler=AlwaysOnSampler())
for number in range(2000):
    with tracer.span(name="item"):
        pass
"""


def test_spans_that_the_queue_drops_are_counted(run_program):
    """When more spans come than the queue holds, what was sent and what is counted as lost are together what was made."""
    with LocalEndpoint() as endpoint:
        printed = run_program(
            _SPANS,
            APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        )
    assert printed == "2000 ['queue full: the oldest dropped']\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_program_starts_where_no_file_can_be_written(run_program):
    """Where there is no folder for temporary files, an exporter is made all the same."""
    source = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    from opencensus.ext.azure.trace_exporter import AzureExporter
    print(AzureExporter().options.storage_path)
    """
    key = "11111111-2222-3333-4444-555555555555"
    printed = run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=f"InstrumentationKey={key}")
    assert printed == f"{Path('/', 'tmp', 'opencensus-python-')}{key}\n"


def test_all_destinations_end_within_one_grace_period(run_program, temporary_folder):
    """Eight resources that do not answer cost a process one `grace_period` at its end, and not eight, also when nothing was sent before."""
    source = """
    import os, sys, time
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer
    for text in os.environ["RESOURCES"].split():
        exporter = AzureExporter(connection_string=text, export_interval=60, grace_period=2)
        with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="item"):
            pass
    print(time.monotonic())
    """
    with contextlib.ExitStack() as stack:
        endpoints = [stack.enter_context(LocalEndpoint(misbehaviour=[Silence()])) for _ in range(8)]
        resources = " ".join(endpoint.connection_string for endpoint in endpoints)
        ending_s = float(run_program(source, RESOURCES=resources))
        took_s = time.monotonic() - ending_s
    assert took_s < 14
    assert len(list(temporary_folder.rglob("*.jsonl.gz"))) == 8


@pytest.mark.skipif(not _is_stopped_in_time(), reason="batch processors of this release of the SDK wait for their thread for ever")
def test_code_of_programs_does_not_delay_the_end(run_program):
    """A process ends although a formatter and telemetry processors never return; each item that they hold up is counted."""
    source = """
    import atexit, gc, logging, os, sys, threading
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    class Account:
        counts = None
        write = os.write  # not sys.stdout, which nobody flushes so late

        def __del__(self):
            self.write(1, repr(self.counts.snapshot().dropped).encode())

    def wait(*_):
        threading.Event().wait(600)

    logging.getLogger("appinsights_exporter").disabled = True
    exporter, handler = AzureExporter(grace_period=1), AzureLogHandler(grace_period=1)
    exporter.add_telemetry_processor(wait)
    handler.formatter = logging.Formatter()
    handler.formatter.format = wait
    logger = logging.getLogger("app")
    logger.addHandler(handler)
    for number in range(3):
        logger.warning("record")
        with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="span"):
            pass
    Account.counts = handler._pipeline.exporter.counts
    logging.getLogger("appinsights_exporter.counts").disabled = True
    sys.modules["last"] = Account()
    """
    with LocalEndpoint() as endpoint:
        printed = run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert printed == "{'no time left to convert before exit': 6}"


@pytest.mark.parametrize("make", ["processes", "pool", "executor"])
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_children_of_multiprocessing_send_what_they_made(run_program, make):
    """What a child of multiprocessing made arrives when it ends, although such children do not run the interpreter's exit hooks."""
    source = """
    import concurrent.futures, multiprocessing, sys
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer
    tracer = Tracer(exporter=AzureExporter(export_interval=60), sampler=AlwaysOnSampler())

    def work(number):
        with tracer.span(name=f"item {number}"):
            pass

    context = multiprocessing.get_context("fork")
    work(0)
    if MAKE == "processes":
        children = [context.Process(target=work, args=(number,)) for number in (1, 2, 3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
    elif MAKE == "pool":
        pool = context.Pool(2)
        pool.map(work, (1, 2, 3))
        pool.close()
        pool.join()
    else:
        with concurrent.futures.ProcessPoolExecutor(2, context) as executor:
            list(executor.map(work, (1, 2, 3)))
    """
    with LocalEndpoint() as endpoint:
        # From Python 3.12 on, a fork beside a thread warns.
        run_program(
            source.replace("MAKE", repr(make)),
            options=(),
            APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
            PYTHONWARNINGS="ignore::DeprecationWarning",
        )
        endpoint.wait_for(4)
        names = sorted(envelope["data"]["baseData"]["name"] for envelope in endpoint.envelopes())
    assert names == [f"item {number}" for number in range(4)]


def test_the_first_log_handler_comes_with_the_end(run_program):
    """A handler that an exit hook makes, the first one of the process, sends what is logged then."""
    source = """
    import atexit, logging

    @atexit.register
    def end():
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        logging.getLogger("app").addHandler(AzureLogHandler())
        logging.getLogger("app").warning("the end")
    """
    with LocalEndpoint() as endpoint:
        run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        endpoint.wait_for(1)
        [envelope] = endpoint.envelopes()
    assert envelope["data"]["baseData"]["message"] == "the end"
