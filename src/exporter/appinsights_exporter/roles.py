"""The role of the OpenCensus code of this process, for telemetry of OpenTelemetry code whose resource names none."""

from __future__ import annotations

from collections.abc import Mapping

from .convert.limits import tag

_ROLE = "ai.cloud.role"
_sources: list[Mapping[str, object]] = []
"""The context tags of the process's OpenCensus code; empty while it has none."""


def use_role_of(context_tags: Mapping[str, object] | None) -> None:
    """Let telemetry without a role of its own have that of these context tags, which may change at any time; None takes that back."""
    _sources[:] = [] if context_tags is None else [context_tags]


def role(legacy_tags: Mapping[str, str] | None) -> str | None:
    """Return the role of OpenCensus code: that of an exporter's own tags, else that of the process; None where there is no such code."""
    if legacy_tags is not None:
        return legacy_tags.get(_ROLE)
    for context_tags in _sources:
        try:
            said = context_tags.get(_ROLE)
        except Exception:  # noqa: BLE001 - the mapping is the program's own and may do anything.
            return None
        return tag(_ROLE, said) if said else None
    return None
