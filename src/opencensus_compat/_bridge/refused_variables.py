"""Environment variables whose values OpenTelemetry refuses. It changes nothing but the environment that it is handed.

OpenTelemetry reads them as its modules load and as providers are made, and raises or logs an error for what it does not understand.
Loaded before anything of OpenTelemetry, so it imports nothing that costs unless a variable is set.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

_LIMITS = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
)
_NAMED = {
    "OTEL_PYTHON_CONTEXT": "opentelemetry_context",
    "OTEL_PYTHON_LOGGER_PROVIDER": "opentelemetry_logger_provider",
    "OTEL_PYTHON_METER_PROVIDER": "opentelemetry_meter_provider",
    "OTEL_PYTHON_TRACER_PROVIDER": "opentelemetry_tracer_provider",
}
"""Variable -> the group of entry points of which it names one."""
_NAMED_LISTS = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "opentelemetry_resource_detector", "OTEL_PROPAGATORS": "opentelemetry_propagator"}
"""The same, for variables that name several."""
_WORDS = ("none", "*")
"""What stands in such lists and names no entry point."""
_EXEMPLAR_FILTER = "OTEL_METRICS_EXEMPLAR_FILTER"
_EXEMPLAR_FILTERS = ("trace_based", "always_on", "always_off")
_SAMPLER, _RATE = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
_RATIO_SAMPLERS = ("traceidratio", "parentbased_traceidratio")
_LONGEST_SHOWN = 60


def set_aside(environ: MutableMapping[str, str], has: Callable[[str, str], bool] | None = None) -> list[str]:
    """Take what OpenTelemetry cannot use out of an environment, and return for each variable what was expected and what came.

    Of a list the names that it can use stay. A variable without a value is none, so nothing is returned for it.

    Args:
        environ: Changed.
        has: Tells whether there is an entry point, by group and name; None looks for those that are installed.
    """
    has = has or _has
    problems: list[str] = []

    def refuse(variable: str, expected: str, rest: str = "") -> None:
        shown = environ[variable]
        if shown.strip():
            problems.append(f"{variable} (expected {expected}, got {shown[:_LONGEST_SHOWN]!r})")
        if rest:
            environ[variable] = rest
        else:
            del environ[variable]

    for variable in _LIMITS:
        if variable in environ and not _is_limit(environ[variable].strip()):
            refuse(variable, "a whole number from 0 on")
    if environ.get(_EXEMPLAR_FILTER, _EXEMPLAR_FILTERS[0]) not in _EXEMPLAR_FILTERS:
        refuse(_EXEMPLAR_FILTER, " or ".join(map(repr, _EXEMPLAR_FILTERS)))
    ratio = environ.get(_SAMPLER, "").lower() in _RATIO_SAMPLERS
    if ratio and _RATE in environ and not _is_rate(environ[_RATE]):
        refuse(_RATE, "a share of traces from 0.0 to 1.0")
    for variable, group in _NAMED.items():
        if variable in environ and not has(group, environ[variable]):
            refuse(variable, f"the name of an installed {group}")
    for variable, group in _NAMED_LISTS.items():
        names = [name.strip() for name in environ.get(variable, "").split(",")]
        known = [name for name in names if name.lower() in _WORDS or (name and has(group, name))]
        if known != names and any(names):
            refuse(variable, f"names of installed entry points {group}", ",".join(known))
    return problems


def _is_limit(said: str) -> bool:
    if not said:
        return True
    try:
        return int(said) >= 0
    except ValueError:
        return False


def _is_rate(said: str) -> bool:
    try:
        return 0 <= float(said) <= 1
    except ValueError:
        return False


def _has(group: str, name: str) -> bool:
    if group == _NAMED_LISTS["OTEL_PROPAGATORS"] and name in ("tracecontext", "baggage"):
        return True
    from importlib.metadata import entry_points

    return bool(entry_points(group=group, name=name))
