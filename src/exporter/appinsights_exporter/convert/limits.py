"""Limits of the wire, and the turning of attribute values into what the wire takes. Lengths are in characters."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from ..foreign import failure

MAX_NAME = 1024
MAX_CODE = 1024
MAX_TYPE = 1024
MAX_TARGET = 1024
MAX_SOURCE = 1024
MAX_URL = 2048
MAX_DATA = 8192
MAX_MESSAGE = 32768
MAX_STACK = 32768
MAX_KEY = 150
MAX_VALUE = 8192
MAX_GEN_AI_VALUE = 262144
MAX_LINKS = 100
MAX_ID = 512
MAX_EVENT_NAME = 512
MAX_AVAILABILITY_MESSAGE = 8192

NO_NAME = "n/a"
"""Text of a field that the service requires, where there is none. Source: specification sections 3 and 5.3."""

TAG_LIMITS = {
    "ai.application.ver": 1024,
    "ai.cloud.role": 256,
    "ai.cloud.roleInstance": 256,
    "ai.cloud.roleVer": 256,
    "ai.cloud.location": 256,
    "ai.device.id": 1024,
    "ai.device.locale": 64,
    "ai.device.model": 256,
    "ai.device.oemName": 256,
    "ai.device.osVersion": 256,
    "ai.device.type": 64,
    "ai.internal.agentVersion": 64,
    "ai.internal.nodeName": 256,
    "ai.internal.sdkVersion": 64,
    "ai.location.ip": 46,
    "ai.location.country": 256,
    "ai.location.province": 256,
    "ai.location.city": 256,
    "ai.operation.id": 128,
    "ai.operation.name": 1024,
    "ai.operation.parentId": 512,
    "ai.operation.syntheticSource": 1024,
    "ai.operation.correlationVector": 64,
    "ai.session.id": 64,
    "ai.session.isFirst": 5,
    "ai.user.accountId": 1024,
    "ai.user.authUserId": 1024,
    "ai.user.id": 128,
}
"""Tag to longest value. Source: specification section 2."""
_MAX_OTHER_TAG = 1024
_SHORTEST_LIMIT = min(TAG_LIMITS.values())

_LONG_VALUES = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.evaluation.explanation",
    }
)
_MOST_NEGATIVE, _ABOVE_64_BITS = 2**63, 2**64
_BULKY = 1024
_EXACT: tuple[tuple[type, Callable[[Any], Any]], ...] = ((str, str.__str__), (int, int.__int__), (float, float.__float__))
_EXACT_JSON_OPTIONS = orjson.OPT_NON_STR_KEYS


def text(value: object) -> str:
    """Return an attribute value as text.

    Returns: ``True``/``False`` for booleans (saved queries compare with these), JSON for sequences and mappings, UTF-8 text or else
    base64 for bytes, and ``str(value)`` for the rest.
    Source: specification section 1.4.
    """
    if type(value) is str:
        return value
    kind = type(value)
    if kind is int or kind is bool or kind is float:
        # Before the questions below, which take far longer than the answer here.
        return _str(value)
    for base, exact in _EXACT:
        if isinstance(value, base):
            # A member of an enumeration whose members are texts or numbers is that text or number, as in JSON; its str() is its name.
            return _str(exact(value))
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return _json(dict(value))
    if isinstance(value, Sequence):
        return _json(list(value))
    return _str(value)


def required(value: str, chars: int, missing: str = NO_NAME) -> str:
    """Return the text of a field that the service requires: cut to so many characters, and never empty or blank."""
    cut = value if len(value) <= chars else value[:chars]
    return missing if not cut or cut.isspace() else cut


def tag(name: str, value: object) -> str:
    """Return a tag's value: text, cut to the tag's limit."""
    shown = value if type(value) is str else text(value)
    return shown if len(shown) <= _SHORTEST_LIMIT else shown[: TAG_LIMITS.get(name, _MAX_OTHER_TAG)]


def properties(attributes: dict[str, object]) -> dict[str, str]:
    """Turn attributes into properties, and return them.

    Small values come first: the service cuts the whole bag at about 64 KiB, and what is last is lost.

    Args:
        attributes: Changed, and not to be used any more: most values stand as they should, and a dict that grows anew takes longer.
    Loses: empty keys, keys over 150 characters, None; what is beyond 8192 characters of a value (262144 for the long gen_ai ones).
    Source: specification section 1.4.
    """
    bulky = False
    unfit: list[str] = []
    for key, value in attributes.items():
        if not key or len(key) > MAX_KEY:
            unfit.append(key)
            continue
        # Texts first, and None last: most values are texts, and this loop is a quarter of what a whole item takes.
        if type(value) is str:
            if len(value) <= _BULKY:
                continue
            shown = value
        elif (kind := type(value)) is int:
            try:
                shown = str(value)
            except ValueError:
                # Of over 4300 digits.
                shown = text(value)
        elif kind is bool:
            shown = "True" if value else "False"
        elif value is None:
            unfit.append(key)
            continue
        else:
            shown = text(value)
        if len(shown) > _BULKY:
            bulky = True
            shown = shown[: MAX_GEN_AI_VALUE if key in _LONG_VALUES else MAX_VALUE]
        # The key is there already, so the dict may be walked through meanwhile.
        attributes[key] = shown
    if unfit:
        for key in unfit:
            del attributes[key]
    if bulky:
        made: dict[str, Any] = attributes
        return dict(sorted(made.items(), key=lambda pair: len(pair[1]) if len(pair[1]) > _BULKY else 0))
    return attributes  # type: ignore[return-value]  # by now every value is a text


def measurements(value: object, on_skipped: Callable[[str], object] | None = None) -> dict[str, float]:
    """Return custom measurements: text to finite number. What has more than 64 bits is the nearest float.

    Args:
        value: A mapping, or the JSON text of an object; anything else gives no measurements.
        on_skipped: Called with the key of what is not a finite number.
    Loses: booleans, texts, None, numbers that are not finite or do not fit a float, empty keys; keys beyond 150 characters are cut.
    Source: specification section 4.2.
    """
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(value, Mapping):
        return {}
    result: dict[str, float] = {}
    for key, number in value.items():
        found = None if isinstance(number, bool) or not isinstance(number, (int, float)) else _finite(number)
        if found is None:
            if on_skipped is not None:
                on_skipped(text(key))
        elif key:
            result[text(key)[:MAX_KEY]] = found
    return result


def _finite(number: float) -> float | None:
    """Return a number as the wire has it, None where it has none: 64 bits, or a float."""
    try:
        if math.isfinite(number):
            return number if -_MOST_NEGATIVE <= number < _ABOVE_64_BITS else float(number)
    except OverflowError:
        pass
    return None


def _json(value: object) -> str:
    try:
        made = orjson.dumps(value, default=_inner, option=_EXACT_JSON_OPTIONS)
        if b"null" in made:
            # None, or a number that JSON has no form for.
            made = orjson.dumps(_named(value), default=_inner, option=_EXACT_JSON_OPTIONS)
        return made.decode()
    except (TypeError, ValueError, RecursionError):
        # Cycles, lone surrogates, numbers over 64 bits: the plain text still tells what it was.
        return _str(value)


def _named(value: object) -> Any:
    """Return a value in which numbers that are not finite are their text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else _str(float(value))
    if isinstance(value, Mapping):
        return {key: _named(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [_named(inner) for inner in value]
    return value


def _str(value: object) -> str:
    try:
        return str(value)
    except failure():  # str() of a foreign object may raise anything, and of numbers over 4300 digits it does.
        return f"<{type(value).__name__}>"


def _inner(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return list(value)
    return text(value)
