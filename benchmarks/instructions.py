"""Instructions that a path executes, counted by valgrind: a figure that a busy machine does not change.

Use::

    .venv/bin/python benchmarks/instructions.py                     # the paths below, on this package
    .venv/bin/python benchmarks/instructions.py --save before.json  # and keep the figures
    .venv/bin/python benchmarks/instructions.py --compare before.json span logs
    .venv/bin/python benchmarks/instructions.py --python .venvs/legacy/bin/python span      # on the retired SDK

Needs Debian's package valgrind. Each path runs in two processes, some times and more often; the difference of what they executed, divided
by the difference of the times, is what one call takes: start and imports fall out. A change of 1 % is a change, hash seeds being equal.
Instructions are not time: caches and memory do not show. What is a win here is measured again by ``make bench``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEW, MANY = 300, 1_300
"""Fewer calls leave out what the garbage collector and the interpreter's caches take in the long run."""


def span_paths():
    """Return the workloads of ``bench_span``."""
    workloads = importlib.import_module("bench_span").census_workloads()
    return {f"span {name}": call for name, call in workloads.items() if callable(call)}


def data_paths():
    """Return the workloads of ``bench_span_data``."""
    workloads = importlib.import_module("bench_span_data").census_workloads()
    return {f"data {name}": call for name, call in workloads.items() if callable(call)}


def log_paths():
    """Return what a handler does with one record of each kind of ``bench_logs``."""
    import itertools

    bench = importlib.import_module("bench_logs")
    os.environ["ENDPOINT"] = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:9/"
    handle = bench.census_compat().handle

    def path(name):
        fresh = itertools.chain.from_iterable(bench.made(name) for _ in itertools.count())
        return lambda: handle(next(fresh))

    return {f"logs {name}": path(name) for name in bench.records() if name != "span"}


def convert_paths():
    """Return the conversion of the spans and records of ``bench_convert`` and ``bench_convert_logs``; a call is a batch."""
    return {
        f"{module} {shape}": importlib.import_module(f"bench_{module}").ours(shape)
        for module in ("convert", "convert_logs")
        for shape in ("otel", "legacy")
    }


PATHS = {"span": span_paths, "data": data_paths, "logs": log_paths, "convert": convert_paths}
"""Group -> its paths, by name. Those of ``convert`` are batches of 500, so they run less often."""
OF_BATCHES = {"convert": 100}
"""Group -> by how much fewer calls are enough."""


def executed(python, group, path, calls):
    """Return the instructions of a process that calls a path so often."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(python), __file__]
    command += ["--child", group, path, str(calls)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true"}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    found = re.search(r"Collected : (\d+)", answer.stderr)
    if found is None:
        raise SystemExit(f"valgrind counted nothing for {path}:\n{answer.stderr[-2000:]}")
    return int(found[1])


def child(group, path, calls):
    """Call a path so often, and leave."""
    call = PATHS[group]()[path]
    for _ in range(calls):
        call()
    os._exit(0)


def names(python, group):
    """Return the paths that an interpreter has in a group."""
    answer = subprocess.run([str(python), __file__, "--names", group], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def main():
    """Count, print a line for each path, and keep or compare the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", choices=[[], *PATHS], help="which paths; all by default")
    parser.add_argument("--python", default=sys.executable, help="the interpreter whose packages are measured")
    parser.add_argument("--save", metavar="FILE", help="keep the figures")
    parser.add_argument("--compare", metavar="FILE", help="say what changed since the figures of this file")
    options = parser.parse_args()
    before = json.loads(Path(options.compare).read_text()) if options.compare else {}
    figures = {}
    for group in options.groups or PATHS:
        for path in names(options.python, group):
            few, many = (calls // OF_BATCHES.get(group, 1) for calls in (FEW, MANY))
            spent = executed(options.python, group, path, many) - executed(options.python, group, path, few)
            figures[path] = spent / (many - few)
            was = before.get(path)
            print(f"{path:24} {figures[path]:14,.0f}" + ("" if was is None else f" {figures[path] / was - 1:+8.1%}"), flush=True)
    if options.save:
        Path(options.save).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "benchmarks"))
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["--names"]:
        print(json.dumps(list(PATHS[sys.argv[2]]())), flush=True)
        os._exit(0)
    else:
        main()
