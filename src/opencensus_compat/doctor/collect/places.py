"""The folders and archives of a path, as imports see them."""

from __future__ import annotations

import contextlib
import functools
import os
import zipfile
from collections.abc import Sequence

__all__ = ["Place", "places"]


class Place:
    """A folder of the path, or an archive."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: frozenset[str] = frozenset()
        """Of what is right below it."""
        self._archive: frozenset[str] | None = None
        if os.path.isdir(path):
            self.names = frozenset(_listed(path))
            return
        with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            self._archive = frozenset(archive.namelist())
            self.names = frozenset(name.partition("/")[0] for name in self._archive)

    @property
    def is_archive(self) -> bool:
        """Whether it is a file with files in it."""
        return self._archive is not None

    def has_file(self, name: str) -> bool:
        """Tell whether a file is there, named from here on, with ``/``."""
        if name.partition("/")[0] not in self.names:
            return False
        return name in self._archive if self._archive is not None else os.path.isfile(os.path.join(self.path, name))

    def has_module(self, module: str) -> bool:
        """Tell whether a module or a package of this name is there."""
        inside = module.replace(".", "/")
        if self.has_file(f"{inside}.py"):
            return True
        if inside.partition("/")[0] not in self.names:
            return False
        if self._archive is not None:
            return any(name.startswith(f"{inside}/") for name in self._archive)
        return os.path.isdir(os.path.join(self.path, inside))

    def read(self, *names: str) -> str:
        """Return the text of the first of some files that is there; an empty text if none is."""
        for name in names:
            with contextlib.suppress(OSError, KeyError, zipfile.BadZipFile):
                if self._archive is None:
                    with open(os.path.join(self.path, name), encoding="utf-8", errors="replace") as file:
                        return file.read()
                with zipfile.ZipFile(self.path) as archive:
                    return archive.read(name).decode("utf-8", "replace")
        return ""

    def listed(self, folder: str) -> frozenset[str]:
        """Return the names right below a folder in it."""
        if self._archive is None:
            return frozenset(_listed(os.path.join(self.path, folder)))
        start = f"{folder}/"
        return frozenset(name[len(start) :].partition("/")[0] for name in self._archive if name.startswith(start)) - {""}


def places(path: Sequence[str]) -> tuple[Place, ...]:
    """Return the folders and archives of a path that there are, each once."""
    return _places(tuple(entry for entry in path if isinstance(entry, str)))


@functools.lru_cache(maxsize=4)
def _places(path: tuple[str, ...]) -> tuple[Place, ...]:
    found = dict.fromkeys(os.path.realpath(entry) for entry in path if entry)
    return tuple(Place(entry) for entry in found if os.path.exists(entry))


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
