"""Runs the functions of program files one by one, each as if it were a program of its own, and writes what they returned and printed.

Every function gets a connection string with an instrumentation key of its own, by which the reader of
what arrived tells their telemetry apart, and starts in an empty context. What waits to be sent is sent when the process exits, at the latest.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib.util
import io
import json
import os
import sys
import uuid
from pathlib import Path


def instrumentation_key(program: str, function: str) -> str:
    """Return the key that a function's telemetry carries."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{program}.{function}"))


def main(path: str, endpoint: str, output: str) -> None:
    """Run the public functions of the file at ``path``, in the order in which they stand."""
    specification = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    told = {}
    for name, function in list(vars(module).items()):
        if name.startswith("_") or getattr(function, "__module__", None) != module.__name__ or isinstance(function, type):
            continue
        key = instrumentation_key(module.__name__, name)
        os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = f"InstrumentationKey={key};IngestionEndpoint={endpoint}"
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            returned = contextvars.Context().run(function)
        told[name] = {"returned": returned, "printed": printed.getvalue()}
    Path(output).write_text(json.dumps(told), encoding="utf-8")
    # Programs of their own would each have a grace period at their end; in one process dozens of resources share it, which a slow
    # machine may need more for. Metrics are left to the exit: they would be collected twice.
    ours = sys.modules.get("opencensus_compat._bridge.providers.lifecycle")
    for signal in ("traces", "logs") if ours is not None else ():
        ours.flush(120, signal)


if __name__ == "__main__":
    main(*sys.argv[1:])
