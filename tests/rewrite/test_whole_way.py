"""The whole way of a service of four modules: swap, shape, files one by one, remove; each step by the telemetry that it leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.compare import Accepted, LineMap, compare
from opencensus_compat.compare.steps import STEPS
from opencensus_compat.rewrite.rewriting import Options, rewrite
from opencensus_compat.scan.project import scan

SHOP = Path(__file__).parent / "programs" / "shop"
ORDER = (("store.py",), ("measures.py",), ("telemetry.py",), ("app.py", "settings.py"))
"""What is rewritten one after the other; a middleware and its settings change together."""
_OF_FLASK = "the instrumentation of Flask has other columns: instrumentations.md"
_COLUMNS = ("client_Browser", *(f"customDimensions.{name}" for name in ("http.flavor", "http.path", "http.server_name", "net.host.name")))
BY_FLASK = tuple(Accepted(table="requests", column=column, reason=_OF_FLASK) for column in _COLUMNS)
OWN_TRACES = (
    Accepted(
        table="dependencies", column="operation_Id", reason="a tracer of a module joins the request: nested-tracers in differences.md"
    ),
)


@pytest.fixture
def shop(tmp_path):
    """A copy of the service."""
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


@pytest.fixture
def record(tmp_path):
    """Return a function that drives a service and returns what it sent."""

    def run(service: Path, name: str, python: Path | str = sys.executable, **environment: str) -> Path:
        recording = tmp_path / f"{name}.db"
        command = [sys.executable, "-m", "opencensus_compat", "local", "--database", str(recording), "--no-call-sites", "--json", "--"]
        done = subprocess.run(
            [*command, str(python), "drive.py"],
            cwd=service,
            env={**os.environ, "LC_ALL": "en_US.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return recording

    return run


def opened(before, after, accepted=(), *, step=None, lines=None):
    """Return what differs and is not accepted; what is accepted is needed."""
    found = compare(before, after, accepted=accepted, known=STEPS[step].accepted() if step else (), lines=lines)
    assert (found.problems, found.unused) == ((), ())
    return [f"{each.table}.{each.column}: {each.changes[0] if each.changes else ''}" for each in found.open_differences]


def moved(shop):
    """Return where the lines of the service went."""
    lines = LineMap()
    for path in SHOP.glob("*.py"):
        lines.add(str(shop / path.name), path.read_text(encoding="utf-8"), (shop / path.name).read_text(encoding="utf-8"))
    return lines


def test_the_service_swaps_packages_and_changes_its_shape(shop, record, legacy_python):
    """Beside the rows of the guide the bridge sends what the retired SDK sent, and OpenTelemetry's shape what the bridge did."""
    retired = record(shop, "retired", legacy_python)
    bridge = record(shop, "bridge")
    assert opened(retired, bridge, OWN_TRACES, step="bridge") == []
    assert opened(bridge, record(shop, "otel", OPENCENSUS_COMPAT_ENVELOPES="otel"), step="shape") == []


def test_the_service_changes_file_by_file_until_nothing_is_left(shop, record):
    """Each state runs and sends the same but for what Flask's instrumentation changes; at the end the facade is not needed."""
    before = record(shop, "before", OPENCENSUS_COMPAT_ENVELOPES="otel")
    for names in ORDER:
        for path, text in rewrite([str(shop / name) for name in names], Options(shape=True)).after.items():
            Path(path).write_bytes(text)
        after = record(shop, names[0], OPENCENSUS_COMPAT_ENVELOPES="otel")
        assert opened(before, after, BY_FLASK if "app.py" in names else (), lines=moved(shop)) == []
    assert not scan([str(shop)]).uses
    assert "opencensus" not in "".join(path.read_text(encoding="utf-8") for path in shop.glob("*.py"))
    removed = record(shop, "removed", OPENCENSUS_COMPAT_DISABLED="1")
    assert opened(before, removed, BY_FLASK, lines=moved(shop)) == []
    assert not rewrite([str(shop)], Options(shape=True)).after
