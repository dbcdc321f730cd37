"""Runs programs, each in a child made by fork of a process that has loaded what they need: argument is a JSON file of names and code."""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import traceback
from importlib import import_module

_LOADED = (
    "django.test",
    "fastapi",
    "flask",
    "opencensus.ext.azure.log_exporter",
    "opencensus.ext.azure.metrics_exporter",
    "opencensus.ext.azure.trace_exporter",
    "opencensus.ext.django.middleware",
    "opencensus.ext.fastapi.fastapi_middleware",
    "opencensus.ext.flask.flask_middleware",
    "opencensus_compat.doctor.collect.imports",
    "opencensus_compat.doctor.collect.inside",
    "opencensus_compat.doctor.collect.versions",
    "opentelemetry.instrumentation.requests",
    "opentelemetry.sdk._logs._internal.export",
    "opentelemetry.sdk.metrics.export",
    "opentelemetry.sdk.trace.export",
)


def main() -> None:
    """Print a line for each program: its process, whether it raised, its name."""
    for name in _LOADED:
        import_module(name)
    with open(sys.argv[1], encoding="utf-8") as file:
        programs = json.load(file)
    for name, (code, variables) in programs.items():
        child = os.fork()
        if not child:
            os.environ.update(variables)
            main_module = sys.modules["__main__"].__dict__
            try:
                exec(compile(code, f"{name}.py", "exec"), main_module)
            except Exception:  # noqa: BLE001 -- whatever a program raises
                traceback.print_exc()
                sys.exit(1)
            # As the interpreter ends, but for taking all modules apart, which takes longer than most of the programs.
            threading._shutdown()
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(child, status, name, flush=True)  # noqa: T201 -- read by the test


main()
