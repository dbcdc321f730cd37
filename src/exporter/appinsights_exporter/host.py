"""Facts about this machine and process that telemetry carries. The one module that asks the operating system for them."""

from __future__ import annotations

import functools
import locale
import os
import platform
from typing import NamedTuple

from opentelemetry.sdk.version import __version__ as _sdk_version

from ._version import __version__

_MAX_SDK_VERSION = 64
_LOCALE_VARIABLES = ("LC_ALL", "LC_CTYPE", "LANG", "LANGUAGE")


class Host(NamedTuple):
    """What does not change while the process lives."""

    name: str
    """Host name; may be empty."""
    locale: str | None
    """For example ``en_US``; None in the C locale, which containers usually have."""
    sdk_version: str
    """``py<python>:otel<sdk>:cc<this package>``, at most 64 characters."""


@functools.cache
def this_host() -> Host:
    """Return the facts about this host."""
    return Host(name=platform.node(), locale=_locale(), sdk_version=sdk_version(platform.python_version(), _sdk_version, __version__))


def sdk_version(python: str, otel: str, own: str) -> str:
    """Return the text of ``ai.internal.sdkVersion``: names and versions, cut to 64 characters. Source: specification section 2.2."""
    return f"py{python}:otel{otel}:cc{own}"[:_MAX_SDK_VERSION]


def random_instance_id() -> str | None:
    """Return the ``service.instance.id`` that the OpenTelemetry SDK makes up for this process, or None if this release makes none.

    Newer SDKs put a random UUID into every resource. Knowing it tells it apart from an id that somebody chose.
    """
    # Imported here: it loads psutil, and the facade asks this module for the version before anything is exported.
    from opentelemetry.sdk import resources

    detector = getattr(resources, "ServiceInstanceIdResourceDetector", None)
    if detector is None:
        return None
    value = detector().detect().attributes.get("service.instance.id")
    return value if isinstance(value, str) else None


def _locale() -> str | None:
    """Return what ``locale.getdefaultlocale`` returned, which is deprecated: the locale that the environment names, installed or not.

    The C locale is no information, and null is not a valid tag. ``C.UTF-8``, which containers have, is named by Python 3.12 and later as ``C``.
    """
    named = next((value for value in map(os.environ.get, _LOCALE_VARIABLES) if value), None)
    try:
        if named is None:
            name, encoding = locale.getlocale()[0], ""
        else:
            name, _, encoding = locale.normalize(named.partition(":")[0]).partition(".")
    except ValueError:
        return None
    return None if name is None or (name in ("C", "POSIX") and not encoding) else name
