"""Runs programs, each in a child that it forks: what they import is loaded once, and each begins with nothing configured.

A line of JSON on standard input names a program; a line with its exit code is the answer. The child is the program from there on: it ends as
an interpreter does that was started for it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import types
from pathlib import Path

LOADED = (
    "appinsights_exporter",
    "appinsights_exporter.log_exporter",
    "opencensus.ext.azure.log_exporter",
    "opencensus.ext.azure.metrics_exporter",
    "opencensus.ext.azure.trace_exporter",
    "opencensus.stats.stats",
    "opencensus.tags",
    "opencensus.trace.tracer",
    "opencensus.trace.tracers.context_tracer",
    "opencensus.trace.tracers.noop_tracer",
    "opencensus_compat._bridge.pipeline.destinations",
    "opencensus_compat._bridge.pipeline.logs",
    "opencensus_compat._bridge.pipeline.metrics",
    "opencensus_compat._bridge.pipeline.spans",
    "opencensus_compat._bridge.providers.lifecycle",
    "opencensus_compat._bridge.providers.made",
    "opentelemetry.sdk._logs.export",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.sdk.trace.export",
)
_RUNS_FOR_S = 120


def main() -> None:
    """Run what standard input names, until it ends."""
    sys.argv = ["app.py"]  # the role is read as modules load
    for name in LOADED:
        importlib.import_module(name)
    importlib.import_module("opencensus_compat._bridge.exporter").load_transport()
    while line := os.read(0, 1 << 16):
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become(**request)
            return
        _, status = os.waitpid(child, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(program: str, environment: dict[str, str], errors: str, redirect: str) -> None:
    """Be a program that has just been started.

    Args:
        program: Path of its file.
        environment: All of its environment variables.
        errors: File that is its standard error; nothing is read from its standard output.
        redirect: URL of the local endpoint that it sends to, whatever its connection strings say.
    """
    signal.alarm(_RUNS_FOR_S)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    os.environ.clear()
    os.environ.update(environment)
    importlib.import_module("opencensus_compat._alias").started_in = os.getpid()
    importlib.import_module("appinsights_exporter.redirect").at_start = redirect
    sys.argv = [program]
    sys.path[0] = str(Path(program).parent)
    os.chdir(sys.path[0])
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    module.__file__ = program
    exec(compile(Path(program).read_bytes(), program, "exec"), vars(module))


main()
