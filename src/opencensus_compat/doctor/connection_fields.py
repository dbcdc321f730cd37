"""What people get wrong in connection strings, told by their text; nothing of it is quoted but names of fields. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["Mistake", "is_sovereign", "mistakes"]

_KEY, _ENDPOINT = "instrumentationkey", "ingestionendpoint"
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\{\{[^}]*\}\}|%[A-Z_]{3,}%|<[^>]*>|\byour[-_ ]", re.IGNORECASE)
_OTHER_SERVICES = ("accountkey=", "sharedaccesskey=", "endpoint=sb://", "server=", "hostname=", "customerid=")
_SEPARATORS = re.compile(r"instrumentationkey\s*=[^;=]*?([,|\s&])\s*ingestionendpoint\s*=", re.IGNORECASE)
_COLON = re.compile(r"^\s*\W?instrumentationkey\W?\s*:", re.IGNORECASE)
_ZERO = re.compile(r"instrumentationkey\s*=\s*0{8}-(?:0{4}-){3}0{12}", re.IGNORECASE)
_COPY = "Copy the connection string from the resource's overview page."


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong."""

    text: str
    """What follows the name of the variable."""
    step: str


def mistakes(text: str) -> Iterator[Mistake]:
    """Yield what is wrong with a connection string, the most telling first."""
    lower = text.strip().lower()
    if lower.startswith("@microsoft.keyvault("):
        yield Mistake(
            "holds a reference to a key vault that was not resolved",
            "Look at the reference in the settings of the app: its identity needs the right to read the secret.",
        )
    elif _is_encoded(text):
        yield Mistake(
            "is Base64", "Decode it: a value under `data` of a Kubernetes Secret is encoded once, and one under `stringData` not at all."
        )
    elif lower.startswith(("export ", "set ", "applicationinsights_connection_string")):
        yield Mistake("holds the name of a variable, too", "Give the value alone, without the name before its first =.")
    elif lower.startswith("{"):
        yield Mistake("is JSON", f"Give the text of the field alone. {_COPY}")
    elif "%3b" in lower and _KEY in unquote(lower):
        yield Mistake("is encoded as in a URL (%3B in place of ;)", _COPY)
    elif "&amp;" in lower or "\\;" in lower:
        yield Mistake("holds characters of an encoding (&amp; or a backslash before ;)", _COPY)
    elif _COLON.search(text):
        yield Mistake("has a colon after InstrumentationKey in place of =", _COPY)
    elif (found := _SEPARATORS.search(text)) is not None:
        names = {",": "a comma", "|": "a bar", "&": "an ampersand", "\n": "a line end"}
        yield Mistake(f"has {names.get(found[1], 'a space')} between its fields in place of ;", "Join the fields by ';'.")
    elif any(each in lower for each in _OTHER_SERVICES) and _KEY not in lower:
        yield Mistake("is of another service", _COPY)
    elif _PLACEHOLDER.search(text):
        yield Mistake("holds a placeholder that nobody has replaced", f"Look at what is to put the value there. {_COPY}")
    elif _ZERO.search(text):
        yield Mistake("has a key of zeros", _COPY)


def is_sovereign(host: str) -> str:
    """Return the audience of tokens for a cloud that is not the public one, by the host of its endpoint; empty for the public cloud."""
    for end, audience in ((".azure.cn", "https://monitor.azure.cn"), (".azure.us", "https://monitor.azure.us")):
        if host.lower().rstrip(".").endswith(end):
            return audience
    return ""


def _is_encoded(text: str) -> bool:
    if "=" in text.rstrip("=\n ") or ";" in text or len(text) < 40:
        return False
    try:
        return _KEY in base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace").lower()
    except (binascii.Error, ValueError):
        return False
