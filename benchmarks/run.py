"""All benchmarks, one after the other, and one table of their rows at the end: ``make bench``.

Use::

    make bench                          # everything; ends with 1 when a limit is missed
    make bench ONLY="span logs"         # the benchmarks of which the name has one of these words
    make bench COMPARE=build/bench.json # beside each row, how much it changed since the run that this file keeps

The rows of a run are in ``build/bench.json``. Copy it to keep it. ``make bench KEEP=1`` writes the figures of the run into this folder
and into README.md, which says nothing else about speed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import speed
from rows import WIDTH, Row, head

FOLDER = Path(__file__).resolve().parent
RESULT = FOLDER.parent / "build" / "bench.json"
CHANGED = 0.03
"""A row that got worse by more than this since the kept run is marked."""


def load(path):
    """Return the rows of a run by name."""
    return {row.name: row for row in (Row(**each) for each in json.loads(Path(path).read_text()))}


def measure(scripts):
    """Run the scripts; return their rows, and the names of those that failed for another reason than a missed limit."""
    rows, failed = [], []
    for script in scripts:
        print(f"== {script.stem}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder, "rows")
            lines.touch()
            code = subprocess.run([sys.executable, script], check=False, env={**os.environ, "BENCH_ROWS": str(lines)}).returncode
            found = [Row(**json.loads(line)) for line in lines.read_text().splitlines()]
        rows += found
        if code and all(row.is_kept for row in found):
            failed.append(script.stem)
    return rows, failed


def change(row, before):
    """Return by how much of itself a row changed since a kept run; above zero is worse."""
    if not before.best:
        return 0.0
    grown = row.best / before.best - 1
    return -grown if row.at_least else grown


def print_table(rows, kept):
    """Print all rows, with what they were in a kept run."""
    script = ""
    print("\n" + head() + ("         since the kept run" if kept else ""))
    for row in rows:
        if row.script != script:
            script = row.script
            print(script)
        text = row.text()
        if kept:
            before = kept.get(row.name)
            text = f"{text:{WIDTH + 43}}" + ("new" if before is None else f"{before.best:9.3f} {moved(change(row, before))}")
        print(text)


def moved(share):
    """Return a change in words."""
    return f"{abs(share):5.1%} {'worse' if share > 0 else 'better'}" + (" !" if share > CHANGED else "")


def main():
    """Run what is asked for, print the table, write the files, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORDS", help="run the benchmarks of which the name has one of these words")
    parser.add_argument("--compare", default="", metavar="FILE", help="the kept rows of another run")
    parser.add_argument("--keep", action="store_true", help="write this run's figures into the documents")
    options = parser.parse_args()
    kept = load(options.compare) if options.compare else {}
    words = options.only.split()
    if options.keep and words:
        parser.error("--keep needs a whole run: leave out --only")
    started_s = time.monotonic()
    scripts = [path for path in sorted(FOLDER.glob("bench_*.py")) if not words or any(word in path.stem for word in words)]
    rows, failed = measure(scripts)
    print_table(rows, kept)
    missed = [row for row in rows if not row.is_kept]
    print(f"\n{len(rows)} rows, {len(missed)} missed, in {time.monotonic() - started_s:.0f} s; kept in {RESULT.relative_to(Path.cwd())}")
    for script in failed:
        print(f"{script} FAILED: its own lines above say why")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(speed.dumped(rows))
    if options.keep:
        speed.write(rows)
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
