"""What the environment variables say, and which of them have no effect or are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
_SAMPLER = "OTEL_TRACES_SAMPLER"


def collect(request: Request) -> Settings:
    """Return what the environment says; variables of the programs' own are left out."""
    from opencensus_compat._bridge import exporter, refused_variables
    from opencensus_compat._bridge import settings as bridge

    environ = dict(request.environ)
    secrets = secrets_of(environ)

    def clean(texts: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(masked(text, secrets) for text in texts))

    of_exporter = exporter.environment_problems(environ)
    idle = [*bridge.variables_without_effect(), *(text for text in of_exporter if text.startswith("environment variable "))]
    refused = [*(text for text in of_exporter if not text.startswith("environment variable ")), *_refused(environ)]
    return Settings(
        variables=tuple(
            Variable(name, masked(exporter.unquoted(value), secrets))
            for name, value in sorted(environ.items())
            if name.startswith(_PREFIXES)
        ),
        without_effect=clean(idle),
        refused=clean(refused),
        set_aside=clean(refused_variables.set_aside(dict(environ))),
        samplers=tuple(_samplers()) if environ.get(_SAMPLER) else (),
    )


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
