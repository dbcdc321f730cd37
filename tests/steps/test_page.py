"""The guide's page about the steps: its programs and commands run as they stand, and print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = (Path(__file__).parents[2] / "migration_guide" / "steps.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILES = {name[1]: text for _, text in _BLOCK.findall(_PAGE) if (name := re.match(r"# (\w+\.\w+)\n", text))}
_SESSIONS = {
    text.split()[3]: text
    for language, text in _BLOCK.findall(_PAGE.replace("$ export OPENCENSUS_COMPAT_ENVELOPES=otel\n", ""))
    if language == "console" and text.startswith("$ ")
}


@pytest.mark.parametrize("step", _SESSIONS)
def test_a_step(step, tmp_path, legacy_python):
    """A terminal of 80 columns shows what the page shows; … stands for what each machine has of its own, and for lines."""
    for name, text in _FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    old = tmp_path / "old" / "bin" / "python"
    old.parent.mkdir(parents=True)
    old.write_text(f'#!/bin/sh\nexec {legacy_python} "$@"\n', encoding="utf-8")
    old.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "PYTHON"))}
    environment = {
        **kept,
        "COLUMNS": "80",
        "LC_ALL": "en_US.UTF-8",  # which all releases of Python read alike
        "OPENCENSUS_COMPAT_ENVELOPES": "otel" if step == "files" else "legacy",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONWARNINGS": "error" if step != "swap" else "default",
        **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a"]):
        subprocess.run(["git", *words], cwd=tmp_path, env=environment, check=True)
    session = _SESSIONS[step]
    commands = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    shown = "".join(line + "\n" for line in session.splitlines() if not line.startswith("$ "))
    done = subprocess.run(
        ["sh", "-c", "\n".join(commands)], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.stderr == ""
    assert re.fullmatch(re.escape(shown).replace("…\\\n", "(.*\n)+").replace("…", ".+"), done.stdout), done.stdout


def test_each_step_has_a_session():
    """The sessions above are those of the page."""
    assert list(_SESSIONS) == ["swap", "shape", "files", "remove"]
    assert _FILES.keys() == {"telemetry.py", "shop.py", "alerts.kql", "done.py"}
