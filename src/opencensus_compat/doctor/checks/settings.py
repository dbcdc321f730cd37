"""Environment variables that are misspelt, refused, or switch telemetry off."""

from __future__ import annotations

from collections.abc import Iterator

from opencensus_compat.doctor.check import PROBLEM, WARNING, CouldNotCheck, Finding, check, need
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.sections.settings import Settings

_CONNECTION_STRING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
"""Those that the SDK has itself."""


def _read(facts: Facts) -> Settings:
    """Return the settings, as far as this package could read them itself."""
    settings = need(facts.settings)
    if settings.unread:
        raise CouldNotCheck(settings.unread)
    return settings


@check("D090", group="settings", title="variables of this package have an effect")
def without_effect(facts: Facts) -> Iterator[Finding]:
    """No variable of this package is misspelt, or has a word that means nothing."""
    for text in _read(facts).without_effect:
        # Without the connection string nothing is sent at all.
        is_lost = f"{_CONNECTION_STRING} is probably meant" in text
        yield Finding(
            PROBLEM if is_lost else WARNING, _sentence(text), "Correct the variable; the page settings.md of the guide has all of them."
        )


@check("D091", group="settings", title="values of variables are accepted")
def refused(facts: Facts) -> Iterator[Finding]:
    """No variable has a value that raises where an exporter is made."""
    for text in _read(facts).refused:
        yield Finding(
            PROBLEM, f"This package raises an error: {_ended(text)}", "" if "Correct " in text else "Correct the variable or remove it."
        )


@check("D092", group="settings", title="OpenTelemetry is not switched off")
def sdk_disabled(facts: Facts) -> Iterator[Finding]:
    """``OTEL_SDK_DISABLED`` is not ``true``."""
    if need(facts.settings).value("OTEL_SDK_DISABLED").lower() == "true":
        yield Finding(
            PROBLEM,
            "OTEL_SDK_DISABLED=true switches OpenTelemetry off, and all telemetry with it.",
            "Remove the variable OTEL_SDK_DISABLED.",
        )


@check("D093", group="settings", title="exporters send themselves")
def providers_only(facts: Facts) -> Iterator[Finding]:
    """``OPENCENSUS_COMPAT_SEND`` does not leave everything to OpenTelemetry's providers."""
    if need(facts.settings).value("OPENCENSUS_COMPAT_SEND").lower() == "providers":
        yield Finding(
            WARNING,
            "OPENCENSUS_COMPAT_SEND=providers: OpenCensus exporters send nothing themselves; what the exporters of OpenTelemetry's providers do not send is lost.",
            "Give the providers exporters, or remove the variable OPENCENSUS_COMPAT_SEND.",
        )


@check("D094", group="settings", title="OpenTelemetry's sampler keeps traces")
def sampler(facts: Facts) -> Iterator[Finding]:
    """``OTEL_TRACES_SAMPLER`` names a sampler that there is, and that keeps something."""
    settings = need(facts.settings)
    name = settings.value("OTEL_TRACES_SAMPLER").lower()
    known = (*_SAMPLERS, *settings.samplers)
    if name and name not in known:
        yield Finding(
            WARNING,
            f"OTEL_TRACES_SAMPLER={name} names no sampler that is installed, so that OpenTelemetry keeps all traces.",
            f"Set it to one of {', '.join(known)}.",
        )
    elif name.endswith("always_off") or (
        name.endswith(("traceidratio", "fixed_percentage")) and _is_zero(settings.value("OTEL_TRACES_SAMPLER_ARG"))
    ):
        yield Finding(
            WARNING,
            f"OTEL_TRACES_SAMPLER={name} drops the spans of OpenTelemetry code; those of OpenCensus code follow their tracer's own sampler.",
            "Remove the variable OTEL_TRACES_SAMPLER.",
        )


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


@check("D095", group="settings", title="telemetry is not redirected")
def redirected(facts: Facts) -> Iterator[Finding]:
    """No variable sends everything to a local endpoint, outside `census-compat local`."""
    settings = need(facts.settings)
    name = "APPINSIGHTS_EXPORTER_REDIRECT"
    value = settings.value(name)
    if value and not settings.value("OPENCENSUS_COMPAT_LOCAL_NOTES") and not any(name in text for text in settings.refused):
        yield Finding(
            WARNING, f"{name}={value} sends everything to a local endpoint in place of the resource.", f"Remove the variable {name}."
        )


@check("D096", group="settings", title="OpenTelemetry accepts its variables")
def set_aside(facts: Facts) -> Iterator[Finding]:
    """No variable of OpenTelemetry's has a value that OpenTelemetry raises for."""
    for text in _read(facts).set_aside:
        yield Finding(
            WARNING,
            f"OpenTelemetry refuses a variable, which OpenCensus code removes from the process: {text}.",
            "Correct the variable or remove it.",
        )


@check("D097", group="settings", title="variables do not contradict each other")
def contradictions(facts: Facts) -> Iterator[Finding]:
    """No variable makes another one pointless."""
    settings = need(facts.settings)
    if settings.value("OTEL_TRACES_SAMPLER_ARG") and not settings.value("OTEL_TRACES_SAMPLER"):
        yield Finding(
            WARNING, "OTEL_TRACES_SAMPLER_ARG has no effect without OTEL_TRACES_SAMPLER.", "Set OTEL_TRACES_SAMPLER, or remove both."
        )
    if settings.value("OPENCENSUS_COMPAT_SEND").lower() == "providers" and settings.value("OPENCENSUS_COMPAT_ADOPT_PROVIDERS"):
        yield Finding(
            WARNING,
            "OPENCENSUS_COMPAT_ADOPT_PROVIDERS has no effect, because OPENCENSUS_COMPAT_SEND=providers lets this package send nothing.",
            "Remove one of the two variables.",
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + _ended(text)[1:]


def _ended(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."
