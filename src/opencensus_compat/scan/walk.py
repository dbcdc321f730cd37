"""The files below some paths, in the order of their names, without what git ignores. Links to folders are not followed."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.scan.findings import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SKIPPED = frozenset(
    {
        ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "__pycache__", "node_modules",
        ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints", ".eggs",
    }
)  # fmt: skip
"""Folders that hold no code of the project."""


@dataclass(frozen=True, slots=True)
class _Ignore:
    """One line of a `.gitignore`."""

    pattern: re.Pattern[str]
    """Of a path below the folder of the file, with slashes."""
    is_negated: bool
    folders_only: bool


def walk(paths: Sequence[str], exclude: Sequence[str] = ()) -> Iterator[str | Problem]:
    """Yield the path of each regular file below some paths, once, and what could not be read.

    Args:
        paths: Files and folders. One that is named is looked at whatever git ignores.
        exclude: Patterns as `fnmatch` takes them, of a name, or of a path from the folder that was named.
    """
    seen: set[str] = set()
    for path in paths:
        if os.path.isdir(path):
            rules = _above(path)
            for found in _folder(path, path, rules, [_excluded(pattern) for pattern in exclude]):
                key = os.path.abspath(found) if isinstance(found, str) else found.path
                if key not in seen:
                    seen.add(key)
                    yield found
        elif os.path.abspath(path) not in seen:
            seen.add(os.path.abspath(path))
            yield path if os.path.isfile(path) else Problem(path, "neither a regular file nor a folder")


def _excluded(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.rstrip("/")))


def _folder(folder: str, top: str, ignores: list[tuple[str, list[_Ignore]]], excluded: list[re.Pattern[str]]) -> Iterator[str | Problem]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(folder, error.strerror or str(error))
        return
    names = {entry.name for entry in listed}
    if "pyvenv.cfg" in names and folder != top:
        return
    own = _read_ignores(os.path.join(folder, ".gitignore")) if ".gitignore" in names else []
    if own:
        ignores = [*ignores, (os.path.abspath(folder), own)]
    for entry in listed:
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not entry.is_file():
                continue
        except OSError as error:
            yield Problem(entry.path, error.strerror or str(error))
            continue
        if is_folder and entry.name in _SKIPPED:
            continue
        if excluded:
            below = os.path.relpath(entry.path, top).replace(os.sep, "/")
            if any(pattern.match(entry.name) or pattern.match(below) for pattern in excluded):
                continue
        if ignores and _is_ignored(os.path.abspath(entry.path), is_folder, ignores):
            continue
        if is_folder:
            yield from _folder(entry.path, top, ignores, excluded)
        else:
            yield entry.path


def _above(path: str) -> list[tuple[str, list[_Ignore]]]:
    """Return the rules of the folders between a repository's top and a path, from the top."""
    folder = os.path.abspath(path)
    if os.path.exists(os.path.join(folder, ".git")):
        return []
    found: list[tuple[str, list[_Ignore]]] = []
    while True:
        parent = os.path.dirname(folder)
        if parent == folder:
            return []
        folder = parent
        rules = _read_ignores(os.path.join(folder, ".gitignore"))
        if rules:
            found.append((folder, rules))
        if os.path.exists(os.path.join(folder, ".git")):
            found.reverse()
            # A folder that is named is looked at, also where git ignores it.
            return [] if _is_ignored(os.path.abspath(path), True, found) else found


def _read_ignores(path: str) -> list[_Ignore]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    return [rule for rule in map(_ignore, lines) if rule is not None]


def _ignore(line: str) -> _Ignore | None:
    text = line.rstrip()
    if not text or text.startswith("#"):
        return None
    is_negated = text.startswith("!")
    text = text.removeprefix("!").removeprefix("\\")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    anywhere = "/" not in text
    parts = re.split(r"(\*\*/|/\*\*$|\*|\?|\[[^]]*\])", text.removeprefix("/"))
    signs = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    try:
        body = "".join(signs.get(part) or (part.replace("[!", "[^") if part.startswith("[") else re.escape(part)) for part in parts)
        return _Ignore(re.compile(f"(?:.*/)?{body}" if anywhere else body), is_negated, folders_only)
    except re.error:
        return None


def _is_ignored(path: str, is_folder: bool, ignores: list[tuple[str, list[_Ignore]]]) -> bool:
    for folder, rules in reversed(ignores):
        below = os.path.relpath(path, folder).replace(os.sep, "/") if os.sep != "/" else path[len(folder.rstrip("/")) + 1 :]
        for rule in reversed(rules):
            if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(below):
                return not rule.is_negated
    return False
