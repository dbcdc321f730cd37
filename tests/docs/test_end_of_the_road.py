"""The guide's checklist for the end: its commands end with 0 for the service that it shows, and it names all variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_GUIDE = Path(__file__).parents[2] / "migration_guide"
_PAGE = (_GUIDE / "end_of_the_road.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILES = {name[1]: text for _, text in _BLOCK.findall(_PAGE) if (name := re.match(r"# ([\w.]+\.\w+)\n", text))}
_COMMANDS = [text for language, text in _BLOCK.findall(_PAGE) if language == "sh"]
_LEFT = {
    "a use": ("app.py", "import opencensus.trace\n", 0),
    "a package": ("requirements.txt", "opencensus\n", 0),
    "a question": ("app.py", "# census-compat: T013 Where does it end?\n", 1),
    "a query": ("alerts.kql", 'dependencies | where type == "INPROC"\n', 5),
    "a variable": ("deploy.yaml", "env: {OPENCENSUS_COMPAT_ENVELOPES: otel}\n", 7),
    "an exporter": ("app.py", "from opencensus_compat.legacy_exporters import LegacyExporterProcessor\n", 3),
}
"""What is left, the command that finds it."""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a block of the page in the folder of the service, and returns its exit code and output."""
    for name, text in _FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "PYTHON"))}
    environment = {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "PYTHONWARNINGS": "error"}

    def run(command):
        done = subprocess.run(
            ["sh", "-ec", command], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_each_box_can_be_ticked(run):
    """For a service without OpenCensus all commands end with 0."""
    assert len(_COMMANDS) == 8
    assert {name: code for name in _COMMANDS if (code := run(name))[0]} == {}


@pytest.mark.parametrize(("name", "text", "place"), _LEFT.values(), ids=_LEFT)
def test_a_box_stays_open(run, tmp_path, name, text, place):
    """Where something is left, its command fails, also as the only one of several."""
    with (tmp_path / name).open("a", encoding="utf-8") as file:
        file.write(text)
    code, _ = run(_COMMANDS[place].strip().splitlines()[-1])
    assert code == 1


def test_each_variable_has_its_row():
    """The variables of OpenCensus code are those of the settings page, without those that a command sets itself."""
    ours = r"`(OPENCENSUS_COMPAT_[A-Z_]*[A-Z])`"
    settings = (_GUIDE / "settings.md").read_text(encoding="utf-8").partition("## Environment variables\n")[2].partition("\n## ")[0]
    rows = "\n".join(line for line in _PAGE.splitlines() if line.startswith("| `OPENCENSUS_"))
    known = {name for name in re.findall(rf"^\| {ours}", settings, re.MULTILINE) if "_LOCAL_" not in name}
    assert set(re.findall(ours, rows)) == known


def test_the_checklist_links_to_its_boxes():
    """Each box is a heading of the page, in its order."""
    boxes = re.findall(r"^\| ☐ \| [^|]*?\]\(#([\w-]+)\)", _PAGE, re.MULTILINE) or re.findall(r"\(#([\w-]+)\)", _PAGE)
    headings = [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in re.findall(r"^## (.*)$", _PAGE, re.MULTILINE)]
    assert boxes == headings[: len(boxes)]
    assert len(boxes) == 7
