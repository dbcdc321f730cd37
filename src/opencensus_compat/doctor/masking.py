"""Secrets are taken out of texts here, and nowhere else. Pure.

Two ways, one after the other: the values that the environment says are secret go wherever they stand, and so does whatever has the form of
a secret: keys, tokens, signatures, passwords in URLs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import unquote

__all__ = ["MASK", "is_secret_name", "masked", "secrets_of"]

MASK = "***"
"""What stands in the place of a secret."""

_SHORTEST, _SHORTEST_USER = 6, 12
"""Characters. Shorter values are words of ordinary texts, too: they go only where their name or their place shows what they are."""

_WORD = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|signature|sig|credentials?|jwt|dsn|cookie|sas|connection_?string|"
    r"(?:api|access|account|private|shared|instrumentation|subscription|functions?|storage|signing|encryption|secret|client|master|host)"
    r"[-_.]?(?:access)?[-_.]?key(?:[-_.]?id)?|ikey|i_key)"
)
_SECRET_NAME = re.compile(
    rf"(?:^|[-_.]){_WORD}(?:s|[-_.\d]|$)|(?:password|secret|token|signature|connectionstring|instrumentationkey)$|^key$|_key$|^code$",
    re.IGNORECASE,
)
"""Name of a variable, a field or a key of a query whose value is a secret."""
_HARMLESS = re.compile(r"^(?:|0|1|true|false|yes|no|on|off|none|null|aad|\*+|…+|\d{1,5})$", re.IGNORECASE)
"""A value that is none, whatever its name."""

_FOLDERS = ("PWD", "OLDPWD")
"""Variables of shells, whose names read as those of passwords."""

_URL_USER = re.compile(r"(?P<start>\b[a-z][a-z0-9+.-]*://)(?P<user>[^\s/:'\"<>]+:(?!\d*/)[^\s'\"<>]*|[^\s/'\"<>]*)@", re.IGNORECASE)
"""A password that was not encoded may hold anything, up to the last ``@``; what begins with digits and a slash is a port."""
_SCHEME = re.compile(r"\b(?P<scheme>bearer|basic|sharedkey|sharedaccesssignature)(?P<gap>\s+|%20)(?P<value>[^\s'\",;]+)", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){0,4}")
_GUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])", re.IGNORECASE)
_PAIR = re.compile(
    r"(?P<name>[A-Za-z][\w.-]{0,60}?)(?P<sign>\s?=\s?|['\"]\s*[:=]\s*|%3[dD]|:\s)(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&,'\"<>]+)"
)
_LONG = re.compile(
    r"(?<![\w/+-])(?!/(?:[\w.-]+/){2})(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*[a-z])[A-Za-z0-9+/_-]{40,}={0,2}(?![\w/+=-])"
)
"""Base64; a path of several folders is none, however long it is."""
_HEX = re.compile(r"(?<![0-9a-zA-Z])(?:[0-9a-f]{32,}|[0-9A-F]{32,})(?![0-9a-zA-Z])")


def masked(text: str, secrets: Collection[str] = ()) -> str:
    """Return a text without secrets: of a key that identifies a resource the first digits stay.

    Args:
        text: Of any length.
        secrets: Values that are secret in themselves, as `secrets_of` finds them.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _URL_USER.sub(lambda found: f"{found['start']}{MASK}@", text)
    text = _SCHEME.sub(lambda found: f"{found['scheme']}{found['gap']}{MASK}", text)
    text = _JWT.sub(MASK, text)
    text = _PAIR.sub(_pair, text)
    text = _GUID.sub(lambda found: f"{found[0][:4]}{MASK}", text)
    text = _LONG.sub(lambda found: found[0] if _is_path(found[0]) else MASK, text)
    return _HEX.sub(lambda found: f"{found[0][:4]}{MASK}", text)


def _is_path(text: str) -> bool:
    """Tell whether a long word is rather a path than something encoded."""
    return "/" in text and (text.startswith("/") or "-" in text or "_" in text or len(text) % 4 != 0)


def secrets_of(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the values in an environment that are secrets, by the names of their variables or by what stands around them."""
    found = {value for name, text in environ.items() if name not in _FOLDERS for value in _values(name, text)}
    return frozenset(value for value in found if len(value) >= _SHORTEST and not _HARMLESS.match(value))


def _values(name: str, text: str) -> Iterator[str]:
    text = text.strip().strip("'\"").strip()
    if is_secret_name(name) and "=" not in text and "://" not in text:
        yield text
    yield from _in_pairs(text)
    for address in _URL_USER.finditer(text):
        user, colon, password = address["user"].partition(":")
        for part in (password,) if colon else (user,) if len(user) >= _SHORTEST_USER else ():
            yield part
            yield unquote(part)


def _in_pairs(text: str) -> Iterator[str]:
    for pair in _PAIR.finditer(text):
        if is_secret_name(pair["name"]):
            yield pair["value"].strip("'\"")
        else:
            yield from _in_pairs(pair["value"])


def is_secret_name(name: str) -> bool:
    """Tell whether the value of a variable, a field or a key of a query is a secret by its name."""
    return _SECRET_NAME.search(name) is not None


def _pair(found: re.Match[str]) -> str:
    value = found["value"]
    bare = value.strip("'\"")
    if not is_secret_name(found["name"]):
        # What stands behind it may be a pair in its turn, such as the query of an address.
        return f"{found['name']}{found['sign']}{_PAIR.sub(_pair, value)}"
    is_sentence = found["sign"].startswith(":") and (len(bare) < _SHORTEST_USER or bare.isalpha())  # such as `token: expired`
    if is_sentence or _HARMLESS.match(bare) or MASK in bare:
        return found[0]
    quote = value[0] if value[0] in "'\"" else ""
    kept = bare[:4] if _GUID.fullmatch(bare) else ""
    return f"{found['name']}{found['sign']}{quote}{kept}{MASK}{quote}"
