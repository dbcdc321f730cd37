"""What importing the trace exporter, the log handlers and the metrics exporter costs, beside the retired SDK.

Run ``python benchmarks/bench_import.py``. Fresh interpreters by turns; the best wall-clock time of each side counts. Ends with 1 when the
limit is not kept, or when something is loaded that should wait until it is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 7
LIMIT = 0.5
HEAVY = ("azure.identity", "msal", "requests", "psutil")
MODULES = ("opencensus.ext.azure.trace_exporter", "opencensus.ext.azure.log_exporter", "opencensus.ext.azure.metrics_exporter")
PROBE = f"""
import importlib, json, sys, time
started = time.perf_counter()
importlib.import_module(sys.argv[1])
spent = time.perf_counter() - started
print(json.dumps([spent * 1000, len(sys.modules), [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def run(python, module):
    """Return milliseconds, number of modules loaded, and which of the heavy ones are among them."""
    return json.loads(subprocess.run([python, "-c", PROBE, module], capture_output=True, text=True, check=True).stdout)


def compare(module):
    """Measure by turns, print the table, and return whether the limits are kept."""
    best = {}
    for _ in range(TURNS):
        for name, python in (("legacy", LEGACY_PYTHON), ("census-compat", sys.executable)):
            found = run(python, module)
            best[name] = min(best.get(name, found), found)
    print(f"import {module}, best of", TURNS)
    for name, (spent, modules, heavy) in best.items():
        print(f"  {name:15} {spent:6.1f} ms   {modules} modules   loads {', '.join(heavy) or 'none of ' + ', '.join(HEAVY)}")
    ratio = best["census-compat"][0] / best["legacy"][0]
    kept = ratio <= LIMIT and not best["census-compat"][2]
    print(f"  ratio {ratio:.2f}   limit {LIMIT:.2f}   {'ok' if kept else 'MISSED'}")
    return kept


def main():
    """Compare all modules and return whether all kept the limits."""
    kept = [compare(module) for module in MODULES]
    return all(kept)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
