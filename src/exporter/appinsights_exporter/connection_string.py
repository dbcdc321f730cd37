"""Reading of Application Insights connection strings. Pure.

A connection string is a row of ``Key=Value`` pairs joined by ``;``, as the portal shows it::

    InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/

It is read generously where people paste carelessly (a trailing ``;``, spaces, capitals, quotes) and strictly where a wrong guess would send
telemetry to the wrong place (an empty endpoint, another scheme than http or https).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .errors import ConnectionStringError
from .spelling import nearest, unquoted

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LENGTH = 4096
"""Longest connection string, in characters, that the service's own SDKs take."""
DEFAULT_INGESTION_ENDPOINT = "https://dc.services.visualstudio.com"
"""Where telemetry goes when a connection string names neither an endpoint nor a suffix."""

FIELDS = (
    "InstrumentationKey",
    "IngestionEndpoint",
    "EndpointSuffix",
    "Location",
    "AADAudience",
    "Authorization",
    "LiveEndpoint",
    "ProfilerEndpoint",
    "SnapshotEndpoint",
    "ApplicationId",
)
"""Fields that connection strings have. Only the first six mean something here."""

_FIELD_NAME = re.compile(r"[a-z]{1,40}")
_KEY = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SUFFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?")
_LOCATION = re.compile(r"[A-Za-z0-9]+")
_WORD = re.compile(r"[A-Za-z]{1,12}")
_SECRETIVE = "@?#"
"""What stands before or behind secrets in addresses."""
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """What a connection string says, checked and normalised."""

    instrumentation_key: str | None
    """Lower-case UUID; None when the string has none."""
    ingestion_endpoint: str
    """Base URL without a trailing slash."""
    aad_audience: str | None
    """Token audience for Entra ID; None means the public cloud's."""
    names_endpoint: bool = field(default=False, compare=False)
    """Whether the endpoint is the string's own, rather than the default."""


def described(fields: Iterable[str]) -> str:
    """Return the names of fields for an error message, each beside the name that it is probably a misspelling of.

    Args:
        fields: In lower case. What does not look like a field's name may be a secret, so it is counted and not quoted.
    """
    known = {name.lower(): name for name in FIELDS}
    said, others = [], 0
    for name in fields:
        near = known.get(name) or nearest(name, FIELDS)
        if near:
            said.append(near if name in known else f"{name!r} (is {near} meant?)")
        elif _FIELD_NAME.fullmatch(name):
            said.append(repr(name))
        else:
            others += 1
    if others:
        said.append(f"{others} other field{'s' if others > 1 else ''}")
    return ", ".join(said) or "none"


def misspelt(fields: Iterable[str]) -> dict[str, str]:
    """Return the fields that look like a misspelling of one that matters and is missing, each with the right name."""
    given = set(fields)
    unknown = sorted(given.difference(name.lower() for name in FIELDS))
    missing = [name for name in FIELDS[:6] if name.lower() not in given]
    return {name: near for name in unknown if (near := nearest(name, missing))}


def completed(given: ConnectionString, environment: ConnectionString) -> ConnectionString:
    """Return a string that names a key alone with the endpoint and audience of the environment's string, if that is of the same key.

    Args:
        given: As the program gave it.
        environment: With the environment's key.
    """
    if given.names_endpoint or given.instrumentation_key is None or given.instrumentation_key != environment.instrumentation_key:
        return given
    return replace(environment, aad_audience=given.aad_audience or environment.aad_audience)


def parse(text: str, *, source: str) -> ConnectionString:
    """Return the checked fields of a connection string.

    Args:
        text: The string as the user gave it.
        source: Where it came from, for error messages.

    Raises:
        ConnectionStringError: Malformed, too long, an unknown authorization, a bad key, endpoint, suffix or location.
    Source: specification section 9.1. Later duplicates of a key win, as in the Python SDKs.
    """
    fields = pairs(text, source=source)
    authorization = fields.get("authorization")
    if authorization is not None and authorization.lower() != "ikey":
        raise ConnectionStringError(
            "connection_string",
            source,
            expected="Authorization=ikey, or no Authorization at all",
            # What stands there instead of a kind may be a token.
            came=f"Authorization={authorization!r}" if _WORD.fullmatch(authorization) else f"{len(authorization)} characters",
            advice="For Entra ID leave it out and pass a credential.",
        )
    key = fields.get("instrumentationkey")
    return ConnectionString(
        instrumentation_key=None if key is None else instrumentation_key(key, source=source),
        ingestion_endpoint=_ingestion_endpoint(fields, source),
        aad_audience=fields.get("aadaudience") or None,
        names_endpoint="ingestionendpoint" in fields or "endpointsuffix" in fields,
    )


def pairs(text: str, *, source: str) -> dict[str, str]:
    """Return the pairs of a connection string: lower-case key to value without spaces and quotes around it; empty pairs are skipped.

    Raises:
        ConnectionStringError: Not text, longer than 4096 characters, or a part that is not ``Key=Value``.
    """
    if not isinstance(text, str):
        raise ConnectionStringError(
            "connection_string", source, expected="text", came=type(text).__name__, advice="Copy it from the resource's overview page."
        )
    if len(text) > MAX_LENGTH:
        raise ConnectionStringError(
            "connection_string",
            source,
            expected=f"at most {MAX_LENGTH} characters",
            came=f"{len(text)} characters",
            advice="Copy it again from the resource's overview page.",
        )
    found: dict[str, str] = {}
    for position, part in enumerate(unquoted(text).split(";"), start=1):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        key = unquoted(key).lower()
        if not equals or not key:
            # The part itself may be a key or a token: it is described, never quoted.
            bare_key = _KEY.fullmatch(part.strip().lower()) is not None
            raise ConnectionStringError(
                "connection_string",
                source,
                expected="Key=Value pairs joined by ';'",
                came="a bare instrumentation key" if bare_key else f"part {position} ({len(part)} characters) without a key and '='",
                advice="Write InstrumentationKey=<key>." if bare_key else "Copy it again from the resource's overview page.",
            )
        found[key] = unquoted(value)
    return found


def instrumentation_key(text: object, *, source: str, setting: str = "connection_string") -> str:
    """Return an instrumentation key without spaces and quotes around it, in lower case.

    Raises:
        ConnectionStringError: It is not a UUID in its 36-character form.
    """
    key = unquoted(text).lower() if isinstance(text, str) else ""
    if not _KEY.fullmatch(key):
        came = f"{len(text)} characters that are not one" if isinstance(text, str) else type(text).__name__
        raise ConnectionStringError(
            setting,
            source,
            expected="an instrumentation key of the form 01234567-89ab-cdef-0123-456789abcdef",
            came=came if text else "nothing",
            advice="Copy the connection string from the resource's overview page.",
        )
    return key


def _ingestion_endpoint(fields: dict[str, str], source: str) -> str:
    endpoint = fields.get("ingestionendpoint")
    if endpoint is not None:
        return _base_url(endpoint, source)
    if "endpointsuffix" not in fields:
        return DEFAULT_INGESTION_ENDPOINT
    suffix = fields["endpointsuffix"].strip(". ")
    location = fields.get("location", "").strip(". ")
    if not _SUFFIX.fullmatch(suffix):
        raise ConnectionStringError(
            "connection_string",
            source,
            expected="a host name as EndpointSuffix",
            came=_shown(suffix),
            advice="For example applicationinsights.azure.cn.",
        )
    if location and not _LOCATION.fullmatch(location):
        raise ConnectionStringError(
            "connection_string", source, expected="letters and digits as Location", came=_shown(location), advice="For example westeurope."
        )
    prefix = f"{location}." if location else ""
    return _base_url(f"https://{prefix}dc.{suffix}", source)


def _shown(address: str) -> str:
    """Return an address or a part of one for a message: described, not quoted, where it may hold a secret."""
    found = next((character for character in _SECRETIVE if character in address), None)
    return f"one with {'an' if found == '@' else 'a'} {found} in it" if found else repr(address)


def _base_url(url: str, source: str) -> str:
    trimmed = url.rstrip("/")
    try:
        parts = urlsplit(trimmed)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    else:
        usable = usable and "@" not in parts.netloc and not parts.query and not parts.fragment and not _UNSAFE.search(trimmed)
    if not usable:
        raise ConnectionStringError(
            "connection_string",
            source,
            expected="IngestionEndpoint as an absolute http or https URL without user name, query and fragment",
            came=_shown(url) if url else "an empty value",
            advice="Copy the connection string from the resource's overview page.",
        )
    # One spelling of one place: destinations are compared by it. What an empty ``?`` or ``#`` would cut off stays out, too.
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
