"""Interpreters of which a process has several, as under mod_wsgi: they end although threads of this package ran in them."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = pytest.mark.skipif(
    not any(map(importlib.util.find_spec, ("_interpreters", "_xxsubinterpreters"))), reason="this Python makes no interpreters"
)

_MAKE = """
import sys
try:
    import _interpreters
    made = _interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as _interpreters
    made = _interpreters.create(isolated=False)
if error := _interpreters.run_string(made, PROGRAM % sys.path):
    print(error)
_interpreters.destroy(made)
print("ended")
"""

_PROGRAM = """
import sys
sys.path[:] = %s
import atexit, logging, threading
import opencensus_compat, opencensus_compat.auto
from opencensus.common.transports.async_ import AsyncTransport
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.metrics_exporter import new_metrics_exporter
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.metrics import transport
from opencensus.stats import stats
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

class Exporter:
    def emit(self, items):
        pass
    export_metrics = emit

logger = logging.getLogger("app")
logger.addHandler(AzureLogHandler(grace_period=60))
logger.warning("early")
with Tracer(exporter=AzureExporter(grace_period=60), sampler=AlwaysOnSampler()).span(name="span"):
    pass
exporter = new_metrics_exporter(grace_period=60, export_interval=3600)
mine = Exporter()
task = transport.get_exporter_thread([stats.stats], mine, interval=3600)
AsyncTransport(mine).export([1])
if FLUSHES:
    opencensus_compat.flush(60)
names = {thread.name for thread in threading.enumerate()}
assert {"opencensus-hand-over", "opencensus.common.Worker"} <= names, names
logger.warning("late")
if sys.version_info < (3, 12):
    # Python ends only interpreters without threads here; mod_wsgi calls these first.
    threading._shutdown()
    atexit._run_exitfuncs()
"""


@pytest.mark.parametrize("flushes", [False, True])
def test_an_interpreter_ends(run_program, endpoint, flushes):
    """One that is not isolated ends, with what it made sent, and the process goes on; a thread that ran on would kill it."""
    program = _PROGRAM.replace("FLUSHES", str(flushes))
    printed = run_program(
        f"PROGRAM = {program!r}\n{_MAKE}",
        APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        options=("-W", "error", "-W", "ignore::DeprecationWarning"),
    )
    assert printed == "ended\n"
    assert {"early", "late", "span"} <= {
        envelope["data"]["baseData"].get("message") or envelope["data"]["baseData"].get("name") for envelope in endpoint.envelopes()
    }
