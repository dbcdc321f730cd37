"""``.census-compat/steps.jsonl``: which steps a service has taken, and what showed that they changed nothing.

A line is added for each step that succeeded. The file belongs to the change, and is meant to be committed with it: it has no telemetry
but counts, and no keys.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from opencensus_compat import __version__
from opencensus_compat.scan.project import masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opencensus_compat.compare import Comparison

Step: TypeAlias = Literal["swap", "shape", "files", "remove"]
STEPS: tuple[Step, ...] = ("swap", "shape", "files", "remove")
"""In their order."""
PLACE = os.path.join(".census-compat", "steps.jsonl")
"""Below the folder of the repository."""


def root_of(folder: Path) -> Path:
    """Return the folder of the repository that a folder belongs to; itself, where there is none."""
    resolved = folder.resolve()
    return next((each for each in (resolved, *resolved.parents) if (each / ".git").exists()), resolved)


def commit_of(root: Path) -> tuple[str, bool]:
    """Return the commit of a repository, and whether files that it knows have changed since; an empty text without git."""
    commit = _git(root, "rev-parse", "HEAD")
    return commit, bool(commit and _git(root, "status", "--porcelain", "--untracked-files=no"))


def entry(step: Step, root: Path, command: str, comparison: Comparison, recordings: Mapping[str, str], **more: object) -> dict[str, object]:
    """Return the line of a step.

    Args:
        step: Which.
        root: Folder of the repository.
        command: What was run.
        comparison: What it sent, before and after.
        recordings: Run -> hash of its recording.
        **more: Further keys.

    """
    commit, has_changes = commit_of(root)
    return {
        "step": step,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "version": __version__,
        "commit": commit,
        "hasChanges": has_changes,
        "command": masked(command),
        "tables": {table.table: [table.before, table.after] for table in comparison.tables},
        "accepted": sorted({difference.accepted.reason for difference in comparison.differences if difference.accepted}),
        "recordings": dict(recordings),
        **more,
    }


def hash_of(recording: str) -> str:
    """Return the SHA-256 of a recording."""
    return hashlib.sha256(Path(recording).read_bytes()).hexdigest()


def append(root: Path, line: Mapping[str, object]) -> Path:
    """Add a line to the file, and return the file.

    Raises:
        OSError: It cannot be written.

    """
    path = root / PLACE
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return path


def taken(root: Path) -> list[str]:
    """Return the steps that were taken, in the order of the file; what cannot be read is left out."""
    found = []
    try:
        lines = (root / PLACE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and line.get("step") in STEPS:
            found.append(line["step"])
    return found


def _git(root: Path, *words: str) -> str:
    """Return the answer of git about a folder; empty where there is none."""
    try:
        answer = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)  # noqa: S603, S607 -- git, of the user's PATH
    except OSError:
        return ""
    return "" if answer.returncode else answer.stdout.decode(errors="replace").strip()
