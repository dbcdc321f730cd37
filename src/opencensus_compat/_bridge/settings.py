"""What environment variables say, where `configure` has not said otherwise."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING
from urllib.parse import unquote

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import on_note, on_reset, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat._bridge.process import Note

__all__ = [
    "FLUSH_ON_SIGTERM_VARIABLE",
    "ONE_TRACE_VARIABLE",
    "adopts_providers",
    "check_environment",
    "checked_send",
    "chosen",
    "default_role",
    "flag",
    "one_trace_per_tracer",
    "report_no_effect",
    "resource_attribute",
    "sends_directly",
    "variable_text",
    "variables_without_effect",
]

ONE_TRACE_VARIABLE = "OPENCENSUS_COMPAT_ONE_TRACE_PER_TRACER"
_SEND_VARIABLE = "OPENCENSUS_COMPAT_SEND"
FLUSH_ON_SIGTERM_VARIABLE = "OPENCENSUS_COMPAT_FLUSH_ON_SIGTERM"
_ADOPT_VARIABLE = "OPENCENSUS_COMPAT_ADOPT_PROVIDERS"
_DIRECT, _PROVIDERS = "direct", "providers"
_PREFIX = "OPENCENSUS_COMPAT_"
_YES = ("1", "true", "yes", "on")
_FLAG = (*_YES, "0", "false", "no", "off")
_VARIABLES: dict[str, tuple[str, ...]] = {
    ONE_TRACE_VARIABLE: _FLAG,
    FLUSH_ON_SIGTERM_VARIABLE: _FLAG,
    _ADOPT_VARIABLE: _FLAG,
    "OPENCENSUS_COMPAT_DISABLED": _FLAG,
    # Other values of these are refused where they are read.
    _SEND_VARIABLE: (),
    "OPENCENSUS_COMPAT_ENVELOPES": (),
    "OPENCENSUS_COMPAT_FLUSH_INVOCATIONS": (),
    "OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL": (),
    "OPENCENSUS_COMPAT_LOCAL_CALL_SITES": (),
    "OPENCENSUS_COMPAT_LOCAL_NOTES": (),
    "OPENCENSUS_COMPAT_MAX_TAG_SETS": (),
    "OPENCENSUS_COMPAT_TAKE_STORED": (),
}
"""Variables of this package, and the values that they may have; empty where any value may be right."""


class _Chosen:
    """The choices of `configure`, and else of the environment, which is read once."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing."""
        self.one_trace_per_tracer: bool | None = None
        self.send: str | None = None
        self.adopt_providers: bool | None = None
        """Whether this package sends what OpenTelemetry code makes with the application's providers; None leaves that to the rule."""
        self.adopt_is_read = False
        self.shim_installed = False
        """Whether a program has called `install_shim()` of OpenTelemetry's own shim for OpenCensus."""

    def note(self, note: Note) -> None:
        """Add where exporters send, if that was read."""
        if self.send is not None:
            note["switches"][_SEND_VARIABLE] = self.send


chosen = _Chosen()
on_reset(chosen.forget)
on_note(chosen.note)


def check_environment() -> None:
    """Report, once each, the variables of ours that have no effect, for a misspelt name or a value that means nothing."""
    for problem in variables_without_effect():
        report(problem)


def variables_without_effect() -> Iterator[str]:
    """Return a sentence for each variable of ours that has no effect."""
    return _exporter.variable_problems(os.environ, _PREFIX, _VARIABLES)


def flag(variable: str) -> bool:
    """Return whether an environment variable switches something on."""
    return variable_text(variable).lower() in _YES


def variable_text(variable: str) -> str:
    """Return what an environment variable says, without spaces and quotes around it; empty if nothing."""
    return _exporter.unquoted(os.environ.get(variable, ""))


def one_trace_per_tracer() -> bool:
    """Return whether all root spans of a tracer share one trace."""
    if chosen.one_trace_per_tracer is None:
        chosen.one_trace_per_tracer = flag(ONE_TRACE_VARIABLE)
    return chosen.one_trace_per_tracer


def adopts_providers() -> bool | None:
    """Return whether the application wants its providers' own telemetry at Application Insights; None where it does not say."""
    if not chosen.adopt_is_read:
        wish = variable_text(_ADOPT_VARIABLE).lower()
        chosen.adopt_providers = wish in _YES if wish in _FLAG else None
        chosen.adopt_is_read = True
    return chosen.adopt_providers


def use_shim(is_used: bool) -> None:
    """Note that a program has installed OpenTelemetry's shim for OpenCensus, which this package takes the place of, or that it has not."""
    chosen.shim_installed = is_used
    if is_used:
        report(
            "install_shim() of opentelemetry-opencensus-shim has no effect: census-compat makes OpenTelemetry spans of OpenCensus's itself"
        )


def shim_is_used() -> bool:
    """Return whether tracers that were given neither sampler nor exporter do as with the shim: all spans go to the provider."""
    return chosen.shim_installed


def sends_directly() -> bool:
    """Return whether exporters and handlers that are made now send to their Application Insights resource; see `configure`.

    Raises:
        ValueError: The environment variable has another text than those that are known.
    """
    if chosen.send is None:
        chosen.send = checked_send(variable_text(_SEND_VARIABLE).lower() or _DIRECT, f"environment variable {_SEND_VARIABLE}")
    return chosen.send == _DIRECT


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


def report_no_effect(what: str) -> None:
    """Report, once for each thing, that it has no effect because exporters do not send themselves."""
    report(f"exporters send to the OpenTelemetry providers only ({_SEND_VARIABLE}={_PROVIDERS}): {what}")


def default_role() -> str:
    """Return the cloud role name: the configured service name, else the script's name as in OpenCensus."""
    configured = os.environ.get("OTEL_SERVICE_NAME", "").strip() or resource_attribute("service.name")
    return configured or os.path.basename(sys.argv[0] if sys.argv else "") or "Python Application"


def resource_attribute(name: str) -> str:
    """Return what the environment says about a resource attribute, percent-decoded as OpenTelemetry does; the empty text if nothing."""
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.partition("=")
        if key.strip() == name:
            return unquote(value.strip())
    return ""
