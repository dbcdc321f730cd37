"""Rewriting a code base: CPU seconds for 12,000 lines in files that use OpenCensus."""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

import rows

from opencensus_compat.rewrite.rewriting import rewrite

LINES = 12_000
MOST_S = 1.0
_HEAD = "from opencensus.trace import execution_context\n\n\ndef work():\n    tracer = execution_context.get_opencensus_tracer()\n"
_USING = "    with tracer.span(name='work {0}') as span:\n        span.add_attribute('a', {0})\n\n"
_PLAIN = "def work_{0}(a, b):\n    if a > b:\n        return [a, str(b)]\n    return a + b + {0}\n\n\n"
_SPANS, _FUNCTIONS = 25, 69
"""Of a file of 500 lines: a tenth of its lines use OpenCensus."""


def write(folder: Path) -> int:
    """Write a code base and return the number of its uses of OpenCensus."""
    text = _HEAD + "".join(_USING.format(at) for at in range(_SPANS)) + "\n" + "".join(_PLAIN.format(at) for at in range(_FUNCTIONS))
    text += "\n" * (500 - text.count("\n"))
    for number in range(LINES // 500):
        (folder / f"module_{number}.py").write_text(text)
    return LINES // 500 * (1 + 2 * _SPANS)


def cpu_s() -> float:
    """Return the CPU time of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Rewrite, print the figures, and return 1 where a limit is missed."""
    with tempfile.TemporaryDirectory() as name:
        uses = write(Path(name))
        before = cpu_s()
        result = rewrite([name])
        seconds = cpu_s() - before
    done = sum(len(change.parts) for change in result.changes)
    print(f"{LINES:,} lines, {done:,} of {uses:,} uses rewritten")
    table = rows.Rows()
    table.figure(f"rewrite {LINES:,} lines", "s CPU", [seconds], MOST_S)
    return table.exit_code() if done == uses else 1


if __name__ == "__main__":
    sys.exit(main())
