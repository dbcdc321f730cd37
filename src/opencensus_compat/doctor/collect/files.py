"""The program's own files, as far as a look at their text may say something: source, and configuration of servers and images."""

from __future__ import annotations

import functools
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Text", "is_of_tests", "texts"]

_MOST_FILES, _MOST_BYTES, _LARGEST, _DEEPEST = 20_000, 64 * 1024 * 1024, 512 * 1024, 8
"""Where the look ends: files, bytes in all, bytes of a file, folders below each other."""
_ENDS = (".py", ".ini", ".cfg", ".toml", ".yaml", ".yml", ".json", ".sh", ".conf", ".env", ".service", ".dockerfile", ".bicep", ".tf")
_NAMES = ("Dockerfile", "Procfile", "Containerfile", "startup.txt")
_LEFT_OUT = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__", "__pypackages__", ".python_packages"})
_NOT_THE_PROGRAM = frozenset(
    {"test", "tests", "testing", "doc", "docs", "example", "examples", "sample", "samples", "benchmark", "benchmarks"}
)
_WORDS = (
    b"opencensus",
    b"OPENCENSUS_COMPAT_",
    b"appinsights",
    b"applicationinsights",
    b"azure.monitor",
    b"azuremonitor",
    b"opentelemetry",
    b"uwsgi",
    b"gunicorn",
    b"preload_app",
    b"uvicorn",
    b"WSGI",
    b"multiprocessing",
    b"os._exit",
    b"SIGTERM",
    b"Mangum",
    b"lambda_handler",
    b"azure.functions",
    b'"logging"',
    b'"extensionBundle"',
)
"""A file with none of these says nothing, unless it tells how an image or a platform starts the program."""


@dataclass(frozen=True, slots=True)
class Text:
    """A file."""

    path: str
    """From the program's folder on, with ``/``."""
    text: str


@functools.lru_cache(maxsize=4)
def texts(folder: str) -> tuple[Text, ...]:
    """Return the files below a folder that may say something about telemetry, and those in it when it is an archive; never those of others.

    Args:
        folder: Of the program; an empty text has none.
    """
    if not folder:
        return ()
    found = _in_archive(folder) if os.path.isfile(folder) else _in_folder(folder)
    return tuple(Text(path, content.decode("utf-8", "replace")) for path, content in found if _says_something(path, content))


def _says_something(path: str, content: bytes) -> bool:
    return path.rpartition("/")[2].startswith(_NAMES) or path.endswith(".dockerfile") or any(word in content for word in _WORDS)


def _in_folder(folder: str) -> Iterator[tuple[str, bytes]]:
    files = size = 0
    for place, folders, names in os.walk(folder):
        inside = os.path.relpath(place, folder)
        depth = 0 if inside == os.curdir else inside.count(os.sep) + 1
        folders[:] = sorted(name for name in folders if depth < _DEEPEST and not _is_left_out(os.path.join(place, name), name))
        for name in sorted(names):
            if not _is_wanted(name):
                continue
            path = os.path.join(place, name)
            content = _read(path)
            files, size = files + 1, size + len(content)
            if files > _MOST_FILES or size > _MOST_BYTES:
                return
            yield os.path.relpath(path, folder).replace(os.sep, "/"), content


def _is_wanted(name: str) -> bool:
    return name.lower().endswith(_ENDS) or name.startswith(_NAMES)


def _is_left_out(path: str, name: str) -> bool:
    """Tell whether a folder holds what others have written: installed packages, environments, repositories."""
    return (
        name.startswith(".")
        or name in _LEFT_OUT
        or os.path.exists(os.path.join(path, "pyvenv.cfg"))
        or os.path.exists(os.path.join(path, "opencensus_compat"))
    )


def _read(path: str) -> bytes:
    try:
        # Not of a pipe or a device, which would wait for a writer.
        if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST:
            return b""
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _in_archive(path: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files at the top of an archive: below it lie the packages that were put into it."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if "/" not in entry.filename and _is_wanted(entry.filename) and entry.file_size <= _LARGEST:
                    yield entry.filename, archive.read(entry)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return


def is_of_tests(path: str) -> bool:
    """Tell whether a file, named from the program's folder on, does not run with the program: tests, examples, documentation."""
    *folders, name = path.lower().split("/")
    return name.startswith(("test_", "conftest.")) or not _NOT_THE_PROGRAM.isdisjoint(folders)
