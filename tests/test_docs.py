"""The code blocks of the README and of the migration guide run as they stand.

Blocks marked ``python`` and ``sh`` do; what cannot run here, such as an installation, is marked ``console``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk import version as sdk_version

from opencensus_compat.local import LocalEndpoint

_REPOSITORY = Path(__file__).parents[1]
_PAGES = (_REPOSITORY / "README.md", *sorted((_REPOSITORY / "migration_guide").glob("*.md")))
_BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_APP = """\
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="work"):
    pass
"""
"""The `app.py` of the commands."""
_RELEASE = tuple(map(int, re.findall(r"\d+", sdk_version.__version__)[:2]))
_NEWER = {"metrics.md": (1, 30), "opentelemetry_logs.md": (1, 35)}
"""Page of the migration guide to the release from which on its blocks run as they stand: older ones lack something, or say so."""
_SENDS_NOTHING = {"README.md 3"}
"""Blocks that only set something up."""


def _blocks() -> list[object]:
    found = []
    for page in _PAGES:
        for number, match in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            name = f"{page.relative_to(_REPOSITORY)} {number}"
            found.append(pytest.param(name, match[1], match[2], id=name.replace(" ", "-")))
    return found


@pytest.mark.parametrize(("name", "language", "code"), _blocks())
def test_block(name: str, language: str, code: str, tmp_path: Path) -> None:
    """A block ends without an error or a warning, and its telemetry is accepted."""
    page = name.rpartition(" ")[0].rpartition("/")[2]
    if _NEWER.get(page, (0, 0)) > _RELEASE:
        pytest.skip(f"{page} is written for newer releases of OpenTelemetry")
    (tmp_path / "app.py").write_text(_APP, encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OPENCENSUS_", "PYTHON"))}
    with LocalEndpoint() as endpoint:
        environment = {
            **kept,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "PYTHONWARNINGS": "error",
        }
        command = [sys.executable, "-c", code] if language == "python" else ["sh", "-ec", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert endpoint.wait_idle()
        # The command that brings its own endpoint tells what arrived there.
        assert endpoint.accepted or name in _SENDS_NOTHING or "dependencies (1)" in done.stdout
        assert not endpoint.refused


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_REPOSITORY)))
def test_links(page: Path) -> None:
    """What a page links to in this repository is there."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_pages_have_blocks() -> None:
    """The pages are found, and so are their blocks."""
    assert len(_PAGES) >= 3
    assert len(_blocks()) >= 12
