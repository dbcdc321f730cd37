"""The rows of troubleshooting.md, the checks that they name, and the environments that show it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from opencensus_compat.doctor.check import all_checks

sys.path.insert(0, str(Path(__file__).parent))
try:
    import broken_programs
    from environments import ENVIRONMENTS
    from test_messages import SAID
finally:
    sys.path.pop(0)

_PAGE = (Path(__file__).parents[2] / "migration_guide" / "troubleshooting.md").read_text(encoding="utf-8")


def _rows():
    """Return first and last cell of each row of the page's tables that names checks, without backquotes."""
    found = [line.replace("`", "").strip("| ").split(" | ") for line in _PAGE.splitlines() if line.startswith("| ")]
    return {cells[0]: cells[-1] for cells in found if re.match(r"D\d{3}|none: |doctor$", cells[-1]) and cells[-1] != "doctor"}


def _cases():
    """Return what environments and programs are about: how a row begins, and the check."""
    programs = [each for value in vars(broken_programs).values() if isinstance(value, tuple) for each in value]
    return sorted({(each.row, each.id) for each in (*ENVIRONMENTS, *programs) if getattr(each, "row", "")})


def test_every_row_names_its_checks():
    """Each row of each table says which checks find its cause, or why none does, and those checks are there."""
    tables = [table.splitlines() for table in re.findall(r"(?:^\|.*\n)+", _PAGE, re.MULTILINE)]
    symptoms = [table for table in tables if table[0].endswith("| `doctor` |")]
    assert (len(symptoms), sum(len(table) - 2 for table in symptoms)) == (4, len(_rows()))
    known = {each.id for each in all_checks()}
    assert {id for cell in _rows().values() for id in re.findall(r"D\d{3}", cell)} <= known
    assert len(_rows()) >= 40


@pytest.mark.parametrize(("row", "id"), _cases(), ids=lambda value: value)
def test_environments_are_about_rows(row, id):
    """What an environment shows is what its row says: the row is there, and names the check."""
    cells = [cell for name, cell in _rows().items() if name.startswith(row)]
    assert cells, "no row begins so"
    assert any(id in cell for cell in cells)


_SHOWN_BY = {
    "nothing in the log, and the local endpoint gets everything": "a key that the service does not know",
    "Jupyter, Databricks": "a view that is registered again",
}
"""Row -> the environment that shows it, where that is about another row, too."""


def _says(row, text):
    """Tell whether a message is the one of a row, whose dots stand for what varies."""
    message = re.sub(r" \((?:DEBUG|INFO|a warning)\b.*", "", row)
    return re.match(".*".join(map(re.escape, message.split("…"))), text, re.DOTALL) is not None


def _shows(row, each):
    """Tell whether an environment is about a row; each loss is counted in one way, whatever its reason."""
    lost = "Telemetry was lost: …"
    return bool(each.row) and (row.startswith(each.row) or (row.startswith(lost) and each.row.startswith(lost)))


@pytest.mark.parametrize(
    ("row", "cell"), [(row, cell) for row, cell in _rows().items() if "none: " not in cell], ids=lambda value: value[:50]
)
def test_each_row_has_an_environment(row, cell):
    """For each row with a check, the tests have an environment, a program or a message in which that check names it."""
    programs = [each for value in vars(broken_programs).values() if isinstance(value, tuple) for each in value]
    shown = [
        each.name
        for each in (*ENVIRONMENTS, *programs)
        if each.id and each.id in cell and (_shows(row, each) or each.name == _SHOWN_BY.get(row))
    ]
    assert shown + [text for id, text in SAID if id in cell and _says(row, text)] != []
