"""What environment variables say, where `configure` has not said otherwise."""

from __future__ import annotations

import os
import sys

from opencensus_compat._wiring.state import report, wired

__all__ = [
    "ONE_TRACE_VARIABLE",
    "checked_send",
    "default_role",
    "has_no_effect",
    "one_trace_per_tracer",
    "resource_attribute",
    "sends_directly",
]

ONE_TRACE_VARIABLE = "OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER"
_SEND_VARIABLE = "OPENCENSUS_COMPAT_SEND"
_DIRECT, _PROVIDERS = "direct", "providers"


def one_trace_per_tracer() -> bool:
    """Return whether all root spans of a tracer share one trace."""
    if wired.one_trace_per_tracer is None:
        wired.one_trace_per_tracer = os.environ.get(ONE_TRACE_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on")
    return wired.one_trace_per_tracer


def sends_directly() -> bool:
    """Return whether exporters and handlers that are made now send to their Application Insights resource; see `configure`.

    Raises:
        ValueError: The environment variable has another text than those that are known.
    """
    if wired.send is None:
        said = os.environ.get(_SEND_VARIABLE, "").strip().lower()
        wired.send = checked_send(said or _DIRECT, f"environment variable {_SEND_VARIABLE}")
    return wired.send == _DIRECT


def checked_send(value: object, source: str) -> str:
    """Return where exporters send, as it was said.

    Args:
        value: What was said.
        source: Where, for the error.

    Raises:
        ValueError: It is none of the texts that are known.
    """
    if value not in (_DIRECT, _PROVIDERS):
        raise ValueError(
            f"{source}: expected {_DIRECT!r} (exporters send to Application Insights themselves) or {_PROVIDERS!r} (telemetry goes to "
            f"OpenTelemetry providers only), got {value!r}."
        )
    return str(value)


def has_no_effect(what: str) -> None:
    """Say, once for each thing, that it has no effect because exporters do not send themselves."""
    report(f"exporters send to the OpenTelemetry providers only ({_SEND_VARIABLE}={_PROVIDERS}): {what}")


def default_role() -> str:
    """Return the cloud role name: the configured service name, else the script's name as in OpenCensus."""
    configured = os.environ.get("OTEL_SERVICE_NAME", "").strip() or resource_attribute("service.name")
    return configured or os.path.basename(sys.argv[0] if sys.argv else "") or "Python Application"


def resource_attribute(name: str) -> str:
    """Return what the environment says about a resource attribute, the empty text if nothing."""
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.partition("=")
        if key.strip() == name:
            return value.strip()
    return ""
