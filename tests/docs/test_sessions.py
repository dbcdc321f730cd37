"""Sessions of the guide: what a page types into a terminal runs as it stands, and prints what the page shows.

A session is a block marked ``console`` whose lines of input begin with ``$ ``. The page's programs are its blocks that begin with ``# name.py``.
In what is shown, … stands for what each machine has of its own, and a line that is nothing but … for any lines. Lines that install or
uninstall packages are left out here; ``tests/imports/test_wheel.py`` does that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

REPOSITORY = Path(__file__).parents[2]
VARIABLE = "APPLICATIONINSIGHTS_CONNECTION_STRING"
"""Names a local endpoint here, whatever the page sets it to."""
PAGES = (
    "README.md",
    *(f"migration_guide/{name}.md" for name in ("quick_start", "how_it_works", "compare", "steps", "rewrite", "scan", "faq")),
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = ("$ pip ", "$ make ", f"$ export {VARIABLE}=")
"""Lines that change the environment, and those of a clone."""


def files(page):
    """Return the programs of a page by name."""
    blocks = BLOCK.findall((REPOSITORY / page).read_text(encoding="utf-8"))
    return {name[1]: text for _, text in blocks if (name := re.match(r"# ([\w.-]+\.\w+)\n", text))}


def commands(session):
    """Return what is typed, line by line."""
    return [line[2:] for line in session.splitlines() if line.startswith("$ ") and not line.startswith(NOT_RUN)]


def sessions():
    """Return the page, number and text of each session."""
    found = []
    for page in PAGES:
        blocks = BLOCK.findall((REPOSITORY / page).read_text(encoding="utf-8"))
        texts = [text for language, text in blocks if language == "console" and commands(text)]
        found += [pytest.param(page, text, id=f"{page}-{number}") for number, text in enumerate(texts, 1)]
    return found


@pytest.fixture
def retired_packages(legacy_python, tmp_path):
    """Return a folder with the real packages and what they alone need, as if they were installed beside this package."""
    site = next((legacy_python.parents[1] / "lib").glob("python3*/site-packages"))
    folder = tmp_path / "beside"
    folder.mkdir()
    for name in ("opencensus", "six.py"):
        (folder / name).symlink_to(site / name)
    return folder


@pytest.mark.parametrize(("page", "session"), sessions())
def test_a_session(page, session, tmp_path, legacy_python, retired_packages):
    """A terminal of 80 columns shows what the page shows."""
    work = tmp_path / "work"
    old = work / "old" / "bin" / "python"
    old.parent.mkdir(parents=True)
    old.write_text(f'#!/bin/sh\nexec {legacy_python} "$@"\n', encoding="utf-8")
    old.chmod(0o755)
    for name, text in files(page).items():
        (work / name).write_text(text, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "PYTHON"))}
    retired = next((way for way in ("OPENCENSUS_COMPAT_DISABLED=1", "old/bin/python") if way in session), None)
    environment = {
        **kept,
        "COLUMNS": "80",
        "LC_ALL": "en_US.UTF-8",  # which all releases of Python read alike
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONWARNINGS": "error" if retired is None else "ignore",
        **({"PYTHONPATH": str(retired_packages)} if retired == "OPENCENSUS_COMPAT_DISABLED=1" else {}),
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a"]):
        subprocess.run(["git", *words], cwd=work, env=environment, check=True)
    shown = "".join(line + "\n" for line in session.splitlines() if not line.startswith("$ "))
    with LocalEndpoint() as endpoint:
        done = subprocess.run(
            ["sh", "-c", "\n".join(commands(session))],
            cwd=work,
            env={**environment, VARIABLE: endpoint.connection_string},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
    logs = any(name in session and "AzureLogHandler" in text for name, text in files(page).items())
    if sys.version_info >= (3, 13) and retired == "OPENCENSUS_COMPAT_DISABLED=1" and logs:
        # The standard library enters the lock of a handler from there on, and the retired SDK's have none.
        assert "TypeError: 'NoneType' object" in done.stdout
        return
    assert re.fullmatch(re.escape(shown).replace("…\\\n", "(.*\n)+").replace("…", ".+"), done.stdout), done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_sessions(page):
    """Each page above has some."""
    assert any(parameter.values[0] == page for parameter in sessions())
