"""What importing the trace exporter, the log handlers and the metrics exporter costs, beside the retired SDK.

Run ``python benchmarks/bench_import.py``. Fresh interpreters by turns, their files in the page cache; the best CPU time of each side counts. Ends with 1 when the
limit is not kept, or when something is loaded that should wait until it is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 7
HEAVY = ("azure.identity", "msal", "requests", "psutil")
LIMITS = {
    "opencensus.ext.azure.trace_exporter": 0.30,
    "opencensus.ext.azure.log_exporter": 0.30,
    "opencensus.ext.azure.metrics_exporter": 0.40,
}
"""Module -> the most that importing it may take of what the retired SDK takes."""
PROBE = f"""
import importlib, json, sys, time
started = time.process_time()
importlib.import_module(sys.argv[1])
spent = time.process_time() - started
print(json.dumps([spent * 1000, len(sys.modules), [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def run(python, module):
    """Return milliseconds, number of modules loaded, and which of the heavy ones are among them."""
    return json.loads(subprocess.run([python, "-c", PROBE, module], capture_output=True, text=True, check=True).stdout)


def compare(module, table):
    """Measure by turns, add the row to the table, and return whether none of the heavy modules is loaded."""
    pythons = {"legacy": LEGACY_PYTHON, "census-compat": sys.executable}
    found = {name: [] for name in pythons}
    for _ in range(TURNS):
        for name, python in pythons.items():
            found[name].append(run(python, module))
    print(f"import {module}, best of", TURNS)
    for name, each in found.items():
        spent, modules, heavy = min(each)
        print(f"  {name:15} {spent:6.1f} ms   {modules} modules   loads {', '.join(heavy) or 'none of ' + ', '.join(HEAVY)}")
    ours, legacy = ([spent for spent, _, _ in found[name]] for name in ("census-compat", "legacy"))
    table.ratio(f"import {module.rpartition('.')[2]}", "of legacy", ours, legacy, LIMITS[module])
    return not min(found["census-compat"])[2]


def main():
    """Compare all modules and return the exit code."""
    rows.compile_ours()
    table = rows.Rows()
    is_light = [compare(module, table) for module in LIMITS]
    return table.exit_code() if all(is_light) else 1


if __name__ == "__main__":
    sys.exit(main())
