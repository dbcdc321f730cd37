"""The rows of the table that ``make bench`` ends with: what each benchmark says, and how the contestants take turns.

A benchmark measures each contestant several times, by turns, and keeps every figure. Its rows are ratios of these figures, or figures for
which there is a limit. A row is printed as it is made, and written as a line of JSON to the file that ``BENCH_ROWS`` names, if any.
"""

from __future__ import annotations

import compileall
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

WIDTH = 64


@dataclass(frozen=True)
class Row:
    """One figure with its limit.

    Attributes:
        script: The benchmark that measured it, such as ``bench_span``.
        path: What was done, such as ``root``.
        of: What it is a ratio of, such as ``legacy``; a unit, such as ``us``, where it is no ratio.
        best: The figure of the best turns.
        middle: The same of the median turns: how far it is from `best` says how steady the machine was.
        limit: What `best` may be at most, or must be at least.
        at_least: Whether the limit is a lower one.
    """

    script: str
    path: str
    of: str
    best: float
    middle: float
    limit: float
    at_least: bool = False

    @property
    def name(self) -> str:
        """Return what tells this row from all others."""
        return f"{self.script}: {self.path}, {self.of}"

    @property
    def is_kept(self) -> bool:
        """Return whether the limit is kept."""
        return self.best >= self.limit if self.at_least else self.best <= self.limit

    def text(self) -> str:
        """Return the row as a line."""
        sign = "≥" if self.at_least else "≤"
        verdict = "ok" if self.is_kept else "MISSED"
        return f"  {f'{self.path}, {self.of}':{WIDTH}} {self.best:9.3f} {self.middle:9.3f}  {sign} {self.limit:6.3g}  {verdict}"


def head() -> str:
    """Return the line above rows."""
    return f"  {'':{WIDTH}} {'best':>9} {'median':>9}     limit"


class Rows:
    """The rows of one benchmark."""

    def __init__(self) -> None:
        """Have no rows yet."""
        self._script = Path(sys.argv[0]).stem
        self._rows: list[Row] = []

    def ratio(self, path, of, ours, theirs, limit, *, at_least=False):
        """Add the ratio of our figures to theirs; leave it out where a contestant was not measured.

        Args:
            path: What was done.
            of: Who the others are.
            ours: Our figures, one for each turn.
            theirs: Those of the others.
            limit: What the ratio may be at most.
            at_least: Whether more is better, and the limit the lowest that is fine.
        """
        if not ours or not theirs:
            return
        best = max if at_least else min
        self._add(Row(self._script, path, of, best(ours) / best(theirs), median(ours) / median(theirs), limit, at_least))

    def of_legacy(self, figures, limits, what=""):
        """Add the ratio of each workload to the retired SDK's.

        Args:
            figures: What `by_turns` returns, of ``census-compat`` and ``legacy``.
            limits: Workload -> what its ratio may be at most.
            what: What is measured, where the name of the workload does not say it.
        """
        for workload, limit in limits.items():
            ours, legacy = (figures[name].get(workload) for name in ("census-compat", "legacy"))
            self.ratio(workload + what, "of legacy", ours, legacy, limit)

    def figure(self, path, unit, ours, limit):
        """Add a figure that is no ratio, which may be at most `limit`."""
        self._add(Row(self._script, path, unit, min(ours), median(ours), limit))

    def _add(self, row):
        if not self._rows:
            print(head())
        self._rows.append(row)
        print(row.text(), flush=True)
        if path := os.environ.get("BENCH_ROWS"):
            with Path(path).open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")

    def exit_code(self):
        """Return 0 where all limits are kept, else 1."""
        return 0 if all(row.is_kept for row in self._rows) else 1


def compile_ours():
    """Compile this package, as pip does with those that it installs: without that, each process would, where Python writes no bytecode."""
    compileall.compile_dir(Path(__file__).resolve().parent.parent / "src", quiet=1)


def by_turns(contestants, run, turns):
    """Measure each contestant so many times, one after the other, so that a slow minute of the machine is slow for all.

    Args:
        contestants: Their names.
        run: Takes a name, and returns a figure for each workload, or None where the contestant is not installed.
        turns: How often each is measured.

    Returns:
        Name -> workload -> the figures, one for each turn.
    """
    figures = {name: {} for name in contestants}
    for _ in range(turns):
        for name in contestants:
            for workload, figure in (run(name) or {}).items():
                figures[name].setdefault(workload, []).append(figure)
    return figures


def show(figures, digits=2):
    """Print the best figure of each workload, a line for each contestant."""
    for name, workloads in figures.items():
        if not workloads:
            print(f"  {name:15} not installed")
            continue
        print(f"  {name:15}", "  ".join(f"{workload} {min(each):.{digits}f}" for workload, each in workloads.items()))
