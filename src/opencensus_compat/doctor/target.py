"""Where a program's telemetry goes, by its environment: read as the exporter reads it. For collectors: what is in here is secret.

What the program passes in code is not seen here.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

__all__ = ["CONNECTION_STRING", "INSTRUMENTATION_KEY", "Target", "target_of", "temporary_folder", "unquoted"]

CONNECTION_STRING, INSTRUMENTATION_KEY = "APPLICATIONINSIGHTS_CONNECTION_STRING", "APPINSIGHTS_INSTRUMENTATIONKEY"
_GLOBAL_ENDPOINT = "https://dc.services.visualstudio.com"
_TEMPORARY_VARIABLES = ("TMPDIR", "TEMP", "TMP")


@dataclass(frozen=True, slots=True)
class Target:
    """The resource that telemetry goes to."""

    source: str
    """The variable that names it."""
    key: str = field(repr=False)
    """Lower case."""
    endpoint: str
    """Base URL without a slash at its end, as the exporter has it; with a redirect, the local one."""
    original: str
    """The same without the redirect."""
    audience: str | None
    names_endpoint: bool


class UnusableError(ValueError):
    """The environment names a resource in a way that the exporter refuses. The text is the exporter's, without secrets."""


def target_of(environ: Mapping[str, str]) -> Target | None:
    """Return where telemetry goes; None where the environment names no resource.

    Raises:
        UnusableError: It cannot be read.
        ImportError: The exporter cannot be imported.
    """
    # By name: this must load where the exporter does not, and what is wrong then is said elsewhere.
    connection_strings, redirect = (import_module(f"appinsights_exporter.{name}") for name in ("connection_string", "redirect"))
    errors = import_module("appinsights_exporter.errors")
    text, key = unquoted(environ.get(CONNECTION_STRING, "")), unquoted(environ.get(INSTRUMENTATION_KEY, ""))
    try:
        if text:
            parsed = connection_strings.parse(text, source=CONNECTION_STRING)
            if parsed.instrumentation_key is None:
                described = connection_strings.described(connection_strings.pairs(text, source=CONNECTION_STRING))
                raise UnusableError(f"{CONNECTION_STRING} has no InstrumentationKey; it has {described}.")
            source, key, endpoint, audience, named = (
                CONNECTION_STRING,
                parsed.instrumentation_key,
                parsed.ingestion_endpoint,
                parsed.aad_audience,
                parsed.names_endpoint,
            )
        elif key:
            checked = connection_strings.instrumentation_key(key, source=INSTRUMENTATION_KEY, setting="instrumentation_key")
            source, key, endpoint, audience, named = INSTRUMENTATION_KEY, checked, _GLOBAL_ENDPOINT, None, False
        else:
            return None
    except errors.ConfigurationError as error:
        raise UnusableError(str(error)) from None
    local = None
    with contextlib.suppress(errors.ConfigurationError):
        # That the redirect is refused, the checks of the variables say.
        local = redirect.local_endpoint(endpoint, environ)
    return Target(source, str(key), str(local or endpoint), str(endpoint), audience, bool(named))


def unquoted(text: str) -> str:
    """Return a text without the spaces and quotes around it, which the exporter takes off."""
    return text.strip().strip("\"'\u201c\u201d\u2018\u2019\ufeff").strip()


def temporary_folder(environ: Mapping[str, str]) -> str:
    """Return the folder for temporary files that a program with this environment would take, without writing to it as Python does."""
    candidates = [environ[name] for name in _TEMPORARY_VARIABLES if environ.get(name)]
    if os.name == "nt":
        candidates += [r"C:\TEMP", r"C:\TMP", r"\TEMP", r"\TMP"]
    else:
        candidates += [os.path.join(os.sep, *parts) for parts in (("tmp",), ("var", "tmp"), ("usr", "tmp"))]
    found = next((each for each in candidates if os.path.isdir(each) and os.access(each, os.W_OK | os.X_OK)), None)
    return os.path.abspath(found or tempfile.tempdir or candidates[0])
