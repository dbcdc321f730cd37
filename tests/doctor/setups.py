"""What some environments need besides files and variables: context managers that get the run before it starts."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2] / "src"


@dataclass
class Run:
    """What is about to run."""

    folder: Path
    """Empty, and beside that of the program."""
    variables: dict[str, str]
    without: tuple[str, ...]
    interpreter: str = sys.executable

    def add_to_path(self, *entries: str | Path) -> None:
        """Put folders or archives behind what is on PYTHONPATH."""
        self.variables["PYTHONPATH"] = os.pathsep.join(filter(None, [self.variables.get("PYTHONPATH", ""), *map(str, entries)]))


@contextlib.contextmanager
def lent(run: Run) -> Iterator[None]:
    """What is installed here, as a folder on PYTHONPATH, without some of it; and this package's source."""
    copy = run.folder / "packages"
    copy.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(run.without or ("\0",)):
            (copy / path.name).symlink_to(path)
    run.add_to_path(_SOURCE, _SOURCE / "exporter", copy)
    yield


@contextlib.contextmanager
def bare_interpreter(run: Run) -> Iterator[None]:
    """An interpreter in whose own folders this package is not installed."""
    run.interpreter = getattr(sys, "_base_executable", sys.executable)
    run.variables["PYTHONNOUSERSITE"] = "1"
    with lent(run):
        yield


@contextlib.contextmanager
def archive(run: Run) -> Iterator[None]:
    """This package in a zip file."""
    run.interpreter = getattr(sys, "_base_executable", sys.executable)
    path = run.folder / "packages.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for root in (_SOURCE / "opencensus_compat", _SOURCE / "exporter" / "appinsights_exporter"):
            for file in root.rglob("*.py"):
                archive.write(file, file.relative_to(root.parent))
    run.add_to_path(path, sysconfig.get_path("purelib"))
    yield


@contextlib.contextmanager
def older_copy(run: Run) -> Iterator[None]:
    """A second copy behind the first one on the path."""
    first, _, rest = run.variables["PYTHONPATH"].partition(os.pathsep)
    run.variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_SOURCE), str(_SOURCE / "exporter"), first, rest]))
    yield
