"""The alerts of the guide: rules for Prometheus run by its own tool, and queries name tables and columns that there are."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from opencensus_compat.local.tables import TABLES

_GUIDE = Path(__file__).parents[2] / "migration_guide"
_RULES = Path(__file__).with_name("alerts.test.yml")
_QUERIES = [
    pytest.param(query, id=f"{page.stem}-{number}")
    for page in sorted(_GUIDE.glob("*.md"))
    for number, query in enumerate(
        re.findall(r"^```k(?:usto|ql)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE), 1
    )
]
_MADE = r"(?<![\w.])(\w+) = "
"""A column that a query makes."""
_WORDS = {
    *(
        "union",
        "where",
        "summarize",
        "extend",
        "project",
        "order",
        "by",
        "asc",
        "desc",
        "render",
        "timechart",
        "and",
        "or",
        "not",
        "in",
        "take",
    ),
    *(
        "contains",
        "has",
        "startswith",
        "bin",
        "ago",
        "max",
        "min",
        "sum",
        "avg",
        "count",
        "iff",
        "tostring",
        "todouble",
        "dcount",
        "datetime",
    ),
}
"""Words of the language that the queries use."""


def test_rules_for_prometheus(tmp_path: Path) -> None:
    """The rules fire when something is lost or not accepted, and in no other of the cases."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    page = (_GUIDE / "losses.md").read_text(encoding="utf-8")
    [rules] = re.findall(r"^```yaml\n(groups:.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")
    shutil.copy(_RULES, tmp_path)
    done = subprocess.run([promtool, "test", "rules", _RULES.name], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("query", _QUERIES)
def test_queries_name_what_there_is(query: str) -> None:
    """Each name in a query is a table, a column, a word of the language, or made by the query before."""
    code = re.sub(r'"[^"]*"|#.*|//.*', "", query)
    names = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", code)) - _WORDS - set(re.findall(_MADE, code))
    columns = {column for table in TABLES.values() for column in table}
    assert names - columns - TABLES.keys() == set()
    assert not set(re.findall(_MADE, code)) & {"last", "first", "kind", "with"}, "words that Kusto's grammar reserves"


def test_there_are_queries() -> None:
    """They are found on the pages."""
    assert len(_QUERIES) >= 3
