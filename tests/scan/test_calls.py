"""What programs call as they run on the real packages is in the report of a scan."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest

from opencensus_compat.scan.project import scan

_REPOSITORY = Path(__file__).parents[2]
_PROGRAMS = _REPOSITORY / "tests" / "parity" / "programs"
_RUN = """\
import contextvars, inspect, json, os, runpy, sys

path, seen = sys.argv[1], set()

def hook(frame, event, _):
    caller = frame.f_back
    if event == "call" and "/opencensus/" in frame.f_code.co_filename and caller is not None and caller.f_code.co_filename == path:
        seen.add((caller.f_lineno, frame.f_globals.get("__name__", "") + "." + frame.f_code.co_name))

sys.setprofile(hook)
names = runpy.run_path(path)
for name, function in list(names.items()):
    if inspect.isfunction(function) and function.__code__.co_filename == path and name[0] != "_" and not function.__code__.co_argcount:
        contextvars.Context().run(function)
sys.setprofile(None)
print("\\n" + json.dumps(sorted(seen)))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize("name", ["kinds", "structure", "propagation", "values"])
def test_every_call_is_found(name, legacy_python, monkeypatch):
    """Each line from which a program calls the real packages has a use, but for calls of functions that they have wrapped."""
    monkeypatch.setenv(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9/",
    )
    path = _PROGRAMS / f"{name}.py"
    done = subprocess.run([legacy_python, "-W", "ignore", "-c", _RUN, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stdout.splitlines()[-1])
    assert len(calls) > 10
    statements = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]
    found = {use.line for use in scan([str(path)]).uses}
    missed = []
    for line, function in calls:
        around = [node for node in statements if node.lineno <= line <= (node.end_lineno or line)]
        lines = range(around[0].lineno, (around[0].end_lineno or line) + 1) if around else (line,)
        if found.isdisjoint(lines) and not function.endswith(".wrapper"):
            missed.append(f"{line} {function}")
    assert missed == []
