"""Scanning a code base: CPU seconds and memory for 500,000 lines, of which one file in forty uses OpenCensus."""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

import rows

from opencensus_compat.scan.project import scan

LINES = 500_000
MOST_S, MOST_MB = 3.0, 150
_PLAIN = "def work_{0}(a, b):\n    '''Return a sum.'''\n    if a > b:\n        return a\n    return a + b + {0}\n\n"
_USING = "\n    with tracer.span(name='work {0}') as span:\n        span.add_attribute('a', {0})\n"


def write(folder: Path) -> int:
    """Write a code base and return the number of its uses of OpenCensus."""
    uses = 3
    (folder / "telemetry.py").write_text("from opencensus.trace.tracer import Tracer\n\ntracer = Tracer()\n" + "\n" * 497)
    uses -= 1
    for number in range(LINES // 500 - 1):
        if number % 40:
            text = "".join(_PLAIN.format(at) for at in range(83)) + "\n\n"
        else:
            text = "from telemetry import tracer\n\ndef work():" + "".join(_USING.format(at) for at in range(165)) + "\n" * 2
            uses += 1 + 2 * 165
        (folder / f"module_{number}.py").write_text(text)
    return uses


def cpu_s() -> float:
    """Return the CPU time of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Scan, print the figures, and return 1 where a limit is missed."""
    with tempfile.TemporaryDirectory() as name:
        uses = write(Path(name))
        before = cpu_s()
        result = scan([name])
        seconds = cpu_s() - before
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{LINES:,} lines, {len(result.uses):,} of {uses:,} uses found")
    table = rows.Rows()
    table.figure(f"scan {LINES:,} lines", "s CPU", [seconds], MOST_S)
    table.figure(f"scan {LINES:,} lines, peak of memory", "MB", [megabytes], MOST_MB)
    return table.exit_code() if len(result.uses) == uses else 1


if __name__ == "__main__":
    sys.exit(main())
