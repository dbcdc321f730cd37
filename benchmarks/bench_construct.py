"""What a further exporter or handler of a known resource costs the program that makes it, beside the retired SDK.

Run ``python benchmarks/bench_construct.py``. Programs make one for each request: Microsoft's example of a middleware for FastAPI does. One
interpreter per contestant, started by turns; each measures CPU time of its own thread and keeps the best of many rounds. Each object is
dropped at once, as there.

* ``exporter``, ``handler``, ``metrics``: an ``AzureExporter``, an ``AzureLogHandler``, a ``new_metrics_exporter`` with the connection
  string as argument.
* ``environment``: an ``AzureExporter`` with the connection string in the environment.

The retired SDK is that of ``LEGACY_PYTHON`` (default ``.venvs/legacy/bin/python``). Each of its objects starts a thread; those of exporters and
handlers end at once here, and it makes fewer, for each metrics exporter stays for ever. Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 3
ROUNDS = 9
CALLS = {"legacy": 30, "census-compat": 1000}
CONNECTION_STRING = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9/"
MOST_US = 15.0
"""Microseconds that one may take."""
OF_LEGACY = 0.25
"""What one may cost of what the retired SDK's costs."""


def workloads():
    """Return what makes an object, by name, on whichever ``opencensus`` this interpreter has."""
    from opencensus.ext.azure.log_exporter import AzureLogHandler
    from opencensus.ext.azure.metrics_exporter import new_metrics_exporter
    from opencensus.ext.azure.trace_exporter import AzureExporter

    options = {"enable_local_storage": False, "export_interval": 3600.0}
    os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = CONNECTION_STRING
    given = {"connection_string": CONNECTION_STRING, **options}
    handler = AzureLogHandler(**given)
    # A program that logs has a logger provider from its first record on.
    logging.getLogger("benchmark").addHandler(handler)
    logging.getLogger("benchmark").warning("begun")
    return {
        "exporter": lambda: AzureExporter(**given),
        "environment": lambda: AzureExporter(**options),
        "handler": lambda: AzureLogHandler(**given),
        "metrics": lambda: new_metrics_exporter(**given),
    }


def legacy():
    """Return the same of the retired SDK, whose threads have nothing to do."""
    from opencensus.ext.azure import log_exporter
    from opencensus.ext.azure.common import exporter

    exporter.Worker.run = log_exporter.Worker.run = lambda self: None
    return workloads()


def measure(name):
    """Return microseconds of CPU per object, the best round of each workload."""
    made = legacy() if name == "legacy" else workloads()
    best = {}
    for workload, make in made.items():
        make()
        for _ in range(ROUNDS):
            gc.collect()
            started = time.thread_time_ns()
            for _ in range(CALLS[name]):
                make()
            spent = (time.thread_time_ns() - started) / CALLS[name] / 1000
            best[workload] = min(best.get(workload, spent), spent)
    return best


def run(name):
    """Measure one contestant in its own interpreter."""
    python = LEGACY_PYTHON if name == "legacy" else sys.executable
    environment = {**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"}
    command = [python, "-W", "ignore", __file__, name]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(answer.stdout)


def main():
    """Measure by turns, print the table, and return the exit code."""
    figures = rows.by_turns(CALLS, run, TURNS)
    print("microseconds of CPU per object, best of", TURNS * ROUNDS, "rounds")
    rows.show(figures, digits=1)
    table = rows.Rows()
    for workload, ours in figures["census-compat"].items():
        table.figure(workload, "us", ours, MOST_US)
        table.ratio(workload, "of legacy", ours, figures["legacy"][workload], OF_LEGACY)
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(main())
