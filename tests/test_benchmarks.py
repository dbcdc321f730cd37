"""What `make bench` makes of its figures: ratios, verdicts, and what changed since a kept run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch):
    """The folder's modules can be imported."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("rows", "run", "speed"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_rows_are_ratios_of_the_best_and_of_the_median_turns(benchmarks, monkeypatch, tmp_path, capsys):
    """The best turn of each side makes the ratio that is judged; the row is kept for the table at the end."""
    import rows

    monkeypatch.setenv("BENCH_ROWS", str(tmp_path / "rows"))
    table = rows.Rows()
    table.ratio("root", "of legacy", [3.0, 2.0, 4.0], [4.0, 8.0, 5.0], 0.5)
    table.ratio("rate", "of legacy", [90.0, 100.0], [50.0, 40.0], 2.5, at_least=True)
    table.ratio("left out", "of official", [1.0], None, 0.1)
    found = [rows.Row(**json.loads(line)) for line in (tmp_path / "rows").read_text().splitlines()]
    assert [(row.best, row.middle, row.is_kept) for row in found] == [(0.5, 0.6, True), (2.0, 95 / 45, False)]
    assert table.exit_code() == 1
    assert capsys.readouterr().out.count("MISSED") == 1


def test_contestants_take_turns(benchmarks):
    """Each is measured once before any is measured again; one that is not installed has no figures."""
    import rows

    asked = []

    def run(name):
        asked.append(name)
        return None if name == "absent" else {"root": len(asked)}

    assert rows.by_turns(("ours", "absent", "legacy"), run, 2) == {"ours": {"root": [1, 4]}, "absent": {}, "legacy": {"root": [3, 6]}}
    assert asked == ["ours", "absent", "legacy"] * 2


@pytest.mark.parametrize(
    ("at_least", "before", "now", "said"),
    [
        (False, 0.5, 0.52, "4.0% worse !"),
        (False, 0.5, 0.4, "20.0% better"),
        (True, 5.0, 4.0, "20.0% worse !"),
        (True, 5.0, 5.1, "2.0% better"),
    ],
)
def test_a_kept_run_shows_what_became_worse(benchmarks, at_least, before, now, said):
    """More is worse for costs and better for rates."""
    import rows
    import run

    was, row = (rows.Row("bench_span", "root", "of legacy", figure, figure, 1.0, at_least) for figure in (before, now))
    assert run.moved(run.change(row, was)).strip() == said


def test_readme_says_what_the_kept_run_measured(benchmarks):
    """README's table and its chart are those of the figures that are kept, and the limits are those of today."""
    import run
    import speed

    kept = list(run.load(speed.FIGURES).values())
    readme = speed.README.read_text(encoding="utf-8")
    assert speed.in_readme(readme, kept) == readme
    assert speed.CHART.read_text(encoding="utf-8") == speed.chart(kept)
    assert [row.name for row in kept if not row.is_kept] == []
