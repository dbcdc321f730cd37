"""The step to OpenTelemetry's envelopes on the programs that are compared with the real packages: `shape.md` says all that it changes."""

from __future__ import annotations

import ast
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.compare.known_shape import accepted

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

_PARITY = Path(__file__).parents[1] / "parity"
_PROGRAMS = (
    *("errors", "flask_requests", "grpc_calls", "integrated_http", "kinds", "log_events", "log_exceptions"),
    *("logs", "pymongo_commands", "structure"),
)
_NOT_KNOWN = {
    ("errors", "leaving_without_error"): "its spans have one name, and are told apart by type",
    ("kinds", "client_calls"): "likewise",
    ("logs", "dimensions_reserved"): "properties of its own have the names of the columns that change",
}
"""Program and function -> why more differs than has a row."""
_RUN = """\
import os, sys
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # programs bring about what is said once
sys.path.insert(0, {parity!r})
from run_programs import main
main({program!r}, {endpoint!r}, "told.json")
"""


def _functions(program: Path) -> dict[str, str]:
    """Return the functions of a program, by the keys under which what they send arrives."""
    sys.path.insert(0, str(_PARITY))
    try:
        from run_programs import instrumentation_key
    finally:
        sys.path.remove(str(_PARITY))
    body = ast.parse(program.read_text(encoding="utf-8")).body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return {instrumentation_key(program.stem, name): name for name in names}


def _part(recording: Path, key: str) -> Path:
    """Return a recording with what one function sent."""
    part = Path(shutil.copy(recording, recording.with_name(f"{recording.stem}-{key}.db")))
    with closing(sqlite3.connect(part)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if "iKey" in {row[1] for row in database.execute(f"PRAGMA table_info({table})")}:
                database.execute(f"DELETE FROM {table} WHERE iKey != ?", (key,))
        database.execute("DELETE FROM envelopes WHERE json_extract(envelope, '$.iKey') != ?", (key,))
    return part


@pytest.mark.parametrize("program", _PROGRAMS)
def test_the_step_on_parity_programs(record, tmp_path, program):
    """Of what each function sends nothing changes that has no row."""
    app, path = tmp_path / "app.py", _PARITY / "programs" / f"{program}.py"
    app.write_text(_RUN.format(parity=str(_PARITY), program=str(path), endpoint="http://127.0.0.1:9"), encoding="utf-8")

    def recorded(shape: str) -> Path:
        return record(app, OPENCENSUS_COMPAT_ENVELOPES=shape, APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true", PYTHONWARNINGS="ignore")

    before, after, twin = recorded("legacy"), recorded("otel"), None
    if compare(before, after, known=accepted()).verdict == "equal":
        return
    # Functions of one program may use one name: only one by one they are told apart.
    for key, name in _functions(path).items():
        sides = _part(before, key), _part(after, key)
        found = compare(*sides, known=accepted())
        if found.verdict == "different":
            # Ports and ids of a program differ from run to run.
            twin = twin or recorded("legacy")
            found = compare(*sides, twins=[_part(twin, key)], known=accepted())
        said = [f"{name}: {lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
        assert bool(said) == ((program, name) in _NOT_KNOWN), said
