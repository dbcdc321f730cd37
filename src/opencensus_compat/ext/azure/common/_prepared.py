"""Options and settings of a further exporter or handler, without reading the same connection string and environment again.

Programs make an exporter for each request. What follows from the options that they give and from the environment is remembered; what does not
is done for each exporter.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from opencensus_compat._bridge.process import on_reset
from opencensus_compat._bridge.settings import chosen
from opencensus_compat.ext.azure import common as _common
from opencensus_compat.ext.azure.common import Options, settings_of, utils

if TYPE_CHECKING:
    from opencensus_compat._bridge.exporter import Settings

__all__ = ["VARIABLES", "prepared"]

MOST = 64
"""How many different options are remembered. A program with more of them pays for reading them."""
VARIABLES = (
    "APPINSIGHTS_EXPORTER_COUNTS_FILE",
    "APPINSIGHTS_EXPORTER_REDIRECT",
    "APPINSIGHTS_EXPORTER_STORAGE",
    "APPINSIGHTS_EXPORTER_STORAGE_FOLDER",
    "APPINSIGHTS_EXPORTER_URL_QUERY",
    "APPINSIGHTS_INSTRUMENTATIONKEY",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_METRIC_NAMESPACE_OPT_IN",
    "OPENCENSUS_COMPAT_ENVELOPES",
    "OPENCENSUS_COMPAT_LOG_SAMPLING_EXEMPT_LEVEL",
    "OPENCENSUS_COMPAT_SEND",
    "OPENCENSUS_COMPAT_TAKE_STORED",
    "OTEL_SDK_DISABLED",
)
"""The environment variables that options and settings depend on."""
_PLAIN = frozenset((bool, float, int, str, type(None)))
"""Types of values that never change."""


class _Known(NamedTuple):
    """What was made of options that a program gave."""

    content: dict[str, Any]
    """The options, with those that follow from others or the environment."""
    settings: Settings
    """Theirs. They hold the credential, whose id is in the key."""
    besides: Any
    """What the caller had made besides."""


_known: dict[tuple[object, ...], _Known] = {}
on_reset(_known.clear)


def prepared(kind: type[Options], given: dict[str, Any], besides: Callable[[], object] | None = None) -> tuple[Options, Settings, Any]:
    """Return the options that a program gave, their settings, which are the same object each time, and what `besides` returned.

    Args:
        kind: `Options`, or what a test of a program has put in its place.
        given: The program's keyword arguments.
        besides: Returns something that follows from `VARIABLES`.

    Raises:
        ValueError: See `Options` and `settings_of`.
    """
    key = _key(given, besides) if kind is Options else None
    known = None if key is None else _known.get(key)
    if known is not None:
        options = Options.__new__(Options)
        options.update(known.content)
        return options, known.settings, known.besides
    options = kind(**given)
    known = _Known(dict(options), settings_of(options), None if besides is None else besides())
    # Where something has changed meanwhile, by another thread or at the first exporter, nobody knows what it was made of.
    if key is not None and key == _key(given, besides):
        if len(_known) >= MOST:
            _known.clear()
        _known[key] = known
    return options, known.settings, known.besides


def _key(given: dict[str, Any], besides: object) -> tuple[object, ...] | None:
    """Return what the result depends on; None where that cannot be said, since a value may change."""
    values: Any = given.values()
    kinds = tuple(map(type, values))
    if not _PLAIN.issuperset(kinds):
        credential = given.get("credential")
        values = [id(value) if value is credential else value for value in values]
        if not _PLAIN.issuperset(map(type, values)):
            return None
    if os.environ is not _environ or _variable is None or _are_replaced():
        # A program has put something else in its place.
        return None
    # How many variables there are: a further one may be a misspelt one, which is reported.
    return (besides, *given, *values, *kinds, *map(_variable, _names), _number_of_variables(), _temporary_folder(), chosen.send)


def _are_replaced() -> bool:
    """Return whether a program has replaced a function that reads options. To compare, or to hash, a mock would be a call of it."""
    process, parse, validate = _FUNCTIONS
    return (
        _common.process_options is not process
        or _common.parse_connection_string is not parse
        or utils.validate_instrumentation_key is not validate
    )


_FUNCTIONS = _common.process_options, _common.parse_connection_string, utils.validate_instrumentation_key


def _temporary_folder() -> str | None:
    """Return where temporary files lie, None where nobody has asked yet."""
    module = sys.modules.get("tempfile")
    return None if module is None else module.tempdir


# To read a variable through `os.environ` takes a microsecond; this is what it keeps them in.
_environ: Any = os.environ
_variable: Callable[[Any], object] | None = getattr(getattr(_environ, "_data", None), "get", None)
_names: tuple[Any, ...] = () if _variable is None else tuple(map(_environ.encodekey, VARIABLES))
_number_of_variables: Callable[[], int] = getattr(getattr(_environ, "_data", ()), "__len__", int)
