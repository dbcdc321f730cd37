"""Switching integrations on by name."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opencensus_compat import _integrations
from opencensus_compat._bridge.patch_targets import patch_targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencensus_compat._integrations import Integration

__getattr__ = patch_targets(__name__, "importlib")

log = logging.getLogger("opencensus.trace.config_integration")

_BY_NAME = {row.name: row for row in _integrations.INTEGRATIONS.values()}


def trace_integrations(integrations: Iterable[str], tracer: Any = None) -> list[str]:
    """Switch integrations on, and return the names of those for which it worked; one warning tells of all others why, and what to do.

    Args:
        integrations: Names as in ``opencensus.ext.<name>``; a text is one name. A failure does not keep the others from working.
        tracer: Handed to each integration; None lets it use the current one.
    """
    import importlib

    integrated, problems = [], []
    for name in [integrations] if isinstance(integrations, str) else integrations:
        row = _BY_NAME.get(name) if isinstance(name, str) else None
        # By the OpenCensus name, under which integrations of other packages are found as well as ours.
        module_name = f"opencensus.ext.{name}.trace"
        try:
            importlib.import_module(module_name).trace_integration(tracer=tracer)
        except Exception as error:  # noqa: BLE001 -- a third party's import or patching can raise anything
            problems.append(f"{name}: {_reason(name, row, error, module_name)}")
        else:
            integrated.append(name)
    if problems:
        log.warning("Integrations that are not in use: %s", "; ".join(problems))
    return integrated


def _reason(name: Any, row: Integration | None, error: Exception, module_name: str) -> str:
    """Return why an integration could not be switched on, and what to do."""
    if row is None:
        is_absent = isinstance(error, ImportError) and str(error.name or "") in (module_name, module_name.rpartition(".")[0])
        return _no_such(name) if is_absent else _text(error)
    if row.switched_on:
        return f"it is not switched on by name; use {row.switched_on}"
    releases = {package: release for package in row.packages if (release := _installed(package)) is not None}
    if row.packages and not releases:
        return f"{row.title} is not installed ({_text(error)}): pip install {row.packages[0]}"
    release = releases.get(row.packages[0]) if row.packages else None
    if release is not None and _is_older(release, row.tested[0]):
        return f"{row.packages[0]} {release} is too old ({_text(error)}): pip install '{row.packages[0]}>={row.tested[0]}'"
    return _text(error)


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"


def _no_such(name: Any) -> str:
    other = _integrations.OTHERS.get(f"ext.{name}")
    if other is not None:
        return f"{other} has an exporter and nothing to switch on by name"
    import difflib

    names = sorted(row.name for row in _integrations.INTEGRATIONS.values() if not row.switched_on)
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"there is no such integration{f', did you mean {close[0]!r}?' if close else ''} (there are {', '.join(names)})"


def _installed(package: str) -> str | None:
    """Return the release of an installed distribution, None where there is none."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _is_older(release: str, than: str) -> bool:
    return _numbers(release) < _numbers(than)


def _numbers(release: str) -> list[int]:
    """Return the numbers of a release up to the first part that is none."""
    numbers = []
    for part in release.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return numbers
