"""What the program that this runs in has made."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import Any

from opencensus_compat.doctor.collect._loggers import logging_of_process
from opencensus_compat.doctor.collect._metrics import metrics_of_process
from opencensus_compat.doctor.collect._named import key_end
from opencensus_compat.doctor.collect._providers import providers_of_process
from opencensus_compat.doctor.collect._tracing import tracing_of_process
from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.wiring import Destination, Instrumented, Said, Wiring

__all__ = ["collect", "collect_again"]

_WATCHING = "census_compat_doctor_watching"
_PACKAGES = ("opencensus_compat", "appinsights_exporter", "opentelemetry")
_BITS = {"httplib": "HTTP_LIB", "google_cloud_clientlibs": "GOOGLE_CLOUD"}
"""Integration -> the name of its bit, where that is another."""


def collect(request: Request) -> Wiring:
    """Return it."""
    watching = sys.modules.get(_WATCHING)
    watched = getattr(watching, "watched", None)
    secrets = secrets_of(request.environ)
    sends, sends_from, adopts = _choices(request)
    return Wiring(
        pid=os.getpid(),
        program=masked(_program(), secrets),
        age_s=round(time.monotonic() - getattr(watching, "began_s", time.monotonic()), 3),
        uses=tuple(name for name in _PACKAGES if _is_used(name)),
        sends=sends,
        sends_from=sends_from,
        adopts=adopts,
        logging=logging_of_process(watched),
        providers=providers_of_process(),
        destinations=_destinations(),
        tracing=tracing_of_process(watched),
        metrics=metrics_of_process(watched),
        instrumented=_instrumented(),
        said=() if watched is None else tuple(_said(watched, secrets)),
        waiting=_waiting(),
        reported=_reported(),
    )


def collect_again(wiring: Wiring, request: Request) -> Wiring:
    """Return it with what was said since: the end of the process exports what is queued, and its exit hooks may say why that fails."""
    watched = getattr(sys.modules.get(_WATCHING), "watched", None)
    said = wiring.said if watched is None else tuple(_said(watched, secrets_of(request.environ)))
    return replace(wiring, said=said, reported=_reported())


def _waiting() -> int:
    """Return how many spans and log records are queued."""
    known = sys.modules.get("opencensus_compat._bridge.pipeline.destinations")
    queue = getattr(getattr(sys.modules.get("opencensus_compat._bridge.providers.logs"), "_feed", None), "hand_over", None)
    return (0 if queue is None else queue.unmade()) + (0 if known is None else sum(part.waiting() for part in known.parts(None)))


def _reported() -> tuple[str, ...]:
    return tuple(sorted(getattr(sys.modules.get("opencensus_compat._bridge.process"), "_reported", ())))


def _is_used(package: str) -> bool:
    """Return whether more of a package is loaded than what an interpreter's start loads of it, and this."""
    start = ("opencensus_compat", "opencensus_compat._alias", "opencensus_compat._bridge")
    return any(
        name.partition(".")[0] == package
        for name in list(sys.modules)
        if name not in start
        and not name.startswith(("opencensus_compat.doctor", "opencensus_compat._lookup", "opencensus_compat._integrations"))
    )


def _program() -> str:
    return " ".join(os.path.basename(word) if number == 0 else word for number, word in enumerate(sys.orig_argv[:12]))


def _choices(request: Request) -> tuple[str, str, bool | None]:
    """Return where exporters send, what says so, and whether the program's providers are adopted."""
    settings = sys.modules.get("opencensus_compat._bridge.settings")
    if settings is None:
        return "", "", None
    sends = settings.chosen.send or ""
    given = "environment" if request.environ.get("OPENCENSUS_COMPAT_SEND", "").strip() else "configure" if sends == "providers" else ""
    return sends, given, settings.adopts_providers()


def _destinations() -> tuple[Destination, ...]:
    known = sys.modules.get("opencensus_compat._bridge.pipeline.destinations")
    if known is None:
        return ()
    return tuple(
        Destination(
            key=key_end(each.settings.instrumentation_key),
            endpoint=masked(each.settings.ingestion_endpoint),
            is_direct=each.is_direct,
            shape=each.settings.envelope_shape,
            signals=tuple(part.signal for part in each.parts()),
            has_credential=each.settings.credential is not None,
        )
        for each in known.all_destinations()
    )


def _instrumented() -> tuple[Instrumented, ...]:
    bits = sys.modules.get("opencensus_compat.trace.integrations")
    if bits is None:
        return ()
    from opencensus_compat._integrations import INTEGRATIONS

    used, found = bits.get_integrations(), []
    for row in INTEGRATIONS.values():
        bit = getattr(bits._Integrations, _BITS.get(row.name, row.name.upper()), 0)
        is_on = bool(bit) and used & bit == bit
        instrumentation = next((name for name in row.instrumentations if _is_instrumented(name)), "")
        if is_on or instrumentation:
            found.append(Instrumented(row.name, is_on, instrumentation))
    return tuple(found)


def _is_instrumented(name: str) -> bool:
    module = sys.modules.get(f"opentelemetry.instrumentation.{name}")
    for value in list(vars(module).values()) if module is not None else ():
        if (
            isinstance(value, type)
            and value.__name__.endswith("Instrumentor")
            and value.__module__ == f"opentelemetry.instrumentation.{name}"
        ):
            # Each class has one object, which its constructor returns.
            return bool(getattr(value(), "is_instrumented_by_opentelemetry", False))
    return False


def _said(watched: Any, secrets: Any) -> list[Said]:
    return [Said(logger, level, masked(text, secrets)[:500], times) for (logger, level, _), (text, times) in list(watched.said.items())]
