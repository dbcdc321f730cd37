"""The page of faults is what `make faults` writes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FAULTS = Path(__file__).parents[1] / "faults"
PAGE = (Path(__file__).parents[2] / "migration_guide" / "faults.md").read_text(encoding="utf-8")


def _constants(file: str) -> list[str]:
    tree = ast.parse((FAULTS / file).read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_the_head_is_the_writers() -> None:
    """What stands above the rows is what is written there."""
    [head] = [text for text in _constants("table.py") if text.startswith("# ")]
    assert PAGE.startswith(f"{head}\n## ")


def test_each_row_is_a_fault() -> None:
    """The page has no row of a fault that is gone, unless its name is put together."""
    sections = PAGE.partition("## Statuses\n")[2]
    rows = [row for row in re.findall(r"^\| ([^|]+) \|", sections, re.MULTILINE) if row not in ("fault", "---")]
    named = set(_constants("faults.py"))
    put_together = [row for row in rows if row not in named]
    assert len(rows) >= 100
    assert all(re.match(r"\d{3}|multiprocessing|proxy|certificate|fork|gunicorn|Celery|reset|no reply", row) for row in put_together)
