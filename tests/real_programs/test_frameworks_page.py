"""The programs of the pages about frameworks: each is started as its page says, asked what the page asks, and what arrives is what it shows."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

from opencensus_compat import _cli

_GUIDE = Path(__file__).parents[2] / "migration_guide"
_PAGES = ("flask", "django", "fastapi", "celery", "azure_functions")
"""Pages with one program each; frameworks.md has one in each section."""
_TABLES = ("requests", "dependencies", "traces", "exceptions", "customEvents")
_PORT = "8000"
"""The port in the pages' commands; the tests put a free one in its place."""


class Example(NamedTuple):
    """Blocks of a page that belong together."""

    files: dict[str, str]
    commands: list[str]
    arrives: list[tuple[str, ...]]


def _examples() -> dict[str, Example]:
    """Return the examples: files (`python` blocks that begin with a name), commands (`console`), and what arrives (`text`)."""
    found = {}
    sections = (_GUIDE / "frameworks.md").read_text(encoding="utf-8").split("\n## ")[1:]
    for section in (*((_GUIDE / f"{page}.md").read_text(encoding="utf-8")[2:] for page in _PAGES), *sections):
        title = section.partition("\n")[0]
        files: dict[str, str] = {}
        commands: list[str] = []
        for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE):
            if language == "python" and (name := re.match(r"# ([\w/]+\.py)\n", text)):
                files[name[1]] = text
            elif language == "console":
                commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
            elif language == "text" and commands:
                rows = [tuple(re.split(r"\s{2,}", line.strip())) for line in text.splitlines()]
                found[f"{title} {len(found)}"] = Example(dict(files), commands, rows)
                commands = []
    return found


_EXAMPLES = _examples()


@pytest.fixture
def environment(endpoint, tmp_path):
    """What the programs of the pages see."""
    settings = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_", "PYTHON")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(settings)},
        "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _ask(url: str, process: subprocess.Popen[bytes]) -> None:
    """Ask a server once it listens; the answer may be an error."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=60).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or process.poll() is not None:
                raise
        else:
            return


def _rows(endpoint) -> list[tuple[str, ...]]:
    """Return what has arrived, in the pages' form."""
    items = [(table, row) for table in _TABLES for row in endpoint.rows(table)]
    names = {row["id"]: row["name"] for _, row in items if row.get("id")}
    told = []
    for table, row in items:
        name = row.get("name") or row.get("message") or row.get("type")
        code = str(row.get("resultCode") or "")
        inside = f"in {names[row['operation_ParentId']]}" if row.get("operation_ParentId") in names else ""
        told.append(tuple(part for part in (table, name, code, inside) if part))
    return sorted(told)


@pytest.mark.parametrize("example", _EXAMPLES.values(), ids=_EXAMPLES)
def test_example(example: Example, endpoint, environment, tmp_path) -> None:
    """The program runs as its page says, and what arrives is what the page shows."""
    for name, text in example.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    port = str(_free_port())
    server = None
    with (tmp_path / "log").open("wb") as log:
        for command in example.commands:
            words = shlex.split(command.replace(_PORT, port))
            if words[0] == "curl":
                assert server is not None
                _ask(words[-1].replace("localhost", "127.0.0.1"), server)
                continue
            process = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=log, stderr=log)
            if _PORT in command:
                server = process
            else:
                assert process.wait(120) == 0, (tmp_path / "log").read_text()
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.wait(120)
    endpoint.wait_idle()
    assert _rows(endpoint) == sorted(example.arrives), (tmp_path / "log").read_text()


@pytest.mark.parametrize("example", [name for name in _EXAMPLES if name.startswith(("Flask", "FastAPI", "Celery"))])
def test_what_the_program_becomes(example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The code that a page shows as rewritten is what `census-compat rewrite` makes of its program."""
    page = (_GUIDE / f"{example.split(maxsplit=1)[0].lower()}.md").read_text(encoding="utf-8")
    [(name, shown)] = re.findall(r"^```py\n# (\S+), rewritten\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for file, text in _EXAMPLES[example].files.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    # 1 where something is left, as in a program that imports this one.
    assert _cli.main(["rewrite", "--include", "shape", "--allow-dirty", "--write", str(tmp_path / name)]) in (0, 1)
    assert (tmp_path / name).read_text(encoding="utf-8") == f"# {name}\n{shown}"
    assert f"rewrite --include shape --write {name}" in page
