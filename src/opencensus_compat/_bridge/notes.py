"""What a Python process notes for the report of `census-compat local`, which has started it: that it ran, and what it made.

Loaded only where the environment names the file for it. A note is a line of JSON. It looks at modules that the program has loaded, and
loads none of them itself.
"""

from __future__ import annotations

import atexit
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opencensus_compat._bridge.process import Note

_SWITCHES = ("OPENCENSUS_COMPAT_DISABLED", "OTEL_SDK_DISABLED", "OPENCENSUS_COMPAT_SEND")
"""Environment variables that keep telemetry back."""

_REDIRECT = "APPINSIGHTS_EXPORTER_REDIRECT"
_REDIRECTS = ("appinsights_exporter.redirect", "census_compat_retired_sdk")
"""Modules that know where exporters would have sent to: of this package's, and of the retired SDK (`local/start`)."""
_CALL_SITES = "OPENCENSUS_COMPAT_LOCAL_CALL_SITES"
"""There where the lines that call OpenCensus are to be noted, too."""

_began_in = 0


def begin(path: str) -> str:
    """Note that this process has started, and let it note at its end what it made; calling it again changes nothing.

    Returns: Where exporters are to send, as the environment says before the program can empty it.
    """
    global _began_in
    redirect = os.environ.get(_REDIRECT, "")
    if _began_in:
        return redirect
    _began_in = os.getpid()
    _write(path, {"event": "start", "python": sys.executable})
    if os.environ.get(_CALL_SITES):
        from opencensus_compat._bridge import call_sites

        call_sites.begin(lambda sites: _write(path, {"event": "calls", "sites": sites}))
    # Registered before any exit hook of the program, so it runs after them.
    atexit.register(_end, path)
    return redirect


def _end(path: str) -> None:
    # The exporter may be there without the bridge.
    process, sdk = map(sys.modules.get, ("opencensus_compat._bridge.process", "opentelemetry.sdk.trace"))
    redirects = map(sys.modules.get, _REDIRECTS)
    note: Note = {"event": "end", "opencensus": "opencensus" in sys.modules, "unsampled": False}
    note["endpoints"] = sorted({endpoint for module in redirects for endpoint in getattr(module, "redirected_endpoints", ())})
    # As the program has set them: in its own environment, or by `configure`.
    note["switches"] = {name: os.environ[name] for name in _SWITCHES if name in os.environ}
    if process is not None:
        process.complete(note)
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


def _write(path: str, note: Note) -> None:
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
