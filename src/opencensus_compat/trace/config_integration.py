"""Switching integrations on by name."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger("opencensus.trace.config_integration")


def trace_integrations(integrations: Iterable[str], tracer: Any = None) -> list[str]:
    """Switch integrations on, and return the names of those for which it worked.

    Args:
        integrations: Names as in ``opencensus.ext.<name>``. A failure is logged and does not keep the others from working.
        tracer: Handed to each integration; None lets it use the current one.
    """
    import importlib

    integrated = []
    for name in integrations:
        # By the OpenCensus name, under which integrations of other packages are found as well as ours.
        module_name = f"opencensus.ext.{name}.trace"
        try:
            importlib.import_module(module_name).trace_integration(tracer=tracer)
        except Exception as error:  # noqa: BLE001 -- a third party's import or patching can raise anything
            log.warning("Integration %s is not in use: %s", module_name, error)
        else:
            integrated.append(name)
    return integrated
