"""The end of a process: bounded, whatever the endpoint does, and what was not sent by then is sent by the next process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from opencensus_compat.local import LocalEndpoint

PROGRAM = """\
import signal, sys, time
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from appinsights_exporter import ApplicationInsightsSpanExporter
from appinsights_exporter.settings import resolve

first, count, after, size, grace_s = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
exporter = ApplicationInsightsSpanExporter(settings=resolve(grace_period_s=grace_s))
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=3_600_000, max_export_batch_size=size))
tracer = provider.get_tracer("t")
for number in range(first, first + count):
    tracer.start_span(str(number)).end()
if after == "sigterm":
    # What gunicorn's and celery's workers do on SIGTERM, and what a program does that wants its exit hooks to run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("ready", flush=True)
    while True:
        # A signal in the moment before a sleep is heeded after it.
        time.sleep(0.05)
print("ready", flush=True)
"""


class Program:
    """A program that makes spans and ends."""

    def __init__(self, endpoint, first, count, after="end", size=4, grace_s=60):
        environment = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROGRAM, str(first), str(count), after, str(size), str(grace_s)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"
        self._ready_s = time.monotonic()
        self.pid = self._process.pid

    def ended(self):
        """Wait for its end; return the seconds since the last span, its status and what it said."""
        _, said = self._process.communicate(timeout=120)
        return time.monotonic() - self._ready_s, self._process.returncode, said


@pytest.fixture
def endpoint():
    """A running endpoint."""
    with LocalEndpoint() as running:
        yield running


def names(endpoint):
    """Return the names of the items that were accepted, sorted by number."""
    return sorted((envelope["data"]["baseData"]["name"] for envelope in endpoint.envelopes()), key=int)


def black_hole(endpoint):
    """Take the stopped endpoint's port with a socket whose queue is full: connections are neither made nor refused."""
    port = int(endpoint.url.rpartition(":")[2].rstrip("/"))
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(0)
    held = [listening]
    for _ in range(4):
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
        held.append(waiting)
    return held


@pytest.mark.parametrize("size", [4, 512], ids=["an export under way", "the first export at exit"])
@pytest.mark.parametrize("fault", ["none", "silent", "refuses connections", "black hole"])
def test_the_end_is_bounded_and_loses_nothing(endpoint, fault, size):
    """A process with `grace_period` 1 s ends within it, and the next delivers what it had to leave; stderr has a line of a known cause only."""
    held = []
    if fault == "silent":
        endpoint.misbehave("silence")
    elif fault != "none":
        endpoint.stop()
        held = black_hole(endpoint) if fault == "black hole" else []
    seconds, status, said = Program(endpoint, 0, 10, size=size, grace_s=60 if fault == "none" else 1).ended()
    assert (status, said.count("\n")) == (0, 1 if fault == "refuses connections" else 0), said
    assert fault != "refuses connections" or "the connection was refused" in said
    # What is not bounded waits ten seconds for a connection and half a minute for a reply.
    assert seconds < 9
    for each in held:
        each.close()
    if fault not in ("none", "silent"):
        endpoint.start()
    endpoint.behave()
    Program(endpoint, 10, 1).ended()
    assert names(endpoint) == [str(number) for number in range(11)]


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="no such signals here")
def test_sigterm(endpoint):
    """Where SIGTERM leads to a normal exit, as in gunicorn's and celery's workers, what waits is sent."""
    program = Program(endpoint, 0, 3, "sigterm")
    os.kill(program.pid, signal.SIGTERM)
    _, status, said = program.ended()
    assert (status, said) == (0, "")
    assert names(endpoint) == ["0", "1", "2"]


def test_a_short_job_sends_what_earlier_ones_left(endpoint):
    """However short a process lives, it sends one group of the backlog."""
    endpoint.stop()
    for first in (0, 10):
        Program(endpoint, first, 10, grace_s=1).ended()
    endpoint.start()
    Program(endpoint, 20, 1).ended()
    assert names(endpoint) == [str(number) for number in range(21)]


INTERRUPTED = {
    # Its provider is older than the exporter.
    "OpenTelemetry": """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
from appinsights_exporter import ApplicationInsightsSpanExporter

provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter(), schedule_delay_millis=3_600_000))
provider.get_tracer("t").start_span("made").end()
""",
    "OpenCensus's spans": """
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span("made"):
    pass
""",
    "OpenCensus": """
import logging
from opencensus.ext.azure.log_exporter import AzureLogHandler

logging.getLogger("shop").addHandler(AzureLogHandler())
logging.getLogger("shop").warning("made")
""",
}


def test_status_of_a_program_that_wants_no_reminder():
    """With the reminder taken back, a Ctrl+C that comes before the first export is forgotten by it, and the status is that of an error.

    Python 3.14 does not forget it.
    """
    taken_back = "from appinsights_exporter.delivery import interrupt\ninterrupt.restore = lambda: None\n"
    with LocalEndpoint() as endpoint:
        environment = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
        source = f"{INTERRUPTED['OpenTelemetry']}\n{taken_back}\nraise KeyboardInterrupt\n"
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", source], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        endpoint.wait_idle()
    status = 1 if sys.version_info < (3, 14) else -signal.SIGINT
    assert (ended.returncode, ended.stderr.count("Traceback")) == (status, 1), ended.stderr


@pytest.mark.parametrize("program", INTERRUPTED.values(), ids=INTERRUPTED)
@pytest.mark.parametrize(
    ("how", "status"), [("raise KeyboardInterrupt", -signal.SIGINT), ("raise SystemExit(3)", 3)], ids=["Ctrl+C", "exit"]
)
def test_status(program, how, status):
    """A process ends with the status that it has without this package, also where the first export imports modules at the end."""
    with LocalEndpoint() as endpoint:
        environment = {**os.environ, "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
        command = [sys.executable, "-W", "error", "-c", f"{program}\n{how}\n"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        endpoint.wait_idle()
        assert len(endpoint.envelopes()) == 1
    assert (ended.returncode, ended.stderr.count("Traceback")) == (status, int(status < 0)), ended.stderr
