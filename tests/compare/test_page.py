"""The guide's page about the command: its programs and commands run as they stand, and print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "migration_guide" / "compare.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILES = {name[1]: text for _, text in _BLOCK.findall(_PAGE.read_text(encoding="utf-8")) if (name := re.match(r"# (\w+\.\w+)\n", text))}
_SESSIONS = [
    text for language, text in _BLOCK.findall(_PAGE.read_text(encoding="utf-8")) if language == "console" and text.startswith("$ ")
]


@pytest.mark.parametrize("session", _SESSIONS, ids=range(len(_SESSIONS)))
def test_a_session(session, tmp_path):
    """A terminal of 80 columns shows what the page shows; … stands for what each machine has of its own."""
    for name, text in _FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "PYTHON"))}
    environment = {
        **kept,
        "COLUMNS": "80",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONWARNINGS": "error",
    }
    commands = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    shown = "".join(line + "\n" for line in session.splitlines() if not line.startswith("$ "))
    done = subprocess.run(
        ["sh", "-c", "\n".join(commands)], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.stderr == ""
    wanted = re.escape(shown).replace("…", ".+")
    assert re.fullmatch(wanted, done.stdout), done.stdout


def test_the_page_has_sessions():
    """The sessions above are those of the page."""
    assert len(_SESSIONS) == 3
    assert _FILES.keys() == {"shop.py", "new_shop.py", "accept.toml"}
