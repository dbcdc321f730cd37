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
configure()
stopping = threading.Event()
logged = [0] * 3

def work(worker):
    logger = logging.getLogger(f"app.{worker}")
    while not stopping.is_set():
        logger.info("%d-%d", worker, logged[worker])
        logged[worker] += 1
        time.sleep(0.001)

threads = [threading.Thread(target=work, args=(worker,)) for worker in range(3)]
for thread in threads:
    thread.start()
for _ in range(10):
    configure()
    time.sleep(0.01)
stopping.set()
for thread in threads:
    thread.join()
print(*logged)
"""

CLOSED_BY_ANOTHER_THREAD = """
configure()
logger = logging.getLogger("app")
handler = logging.getLogger().handlers[0]
logger.info("before")
closing = threading.Thread(target=handler.close)
closing.start()
logger.info("meanwhile")
closing.join(10)
assert not closing.is_alive()
logging.shutdown()
"""

SHUT_DOWN_TWICE = """
configure()
logging.getLogger("app").info("before")
logging.shutdown()
logging.shutdown()
"""

INTERRUPTED = """
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
configure()
logging.getLogger("app").info("ready")
print("ready", flush=True)
try:
    time.sleep(30)
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
    """So it does while other threads log: a line that found the root logger without a handler is nobody's, all others arrive once."""
    logged = list(map(int, run(WHILE_OTHERS_LOG).split()))
    arrived = messages()
    assert max(arrived.values()) == 1
    assert set(arrived) <= {f"{worker}-{number}" for worker in range(3) for number in range(logged[worker])}
    assert len(arrived) >= sum(logged) - 3 * 10 * 3


def test_closed_by_another_thread(run, messages):
    """Closing waits for no lock that the logging thread has; what was logged before arrives."""
    run(CLOSED_BY_ANOTHER_THREAD)
    assert {**messages(), "meanwhile": 1} == {"before": 1, "meanwhile": 1}


def test_shut_down_twice(run, messages):
    """`logging.shutdown` may be called by the program and is called by the interpreter."""
    run(SHUT_DOWN_TWICE)
    assert messages() == {"before": 1}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 3), (signal.SIGINT, 4)], ids=["SIGTERM", "Ctrl+C"])
def test_interrupted(start, messages, tmp_path, number, status):
    """A program that a signal ends in an orderly way has delivered when it ends."""
    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(CONFIG + INTERRUPTED), encoding="utf-8")
    running = start(program)
    running.until(lambda: "ready" in running.printed)
    ended, took_s = running.end(number)
    assert (ended, running.printed) == (status, "ready\n")
    assert took_s < 6
    assert messages() == {"ready": 1}
