"""SIGTERM, for programs that ask: what waits arrives, and the process ends as it did."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading

import psutil
import pytest

import opencensus_compat
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.misbehave import Status

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the system ends processes otherwise")

PROGRAM = """
import logging, os, signal, sys, threading, time
import opencensus_compat
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

def work():
    logger = logging.getLogger("app")
    logger.addHandler(AzureLogHandler(export_interval=600.0))
    with Tracer(exporter=AzureExporter(export_interval=600.0), sampler=AlwaysOnSampler()).span("work"):
        logger.warning("hello")
    orders = measure.MeasureInt("orders", "orders", "1")
    stats.stats.view_manager.register_view(view.View("orders", "orders", [], orders, aggregation.SumAggregation()))
    metrics_exporter.new_metrics_exporter(export_interval=600.0, enable_standard_metrics=False)
    measurements = stats.stats.stats_recorder.new_measurement_map()
    measurements.measure_int_put(orders, 3)
    measurements.record()
"""
WAITS = """
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""
ASKED = {"OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM": "1"}


@pytest.fixture
def ended(tmp_path):
    """Return a function that runs a program, ends it by SIGTERM when it is ready, and returns its status, what it said and what arrived."""

    def run(source, endpoint, **environment):
        path = tmp_path / "app.py"
        path.write_text(PROGRAM + textwrap.dedent(source))
        variables = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, **environment}
        with subprocess.Popen(
            [sys.executable, "-W", "error", str(path)], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGTERM)
            printed, said = process.communicate(timeout=120)
        rows = [endpoint.rows(table) for table in ("dependencies", "traces", "customMetrics")]
        arrived = [row.get("message") or (row["name"], row.get("valueSum")) for table in rows for row in table]
        return process.returncode, printed + said, arrived

    return run


ALL = [("work", None), "hello", ("orders", 3.0)]


@pytest.mark.parametrize(
    ("source", "environment", "arrived"),
    [
        pytest.param(f"work(){WAITS}", {}, [], id="nobody asks"),
        pytest.param(f"work(){WAITS}", ASKED, ALL, id="environment"),
        pytest.param(f"opencensus_compat.configure(flush_on_sigterm=True)\nwork(){WAITS}", {}, ALL, id="configure"),
        pytest.param(f"opencensus_compat.configure(flush_on_sigterm=False)\nwork(){WAITS}", ASKED, [], id="configure comes first"),
        pytest.param(f"work()\nsignal.signal(signal.SIGTERM, signal.SIG_DFL){WAITS}", ASKED, [], id="the program takes it back"),
    ],
)
def test_what_waits(ended, source, environment, arrived):
    """Spans, records and metrics that wait for their export arrive where the program asks for it; the status is the signal's either way."""
    with LocalEndpoint() as endpoint:
        assert ended(source, endpoint, **environment) == (-signal.SIGTERM, "", arrived)


_IN_A_CONTAINER = ["unshare", "--map-root-user", "--pid", "--fork", "--kill-child"]
"""Begins a command whose process has the id 1, as the command of a container has."""


def test_the_first_process_of_a_container_ends(tmp_path):
    """It sends what waits and ends with a shell's exit code for the signal, although the system delivers it no default action."""
    if not shutil.which("unshare") or subprocess.run([*_IN_A_CONTAINER, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no process namespaces")
    path = tmp_path / "app.py"
    path.write_text(f"{PROGRAM}work()\nassert os.getpid() == 1{WAITS}")
    with LocalEndpoint() as endpoint:
        variables = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, **ASKED}
        command = [*_IN_A_CONTAINER, sys.executable, "-W", "error", str(path)]
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            [first] = psutil.Process(process.pid).children()
            first.send_signal(signal.SIGTERM)
            try:
                printed, said = process.communicate(timeout=60)
            finally:
                process.kill()
        assert (process.returncode, printed + said) == (128 + signal.SIGTERM, "")
        assert [row["name"] for row in endpoint.rows("dependencies")] == ["work"]


def test_what_cannot_be_sent_is_stored(ended, temporary_folder):
    """Where the service refuses to take it, it is on disk for the next process."""
    with LocalEndpoint(misbehaviour=[Status(503)]) as endpoint:
        status, said, arrived = ended(f"work(){WAITS}", endpoint, **ASKED)
    assert (status, arrived) == (-signal.SIGTERM, [])
    assert (said.startswith("Telemetry cannot be sent to "), said.count("\n")) == (True, 1)
    assert len(list(temporary_folder.rglob("*.jsonl.gz"))) == 3


def test_a_handler_of_the_program_is_left_alone(ended):
    """A program that handles the signal itself, before or after, does as it always did."""
    handles = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    with LocalEndpoint() as endpoint:
        assert ended(f"work()\n{handles}{WAITS}", endpoint, **ASKED) == (7, "", ALL)
    with LocalEndpoint() as endpoint:
        status, said, arrived = ended(f"{handles}work(){WAITS}", endpoint, **ASKED)
    assert (status, arrived) == (7, ALL)
    assert said.startswith("OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM has no effect: ")


def test_a_server_that_hands_the_signal_on(ended):
    """A server that handles the signal, stops, and sends it to itself once more when it has nothing else to do, as uvicorn does."""
    source = """
work()
taken = []
before = signal.signal(signal.SIGTERM, lambda *_: taken.append(True))
print("ready", flush=True)
while not taken:
    time.sleep(0.01)
signal.signal(signal.SIGTERM, before)
signal.raise_signal(signal.SIGTERM)
"""
    with LocalEndpoint() as endpoint:
        assert ended(source, endpoint, **ASKED) == (-signal.SIGTERM, "", ALL)


def test_a_main_thread_that_holds_a_lock(ended):
    """A program that is interrupted inside a logging handler goes on meanwhile, so that nothing waits for it for ever."""
    source = f"""
class Slow(logging.Handler):
    def emit(self, record):
        print("ready", flush=True)
        time.sleep(0.5)

work()
logging.getLogger("app").addHandler(Slow())
logging.getLogger("app").warning("held")
{WAITS}
"""
    with LocalEndpoint() as endpoint:
        status, _, arrived = ended(source, endpoint, **ASKED)
    assert status == -signal.SIGTERM
    assert sorted(map(str, arrived)) == sorted(map(str, [*ALL, "held"]))


def test_a_child_made_by_fork(ended):
    """A child that is ended sends what it made; the parent lives on and sends its own."""
    source = f"""
import warnings
warnings.simplefilter("ignore")
work()
child = os.fork()
if child == 0:
    with Tracer(exporter=AzureExporter(export_interval=600.0), sampler=AlwaysOnSampler()).span("child"):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
_, status = os.waitpid(child, 0)
assert os.WTERMSIG(status) == signal.SIGTERM
{WAITS}
"""
    with LocalEndpoint() as endpoint:
        status, said, arrived = ended(source, endpoint, **ASKED)
    assert (status, said) == (-signal.SIGTERM, "")
    assert sorted(name for name, _ in (each for each in arrived if each != "hello")).count("work") == 1
    assert ("child", None) in arrived


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_the_children_of_a_pool(run_program, how):
    """What the children of a pool logged arrives although the end of `with Pool()` ends them by the signal."""
    source = f"""
    import logging, multiprocessing
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    logger = logging.getLogger("app")
    logger.addHandler(AzureLogHandler(export_interval=600.0))

    def work(number):
        logger.warning("item %d", number)

    if __name__ == "__main__":
        with multiprocessing.get_context("{how}").Pool(2) as pool:
            pool.map(work, range(6))
    """
    with LocalEndpoint() as endpoint:
        run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, **ASKED)
        assert sorted(row["message"] for row in endpoint.rows("traces")) == [f"item {number}" for number in range(6)]


def test_configure_says_when_it_cannot(fresh_bridge):
    """In another thread, and over a handler of the program's, asking for it is an error; taking it back leaves the signal as it was."""
    told = []

    def ask():
        try:
            opencensus_compat.configure(flush_on_sigterm=True)
        except ValueError as error:
            told.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ask()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        opencensus_compat.configure(flush_on_sigterm=True)
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        opencensus_compat.configure(flush_on_sigterm=False)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert told == ["argument flush_on_sigterm: expected a call in the main thread, and SIGTERM without a handler of the program's."] * 2
