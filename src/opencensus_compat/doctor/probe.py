"""How this interpreter answers imports of OpenCensus: run in a child as a text of its own, or called inside a program.

It imports nothing but what is always there, so that its text can be given to ``python -c``.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRIED = (
    "opencensus.trace.tracer",
    "opencensus.stats.stats",
    "opencensus.metrics.export.gauge",
    "opencensus.tags.tag_map",
    "opencensus.ext.azure.trace_exporter",
    "opencensus.ext.azure.log_exporter",
    "opencensus.ext.azure.metrics_exporter",
    "orjson",
    "psutil",
    "requests",
)
"""What programs import: each part of OpenCensus, and the exporters; and what these import when they send."""


def look(wanted: list[str] | tuple[str, ...] = TRIED, *, switch_on: bool = False) -> dict[str, Any]:
    """Return how modules are found, by importing them.

    Args:
        wanted: Names of modules.
        switch_on: Import ``opencensus_compat.auto`` first, as the program does.
    """
    before = active()
    switched = ""
    if switch_on and not before:
        try:
            __import__("opencensus_compat.auto")
        except Exception as error:  # noqa: BLE001 -- what is broken is what is looked for
            switched = f"{type(error).__name__}: {error}"
    site = sys.modules.get("site")
    return {
        "executable": sys.executable or "",
        "finders": [f"{_type(finder).__module__}.{_type(finder).__qualname__}" for finder in sys.meta_path],
        "active": before,
        "active_now": active(),
        "switch_problem": switched,
        "no_site": bool(sys.flags.no_site),
        "isolated": bool(sys.flags.isolated),
        "site_folders": _site_folders(site),
        "path": [entry for entry in sys.path if isinstance(entry, str)],
        "places": {name: _place(name) for name in ("opencensus_compat", "appinsights_exporter")},
        "tried": [_tried(name) for name in wanted],
    }


def active() -> bool:
    """Tell whether this package's finder answers imports."""
    return any(_type(finder).__module__ == "opencensus_compat._alias" for finder in sys.meta_path)


def _type(finder: object) -> type:
    return finder if isinstance(finder, type) else type(finder)


def _site_folders(site: object) -> list[str]:
    """Return the folders whose `.pth` files the interpreter reads."""
    if site is None or sys.flags.no_site:
        return []
    folders = list(getattr(site, "getsitepackages", list)())
    if getattr(site, "ENABLE_USER_SITE", False):
        folders.append(getattr(site, "USER_SITE", None))
    return [folder for folder in folders if folder]


def _place(package: str) -> str:
    """Return where a package is imported from; an empty text where it is not there, or broken."""
    try:
        module = __import__(package)
    except Exception:  # noqa: BLE001 -- what is broken is what is looked for
        return ""
    return str(getattr(module, "__file__", None) or "")


def _tried(name: str) -> dict[str, str]:
    try:
        __import__(name)
    except BaseException as error:  # noqa: BLE001 -- a module may do anything as it loads, even end the process
        return {
            "name": name,
            "found": "",
            "file": "",
            "error": f"{type(error).__name__}: {error}",
            "missing": str(getattr(error, "name", None) or ""),
            "at": _at(error),
        }
    module = sys.modules.get(name)
    return {
        "name": name,
        "found": str(getattr(module, "__name__", "")),
        "file": str(getattr(module, "__file__", None) or ""),
        "error": "",
        "missing": "",
        "at": "",
    }


def _at(error: BaseException) -> str:
    """Return the file and line that raised an error."""
    traceback, place = error.__traceback__, ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith("<"):
            place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
