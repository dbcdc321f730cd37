"""Runs programs, each in a child made by fork of a process that has loaded what they need: argument is a JSON file of names and code."""

from __future__ import annotations

import json
import os
import sys
import traceback

import opentelemetry.sdk._logs._internal.export
import opentelemetry.sdk.metrics.export
import opentelemetry.sdk.trace.export  # noqa: F401
import requests  # noqa: F401


def main() -> None:
    """Print a line for each program: its process, whether it raised, its name."""
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
            return
        _, status = os.waitpid(child, 0)
        print(child, status, name, flush=True)  # noqa: T201 -- read by the test


main()
