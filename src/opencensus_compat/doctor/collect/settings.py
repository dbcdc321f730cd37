"""What the environment variables say, and which of them have no effect or are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.settings import Settings, Variable

__all__ = ["collect"]

_PREFIXES = (
    "OPENCENSUS_",
    "APPINSIGHTS_",
    "APPLICATIONINSIGHTS_",
    "ApplicationInsightsAgent_",
    "PYTHON_APPLICATIONINSIGHTS_",
    "OTEL_",
    "FUNCTIONS_",
    "AzureFunctions",
    "AWS_LAMBDA_",
    "WEBSITE_SITE_NAME",
)
_IDLE = "environment variable "
"""What a sentence about a variable without effect begins with."""
_SAMPLER = "OTEL_TRACES_SAMPLER"


def collect(request: Request) -> Settings:
    """Return what the environment says; variables of the programs' own are left out."""
    environ = dict(request.environ)
    secrets = secrets_of(environ)
    variables = tuple(
        Variable(name, masked(_bare(value), secrets)) for name, value in sorted(environ.items()) if name.startswith(_PREFIXES)
    )
    settings = Settings(variables, samplers=tuple(_samplers()) if environ.get(_SAMPLER) else ())
    try:
        from opencensus_compat._bridge import exporter, refused_variables
        from opencensus_compat._bridge import settings as bridge
    except Exception as error:  # noqa: BLE001 -- what is broken is what is looked for
        return replace(settings, unread=masked(f"This package cannot be imported: {type(error).__name__}: {error}", secrets))

    def clean(texts: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(masked(text, secrets) for text in texts))

    of_exporter = exporter.environment_problems(environ)
    idle = [*bridge.variables_without_effect(), *(text for text in of_exporter if text.startswith(_IDLE))]
    refused = [*(text for text in of_exporter if not text.startswith(_IDLE)), *_refused(environ)]
    return replace(
        settings, without_effect=clean(idle), refused=clean(refused), set_aside=clean(refused_variables.set_aside(dict(environ)))
    )


def _bare(value: str) -> str:
    return value.strip().strip("'\"").strip()


def _refused(environ: dict[str, str]) -> Iterator[str]:
    """Yield what is raised for variables that the facade reads; what reads one is imported only where it is set."""
    for name, read in _READERS.items():
        if environ.get(name, "").strip():
            try:
                read()
            except ValueError as problem:
                yield str(problem)


def _send() -> None:
    from opencensus_compat._bridge.settings import checked_send, variable_text

    name = "OPENCENSUS_COMPAT_SEND"
    checked_send(variable_text(name).lower() or "direct", f"environment variable {name}")


def _exempt_level() -> None:
    from opencensus_compat.ext.azure.log_exporter._sampling import exempt_level

    exempt_level()


def _tag_sets() -> None:
    from opencensus_compat.metrics._cardinality import limit

    limit()


def _invocations() -> None:
    from opencensus_compat.extension.azure._invocation import flush_s

    flush_s(None)


def _sampler() -> None:
    from opencensus_compat._bridge.exporter import sampler_from_environment

    sampler_from_environment()


_READERS: dict[str, Callable[[], None]] = {
    "OPENCENSUS_COMPAT_SEND": _send,
    "OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL": _exempt_level,
    "OPENCENSUS_COMPAT_MAX_TAG_SETS": _tag_sets,
    "OPENCENSUS_COMPAT_FLUSH_INVOCATIONS": _invocations,
    _SAMPLER: _sampler,
}


def _samplers() -> Iterator[str]:
    from importlib.metadata import entry_points

    yield from sorted({each.name for each in entry_points(group="opentelemetry_traces_sampler")})
