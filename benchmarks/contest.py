"""What the conversion benchmarks share: each package is measured in an interpreter of its own, by the file that is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
OFFICIAL_PYTHON = os.environ.get("OFFICIAL_PYTHON", ROOT / ".venvs" / "official" / "bin" / "python")
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", ROOT / ".venvs" / "legacy" / "bin" / "python")
TURNS = 3
LEGACY_TAGS = {
    "ai.cloud.role": "app.py",
    "ai.cloud.roleInstance": "host-a",
    "ai.device.id": "host-a",
    "ai.device.locale": "en_US",
    "ai.device.osVersion": "#1 SMP PREEMPT_DYNAMIC @0",
    "ai.device.type": "Other",
    "ai.internal.sdkVersion": "py3.11.7:oc0.11.4:ext1.1.15",
}
"""What the facade puts on each of its items."""


class Sink:
    """A transport that takes everything, sends nothing, and counts the bytes."""

    url = "https://localhost/v2.1/track"
    size = 0

    def send(self, body, headers, timeout_s, *, url=None):
        """Count a request."""
        from appinsights_exporter.delivery.transport import Reply

        self.size += len(body)
        return Reply(status=200)

    def hurry(self, timeout_s):
        """Do nothing: it takes no time."""

    def close(self):
        """Do nothing: it holds nothing."""


def use_this_tree():
    """Let this package be imported from the tree that the benchmark is in."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "src" / "exporter")]


def work(run, number, passes):
    """Measure one package in this process; print the best microseconds of CPU and the bytes, for each of so many, as JSON.

    Args:
        run: Does all of them once, and returns how many bytes that made.
        number: How many there are.
        passes: How often to try.
    """
    size = run()
    best_s = float("inf")
    for _ in range(passes):
        start_s = time.process_time()
        run()
        best_s = min(best_s, time.process_time() - start_s)
    print(json.dumps({"us": best_s / number * 1e6, "bytes": size / number}))


def measured(name, python):
    """Return what a worker of the file that is run measured, or None when its interpreter does not exist."""
    if not Path(python).exists():
        return None
    environment = {**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "OPENCENSUS_COMPAT_DISABLED": "1"}
    answer = subprocess.run([str(python), sys.argv[0], name], capture_output=True, text=True, check=True, env=environment)
    return json.loads(answer.stdout.splitlines()[-1])


def beside_both(what, limits):
    """Measure both of our shapes and both other packages by turns, print the table, and return the exit code.

    Args:
        what: Name of one of what is measured, in the singular.
        limits: Path, ours, the other package, `us` or `bytes`, and how much of the other's ours may be.
    """
    pythons = {"ours otel": sys.executable, "ours legacy": sys.executable, "official": OFFICIAL_PYTHON, "legacy": LEGACY_PYTHON}
    figures = rows.by_turns(pythons, lambda name: measured(name, pythons[name]), TURNS)
    print(f"us and bytes for each {what}")
    rows.show(figures)
    table = rows.Rows()
    for path, mine, peer, unit, limit in limits:
        table.ratio(path, f"of {peer}", figures[mine].get(unit), figures[peer].get(unit), limit)
    return table.exit_code()
