"""What PyInstaller has to know to freeze a program that imports `opencensus`; it finds this by the entry point `pyinstaller40`.

A frozen program reads no `.pth` file, and no module of the name `opencensus` is installed: the hooks make the name an alias of ours, collect both
packages with the metadata that OpenTelemetry looks for entry points in, and a runtime hook installs the finder before the program runs.
"""

from __future__ import annotations

import ast
import os
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat._lookup import is_file_of_others, legacy_folders

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["distributions", "entry_point_modules", "hook_dirs", "integrations", "modules", "needed_by"]

_LOADED_BY_NAME = (
    "encodings.idna",
    "http.client",
    "opentelemetry._logs",
    "opentelemetry.metrics",
    "opentelemetry.sdk._logs",
    "opentelemetry.sdk._logs.export",
    "opentelemetry.sdk.version",
    "opentelemetry.trace",
    "opentelemetry.version",
    "requests",
)
"""What is imported by `import_module`, where PyInstaller does not see it."""
_GROUPS = (
    "context",
    "environment_variables",
    "id_generator",
    "logger_provider",
    "logs_exporter",
    "meter_provider",
    "metrics_exporter",
    "propagator",
    "resource_detector",
    "tracer_provider",
    "traces_exporter",
    "traces_sampler",
)
"""Entry points that OpenTelemetry loads by their names, without `opentelemetry_`."""


def hook_dirs() -> list[str]:
    """Return the folder with the hooks."""
    return [os.path.dirname(__file__)]


def modules(package: str) -> list[str]:
    """Return the names of all modules of a package, whether something imports them by a statement or not; for ours, what those need."""
    found = util.find_spec(package)
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent
    names = [".".join([package, *path.relative_to(folder).with_suffix("").parts]) for path in sorted(folder.rglob("*.py"))]
    # The folders of hooks and of `sitecustomize` are no packages.
    return [name.removesuffix(".__init__") for name in names if not {"_pyinstaller", "_run"} & {*name.split(".")}] + list(_LOADED_BY_NAME)


def distributions() -> list[str]:
    """Return the installed distributions whose metadata are read at run time: ours, and those with entry points of OpenTelemetry's."""
    found = {each.metadata["Name"] for each in metadata.distributions() if any(map(_is_looked_for, each.entry_points))}
    return sorted({"census-compat", *filter(None, found)})


def entry_point_modules() -> list[str]:
    """Return the modules that OpenTelemetry loads by entry points."""
    return sorted({each.module for found in metadata.distributions() for each in found.entry_points if _is_looked_for(each)})


def _is_looked_for(entry_point: metadata.EntryPoint) -> bool:
    return entry_point.group.removeprefix("opentelemetry_") in _GROUPS and entry_point.group.startswith("opentelemetry_")


def integrations() -> list[tuple[str, str]]:
    """Return the files of other distributions below ``opencensus/`` that work with ours, each with the folder that it is to be put into."""
    ours = Path(__file__).parents[1]
    found: dict[str, str] = {}
    for folder in map(Path, legacy_folders()):
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            # What we have ourselves is the real SDK's.
            if (
                path.is_file()
                and "__pycache__" not in inside.parts
                and not Path(ours, inside).exists()
                and is_file_of_others(path, inside.parts)
            ):
                found.setdefault(os.path.join("opencensus", inside), str(path))
    return [(file, os.path.dirname(target)) for target, file in found.items()]


def needed_by(files: Iterable[str]) -> list[str]:
    """Return what the modules among files import by statements, but for what is relative, or of OpenCensus: PyInstaller does not read data."""
    names: set[str] = set()
    for file in files:
        if not file.endswith(".py"):
            continue
        try:
            tree = ast.parse(Path(file).read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return sorted(name for name in names if name.partition(".")[0] not in ("__future__", "opencensus"))
