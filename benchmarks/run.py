"""All benchmarks, one after the other: ``make bench``. Ends with 1 when one of them misses a limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main():
    """Run every ``bench_*.py`` beside this file and return whether all kept their limits."""
    kept = True
    for script in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"== {script.stem}", flush=True)
        kept &= subprocess.run([sys.executable, script], check=False).returncode == 0
    return kept


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
