"""Logging that is configured again, closed elsewhere, or interrupted: nothing waits for ever, nothing is lost."""

from __future__ import annotations

import signal
import textwrap

import pytest

CONFIG = """
import logging
import logging.config
import sys
import threading
import time

def configure(**root):
    logging.config.dictConfig({
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(message)s"}},
        "handlers": {"azure": {"class": "opencensus.ext.azure.log_exporter.AzureLogHandler", "formatter": "plain"}},
        "root": {"handlers": ["azure"], "level": "DEBUG", **root},
    })
"""

AGAIN = """
configure()
for number in range(5):
    logging.getLogger("app").info("configured %d", number)
    configure()
logging.getLogger("app").info("last")
"""

WHILE_OTHERS_LOG = """
from opencensus.ext.azure.log_exporter import AzureLogHandler

taken = []
emit = AzureLogHandler.emit

def noted(self, record):
    # A line that finds the root logger without a handler is nobody's.
    if record.name.startswith("app"):
        taken.append(record.getMessage())
    emit(self, record)

AzureLogHandler.emit = noted
configure()
stopping = threading.Event()

def work(worker):
    logger, number = logging.getLogger(f"app.{worker}"), 0
    while not stopping.is_set():
        logger.info("%d-%d", worker, number)
        number += 1
        time.sleep(0.001)

threads = [threading.Thread(target=work, args=(worker,)) for worker in range(3)]
for thread in threads:
    thread.start()
times = 0
while times < 10 or len(taken) < 60:  # however slowly the threads get on
    configure()
    times += 1
    time.sleep(0.01)
stopping.set()
for thread in threads:
    thread.join()
print(*taken)
"""

CLOSED_BY_ANOTHER_THREAD = """
configure()
logger = logging.getLogger("app")
handler = logging.getLogger().handlers[0]
logger.info("before")
closing = threading.Thread(target=handler.close)
closing.start()
logger.info("meanwhile")
closing.join(60)
assert not closing.is_alive()
logging.shutdown()
"""

SHUT_DOWN_TWICE = """
configure()
logging.getLogger("app").info("before")
logging.shutdown()
logging.shutdown()
"""

UNHANDLED = """
configure()
logging.getLogger("app").info("exported")
logging.getLogger().handlers[0].flush()
logging.getLogger("app").info("since then")
print("ready", flush=True)
time.sleep(600)
"""

INTERRUPTED = """
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
configure()
logging.getLogger("app").info("ready")
try:
    print("ready", flush=True)
    while True:
        # A signal in the moment before a sleep is heeded after it.
        time.sleep(0.05)
except KeyboardInterrupt:
    sys.exit(4)
"""


@pytest.fixture
def run(endpoint, run_program):
    """Return a function that runs a program with `configure`, and returns what it printed."""
    return lambda source: run_program(CONFIG + source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)


def test_again(run, messages):
    """`dictConfig` closes the handlers before it makes new ones, as mlflow and azureml have it do: each line arrives once."""
    run(AGAIN)
    assert messages() == {"last": 1, **{f"configured {number}": 1 for number in range(5)}}


def test_while_others_log(run, messages):
    """So it does while other threads log: each line that any handler was given, old or new, arrives once."""
    taken = run(WHILE_OTHERS_LOG).split()
    assert len(taken) >= 60
    assert messages() == dict.fromkeys(taken, 1)


def test_closed_by_another_thread(run, messages):
    """Closing waits for no lock that the logging thread has; what was logged before and meanwhile arrives."""
    run(CLOSED_BY_ANOTHER_THREAD)
    assert messages() == {"before": 1, "meanwhile": 1}


def test_shut_down_twice(run, messages):
    """`logging.shutdown` may be called by the program and is called by the interpreter."""
    run(SHUT_DOWN_TWICE)
    assert messages() == {"before": 1}


def test_a_signal_that_nobody_handles(start, messages, tmp_path):
    """SIGTERM ends a plain program at once, as it always did: what was exported has arrived, what was logged since then is lost."""
    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(CONFIG + UNHANDLED), encoding="utf-8")
    running = start(program)
    running.until(lambda: "ready" in running.printed)
    ended, _ = running.end(signal.SIGTERM)
    assert ended == -signal.SIGTERM
    assert messages() == {"exported": 1}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 3), (signal.SIGINT, 4)], ids=["SIGTERM", "Ctrl+C"])
def test_interrupted(start, messages, tmp_path, number, status):
    """A program that a signal ends in an orderly way has delivered when it ends."""
    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(CONFIG + INTERRUPTED), encoding="utf-8")
    running = start(program)
    running.until(lambda: "ready\n" in running.printed)
    ended, took_s = running.end(number)
    assert (ended, running.printed) == (status, "ready\n")
    assert took_s < 20
    assert messages() == {"ready": 1}
