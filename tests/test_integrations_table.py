"""The table of integrations: what it says is there, and the guide shows it. `make tables` writes the guide's part anew."""

from __future__ import annotations

import re
from pathlib import Path

from opencensus_compat._integrations import INTEGRATIONS, OTHERS

_REPOSITORY = Path(__file__).parents[1]
_SOURCE = _REPOSITORY / "src" / "opencensus_compat"
_PAGE = _REPOSITORY / "migration_guide" / "packages.md"
_BEGIN, _END = "<!-- written by `make tables` -->\n", "<!-- to here -->\n"


def _table() -> str:
    """Return the integrations as the guide shows them."""
    lines = ["| `opencensus.` | library, tested releases | what arrives | it is put into | stands for |", "|---|---|---|---|---|"]
    for row in INTEGRATIONS.values():
        library = f"{row.title} {' to '.join(row.tested)}" if row.tested else row.title
        lines.append(f"| `{row.path}` | {library} | {row.does} | {row.patches} | {row.distribution} |")
    return "\n".join([*lines, ""])


def _parts() -> tuple[str, str, str]:
    """Return the page before its table, the table, and the page after it."""
    before, begin, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    table, end, after = rest.partition(_END)
    return before + begin, table, end + after


def test_the_guide_shows_the_table() -> None:
    """What stands in the guide is what `make tables` writes."""
    assert _parts()[1] == _table()


def test_every_integration_has_a_row_and_every_row_an_integration() -> None:
    """Adding one is one folder and one row."""
    folders = {f"ext.{path.parent.name}" for path in (_SOURCE / "ext").glob("*/__init__.py")} - {"ext.azure"}
    modules = {path for path in INTEGRATIONS if (_SOURCE / f"{path.replace('.', '/')}.py").exists()}
    assert folders | modules == INTEGRATIONS.keys()


def test_oldest_releases_are_those_of_the_environment_with_older_libraries() -> None:
    """The differential tests run on what the table names as the oldest tested release."""
    lines = (_REPOSITORY / "tests" / "older-requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(match.groups() for line in lines if (match := re.match(r"([\w.-]+)==([\w.]+)", line)))
    assert {row.packages[0]: row.tested[0] for row in INTEGRATIONS.values() if row.tested} == {
        name: pins.get(name) or pins.get(f"{name}-binary") for row in INTEGRATIONS.values() if row.tested for name in row.packages[:1]
    }


def test_the_guide_names_what_still_needs_its_distribution() -> None:
    """Exporters of other vendors that are known are named where the guide says what stays installed."""
    text = _PAGE.read_text(encoding="utf-8")
    assert [name for name in OTHERS.values() if name not in text and name.replace("opencensus-ext", "") not in text] == []


if __name__ == "__main__":
    _before, _, _after = _parts()
    _PAGE.write_text(_before + _table() + _after, encoding="utf-8")
