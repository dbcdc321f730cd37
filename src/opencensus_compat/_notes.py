"""What a Python process notes for the report of `census-compat local`, which has started it: that it ran, and what it made.

Loaded only where the environment names the file for it. A note is a line of JSON. It looks at modules that the program has loaded, and
loads none of them itself.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from typing import Any

_SEND = "OPENCENSUS_COMPAT_SEND"
_SWITCHES = ("OPENCENSUS_COMPAT_DISABLED", "OTEL_SDK_DISABLED", _SEND)
"""Environment variables that keep telemetry back."""

_REDIRECT = "APPINSIGHTS_EXPORTER_REDIRECT"

redirect_at_start = ""
"""Where exporters are to send, as the environment said before the program could empty it."""
_began_in = 0


def begin(path: str) -> None:
    """Note that this process has started, and let it note at its end what it made; calling it again changes nothing."""
    global _began_in, redirect_at_start
    if _began_in:
        return
    _began_in = os.getpid()
    redirect_at_start = os.environ.get(_REDIRECT, "")
    _write(path, {"event": "start", "python": sys.executable})
    # Registered before any exit hook of the program, so it runs after them.
    atexit.register(_end, path)


def _end(path: str) -> None:
    redirect, state, sdk = map(
        sys.modules.get, ("appinsights_exporter.redirect", "opencensus_compat._bridge.process", "opentelemetry.sdk.trace")
    )
    note: dict[str, Any] = {"event": "end", "opencensus": "opencensus" in sys.modules}
    note["endpoints"] = sorted(getattr(redirect, "redirected_endpoints", ()))
    note["unsampled"] = state is not None and state.process.has_unsampled
    # As the program has set them: by `configure`, or in its own environment.
    note["switches"] = {name: os.environ[name] for name in _SWITCHES if name in os.environ}
    if state is not None and state.wired.send is not None:
        note["switches"][_SEND] = state.wired.send
    note["sampler"] = "" if sdk is None else _sampler()
    _write(path, note)


def _sampler() -> str:
    """Return what the sampler of the application's tracer provider says of itself; empty where there is none."""
    from opentelemetry import trace

    if os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"):
        return ""  # Looking would make that provider.
    try:
        return str(getattr(trace.get_tracer_provider(), "sampler").get_description())  # noqa: B009 -- only the SDK's providers have one
    except Exception:  # noqa: BLE001 -- a provider or sampler of anyone's
        return ""


def _write(path: str, note: dict[str, Any]) -> None:
    line = json.dumps({"pid": os.getpid(), **note}) + "\n"
    try:
        # Not made where it is no longer there: the command that reads it has ended.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError:
        return
