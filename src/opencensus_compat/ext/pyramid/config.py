"""The settings of the integration with Pyramid."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from opencensus_compat.ext import _server
from opencensus_compat.trace import print_exporter, samplers
from opencensus_compat.trace.propagation import trace_context_http_header_format

DEFAULT_PYRAMID_TRACER_CONFIG: dict[str, Any] = {
    "SAMPLER": samplers.AlwaysOnSampler(),
    "EXPORTER": print_exporter.PrintExporter(),
    "PROPAGATOR": trace_context_http_header_format.TraceContextPropagator(),
    "EXCLUDELIST_PATHS": ["_ah/health"],
}
"""What settings have that name nothing else; the path is that of App Engine's health check."""

_WHERE = "Pyramid's settings"
_OLDER_PATHS = _server.older_name("EXCLUDELIST_PATHS")
_KNOWN = frozenset({*DEFAULT_PYRAMID_TRACER_CONFIG, _OLDER_PATHS})


class PyramidTraceSettings:
    """The part ``TRACE`` of the setting ``OPENCENSUS``, whose keys are attributes of this object.

    The setting is a dictionary, or an expression in text that makes one, as an .ini file has it. Components are objects, their classes, or
    expressions in text.

    Args:
        registry: Of the application.

    Raises:
        ConfigurationError: The setting is neither; reading an attribute raises it for a text that makes no component.
    """

    def __init__(self, registry: Any) -> None:
        given = {} if registry.settings is None else registry.settings.get("OPENCENSUS", {})
        found: Any = _server.trace_settings(given, _WHERE, _KNOWN)
        if not found:
            found = DEFAULT_PYRAMID_TRACER_CONFIG
        elif not isinstance(found, MutableMapping):
            found = dict(found)
        if "EXCLUDELIST_PATHS" not in found and _OLDER_PATHS in found:
            found["EXCLUDELIST_PATHS"] = found[_OLDER_PATHS]
        self.settings = found
        _set_default_configs(self.settings, DEFAULT_PYRAMID_TRACER_CONFIG)

    def __getattr__(self, attr: str) -> Any:
        # What is no default is nothing that settings have.
        if attr not in DEFAULT_PYRAMID_TRACER_CONFIG:
            raise AttributeError(f"Attribute {attr} does not exist.")
        value = self.settings[attr]
        if attr == "EXCLUDELIST_PATHS":
            return _server.excludelist(value, attr, _WHERE)
        if isinstance(value, (str, type)):
            # Once: all who read the settings get the same component.
            value = self.settings[attr] = _MAKERS[attr](value, _WHERE)
        return value


_MAKERS = {"SAMPLER": _server.sampler, "EXPORTER": _server.exporter, "PROPAGATOR": _server.propagator}


def _set_default_configs(user_settings: Any, default: Any) -> Any:
    """Give settings what they lack, and return them."""
    for key, value in default.items():
        if key not in user_settings:
            user_settings[key] = value
    return user_settings
