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


FILES = """
import json
import logging
import logging.config
import os
import pathlib
import sys

import yaml

TEXT = '''
version: 1
disable_existing_loggers: false
filters:
  shop: {name: shop}
formatters:
  plain: {format: "%(levelname)s %(message)s"}
handlers:
  azure:
    class: opencensus.ext.azure.log_exporter.AzureLogHandler
    connection_string: CONNECTION_STRING
    level: WARNING
    formatter: plain
    filters: [shop]
    logging_sampling_rate: 1.0
  made:
    (): opencensus.ext.azure.log_exporter.AzureLogHandler
    connection_string: CONNECTION_STRING
  events:
    class: opencensus.ext.azure.log_exporter.AzureEventHandler
    connection_string: CONNECTION_STRING
loggers:
  shop: {level: INFO, handlers: [azure]}
  plain: {level: INFO, handlers: [made], propagate: false}
  clicks: {level: INFO, handlers: [events], propagate: false}
'''
text = TEXT.replace("CONNECTION_STRING", os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
form = os.environ["FORM"]
file = pathlib.Path(__file__).with_suffix("." + form)
file.write_text(text if form == "yaml" else json.dumps(yaml.safe_load(text)), encoding="utf-8")
logging.config.dictConfig((yaml.safe_load if form == "yaml" else json.loads)(file.read_text(encoding="utf-8")))
logging.getLogger("shop").info("below the handler's level")
logging.getLogger("shop.orders").warning("sent")
logging.getLogger("plain").info("made")
logging.getLogger("clicks").info("clicked", extra={"custom_dimensions": {"button": "buy"}})
"""

AS_A_MODULE = """
import logging
import sys
from opencensus.ext.azure.log_exporter import AzureLogHandler
logging.getLogger("app").addHandler(AzureLogHandler())
logging.getLogger("app").warning("run as %s", __name__)
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


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_files(endpoint, run_program, messages, form):
    """YAML and JSON name the handlers in text, as a class or as a factory, with levels, filters, formatters and options of theirs."""
    run_program(FILES, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string, FORM=form)
    assert messages() == {"WARNING sent": 1, "made": 1}
    assert [(row["name"], row["customDimensions"]) for row in endpoint.rows("customEvents")] == [("clicked", {"button": "buy"})]


def test_python_m(endpoint, messages, run_program, tmp_path, monkeypatch):
    """A package that `python -m` runs is a program as any; its role is the name of its file, as with OpenCensus."""
    package = tmp_path / "shop_jobs"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(AS_A_MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run_program("", options=("-W", "error", "-m", "shop_jobs"), APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert messages() == {"run as __main__": 1}
    assert {row["cloud_RoleName"] for row in endpoint.rows("traces")} == {"__main__.py"}
