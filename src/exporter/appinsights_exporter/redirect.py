"""Sending to a local endpoint in place of the resources that a program names, as `census-compat local` asks of the program it runs.

The original endpoint stays visible in the path: ``http://127.0.0.1:8080/_from/https%3A%2F%2Fdc.services.visualstudio.com/v2.1/track``. So two
endpoints stay two destinations, and the local endpoint can say which ones were redirected.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from .errors import ConfigurationError
from .spelling import unquoted

if TYPE_CHECKING:
    from collections.abc import Mapping

REDIRECT_VARIABLE = "APPINSIGHTS_EXPORTER_REDIRECT"
PREFIX = "/_from/"
"""What stands before the quoted original endpoint in the path of a redirected one."""

at_start = ""
"""What the variable said when this process started, if anybody has noted that: programs empty their environment."""
redirected_endpoints: set[str] = set()
"""Original endpoints of the settings that this process made under a redirect."""


def local_endpoint(original: str, environ: Mapping[str, str]) -> str | None:
    """Return the base URL that stands for an endpoint at the local one which the environment names, or named; None without a redirect.

    Args:
        original: Base URL of ingestion, as the connection string has it, or as this function returned it.
        environ: The environment variables.

    Raises:
        ConfigurationError: The environment names no http URL of a loopback address.
    """
    text = unquoted(environ.get(REDIRECT_VARIABLE) or at_start)
    if not text:
        return None
    target = _loopback_url(text)
    if original.startswith(target + PREFIX):
        return original
    redirected_endpoints.add(original)
    return target if original == target else f"{target}{PREFIX}{quote(original, safe='')}"


def _loopback_url(text: str) -> str:
    """Return the base URL without a trailing slash."""
    try:
        parts = urlsplit(text.rstrip("/"))
        host = parts.hostname or ""
        usable = parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
        usable = (
            usable and (parts.port is None or parts.port > 0) and not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
        )
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            "ingestion_endpoint",
            REDIRECT_VARIABLE,
            expected="the http URL of a loopback address, such as http://127.0.0.1:8080/",
            came="one with an @ in it" if "@" in text else repr(text),
            advice=f"Correct {REDIRECT_VARIABLE} or remove it.",
        )
    return f"http://{parts.netloc.lower()}"
