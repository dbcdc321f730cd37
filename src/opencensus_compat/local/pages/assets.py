"""The files of the pages. They ship with this package and load nothing from elsewhere."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ..exchange import Answer

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
"""Content types by the end of a file's name; other files are not served."""


def asset(path: str) -> Answer | None:
    """Return a file of the pages; None when there is none.

    Args:
        path: Relative to ``static/``; empty for the page itself.
    """
    found = _served().get(path or "index.html")
    return None if found is None else Answer(200, found.read_bytes(), content_type=_TYPES[path.rpartition(".")[2] if path else "html"])


@lru_cache(maxsize=1)
def _served() -> dict[str, Traversable]:
    """Return every file by its path: what is not listed cannot be asked for, whatever a path says."""
    found: dict[str, Traversable] = {}

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
            elif entry.name.rpartition(".")[2] in _TYPES:
                found[f"{prefix}{entry.name}"] = entry

    collect(files(__package__).joinpath("static"), "")
    return found
