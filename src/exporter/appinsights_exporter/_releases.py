"""Which releases of OpenTelemetry this package works with; with any other it does not start.

The alternative would be an exporter that loads, and exports nothing or something wrong.
"""

from __future__ import annotations

import importlib
import re

from .errors import UnsupportedReleaseError

__all__ = ["SUPPORTED", "check"]

OLDEST = (1, 28)
BEFORE = (2, 0)
SUPPORTED = f">={OLDEST[0]}.{OLDEST[1]},<{BEFORE[0]}"
"""The range, as pip takes it; the distribution's metadata say the same."""

_API = ("opentelemetry.version", "opentelemetry-api")
_SDK = ("opentelemetry.sdk.version", "opentelemetry-sdk")


def check(*, sdk: bool) -> None:
    """Raise an error unless the installed OpenTelemetry is of a release that is known to work. A pre-release counts as its release.

    Args:
        sdk: Look at the SDK; otherwise at the API, which every program has that imports the facade.

    Raises:
        UnsupportedReleaseError: It is older, or of a later major release. The text says which, the range, and what to do.
    """
    module, distribution = _SDK if sdk else _API
    installed = str(getattr(importlib.import_module(module), "__version__", ""))
    found = re.match(r"(\d+)\.(\d+)", installed)
    # A build of somebody's own, which is numbered otherwise, is theirs to judge.
    if found is not None and not OLDEST <= (int(found[1]), int(found[2])) < BEFORE:
        raise UnsupportedReleaseError(distribution, installed, SUPPORTED)
