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
_ROOTS = (_SOURCE / "opencensus_compat", _SOURCE / "exporter" / "appinsights_exporter")


@dataclass
class Run:
    """What is about to run."""

    folder: Path
    """Empty, and beside that of the program."""
    variables: dict[str, str]
    without: tuple[str, ...]
    interpreter: str = sys.executable
    counts: str | None = None
    """For --counts."""

    def add_to_path(self, *entries: str | Path) -> None:
        """Put folders or archives behind what is on PYTHONPATH."""
        self.variables["PYTHONPATH"] = os.pathsep.join(filter(None, [self.variables.get("PYTHONPATH", ""), *map(str, entries)]))


def _lend(run: Run, copy: Path) -> None:
    """Fill a folder with what is installed here, without some of it, and with this package's source."""
    copy.mkdir(parents=True)
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        # An editable install puts the programs of pairs there, in a folder of the package's name.
        if not path.name.startswith(("_census_compat", "census_compat", *run.without)) and path.name not in {root.name for root in _ROOTS}:
            (copy / path.name).symlink_to(path)
    for root in _ROOTS:
        (copy / root.name).symlink_to(root)


@contextlib.contextmanager
def lent(run: Run) -> Iterator[None]:
    """What is installed here, in a folder on PYTHONPATH, without some of it."""
    _lend(run, run.folder / "packages")
    run.add_to_path(run.folder / "packages")
    yield


@contextlib.contextmanager
def bare_interpreter(run: Run) -> Iterator[None]:
    """An interpreter in whose own folders this package is not installed."""
    run.interpreter = os.path.realpath(sys.executable)  # on Python 3.10 no name of `sys` has it
    run.variables["PYTHONNOUSERSITE"] = "1"
    with lent(run):
        yield


@contextlib.contextmanager
def function_packages(run: Run) -> Iterator[None]:
    """The folder for packages of a function app, which the worker of Azure Functions puts on the path."""
    run.interpreter = os.path.realpath(sys.executable)  # on Python 3.10 no name of `sys` has it
    run.variables["PYTHONNOUSERSITE"] = "1"
    packages = run.folder / "program" / ".python_packages" / "lib" / "site-packages"
    _lend(run, packages)
    run.add_to_path(packages)
    yield


def _archived(path: Path, **files: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for root in _ROOTS:
            for file in root.rglob("*.py"):
                archive.write(file, file.relative_to(root.parent))
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)


@contextlib.contextmanager
def archive(run: Run) -> Iterator[None]:
    """This package in a zip file."""
    run.interpreter = os.path.realpath(sys.executable)  # on Python 3.10 no name of `sys` has it
    _archived(run.folder / "packages.zip")
    run.add_to_path(run.folder / "packages.zip", sysconfig.get_path("purelib"))
    yield


@contextlib.contextmanager
def zipapp(run: Run) -> Iterator[None]:
    """A program with this package in its archive."""
    run.interpreter = os.path.realpath(sys.executable)  # on Python 3.10 no name of `sys` has it
    _archived(run.folder / "app.pyz", __main__="import opencensus_compat.auto\nimport opencensus.trace\n")
    run.add_to_path(run.folder / "app.pyz", sysconfig.get_path("purelib"))
    yield


@contextlib.contextmanager
def older_copy(run: Run) -> Iterator[None]:
    """A second copy behind the first one on the path."""
    first, _, rest = run.variables["PYTHONPATH"].partition(os.pathsep)
    run.variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_SOURCE), str(_SOURCE / "exporter"), first, rest]))
    yield
