"""The providers of OpenTelemetry's signals, with their processors and readers. Only what is loaded is looked at."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from opencensus_compat.doctor.collect._named import class_name, key_end
from opencensus_compat.doctor.sections.wiring import Processor, Provider

__all__ = ["providers_of_process"]

_DISTRO = "azure.monitor.opentelemetry.exporter"


def providers_of_process() -> tuple[Provider, ...]:
    """Return the provider of each signal whose part of OpenTelemetry is loaded."""
    found = [(signal, find()) for signal, find in _FIND.items()]
    return tuple(_provider(signal, *seen) for signal, seen in found if seen is not None)


_Seen = tuple[Any, str]
"""A provider, and the method that makes what it is for."""


def _traces() -> _Seen | None:
    api = sys.modules.get("opentelemetry.trace")
    # With that variable, looking would make the provider that it names.
    if api is None or os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"):
        return None
    return _of_feed("spans") or (_set(api.get_tracer_provider(), api, "ProxyTracerProvider"), "get_tracer")


def _logs() -> _Seen | None:
    names = sys.modules.get("appinsights_exporter._sdk_logs")
    if names is None or os.environ.get("OTEL_PYTHON_LOGGER_PROVIDER"):
        return None
    return _of_feed("logs") or (names.global_provider(), "get_logger")


def _metrics() -> _Seen | None:
    api = sys.modules.get("opentelemetry.metrics")
    if api is None or os.environ.get("OTEL_PYTHON_METER_PROVIDER"):
        return None
    provider = api.get_meter_provider()
    # What stands in for one until it is set cannot be shut down.
    return (provider if callable(getattr(provider, "shutdown", None)) else None), "get_meter"


_FIND: dict[str, Callable[[], _Seen | None]] = {"traces": _traces, "logs": _logs, "metrics": _metrics}


def _set(provider: object, api: Any, stand_in: str) -> object:
    return None if isinstance(provider, getattr(api, stand_in, ())) else provider


def _of_feed(signal: str) -> _Seen | None:
    """Return the provider that the program has named by `configure`."""
    feed = getattr(sys.modules.get(f"opencensus_compat._bridge.providers.{signal}"), "_feed", None)
    if feed is None or not feed.is_configured:
        return None
    return feed.provider, "get_tracer" if signal == "spans" else "get_logger"


def _provider(signal: str, provider: Any, makes: str) -> Provider:
    if provider is None:
        return Provider(signal, "")
    later = _successor(provider, makes)
    used = provider if later is None else later
    processors = _processors(signal, used)
    sampler = getattr(used, "sampler", None)
    return Provider(
        signal=signal,
        name=class_name(type(used)),
        whose=_whose(used, processors or ()),
        came_late=later is not None,
        sampler=_description(sampler) if signal == "traces" else "",
        processors=processors or (),
        can_be_seen=processors is not None,
    )


def _successor(provider: Any, makes: str) -> Any:
    """Return the provider that one of this package's delegates to; None where it does not."""
    found = getattr(provider, "_census_successor", None)
    if found is None:
        found = getattr(getattr(provider, makes, None), "__self__", provider)
    return None if found is provider else found


def _whose(provider: Any, processors: tuple[Processor, ...]) -> str:
    whose = sys.modules.get("opencensus_compat._bridge.whose")
    if whose is not None and whose.is_made(provider):
        return "census-compat"
    if getattr(provider, "is_of_configure", False):
        return "configure"
    if any(processor.exporter.startswith(_DISTRO) for processor in processors):
        return "azure-monitor-opentelemetry"
    return "program"


def _description(sampler: Any) -> str:
    try:
        return str(sampler.get_description())
    except Exception:  # noqa: BLE001 -- a sampler of anyone's, or none
        return ""


def _processors(signal: str, provider: Any) -> tuple[Processor, ...] | None:
    """Return what a provider hands its telemetry to; None where that cannot be read."""
    from opencensus_compat._bridge import others

    of = others.processors_of(signal, provider)
    return None if of is None else tuple(map(_processor, of))


def _processor(processor: Any) -> Processor:
    from opencensus_compat._bridge import others

    keys = others.exporters_keys(processor)
    exporter = others.exporter_behind(processor)
    name = class_name(type(processor))
    return Processor(
        name=name,
        exporter="" if exporter is None else class_name(type(exporter)),
        key=next(map(key_end, keys), ""),
        is_own=type(processor).__module__.startswith("opencensus_compat."),
    )
